/** Runs a network with onnxruntime-web: WebAssembly, one thread. */

import * as ort from "onnxruntime-web/wasm";

const FROM_BYTE = Float32Array.from({ length: 256 }, (_, level) => level / 255);

/**
 * @param {BufferSource} bytes  ort-wasm-simd-threaded.wasm
 * @returns {Promise<WebAssembly.Module>}
 */
export function compile(bytes) {
  return WebAssembly.compile(bytes);
}

/**
 * @param {WebAssembly.Module} module  what `compile` returned
 * @param {Uint8Array} model  an .onnx file
 * @returns {Promise<{runFloat(rgb: Uint8Array, height: number, width: number): Promise<Float32Array>,
 *   close(): Promise<void>}>}
 */
export async function open(module, model) {
  Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary: new ArrayBuffer(8) }); // bytes that nobody reads
  const options = { executionProviders: ["wasm"], logSeverityLevel: 3 };
  const session = await alreadyCompiled(module, () => ort.InferenceSession.create(model, options));
  return {
    async runFloat(rgb, height, width) {
      const lr = new ort.Tensor("float32", toNetwork(rgb, height * width), [1, 3, height, width]);
      const { sr } = await session.run({ lr });
      const large = fromNetwork(sr.data, sr.dims[2] * sr.dims[3]);
      sr.dispose();
      return large;
    },
    close: () => session.release(),
  };
}

/** The engine would compile its own bytes in every worker; it is handed what was compiled once. */
async function alreadyCompiled(module, open) {
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (_, imports) => ({ module, instance: await instantiate(module, imports) });
  try {
    return await open();
  } finally {
    WebAssembly.instantiate = instantiate;
  }
}

/** H x W x 3 bytes -> 3 x H x W in [0, 1]. */
function toNetwork(rgb, count) {
  const planes = new Float32Array(3 * count);
  for (let pixel = 0, from = 0; pixel < count; pixel++) {
    planes[pixel] = FROM_BYTE[rgb[from++]];
    planes[count + pixel] = FROM_BYTE[rgb[from++]];
    planes[2 * count + pixel] = FROM_BYTE[rgb[from++]];
  }
  return planes;
}

/** 3 x H x W -> H x W x 3. */
function fromNetwork(planes, count) {
  const large = new Float32Array(3 * count);
  for (let pixel = 0, to = 0; pixel < count; pixel++) {
    large[to++] = planes[pixel];
    large[to++] = planes[count + pixel];
    large[to++] = planes[2 * count + pixel];
  }
  return large;
}
