// The pixels of what the browser decoded, by a way that this browser does not spoil. Needs a browser.
//
// Canvases multiply colours by transparency, and browsers that hide from trackers add noise to what canvases
// and WebGL give back. So each way is tried with a known picture before it is used.

import { encodedPixels } from "./pngpixels.js";
import { fileOf } from "./png.js";

const WAYS = [byFrame, byTexture, byCanvas];
const SIDE = 64; // of the known picture; noise may spare most pixels

let found = null; // {way, exact} of each that is right

/**
 * @param {ImageBitmap} bitmap
 * @param {(file: Uint8Array) => Promise<ImageBitmap | null>} decode  by the browser
 * @returns {Promise<{rgba: Uint8Array, rounded: boolean} | null>}  RGBA not multiplied by alpha; `rounded`:
 *   it was, so that colours of what is partly transparent are not exact; null if this browser spoils pixels
 */
export async function pixelsOf(bitmap, decode) {
  found ??= tried(decode);
  for (const { way, exact } of await found) {
    const rgba = await attempt(way, bitmap);
    if (rgba) return { rgba, rounded: !exact && rgba.some((level, n) => (n & 3) === 3 && level % 255) };
  }
  return null;
}

/** The ways that read opaque pixels as they are, first those that do so with transparent ones, too. */
async function tried(decode) {
  const count = SIDE * SIDE;
  const pixels = Uint8Array.from({ length: 3 * count }, (_, n) => (n * 89 + (n >> 5)) & 255);
  const alpha = Uint8Array.from({ length: count }, (_, n) => (n < count / 2 ? 255 : 1 + (n & 63)));
  const picture = { width: SIDE, height: SIDE, channels: 3, pixels, alpha };
  const data = await encodedPixels(picture, false);
  const bitmap = await decode(fileOf({ width: SIDE, height: SIDE, bits: 8, kind: 6 }, [], data));
  const right = (rgba, first, end) => {
    for (let n = first; n < end; n++) {
      if (rgba[4 * n + 3] !== alpha[n]) return false;
      for (let c = 0; c < 3; c++) if (rgba[4 * n + c] !== pixels[3 * n + c]) return false;
    }
    return true;
  };
  const good = [];
  for (const way of bitmap ? WAYS : []) {
    const rgba = await attempt(way, bitmap);
    if (rgba && right(rgba, 0, count / 2)) good.push({ way, exact: right(rgba, count / 2, count) });
  }
  return good.sort((one, other) => other.exact - one.exact);
}

/** What a way reads, or null where this browser does not have it, or not for so large a picture. */
async function attempt(way, bitmap) {
  try {
    return await way(bitmap);
  } catch {
    return null;
  }
}

/** As a frame of a film, whose bytes may be copied. */
async function byFrame(bitmap) {
  const frame = new VideoFrame(bitmap, { timestamp: 0 });
  try {
    const { format } = frame;
    if (!["RGBA", "RGBX", "BGRA", "BGRX"].includes(format)) return null;
    const rgba = new Uint8Array(4 * bitmap.width * bitmap.height);
    await frame.copyTo(rgba, { layout: [{ offset: 0, stride: 4 * bitmap.width }] });
    for (let n = 0; n < rgba.length; n += 4) {
      if (format[0] === "B") [rgba[n], rgba[n + 2]] = [rgba[n + 2], rgba[n]];
      if (format[3] === "X") rgba[n + 3] = 255;
    }
    return rgba;
  } finally {
    frame.close();
  }
}

/** By WebGL, whose textures are not multiplied by alpha. */
function byTexture(bitmap) {
  const { width, height } = bitmap;
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2", { antialias: false });
  if (!gl || Math.max(width, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return null;
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
  return failed ? null : rgba;
}

/** In strips, because canvases have a largest size. */
function byCanvas(bitmap) {
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
