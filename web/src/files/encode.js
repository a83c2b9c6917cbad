// A picture as the bytes of a PNG, JPEG or WebP, with its metadata, as the command line writes it.

import { FileError } from "./bytes.js";
import { encodeWebpWith } from "./codecs.js";
import * as jpeg from "./jpeg.js";
import { encodedJpeg } from "./jpegpixels.js";
import { fitted } from "./kept.js";
import { encodedPixels } from "./pngpixels.js";
import * as png from "./png.js";
import * as webp from "./webp.js";

/** Formats that can be written. */
export const WRITTEN = ["png", "jpeg", "webp"];
const USUAL = 95; // quality
const FULL_COLOUR = 90; // the quality from which on a JPEG keeps the colour of every pixel
const MOST_SIDE = { png: 2 ** 31 - 1, jpeg: 65500, webp: 16383 }; // pixels
const LIBWEBP = {
  ...{
    target_size: 0,
    target_PSNR: 0,
    method: 4,
    sns_strength: 50,
    filter_strength: 60,
    filter_sharpness: 0,
  },
  ...{
    filter_type: 1,
    partitions: 0,
    segments: 4,
    pass: 1,
    show_compressed: 0,
    preprocessing: 0,
    autofilter: 0,
  },
  ...{
    partition_limit: 0,
    alpha_compression: 1,
    alpha_filtering: 1,
    alpha_quality: 100,
    exact: 0,
    image_hint: 0,
  },
  ...{ emulate_jpeg_size: 0, thread_level: 0, low_memory: 0, near_lossless: 100, use_delta_palette: 0 },
};

/** Refuse a result that its format cannot hold, before it is made. */
export function refuseOversize(width, height, format) {
  const most = MOST_SIDE[format];
  if (Math.max(width, height) <= most) return;
  const words = `the result would have ${width}x${height} pixels, but sides of ${format} files have`;
  throw new FileError("too-large", `${words} ${most} at most; choose a smaller size, or PNG`);
}

/**
 * @param {{width: number, height: number, channels: 1 | 3, pixels: Uint8Array, alpha: Uint8Array | null,
 *   kept: import("./kept.js").Kept}} picture
 * @param {"png" | "jpeg" | "webp"} format
 * @param {number | null} quality  1..100; of a PNG it says nothing
 * @param {{model: string, metadata?: "keep" | "strip"}} options  `model`: what enlarged it, for instance
 *   "mssn-s-photo 0.64"; the XMP will say so
 * @returns {Promise<Uint8Array>}
 */
export async function encode(picture, format, quality, options) {
  refuseOversize(picture.width, picture.height, format);
  const encoder = { png: encodePng, jpeg: encodeJpeg, webp: encodeWebp }[format];
  return encoder(picture, quality, fitted(picture, format, options));
}

/** What of a picture did not come along, and what does not into this format, in short clauses. */
export function leftOut(picture, format, options) {
  return fitted(picture, format, options).notes;
}

async function encodePng(picture, _, kept) {
  const { width, height, channels, alpha } = picture;
  const bilevel = picture.kept.bits === 1 && channels === 1 && !alpha;
  const kind = (channels === 3 ? 2 : 0) + (alpha ? 4 : 0);
  const before = [...kept.colours];
  if (kept.exif) before.push(["eXIf", kept.exif]);
  before.push(...kept.text);
  if (kept.icc) before.push(await png.profileChunk(kept.icc));
  if (kept.xmp) before.push(png.packetChunk(kept.xmp));
  if (kept.dpi) before.push(png.resolutionChunk(kept.dpi));
  const header = { width, height, bits: bilevel ? 1 : 8, kind };
  return png.fileOf(header, before, await encodedPixels(picture, bilevel));
}

async function encodeJpeg(picture, quality, kept) {
  const encoded = encodedJpeg(picture, quality ?? USUAL, (quality ?? USUAL) < FULL_COLOUR);
  return jpeg.withMetadata(encoded, kept);
}

async function encodeWebp(picture, quality, kept) {
  const lossless = quality === null && picture.kept.lossless;
  const kind = lossless ? { lossless: 1, quality: 75, use_sharp_yuv: 0 } : { lossless: 0, use_sharp_yuv: 1 };
  const options = { ...LIBWEBP, quality: quality ?? USUAL, ...kind };
  const encoded = await encodeWebpWith(rgbaOf(picture), picture.width, picture.height, options);
  return webp.withMetadata(encoded, kept);
}

function rgbaOf({ channels, pixels, alpha }) {
  const count = pixels.length / channels;
  const rgba = new Uint8Array(4 * count);
  for (let n = 0, from = 0, to = 0; n < count; n++, from += channels, to += 4) {
    for (let c = 0; c < 3; c++) rgba[to + c] = pixels[channels === 1 ? from : from + c];
    rgba[to + 3] = alpha ? alpha[n] : 255;
  }
  return rgba;
}
