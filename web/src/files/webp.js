// WebP: what its chunks say, how strongly it was compressed, and metadata put around an encoded picture. The
// same as mssn/image/webp.py. Source: RFC 9649 (WebP), section 2.7; RFC 6386 (VP8), sections 7, 9 and 19.2.

import { bytesOf, damaged, has, joined, letters, number, numbered, roundHalfEven } from "./bytes.js";
import { isHostile } from "./exif.js";

const WORST = 127; // the coarsest quantiser of VP8
const MOST_BLOCKS = 16; // EXIF blocks to look at
const [ICC, ALPHA, EXIF, XMP, MOVING] = [0x20, 0x10, 0x08, 0x04, 0x02]; // bits of VP8X

/** Name and content of chunks. @param {Uint8Array} file */
export function* chunks(file, place = 12, end = file.length) {
  while (place + 8 <= end) {
    const length = number(file, place + 4, 4, true);
    const content = file.subarray(place + 8, Math.min(place + 8 + length, end));
    yield { name: letters(file, place, place + 4), place, length, content };
    place += 8 + length + (length % 2);
  }
}

/**
 * The size, and the first frame as a WebP of its own with its place on the canvas.
 * @param {Uint8Array} file
 * @returns {{width: number, height: number, alpha: boolean, frames: number, first: Uint8Array,
 *   x: number, y: number, frame: {width: number, height: number}}}
 */
export function headerOf(file) {
  const all = [...chunks(file)];
  const big = all[0]?.name === "VP8X" ? all[0].content : null;
  const moving = all.filter(({ name }) => name === "ANMF");
  if (!big || !(big[0] & MOVING)) {
    const frame = sizeOf(all);
    const alpha = big ? (big[0] & ALPHA) > 0 : frame.alpha;
    const { width, height } = frame;
    const same = !big || (number(big, 4, 3, true) + 1 === width && number(big, 7, 3, true) + 1 === height);
    if (!same) throw damaged("bad header");
    return { width, height, alpha, frames: 1, first: file, x: 0, y: 0, frame: { width, height } };
  }
  if (big.length < 10 || !moving.length || moving[0].content.length < 16) throw damaged("no frames");
  const { content } = moving[0];
  const inner = [...chunks(content, 16)].filter(({ name }) => ["ALPH", "VP8 ", "VP8L"].includes(name));
  const frame = sizeOf(inner);
  const [width, height] = [4, 7].map((place) => number(big, place, 3, true) + 1);
  const [x, y] = [0, 3].map((place) => 2 * number(content, place, 3, true));
  if (x + frame.width > width || y + frame.height > height) throw damaged("a frame beyond its border");
  const head = riff(
    "VP8X",
    joined([ALPHA, 0, 0, 0], numbered(frame.width - 1, 3, true), numbered(frame.height - 1, 3, true)),
  );
  const first = riff(
    "RIFF",
    joined(bytesOf("WEBP"), head, ...inner.map((each) => riff(each.name, each.content))),
  );
  return { width, height, alpha: (big[0] & ALPHA) > 0, frames: moving.length, first, x, y, frame };
}

/** Size of the picture among chunks, and whether it says that anything is transparent. */
function sizeOf(all) {
  const found = all.find(({ name }) => name === "VP8 " || name === "VP8L");
  if (!found) throw damaged("no pixels");
  const { name, content } = found;
  if (name === "VP8 " && has(content, "\x9d\x01\x2a", 3)) {
    const [width, height] = [6, 8].map((place) => number(content, place, 2, true) & 0x3fff);
    if (width && height) return { width, height, alpha: all.some((each) => each.name === "ALPH") };
  }
  const packed = number(content, 1, 4, true);
  if (name === "VP8L" && content[0] === 0x2f && packed >= 0) {
    return {
      width: (packed & 0x3fff) + 1,
      height: ((packed >>> 14) & 0x3fff) + 1,
      alpha: ((packed >>> 28) & 1) > 0,
    };
  }
  throw damaged("bad header");
}

/** @param {Uint8Array} file */
export function factsOf(file) {
  const found = { icc: null, xmp: null };
  const blocks = [];
  for (const { name, content } of chunks(file)) {
    if (name === "ICCP") found.icc ??= content.slice();
    if (name === "XMP ") found.xmp ??= content.slice();
    if (name === "EXIF") blocks.push(content);
  }
  const good = blocks.filter((block, n) => n < MOST_BLOCKS && !isHostile(block));
  const notes = good.length < blocks.length ? ["damaged EXIF left out"] : [];
  return { ...found, exif: good[0] ?? null, notes };
}

