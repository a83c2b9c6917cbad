// The page's kernels beside onnxruntime-web, one thread each, in turns: node page_kernels.mjs MODELS ROUNDS
//
// MODELS is the folder of the .onnx files. Prints a line of JSON: the milliseconds that a tile takes each way,
// how far the values are apart, what each way weighs, and how long it takes until it can run.

import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { gzipSync } from "node:zlib";

import { open } from "../web/src/network/kernels.js";

setFlagsFromString("--experimental-wasm-relaxed-simd"); // Node.js 20 knows it, but asks for this
const [models, rounds] = process.argv.slice(2);
const WEB = new URL("../web/", import.meta.url);
const ORT = new URL("node_modules/onnxruntime-web/dist/", WEB);
const SIDE = 160;
const NETWORKS = ["mssn-s-x2", "mssn-m-x2", "mssn-x2"];

const read = (name, place = WEB) => readFileSync(new URL(name, place));
const network = (name) => readFileSync(`${models}/${name}.onnx`);
const kernels = Object.fromEntries(
  ["kernels-relaxed", "kernels"].map((name) => [name, read(`src/network/${name}.wasm`)]),
);
const engine = read("ort-wasm-simd-threaded.wasm", ORT);
const ort = await import(new URL("ort.wasm.bundle.min.mjs", ORT));
Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary: engine });
const session = (model) =>
  ort.InferenceSession.create(model, { executionProviders: ["wasm"], logSeverityLevel: 3 });

const rgb = Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, at) => (at * 2654435761) >>> 24);
const planes = Float32Array.from(
  { length: rgb.length },
  (_, at) => rgb[3 * (at % (SIDE * SIDE)) + Math.floor(at / (SIDE * SIDE))] / 255,
);

async function timed(work) {
  const began = performance.now();
  const result = await work();
  return [performance.now() - began, result];
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const compressed = (...parts) => parts.reduce((sum, part) => sum + gzipSync(part, { level: 9 }).length, 0);

/** Three ways to run a network on a tile: the time, and the most that a value differs from the last one's. */
async function beside(model) {
  const ways = {};
  for (const [name, code] of Object.entries(kernels)) {
    const opened = await open(new WebAssembly.Module(code), model);
    ways[name] = () => opened.runFloat(rgb, SIDE, SIDE);
  }
  const run = await session(model);
  ways["onnxruntime-web"] = async () => {
    const { sr } = await run.run({ lr: new ort.Tensor("float32", planes, [1, 3, SIDE, SIDE]) });
    return sr.data;
  };
  const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  const results = {};
  for (let round = 0; round <= rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const [time, result] = await timed(way);
      if (round > 0) times[name].push(time); // the first is warming up
      results[name] = result;
    }
  }
  await run.release();
  const exact = results["onnxruntime-web"];
  const count = exact.length / 3;
  const found = {};
  for (const name of Object.keys(ways)) {
    const shares = times[name].map((time, at) => time / times["onnxruntime-web"][at]);
    found[name] = { share: Number(median(shares).toFixed(3)) };
    if (name === "onnxruntime-web") continue;
    const differs = results[name].reduce(
      (most, value, at) => Math.max(most, Math.abs(value - exact[(at % 3) * count + Math.floor(at / 3)])),
      0,
    );
    found[name].differs = Number(differs.toExponential(1));
  }
  for (const name of Object.keys(ways)) found[name].ms = Number(median(times[name]).toFixed(1));
  return found;
}

// The first network of a process: what is compiled and built before it can run.
const small = network(NETWORKS[0]);
const [ours] = await timed(async () => open(await WebAssembly.compile(kernels["kernels-relaxed"]), small));
const [theirs] = await timed(() => session(small));
const networks = {};
for (const name of NETWORKS) networks[name] = await beside(network(name));
const bytes = {
  kernels: compressed(kernels["kernels-relaxed"]),
  "onnxruntime-web": compressed(engine, read("ort.wasm.min.mjs", ORT)),
};
const ready = { kernels: Math.round(ours * 10) / 10, "onnxruntime-web": Math.round(theirs * 10) / 10 };
console.log(JSON.stringify({ side: SIDE, networks, bytes_compressed: bytes, ready_ms: ready }));
