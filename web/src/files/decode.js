// The content of a picture file as pixels that stand upright, with everything needed to write them again.

import { damaged, FileError, letters, number } from "./bytes.js";
import { decodeWith } from "./codecs.js";
import { compressionOf } from "./compression.js";
import { orientationOf, resolutionOf, uprightExif, withoutPreviews } from "./exif.js";
import { framesOf } from "./gif.js";
import * as heif from "./heif.js";
import * as jpeg from "./jpeg.js";
import { NOTHING } from "./kept.js";
import { cannotRead, kindOf, refusal } from "./kind.js";
import { tooLarge } from "./native.js";
import * as png from "./png.js";
import { decodePng } from "./pngpixels.js";
import { provided } from "./provided.js";
import { lies, turned } from "./turn.js";
import * as webp from "./webp.js";
import { uprightXmp } from "./xmp.js";

/**
 * @typedef {object} Picture
 * @property {number} width @property {number} height
 * @property {1 | 3} channels  grey stays grey
 * @property {Uint8Array} pixels  height x width x channels, upright
 * @property {Uint8Array | null} alpha  height x width, not multiplied into the pixels
 * @property {"png" | "jpeg" | "webp" | "avif" | "heic" | "gif" | "bmp"} format
 * @property {import("./compression.js").Compression} compression
 * @property {import("./kept.js").Kept} kept
 * @property {string[]} notes  what did not come along, in short clauses
 */

const OF_BROWSER = "colours and transparency are as this browser decodes them, and may differ a little from the app's";
const INKS = "inks (CMYK) turned into sRGB by this browser; colours may differ from the app's, which keeps inks";
const WORDS = { avif: "an AVIF picture", heic: "a HEIC picture", gif: "a GIF picture", bmp: "a BMP picture" };
/**
 * @param {Uint8Array} bytes  a whole file
 * @param {{maxPixels?: number}} [options]  larger pictures are refused before they are decoded
 * @returns {Promise<Picture>}
 */
export async function decode(bytes, { maxPixels = Infinity } = {}) {
  const format = kindOf(bytes);
  if (!format) throw refusal(bytes);
  const check = (width, height) => {
    if (!(width * height <= maxPixels)) throw tooLarge(width, height, maxPixels);
  };
  const reader = { png: readPng, jpeg: readJpeg, webp: readWebp }[format] ?? readByBrowser;
  const found = await reader(bytes, check, maxPixels, format);
  const compression = compressionOf(bytes);
  return upright({ ...found, format, compression });
}

async function readPng(bytes, check) {
  const { width, height } = png.headerOf(bytes);
  check(width, height);
  const facts = await png.factsOf(bytes);
  const image = await decodePng(bytes);
  const notes = [...facts.notes];
  if (facts.profile && !facts.icc) notes.push("damaged colour profile left out");
  if (image.bits === 16) notes.push("16 bits rounded to 8");
  return { ...image, facts: { ...facts, notes, bits: image.bits === 1 ? 1 : null } };
}

async function readJpeg(bytes, check, maxPixels) {
  const { width, height, components } = jpeg.headerOf(bytes);
  check(width, height);
  jpeg.checkScans(bytes);
  const facts = jpeg.factsOf(bytes);
  if (components === 4) {
    const image = await byBrowser(bytes, "image/jpeg", maxPixels, "a JPEG of inks (CMYK)");
    const notes = [...facts.notes, INKS];
    return { ...planes(image, 3, false), orientation: 1, facts: { ...facts, icc: null, notes } };
  }
  const image = await decodeWith("jpeg", bytes);
  if (image.width !== width || image.height !== height) throw damaged();
  return { ...planes(image, components === 1 ? 1 : 3, false), facts };
}

async function readWebp(bytes, check) {
  const header = webp.headerOf(bytes);
  check(header.width, header.height);
  const { frames, first, alpha, frame } = header;
  const image = await decodeWith("webp", first);
  if (image.width !== frame.width || image.height !== frame.height) throw damaged();
  return { ...planes(onCanvas(image, header), 3, alpha), facts: { ...webp.factsOf(bytes), frames } };
}

