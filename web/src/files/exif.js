// EXIF and Photoshop blocks: the few bytes that change when a picture is turned or enlarged. Everything else
// stays in its place, because maker notes hold offsets into the block. The same as mssn/image/exif.py.
// Source: TIFF 6.0, section 2; Exif 2.32 (CIPA DC-008), sections 4.5 and 4.6; Adobe Photoshop File Formats.

import { has, joined, bytesOf, number, roundHalfEven } from "./bytes.js";

const ORIENTATION = 0x0112;
const [X, Y, UNIT] = [0x011a, 0x011b, 0x0128];
const [INCH, CENTIMETRE] = [2, 3];
const [WIDTHS, HEIGHTS, SIZES] = [[0x0100, 0xa002], [0x0101, 0xa003], 0x8769];
const POINTERS = [SIZES, 0x8825, 0xa005]; // to the directories of Exif, GPS, Interoperability
const [THUMBNAIL, LENGTH] = [0x0201, 0x0202];
const [SHORT, LONG, RATIONAL] = [3, 4, 5];
const PHOTOSHOP = "Photoshop 3.0\0";
const OUTDATED = [0x03ed, 0x0409, 0x040c]; // resolution, which other blocks state; thumbnails, old and new

export const EXIF_MARK = "Exif\0\0"; // in front of the block in some formats
export const MOST_EXIF = 2 ** 24 - 64; // bytes of a block

class Damage extends Error {}

/** A block whose numbers can be read and changed where they stand; throws `Damage`. */
class Block {
  constructor(exif) {
    this.data = Uint8Array.from(exif);
    this.view = new DataView(this.data.buffer);
    this.start = has(exif, EXIF_MARK) ? EXIF_MARK.length : 0;
    this.little = has(exif, "II", this.start);
    if (!this.little && !has(exif, "MM", this.start)) throw new Damage();
    this.first = this.start + this.get(4, this.start + 4);
  }

  get(size, place) {
    if (place < 0 || place + size > this.data.length) throw new Damage();
    return size === 2 ? this.view.getUint16(place, this.little) : this.view.getUint32(place, this.little);
  }

  put(size, place, value) {
    this.get(size, place);
    if (size === 2) this.view.setUint16(place, value, this.little);
    else this.view.setUint32(place, value, this.little);
  }

  /** {tag, kind, place} of a directory's entries; damage is thrown behind those that are there. */
  *entries(directory) {
    const count = this.get(2, directory);
    for (let place = directory + 2; place < directory + 2 + 12 * count; place += 12) {
      if (place + 12 > this.data.length) throw new Damage();
      yield { tag: this.get(2, place), kind: this.get(2, place + 2), place };
    }
  }

  number(entry) {
    return this.get(entry.kind === SHORT ? 2 : 4, entry.place + 8);
  }

  /** A number at the left of its four bytes, which both byte orders want. */
  setNumber(entry, value) {
    const short = value < 65536;
    this.put(2, entry.place + 2, short ? SHORT : LONG);
    this.put(4, entry.place + 4, 1);
    this.put(4, entry.place + 8, 0);
    this.put(short ? 2 : 4, entry.place + 8, value);
  }

  /** Where the two numbers of a rational stand. */
  rational(entry) {
    return this.start + this.get(4, entry.place + 8);
  }
}

/** What the step returns, or `otherwise` where the block is damaged. */
function unlessDamaged(step, otherwise) {
  try {
    return step();
  } catch (error) {
    if (error instanceof Damage) return otherwise;
    throw error;
  }
}

/** Whether it is too long, or names directories more than once, which keeps some readers busy for ever. */
export function isHostile(exif) {
  if (exif.length > MOST_EXIF) return true;
  const block = unlessDamaged(() => new Block(exif), null);
  const waiting = block ? [block.first] : [];
  const seen = new Set();
  let pointers = 0;
  while (waiting.length) {
    const directory = waiting.pop();
    if (seen.has(directory) || pointers > POINTERS.length) return true;
    seen.add(directory);
    unlessDamaged(() => {
      for (const { tag, place } of block.entries(directory)) {
        if (!POINTERS.includes(tag)) continue;
        pointers += 1;
        waiting.push(block.start + block.get(4, place + 8));
      }
      const after = block.get(4, directory + 2 + 12 * block.get(2, directory));
      if (after && directory === block.first) waiting.push(block.start + after);
    });
  }
  return false;
}

/** The orientation that a block states, 1 to 8. @param {Uint8Array | null} exif */
export function orientationOf(exif) {
  if (!exif) return 1;
  return unlessDamaged(() => {
    const block = new Block(exif);
    for (const entry of block.entries(block.first)) {
      if (entry.tag !== ORIENTATION) continue;
      const found = block.number(entry);
      return found >= 1 && found <= 8 ? found : 1;
    }
    return 1;
  }, 1);
}

