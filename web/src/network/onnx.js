/**
 * The constants of an .onnx file, read without an engine.
 *
 * Such a file is one protobuf message: a row of fields, each a number, a kind and a content. Few fields matter
 * here; everything else is passed over. Field numbers: onnx.proto3 of the ONNX project.
 */

const GRAPH = 7; // ModelProto
const INITIALIZER = 5; // GraphProto
const [KIND, NAME, RAW_DATA] = [2, 8, 9]; // TensorProto
const [FLOAT, HALF] = [1, 10]; // TensorProto.DataType
const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5]; // kinds of content

/**
 * @param {Uint8Array} file
 * @returns {Map<string, Float32Array>} every constant in single or half precision, by name
 * @throws {Error} the file is cut off, or no protobuf message
 */
export function constants(file) {
  const found = new Map();
  for (const graph of fields(file).filter((field) => field.number === GRAPH))
    for (const tensor of fields(graph.content).filter((field) => field.number === INITIALIZER)) {
      const parts = new Map(fields(tensor.content).map((field) => [field.number, field.content]));
      const values = parts.has(RAW_DATA) && numbers(parts.get(KIND), parts.get(RAW_DATA));
      if (values) found.set(new TextDecoder().decode(parts.get(NAME)), values);
    }
  return found;
}

/** The fields of a message; `content` is a number, or the bytes of what is longer. */
function fields(bytes) {
  const found = [];
  let at = 0;

  function varint() {
    let value = 0;
    for (let place = 1; place < 2 ** 64; place *= 128) {
      if (at >= bytes.length) throw new Error("not an .onnx file");
      const byte = bytes[at++];
      value += (byte & 127) * place;
      if (byte < 128) return value;
    }
    throw new Error("not an .onnx file");
  }

  function content(kind) {
    const length = kind === BYTES ? varint() : { [FIXED64]: 8, [FIXED32]: 4 }[kind];
    if (length === undefined || at + length > bytes.length) throw new Error("not an .onnx file");
    at += length;
    return bytes.subarray(at - length, at);
  }

  while (at < bytes.length) {
    const tag = varint();
    const kind = tag % 8;
    found.push({ number: Math.floor(tag / 8), content: kind === VARINT ? varint() : content(kind) });
  }
  return found;
}

/** Stored numbers as floats; null for kinds that hold no weights. */
function numbers(kind, raw) {
  const copy = raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength); // where numbers may begin
  if (kind === FLOAT) return new Float32Array(copy);
  return kind === HALF ? singles(new Uint16Array(copy)) : null;
}

/**
 * Numbers in half precision as floats. Bits are moved to where a float has them; what is still missing is that
 * exponents count from -127 there, not from -15. Infinity is no weight, and is not looked for.
 */
function singles(halves) {
  const bits = Uint32Array.from(halves, (half) => ((half & 0x8000) << 16) | ((half & 0x7fff) << 13));
  return new Float32Array(bits.buffer).map((value) => value * 2 ** 112);
}
