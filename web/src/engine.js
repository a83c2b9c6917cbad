/**
 * The page's engine that runs in the visitor's browser: pictures go to its workers, never to another machine.
 */

import { EngineError } from "../../src/mssn/app/page/engine.js";
import { firstThatIsRight } from "./backends.js";
import { Crew } from "./crew.js";
import { BICUBIC, factors } from "./pixels/way.js";

/**
 * @typedef {import("../../src/mssn/app/page/engine.js").Engine} Engine
 *
 * @typedef {object} Site  what the page offers its engine
 * @property {(name: string) => Promise<Uint8Array>} asset  one of its files
 * @property {(name: "worker" | "network") => Worker} makeWorker  runs worker.js or network.js; called again
 *   for every picture
 * @property {(name: string) => boolean} [hasAsset]  what cannot be had is not offered
 * @property {number} [cores]  how many to use
 */

const FORMATS = ["png", "jpeg", "webp"];
const MOST_SCALE = 16;
const MOST_CORES = 8;

/**
 * @param {Site} site
 * @returns {Promise<Engine>}
 * @throws {EngineError} "offline": a file cannot be had; "unsupported": the browser does not compute, or
 *   wrongly
 */
export async function start({ asset, makeWorker, hasAsset = () => true, cores = coresToUse() }) {
  const kept = once(asset);
  const about = JSON.parse(new TextDecoder().decode(await kept("models/models.json")));
  const models = offered(about.models, hasAsset);
  const right = await firstThatIsRight({ asset, makeWorker }, await knownAnswer(about.known, kept));
  const crew = new Crew({ asset: kept, makeWorker, cores, ...right });
  let turn = Promise.resolve(); // of the next picture: one after another

  async function upscale(file, options, { signal, progress } = {}) {
    const model = chosen(models, options);
    const { promise, done } = later();
    const before = turn;
    turn = promise;
    try {
      await before;
      return await crew.enlarge(
        { file, options, model, border: about.border, version: about.version },
        signal,
        progress,
      );
    } finally {
      done();
    }
  }

  return {
    kind: "browser",
    models: models.map(described),
    formats: FORMATS,
    accept: "image/*",
    films: false,
    cores,
    backend: right.backend,
    note: null,
    upscale: (file, options, how) => unlessCancelled(how?.signal, upscale(file, options, how)),
    close: () => crew.close(),
  };
}

function coresToUse() {
  const { hardwareConcurrency = 2, deviceMemory = MOST_CORES } = navigator; // gigabytes, where it is told
  return Math.max(1, Math.min(hardwareConcurrency, deviceMemory, MOST_CORES));
}

/** Every file is fetched once; what fails is tried anew. */
function once(asset) {
  const fetched = new Map();
  return (name) => {
    if (!fetched.has(name)) {
      const bytes = asset(name);
      fetched.set(name, bytes);
      bytes.catch(() => fetched.delete(name));
    }
    return fetched.get(name);
  };
}

/** The models without the networks that cannot be had, and without those that have none left. */
function offered(models, hasAsset) {
  const had = (family) => {
    const networks = Object.entries(family?.scales ?? {}).filter(([, { file }]) =>
      hasAsset(`models/${file}`),
    );
    return networks.length ? { ...family, scales: Object.fromEntries(networks) } : null;
  };
  const reduced = models.map((model) => ({ ...model, clean: had(model.clean), photo: had(model.photo) }));
  const bicubic = { name: BICUBIC, clean: { name: BICUBIC, scales: {} }, photo: null };
  return [...reduced.filter(({ clean }) => clean), bicubic];
}

function described({ name, clean, photo }) {
  const told = photo === null ? [] : factors(photo).filter((scale) => photo.scales[scale].told !== null);
  const bytes = Object.fromEntries(
    Object.entries(clean.scales).map(([scale, network]) => [scale, network.bytes]),
  );
  return { name, scales: factors(clean), photo: photo === null ? [] : factors(photo), told, bytes };
}

/** The model that is asked for, by options that make sense, as the command line has them. */
function chosen(models, { model: name, scale, variant, strength }) {
  const model = models.find((one) => one.name === name);
  if (!model) throw new EngineError("failed", `there is no model ${name}`);
  if (!(scale > 0 && scale <= MOST_SCALE))
    throw new EngineError("failed", `no scale from 0 to ${MOST_SCALE}: ${scale}`);
  if (!["auto", "photo", "clean"].includes(variant))
    throw new EngineError("failed", `no variant: ${variant}`);
  if (strength !== null && !(strength >= 0 && strength <= 1))
    throw new EngineError("failed", `no strength: ${strength}`);
  if ((variant === "clean" && strength > 0) || (variant === "photo" && strength === 0)) {
    throw new EngineError("failed", `a strength of ${strength} contradicts the variant ${variant}`);
  }
  if (model.photo === null && (variant === "photo" || strength)) {
    throw new EngineError("failed", `${name} has no weights made for photographs`);
  }
  return model;
}

/** What a backend is tried with: the picture, what it must become, and the network. */
async function knownAnswer({ file, halo, scale, width, height, answer }, asset) {
  const [model, bytes] = await Promise.all([asset(`models/${file}`), asset(`models/${answer}`)]);
  const rgb = bytes.subarray(0, width * height * 3);
  const whole = { top: 0, left: 0, rows: height, columns: width };
  const tile = { rgb, width, height, ...whole, keys: [file], share: 1, scale, channels: 3 };
  return { networks: [{ key: file, model, halo }], tile, answer: bytes.subarray(rgb.length) };
}

function later() {
  let done;
  const promise = new Promise((resolve) => (done = resolve));
  return { promise, done };
}

/** What comes of some work, or at once that it is cancelled. */
function unlessCancelled(signal, work) {
  return new Promise((resolve, reject) => {
    const cancel = () => reject(new EngineError("cancelled"));
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    work.then(resolve, reject).finally(() => signal?.removeEventListener("abort", cancel));
  });
}
