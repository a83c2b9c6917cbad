// A page without a face, to try the engine of the built site: `begin` starts it, `upscale` gives it a
// picture. NAMES (name -> file of the built site) comes from the test that bundles it.
import { start } from "../../web/src/engine.js";
import { unpacked } from "../../web/src/unpack.js";

const place = (name) => NAMES[name] ?? NAMES[`${name}.gz`];

/** One of the site's files, or what `spoiled` makes of it. */
async function fetched(name, spoiled) {
  if (spoiled[name] === "missing") throw new Error("no network");
  const bytes = await unpacked(new Uint8Array(await (await fetch(place(name))).arrayBuffer()));
  if (spoiled[name] === "wrong") bytes.forEach((byte, at) => (bytes[at] = byte ^ 64));
  return bytes;
}

window.begin = async (options = {}, spoiled = {}) => {
  window.engine?.close();
  window.engine = undefined;
  try {
    window.engine = await start({
      asset: (name) => fetched(name, spoiled),
      makeWorker: (name) => new Worker(spoiled[`${name}.js`] ?? place(`${name}.js`)),
      ...options,
    });
  } catch (error) {
    return { code: error.code };
  }
  const { upscale, close, ...described } = window.engine;
  return described;
};

const decoded = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

async function encoded(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** Cancelled after `cancelAfter` calls of `progress` (0: at once), if that is given. */
window.upscale = async (name, content, options, cancelAfter) => {
  const shares = [];
  const cancelling = new AbortController();
  if (cancelAfter === 0) setTimeout(() => cancelling.abort());
  const progress = (share) => {
    shares.push(share);
    if (shares.length === cancelAfter) cancelling.abort();
  };
  try {
    const file = new File([decoded(content)], name);
    const result = await window.engine.upscale(file, options, { signal: cancelling.signal, progress });
    return { ...result, type: result.blob.type, blob: await encoded(result.blob), shares };
  } catch (error) {
    return { code: error.code, message: error.message, shares };
  }
};
