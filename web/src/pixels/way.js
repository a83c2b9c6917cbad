/**
 * Which networks enlarge a picture, in which order, told what: `mssn.upscaling.way` and `Upscaler`.
 *
 * @typedef {{file: string, halo: number, told: number | null, bytes: number}} Network  as in models.json
 * @typedef {{name: string, scales: Record<string, Network>}} Family  a model's networks by their factors
 * @typedef {{name: string, clean: Family, photo: Family | null}} Model  what is chosen by name
 * @typedef {{network: Network, strength: number}} Told
 * @typedef {{scale: number, name: string, networks: Told[], share: number}} Step  two networks are mixed:
 *   `share` is of the second
 * @typedef {{height: number, width: number, steps: Step[], strength: number | null, model: string}} Way
 * @typedef {import("./dial.js").Compression} Compression
 */

import { LEAST, shareOfPhoto, strengthAt } from "./dial.js";

export const BICUBIC = "bicubic";

/**
 * How a picture becomes `scale` times as large.
 *
 * @param {Model} model
 * @param {{scale: number, variant: "auto" | "photo" | "clean", strength: number | null}} options
 * @param {Compression} compression  how it was stored
 * @param {number} height
 * @param {number} width
 * @returns {Way}
 */
export function wayOf(model, options, compression, height, width) {
  const size = { height: enlarged(height, options.scale), width: enlarged(width, options.scale) };
  const smaller = size.height < height || size.width < width; // no network helps
  const { steps, strength } = smaller ? { steps: [], strength: null } : stepsOf(model, options, compression);
  return { ...size, steps, strength, model: steps.length ? steps[0].name : BICUBIC };
}

/** A side of the result: at least one pixel, halves rounded up. */
function enlarged(length, scale) {
  return Math.max(1, Math.floor(length * scale + 0.5));
}

function stepsOf({ clean, photo }, options, compression) {
  const { scale } = options;
  const whole = factors(clean);
  const told = (family, factor, strength) => ({ network: family.scales[factor], strength });
  const plain = (factor) => ({
    scale: factor,
    name: clean.name,
    networks: [told(clean, factor, LEAST)],
    share: 1,
  });
  const scales = photo === null ? [] : chain(scale, factors(photo), whole);
  if (scales.length) {
    const [first, ...later] = scales;
    const takes = photo.scales[first].told !== null;
    const strength = strengthAt(options, compression, takes);
    const share = shareOfPhoto(strength, takes);
    if (share) {
      const networks = [told(photo, first, takes ? Math.max(strength, LEAST) : LEAST)];
      const mixed = share < 1;
      if (mixed) networks.unshift(told(clean, first, LEAST));
      const name = mixed ? `${clean.name} + ${photo.name}` : photo.name;
      return { steps: [{ scale: first, name, networks, share }, ...later.map(plain)], strength };
    }
  }
  const steps = chain(scale, whole).map(plain);
  return { steps, strength: steps.length && photo !== null ? 0 : null };
}

/** @param {Family} family  @returns {number[]}  the whole factors it enlarges by, smallest first */
export function factors(family) {
  return Object.keys(family.scales).map(Number);
}

/**
 * Whole factors whose product is at least `factor`: as few as possible, then as small as possible, the
 * smallest first.
 *
 * @param {number} factor
 * @param {number[]} scales  there are for the first step
 * @param {number[]} [later]  those for the steps behind it, where they differ
 * @returns {number[]}
 */
export function chain(factor, scales, later = []) {
  if (!scales.length) return [];
  const next = later.length ? later : scales;
  const enough = (whole) => product(whole) >= factor * (1 - 1e-9);
  let chains = [[]];
  while (!chains.some(enough)) {
    chains = chains.flatMap((begun) =>
      (begun.length ? next : scales)
        .filter((scale) => begun.length < 2 || scale >= begun.at(-1))
        .map((scale) => [...begun, scale]),
    );
  }
  return chains.filter(enough).reduce((best, other) => (before(other, best) ? other : best));
}

function product(whole) {
  return whole.reduce((all, scale) => all * scale, 1);
}

/** Whether a chain is the better one: of a smaller product, then smaller from the front. */
function before(one, other) {
  if (product(one) !== product(other)) return product(one) < product(other);
  const differs = one.findIndex((scale, place) => scale !== other[place]);
  return differs >= 0 && one[differs] < other[differs];
}

/** Pixels that networks enlarge in all, for a picture of this size. */
export function cost(height, width, steps) {
  let [pixels, done] = [0, height * width];
  for (const { networks, scale } of steps) {
    pixels += done * networks.length;
    done *= scale * scale;
  }
  return pixels;
}
