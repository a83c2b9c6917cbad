// How many frames a GIF has. Source: CompuServe, "Graphics Interchange Format, Version 89a" (1990).

const [EXTENSION, IMAGE] = [0x21, 0x2c];

/** @param {Uint8Array} file */
export function framesOf(file) {
  const table = (packed) => (packed & 0x80 ? 3 << ((packed & 7) + 1) : 0);
  let [place, frames] = [13 + table(file[10]), 0];
  const passBlocks = () => {
    while (file[place]) place += file[place] + 1;
    place += 1;
  };
  for (; place < file.length; passBlocks()) {
    if (file[place] === IMAGE) {
      frames += 1;
      place += 11 + table(file[place + 9]); // the last of these bytes is the size of a code
    } else if (file[place] === EXTENSION) place += 2;
    else break;
  }
  return Math.max(frames, 1);
}
