// What a file is, by its first bytes; what cannot be read here, in words.

import { FileError, has } from "./bytes.js";
import { isAvif, isHeic } from "./heif.js";
import { SIGNATURE } from "./png.js";

const PICTURES = [
  ["8BPS", "a Photoshop document"],
  ["\0\0\0\x0cjP  ", "a JPEG 2000 picture"],
  ["\xff\x4f\xff\x51", "a JPEG 2000 picture"],
  ["\0\0\0\x0cJXL ", "a JPEG XL picture"],
  ["\xff\x0a", "a JPEG XL picture"],
  ["II*\0", "a TIFF picture"],
  ["MM\0*", "a TIFF picture"],
  ["II+\0", "a TIFF picture"],
  ["MM\0+", "a TIFF picture"],
  ["v/1\x01", "an OpenEXR picture"],
  ["#?RADIANCE", "a Radiance picture"],
  ["\0\0\x01\0", "an icon (ICO)"],
  ["gimp xcf", "a GIMP document"],
  ["P7\n", "a PAM picture"],
  ["PF\n", "a PFM picture"],
  ["Pf\n", "a PFM picture"],
  ...[1, 2, 3, 4, 5, 6].flatMap((n) => ["\n", " "].map((end) => [`P${n}${end}`, "a PPM picture"])),
  ["SIMPLE  =", "a FITS picture"],
  ["\x8aMNG", "an MNG animation"],
];
const OTHERS = [
  ["%PDF", "a PDF document"],
  ["%!PS", "a PostScript document"],
  ["PK\x03\x04", "a ZIP archive, or an office document"],
  ["\x1f\x8b", "a gzip archive"],
  ["7z\xbc\xaf", "a 7-Zip archive"],
  ["Rar!", "a RAR archive"],
  ["{\\rtf", "an RTF document"],
  ["\x1aE\xdf\xa3", "a Matroska or WebM video"],
  ["ID3", "an MP3 recording"],
  ["OggS", "an Ogg recording"],
  ["fLaC", "a FLAC recording"],
  ["\x7fELF", "a program"],
  ["MZ", "a program"],
];

/** @param {Uint8Array} file @returns {"png" | "jpeg" | "webp" | "avif" | "heic" | "gif" | "bmp" | null} */
export function kindOf(file) {
  if (has(file, SIGNATURE)) return "png";
  if (has(file, "\xff\xd8")) return "jpeg";
  if (has(file, "RIFF") && has(file, "WEBP", 8)) return "webp";
  if (has(file, "GIF87a") || has(file, "GIF89a")) return "gif";
  if (has(file, "BM") && file.length >= 26) return "bmp";
  if (isHeic(file)) return "heic";
  return isAvif(file) ? "avif" : null;
}

/** Why a file of no known kind cannot be read. @param {Uint8Array} file @returns {FileError} */
export function refusal(file) {
  if (!file.length) return new FileError("not-a-picture", "is empty");
  const among = (list) => list.find(([start]) => has(file, start))?.[1];
  const picture = among(PICTURES);
  if (picture) return cannotRead(picture);
  const other = among(OTHERS) ?? (has(file, "ftyp", 4) ? "a video" : textKind(file));
  if (other === "an SVG drawing") return cannotRead(other);
  return new FileError(
    "not-a-picture",
    other ? `is not a picture but ${other}` : "is not a picture of a known kind",
  );
}

/** @param {string} what @returns {FileError} */
export function cannotRead(what) {
  return new FileError("unsupported", `is ${what}, which cannot be read here; save it as PNG or JPEG`);
}

function textKind(file) {
  const head = file.subarray(0, 4096);
  if (has(file, "RIFF")) return "a video or a recording";
  if (head.includes(0)) return null;
  const end = file.length > 4096 && head.includes(10) ? head.lastIndexOf(10) : head.length;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(head.subarray(0, end)).toLowerCase();
    if (text.includes("<svg")) return "an SVG drawing";
    return text.includes("<html") || text.includes("<!doctype html") ? "a web page" : "text";
  } catch {
    return null;
  }
}
