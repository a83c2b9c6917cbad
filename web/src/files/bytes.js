// Bytes: numbers in them, pieces of them, and the one kind of error that reading them raises.

/** What is wrong with a file, as the engine's codes and in words. */
export class FileError extends Error {
  /**
   * @param {"not-a-picture" | "unsupported" | "too-large" | "failed"} code
   * @param {string} message  one line, as the end of "photo.png: ..."
   */
  constructor(code, message) {
    super(message);
    this.name = "FileError";
    this.code = code;
  }
}

/** @param {string} [reason] */
export function damaged(reason) {
  return new FileError("not-a-picture", "the file is damaged or cut short" + (reason ? ` (${reason})` : ""));
}

/** Text of which every letter is one byte. @param {string} text */
export function bytesOf(text) {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** Letters of bytes, one each. @param {Uint8Array} bytes */
export function letters(bytes, start = 0, end = bytes.length) {
  return String.fromCharCode(...bytes.subarray(start, end));
}

/** Whether the letters stand at a place. @param {Uint8Array} bytes @param {string} text */
export function has(bytes, text, place = 0) {
  if (place < 0 || place + text.length > bytes.length) return false;
  for (let n = 0; n < text.length; n++) if (bytes[place + n] !== text.charCodeAt(n)) return false;
  return true;
}

/** @param {...(Uint8Array | number[])} parts */
export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

/** An unsigned number; NaN where it is not all there, so that every comparison with it is false. */
export function number(bytes, place, size, little = false) {
  if (place < 0 || place + size > bytes.length) return NaN;
  let found = 0;
  for (let n = 0; n < size; n++) found = found * 256 + bytes[place + (little ? size - 1 - n : n)];
  return found;
}

/** An unsigned number as bytes. */
export function numbered(value, size, little = false) {
  const bytes = new Uint8Array(size);
  for (let n = 0; n < size; n++) {
    bytes[little ? n : size - 1 - n] = value % 256;
    value = Math.floor(value / 256);
  }
  return bytes;
}

/** Half to the even number, as Python rounds. */
export function roundHalfEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 ? below + 1 : below;
}

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What comes out of a stream of which `parts` are put in; their errors come out, too. */
async function* through(stream, parts) {
  const writer = stream.writable.getWriter();
  const feed = async () => {
    for (const part of parts) await writer.write(part);
    await writer.close();
  };
  feed().catch((error) => writer.abort(error).catch(() => {}));
  const reader = stream.readable.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** What a compressed stream of zlib holds, as it comes. @param {Iterable<Uint8Array>} parts */
export function inflated(parts) {
  return through(new DecompressionStream("deflate"), parts);
}

/** All of a small compressed block, or null if it is damaged or longer than `most`. */
export async function inflate(block, most) {
  const parts = [];
  let length = 0;
  try {
    for await (const part of inflated([block])) {
      parts.push(part);
      length += part.length;
      if (length > most) return null;
    }
  } catch {
    return null;
  }
  return joined(...parts);
}

/** @param {Iterable<Uint8Array>} parts @returns {Promise<Uint8Array[]>} */
export async function deflated(parts) {
  const found = [];
  for await (const part of through(new CompressionStream("deflate"), parts)) found.push(part);
  return found;
}
