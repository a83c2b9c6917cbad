/**
 * The mix of what two networks make of one picture (`mssn.upscaling.blend`): of pictures, so clipped first.
 *
 * @param {Float32Array} first  changed into the mix
 * @param {Float32Array} second
 * @param {number} share  of the second, 0 to 1
 */
export function mix(first, second, share) {
  const part = Math.fround(share);
  for (let at = 0; at < first.length; at++) {
    const [one, other] = [clip(first[at]), clip(second[at])];
    first[at] = one + Math.fround(part * Math.fround(other - one));
  }
}

function clip(value) {
  return Math.min(Math.max(value, 0), 1);
}
