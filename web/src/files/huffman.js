// The Huffman tables that the JPEG standard suggests, and coefficients written with them.
// Source: ITU-T T.81, annexes C (codes), F.1.2 (coefficients) and K.3 (tables).

const LUMA =
  "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a" +
  "3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a929394" +
  "95969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8" +
  "e9eaf1f2f3f4f5f6f7f8f9fa";
const CHROMA =
  "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728" +
  "292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92" +
  "939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7" +
  "e8e9eaf2f3f4f5f6f7f8f9fa";
const DC = "000102030405060708090a0b";
const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));

/** Class and number as files state them, how many codes have 1, 2, ... 16 bits, and what they stand for. */
export const TABLES = [
  { name: 0x00, counts: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], values: bytes(DC) },
  { name: 0x10, counts: [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], values: bytes(LUMA) },
  { name: 0x01, counts: [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], values: bytes(DC) },
  { name: 0x11, counts: [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119], values: bytes(CHROMA) },
];

/** Row by row of a block, the places in the order in which files have them. */
export const ZIGZAG = Uint8Array.of(
  ...[0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48],
  ...[41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23],
  ...[30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63],
);

/** Code and its length of each value. */
function codesOf({ counts, values }) {
  const [codes, sizes] = [new Uint16Array(256), new Uint8Array(256)];
  let [code, next] = [0, 0];
  counts.forEach((count, n) => {
    for (let k = 0; k < count; k++) {
      codes[values[next]] = code++;
      sizes[values[next++]] = n + 1;
    }
    code <<= 1;
  });
  return { codes, sizes };
}

const CODES = TABLES.map(codesOf);

/** Writes blocks of coefficients as the bits of a scan. */
export class Scan {
  constructor() {
    this.bytes = new Uint8Array(1 << 16);
    this.length = 0;
    this.bits = 0; // that are no whole byte yet, the last of them lowest
    this.count = 0;
  }

  /** Up to 16 bits. */
  put(value, size) {
    this.bits = (this.bits << size) | value;
    this.count += size;
    while (this.count >= 8) {
      this.count -= 8;
      const byte = (this.bits >> this.count) & 255;
      this.bytes[this.length++] = byte;
      if (byte === 255) this.bytes[this.length++] = 0;
    }
    this.bits &= (1 << this.count) - 1;
  }

  /**
   * @param {Int32Array} block  coefficients, row by row
   * @param {number} before  the first coefficient of the block before, of the same component
   * @param {0 | 1} kind  luminance or chrominance
   */
  block(block, before, kind) {
    if (this.length + 1024 > this.bytes.length) {
      const larger = new Uint8Array(2 * this.bytes.length);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.number(CODES[2 * kind], 0, block[0] - before);
    const table = CODES[2 * kind + 1];
    let zeros = 0;
    for (let n = 1; n < 64; n++) {
      const value = block[ZIGZAG[n]];
      if (value === 0) {
        zeros += 1;
        continue;
      }
      for (; zeros > 15; zeros -= 16) this.put(table.codes[0xf0], table.sizes[0xf0]);
      this.number(table, zeros << 4, value);
      zeros = 0;
    }
    if (zeros) this.put(table.codes[0], table.sizes[0]);
  }

  /** A number: the code of how many bits it has, then these. */
  number({ codes, sizes }, run, value) {
    const size = 32 - Math.clz32(value < 0 ? -value : value);
    this.put(codes[run | size], sizes[run | size]);
    if (size) this.put(value < 0 ? value + (1 << size) - 1 : value, size);
  }

  /** All of it, the last byte filled with ones. */
  end() {
    if (this.count) this.put((1 << (8 - this.count)) - 1, 8 - this.count);
    return this.bytes.subarray(0, this.length);
  }
}
