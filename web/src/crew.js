/** The workers: one for each picture, ended with it, and those that run networks, which stay for the next. */

import { EngineError } from "../../src/mssn/app/page/engine.js";
import { crashed } from "./backends.js";

const MOST_PIXELS = 2 ** 29; // of a picture on its way: encoders hold 4 bytes of each and address 2^32
const MOST_PIXELS_A_GIGABYTE = 25e6; // of a machine with less than 8, more than which none tells
const HARMLESS = ["not-a-picture", "unsupported", "offline"]; // found before a network runs

export class Crew {
  /**
   * @param {object} parts
   * @param {(name: string) => Promise<Uint8Array>} parts.asset
   * @param {(name: string) => Worker} parts.makeWorker
   * @param {number} parts.cores
   * @param {WebAssembly.Module} parts.module
   * @param {Worker} parts.first  which has it already
   */
  constructor({ asset, makeWorker, cores, module, first }) {
    Object.assign(this, { asset, makeWorker, cores, module });
    this.networks = [first];
    this.stop = null; // ends the job at work
    this.closed = false;
  }

  /** End all, the job at work too. */
  close() {
    this.closed = true;
    this.stop?.("gone");
    this.dismiss();
  }

  /**
   * Enlarge one picture; not two at once. Cancelling ends the workers in the middle of whatever they do.
   *
   * @param {object} job  as worker.js takes it, but for what only the crew knows
   * @param {AbortSignal} [signal]
   * @param {(share: number) => void} [progress]
   * @returns {Promise<import("../../src/mssn/app/page/engine.js").Result>}
   */
  enlarge({ file, ...job }, signal, progress) {
    const began = performance.now();
    return new Promise((resolve, reject) => {
      if (this.closed) throw new EngineError("gone");
      if (signal?.aborted) throw new EngineError("cancelled");
      const pictures = this.makeWorker("worker");
      const end = () => {
        pictures.terminate();
        signal?.removeEventListener("abort", cancel);
        this.stop = null;
      };
      const fail = (code, message) => {
        end();
        if (!HARMLESS.includes(code)) this.dismiss();
        reject(new EngineError(code, message));
      };
      const cancel = () => fail("cancelled");
      signal?.addEventListener("abort", cancel);
      this.stop = fail;
      const crash = (event) => {
        const { code, message } = crashed(event);
        fail(code, message);
        this.dismiss();
      };
      pictures.onerror = crash;
      pictures.onmessage = ({ data }) => {
        if (data.asset) this.fetch(data.asset, pictures);
        else if (data.bitmap) draw(data.bitmap, pictures);
        else if (data.failed) fail(data.failed.code, data.failed.message);
        else if (!data.done) progress?.(data.progress);
        else {
          end();
          resolve({ ...data.done, seconds: (performance.now() - began) / 1000 });
        }
      };
      const ports = this.hired().map((worker) => {
        const { port1, port2 } = new MessageChannel();
        worker.onerror = crash;
        worker.postMessage({ port: port1 }, [port1]);
        return port2;
      });
      // Read here, because workers of a page from disk cannot read in WebKit.
      file.arrayBuffer().then(
        (bytes) => {
          const told = { ...job, name: file.name, bytes, most: mostPixels(), ports };
          pictures.postMessage(told, [bytes, ...ports]);
        },
        ({ message }) => this.stop === fail && fail("failed", message),
      );
    });
  }

  /** The workers that run networks; those that are missing are made. */
  hired() {
    const { module } = this;
    while (this.networks.length < this.cores) {
      const worker = this.makeWorker("network");
      worker.postMessage({ module });
      this.networks.push(worker);
    }
    return this.networks;
  }

  dismiss() {
    this.networks.splice(0).forEach((worker) => worker.terminate());
  }

  /** Give a worker one of the page's files. */
  fetch(name, worker) {
    this.asset(name).then(
      (bytes) => worker.postMessage({ asset: name, bytes }),
      ({ code = "offline", message }) => worker.postMessage({ asset: name, error: { code, message } }),
    );
  }
}

/** Decode for a worker that cannot read what it holds itself. */
function draw({ name, file, type, options }, worker) {
  createImageBitmap(new Blob([file], { type }), options).then(
    (bytes) => worker.postMessage({ asset: name, bytes }, [bytes]),
    (error) => worker.postMessage({ asset: name, error: String(error) }),
  );
}

/** Pixels of the largest picture on the way to a result that this machine holds. */
function mostPixels() {
  const memory = navigator.deviceMemory ?? 8;
  return memory < 8 ? memory * MOST_PIXELS_A_GIGABYTE : MOST_PIXELS;
}
