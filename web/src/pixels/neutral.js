/**
 * From a network's numbers to pixels, and neutral stays neutral (`mssn.upscaling.neutral`): where the 5 x 5
 * small pixels around one have no colour, what it becomes has none; where all are black or white, it stays
 * so.
 */

export const REACH = 2; // pixels on each side

const [OTHER, BLACK, WHITE] = [1, 2, 3]; // kinds of neutral pixels; 0 has colour
const LUMA = luma();

/** Shares of red, green and blue, as float32 holds them; they add up to 1. */
function luma() {
  const shares = [65.481, 128.553, 24.966];
  const sum = Math.fround(shares.reduce((total, share) => total + share));
  return shares.map((share) => Math.fround(Math.fround(share) / sum));
}

/**
 * What every small pixel's surroundings are, beyond the border whatever is inside.
 *
 * @param {Uint8Array} rgb  height x width x 3
 * @param {number} height
 * @param {number} width
 * @returns {Uint8Array | null}  height x width of 0 (has colour), OTHER, BLACK or WHITE; null where all have
 *   colour
 */
export function neutral(rgb, height, width) {
  const kinds = new Uint8Array(height * width);
  let any = 0;
  for (let pixel = 0, at = 0; pixel < kinds.length; pixel++, at += 3) {
    const level = rgb[at];
    if (level !== rgb[at + 1] || level !== rgb[at + 2]) continue;
    kinds[pixel] = level === 0 ? BLACK : level === 255 ? WHITE : OTHER;
    any = 1;
  }
  if (!any) return null;
  const across = around(kinds, height, width, width, 1);
  return around(across, width, height, 1, width);
}

/** The kind that pixels up to REACH away along a line share; `lines` of `length`, so far apart in memory. */
function around(kinds, lines, length, lineStep, step) {
  const result = new Uint8Array(kinds.length);
  for (let line = 0; line < lines; line++) {
    for (let place = 0; place < length; place++) {
      const here = line * lineStep + place * step;
      const first = Math.max(place - REACH, 0) - place;
      const last = Math.min(place + REACH, length - 1) - place;
      let kind = kinds[here];
      for (let off = first; off <= last && kind; off++) {
        const other = kinds[here + off * step];
        if (other !== kind) kind = other ? OTHER : 0;
      }
      result[here] = kind;
    }
  }
  return result;
}

/**
 * The part of a network's result to keep, as pixels: clipped, rounded half up, neutral where it must be.
 *
 * @param {Float32Array} large  scale*height x scale*width x 3, nominally 0..1
 * @param {Uint8Array} rgb  the small pixels, height x width x 3
 * @param {{height: number, width: number, scale: number, channels: 1 | 3, top: number, left: number,
 *   rows: number, columns: number}} part  size of the small pixels, and which of them to keep
 * @returns {Uint8Array}  scale*rows x scale*columns x channels
 */
export function toPixels(large, rgb, { height, width, scale, channels, top, left, rows, columns }) {
  const kinds = neutral(rgb, height, width);
  const pixels = new Uint8Array(rows * columns * scale * scale * channels);
  let to = 0;
  for (let row = 0; row < rows * scale; row++) {
    const line = (top * scale + row) * width * scale;
    const places = (top + Math.floor(row / scale)) * width;
    for (let column = 0; column < columns; column++) {
      const kind = kinds === null ? 0 : kinds[places + left + column];
      let from = (line + (left + column) * scale) * 3;
      for (let step = 0; step < scale; step++, from += 3) {
        if (kind === 0 && channels === 3) {
          pixels[to++] = level(large[from]);
          pixels[to++] = level(large[from + 1]);
          pixels[to++] = level(large[from + 2]);
          continue;
        }
        const value = kind > OTHER ? (kind - BLACK) * 255 : grey(large, from);
        for (let channel = 0; channel < channels; channel++) pixels[to++] = value;
      }
    }
  }
  return pixels;
}

function inside(value) {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

/** A float32 from 0 to 1 as one of 256 levels, computed as float32 is. */
function level(value) {
  return Math.fround(Math.fround(inside(value) * 255) + 0.5);
}

function grey(large, at) {
  const red = Math.fround(inside(large[at]) * LUMA[0]);
  const green = Math.fround(inside(large[at + 1]) * LUMA[1]);
  const blue = Math.fround(inside(large[at + 2]) * LUMA[2]);
  return level(Math.fround(Math.fround(red + green) + blue));
}
