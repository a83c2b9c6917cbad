/**
 * Enlarge a decoded picture along its way: networks in a row, then a resize to the exact size; transparency
 * apart.
 *
 * @typedef {import("./resize.js").Plane} Plane
 * @typedef {import("./way.js").Step} Step
 * @typedef {import("./way.js").Way} Way
 * @typedef {Plane & {alpha: Uint8Array | null, bits?: number}} Opaque  a picture; `bits` 1: black and white
 *   only
 */

import { bleed } from "./alpha.js";
import { imresize } from "./resize.js";

/**
 * @param {Opaque} picture
 * @param {Way} way
 * @param {(plane: Plane, step: Step) => Promise<Plane>} run  enlarges by the networks of a step
 * @returns {Promise<Opaque>}
 */
export async function enlarge(picture, way, run) {
  let [plane, alpha] = [planeOf(picture), picture.alpha];
  const onlyBlackAndWhite = picture.bits === 1 ? threshold : (pixels) => pixels;
  for (const step of way.steps) {
    const { width, height } = plane;
    plane = onlyBlackAndWhite(await run(alpha === null ? plane : bleed(plane, alpha), step));
    alpha = resizedAlpha(alpha, width, height, plane);
  }
  if (plane.width !== way.width || plane.height !== way.height) {
    const { width, height } = plane;
    const visible = alpha === null || way.steps.length ? plane : bleed(plane, alpha);
    plane = onlyBlackAndWhite(imresize(visible, way.height, way.width));
    alpha = resizedAlpha(alpha, width, height, plane);
  }
  return { ...picture, width: way.width, height: way.height, pixels: plane.pixels, alpha };
}

function planeOf({ width, height, channels, pixels }) {
  return { width, height, channels, pixels };
}

/** Transparency is no photograph: bicubic. */
function resizedAlpha(alpha, width, height, large) {
  if (alpha === null) return null;
  if (alpha.every((share) => share === alpha[0]))
    return new Uint8Array(large.width * large.height).fill(alpha[0]);
  return imresize({ width, height, channels: 1, pixels: alpha }, large.height, large.width).pixels;
}

function threshold(plane) {
  plane.pixels.forEach((level, at) => {
    plane.pixels[at] = level < 128 ? 0 : 255;
  });
  return plane;
}
