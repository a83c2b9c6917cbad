// AVIF and HEIC by their boxes: which of both a file is, how large, and what it says of its picture. As
// mssn/image/heif.py and boxes.py. Sources: ISO/IEC 14496-12, sections 4.2, 8.11; ISO/IEC 23008-12 (HEIF).

import { has, joined, letters, number } from "./bytes.js";
import { isLossless } from "./av1.js";
import { isHostile } from "./exif.js";

const HEIC = ["heic", "heix", "heim", "heis", "hevc", "hevx"];
const MOST = 2 ** 24; // bytes of the boxes that describe a picture
const MOST_PARTS = 1000;
const MOST_EXTENTS = 2 ** 16; // of all items
// As EXIF numbers it: turned left by 0, 90, 180, 270 degrees; not mirrored, top to bottom, left to right.
const TURNS = [
  [1, 4, 2],
  [8, 5, 7],
  [3, 2, 4],
  [6, 7, 5],
];
const MOST_BLOCKS = 16; // EXIF blocks to look at

/** @param {Uint8Array} file */
export function isHeif(file) {
  return has(file, "ftyp", 4);
}

/** @param {Uint8Array} file */
export function isHeic(file) {
  return isHeif(file) && brandsOf(file).some((brand) => HEIC.includes(brand));
}

/** @param {Uint8Array} file */
export function isAvif(file) {
  return (
    isHeif(file) && !isHeic(file) && brandsOf(file).some((brand) => ["avif", "avis", "mif1"].includes(brand))
  );
}

function brandsOf(file) {
  const end = Math.min(number(file, 0, 4) || 0, file.length, 4096);
  const found = [letters(file, 8, 12)];
  for (let place = 16; place + 4 <= end; place += 4) found.push(letters(file, place, place + 4));
  return found;
}

/** Name and content of the boxes in bytes, up to what is damaged. @param {Uint8Array} data */
export function* boxes(data) {
  for (let place = 0; place + 8 <= data.length;) {
    let [size, start] = [number(data, place, 4), 8];
    if (size === 1) [size, start] = [number(data, place + 8, 8), 16];
    size ||= data.length - place; // 0: up to the end
    if (!(size >= start)) return;
    yield { name: letters(data, place + 4, place + 8), content: data.subarray(place + start, place + size) };
    place += size;
  }
}

function inside(data, ...names) {
  for (const name of names) {
    const found = [...boxes(data)].find((box) => box.name === name);
    data = found ? found.content : new Uint8Array();
  }
  return data;
}

/** The content of the box that describes the pictures. */
function description(file) {
  for (const { name, content } of boxes(file))
    if (name === "meta" && content.length <= MOST) return content.subarray(4);
  return new Uint8Array();
}

/**
 * Size, colours and metadata of the picture; the size is the largest that is named, 0 where none is; `turn`:
 * how it is to be turned, as EXIF numbers it.
 * @param {Uint8Array} file
 */
export function factsOf(file) {
  const meta = description(file);
  const found = { width: 0, height: 0, icc: null, colours: [], xmp: null, exif: null, notes: [] };
  let [quarters, mirror] = [0, 0];
  for (const { name, content } of boxes(inside(meta, "iprp", "ipco"))) {
    const size = name === "ispe" && [number(content, 4, 4), number(content, 8, 4)];
    if (size && size[0] * size[1] > found.width * found.height) [found.width, found.height] = size;
    if (name === "irot") quarters = content[0] & 3;
    if (name === "imir") mirror = 1 + (content[0] & 1);
    if (name !== "colr") continue;
    if (has(content, "prof") || has(content, "rICC")) found.icc ??= content.slice(4);
    const codes = has(content, "nclx") ? [number(content, 4, 2), number(content, 6, 2)] : [NaN, NaN];
    const told = Math.max(...codes) <= 255 && (codes[0] !== 2 || codes[1] !== 2);
    if (told && !found.colours.length) found.colours = [["cICP", Uint8Array.of(...codes, 0, 1)]];
  }
  const blocks = itemsOf(file, meta);
  // The first four bytes say where it begins.
  const exif = blocks.filter(({ kind }) => kind === "Exif").map(({ data }) => data.subarray(4));
  const good = exif.slice(0, MOST_BLOCKS).filter((block) => !isHostile(block));
  if (good.length < exif.length) found.notes.push("damaged EXIF left out");
  const packet = blocks.find(({ kind, data }) => kind === "mime" && has(data, "<"));
  return { ...found, turn: TURNS[quarters][mirror], exif: good[0] ?? null, xmp: packet ? packet.data : null };
}

/** Items of metadata: their kind and bytes. */
function itemsOf(file, meta) {
  const places = new Map(locations(inside(meta, "iloc")).map((each) => [each.item, each]));
  const store = inside(meta, "idat");
  const found = [];
  for (const { item, kind } of entries(meta)) {
    const located = places.get(item);
    if (!["Exif", "mime"].includes(kind) || !located || found.length >= 2 * MOST_BLOCKS) continue;
    found.push({ kind, data: parts(located.within ? store : file, located.extents, MOST) });
  }
  return found;
}

/** Number and kind of the items. */
function* entries(meta) {
  const iinf = inside(meta, "iinf");
  for (const { name, content } of boxes(iinf.subarray(iinf[0] ? 8 : 6))) {
    const wide = content[0] === 3 ? 4 : 2;
    if (name !== "infe" || content.length < 10 + wide) continue;
    yield { item: number(content, 4, wide), kind: letters(content, 6 + wide, 10 + wide) };
  }
}

/** Whether an AVIF's picture was stored without loss; what cannot be followed counts as lossy. */
export function isLosslessAvif(file) {
  const meta = description(file);
  const wanted = [...entries(meta)].find(({ kind }) => kind === "av01");
  const located = locations(inside(meta, "iloc")).find(
    ({ item, within }) => item === wanted?.item && !within,
  );
  return located !== undefined && isLossless(parts(file, located.extents.slice(0, 1), 4096));
}

/** Extents of a file as one, up to so many bytes. */
function parts(file, extents, room) {
  const found = [];
  for (const [offset, length] of extents.slice(0, MOST_PARTS)) {
    const part = file.subarray(offset, offset + Math.min(length, room));
    found.push(part);
    room -= part.length;
  }
  return joined(...found);
}

/** Where items lie, up to what is damaged: {item, within: 0 for places in the file, extents}. */
function locations(iloc) {
  const found = [];
  let [place, count] = [6, 0];
  const next = (size) => {
    place += size;
    return size ? number(iloc, place - size, size) : 0;
  };
  const version = iloc[0];
  const wide = version === 2 ? 4 : 2;
  for (let left = next(wide); left > 0; left--) {
    const [item, method] = [next(wide), version ? next(2) & 15 : 0];
    next(2); // the file, which is this one
    const [base, extents] = [next(iloc[5] >> 4), []];
    const own = next(2);
    count += own + 1;
    if (!(count <= MOST_EXTENTS)) break; // their numbers may take no bytes, so that few could name any number
    for (let n = 0; n < own; n++) {
      next(version ? iloc[5] & 15 : 0);
      extents.push([base + next(iloc[4] >> 4), next(iloc[4] & 15)]);
    }
    if (place > iloc.length) break;
    found.push({ item, within: method, extents });
  }
  return found;
}
