// Colour tags of a PNG (or AVIF) as an ICC profile, for formats that hold nothing else. The same, to the
// byte, as mssn/image/profile.py. Sources: PNG, third edition (2025), sections 4.3 and 11.3.2; ITU-T H.273
// (2021), tables 2 and 3; ICC.1:2022, sections 7.2, 8.3, 8.4, 10.18, annex E.

import { bytesOf, has, joined, number, numbered, roundHalfEven } from "./bytes.js";

const [D65, C, THEATRE] = [
  [0.3127, 0.329],
  [0.31, 0.316],
  [0.314, 0.351],
];
const SRGB = [...D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06]; // white, red, green, blue
const PRIMARIES = {
  1: SRGB,
  4: [...C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08],
  5: [...D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06],
  6: [...D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07],
  7: [...D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07],
  8: [...C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049],
  9: [...D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046],
  11: [...THEATRE, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
  12: [...D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
  22: [...D65, 0.63, 0.34, 0.295, 0.605, 0.155, 0.077],
};
const SRGB_CURVE = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]; // ((aX + b)^g above d, cX below)
// Cameras' curves (1, 6, 14, 15) are shown with that of sRGB, as browsers do.
const CURVES = {
  ...Object.fromEntries([1, 2, 6, 13, 14, 15].map((code) => [code, SRGB_CURVE])),
  4: [2.2],
  5: [2.8],
  7: [1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 0.0912],
  8: [1],
  17: [2.6],
};
const UNKNOWN = 2;
const D50 = [0xf6d6, 0x10000, 0xd32d]; // as the header of every profile must state it
const BRADFORD = [
  [0.8951, 0.2664, -0.1614],
  [-0.7502, 1.7135, 0.0367],
  [0.0389, -0.0685, 1.0296],
];

/** Whether tags say no more than is meant without any: sRGB. @param {[string, Uint8Array][]} colours */
export function isSrgb(colours) {
  const meant = meantBy(colours);
  return meant !== null && meant[0] === SRGB && meant[1] === SRGB_CURVE;
}

/** Whether an ICC profile is one for "GRAY", "RGB " or "CMYK". */
export function describes(icc, space) {
  return has(icc, space, 16);
}

/**
 * The ICC profile (version 4) of a picture with these tags, or null if none can say it.
 * @param {[string, Uint8Array][]} colours
 * @param {boolean} grey  for grey instead of RGB
 */
export function profileOf(colours, grey) {
  const meant = meantBy(colours);
  const matrices = meant && matricesOf(meant[0]);
  const numbers = meant && [...meant[1], ...(matrices ?? [[NaN]]).flat(2)];
  if (!numbers?.every((value) => Math.abs(value) < 32768)) return null;
  const [matrix, adaptation] = matrices;
  const curve = meant[1];
  const trc = joined(bytesOf("para"), [0, 0, 0, 0, 0, curve.length === 1 ? 0 : 3, 0, 0], fixed(curve));
  const xyz = (content) => joined(bytesOf("XYZ \0\0\0\0"), content);
  const tags = [
    ["desc", text("Colours of the original")],
    ["cprt", text("No copyright, use freely")],
    ["wtpt", xyz(joined(...D50.map((value) => numbered(value, 4))))],
    ["chad", joined(bytesOf("sf32\0\0\0\0"), fixed(adaptation.flat()))],
  ];
  if (grey) return profile("GRAY", [...tags, ["kTRC", trc]]);
  const columns = ["rXYZ", "gXYZ", "bXYZ"].map((tag, n) => [tag, xyz(fixed(matrix.map((row) => row[n])))]);
  return profile("RGB ", [...tags, ...columns, ...["rTRC", "gTRC", "bTRC"].map((tag) => [tag, trc])]);
}

/** Primaries and curve of the tag that wins; null if they cannot be stated so. */
function meantBy(colours) {
  const tags = new Map(colours);
  if (tags.has("cICP")) {
    const [primaries, transfer] = tags.get("cICP");
    const found = [PRIMARIES[primaries === UNKNOWN ? 1 : primaries], CURVES[transfer]];
    return found[0] && found[1] ? found : null;
  }
  if (tags.has("sRGB") || !(tags.has("gAMA") || tags.has("cHRM"))) return [SRGB, SRGB_CURVE];
  const chrm = tags.get("cHRM");
  const primaries = chrm ? SRGB.map((_, n) => number(chrm, 4 * n, 4) / 100000) : SRGB;
  const srgb = primaries.every((value, n) => Math.abs(value - SRGB[n]) < 0.001);
  const gamma = tags.has("gAMA") ? number(tags.get("gAMA"), 0, 4) : NaN;
  // 1/2.2 is how sRGB is stated in short.
  const usual = !tags.has("gAMA") || (srgb && Math.abs(gamma - 45455) <= 100);
  if (usual) return [srgb ? SRGB : primaries, SRGB_CURVE];
  return gamma === 0 ? null : [primaries, [100000 / gamma]];
}

/** RGB to XYZ under D50, and the adaptation from the own white to D50, each 3x3. */
function matricesOf(primaries) {
  const corners = [0, 2, 4, 6].map((n) => {
    const [x, y] = primaries.slice(n, n + 2);
    return [x / y, 1, (1 - x - y) / y];
  });
  const [white, ...rgb] = corners;
  const columns = transposed(rgb);
  const [from, to] = [white, D50.map((value) => value / 65536)].map((point) => times(BRADFORD, point));
  const cones = BRADFORD.map((row, n) => row.map((value) => (value * to[n]) / from[n]));
  const adaptation = product(inverse(BRADFORD), cones);
  const shares = times(inverse(columns), white);
  return [
    product(
      adaptation,
      columns.map((row) => row.map((value, n) => value * shares[n])),
    ),
    adaptation,
  ];
}

const transposed = (m) => m[0].map((_, n) => m.map((row) => row[n]));
const times = (m, v) => m.map((row) => row.reduce((sum, value, n) => sum + value * v[n], 0));
const product = (a, b) => transposed(transposed(b).map((column) => times(a, column)));

/** By cofactors; of infinite numbers where there is none. */
function inverse(m) {
  const minor = (r, c) => {
    const [[a, b], [d, e]] = m.filter((_, n) => n !== r).map((row) => row.filter((_, n) => n !== c));
    return (a * e - b * d) * ((r + c) % 2 ? -1 : 1);
  };
  const determinant = [0, 1, 2].reduce((sum, c) => sum + m[0][c] * minor(0, c), 0);
  return [0, 1, 2].map((r) => [0, 1, 2].map((c) => minor(c, r) / determinant));
}

/** Numbers as s15Fixed16. */
function fixed(values) {
  return joined(...values.map((value) => numbered((roundHalfEven(value * 65536) + 2 ** 32) % 2 ** 32, 4)));
}

function text(english) {
  const content = joined(...[...bytesOf(english)].map((letter) => [0, letter]));
  const [one, size, length, place] = [1, 12, content.length, 28].map((value) => numbered(value, 4));
  return joined(bytesOf("mluc\0\0\0\0"), one, size, bytesOf("enUS"), length, place, content);
}

/** Header, table and the tags' data, those that are equal once. */
function profile(space, tags) {
  let place = 128 + 4 + 12 * tags.length;
  const places = new Map();
  for (const data of new Set(tags.map(([, content]) => content))) {
    places.set(data, place);
    place += data.length + (-data.length & 3);
  }
  const table = tags.map(([tag, data]) => [
    bytesOf(tag),
    numbered(places.get(data), 4),
    numbered(data.length, 4),
  ]);
  const date = joined(...[2025, 1, 1, 0, 0, 0].map((value) => numbered(value, 2))); // of no importance
  const start = joined(numbered(place, 4), [0, 0, 0, 0, 4, 0x40, 0, 0], bytesOf("mntr"), bytesOf(space));
  const header = joined(start, bytesOf("XYZ "), date, bytesOf("acsp"), new Uint8Array(28));
  const end = joined(...D50.map((value) => numbered(value, 4)), new Uint8Array(48));
  const body = [...places.keys()].map((data) => joined(data, new Uint8Array(-data.length & 3)));
  return joined(header, end, numbered(tags.length, 4), ...table.flat(), ...body);
}
