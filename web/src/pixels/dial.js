/**
 * How strongly the traces of compression are removed: `mssn.upscaling.dial` and `mssn.image.compression`.
 *
 * @typedef {{lossy: boolean, kind: string, quality: number | null}} Compression  how a picture was stored
 * @typedef {{variant: "auto" | "photo" | "clean", strength: number | null}} Dial  what was asked for
 */

export const LEAST = 0.1; // the strength of a picture of which nothing bad is known

const CLEAN_FROM = { JPEG: 92, WebP: 85 }; // from which quality on clean weights score higher
const USUAL = { JPEG: 85, others: 78 }; // qualities of files that do not tell theirs
const STRONG = 30; // and one that is as bad as any
const SMOOTHED = 0.7; // beside a JPEG's, of kinds whose decoders smooth the traces themselves

/**
 * How strongly a file was compressed, as a network is told: `LEAST` to 1.
 *
 * @param {Compression} compression
 * @returns {number}
 */
export function strengthOf({ lossy, kind, quality }) {
  if (!lossy) return LEAST;
  const plain = kind === "JPEG" || kind === "";
  const lost = (100 - (quality ?? USUAL[plain ? "JPEG" : "others"])) / (100 - STRONG);
  const strength = (1 - LEAST) * Math.sqrt(Math.min(1, Math.max(0, lost)));
  return LEAST + strength * (plain ? 1 : SMOOTHED);
}

/**
 * Whether weights for photographs that are not told a strength enlarge a picture better.
 *
 * @param {Compression} compression
 * @returns {boolean}
 */
export function wantsPhoto({ lossy, kind, quality }) {
  return lossy && (quality === null || quality < CLEAN_FROM[kind]);
}

/**
 * Where the dial stands for a picture, 0 to 1.
 *
 * @param {Dial} dial
 * @param {Compression} compression
 * @param {boolean} told  whether the network made for photographs is told the strength
 * @returns {number}
 */
export function strengthAt({ variant, strength: asked }, compression, told) {
  if (variant === "clean") return 0;
  if (!told) return asked ?? Number(variant === "photo" || wantsPhoto(compression));
  let strength = asked ?? inSteps(strengthOf(compression));
  if (variant === "photo") strength = Math.max(strength, LEAST);
  return strength < LEAST ? strength : hundredths(strength);
}

/** What a network is told by default of a file, in twentieths; see `mssn.upscaling.dial.in_steps`. */
function inSteps(strength) {
  return halfToEven((strength < 0.5 ? Math.max(LEAST, 2 * strength - 0.5) : strength) * 20) / 20;
}

/** The share of the result that a network made for photographs has at a strength of the dial. */
export function shareOfPhoto(strength, told) {
  return told ? Math.min(1, strength / LEAST) : strength;
}

/**
 * What enlarged a picture, as its metadata say it: "mssn-s-photo 0.64", or the model's name where that says
 * all.
 *
 * @param {string} model
 * @param {number | null} strength
 * @returns {string}
 */
export function inWords(model, strength) {
  return strength && strength < 1 ? `${model} ${shortest(strength)}` : model;
}

/** With three digits at most, as Python's format `.3g`: 1e-05 where it is below 0.0001. */
function shortest(strength) {
  const [digits, power] = strength.toExponential(2).split("e");
  if (Number(power) >= -4) return String(Number(strength.toPrecision(3)));
  return `${Number(digits)}e-${String(-power).padStart(2, "0")}`;
}

/** Rounded to two decimals, exact halves to the even one, as Python's `round` does. */
function hundredths(value) {
  const eighths = value * 8; // only these have a half of a hundredth that is exact
  return Number.isInteger(eighths) ? halfToEven(value * 100) / 100 : Number(value.toFixed(2));
}

/** @param {number} value  @returns {number}  the nearest whole number; of two the even one */
export function halfToEven(value) {
  const whole = Math.floor(value);
  const rest = value - whole;
  return rest > 0.5 || (rest === 0.5 && whole % 2 === 1) ? whole + 1 : whole;
}
