// The engine that lives in the local app: pictures go to its jobs, and their results come back.

import { EngineError } from "./engine.js";
import { Watch } from "./watch.js";

const PATIENCE = 20; // times that a full queue is asked again
const CODES = { "bad-request": "failed" }; // what the page has other words for
const CLIENT = "mssn-client"; // in the tab's storage, so that a page that is loaded again finds its jobs

/** @type {import("./engine.js").Start} */
export async function start() {
  return new Server(await json("api/models"), client());
}

class Server {
  kind = "server";
  note = null;
  #client;
  #watch;
  #known = new WeakMap(); // files of jobs that a page before this one began

  constructor(offer, client) {
    this.models = offer.models;
    this.formats = offer.formats;
    this.accept = offer.accept;
    this.films = offer.films;
    this.cores = offer.cores;
    this.backend = offer.backend;
    this.#client = client;
    this.#watch = new Watch(client);
  }

  /**
   * What this tab began before it was loaded again: the files, to be given to `upscale` as they are.
   *
   * @returns {Promise<{file: File, options: import("./engine.js").Options}[]>}
   */
  async earlier() {
    const jobs = await json(`api/jobs?client=${this.#client}`);
    const found = await Promise.all(jobs.map((job) => this.#file(job)));
    return found.filter(Boolean);
  }

  /** @type {import("./engine.js").Engine["upscale"]} */
  async upscale(file, options, { signal, progress }) {
    signal.throwIfAborted();
    if (file.size === 0) throw new EngineError("not-a-picture", "is empty");
    try {
      return await this.#job(file, options, signal, progress);
    } catch (error) {
      // Its name stands beside it already.
      if (!error.message?.startsWith(`${file.name}: `)) throw error;
      throw new EngineError(error.code, error.message.slice(file.name.length + 2));
    }
  }

  async #job(file, options, signal, progress) {
    const id = this.#known.get(file) ?? (await this.#begin(file, options, signal));
    this.#known.delete(file);
    try {
      const job = await this.#watch.follow(id, signal, progress);
      const response = await ask(`api/jobs/${id}/result`, { signal });
      const made = result(job.result, await content(response));
      forget(id);
      return made;
    } catch (error) {
      // A page that is left loses its connections, too; the one that follows it asks for the job again.
      if (signal.aborted || error.code !== "gone") forget(id);
      throw error;
    }
  }

  close() {
    this.#watch.close();
  }

  async #begin(file, options, signal) {
    const query = new URLSearchParams({ name: file.name, client: this.#client });
    for (const [name, value] of Object.entries(options)) if (value !== null) query.set(name, value);
    for (let tries = 1; ; tries++) {
      try {
        const response = await ask(`api/jobs?${query}`, { method: "POST", body: file, signal });
        return (await response.json()).id;
      } catch (error) {
        if (error.code !== "busy" || tries === PATIENCE) throw error;
        await pause(error.retry ?? 1, signal);
      }
    }
  }

  async #file(job) {
    try {
      const response = await ask(`api/jobs/${job.id}/source`);
      const file = new File([await content(response)], job.name);
      this.#known.set(file, job.id);
      return { file, options: asGiven(job.options) };
    } catch {
      return null; // it ended meanwhile
    }
  }
}

/** The options of a job as the page has them. */
function asGiven({ model, scale, variant, strength, format, quality, metadata }) {
  return {
    model,
    scale: Number(scale),
    variant,
    strength: strength === undefined ? null : Number(strength),
    format,
    quality: quality === undefined ? null : Number(quality),
    metadata,
  };
}

function result({ name, before, after, model, strength, seconds, notes }, blob) {
  return { blob, name, before, after, model, strength, seconds, notes };
}

/** Who this tab is to the app, as long as it is open. */
function client() {
  const known = sessionStorage.getItem(CLIENT);
  if (known) return known;
  const made = Array.from(crypto.getRandomValues(new Uint8Array(12)), (n) => n.toString(16).padStart(2, "0"));
  sessionStorage.setItem(CLIENT, made.join(""));
  return made.join("");
}

/** Cancels a job, or lets its files go. */
function forget(id) {
  fetch(`api/jobs/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});
}

/** Asks the app for something; rejects with an EngineError that says why not. */
async function ask(address, options = {}) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (options.signal?.aborted) throw new EngineError("cancelled");
    throw new EngineError("gone");
  }
  if (response.ok) return response;
  if (response.status === 401) throw new EngineError("gone"); // another app is there now
  const { code, error } = await response.json().catch(() => ({ code: "failed", error: response.statusText }));
  const refused = new EngineError(CODES[code] ?? code, error);
  refused.retry = Number(response.headers.get("retry-after")) || undefined;
  throw refused;
}

async function content(response) {
  try {
    return await response.blob();
  } catch {
    throw new EngineError("gone");
  }
}

async function json(address) {
  return (await ask(address)).json();
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new EngineError("cancelled"));
    });
  });
}
