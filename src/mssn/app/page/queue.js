// The pictures, in their order, and what becomes of each. One at a time goes to the engine.

import { isFilm } from "./drop.js";
import { EngineError } from "./engine.js";

/**
 * @typedef {object} Item
 * @property {number} id
 * @property {File} file
 * @property {string} path its name with the folders it was dropped in
 * @property {boolean} film whether it is a film
 * @property {"waiting" | "working" | "done" | "failed" | "cancelled"} state
 * @property {number} progress 0 to 1
 * @property {number} started milliseconds, of `performance.now()`
 * @property {import("./engine.js").Options | null} options with which it was begun
 * @property {import("./engine.js").Options} [given] those with which it is to begin; else the page's
 * @property {import("./engine.js").Result | null} result
 * @property {EngineError | null} error
 * @property {boolean} saved whether the result was downloaded
 */

export class Queue {
  /** @type {Item[]} */
  items = [];
  /** Set when the engine is gone: nothing is begun until `goOn`. */
  paused = false;
  #engine = null;
  #running = null; // {item, stop: AbortController}
  #nextId = 1;

  /**
   * @param {() => import("./engine.js").Options} options those to begin the next picture with
   * @param {(item: Item | null, change: string) => void} changed called after each change: "added",
   *   "removed", "progress" or "state" of an item; "paused" of the queue
   */
  constructor(options, changed) {
    this.options = options;
    this.changed = changed;
  }

  /** From now on pictures are enlarged, by this engine. */
  use(engine) {
    this.#engine = engine;
    this.#next();
  }

  /** @param {{file: File, path: string, options?: import("./engine.js").Options}[]} found */
  add(found) {
    for (const { file, path, options } of found) {
      const item = { id: this.#nextId++, file, path, film: isFilm(file), given: options, ...fresh() };
      this.items.push(item);
      this.changed(item, "added");
    }
    this.#next();
  }

  /** Stops it at once for whoever looks; the engine follows, then the next one begins. */
  cancel(item) {
    if (item.state !== "waiting" && item.state !== "working") return;
    this.#set(item, { state: "cancelled" });
    if (this.#running?.item === item) this.#running.stop.abort();
  }

  cancelAll() {
    for (const item of this.items) this.cancel(item);
  }

  /** From the start, with the options of then. A result that is there goes. */
  again(item) {
    if (item.state === "waiting" || item.state === "working") return;
    this.#set(item, fresh());
    this.goOn();
  }

  remove(item) {
    this.cancel(item);
    this.items = this.items.filter((other) => other !== item);
    this.changed(item, "removed");
  }

  /** After a pause, with what the engine was at when it went away. */
  goOn() {
    this.paused = false;
    for (const item of this.items) if (item.error?.code === "gone") this.#set(item, fresh());
    this.changed(null, "paused");
    this.#next();
  }

  /** @param {Item} item */
  saved(item) {
    this.#set(item, { saved: true });
  }

  /** How many are films. */
  films() {
    return this.items.reduce((sum, { film }) => sum + film, 0);
  }

  /** How many are in each state. */
  count(state) {
    return this.items.reduce((sum, item) => sum + (item.state === state), 0);
  }

  #set(item, values) {
    Object.assign(item, values);
    this.changed(item, "state");
  }

  async #next() {
    if (this.#running || this.#engine === null || this.paused) return;
    const item = this.items.find(({ state }) => state === "waiting");
    if (!item) return;
    const stop = new AbortController();
    const running = { item, stop };
    this.#running = running;
    const options = item.given ?? this.options();
    this.#set(item, { state: "working", started: performance.now(), options, given: undefined });
    await this.#enlarge(item, stop.signal);
    this.#running = null;
    this.#next();
  }

  async #enlarge(item, signal) {
    const progress = (share) => {
      if (signal.aborted) return;
      item.progress = Math.max(item.progress, Math.min(1, share));
      this.changed(item, "progress");
    };
    try {
      await readable(item.file);
      const result = await this.#engine.upscale(item.file, item.options, { signal, progress });
      if (!signal.aborted) this.#set(item, { state: "done", progress: 1, result });
    } catch (error) {
      if (signal.aborted) return;
      const known =
        typeof error?.code === "string" ? error : new EngineError("failed", String(error?.message ?? error));
      this.#set(
        item,
        known.code === "cancelled" ? { state: "cancelled" } : { state: "failed", error: known },
      );
      if (known.code === "gone") {
        this.paused = true;
        this.changed(null, "paused");
      }
    }
  }
}

/** A file that is not there any more would look like an engine that is not. */
async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new EngineError("unreadable");
  }
}

const fresh = () => ({
  state: "waiting",
  progress: 0,
  started: 0,
  options: null,
  result: null,
  error: null,
  saved: false,
});
