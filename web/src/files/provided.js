// What reading and writing pictures needs from outside.

import { browserDecoder } from "./native.js";

/** As `provide` sets it. */
export const provided = { asset: null, bitmap: null, version: "", decoder: browserDecoder };

/**
 * Say where the codecs come from; before anything is decoded or encoded.
 * @param {object} parts
 * @param {(name: string) => Promise<Uint8Array>} parts.asset  fetches the codecs ("jpeg-decode.wasm" ...)
 * @param {(file: Uint8Array, type: string, options: object) => Promise<ImageBitmap>} [parts.bitmap]  decodes
 *   where this worker cannot
 * @param {string} parts.version  of mssn, for the note in what is written
 * @param {typeof browserDecoder} [parts.decoder]  instead of the browser's own
 */
export function provide(parts) {
  Object.assign(provided, parts);
}
