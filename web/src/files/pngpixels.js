// The pixels of a PNG: out of their chunks as 8-bit grey or RGB with transparency, row by row, and into them.
// Compressing is done by the browser itself (DecompressionStream, CompressionStream).
// Source: PNG, third edition (W3C, 2025), sections 8 (passes), 9 (filters), 11.2 (palette), 11.3.1 (tRNS).

import { FileError, damaged, deflated, inflated, number } from "./bytes.js";
import { chunks, crc32, headerOf } from "./png.js";

const SAMPLES = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }; // of a pixel, by the kind of colour
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];
const STRIP = 1 << 20; // bytes that are compressed at once

/**
 * @param {Uint8Array} file
 * @returns {Promise<{width: number, height: number, channels: 1 | 3, pixels: Uint8Array,
 *   alpha: Uint8Array | null, bits: 1 | 16 | null}>}
 */
export async function decodePng(file) {
  const header = headerOf(file);
  const { width, height, bits, kind, interlaced } = header;
  const [palette, clear] = tablesOf(file, kind);
  const channels = kind === 0 || kind === 4 ? 1 : 3;
  const pixels = new Uint8Array(width * height * channels);
  const alpha = kind > 3 || clear ? new Uint8Array(width * height) : null;
  const out = { width, channels, pixels, alpha };
  const spread = spreader(header, palette, clear, out);
  const lines = linesOf(width, height, bits * SAMPLES[kind], interlaced);
  const step = Math.max(1, (bits * SAMPLES[kind]) >> 3);
  await eachLine(dataOf(file), lines, step, spread);
  const bilevel = bits === 1 && kind === 0 && !clear;
  return { width, height, channels, pixels, alpha, bits: bilevel || bits === 16 ? bits : null };
}

/** Palette and transparent colours, as the chunks hold them. */
function tablesOf(file, kind) {
  const tables = { PLTE: null, tRNS: null };
  for (const { name, content } of chunks(file)) {
    if (name === "IDAT") break;
    if (name in tables) tables[name] ??= content;
  }
  if (kind === 3 && (!tables.PLTE || tables.PLTE.length % 3)) throw damaged("no palette");
  const least = { 0: 2, 2: 6, 3: 1 }[kind] ?? Infinity;
  return [tables.PLTE, tables.tRNS && tables.tRNS.length >= least ? tables.tRNS : null];
}

/** The compressed pixels. */
function* dataOf(file) {
  for (const { name, place, length, content } of chunks(file)) {
    if (name !== "IDAT") continue;
    const end = place + 8 + length;
    if (number(file, end, 4) !== crc32(file.subarray(place + 4, end))) throw damaged("a wrong checksum");
    yield content;
  }
}

/** The rows of a file in their order: bytes of each, and where its pixels go. */
function* linesOf(width, height, bits, interlaced) {
  for (const [x, y, dx, dy] of interlaced ? PASSES : [[0, 0, 1, 1]]) {
    const count = Math.ceil((width - x) / dx);
    for (let row = y; count > 0 && row < height; row += dy) {
      yield { bytes: Math.ceil((count * bits) / 8), count, first: row * width + x, dx, fresh: row === y };
    }
  }
}

/** Inflate, and give every row to `take` without its filter. */
async function eachLine(data, lines, step, take) {
  let [current, above, filled] = [new Uint8Array(0), new Uint8Array(0), 0];
  let line = lines.next();
  const begin = () => {
    const { bytes, fresh } = line.value;
    [above, current] = fresh ? [new Uint8Array(1 + bytes), new Uint8Array(1 + bytes)] : [current, above];
    filled = 0;
  };
  begin();
  try {
    for await (const part of inflated(data)) {
      for (let place = 0; place < part.length;) {
        const wanted = Math.min(current.length - filled, part.length - place);
        current.set(part.subarray(place, place + wanted), filled);
        [filled, place] = [filled + wanted, place + wanted];
        if (filled < current.length) break;
        unfilter(current, above, step);
        take(current, line.value);
        line = lines.next();
        if (line.done) return;
        begin();
      }
    }
  } catch (error) {
    throw error instanceof FileError ? error : damaged("its pixels");
  }
  throw damaged("pixels are missing");
}

/** Undo a row's filter where it stands; the first byte names the filter. */
function unfilter(row, above, step) {
  const [kind, end] = [row[0], row.length];
  if (kind > 4) throw damaged("no such filter");
  if (kind === 1) for (let n = 1 + step; n < end; n++) row[n] += row[n - step];
  if (kind === 2) for (let n = 1; n < end; n++) row[n] += above[n];
  if (kind === 3) {
    for (let n = 1; n <= step && n < end; n++) row[n] += above[n] >> 1;
    for (let n = 1 + step; n < end; n++) row[n] += (row[n - step] + above[n]) >> 1;
  }
  if (kind !== 4) return;
  for (let n = 1; n <= step && n < end; n++) row[n] += above[n];
  for (let n = 1 + step; n < end; n++) row[n] += paeth(row[n - step], above[n], above[n - step]);
}

