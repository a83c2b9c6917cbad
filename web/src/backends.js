/**
 * Which compiled kernels run the networks: the first that computes a known answer rightly on this machine.
 */

import { EngineError } from "../../src/mssn/app/page/engine.js";

// The fastest first. Relaxed SIMD multiplies and adds in one instruction, where a browser has it.
const BACKENDS = { "kernels, relaxed SIMD": "kernels-relaxed.wasm", kernels: "kernels.wasm" };

/**
 * @param {import("./engine.js").Site} site
 * @param {object} known  as network.js takes it
 * @returns {Promise<{backend: string, module: WebAssembly.Module, first: Worker}>}  `first` runs it already
 */
export async function firstThatIsRight({ asset, makeWorker }, known) {
  let reason = null;
  for (const [backend, file] of Object.entries(BACKENDS)) {
    const first = makeWorker("network");
    try {
      const module = await WebAssembly.compile(await asset(file));
      const { missed, message } = await answerOf(first, { module, known });
      if (missed === false) return { backend, module, first };
      reason = new EngineError("unsupported", message ?? "its numbers are not right");
    } catch (error) {
      reason = error instanceof EngineError ? error : new EngineError("unsupported", error.message);
    }
    first.terminate();
  }
  throw reason;
}

/** Why a worker stopped; an event without words says that its script could not be loaded. */
export function crashed({ message }) {
  return message ? new EngineError("failed", message) : new EngineError("offline", "a worker's script");
}

function answerOf(worker, question) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onmessageerror = () => reject(new Error("a worker cannot be given compiled code"));
    worker.onerror = (event) => reject(crashed(event));
    worker.postMessage(question);
  });
}
