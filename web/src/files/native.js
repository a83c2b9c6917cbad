// Pictures that the browser itself decodes: AVIF, GIF, BMP, HEIC, JPEGs of inks. Needs a browser.

import { FileError } from "./bytes.js";
import { encodedPixels } from "./pngpixels.js";
import { fileOf } from "./png.js";
import { pixelsOf } from "./readout.js";

const AS_STORED = { premultiplyAlpha: "none", colorSpaceConversion: "none" };

/**
 * Decode with the browser's own means, upright, first frame.
 * @param {Uint8Array} file
 * @param {string} type  "image/avif" ...
 * @param {number} maxPixels
 * @param {((file: Uint8Array, type: string, options: object) => Promise<ImageBitmap>) | null} [elsewhere]  makes
 *   a bitmap where this worker cannot: one of a page from disk cannot read blobs in WebKit
 * @returns {Promise<{width: number, height: number, rgba: Uint8Array, converted: boolean,
 *   rounded: boolean} | null>}  RGBA not multiplied by alpha, `rounded` if it was; `converted`: colours became
 *   sRGB; null if this browser cannot decode it, or spoils what it decodes
 */
export async function browserDecoder(file, type, maxPixels, elsewhere = null) {
  const bitmapOf = async (bytes, kind = "image/png") => {
    try {
      return await createImageBitmap(new Blob([bytes], { type: kind }), AS_STORED);
    } catch {
      return (await elsewhere?.(bytes, kind, AS_STORED).catch(() => null)) ?? null;
    }
  };
  const bitmap = await bitmapOf(file, type);
  if (!bitmap) return null;
  try {
    const { width, height } = bitmap;
    if (width * height > maxPixels) throw tooLarge(width, height, maxPixels);
    const read = await pixelsOf(bitmap, bitmapOf);
    return read && { width, height, ...read, converted: !(await keepsColours(bitmapOf)) };
  } finally {
    bitmap.close();
  }
}

/** @returns {FileError} */
export function tooLarge(width, height, most) {
  const words = `${width} x ${height} pixels exceed the limit of ${most / 1e6} million`;
  return new FileError("too-large", words);
}

let answer = null;

/** Whether this browser leaves colours alone when it is told to: tried once with a pixel in linear light. */
function keepsColours(bitmapOf) {
  answer ??= (async () => {
    const grey = { width: 1, height: 1, channels: 1, pixels: Uint8Array.of(128), alpha: null };
    const linear = ["gAMA", Uint8Array.of(0, 1, 0x86, 0xa0)];
    const header = { width: 1, height: 1, bits: 8, kind: 0 };
    const bitmap = await bitmapOf(fileOf(header, [linear], await encodedPixels(grey, false)));
    return Math.abs((await pixelsOf(bitmap, bitmapOf)).rgba[0] - 128) < 2;
  })();
  return answer;
}
