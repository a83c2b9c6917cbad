// Where a picture lies on the stage: arithmetic alone.

/**
 * @typedef {object} View
 * @property {number} width of the picture on the stage, CSS pixels
 * @property {number} height
 * @property {number} left of its left edge on the stage; below 0 if that is out of sight
 * @property {number} top
 * @property {number} x what lies in the middle of the stage, 0 to 1 of the picture's width
 * @property {number} y
 * @property {{x: number, y: number, width: number, height: number}} part what is seen, 0 to 1
 * @property {boolean} whole whether all of it is seen
 */

/**
 * Places a picture so that a point of it is in the middle as far as its edges allow, on whole device pixels.
 *
 * @param {import("./engine.js").Size} picture pixels
 * @param {import("./engine.js").Size} stage CSS pixels
 * @param {number} zoom device pixels for each pixel
 * @param {number} density device pixels for each CSS pixel
 * @param {{x: number, y: number}} point
 * @returns {View}
 */
export function place(picture, stage, zoom, density, point) {
  const across = along(picture.width, stage.width, zoom, density, point.x);
  const down = along(picture.height, stage.height, zoom, density, point.y);
  return {
    width: across.length,
    height: down.length,
    left: across.start,
    top: down.start,
    x: across.middle,
    y: down.middle,
    part: { x: across.from, y: down.from, width: across.share, height: down.share },
    whole: across.share === 1 && down.share === 1,
  };
}

function along(pixels, room, zoom, density, middle) {
  const length = (pixels * zoom) / density;
  const wanted = length <= room ? (room - length) / 2 : clamp(room / 2 - middle * length, room - length, 0);
  const start = Math.round(wanted * density) / density;
  if (length <= room) return { length, start, middle: 0.5, from: 0, share: 1 };
  return { length, start, middle: (room / 2 - start) / length, from: -start / length, share: room / length };
}

/** Where the divider is on the stage: a share of the part of the picture that is seen, in CSS pixels. */
export function cutAt(view, stage, share) {
  const [from, to] = span(view, stage);
  return from + share * (to - from);
}

/** The other way round. */
export function shareAt(view, stage, x) {
  const [from, to] = span(view, stage);
  return clamp((x - from) / (to - from), 0, 1);
}

const span = ({ left, width }, stage) => [Math.max(0, left), Math.min(stage.width, left + width)];

export const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
