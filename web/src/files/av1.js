// Whether AV1, the codec of AVIF, stored a picture without loss. The same as mssn/image/av1.py.
// Source: the AV1 bitstream specification, sections 5.5 (sequence header), 5.9 (frame header), 7.12.2.

const [SEQUENCE, FRAME_HEADER, FRAME] = [1, 3, 6]; // kinds of AV1's units
const REVERSIBLE = [0, 16, 17]; // colour matrices that lose nothing: none, YCgCo-Re, YCgCo-Ro
const CHOOSE = 2; // each frame says for itself

class Unknown extends Error {}

/** Whether neither the quantiser nor the colour matrix loses anything; what cannot be followed does. */
export function isLossless(units) {
  try {
    return followed(units);
  } catch (error) {
    if (error instanceof Unknown) return false;
    throw error;
  }
}

/** Bits, the highest of each byte first. */
class Bits {
  constructor(data) {
    this.data = data;
    this.place = 0;
  }

  number(bits) {
    let found = 0;
    for (let n = 0; n < bits; n++, this.place++) {
      if (this.place >> 3 >= this.data.length) throw new Unknown();
      found = 2 * found + ((this.data[this.place >> 3] >> (7 - (this.place & 7))) & 1);
    }
    return found;
  }

  flag() {
    return this.number(1) === 1;
  }
}

function refuse(condition) {
  if (condition) throw new Unknown();
}

/** What the head of a sequence says and the head of a frame, or losslessness, depends on. */
function sequenceOf(bits) {
  const profile = bits.number(3);
  bits.flag();
  const reduced = bits.flag();
  if (reduced) bits.number(5);
  else timing(bits);
  const sizeBits = [bits.number(4) + 1, bits.number(4) + 1];
  const size = sizeBits.map((count) => bits.number(count) + 1);
  if (!reduced) refuse(bits.flag()); // numbered frames
  const largeBlocks = bits.flag();
  bits.number(2);
  const choices = { orderBits: 0, tools: CHOOSE, vectors: CHOOSE };
  if (!reduced) {
    bits.number(4);
    const ordered = bits.flag();
    if (ordered) bits.number(2);
    choices.tools = bits.flag() ? CHOOSE : bits.number(1);
    if (choices.tools) choices.vectors = bits.flag() ? CHOOSE : bits.number(1);
    if (ordered) choices.orderBits = bits.number(3) + 1;
  }
  const shrinks = bits.flag();
  bits.number(2);
  return { reduced, sizeBits, size, largeBlocks, ...choices, shrinks, ...coloursOf(bits, profile) };
}

function timing(bits) {
  refuse(bits.flag()); // that is a film
  const delay = bits.flag();
  for (let left = bits.number(5) + 1; left > 0; left--) {
    bits.number(12);
    if (bits.number(5) > 7) bits.flag();
    if (delay && bits.flag()) bits.number(4);
  }
}

function coloursOf(bits, profile) {
  const deep = bits.flag();
  const deepest = profile === 2 && deep && bits.flag();
  const grey = profile !== 1 && bits.flag();
  const [primaries, transfer, matrix] = bits.flag()
    ? [8, 8, 8].map((count) => bits.number(count))
    : [2, 2, 2];
  if (grey || (primaries === 1 && transfer === 13 && matrix === 0)) return { grey, matrix, whole: true };
  bits.flag();
  return { grey, matrix, whole: profile === 1 || (deepest && !bits.flag()) };
}

function followed(units) {
  let sequence = null;
  for (let place = 0; place < units.length;) {
    const [kind, extended, sized] = [(units[place] >> 3) & 15, units[place] & 4, units[place] & 2];
    place += extended ? 2 : 1;
    let length = sized ? 0 : units.length - place;
    for (let n = 0; sized && n < 8; n++, place++) {
      refuse(place >= units.length);
      length += (units[place] & 127) * 128 ** n;
      if (units[place] < 128) {
        place += 1;
        break;
      }
    }
    const content = units.subarray(place, place + length);
    if (kind === SEQUENCE) {
      sequence = sequenceOf(new Bits(content.subarray(0, 64)));
      if (!sequence.grey && !(sequence.whole && REVERSIBLE.includes(sequence.matrix))) return false;
    } else if ((kind === FRAME || kind === FRAME_HEADER) && sequence) {
      return quantiser(new Bits(content.subarray(0, 64)), sequence) === 0;
    }
    place += content.length;
  }
  return false;
}

/** The base quantiser of a frame that is a picture by itself; 0 is lossless. */
function quantiser(bits, sequence) {
  const { reduced, size, sizeBits } = sequence;
  if (!reduced) refuse(bits.number(4) !== 0b0001); // no frame shown again, a key frame, shown
  const fixed = bits.flag();
  const tools = sequence.tools === CHOOSE ? bits.flag() : Boolean(sequence.tools);
  if (tools && sequence.vectors === CHOOSE) bits.flag();
  const resized = !reduced && bits.flag();
  bits.number(sequence.orderBits);
  const [width, height] = resized ? sizeBits.map((count) => bits.number(count) + 1) : size;
  if (sequence.shrinks) refuse(bits.flag());
  if (bits.flag()) bits.number(32);
  if (tools) bits.flag();
  if (!(reduced || fixed)) bits.flag();
  passTiles(bits, width, height, sequence.largeBlocks ? 128 : 64);
  return bits.number(8);
}

/** Pass over how the frame is cut into tiles. */
function passTiles(bits, width, height, block) {
  const length = (value) => (value > 0 ? Math.floor(Math.log2(value)) + 1 : 0); // in bits
  const [columns, rows] = [Math.ceil(width / block), Math.ceil(height / block)];
  const [widest, largest] = [Math.floor(4096 / block), Math.floor((4096 * 2304) / block ** 2)];
  refuse(!bits.flag()); // tiles of different sizes
  const most = length(Math.min(columns, 64) - 1);
  const first = length(Math.ceil(columns / widest) - 1);
  let wide = first;
  while (wide < most && bits.flag()) wide += 1;
  const fewest = Math.max(length(Math.ceil((columns * rows) / largest) - 1), first);
  let high = Math.max(fewest - wide, 0);
  while (high < length(Math.min(rows, 64) - 1) && bits.flag()) high += 1;
  if (wide || high) bits.number(wide + high + 2);
}
