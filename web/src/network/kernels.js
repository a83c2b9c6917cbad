/**
 * Runs an MSSN with kernels of our own, compiled from C to WebAssembly (release/kernels.py).
 *
 * One instance, one thread, one memory: the weights lie at its beginning, and above them what a picture takes on
 * its way, used again for the next picture.
 */

import { packed } from "./packed.js";

const PAGE = 65536; // bytes, what a memory grows by
const ALIGN = 64; // bytes, so that no register lies across two lines of a cache
const NULL = 0;

/**
 * @param {WebAssembly.Module} module the compiled kernels; any number of workers may use it
 * @param {Uint8Array} model an .onnx file of an MSSN, its strength put in
 * @returns {Promise<Network>}
 * @throws {Error} it is no such file
 */
export async function open(module, model) {
  const weights = packed(model);
  return new Network((await WebAssembly.instantiate(module)).exports, weights);
}

/** One network. */
export class Network {
  /**
   * @param {WebAssembly.Exports} kernels
   * @param {import("./packed.js").Packed} weights
   */
  constructor(kernels, weights) {
    const { channels, scale, outputs } = weights;
    this.kernels = kernels;
    this.channels = channels;
    this.scale = scale;
    this.used = kernels.__heap_base.value; // bytes of memory
    this.mean = this.put(weights.mean);
    this.blocks = this.putBlocks(weights);
    const layers = [weights.features, weights.picture].map((values) => this.put(values));
    this.tail = this.put(Int32Array.of(channels, scale, outputs, ...layers)); // `Tail` of kernels.c
    [this.room] = this.take(kernels.room_v128(this.blocks[0]));
  }

  /**
   * Enlarge a picture.
   *
   * @param {Uint8Array} pixels height x width x 3
   * @param {number} height
   * @param {number} width
   * @returns {Uint8Array} the same, both sides times the scale; rounded half up, clipped
   * @throws {RangeError} it takes more memory than there is; smaller ones go on
   */
  run(pixels, height, width) {
    return this.enlarge(pixels, height, width, Uint8Array);
  }

  /**
   * Enlarge a picture, neither rounding nor clipping.
   *
   * @param {Uint8Array} pixels as for `run`
   * @param {number} height
   * @param {number} width
   * @returns {Float32Array} 0 is black, 1 is white
   * @throws {RangeError} as for `run`
   */
  runFloat(pixels, height, width) {
    return this.enlarge(pixels, height, width, Float32Array);
  }

  /** Let go of the memory; nothing can be run any more. */
  close() {
    this.kernels = null;
  }

  enlarge(pixels, height, width, Kind) {
    const { kernels, blocks, channels, scale, used } = this;
    const count = 3 * height * width;
    const larger = count * scale * scale;
    const map = 4 * channels * (height + 2) * (width + 2);
    const framed = 12 * (height + 4) * (width + 4);
    const places = this.take(count, framed, larger * Kind.BYTES_PER_ELEMENT, map, map);
    const [given, picture, large, ...maps] = places;
    this.used = used; // by the weights alone: the next picture may have the rest

    new Uint8Array(kernels.memory.buffer, given, count).set(pixels);
    kernels.frame_v128(given, NULL, this.mean, height, width, 0, height, picture, NULL);
    blocks.forEach((block, index) => {
      const [before, after] = [maps[index % 2], maps[1 - (index % 2)]];
      kernels.block_v128(block, before, after, picture, height, width, 0, height, this.room);
    });
    const results = Kind === Uint8Array ? [large, NULL] : [NULL, large];
    kernels.tail_v128(this.tail, maps[blocks.length % 2], picture, width, 0, height, ...results);
    return new Kind(kernels.memory.buffer, large, larger).slice();
  }

  /** `Block` of kernels.c, for each block: where they are. */
  putBlocks({ channels, expanded, units, source, blocks }) {
    const [first, firstBias] = [source.head, source.bias].map((values) => this.put(values));
    return blocks.map((block, index) => {
      const [inner, last, bias] = [block.units, block.head, block.bias].map((values) => this.put(values));
      const pointers = [inner, index ? NULL : first, last, firstBias, bias, NULL];
      return this.put(Int32Array.of(channels, expanded, units, 0, ...pointers));
    });
  }

  /** Put values into the memory: where they are. */
  put(values) {
    const [at] = this.take(values.byteLength);
    new values.constructor(this.kernels.memory.buffer, at, values.length).set(values);
    return at;
  }

  /** Take pieces of the memory, of as many bytes: where they are. */
  take(...sizes) {
    const { memory } = this.kernels;
    let end = this.used;
    const places = sizes.map((bytes) => {
      const at = Math.ceil(end / ALIGN) * ALIGN;
      end = at + bytes;
      return at;
    });
    const lacking = end - memory.buffer.byteLength;
    if (lacking > 0) memory.grow(Math.ceil(lacking / PAGE));
    this.used = end;
    return places;
  }
}