/** The frame of an animation at its place. */
function onCanvas(image, { width, height, x, y }) {
  if (image.width === width && image.height === height) return image;
  const rgba = new Uint8Array(4 * width * height);
  for (let row = 0; row < image.height; row++) {
    const line = image.rgba.subarray(4 * row * image.width, 4 * (row + 1) * image.width);
    rgba.set(line, 4 * ((y + row) * width + x));
  }
  return { width, height, rgba };
}

async function readByBrowser(bytes, check, maxPixels, format) {
  const facts = { ...NOTHING, frames: 1, turn: 1, notes: [] };
  if (format === "gif") {
    check(number(bytes, 6, 2, true), number(bytes, 8, 2, true));
    facts.frames = framesOf(bytes);
  } else if (format === "bmp") {
    const old = number(bytes, 14, 4, true) === 12;
    const sides = old
      ? [18, 20].map((at) => number(bytes, at, 2, true))
      : [18, 22].map((at) => signed(bytes, at));
    check(...sides);
  } else {
    Object.assign(facts, heif.factsOf(bytes));
    check(facts.width, facts.height);
    facts.notes = [...facts.notes, OF_BROWSER];
  }
  const image = await byBrowser(bytes, `image/${format}`, maxPixels, WORDS[format]);
  if (image.converted && (facts.icc || facts.colours.length)) {
    Object.assign(facts, { icc: null, colours: [], notes: [...facts.notes, "colours converted to sRGB"] });
  }
  if (image.rounded) facts.notes = [...facts.notes, "colours of transparent pixels rounded"];
  if (letters(bytes, 8, 12) === "avis") facts.notes = [...facts.notes, "only the first frame"];
  return { ...planes(image, 3, true), orientation: image.lying ? facts.turn : 1, facts };
}

function signed(bytes, place) {
  return Math.abs(number(bytes, place, 4, true) | 0);
}

async function byBrowser(bytes, type, maxPixels, words) {
  const image = await provided.decoder(bytes, type, maxPixels, provided.bitmap);
  if (!image) throw cannotRead(words);
  return image;
}

/** RGBA as pixels and transparency. */
function planes({ width, height, rgba }, channels, transparent) {
  const count = width * height;
  const pixels = new Uint8Array(count * channels);
  for (let n = 0, from = 0, to = 0; n < count; n++, from += 4) {
    for (let c = 0; c < channels; c++) pixels[to++] = rgba[from + c];
  }
  const alpha = transparent ? Uint8Array.from({ length: count }, (_, n) => rgba[4 * n + 3]) : null;
  return { width, height, channels, pixels, alpha };
}

/** The picture, turned as it says, with what is kept of its metadata. */
function upright({ width, height, channels, pixels, alpha, format, compression, facts, orientation }) {
  const turn = orientation ?? orientationOf(facts.exif);
  const plane = (samples, count) => samples && turned(samples, width, height, count, turn);
  const sides = lies(turn) ? [height, width] : [width, height];
  const exif = facts.exif && uprightExif(facts.exif);
  const notes = [...facts.notes];
  if (facts.exif && !exif) notes.push("damaged EXIF left out");
  if (facts.frames > 1) notes.push(`only the first of ${facts.frames} frames`);
  // A browser hands out all that it decodes with transparency.
  const opaque = format in WORDS && alpha?.every((value) => value === 255);
  const kept = {
    icc: facts.icc ?? null,
    colours: facts.colours ?? [],
    exif: exif || null,
    xmp: facts.xmp ? uprightXmp(facts.xmp) : null,
    iptc: facts.iptc ? withoutPreviews(facts.iptc) : null,
    text: facts.text ?? [],
    dpi: dpiOf(facts, turn),
    source: format,
    lossless: (format === "webp" || format === "avif") && !compression.lossy,
    bits: facts.bits ?? null,
  };
  return {
    ...{ width: sides[0], height: sides[1], channels, format, compression, kept, notes },
    ...{ pixels: plane(pixels, channels), alpha: opaque ? null : plane(alpha, 1) },
  };
}

/** Dots per inch across and down the upright picture; what EXIF says goes first. */
function dpiOf(facts, turn) {
  const found = (facts.exif && resolutionOf(facts.exif)) || facts.dpi || null;
  if (!found || Math.min(...found) < 0.1) return null;
  const rounded = found.map((dots) => Math.round(dots * 10) / 10);
  return lies(turn) ? [rounded[1], rounded[0]] : rounded;
}