function paeth(left, up, corner) {
  const a = Math.abs(up - corner);
  const b = Math.abs(left - corner);
  const c = Math.abs(left + up - 2 * corner);
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** What puts a row's pixels where they belong, for one kind of colour. */
function spreader({ bits, kind }, palette, clear, { channels, pixels, alpha }) {
  const samples = SAMPLES[kind];
  const wide = bits === 16;
  const sample = wide
    ? (row, n) => (row[1 + 2 * n] << 8) | row[2 + 2 * n]
    : bits === 8
      ? (row, n) => row[1 + n]
      : (row, n) => (row[1 + ((n * bits) >> 3)] >> (8 - bits - ((n * bits) & 7))) & ((1 << bits) - 1);
  const level = wide ? (v) => Math.floor((v + 128) / 257) : (v) => v * (255 / ((1 << bits) - 1));
  if (kind === 3) {
    return (row, { count, first, dx }) => {
      for (let n = 0, at = first; n < count; n++, at += dx) {
        const index = sample(row, n);
        if (3 * index >= palette.length) throw damaged("a colour that is not in the palette");
        pixels.set(palette.subarray(3 * index, 3 * index + 3), 3 * at);
        if (alpha) alpha[at] = clear[index] ?? 255;
      }
    };
  }
  if (bits === 8 && samples === channels && !clear) {
    return (row, { count, first, dx }) => {
      if (dx === 1) pixels.set(row.subarray(1), channels * first);
      else
        for (let n = 0; n < count; n++) {
          const place = 1 + channels * n;
          pixels.set(row.subarray(place, place + channels), channels * (first + n * dx));
        }
    };
  }
  const hidden = clear && Array.from({ length: channels }, (_, c) => number(clear, 2 * c, 2));
  return (row, { count, first, dx }) => {
    for (let n = 0, at = first; n < count; n++, at += dx) {
      let seen = !hidden;
      for (let c = 0; c < channels; c++) {
        const value = sample(row, n * samples + c);
        pixels[channels * at + c] = level(value);
        if (hidden && value !== hidden[c]) seen = true;
      }
      if (alpha) alpha[at] = samples > channels ? level(sample(row, n * samples + channels)) : seen ? 255 : 0;
    }
  };
}

/**
 * Pixels as they stand in a PNG, compressed.
 * @param {{width: number, height: number, channels: 1 | 3, pixels: Uint8Array,
 *   alpha: Uint8Array | null}} picture
 * @param {boolean} bilevel  one bit for each pixel
 * @returns {Promise<Uint8Array[]>}
 */
export function encodedPixels(picture, bilevel) {
  return deflated(bilevel ? bitRows(picture) : filteredRows(picture));
}

function* bitRows({ width, height, pixels }) {
  const bytes = 1 + Math.ceil(width / 8);
  for (let y = 0; y < height; y++) {
    const row = new Uint8Array(bytes);
    for (let x = 0; x < width; x++) row[1 + (x >> 3)] |= (pixels[y * width + x] >> 7) << (7 - (x & 7));
    yield row;
  }
}

/** Strips of rows, each less what its neighbours let expect (Paeth), as the command line writes them. */
function* filteredRows({ width, height, channels, pixels, alpha }) {
  const step = channels + (alpha ? 1 : 0);
  const bytes = 1 + width * step;
  const rows = Math.max(1, Math.floor(STRIP / bytes));
  let [row, above] = [new Uint8Array(bytes - 1), new Uint8Array(bytes - 1)];
  for (let top = 0; top < height; top += rows) {
    const strip = new Uint8Array(Math.min(rows, height - top) * bytes);
    for (let start = 0, y = top; start < strip.length; start += bytes, y++) {
      fillRow(row, y * width, channels, pixels, alpha);
      strip[start] = 4;
      for (let n = 0; n < step; n++) strip[start + 1 + n] = row[n] - above[n];
      for (let n = step; n < row.length; n++) {
        strip[start + 1 + n] = row[n] - paeth(row[n - step], above[n], above[n - step]);
      }
      [row, above] = [above, row];
    }
    yield strip;
  }
}

function fillRow(row, first, channels, pixels, alpha) {
  if (!alpha) {
    row.set(pixels.subarray(first * channels, first * channels + row.length));
    return;
  }
  for (let at = first, n = 0; n < row.length; at++) {
    for (let c = 0; c < channels; c++) row[n++] = pixels[channels * at + c];
    row[n++] = alpha[at];
  }
}
