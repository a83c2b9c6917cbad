/** The content of gzipped bytes. @param {Uint8Array} bytes @returns {Promise<Uint8Array>} */
export async function unpacked(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes; // a host that names .gz an encoding unpacks it itself
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
