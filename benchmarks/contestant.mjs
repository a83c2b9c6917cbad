// @upscalerjs/esrgan-slim in TensorFlow.js, WebAssembly, in Node: `serve` of contestant.py, in the same words.
//
//     node benchmarks/contestant.mjs FOLDER SCALE     (FOLDER: where node_modules lies)

import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

const [folder, scale] = process.argv.slice(2);
const require = createRequire(join(folder, "here.js"));
console.log = console.warn = console.info = console.error; // answers alone go to standard output
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
wasm.setWasmPaths(dirname(require.resolve("@tensorflow/tfjs-backend-wasm")) + "/");
await tf.setBackend("wasm");
await tf.ready();

const entry = `@upscalerjs/esrgan-slim/${scale}x`;
const definition = require(entry);
definition.setup?.(tf);
const file = join(require.resolve(entry).split("/dist/")[0], definition._internals.path);
const { modelTopology, weightsManifest } = JSON.parse(readFileSync(file, "utf8"));
const weightData = new Uint8Array(readFileSync(join(dirname(file), weightsManifest[0].paths[0]))).buffer;
const model = await tf.loadLayersModel({
  load: async () => ({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }),
});

async function enlarge({ data, height, width }) {
  const large = tf.tidy(() => {
    const lr = tf.tensor(data, [1, height, width, 3], "int32").toFloat();
    return model.predict(lr).clipByValue(0, 255).round().toInt();
  });
  const pixels = Uint8Array.from(await large.data());
  large.dispose();
  return { data: pixels, height: height * scale, width: width * scale };
}

function load(path) {
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  const [, height, width] = bytes.toString("latin1", 10, start).match(/'shape': \((\d+), (\d+), 3\)/);
  return { data: new Uint8Array(bytes.subarray(start)), height: Number(height), width: Number(width) };
}

function save(path, { data, height, width }) {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${height}, ${width}, 3), }`;
  const header = text.padEnd(117) + "\n";
  const start = Buffer.from("\x93NUMPY\x01\x00\x00\x00", "latin1");
  start.writeUInt16LE(header.length, 8);
  writeFileSync(path, Buffer.concat([start, Buffer.from(header), data]));
}

function answer(values) {
  process.stdout.write(JSON.stringify(values) + "\n");
}

const modules = join(folder, "node_modules");
const sizes = readdirSync(modules, { recursive: true }).map((name) => statSync(join(modules, name)));
const bytes = sizes.filter((entry) => entry.isFile()).reduce((sum, entry) => sum + entry.size, 0);
answer({ install_mb: Math.round(bytes / 1e6), parameters: model.countParams() });
let known, pixels;
for await (const line of createInterface({ input: process.stdin })) {
  const [source, target] = line.split("\t");
  if (source !== known) [known, pixels] = [source, load(source)];
  const started = performance.now();
  const used = process.cpuUsage();
  const large = await enlarge(pixels);
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(used);
  if (target) save(target, large);
  const held = readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s+(\d+) kB/)[1];
  answer({ seconds, processor: (user + system) / 1e6, peak_mb: Math.round(held / 1024) });
}
