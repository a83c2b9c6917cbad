// Answers the questions of test_files.py: one JSON line in, one out.

import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { compressionOf } from "../../web/src/files/compression.js";
import { decode } from "../../web/src/files/decode.js";
import { encode, leftOut } from "../../web/src/files/encode.js";
import { fittingExif, resolutionOf, uprightExif, withoutPreviews } from "../../web/src/files/exif.js";
import { resultName } from "../../web/src/files/names.js";
import { profileOf } from "../../web/src/files/profile.js";
import { provide } from "../../web/src/files/provided.js";
import { signed, uprightXmp } from "../../web/src/files/xmp.js";

const packed = (bytes) => (bytes ? { base64: Buffer.from(bytes).toString("base64") } : null);
const unpacked = (value) =>
  value?.base64 === undefined ? value : new Uint8Array(Buffer.from(value.base64, "base64"));
const deep = (value, change) => {
  const done = change(value);
  if (done !== value || typeof value !== "object" || value === null || value instanceof Uint8Array)
    return done;
  if (Array.isArray(value)) return value.map((each) => deep(each, change));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, deep(each, change)]));
};
const out = (value) => deep(value, (each) => (each instanceof Uint8Array ? packed(each) : each));

/** What a browser gives for a file that only it decodes. */
const standIn = { image: null };
const CODECS = {
  "jpeg-decode.wasm": "jpeg/codec/dec/mozjpeg_dec.wasm",
  "webp-decode.wasm": "webp/codec/dec/webp_dec.wasm",
  "webp-encode.wasm": "webp/codec/enc/webp_enc_simd.wasm",
};
provide({
  version: process.argv[2],
  asset: (name) => readFile(new URL(`../../web/node_modules/@jsquash/${CODECS[name]}`, import.meta.url)),
  decoder: async () => standIn.image,
});

const answers = {
  decode: (bytes, options) => decode(bytes, options),
  decodeIn: (bytes, image) => {
    standIn.image = image;
    return decode(bytes);
  },
  encode: (picture, format, quality, options) => encode(picture, format, quality, options),
  again: async (bytes, format, quality, options) => {
    const picture = await decode(bytes);
    return {
      file: await encode(picture, format, quality, options),
      notes: leftOut(picture, format, options),
    };
  },
  ...{
    compressionOf,
    fittingExif,
    leftOut,
    profileOf,
    resolutionOf,
    resultName,
    signed,
    uprightExif,
    uprightXmp,
  },
  withoutPreviews,
  seconds: () => process.cpuUsage().user / 1e6,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = deep(JSON.parse(line), unpacked);
  try {
    console.log(JSON.stringify({ value: out((await answers[name](...given)) ?? null) }));
  } catch (error) {
    console.log(
      JSON.stringify({
        error: error.code ?? "crash",
        message: String(error.code ? error.message : (error.stack ?? error)),
      }),
    );
  }
}
