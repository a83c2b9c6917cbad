// What of a picture's metadata goes into a file of each format, and what is said of the rest. The same as
// mssn/image/kept.py, and how mssn/image/encode.py fits a picture to its format.

import { bytesOf, has } from "./bytes.js";
import { EXIF_MARK, fittingExif } from "./exif.js";
import { MOST_SEGMENT } from "./jpeg.js";
import { provided } from "./provided.js";
import { describes, isSrgb, profileOf } from "./profile.js";
import { compact, signed, XMP_MARK } from "./xmp.js";

/**
 * @typedef {object} Kept  what travels with the pixels
 * @property {Uint8Array | null} icc
 * @property {[string, Uint8Array][]} colours  colour tags as chunks of a PNG; they count where `icc` is null
 * @property {Uint8Array | null} exif  orientation 1, without thumbnail
 * @property {Uint8Array | null} xmp
 * @property {Uint8Array | null} iptc  a Photoshop block
 * @property {[string, Uint8Array][]} text  chunks of a PNG
 * @property {[number, number] | null} dpi  across and down
 * @property {string} source  the format it comes from
 * @property {boolean} lossless  whether formats that lose something by default should lose nothing
 * @property {1 | null} bits  1 if every pixel is black or white
 */

/** @type {Kept} */
export const NOTHING = Object.freeze({
  icc: null,
  colours: [],
  exif: null,
  xmp: null,
  iptc: null,
  text: [],
  dpi: null,
  source: "png",
  lossless: false,
  bits: null,
});

/** Whether an extended XMP stood elsewhere in the file. */
function isExtended(xmp) {
  return xmp !== null && includes(xmp, bytesOf("HasExtendedXMP"));
}

function includes(bytes, wanted) {
  for (let n = bytes.indexOf(wanted[0]); n >= 0; n = bytes.indexOf(wanted[0], n + 1)) {
    if (wanted.every((value, k) => bytes[n + k] === value)) return true;
  }
  return false;
}

/**
 * What a file of a format holds of a picture's metadata, and notes of what it does not.
 * @param {{width: number, height: number, channels: 1 | 3, alpha: Uint8Array | null, kept: Kept}} picture
 * @param {"png" | "jpeg" | "webp"} format
 * @param {{model: string, metadata?: "keep" | "strip"}} options
 * @returns {{icc: Uint8Array | null, colours: [string, Uint8Array][], exif: Uint8Array | null,
 *   xmp: Uint8Array | null, iptc: Uint8Array | null, text: [string, Uint8Array][],
 *   dpi: [number, number] | null, notes: string[]}}
 */
export function fitted(picture, format, { model, metadata = "keep" }) {
  const { kept, channels, alpha } = picture;
  const colours = coloursFor(kept, channels, format);
  const notes = [...(picture.notes ?? []), ...colours.notes];
  if (alpha && format === "jpeg") notes.push("transparency laid on white");
  const pixels = { icc: colours.icc, colours: colours.tags, dpi: kept.dpi };
  if (metadata === "strip") return { ...pixels, exif: null, xmp: null, iptc: null, text: [], notes };
  const [xmp, fault] = signedFor(kept.xmp, format, model);
  const jpeg = format === "jpeg";
  const { width, height } = picture;
  const bare = kept.exif && (has(kept.exif, EXIF_MARK) ? kept.exif.subarray(EXIF_MARK.length) : kept.exif);
  const exif = bare && fittingExif(bare, width, height, kept.dpi);
  const tooLong = jpeg && exif && exif.length + EXIF_MARK.length > MOST_SEGMENT;
  const iptc = jpeg && kept.iptc && kept.iptc.length <= MOST_SEGMENT ? kept.iptc : null;
  const lost = [
    [fault, fault],
    ["extended XMP left out", !fault && isExtended(xmp)],
    ["EXIF left out (too long for a JPEG)", tooLong],
    ["IPTC left out (only a JPEG gets it)", kept.iptc && !jpeg],
    ["IPTC left out (too long for a JPEG)", kept.iptc && jpeg && !iptc],
    ["text left out (only a PNG gets it)", kept.text.length && format !== "png"],
  ];
  notes.push(...lost.filter(([, true_]) => true_).map(([note]) => note));
  const text = format === "png" ? kept.text : [];
  return { ...pixels, exif: tooLong ? null : exif, xmp, iptc, text, notes };
}

/** The profile or tags that a format gets. */
function coloursFor({ icc, colours, source }, channels, format) {
  const space = channels === 1 ? "GRAY" : "RGB ";
  const notes = [];
  // A WebP holds no grey, and none of its profiles.
  const own = icc !== null && describes(icc, space);
  const fits = own && !(format === "webp" && channels === 1);
  if (icc && !fits) notes.push("colour profile left out (it is for another kind of pixels)");
  // In a PNG these tags win over a profile, in other formats a profile wins over them.
  if (format === "png")
    return { icc: fits ? icc : null, tags: icc && source !== "png" ? [] : colours, notes };
  if (own || isSrgb(colours)) return { icc: fits ? icc : null, tags: [], notes };
  if (!profileOf(colours, false)) notes.push("colour tags left out (PNG and AVIF can hold them)");
  return { icc: profileOf(colours, channels === 1 && format !== "webp"), tags: [], notes };
}

/** The packet with our note, or a new one and why. */
function signedFor(xmp, format, model) {
  const found = signed(xmp, model, provided.version);
  const fresh = () => signed(null, model, provided.version);
  if (!found) return [fresh(), "damaged XMP left out"];
  if (format !== "jpeg" || found.length + XMP_MARK.length <= MOST_SEGMENT) return [found, ""];
  const short = compact(found);
  if (short.length + XMP_MARK.length > MOST_SEGMENT) return [fresh(), "XMP left out (too long for a JPEG)"];
  return [short, ""];
}
