// The service worker: the site works without a network after the first visit.
//
// FILES (name -> SHA-256), LATER (names that are stored once they are used) and VERSION come from build.mjs.
// A version is stored whole, each file checked, before it is ever served; it takes over when no page is open
// that started with another one. What is missing or damaged later is fetched again.

const CORE = `mssn-${VERSION}`;
const MODELS = "mssn-models"; // their names hold their content, so versions share them
const later = new Set(LATER);
const url = (name) => new URL(name === "index.html" ? "./" : name, self.registration.scope).href;
const named = new Map(Object.keys(FILES).map((name) => [url(name), name]));

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const intact = async (name, bytes) => hex(await crypto.subtle.digest("SHA-256", bytes)) === FILES[name];

/** A file from the network, or an error if it is not the one that belongs to this version. */
async function fetched(name) {
  const response = await fetch(url(name), { cache: "no-cache", credentials: "same-origin" });
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  const bytes = await response.clone().arrayBuffer();
  if (!(await intact(name, bytes))) throw new Error(`${name}: not of this version`);
  // Redirected responses may not answer a navigation; a fresh one with the same headers may.
  return new Response(bytes, { headers: response.headers });
}

/** Whether a file is stored and undamaged. */
async function stored(cache, name) {
  const found = await cache.match(url(name));
  return found !== undefined && intact(name, await found.arrayBuffer());
}

/** Stores what of the core is missing; of an older version, what is the same is taken over. */
async function complete() {
  const cache = await caches.open(CORE);
  const missing = [];
  for (const name of Object.keys(FILES)) {
    if (later.has(name) || (await stored(cache, name))) continue;
    const older = await caches.match(url(name));
    if (older && (await intact(name, await older.clone().arrayBuffer()))) await cache.put(url(name), older);
    else missing.push(name);
  }
  await Promise.all(missing.map(async (name) => cache.put(url(name), await fetched(name))));
}

async function tidy() {
  for (const key of await caches.keys()) {
    if (key.startsWith("mssn-") && key !== CORE && key !== MODELS) await caches.delete(key);
  }
  const models = await caches.open(MODELS);
  for (const request of await models.keys()) if (!named.has(request.url)) await models.delete(request);
}

async function answer(request, name) {
  const cache = await caches.open(later.has(name) ? MODELS : CORE);
  const found = await cache.match(url(name));
  if (found) return found;
  const response = await fetched(name).catch(() => null);
  if (response === null) return fetch(request); // whatever the host has is better than nothing
  await cache.put(url(name), response.clone()).catch(() => {}); // a full disk must not stop the page
  return response;
}

/** Whether the page that asks is the only one, so that no other job is cut in the middle. */
async function alone() {
  for (const pause of [0, 100, 300]) {
    await new Promise((resolve) => setTimeout(resolve, pause)); // one that was just left counts a moment longer
    const pages = await self.clients.matchAll({ includeUncontrolled: true, type: "window" });
    if (pages.length <= 1) return true;
  }
  return false;
}

self.addEventListener("install", (event) => event.waitUntil(complete()));
self.addEventListener("activate", (event) => event.waitUntil(tidy().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const address = new URL(request.url);
  address.search = address.hash = "";
  const name = named.get(address.href) ?? (address.href === url("index.html") + "index.html" ? "index.html" : undefined);
  if (name !== undefined) event.respondWith(answer(request, name));
});
self.addEventListener("message", (event) => {
  const reply = (answer) => event.ports[0]?.postMessage(answer);
  if (event.data === "complete") {
    event.waitUntil(complete().then(() => reply(true), () => reply(false)));
  } else if (event.data === "take over") {
    event.waitUntil(
      alone().then((yes) => {
        reply(yes);
        if (yes) return self.skipWaiting();
      }),
    );
  }
});