/**
 * The block with orientation 1, so that turned pixels are not turned again, and without thumbnail.
 * @param {Uint8Array} exif  with or without its leading "Exif" mark
 * @returns {Uint8Array | null}  null if it is damaged (then no orientation can hide in it)
 */
export function uprightExif(exif) {
  return unlessDamaged(() => {
    const block = new Block(exif);
    for (const entry of block.entries(block.first)) if (entry.tag === ORIENTATION) block.setNumber(entry, 1);
    const after = block.first + 2 + 12 * block.get(2, block.first);
    unlessDamaged(() => {
      const second = block.get(4, after);
      block.put(4, after, 0);
      if (second) eraseThumbnail(block, block.start + second);
    });
    return block.data;
  }, null);
}

/** Blank the small picture that the second directory speaks of; at the end of the block, cut it off. */
function eraseThumbnail(block, directory) {
  const values = new Map();
  for (const entry of block.entries(directory)) values.set(entry.tag, block.number(entry));
  const start = block.start + (values.get(THUMBNAIL) ?? 0);
  const end = start + (values.get(LENGTH) ?? 0);
  const inside = directory + 2 + 12 * values.size <= start && start < end && end <= block.data.length;
  if (!inside) return;
  if (end >= block.data.length - 1)
    block.data = block.data.slice(0, start); // padded to an even length
  else block.data.fill(0, start, end);
}

/**
 * State the size and resolution of the picture that the block is written with, where it states any.
 * @param {Uint8Array} exif  from `uprightExif`
 * @param {number} width @param {number} height  in pixels
 * @param {[number, number] | null} dpi  across and down; null leaves what is there
 */
export function fittingExif(exif, width, height, dpi) {
  return unlessDamaged(() => {
    const block = new Block(exif);
    const entries = [...block.entries(block.first)];
    const perInch = entries.every((entry) => entry.tag !== UNIT || block.number(entry) === INCH);
    for (const entry of dpi ? entries : []) {
      if ((entry.tag === X || entry.tag === Y) && entry.kind === RATIONAL) {
        setResolution(block, block.rational(entry), dpi[entry.tag === Y ? 1 : 0], perInch);
      } else if (entry.tag === UNIT) block.setNumber(entry, INCH);
    }
    for (const entry of [...entries, ...sizes(block, entries)]) {
      if (WIDTHS.includes(entry.tag)) block.setNumber(entry, width);
      if (HEIGHTS.includes(entry.tag)) block.setNumber(entry, height);
    }
    return block.data;
  }, exif);
}

/** The entries of the directory that states the size. */
function sizes(block, entries) {
  const entry = entries.find(({ tag }) => tag === SIZES);
  return entry ? [...block.entries(block.start + block.number(entry))] : [];
}

/** A rational, unless it says so already. */
function setResolution(block, place, dpi, perInch) {
  const [above, below] = [block.get(4, place), block.get(4, place + 4)];
  if (perInch && below && Math.abs(above / below - dpi) <= 0.06) return; // readers round to a tenth
  block.put(4, place, roundHalfEven(dpi * 1000));
  block.put(4, place + 4, 1000);
}

/** Dots per inch that a block states, across and down, or null. @param {Uint8Array} exif */
export function resolutionOf(exif) {
  return unlessDamaged(() => {
    const block = new Block(exif);
    const entries = new Map();
    for (const entry of block.entries(block.first)) entries.set(entry.tag, entry);
    if (!entries.has(X) || !entries.has(Y)) return null;
    const unit = entries.has(UNIT) ? block.number(entries.get(UNIT)) : INCH;
    const factor = { [INCH]: 1, [CENTIMETRE]: 2.54 }[unit] ?? 0;
    const [across, down] = [X, Y].map((tag) => {
      const place = block.rational(entries.get(tag));
      return (block.get(4, place) / block.get(4, place + 4)) * factor;
    });
    return across * down > 0 && across * down < Infinity ? [across, down] : null;
  }, null);
}

/** A Photoshop block (with IPTC in it) without the small pictures and the resolution of the original. */
export function withoutPreviews(block) {
  if (!has(block, PHOTOSHOP)) return block;
  const kept = [bytesOf(PHOTOSHOP)];
  let place = PHOTOSHOP.length;
  while (has(block, "8BIM", place) && place + 12 <= block.length) {
    const head = place + 6 + ((block[place + 6] + 2) >> 1) * 2; // name and length fill even numbers of bytes
    const size = number(block, head, 4) || 0;
    const end = head + 4 + ((size + 1) >>> 1) * 2;
    if (!OUTDATED.includes(number(block, place + 4, 2))) kept.push(block.subarray(place, end));
    place = end;
  }
  return joined(...kept, block.subarray(place));
}
