// What results are called: as mssn/upscaling/naming.py does.

const ENDINGS = { jpeg: ["jpg", "jpeg", "jpe", "jfif"], png: ["png"], webp: ["webp"] };
const OTHERS = { tiff: ["tif", "tiff"], avif: ["avif"], heic: ["heic", "heif"], jxl: ["jxl"] };
const ALL = { ...ENDINGS, ...OTHERS };

/** Name without its ending, and the ending with its dot ("" where there is none). */
function split(name) {
  const dot = name.lastIndexOf(".");
  return dot > 0 && dot < name.length - 1 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
}

/**
 * The format that a result has.
 * @param {string} name  of the picture
 * @param {string} format  "same", or one of `written`
 * @param {string[]} written  formats that can be written
 */
export function resultFormat(name, format, written) {
  if (format !== "same") return format;
  const ending = split(name)[1].slice(1).toLowerCase();
  if (ending === "mpo") return "jpeg";
  return written.find((each) => ALL[each]?.includes(ending)) ?? "png";
}

/**
 * photo.jpg -> photo_x2.jpg; formats that cannot be written become PNG.
 * @param {string} name @param {number} scale
 * @param {string} format @param {string[]} written  as above
 */
export function resultName(name, scale, format, written) {
  const [stem, ending] = split(name);
  const wanted = resultFormat(name, format, written);
  const stays = ALL[wanted].includes(ending.slice(1).toLowerCase());
  return `${stem}_x${short(scale)}${stays ? ending : `.${ALL[wanted][0]}`}`;
}

/** As Python's %g: six digits at most. */
function short(number) {
  const [digits, power] = number.toExponential(5).split("e");
  if (power < -4 || power >= 6) {
    const sign = power < 0 ? "-" : "+";
    return `${Number(digits)}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  return String(Number(number.toPrecision(6)));
}
