/**
 * Resize pixels as `mssn.image.resize` does, which is MATLAB's `imresize` with antialiasing: the axis with
 * the smaller factor first (rows on a tie), rounded half up and clipped to 0..255 after each axis.
 *
 * @typedef {{width: number, height: number, channels: number, pixels: Uint8Array}} Plane H x W x channels
 * @typedef {{taps: number, index: Int32Array, weight: Float64Array}} Axis  `taps` of each for every result
 *   pixel
 */

const STRIP = 64; // rows of the result made at once: what lies between the two axes stays small

/**
 * @param {Plane} plane
 * @param {number} height  rows of the result
 * @param {number} width  columns of it
 * @param {Uint8Array} [target]  takes the result's pixels
 * @returns {Plane}
 */
export function imresize(plane, height, width, target) {
  const { channels } = plane;
  const pixels = target ?? new Uint8Array(height * width * channels);
  const rows = axis(plane.height, height);
  const columns = axis(plane.width, width);
  const rowsFirst = height / plane.height <= width / plane.width;
  for (let top = 0; top < height; top += STRIP) {
    const end = Math.min(top + STRIP, height);
    const strip = pixels.subarray(top * width * channels, end * width * channels);
    if (rowsFirst) {
      const tall = new Uint8Array((end - top) * plane.width * channels);
      alongRows(plane.pixels, 0, plane.width * channels, rows, top, end, tall);
      alongColumns(tall, plane.width, channels, columns, width, strip);
    } else {
      const [low, high] = reach(rows, top, end);
      const line = plane.width * channels;
      const wide = new Uint8Array((high - low) * width * channels);
      const source = plane.pixels.subarray(low * line, high * line);
      alongColumns(source, plane.width, channels, columns, width, wide);
      alongRows(wide, low, width * channels, rows, top, end, strip);
    }
  }
  return { width, height, channels, pixels };
}

/**
 * Which pixels of a line become each pixel of the result, and how much of them: operation by operation as
 * MATLAB, which counts from 1, because the last bit decides to which side a sum of exactly one half is
 * rounded.
 *
 * @param {number} length  pixels of the line
 * @param {number} made  pixels of the result's
 * @returns {Axis}
 */
export function axis(length, made) {
  const factor = made / length;
  const stretch = Math.min(factor, 1);
  const width = 4 / stretch;
  const taps = Math.ceil(width) + 2;
  const index = new Int32Array(made * taps);
  const weight = new Float64Array(made * taps);
  for (let pixel = 0; pixel < made; pixel++) {
    const centre = (pixel + 1) / factor + 0.5 * (1 - 1 / factor);
    const left = Math.floor(centre - width / 2);
    const first = pixel * taps;
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      weight[first + tap] = stretch * cubic(stretch * (centre - (left + tap)));
      index[first + tap] = mirrored(left + tap - 1, length);
      sum += weight[first + tap];
    }
    for (let tap = 0; tap < taps; tap++) weight[first + tap] /= sum;
  }
  return { taps, index, weight };
}

/** The pixel of a line that stands for one beyond its ends: pixel -1 is pixel 0 again, -2 is 1. */
export function mirrored(index, length) {
  const around = ((index % (2 * length)) + 2 * length) % (2 * length);
  return Math.min(around, 2 * length - 1 - around);
}

/** Keys' cubic convolution kernel, a = -0.5. */
function cubic(signed) {
  const x = Math.abs(signed);
  if (x > 2) return 0;
  const cubed = cube(x);
  return x <= 1 ? 1.5 * cubed - 2.5 * (x * x) + 1 : -0.5 * cubed + 2.5 * (x * x) - 4 * x + 2;
}

/** The nearest number to x^3, which `x * x * x` and `x ** 3` often miss: Dekker's exact products. */
function cube(x) {
  const [square, lost] = product(x, x);
  const [result, more] = product(square, x);
  return result + (more + lost * x);
}

/** The product of two numbers, and what rounding took from it. */
function product(a, b) {
  const [high, low] = halves(a);
  const [top, rest] = halves(b);
  const rounded = a * b;
  return [rounded, high * top - rounded + high * rest + low * top + low * rest];
}

function halves(x) {
  const high = 134217729 * x - (134217729 * x - x); // 2^27 + 1
  return [high, x - high];
}

/** First and last + 1 of the lines that some lines of the result are made of. */
function reach({ taps, index }, from, end) {
  let [low, high] = [Infinity, 0];
  for (let place = from * taps; place < end * taps; place++) {
    low = Math.min(low, index[place]);
    high = Math.max(high, index[place] + 1);
  }
  return [low, high];
}

/** Rows `from` to `end` of the result, of a picture whose row `skipped` is the first given. */
function alongRows(source, skipped, line, { taps, index, weight }, from, end, target) {
  const total = new Float64Array(line);
  const rounded = clamped(target);
  for (let row = from; row < end; row++) {
    total.fill(0);
    for (let place = row * taps; place < (row + 1) * taps; place++) {
      const share = weight[place];
      if (share === 0) continue;
      const start = (index[place] - skipped) * line;
      for (let at = 0; at < line; at++) total[at] += share * source[start + at];
    }
    const start = (row - from) * line;
    for (let at = 0; at < line; at++) rounded[start + at] = Math.floor(total[at] + 0.5);
  }
}

function alongColumns(source, width, channels, { taps, index, weight }, made, target) {
  const rounded = clamped(target);
  const rows = source.length / (width * channels);
  for (let row = 0; row < rows; row++) {
    const start = row * width * channels;
    let to = row * made * channels;
    for (let pixel = 0; pixel < made; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        let total = 0;
        for (let place = pixel * taps; place < (pixel + 1) * taps; place++) {
          total += weight[place] * source[start + index[place] * channels + channel];
        }
        rounded[to++] = Math.floor(total + 0.5);
      }
    }
  }
}

/** The same bytes, which clip what is written to 0..255. */
function clamped({ buffer, byteOffset, length }) {
  return new Uint8ClampedArray(buffer, byteOffset, length);
}
