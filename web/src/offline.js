// Keeps the site for use without a network, and changes to a new version between visits, never within one.

const TRIED = "mssn-version-tried";

const ask = (worker, question) =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = (event) => resolve(event.data);
    setTimeout(() => resolve(false), 10_000);
    worker.postMessage(question, [port2]);
  });

/**
 * Registers the service worker. A version that waits takes over now, before any work, if no other page of the
 * site is open; the page is then loaded anew. Resolves to nothing; never throws, never keeps the page waiting
 * for the network.
 */
export async function keepOffline() {
  const workers = navigator.serviceWorker;
  if (!workers) return; // an address without https, or a browser that forbids it
  try {
    const known = await workers.getRegistration("./");
    const recently = Date.now() - Number(sessionStorage.getItem(TRIED) ?? 0) < 60_000; // no loop, whatever happens
    if (known?.waiting && workers.controller && !recently && (await ask(known.waiting, "take over"))) {
      sessionStorage.setItem(TRIED, String(Date.now()));
      await new Promise((resolve) => {
        workers.addEventListener("controllerchange", resolve, { once: true });
        setTimeout(resolve, 3000);
      });
      location.reload();
      await new Promise(() => {}); // nothing more is done in the old version
    }
    if (known?.active) ask(known.active, "complete"); // repairs what the browser dropped
    const registration = await workers.register("sw.js", { scope: "./", updateViaCache: "none" });
    if (known) registration.update().catch(() => {}); // browsers look for a new version late, or not at all
  } catch {
    // Without it the page works as long as there is a network.
  }
}

/** Whether the page works without a network from now on. */
export async function isKept() {
  const worker = (await navigator.serviceWorker?.getRegistration("./"))?.active;
  return worker ? ask(worker, "complete") : false;
}
