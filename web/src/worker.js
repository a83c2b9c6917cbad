/**
 * The worker of one picture: decodes it, sends its tiles to the workers that run networks, joins what comes
 * back, encodes the result. It is made for each picture and ended with it, so that nothing of one stays in
 * memory.
 */

import { decode } from "./files/decode.js";
import { encode, leftOut, refuseOversize, WRITTEN } from "./files/encode.js";
import { resultFormat, resultName } from "./files/names.js";
import { provide } from "./files/provided.js";
import { inWords } from "./pixels/dial.js";
import { enlarge } from "./pixels/enlarge.js";
import { REACH } from "./pixels/neutral.js";
import { borderedTiles, cutOut, putBack, sideFor } from "./pixels/tiles.js";
import { cost, wayOf } from "./pixels/way.js";

const waiting = new Map(); // name of what the main thread was asked for -> who waits for it

self.onmessage = ({ data }) => {
  if (data.asset) return waiting.get(data.asset)(data);
  work(data).then(
    (done) => self.postMessage({ done }),
    (error) => self.postMessage({ failed: toldOf(error) }),
  );
};

/** An error as the page's engine throws it. */
function toldOf(error) {
  const message = String(error?.message ?? error);
  if (error?.code) return { code: error.code, message };
  const full = error instanceof RangeError; // an array that the browser cannot hold
  return full ? { code: "too-large", message: "" } : { code: "failed", message };
}

/** A file of the page, which the main thread fetches. */
const asset = (name) => answered(name, { asset: name });

/** What the main thread makes of a picture that the browser decodes. */
function bitmap(file, type, options) {
  const name = `bitmap ${waiting.size}`;
  return answered(name, { bitmap: { name, file, type, options } });
}

function answered(name, question) {
  return new Promise((resolve, reject) => {
    waiting.set(name, ({ bytes, error }) => (bytes ? resolve(bytes) : reject(error)));
    self.postMessage(question);
  });
}

/**
 * @param {object} job
 * @param {string} job.name  of the file
 * @param {ArrayBuffer} job.bytes  the file
 * @param {import("../../src/mssn/app/page/engine.js").Options} job.options
 * @param {import("./pixels/way.js").Model} job.model
 * @param {number} job.border  mirrored pixels that a network is shown around a picture
 * @param {string} job.version  of mssn
 * @param {number} job.most  pixels of the largest picture on the way that memory holds
 * @param {MessagePort[]} job.ports  to the workers that run networks
 */
async function work({ name, bytes, options, model, border, version, most, ports }) {
  provide({ asset, bitmap, version });
  const { scale, metadata } = options;
  const maxPixels = Math.floor(most / Math.max(1, scale * scale));
  const picture = await decode(new Uint8Array(bytes), { maxPixels });
  const before = { width: picture.width, height: picture.height };
  const format = resultFormat(name, options.format, WRITTEN);
  const way = wayOf(model, options, picture.compression, picture.height, picture.width);
  refuseOversize(way.width, way.height, format);
  refuseTooLarge(picture, way, most);

  const crew = await crewFor(way, ports);
  const total = cost(picture.height, picture.width, way.steps);
  let done = 0;
  const advance = (pixels) => {
    done += pixels;
    self.postMessage({ progress: done / total });
  };
  const large = await enlarge(opaque(picture), way, (plane, step) =>
    enlargeBy(crew, plane, step, border, advance),
  );
  const note = { model: inWords(way.model, way.strength), metadata };
  const result = { ...picture, ...large };
  const encoded = await encode(result, format, options.quality, note);
  return {
    blob: new Blob([encoded], { type: `image/${format}` }),
    name: resultName(name, scale, options.format, WRITTEN),
    before,
    after: { width: large.width, height: large.height },
    model: way.model,
    strength: way.strength,
    notes: leftOut(result, format, note),
  };
}

/** What is enlarged of a picture. */
function opaque({ width, height, channels, pixels, alpha, kept }) {
  return { width, height, channels, pixels, alpha, bits: kept?.bits };
}

function refuseTooLarge({ width, height }, way, most) {
  let pixels = Math.max(width * height, way.width * way.height);
  let step = width * height;
  for (const { scale } of way.steps) pixels = Math.max(pixels, (step *= scale * scale));
  if (pixels <= most) return;
  const words = `the result would have ${way.width} x ${way.height} pixels; choose a smaller factor`;
  throw { code: "too-large", message: words };
}

/** The workers that run networks, each with those that a picture needs. */
async function crewFor(way, ports) {
  const needed = new Map(way.steps.flatMap((step) => step.networks.map((told) => [keyOf(told), told])));
  const networks = await Promise.all(
    [...needed].map(async ([key, told]) => ({ key, model: await modelOf(told), halo: told.network.halo })),
  );
  const crew = ports.map(asking);
  await Promise.all(crew.map((ask) => ask({ networks })));
  return crew;
}

function keyOf({ network, strength }) {
  return network.told === null ? network.file : `${network.file} ${strength}`;
}

/** The bytes of a network's file, its strength put in. */
async function modelOf({ network, strength }) {
  const bytes = await asset(`models/${network.file}`);
  if (network.told !== null)
    new DataView(bytes.buffer, bytes.byteOffset).setFloat32(network.told, strength, true);
  return bytes;
}

/** Ask one thing after another by a port. */
function asking(port) {
  let answer = null;
  port.onmessage = ({ data }) => answer(data);
  return (question, transfer = []) =>
    new Promise((resolve, reject) => {
      answer = (data) => (data.error ? reject({ code: data.error, message: data.message }) : resolve(data));
      port.postMessage(question, transfer);
    });
}

/** Enlarge a plane by the networks of a step, tile by tile. */
async function enlargeBy(crew, plane, { networks, scale, share }, border, advance) {
  const { channels } = plane;
  const [width, height] = [plane.width * scale, plane.height * scale];
  const whole = { width, height, channels, pixels: new Uint8Array(width * height * channels) };
  const halo = Math.max(REACH, ...networks.map(({ network }) => network.halo));
  const side = sideFor(plane.height, plane.width, { halo, border }, crew.length);
  const left = borderedTiles(plane.height, plane.width, { side, halo, border });
  const keys = networks.map(keyOf);
  await Promise.all(
    crew.map(async (ask) => {
      while (left.length) {
        const tile = left.shift();
        const rgb = cutOut(plane, tile);
        const part = { rgb, ...partOf(tile), keys, share, scale, channels };
        const { pixels } = await ask({ tile: part }, [rgb.buffer]);
        putBack(whole, pixels, tile, scale);
        advance(part.rows * part.columns * networks.length);
      }
    }),
  );
  return whole;
}

/** A tile's size, and which of its pixels are kept. */
function partOf({ rows, columns, keepRows, keepColumns }) {
  return {
    height: rows[1] - rows[0],
    width: columns[1] - columns[0],
    top: keepRows[0] - rows[0],
    left: keepColumns[0] - columns[0],
    rows: keepRows[1] - keepRows[0],
    columns: keepColumns[1] - keepColumns[0],
  };
}
