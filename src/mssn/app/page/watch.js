// What the app tells of a tab's jobs: one stream of events for all of them, open while there are some.

import { EngineError } from "./engine.js";

const TRIES = 4; // times that a stream which broke off is looked for, a second apart

export class Watch {
  #client;
  #stream = null;
  #broken = 0;
  /** @type {Map<string, {progress: (share: number) => void, done: Function, failed: Function}>} */
  #followed = new Map();

  /** @param {string} client whose jobs */
  constructor(client) {
    this.#client = client;
  }

  /**
   * Follows a job to its end.
   *
   * @param {string} id
   * @param {AbortSignal} signal
   * @param {(share: number) => void} progress
   * @returns {Promise<object>} the job, which is done; rejects with an EngineError if it never will be
   */
  follow(id, signal, progress) {
    return new Promise((done, failed) => {
      const stop = () => this.#end(id, (of) => of.failed(new EngineError("cancelled")));
      this.#followed.set(id, { progress, done, failed });
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
      if (this.#followed.size) this.#open();
    });
  }

  close() {
    this.#stream?.close();
    this.#stream = null;
  }

  #open() {
    if (this.#stream) {
      // The job may have moved before it was followed here; a new stream begins with how things stand.
      this.close();
    }
    this.#stream = new EventSource(`api/events?client=${this.#client}`);
    this.#stream.onopen = () => this.#opened();
    this.#stream.onerror = () => this.#lost();
    this.#stream.addEventListener("progress", ({ data }) => {
      const job = JSON.parse(data);
      this.#followed.get(job.id)?.progress(job.progress);
    });
    this.#stream.addEventListener("done", ({ data }) => {
      const job = JSON.parse(data);
      this.#end(job.id, (of) => of.done(job));
    });
    this.#stream.addEventListener("failed", ({ data }) => {
      const { id, code, error } = JSON.parse(data);
      this.#end(id, (of) => of.failed(new EngineError(code, error)));
    });
  }

  #end(id, tell) {
    const of = this.#followed.get(id);
    this.#followed.delete(id);
    if (!this.#followed.size) this.close();
    if (of) tell(of);
  }

  /** It answers again; jobs that it does not know any more are lost. */
  async #opened() {
    if (!this.#broken) return;
    this.#broken = 0;
    for (const id of this.#followed.keys()) {
      const response = await fetch(`api/jobs/${id}`).catch(() => null);
      if (response?.status === 404) this.#lose(id);
    }
  }

  #lost() {
    this.#broken += 1;
    const closed = this.#stream?.readyState === EventSource.CLOSED; // refused: another app is there now
    if (!closed && this.#broken < TRIES) return; // the browser tries again by itself
    this.close();
    this.#broken = 0;
    for (const id of [...this.#followed.keys()]) this.#lose(id);
  }

  #lose(id) {
    this.#end(id, (of) => of.failed(new EngineError("gone")));
  }
}
