/** Continue the visible colours under the wholly transparent pixels around them: `mssn.image.alpha.bleed`. */

import { halfToEven } from "./dial.js";

const REACHES = [1, 3, 9, 27];
const FARTHEST = 27;
const STRIP = 256; // rows worked on at once

/**
 * @param {import("./resize.js").Plane} plane
 * @param {Uint8Array} alpha  H x W, 0 = transparent
 * @returns {import("./resize.js").Plane}  the same where nothing is hidden
 */
export function bleed(plane, alpha) {
  const hidden = alpha.indexOf(0) >= 0;
  if (!hidden || alpha.every((share) => share === 0)) return plane;
  const { width, height, channels } = plane;
  const pixels = plane.pixels.slice();
  for (let top = 0; top < height; top += STRIP) {
    const end = Math.min(top + STRIP, height);
    if (alpha.subarray(top * width, end * width).indexOf(0) < 0) continue;
    const [first, last] = [Math.max(top - FARTHEST, 0), Math.min(end + FARTHEST, height)];
    const seen = alpha.subarray(first * width, last * width);
    const line = width * channels;
    const colours = plane.pixels.subarray(first * line, last * line);
    fill(
      { pixels: colours, width, height: last - first, channels },
      seen,
      top - first,
      end - first,
      (at, value) => {
        pixels[first * line + at] = value;
      },
    );
  }
  return { ...plane, pixels };
}

/** Give every hidden pixel of some rows the mean of the nearest visible colours. */
function fill({ pixels, width, height, channels }, alpha, top, end, paint) {
  const sums = countsOf(pixels, alpha, width, height, channels);
  const each = channels + 1;
  const corner = (row, column) => (row * (width + 1) + column) * each;
  for (let row = top; row < end; row++) {
    for (let column = 0; column < width; column++) {
      const pixel = row * width + column;
      if (alpha[pixel] !== 0) continue;
      for (const reach of REACHES) {
        const [above, below] = [Math.max(row - reach, 0), Math.min(row + reach + 1, height)];
        const [left, right] = [Math.max(column - reach, 0), Math.min(column + reach + 1, width)];
        const corners = [
          corner(below, right),
          corner(above, right),
          corner(below, left),
          corner(above, left),
        ];
        const sum = (part) =>
          sums[corners[0] + part] -
          sums[corners[1] + part] -
          sums[corners[2] + part] +
          sums[corners[3] + part];
        const count = sum(channels);
        if (count === 0) continue;
        for (let part = 0; part < channels; part++)
          paint(pixel * channels + part, halfToEven(sum(part) / count));
        break;
      }
    }
  }
}

/** Sums of the visible colours, and how many there are, of all pixels above and left of each corner. */
function countsOf(pixels, alpha, width, height, channels) {
  const each = channels + 1;
  const line = (width + 1) * each;
  const sums = new Float64Array((height + 1) * line);
  const running = new Float64Array(each);
  for (let row = 0; row < height; row++) {
    running.fill(0);
    for (let column = 0; column < width; column++) {
      const pixel = row * width + column;
      if (alpha[pixel] !== 0) {
        for (let part = 0; part < channels; part++) running[part] += pixels[pixel * channels + part];
        running[channels]++;
      }
      const at = (row + 1) * line + (column + 1) * each;
      for (let part = 0; part < each; part++) sums[at + part] = sums[at - line + part] + running[part];
    }
  }
  return sums;
}
