// PNG: what its chunks say, and the file around encoded pixels. The same as mssn/image/png.py.
// Source: PNG, third edition (W3C, 2025), sections 5 (chunks), 11.2.1 (header), 11.3 (colour, text, eXIf).

import { bytesOf, damaged, deflated, has, inflate, joined, letters, number, numbered } from "./bytes.js";
import { MOST_EXIF } from "./exif.js";

export const SIGNATURE = "\x89PNG\r\n\x1a\n";
const COLOURS = { cICP: 4, gAMA: 4, cHRM: 32, sRGB: 1, mDCV: 24, cLLI: 8 }; // and their lengths
const TEXT = ["tEXt", "zTXt", "iTXt"];
const XMP = "XML:com.adobe.xmp\0"; // a text that is no text
const MOST_TEXT = MOST_EXIF; // bytes
const MOST_INFLATED = 2 ** 24;
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

/** @param {...Uint8Array} parts  one after the other */
export function crc32(...parts) {
  let crc = 0xffffffff;
  for (const part of parts) {
    for (let n = 0; n < part.length; n++) crc = CRC_TABLE[(crc ^ part[n]) & 255] ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** A chunk as it stands in a file, in parts. @param {string} name @param {Uint8Array} content */
export function chunk(name, content) {
  const letters_ = bytesOf(name);
  return [numbered(content.length, 4), letters_, content, numbered(crc32(letters_, content), 4)];
}

/** Name and content of the chunks, up to the end of the picture or of the file. @param {Uint8Array} file */
export function* chunks(file) {
  for (let place = SIGNATURE.length; place + 8 <= file.length;) {
    const length = number(file, place, 4);
    const name = letters(file, place + 4, place + 8);
    yield { name, place, length, content: file.subarray(place + 8, place + 8 + length) };
    if (name === "IEND") return;
    place += 12 + length;
  }
}

/**
 * Size and kind of pixels.
 * @param {Uint8Array} file
 */
export function headerOf(file) {
  const known = has(file, "IHDR", 12) && number(file, 8, 4) === 13 && file.length >= 33;
  if (!known) throw damaged("no header");
  const [width, height] = [number(file, 16, 4), number(file, 20, 4)];
  const [bits, kind, packing, filtering, interlaced] = file.subarray(24, 29);
  const depths = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] }[kind] ?? [];
  const right = depths.includes(bits) && !packing && !filtering && interlaced < 2;
  if (!right || !width || !height || Math.max(width, height) >= 2 ** 31) throw damaged("bad header");
  if (number(file, 29, 4) !== crc32(file.subarray(12, 29))) throw damaged("bad header");
  return { width, height, bits, kind, interlaced: interlaced === 1 };
}

/**
 * What the chunks of a PNG say besides its pixels.
 * @param {Uint8Array} file
 * @returns {Promise<{frames: number, colours: [string, Uint8Array][], text: [string, Uint8Array][],
 *   exif: Uint8Array | null, xmp: Uint8Array | null, icc: Uint8Array | null, profile: boolean,
 *   dpi: [number, number] | null, notes: string[]}>}
 */
export async function factsOf(file) {
  const found = { frames: 1, exif: null, xmp: null, icc: null, profile: false, dpi: null };
  const [colours, text, notes] = [new Map(), [], []];
  let [room, tooLong, pixels] = [MOST_TEXT, false, false];
  for (const { name, length, content } of chunks(file)) {
    const whole = content.length === length;
    if (name === "IDAT") pixels = true;
    else if (TEXT.includes(name) && has(content, XMP)) {
      found.xmp ??= await packetOf(name, content);
    } else if (TEXT.includes(name)) {
      tooLong ||= length > room;
      if (whole && length <= room) text.push([name, content.slice()]);
      room -= whole && length <= room ? length : 0;
    } else if (name === "eXIf") found.exif ??= content;
    else if (name === "pHYs") found.dpi = content[8] === 1 ? perInch(content) : found.dpi;
    else if (!pixels && name === "iCCP" && !found.profile) {
      found.profile = true;
      found.icc = await profileOf(content);
    } else if (!pixels && name === "acTL") found.frames = Math.max(number(content, 0, 4) || 1, 1);
    else if (!pixels && COLOURS[name] === content.length && !colours.has(name)) {
      colours.set(name, content.slice());
    }
  }
  if (tooLong) notes.push("text left out (more than 16 MiB)");
  return { ...found, colours: [...colours], text: tooLong ? [] : text, notes };
}

function perInch(content) {
  return [0, 4].map((place) => number(content, place, 4) * 0.0254);
}

/** The packet in a text of it, whichever of the three kinds of text that is. */
async function packetOf(name, content) {
  if (name === "tEXt") return content.slice(XMP.length);
  if (name === "zTXt") return inflate(content.subarray(XMP.length + 1), MOST_INFLATED);
  const language = content.indexOf(0, XMP.length + 2);
  const translated = content.indexOf(0, language + 1);
  if (language < 0 || translated < 0) return null;
  const packet = content.slice(translated + 1);
  return content[XMP.length] === 1 ? inflate(packet, MOST_INFLATED) : packet;
}

/** The ICC profile of its chunk, or null if it is damaged. */
async function profileOf(content) {
  const name = content.subarray(0, 80).indexOf(0);
  const icc = name > 0 ? await inflate(content.subarray(name + 2), MOST_INFLATED) : null;
  return icc && icc.length >= 132 && number(icc, 0, 4) === icc.length && has(icc, "acsp", 36) ? icc : null;
}

/**
 * A file: header, chunks of metadata, pixels.
 * @param {{width: number, height: number, bits: number, kind: number}} header
 * @param {[string, Uint8Array][]} before  chunks that belong in front of the pixels
 * @param {Uint8Array[]} pixels  compressed
 */
export function fileOf(header, before, pixels) {
  const { width, height, bits, kind } = header;
  const start = joined(numbered(width, 4), numbered(height, 4), [bits, kind, 0, 0, 0]);
  const all = [
    ["IHDR", start],
    ...before,
    ...pixels.map((part) => ["IDAT", part]),
    ["IEND", new Uint8Array()],
  ];
  return joined(bytesOf(SIGNATURE), ...all.flatMap(([name, content]) => chunk(name, content)));
}

/** @param {Uint8Array} icc @returns {Promise<[string, Uint8Array]>} */
export async function profileChunk(icc) {
  return ["iCCP", joined(bytesOf("icc\0\0"), ...(await deflated([icc])))];
}

/** @param {Uint8Array} packet @returns {[string, Uint8Array]} */
export function packetChunk(packet) {
  return ["iTXt", joined(bytesOf(XMP + "\0\0\0\0"), packet)];
}

/** @param {[number, number]} dpi  across and down @returns {[string, Uint8Array]} */
export function resolutionChunk(dpi) {
  return ["pHYs", joined(...dpi.map((dots) => numbered(Math.round(dots / 0.0254), 4)), [1])];
}
