// Blocks of 8x8 samples as whole coefficients, bit for bit as libjpeg computes them (its "islow" transform).
// Source: Loeffler, Ligtenberg, Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications" (1989);
// ITU-T T.81, A.3.4 (quantisation).

const [BITS, EXTRA] = [13, 2]; // of the constants, and kept between the two passes
const [A, B, C] = [4433, 6270, -15137]; // 0.541, 0.765, -1.848
const [D, E, F, G] = [2446, 16819, 25172, 12299]; // 0.299, 2.053, 3.073, 1.501
const [H, I, J, K, L] = [-7373, -20995, -16069, -3196, 9633]; // -0.900, -2.563, -1.962, -0.390, 1.176

/** One row or column, where it stands. @param {Int32Array} d */
function pass(d, at, step, evenShift, shift) {
  const evenHalf = (1 << evenShift) >> 1;
  const half = 1 << (shift - 1);
  const p1 = at + step;
  const p2 = p1 + step;
  const p3 = p2 + step;
  const p4 = p3 + step;
  const p5 = p4 + step;
  const p6 = p5 + step;
  const p7 = p6 + step;
  const s0 = d[at] + d[p7];
  const s1 = d[p1] + d[p6];
  const s2 = d[p2] + d[p5];
  const s3 = d[p3] + d[p4];
  const t4 = d[p3] - d[p4];
  const t5 = d[p2] - d[p5];
  const t6 = d[p1] - d[p6];
  const t7 = d[at] - d[p7];
  const e0 = s0 + s3;
  const e1 = s1 + s2;
  const e2 = s1 - s2;
  const e3 = s0 - s3;
  if (evenShift) {
    d[at] = (e0 + e1 + evenHalf) >> evenShift;
    d[p4] = (e0 - e1 + evenHalf) >> evenShift;
  } else {
    d[at] = (e0 + e1) << EXTRA;
    d[p4] = (e0 - e1) << EXTRA;
  }
  const z = (e2 + e3) * A;
  d[p2] = (z + e3 * B + half) >> shift;
  d[p6] = (z + e2 * C + half) >> shift;
  const z5 = (t4 + t6 + t5 + t7) * L;
  const z1 = (t4 + t7) * H;
  const z2 = (t5 + t6) * I;
  const z3 = (t4 + t6) * J + z5;
  const z4 = (t5 + t7) * K + z5;
  d[p7] = (t4 * D + z1 + z3 + half) >> shift;
  d[p5] = (t5 * E + z2 + z4 + half) >> shift;
  d[p3] = (t6 * F + z2 + z3 + half) >> shift;
  d[p1] = (t7 * G + z1 + z4 + half) >> shift;
}

/**
 * @param {Int32Array} block  64 samples less 128, row by row; becomes coefficients in units of their divisors
 * @param {Int32Array} divisors  eight times the quantisation table, row by row
 */
export function transform(block, divisors) {
  for (let row = 0; row < 64; row += 8) pass(block, row, 1, 0, BITS - EXTRA);
  for (let column = 0; column < 8; column++) pass(block, column, 8, EXTRA, BITS + EXTRA);
  for (let n = 0; n < 64; n++) {
    const divisor = divisors[n];
    const value = block[n];
    const half = divisor >> 1;
    block[n] = value < 0 ? -(((half - value) / divisor) | 0) : ((half + value) / divisor) | 0;
  }
}
