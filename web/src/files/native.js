// Pictures that the browser itself decodes: AVIF, GIF, BMP, HEIC, JPEGs of inks. Needs a browser.

import { FileError } from "./bytes.js";
import { encodedPixels } from "./pngpixels.js";
import { fileOf } from "./png.js";

/**
 * Decode with the browser's own means, upright, first frame.
 * @param {Uint8Array} file
 * @param {string} type  "image/avif" ...
 * @param {number} maxPixels
 * @returns {Promise<{width: number, height: number, rgba: Uint8Array, converted: boolean} | null>}  RGBA not
 *   multiplied by alpha; `converted`: colours became sRGB; null if this browser cannot decode it
 */
export async function browserDecoder(file, type, maxPixels) {
  if (typeof createImageBitmap !== "function") return null;
  const options = { premultiplyAlpha: "none", colorSpaceConversion: "none" };
  let bitmap;
  try {
    bitmap = await createImageBitmap(new Blob([file], { type }), options);
  } catch {
    return null;
  }
  try {
    const { width, height } = bitmap;
    if (width * height > maxPixels) throw tooLarge(width, height, maxPixels);
    const rgba = await pixelsOf(bitmap);
    return { width, height, rgba, converted: !(await keepsColours()) };
  } finally {
    bitmap.close();
  }
}

/** @returns {FileError} */
export function tooLarge(width, height, most) {
  const words = `${width} x ${height} pixels exceed the limit of ${most / 1e6} million`;
  return new FileError("too-large", words);
}

/** By WebGL, whose textures are not multiplied by alpha as those of a canvas are; without it by a canvas. */
async function pixelsOf(bitmap) {
  const { width, height } = bitmap;
  const plain = drawn(bitmap);
  if (plain.every((value, n) => (n & 3) !== 3 || value === 255 || value === 0)) return plain;
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2", { antialias: false });
  if (!gl || Math.max(width, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return plain;
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  const texture = gl.getParameter(gl.TEXTURE_BINDING_2D);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const rgba = new Uint8Array(width * height * 4);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
  const failed = gl.getError() !== gl.NO_ERROR;
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return failed ? plain : rgba;
}

/** In strips, because canvases have a largest size. */
function drawn(bitmap) {
  const { width, height } = bitmap;
  const rows = Math.max(1, Math.min(height, Math.floor(2 ** 22 / width)));
  const canvas = new OffscreenCanvas(width, rows);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = new Uint8Array(width * height * 4);
  for (let top = 0; top < height; top += rows) {
    const part = Math.min(rows, height - top);
    context.clearRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, top, width, part, 0, 0, width, part);
    rgba.set(context.getImageData(0, 0, width, part).data, top * width * 4);
  }
  return rgba;
}

let answer = null;

/** Whether this browser leaves colours alone when it is told to: tried once with a pixel in linear light. */
function keepsColours() {
  answer ??= (async () => {
    const grey = { width: 1, height: 1, channels: 1, pixels: Uint8Array.of(128), alpha: null };
    const linear = ["gAMA", Uint8Array.of(0, 1, 0x86, 0xa0)];
    const header = { width: 1, height: 1, bits: 8, kind: 0 };
    const file = fileOf(header, [linear], await encodedPixels(grey, false));
    const bitmap = await createImageBitmap(new Blob([file]), { colorSpaceConversion: "none" });
    return Math.abs(drawn(bitmap)[0] - 128) < 2;
  })();
  return answer;
}
