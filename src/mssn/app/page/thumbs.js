// Small pictures of the files, one after the other, so that no two large ones are decoded at once.

const SIDE = 192; // pixels, of the shorter side: sharp at 64 CSS pixels on any screen
const LARGEST = 100e6; // pixels; decoding more takes too much memory for so small a picture
let last = Promise.resolve();

/**
 * @param {Blob} file
 * @param {() => boolean} wanted asked when its turn comes
 * @returns {Promise<{size: import("./engine.js").Size, blob: Blob | null} | null>} its size and a small
 *   picture, if it is not too large for one; null where the browser cannot show it
 */
export function thumbnail(file, wanted) {
  const mine = last.then(() => (wanted() ? small(file) : null)).catch(() => null);
  last = mine;
  return mine;
}

async function small(file) {
  const size = await sizeOf(file);
  if (size.width * size.height > LARGEST) return { size, blob: null };
  const shrink = Math.min(
    1,
    SIDE / Math.min(size.width, size.height),
    (4 * SIDE) / Math.max(size.width, size.height),
  );
  const [width, height] = [size.width, size.height].map((side) => Math.max(1, Math.round(side * shrink)));
  const bitmap = await createImageBitmap(file, {
    resizeWidth: width,
    resizeHeight: height,
    resizeQuality: "medium",
  });
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.8));
  return { size, blob };
}

// An element knows the size, upright, once the header is read; it is not decoded until it is drawn.
async function sizeOf(file) {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    await new Promise((resolve, reject) => {
      Object.assign(image, { onload: resolve, onerror: reject, src: url });
    });
    return { width: image.naturalWidth, height: image.naturalHeight };
  } finally {
    URL.revokeObjectURL(url);
  }
}
