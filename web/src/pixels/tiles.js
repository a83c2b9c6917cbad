/**
 * Cut a picture into overlapping tiles whose results join without a seam: `mssn.upscaling.tiles`.
 *
 * @typedef {[number, number]} Span  first, last + 1
 * @typedef {{rows: Span, columns: Span, keepRows: Span, keepColumns: Span}} Tile  what is read, what is kept
 *   of it
 */

import { mirrored } from "./resize.js";

/**
 * Tiles of one size that together keep every pixel once, as few as a side of `side` allows.
 *
 * @param {number} height  of the picture
 * @param {number} width  of it
 * @param {number} side  the largest of a tile, halo included; above 2 * halo
 * @param {number} halo  context on each side
 * @returns {Tile[]}
 */
export function tiles(height, width, side, halo) {
  const across = spans(width, side, halo);
  return spans(height, side, halo).flatMap(([rows, keepRows]) =>
    across.map(([columns, keepColumns]) => ({ rows, columns, keepRows, keepColumns })),
  );
}

/** What each tile reads and keeps along one axis. */
function spans(length, longest, halo) {
  if (length <= longest)
    return [
      [
        [0, length],
        [0, length],
      ],
    ];
  const count = 1 + Math.ceil((length - longest) / (longest - 2 * halo));
  const side = Math.ceil((length + 2 * halo * (count - 1)) / count);
  let kept = 0;
  return Array.from({ length: count }, (_, number) => {
    const start = Math.floor((number * (length - side)) / (count - 1));
    const end = number === count - 1 ? length : start + side - halo;
    const span = [
      [start, start + side],
      [kept, end],
    ];
    kept = end;
    return span;
  });
}

/**
 * The tiles of a picture around which the network is shown a mirrored border.
 *
 * @param {number} height  of the picture, border aside
 * @param {number} width  of it
 * @param {{side: number, halo: number, border: number}} cut
 * @returns {Tile[]}  in pixels of the picture: `rows` and `columns` may reach beyond it
 */
export function borderedTiles(height, width, { side, halo, border }) {
  const largest = Math.max(side, 4 * halo) + 2 * border;
  const inside = ([first, last], length) => [clip(first - border, length), clip(last - border, length)];
  const moved = ([first, last]) => [first - border, last - border];
  return tiles(height + 2 * border, width + 2 * border, largest, halo).map((tile) => ({
    rows: moved(tile.rows),
    columns: moved(tile.columns),
    keepRows: inside(tile.keepRows, height),
    keepColumns: inside(tile.keepColumns, width),
  }));
}

function clip(place, length) {
  return Math.min(Math.max(place, 0), length);
}

/**
 * A tile's pixels as RGB, mirrored where it reaches beyond the picture.
 *
 * @param {import("./resize.js").Plane} plane
 * @param {Tile} tile
 * @returns {Uint8Array}  H x W x 3
 */
export function cutOut({ width, height, channels, pixels }, { rows, columns }) {
  const across = Array.from({ length: columns[1] - columns[0] }, (_, at) => mirrored(columns[0] + at, width));
  const rgb = new Uint8Array((rows[1] - rows[0]) * across.length * 3);
  const [green, blue] = channels === 3 ? [1, 2] : [0, 0];
  let to = 0;
  for (let row = rows[0]; row < rows[1]; row++) {
    const start = mirrored(row, height) * width;
    for (const column of across) {
      const from = (start + column) * channels;
      rgb[to++] = pixels[from];
      rgb[to++] = pixels[from + green];
      rgb[to++] = pixels[from + blue];
    }
  }
  return rgb;
}

/** Put the kept part of a tile's result into the whole; everything is `scale` times as large. */
export function putBack(whole, part, { keepRows, keepColumns }, scale) {
  const { width, channels, pixels } = whole;
  const line = (keepColumns[1] - keepColumns[0]) * scale * channels;
  let to = (keepRows[0] * scale * width + keepColumns[0] * scale) * channels;
  for (let from = 0; from < part.length; from += line, to += width * channels) {
    pixels.set(part.subarray(from, from + line), to);
  }
}

const SIDES = [96, 128, 160, 192, 224, 256, 320]; // the largest takes 40 MB (x2) to 60 MB (x4)
const EXTRA = 1000; // pixels that a tile costs beside its own

/**
 * The side of tiles by which several workers are done first: large ones compute less twice, small ones divide
 * better. It never changes the result.
 *
 * @param {number} height  of the picture
 * @param {number} width  of it
 * @param {{halo: number, border: number}} cut
 * @param {number} workers
 * @returns {number}
 */
export function sideFor(height, width, { halo, border }, workers) {
  const time = (side) => {
    const parts = borderedTiles(height, width, { side, halo, border });
    const [{ rows, columns }] = parts;
    return Math.ceil(parts.length / workers) * ((rows[1] - rows[0]) * (columns[1] - columns[0]) + EXTRA);
  };
  return SIDES.map((side) => [time(side), side]).reduce((best, other) =>
    other[0] <= best[0] ? other : best,
  )[1];
}
