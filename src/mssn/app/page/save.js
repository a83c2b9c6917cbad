// How results go out: one file, or all in a ZIP.

import { make } from "./dom.js";
import { downloadZip } from "./vendor/client-zip.js";

const ENOUGH = 60_000; // milliseconds after which a browser has surely begun to save

/** Saves a file as the browser does. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), ENOUGH);
}

/**
 * All results in one ZIP, in the folders that their pictures came from.
 *
 * @param {import("./queue.js").Item[]} items those that are done
 * @returns {Promise<Blob>}
 */
export function zip(items) {
  const names = toldApart(items.map(({ path, result }) => folderOf(path) + result.name));
  const now = new Date();
  return downloadZip(
    items.map(({ result }, at) => ({ name: names[at], input: result.blob, lastModified: now })),
  ).blob();
}

/** "a/b.png" -> "a/" */
export const folderOf = (path) => path.slice(0, path.lastIndexOf("/") + 1);

/**
 * Names of which no two are the same where letters' case and composed accents make no difference:
 * a.png, A.png -> a.png, A (2).png.
 *
 * @param {string[]} names
 * @returns {string[]}
 */
export function toldApart(names) {
  const plain = (name) => name.normalize("NFC").toLowerCase();
  const given = new Set();
  const wanted = new Set(names.map(plain));
  return names.map((name) => {
    const dot = name.lastIndexOf(".");
    const [stem, ending] =
      dot > name.lastIndexOf("/") + 1 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
    let own = name;
    for (let i = 2; given.has(plain(own)) || (own !== name && wanted.has(plain(own))); i++)
      own = `${stem} (${i})${ending}`;
    given.add(plain(own));
    return own;
  });
}
