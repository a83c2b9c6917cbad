// The WebAssembly codecs (libjpeg to read, libwebp), each loaded when it is first needed and compiled once.
// Every picture gets a fresh instance: its memory only grows, and a damaged file may leave it in pieces.

import { damaged, FileError } from "./bytes.js";
import { provided } from "./provided.js";

/** Their files, as the site offers them, and the JavaScript around each. */
const MAKERS = {
  "jpeg-decode.wasm": () => import("@jsquash/jpeg/codec/dec/mozjpeg_dec.js"),
  "webp-decode.wasm": () => import("@jsquash/webp/codec/dec/webp_dec.js"),
  "webp-encode.wasm": () => import("@jsquash/webp/codec/enc/webp_enc_simd.js"),
};
const compiled = new Map();

async function opened(name) {
  if (!compiled.has(name))
    compiled.set(
      name,
      provided.asset(name).then((bytes) => WebAssembly.compile(bytes)),
    );
  try {
    const [module, maker] = await Promise.all([compiled.get(name), MAKERS[name]()]);
    const instantiateWasm = (imports, done) => {
      const instance = new WebAssembly.Instance(module, imports);
      done(instance);
      return instance.exports;
    };
    const quiet = () => {};
    return await maker.default({
      noInitialRun: true,
      instantiateWasm,
      locateFile: String,
      print: quiet,
      printErr: quiet,
    });
  } catch (error) {
    compiled.delete(name); // the next try fetches again
    throw error;
  }
}

/** What a codec returns, null if it gave up; our own mistakes are not passed over. */
function attempt(step) {
  try {
    return step();
  } catch (error) {
    if (error instanceof TypeError || error?.name === "BindingError") throw error;
    return null;
  }
}

/** RGBA of a picture. @param {"jpeg" | "webp"} format @param {Uint8Array} file */
export async function decodeWith(format, file) {
  const codec = await opened(`${format}-decode.wasm`);
  const image = attempt(() => (format === "jpeg" ? codec.decode(file, false) : codec.decode(file)));
  if (!image) throw damaged();
  return { width: image.width, height: image.height, rgba: image.data };
}

/**
 * @param {Uint8Array} rgba
 * @param {number} width @param {number} height
 * @param {object} options  of libwebp
 * @returns {Promise<Uint8Array>}
 */
export async function encodeWebpWith(rgba, width, height, options) {
  const codec = await opened("webp-encode.wasm");
  const encoded = attempt(() => codec.encode(rgba, width, height, options));
  if (encoded) return new Uint8Array(encoded);
  throw new FileError("too-large", "the result is too large for a WebP in this browser; choose PNG");
}
