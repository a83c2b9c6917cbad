// JPEG: what its segments say, and segments put in front of an encoded picture. As mssn/image/jpeg.py.
// Source: ITU-T T.81 (JPEG); JFIF 1.02; Exif 2.32, section 4.5; CIPA DC-007 (the multi-picture format).

import { bytesOf, damaged, FileError, has, joined, letters, median, number, numbered } from "./bytes.js";
import { roundHalfEven } from "./bytes.js";
import { EXIF_MARK, isHostile } from "./exif.js";
import { XMP_MARK } from "./xmp.js";

// The luminance table of the JPEG standard (ITU-T T.81, table K.1) in zigzag order, as files store it.
export const STANDARD = [
  ...[16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40],
  ...[26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51],
  ...[56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87],
  ...[95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99],
];
const [TABLES, SCAN, END, COMMENT] = [0xdb, 0xda, 0xd9, 0xfe];
const [APP0, APP1, APP2, APP13] = [0xe0, 0xe1, 0xe2, 0xed];
const GAIN_MAP = "urn:iso:std:iso:ts:21496:-1\0"; // marks a JPEG that has one (ISO 21496-1); Google's is XMP:
const GAIN_MAP_XMP = /hdrgm:Version\s*=\s*(?:"[^"'<>]*"|'[^"'<>]*')/g;
const ICC_MARK = "ICC_PROFILE\0";
const PHOTOSHOP = "Photoshop 3.0\0";
const MOST_SCANS = 100; // a file of a few kilobytes may ask for thousands
const MOST_BLOCKS = 16; // EXIF blocks to look at
const PREVIEW = 1; // the class of pictures that are smaller copies of the first
export const MOST_SEGMENT = 65533; // bytes in a segment

/** Marker and content of the segments in front of the picture. @param {Uint8Array} file */
export function* segments(file) {
  let place = 2;
  while (place + 4 <= file.length && file[place] === 0xff && file[place + 1] !== SCAN) {
    if (file[place + 1] === 0xff) {
      place += 1; // filling, of any length
      continue;
    }
    const length = Math.max(number(file, place + 2, 2), 2);
    yield {
      marker: file[place + 1],
      place: place + 4,
      content: file.subarray(place + 4, place + 2 + length),
    };
    place += 2 + length;
  }
}

/** @param {Uint8Array} file @returns {{width: number, height: number, components: number}} */
export function headerOf(file) {
  for (const { marker, content } of segments(file)) {
    if (marker < 0xc0 || marker > 0xcf || [0xc4, 0xc8, 0xcc].includes(marker)) continue;
    if (![0xc0, 0xc1, 0xc2].includes(marker) || content[0] !== 8) {
      throw new FileError("unsupported", "a kind of JPEG that browsers do not read; save it as PNG");
    }
    const [height, width] = [number(content, 1, 2), number(content, 3, 2)];
    if (!(width * height) || content.length < 6) throw damaged("bad header");
    return { width, height, components: content[5] };
  }
  throw damaged("no header");
}

/** Refuse what is cut short, and what would be decoded over and over again. @param {Uint8Array} file */
export function checkScans(file) {
  let scans = 0;
  let at = 2;
  for (const { place, content } of segments(file)) at = place + content.length;
  for (at = file.indexOf(0xff, at); at >= 0; at = file.indexOf(0xff, at)) {
    const marker = file[at + 1];
    if (marker === END) return;
    if (marker === SCAN) scans += 1;
    if (scans > MOST_SCANS) throw damaged("too many scans");
    const alone = marker < 0xc0 || (marker >= 0xd0 && marker <= 0xd8) || marker === 0xff;
    at += alone ? 1 : 2 + (number(file, at + 2, 2) || 0); // others say how long they are
  }
  throw damaged("its end is missing");
}

/** The quality at which libjpeg would have made the first table of a JPEG stream, 1..100, or null. */
export function qualityOf(file) {
  for (const { marker, content } of segments(file)) {
    if (marker !== TABLES) continue;
    for (let place = 0; place < content.length;) {
      const [wide, table] = [content[place] >> 4, content[place] & 15];
      const size = wide ? 2 : 1;
      const start = place + 1;
      place = start + 64 * size;
      if (table || place > content.length) continue;
      return qualityOfTable(Array.from({ length: 64 }, (_, n) => number(content, start + n * size, size)));
    }
  }
  return null;
}

/**
 * The quality at which libjpeg would have made a luminance table, as near as it comes, 1..100.
 * libjpeg multiplies the standard table by 50/quality below 50 and by 2 - quality/50 above, in per cent.
 * @param {number[]} table  64 numbers in zigzag order
 */
export function qualityOfTable(table) {
  // Entries that were clipped or rounded to 1 tell little; the median is of the others.
  const telling = [...table.keys()].filter((n) => table[n] > 1 && table[n] < 255);
  if (!telling.length) return Math.max(...table) <= 1 ? 100 : 1;
  const percent = median(telling.map((n) => (100 * table[n]) / STANDARD[n]));
  const quality = percent <= 100 ? (200 - percent) / 2 : 5000 / percent;
  return Math.min(Math.max(roundHalfEven(quality), 1), 100);
}

/**
 * What stands in front of the pixels.
 * @param {Uint8Array} file
 */
export function factsOf(file) {
  const found = { exif: null, xmp: null, iptc: null, dpi: null, pictures: 1, gainMap: false, comment: false };
  const [icc, blocks] = [new Map(), []];
  for (const { marker, content } of segments(file)) {
    if (marker === COMMENT) found.comment = true;
    else if (marker === APP0 && has(content, "JFIF\0")) found.dpi ??= density(content);
    else if (marker === APP1 && has(content, EXIF_MARK)) blocks.push(content);
    else if (marker === APP1 && has(content, XMP_MARK)) found.xmp ??= content.slice(XMP_MARK.length);
    else if (marker === APP13 && has(content, PHOTOSHOP)) found.iptc ??= content;
    else if (marker === APP2 && has(content, ICC_MARK)) icc.set(content[12], content.subarray(14));
    else if (marker === APP2 && has(content, "MPF\0")) found.pictures = picturesIn(content);
    found.gainMap ||= marker === APP2 && has(content, GAIN_MAP);
  }
  if (found.xmp && letters_(found.xmp).search(GAIN_MAP_XMP) >= 0) found.gainMap = true;
  if (found.gainMap && found.xmp) found.xmp = bytesOf(letters_(found.xmp).replace(GAIN_MAP_XMP, ""));
  const notes = [];
  if (found.gainMap) notes.push("gain map left out");
  if (found.comment) notes.push("comment left out");
  const good = blocks.filter((block, n) => n < MOST_BLOCKS && !isHostile(block.subarray(EXIF_MARK.length)));
  if (good.length < blocks.length) notes.push("damaged EXIF left out");
  const count = Math.max(found.pictures - (found.gainMap ? 1 : 0), 1);
  return { ...found, exif: good[0] ?? null, icc: profileOf(icc), frames: count, notes };
}

/** As text of one byte a letter; of any length. */
function letters_(bytes) {
  let text = "";
  for (let n = 0; n < bytes.length; n += 8192) text += letters(bytes, n, Math.min(n + 8192, bytes.length));
  return text;
}

/** Dots per inch that a JFIF segment states. */
function density(content) {
  const factor = { 1: 1, 2: 2.54 }[content[7]];
  const [across, down] = [number(content, 8, 2), number(content, 10, 2)];
  return factor && across && down ? [across * factor, down * factor] : null;
}

/** The profile that parts, by their numbers from 1 on, make. */
function profileOf(parts) {
  const whole = Array.from({ length: parts.size }, (_, n) => parts.get(n + 1));
  return parts.size && whole.every(Boolean) ? joined(...whole) : null;
}

/** Pictures in a multi-picture file; previews do not count. */
function picturesIn(content) {
  const little = has(content, "II", 4);
  const get = (place, size) => number(content, 4 + place, size, little);
  const first = get(4, 4);
  for (let n = 0; n < get(first, 2); n++) {
    const entry = first + 2 + 12 * n;
    if (get(entry, 2) !== 0xb002) continue; // lists the pictures of the file, 16 bytes each
    const [length, place] = [get(entry + 4, 4), get(entry + 8, 4)];
    let count = 1;
    for (let at = 16; at + 16 <= length && 4 + place + at + 16 <= content.length; at += 16) {
      if (((get(place + at, 4) >>> 16) & 255) !== PREVIEW) count += 1;
    }
    return count;
  }
  return 1;
}

/**
 * A JPEG with metadata in front of everything else; what is too long for a segment is left out.
 * @param {Uint8Array} encoded  of an encoder that writes none
 * @param {{exif: Uint8Array | null, xmp: Uint8Array | null, iptc: Uint8Array | null, icc: Uint8Array | null,
 *   dpi: [number, number] | null}} kept  the XMP without the room at its end
 */
export function withMetadata(encoded, { exif, xmp, iptc, icc, dpi }) {
  const own = [...segments(encoded)].find(({ marker }) => marker === APP0);
  const rest = encoded.subarray(own ? own.place + own.content.length : 2);
  const wanted = [[APP0, jfif(dpi)]];
  if (exif) wanted.push([APP1, joined(bytesOf(EXIF_MARK), exif)]);
  if (xmp) wanted.push([APP1, joined(bytesOf(XMP_MARK), xmp)]);
  if (iptc) wanted.push([APP13, iptc]);
  const room = MOST_SEGMENT - ICC_MARK.length - 2;
  const parts = icc ? Math.ceil(icc.length / room) : 0;
  for (let n = 0; n < parts && parts < 256; n++) {
    wanted.push([APP2, joined(bytesOf(ICC_MARK), [n + 1, parts], icc.subarray(n * room, (n + 1) * room))]);
  }
  const written = wanted
    .filter(([, content]) => content.length <= MOST_SEGMENT)
    .flatMap(([marker, content]) => [[0xff, marker], numbered(content.length + 2, 2), content]);
  return joined(encoded.subarray(0, 2), ...written, rest);
}

/** The content of the JFIF segment, with or without a resolution. */
function jfif(dpi) {
  const density = (dpi ?? [1, 1]).map((dots) => Math.min(Math.max(roundHalfEven(dots), 1), 65535));
  return joined(bytesOf("JFIF\0"), [1, 2, dpi ? 1 : 0], ...density.map((n) => numbered(n, 2)), [0, 0]);
}
