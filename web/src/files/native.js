// Pictures that the browser itself decodes: AVIF, GIF, BMP, HEIC, JPEGs of inks. Needs a browser.

import { FileError } from "./bytes.js";
import { encodedPixels } from "./pngpixels.js";
import { fileOf } from "./png.js";
import { pixelsOf } from "./readout.js";

// An AVIF of 2 x 1 pixels that are to be turned by 90 degrees.
const LYING =
  "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAAD1bWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAA" +
  "AAAOcGl0bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAEdAAAAHgAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFD" +
  "b2xvcgAAAAB0aXBycAAAAFRpcGNvAAAAFGlzcGUAAAAAAAAAAgAAAAEAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBAAwAAAAAE2NvbHJu" +
  "Y2x4AAEADQAGgAAAAAlpcm90AwAAABhpcG1hAAAAAAAAAAEAAQUBAoMEhQAAACZtZGF0EgAKCBgAJogIaDQgMhAZR4eGIYeeeeaAAACQ" +
  "QM3o";
const AS_STORED = { premultiplyAlpha: "none", colorSpaceConversion: "none" };

/**
 * Decode with the browser's own means, the first frame.
 * @param {Uint8Array} file
 * @param {string} type  "image/avif" ...
 * @param {number} maxPixels
 * @param {((file: Uint8Array, type: string, options: object) => Promise<ImageBitmap>) | null} [elsewhere]
 *   makes a bitmap where this worker cannot: one of a page from disk cannot read blobs in WebKit
 * @returns {Promise<{width: number, height: number, rgba: Uint8Array, converted: boolean,
 *   rounded: boolean, lying: boolean} | null>}  RGBA not multiplied by alpha, `rounded` if it was;
 *   `converted`: colours became sRGB; `lying`: not turned as the boxes of an AVIF or HEIC say; null if this
 *   browser cannot decode it, or spoils what it decodes
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
    const lying = /avif|heic/.test(type) && !(await turns(bitmapOf));
    return read && { width, height, ...read, lying, converted: !(await keepsColours(bitmapOf)) };
  } finally {
    bitmap.close();
  }
}

/** @returns {FileError} */
export function tooLarge(width, height, most) {
  const fit = `the ${Number((most / 1e6).toPrecision(3))} million that fit here at this factor`;
  const words = `${width} x ${height} pixels are more than ${fit}; choose a smaller one`;
  return new FileError("too-large", words);
}

let [leaves, upright] = [null, null];

/** Whether this browser leaves colours alone when it is told to: tried once with a pixel in linear light. */
function keepsColours(bitmapOf) {
  leaves ??= (async () => {
    const grey = { width: 1, height: 1, channels: 1, pixels: Uint8Array.of(128), alpha: null };
    const linear = ["gAMA", Uint8Array.of(0, 1, 0x86, 0xa0)];
    const header = { width: 1, height: 1, bits: 8, kind: 0 };
    const bitmap = await bitmapOf(fileOf(header, [linear], await encodedPixels(grey, false)));
    return Math.abs((await pixelsOf(bitmap, bitmapOf)).rgba[0] - 128) < 2;
  })();
  return leaves;
}

/** Whether this browser turns an AVIF as it says; WebKitGTK does not. */
function turns(bitmapOf) {
  upright ??= (async () => {
    const file = Uint8Array.from(atob(LYING), (letter) => letter.charCodeAt(0));
    return (await bitmapOf(file, "image/avif"))?.width !== 2;
  })();
  return upright;
}