/** The first picture that VP8 compressed; null if all were stored without loss. @param {Uint8Array} file */
export function firstLossy(file) {
  for (const { name, content } of chunks(file)) {
    if (name === "VP8 ") return content;
    if (name !== "ANMF") continue;
    const inner = [...chunks(content, 16)].find((each) => each.name === "VP8 ");
    if (inner) return inner.content;
  }
  return null;
}

/**
 * The quality, 1..100, at which libwebp would have made a picture, as near as it comes, or null.
 *
 * libwebp takes 127 * (1 - c) for the quantiser, c being the cube root of 2/3 of the quality up to 75, and of
 * twice the quality less 100 above (both in per cent), and varies it between parts of the picture.
 * @param {Uint8Array} frame  content of a VP8 chunk
 */
export function qualityOf(frame) {
  if (!has(frame, "\x9d\x01\x2a", 3) || frame[0] & 1) return null;
  const level = quantiser(new Bits(frame.subarray(10, 200)));
  if (Number.isNaN(level)) return null;
  const share = (1 - level / WORST) ** 3;
  return Math.max(roundHalfEven(100 * (share < 0.5 ? 1.5 * share : (share + 1) / 2)), 1);
}

/** The boolean decoder, for bits that are 0 as often as 1; NaN behind the end. */
class Bits {
  constructor(data) {
    this.data = data;
    this.place = 2;
    this.value = (data[0] << 8) | data[1];
    this.range = 255;
    this.count = 0;
    this.over = data.length < 2;
  }

  /** An unsigned number of so many bits, the highest first. */
  number(bits) {
    let found = 0;
    for (let n = 0; n < bits; n++) {
      const split = 1 + (((this.range - 1) * 128) >> 8);
      const bit = this.value >= split << 8;
      if (bit) {
        this.range -= split;
        this.value -= split << 8;
      } else this.range = split;
      while (this.range < 128) this.shift();
      found = 2 * found + (bit ? 1 : 0);
    }
    return this.over ? NaN : found;
  }

  shift() {
    this.value <<= 1;
    this.range <<= 1;
    this.count += 1;
    if (this.count < 8) return;
    this.count = 0;
    this.over ||= this.place >= this.data.length;
    this.value |= this.data[this.place++];
  }

  /** A signed number, 0 where it is left out. */
  optional(bits) {
    if (!this.number(1)) return 0;
    const found = this.number(bits);
    return this.number(1) ? -found : found;
  }
}

/** The quantiser of the coefficients, the mean over the picture's segments. */
function quantiser(bits) {
  bits.number(2); // colour space, clamping
  let [levels, absolute] = [[0], false];
  const segmented = bits.number(1);
  if (segmented) {
    const [hasMap, hasData] = [bits.number(1), bits.number(1)];
    if (hasData) {
      absolute = bits.number(1) === 1;
      levels = Array.from({ length: 4 }, () => bits.optional(7));
      for (let n = 0; n < 4; n++) bits.optional(6); // of the loop filter
    }
    for (let n = 0; n < 3 * hasMap; n++) if (bits.number(1)) bits.number(8);
  }
  bits.number(1 + 6 + 3); // the loop filter: kind, level, sharpness
  if (bits.number(1) && bits.number(1)) for (let n = 0; n < 8; n++) bits.optional(6);
  bits.number(2); // partitions
  const base = bits.number(7);
  const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
  return absolute ? mean + 0 * base : base + mean;
}

/**
 * A WebP with metadata.
 * @param {Uint8Array} encoded  of an encoder that writes none
 * @param {{exif: Uint8Array | null, xmp: Uint8Array | null, icc: Uint8Array | null}} kept
 */
export function withMetadata(encoded, { exif, xmp, icc }) {
  const pixels = [...chunks(encoded)].filter(({ name }) => ["ALPH", "VP8 ", "VP8L"].includes(name));
  const { width, height, alpha } = headerOf(encoded);
  const flags = (icc ? ICC : 0) | (alpha ? ALPHA : 0) | (exif ? EXIF : 0) | (xmp ? XMP : 0);
  if (!(flags & ~ALPHA)) return encoded;
  const head = joined([flags, 0, 0, 0], numbered(width - 1, 3, true), numbered(height - 1, 3, true));
  const parts = [riff("VP8X", head), ...(icc ? [riff("ICCP", icc)] : [])];
  parts.push(...pixels.map(({ name, content }) => riff(name, content)));
  parts.push(...(exif ? [riff("EXIF", exif)] : []), ...(xmp ? [riff("XMP ", xmp)] : []));
  return riff("RIFF", joined(bytesOf("WEBP"), ...parts));
}

function riff(name, content) {
  return joined(
    bytesOf(name),
    numbered(content.length, 4, true),
    content,
    new Uint8Array(content.length % 2),
  );
}
