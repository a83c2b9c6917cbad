/**
 * What the kernels of the page make of pictures: node kernels.mjs FOLDER
 *
 * In the folder: model.onnx; jobs.json {kernels, pictures: [{height, width}], refused: [height, width] or null};
 * picture k is k.rgb. Left there: k.levels and k.floats; constants.json (names and lengths) and constants
 * (float32); done.json {known, memory: bytes after each picture, error,
 * refusal: kind of error}; known: whether this Node.js can run them.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";

import { open } from "../../web/src/network/kernels.js";
import { constants } from "../../web/src/network/onnx.js";

setFlagsFromString("--experimental-wasm-relaxed-simd"); // Node.js 20 knows it, but asks for this
const [folder] = process.argv.slice(2);
const read = (name) => readFileSync(`${folder}/${name}`);
const write = (name, content) => writeFileSync(`${folder}/${name}`, content);
const done = { known: false, memory: [], error: null, refusal: null };

try {
  const { kernels, pictures, refused } = JSON.parse(read("jobs.json"));
  const model = read("model.onnx");
  const found = [...constants(model)];
  write("constants.json", JSON.stringify(found.map(([name, values]) => [name, values.length])));
  write("constants", Buffer.concat(found.map(([, values]) => new Uint8Array(values.buffer))));
  const code = readFileSync(kernels);
  done.known = WebAssembly.validate(code);
  const network = await open(new WebAssembly.Module(code), model);
  if (refused) {
    try {
      network.run(new Uint8Array(0), ...refused);
    } catch (error) {
      done.refusal = error.name;
    }
  }
  pictures.forEach(({ height, width }, k) => {
    write(`${k}.levels`, network.run(read(`${k}.rgb`), height, width));
    write(`${k}.floats`, new Uint8Array(network.runFloat(read(`${k}.rgb`), height, width).buffer));
    done.memory.push(network.kernels.memory.buffer.byteLength);
  });
} catch (error) {
  done.error = error.message;
}
write("done.json", JSON.stringify(done));
