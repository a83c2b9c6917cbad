// Pixels as a JPEG, bit for bit as libjpeg writes them, which the command line uses: row by row, with no more
// memory than some rows and the result. Source: ITU-T T.81; JFIF 1.02, section 7 (YCbCr); libjpeg's
// jcsample.c and jccoefct.c (edges), jcparam.c (tables of a quality).

import { joined, numbered } from "./bytes.js";
import { transform } from "./dct.js";
import { Scan, TABLES, ZIGZAG } from "./huffman.js";
import { STANDARD } from "./jpeg.js";

// The chrominance table of the standard (table K.2) in zigzag order; the rest of it is 99.
const CHROMA = [17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66];
const fix = (value) => Math.floor(value * 65536 + 0.5);
const [YR, YG, YB] = [fix(0.299), fix(0.587), fix(0.114)];
const [BR, BG, HALF, RG, RB] = [fix(0.16874), fix(0.33126), fix(0.5), fix(0.41869), fix(0.08131)];
const MIDDLE = (128 << 16) + 32767;

/**
 * @param {{width: number, height: number, channels: 1 | 3, pixels: Uint8Array,
 *   alpha: Uint8Array | null}} picture  what is transparent is laid on white
 * @param {number} quality  1..100
 * @param {boolean} shared  whether 2x2 pixels share a colour
 * @returns {Uint8Array}  a JPEG without any metadata
 */
export function encodedJpeg(picture, quality, shared) {
  const { width, height, channels } = picture;
  const halved = shared && channels === 3;
  const side = halved ? 16 : 8; // of what is written at once, pixels
  const across = Math.ceil(width / side);
  const tables = [STANDARD, [...CHROMA, ...Array(64 - CHROMA.length).fill(99)]].map((table) =>
    scaled(table, quality),
  );
  const divisors = tables.map((table) => {
    const rows = new Int32Array(64);
    table.forEach((value, n) => (rows[ZIGZAG[n]] = 8 * value));
    return rows;
  });
  const components = Array.from({ length: channels }, (_, n) => {
    const half = halved && n > 0;
    const columns = Math.ceil(Math.ceil(width / (half ? 2 : 1)) / 8); // of blocks that hold anything
    return { size: halved && !half ? 2 : 1, columns, kind: n ? 1 : 0, before: 0 };
  });
  const planes = components.map(() => new Uint8Array(side * across * side));
  const scan = new Scan();
  for (let top = 0; top < height; top += side) {
    fill(planes, picture, top, side, across * side);
    if (halved)
      for (const plane of planes.slice(1))
        halve(plane, across * 16, Math.ceil(Math.min(16, height - top) / 2));
    const rows = Math.ceil(Math.min(side, height - top) / 8); // of blocks that hold anything
    writeRow(scan, components, planes, divisors, across, side, rows, halved);
  }
  return joined([0xff, 0xd8], ...heads(width, height, components, tables), scan.end(), [0xff, 0xd9]);
}

/** A table of the standard for a quality, as libjpeg scales it. */
function scaled(table, quality) {
  const percent = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return table.map((value) => Math.min(Math.max(Math.floor((value * percent + 50) / 100), 1), 255));
}

/** Rows of a picture as planes of grey, or of luma and two differences; edges go on beyond the border. */
function fill(planes, { width, height, channels, pixels, alpha }, top, rows, wide) {
  const [luma, blue, red] = planes;
  for (let y = 0; y < rows; y++) {
    const row = Math.min(top + y, height - 1) * width;
    for (let x = 0, out = y * wide; x < width; x++, out++) {
      const at = row + x;
      let r = pixels[channels * at];
      let g = channels === 3 ? pixels[channels * at + 1] : r;
      let b = channels === 3 ? pixels[channels * at + 2] : r;
      if (alpha) {
        const paper = 255 * (255 - alpha[at]) + 127;
        r = ((r * alpha[at] + paper) / 255) | 0;
        g = ((g * alpha[at] + paper) / 255) | 0;
        b = ((b * alpha[at] + paper) / 255) | 0;
      }
      if (channels === 1) {
        luma[out] = r;
        continue;
      }
      luma[out] = (YR * r + YG * g + YB * b + 32768) >> 16;
      blue[out] = (HALF * b - BR * r - BG * g + MIDDLE) >> 16;
      red[out] = (HALF * r - RG * g - RB * b + MIDDLE) >> 16;
    }
    for (const plane of planes) plane.fill(plane[y * wide + width - 1], y * wide + width, (y + 1) * wide);
  }
}

/** The mean of 2x2 samples, rounded down and up in turns, in place; `rows` of them hold anything. */
function halve(plane, wide, rows) {
  const half = wide / 2;
  for (let y = 0; y < 8; y++) {
    const from = 2 * y * wide;
    if (y >= rows) {
      plane.copyWithin(y * half, (rows - 1) * half, rows * half);
      continue;
    }
    for (let x = 0; x < half; x++) {
      const at = from + 2 * x;
      const sum = plane[at] + plane[at + 1] + plane[at + wide] + plane[at + wide + 1];
      plane[y * half + x] = (sum + 1 + (x & 1)) >> 2;
    }
  }
}

/** One row of units: of each component one block, or 2x2 of luma. */
function writeRow(scan, components, planes, divisors, across, side, rows, halved) {
  const block = new Int32Array(64);
  for (let unit = 0; unit < across; unit++) {
    for (let n = 0; n < components.length; n++) {
      const component = components[n];
      const { size, columns, kind } = component;
      const wide = halved && n ? across * 8 : across * side;
      for (let part = 0; part < size * size; part++) {
        const column = unit * size + (part % size);
        const row = part < size ? 0 : 1;
        if (column < columns && row < rows) {
          take(block, planes[n], 8 * row * wide + 8 * column, wide);
          transform(block, divisors[kind]);
        } else block.fill(0).fill(component.before, 0, 1); // beyond the border
        scan.block(block, component.before, kind);
        component.before = block[0];
      }
    }
  }
}

function take(block, plane, first, wide) {
  for (let y = 0, n = 0; y < 8; y++) {
    for (let at = first + y * wide, end = at + 8; at < end; at++) block[n++] = plane[at] - 128;
  }
}

/** The segments in front of the scan. */
function heads(width, height, components, tables) {
  const segment = (marker, ...parts) => {
    const content = joined(...parts);
    return joined([0xff, marker], numbered(content.length + 2, 2), content);
  };
  const used = components.length > 1 ? 2 : 1;
  const frame = components.flatMap(({ size, kind }, n) => [n + 1, size * 17, kind]);
  const order = components.flatMap(({ kind }, n) => [n + 1, kind * 17]);
  return [
    ...tables.slice(0, used).map((table, n) => segment(0xdb, [n], table)),
    segment(0xc0, [8], numbered(height, 2), numbered(width, 2), [components.length], frame),
    ...TABLES.slice(0, 2 * used).map(({ name, counts, values }) => segment(0xc4, [name], counts, values)),
    segment(0xda, [components.length], order, [0, 63, 0]),
  ];
}
