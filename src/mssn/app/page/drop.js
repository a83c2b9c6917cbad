// How pictures come in: chosen, dropped (folders, too), pasted.

import { pastedName } from "./texts.js";

// Endings that browsers give no type for.
const PICTURES = /\.(jpe?g|jfif|jpe|mpo|png|webp|gif|bmp|avif|heic|heif|hif|tiff?|jxl|p[bgpn]m|qoi)$/i;
const FILMS = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|ts|m2ts|mts|wmv|flv|ogv|3gp)$/i;
const STILL = 500; // milliseconds after which files no longer hang above the window
const byName = new Intl.Collator(undefined, { numeric: true });

/**
 * @typedef {object} Found
 * @property {{file: File, path: string}[]} taken path: the name with the folders around it
 * @property {string[]} others what is passed over, by path
 * @property {boolean} films whether there are films among it
 */

/** Whether a file is a film, by its type, or its ending where it has none. @param {File} file */
export const isFilm = ({ type, name }) => (type ? type.startsWith("video/") : FILMS.test(name));


/**
 * Tells pictures from other files by type and ending. Where both say nothing a file outside folders is taken:
 * whoever chose it means it, and the engine knows a picture by its content.
 *
 * @param {{file: File, path: string}[]} found
 * @param {boolean} films whether films are taken, too
 * @returns {Found}
 */
export function sort(found, films) {
  const isTaken = ({ file, path }) => {
    if (isFilm(file)) return films;
    return file.type ? file.type.startsWith("image/") : PICTURES.test(file.name) || path === file.name;
  };
  const others = found.filter((one) => !isTaken(one));
  return {
    taken: found.filter(isTaken),
    others: others.map(({ path }) => path),
    films: others.some(({ file }) => isFilm(file)),
  };
}

/** Files of an `<input type="file">`. */
export const chosen = (input) =>
  [...input.files]
    .map((file) => ({ file, path: file.webkitRelativePath || file.name }))
    .sort((a, b) => byName.compare(a.path, b.path));

/**
 * All files of a drop, those in folders and their folders, too.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<{files: {file: File, path: string}[], unread: string[]}>} unread: paths that gave no file
 */
export async function dropped(transfer) {
  // The entries are gone after the event, so they are all asked for before the first wait.
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  const all = { files: [], unread: [] };
  for (const entry of entries) {
    if (entry instanceof File) all.files.push({ file: entry, path: entry.name });
    else await walk(entry, all);
  }
  return all;
}

async function walk(entry, all) {
  const path = entry.fullPath.replace(/^\//, "");
  try {
    if (entry.isDirectory) {
      for (const inside of await entriesOf(entry)) await walk(inside, all);
    } else {
      all.files.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path });
    }
  } catch {
    all.unread.push(path);
  }
}

async function entriesOf(folder) {
  const reader = folder.createReader();
  const entries = [];
  for (;;) {
    // Browsers hand out a hundred at a time, and then an empty list.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return entries.sort((a, b) => byName.compare(a.name, b.name));
    entries.push(...some);
  }
}

/** Files of the clipboard; a copied picture without a file has a name made up by the browser. */
export const pasted = (clipboard) =>
  [...(clipboard?.files ?? [])].map((file) => {
    const named = /^image\.\w+$/.test(file.name) ? pastedName(file.type) : file.name;
    const kept = named === file.name ? file : new File([file], named, { type: file.type });
    return { file: kept, path: named };
  });

/**
 * Watches the whole window, so that a picture let go beside the zone is not opened in its place.
 *
 * @param {object} on
 * @param {(over: boolean) => void} on.over while files hang above the window
 * @param {(transfer: DataTransfer) => void} on.drop
 * @param {(clipboard: DataTransfer) => void} on.paste
 */
export function watch({ over, drop, paste }) {
  let timer = 0;
  // A browser would open a link in the place of the page.
  const files = ({ dataTransfer }) =>
    ["Files", "text/uri-list"].some((type) => dataTransfer?.types.includes(type));
  const hang = (on) => {
    clearTimeout(timer);
    if (on) timer = setTimeout(over, STILL, false);
    over(on);
  };
  // It comes again and again while files hang there. Whether they leave or are given up is not told reliably.
  addEventListener("dragover", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    hang(true);
  });
  addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    hang(false);
    drop(event.dataTransfer);
  });
  addEventListener("paste", (event) => {
    // Text belongs into fields; elsewhere somebody thinks it is a picture.
    const { files, types } = event.clipboardData ?? { files: [], types: [] };
    if (files.length === 0 && (types.length === 0 || event.target.matches?.("input:not([type])"))) return;
    event.preventDefault();
    paste(event.clipboardData);
  });
}
