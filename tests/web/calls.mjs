// Calls functions of web/src: reads [{file, name, args}] as JSON from standard input, writes what they
// return. Bytes are {"uint8": base64}, float32 numbers {"float32": base64} on both sides.
import { readFileSync } from "node:fs";

const SOURCE = new URL("../../web/src/", import.meta.url);

function revive(_, value) {
  if (value?.uint8 !== undefined) return new Uint8Array(Buffer.from(value.uint8, "base64"));
  if (value?.float32 === undefined) return value;
  const bytes = new Uint8Array(Buffer.from(value.float32, "base64"));
  return new Float32Array(bytes.buffer);
}

function flatten(_, value) {
  if (value instanceof Float32Array) return { float32: Buffer.from(value.buffer).toString("base64") };
  return value instanceof Uint8Array ? { uint8: Buffer.from(value).toString("base64") } : value;
}

const answers = [];
for (const { file, name, args } of JSON.parse(readFileSync(0, "utf8"), revive)) {
  const module = await import(new URL(file, SOURCE));
  const answer = await module[name](...args);
  answers.push(answer === undefined ? args[0] : answer); // what changes its first argument returns nothing
}
process.stdout.write(JSON.stringify(answers, flatten));
