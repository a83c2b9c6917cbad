/**
 * The worker that runs networks: one thread, one tile at a time.
 *
 * The engine gives the compiled kernels and may ask for a known answer: {module, known} -> {missed}. Then it
 * hands over a port for each picture, by which come the networks that the picture needs, {networks}, and its
 * tiles, {tile}; each is answered by {pixels}, or {error} and what its words are.
 */

import { open as openNetwork } from "./network/kernels.js";
import { mix } from "./pixels/blend.js";
import { toPixels } from "./pixels/neutral.js";

/** @type {Map<string, {runFloat: Function, close: Function}>} */
let opened = new Map();
let module = null;

self.onmessage = inTurn(async ({ data }) => {
  if (data.port) {
    data.port.onmessage = inTurn(async ({ data: asked }) => {
      const answer = await answered(() => (asked.tile ? enlarge(asked.tile) : open(asked.networks)));
      data.port.postMessage(answer, answer.pixels ? [answer.pixels.buffer] : []);
    });
    return;
  }
  module = data.module;
  self.postMessage(await answered(() => (data.known ? check(data.known) : {})));
});

/** A handler of messages that ends with one before it begins with the next. */
function inTurn(handle) {
  let last = Promise.resolve();
  return (event) => {
    last = last.then(() => handle(event));
  };
}

async function answered(work) {
  try {
    return await work();
  } catch (error) {
    return {
      error: error instanceof RangeError ? "too-large" : "failed",
      message: String(error?.message ?? error),
    };
  }
}

/** Open the networks of a picture, and close those of the one before. */
async function open(networks) {
  const before = opened;
  opened = new Map();
  for (const { key } of networks) if (before.has(key)) opened.set(key, before.get(key));
  for (const [key, network] of before) if (!opened.has(key)) await network.close();
  for (const { key, model } of networks) {
    if (!opened.has(key)) opened.set(key, await openNetwork(module, model));
  }
  return {};
}

/** What of a tile is kept, enlarged: by one network, or by the mix of two. */
async function enlarge({ rgb, height, width, keys, share, ...part }) {
  const networks = keys.map((key) => opened.get(key));
  const large = await networks[0].runFloat(rgb, height, width);
  if (networks[1]) mix(large, await networks[1].runFloat(rgb, height, width), share);
  return { pixels: toPixels(large, rgb, { height, width, ...part }) };
}

/** Whether a picture becomes what it is known to become: no level differs by more than one. */
async function check({ networks, tile, answer }) {
  await open(networks);
  const { pixels } = await enlarge(tile);
  const equal =
    pixels.length === answer.length && answer.every((level, at) => Math.abs(level - pixels[at]) <= 1);
  return { missed: !equal };
}
