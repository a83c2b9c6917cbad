// Turning what is stored on its side or mirrored.

/** Whether width and height change places. @param {number} orientation  of EXIF, 1 to 8 */
export function lies(orientation) {
  return orientation > 4;
}

/**
 * A plane turned upright.
 * @param {Uint8Array} plane  height x width x channels
 * @param {number} width @param {number} height  as stored
 * @param {number} channels
 * @param {number} orientation  of EXIF, 1 to 8
 * @returns {Uint8Array}
 */
export function turned(plane, width, height, channels, orientation) {
  if (orientation === 1) return plane;
  const result = new Uint8Array(plane.length);
  const [right, down] = [1, width];
  // Of the upright picture: where its first pixel is stored, and how far its next column and next row are.
  const [lastColumn, lastRow] = [width - 1, (height - 1) * width];
  const [first, column, row] = {
    2: [lastColumn, -right, down],
    3: [lastColumn + lastRow, -right, -down],
    4: [lastRow, right, -down],
    5: [0, down, right],
    6: [lastRow, -down, right],
    7: [lastColumn + lastRow, -down, -right],
    8: [lastColumn, down, -right],
  }[orientation];
  const [columns, rows] = lies(orientation) ? [height, width] : [width, height];
  let out = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0, at = (first + y * row) * channels; x < columns; x++, at += column * channels) {
      for (let c = 0; c < channels; c++) result[out++] = plane[at + c];
    }
  }
  return result;
}
