// How a picture was stored: without loss, or compressed, and how strongly. Read from the file's own tables,
// as mssn/image/compression.py does.

import { isHeic, isHeif, isLosslessAvif } from "./heif.js";
import * as jpeg from "./jpeg.js";
import { has } from "./bytes.js";
import * as webp from "./webp.js";

/**
 * @typedef {object} Compression
 * @property {boolean} lossy
 * @property {"" | "JPEG" | "WebP" | "AVIF" | "HEIC"} kind  of a lossy picture
 * @property {number | null} quality  1..100 on the scale of libjpeg or libwebp; null where it is not known
 */

/** @type {Compression} */
export const LOSSLESS = Object.freeze({ lossy: false, kind: "", quality: null });

/** @param {Uint8Array} file @returns {Compression} */
export function compressionOf(file) {
  if (has(file, "\xff\xd8")) return { lossy: true, kind: "JPEG", quality: jpeg.qualityOf(file) };
  if (has(file, "RIFF") && has(file, "WEBP", 8)) {
    const frame = webp.firstLossy(file);
    return frame ? { lossy: true, kind: "WebP", quality: webp.qualityOf(frame) } : LOSSLESS;
  }
  if (isHeic(file)) return { lossy: true, kind: "HEIC", quality: null };
  return isHeif(file) && !isLosslessAvif(file) ? { lossy: true, kind: "AVIF", quality: null } : LOSSLESS;
}
