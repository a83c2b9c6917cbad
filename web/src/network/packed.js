/** The weights of an MSSN, packed as the kernels take them (as mssn.runtime.native.network does). */

import { constants } from "./onnx.js";

const LANES = 4; // floats in a register: outputs of the last layer are rounded up to as many
const SHAPES = ["32 64", "64 128", "64 256"]; // C and E that the kernels know
const SCALES = [2, 3, 4];

/**
 * @typedef {{head: Float32Array, bias: Float32Array}} Head 27 x C, and C
 * @typedef {Head & {units: Float32Array}} Block its units one after another: expand C x E, depthwise 9 x E,
 *   project E x C
 * @typedef {object} Packed
 * @property {number} channels C, between units
 * @property {number} expanded E, inside of them
 * @property {number} units of a block
 * @property {number} scale
 * @property {number} outputs of the last layer, rounded up
 * @property {Float32Array} mean taken off the picture
 * @property {Head} source makes the first block's input
 * @property {Block[]} blocks
 * @property {Float32Array} features 9 * C x outputs: the last layer's share of the features
 * @property {Float32Array} picture 76 x outputs: its share of the picture; the last row is a bias
 */

/**
 * @param {Uint8Array} model an .onnx file
 * @returns {Packed}
 * @throws {Error} it is no MSSN
 */
export function packed(model) {
  const found = constants(model);

  function take(name, size) {
    const values = found.get(name) ?? found.get(`${name}.half`);
    if (!values || (size && values.length !== size)) throw other(name);
    return values;
  }
  const has = (name) => found.has(name) || found.has(`${name}.half`);
  const counted = (name) => {
    let count = 0;
    while (has(name(count))) count++;
    return count;
  };

  const told = has("heads.0.base");
  const channels = take(told ? "heads.0.base" : "heads.0.bias").length;
  const expanded = take("blocks.0.0.depthwise.weight").length / 9;
  const units = counted((unit) => `blocks.0.${unit}.expand.weight`);
  const blocks = counted((block) => `blocks.${block}.0.expand.weight`);
  const bias = take("tail.bias");
  const scale = Math.sqrt(bias.length / 3);
  const outputs = Math.ceil(bias.length / LANES) * LANES;
  if (!SHAPES.includes(`${channels} ${expanded}`) || !SCALES.includes(scale)) throw other("tail.bias");

  function head(index) {
    const weight = turned(take(`heads.${index}.weight`, 27 * channels), channels, 3, 9);
    return { head: weight, bias: told ? toldBias(index) : take(`heads.${index}.bias`, channels) };
  }

  function toldBias(index) {
    const slope = take(`heads.${index}.slope`, channels);
    const [strength] = take("strength", 1);
    return take(`heads.${index}.base`, channels).map((base, i) => base + Math.fround(slope[i] * strength));
  }

  function unit(name) {
    return [
      turned(take(`${name}.expand.weight`, expanded * channels), expanded, channels, 1),
      turned(take(`${name}.depthwise.weight`, expanded * 9), expanded, 1, 9),
      turned(take(`${name}.project.weight`, channels * expanded), channels, expanded, 1),
    ];
  }

  function block(index) {
    const parts = Array.from({ length: units }, (_, u) => unit(`blocks.${index}.${u}`)).flat();
    return { ...head(index + 1), units: joined(parts) };
  }

  const mean = take("minus_mean", 3).map((value) => -value);
  const picture = new Float32Array(76 * outputs);
  picture.set(turned(take("skip.weight", bias.length * 75), bias.length, 3, 25, outputs));
  bias.forEach((value, n) => {
    picture[(12 * 3 + (n % 3)) * outputs + n] += 1; // the picture itself, which each large pixel is a change of
    picture[75 * outputs + n] = value + mean[n % 3];
  });
  return {
    channels,
    expanded,
    units,
    scale,
    outputs,
    mean,
    source: head(0),
    blocks: Array.from({ length: blocks }, (_, index) => block(index)),
    features: turned(take("tail.weight", bias.length * channels * 9), bias.length, channels, 9, outputs),
    picture,
  };
}

function other(name) {
  return new Error(`not a network that the kernels can run (${name})`);
}

/** Weights n x k x taps as taps x k x n, in rows of `room`. */
function turned(weights, n, k, taps, room = n) {
  const out = new Float32Array(taps * k * room);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < k; j++)
      for (let tap = 0; tap < taps; tap++) out[(tap * k + j) * room + i] = weights[(i * k + j) * taps + tap];
  return out;
}

function joined(parts) {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
