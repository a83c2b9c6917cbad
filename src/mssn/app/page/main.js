// The page: brings what comes in, the queue, the list, the options and the engine together.

import { Compare } from "./compare.js";
import { byId, fillTexts, say } from "./dom.js";
import { chosen, dropped, isFilm, pasted, sort, watch } from "./drop.js";
import { canRetry, List } from "./list.js";
import { Panel } from "./options.js";
import { Queue } from "./queue.js";
import { save, zip } from "./save.js";
import * as texts from "./texts.js";

const UNSEEN = 500; // milliseconds between two changes of the title while the page is hidden
const OFTEN = 8000; // milliseconds between two spoken lines of progress

/**
 * Runs the page.
 *
 * @param {import("./engine.js").Start} start gets the engine ready
 */
export function run(start) {
  fillTexts(document);
  new Page(start).start();
}

class Page {
  #start;
  #engine = null;
  #spoken = 0;
  #drawing = 0;
  #passed = []; // names of what was passed over last
  #moved = new Set();

  constructor(start) {
    this.#start = start;
    this.panel = new Panel(() => this.#optionsChanged());
    this.queue = new Queue(
      () => this.panel.options(),
      (item, change) => this.#changed(item, change),
    );
    const acts = {
      compare: (item) => this.compare.open(item),
      save: (item) => this.#save(item),
      cancel: (item) => this.queue.cancel(item),
      again: (item) => this.queue.again(item),
      remove: (item) => this.queue.remove(item),
    };
    this.list = new List(byId("list"), acts, (item) => this.#stale(item));
    this.compare = new Compare((item) => this.#save(item));
    this.#wire();
    this.#invite();
  }

  async start() {
    byId("banner").hidden = true;
    try {
      this.#engine = await this.#start();
    } catch (error) {
      this.#banner(texts.startFailed(error), () => this.start());
      return;
    }
    const { accept, note } = this.#engine;
    const [short, long] = texts.privacy(this.#engine, location.hostname);
    byId("privacy-short").textContent = short;
    byId("privacy-long").textContent = long;
    byId("privacy").hidden = false;
    byId("machine").textContent = texts.machine(this.#engine);
    byId("machine").title = this.#engine.backend;
    this.#invite();
    byId("note").textContent = note ?? "";
    byId("files").accept = accept;
    this.#sortAgain();
    this.panel.use(this.#engine);
    this.queue.use(this.#engine);
    const earlier = (await this.#engine.earlier?.()) ?? [];
    this.queue.add(earlier.map(({ file, options }) => ({ file, path: file.name, options })));
    addEventListener("pagehide", ({ persisted }) => persisted || this.#engine.close());
  }

  #wire() {
    const inputs = { choose: byId("files"), "choose-folder": byId("folder") };
    for (const [button, input] of Object.entries(inputs)) {
      byId(button).addEventListener("click", () => input.click());
      input.addEventListener("change", () => {
        this.#add(chosen(input));
        input.value = "";
      });
    }
    byId("choose-folder").hidden = !("webkitdirectory" in inputs.choose);
    watch({
      over: (over) => document.body.classList.toggle("over", over),
      drop: async (transfer) => {
        const { files, unread } = await dropped(transfer);
        this.#add(files, unread);
      },
      paste: (clipboard) => this.#add(pasted(clipboard)),
    });
    document.addEventListener("visibilitychange", () => this.#draw());
    byId("passed-close").addEventListener("click", () => {
      byId("passed").hidden = true;
      byId("choose").focus();
    });
    // What is pressed goes away, and the focus to the heading.
    byId("cancel-all").addEventListener("click", () => {
      this.queue.cancelAll();
      byId("pictures-title").focus();
    });
    byId("zip-all").addEventListener("click", () => this.#saveAll());
    byId("again-all").addEventListener("click", () => {
      this.queue.items.filter((item) => this.#stale(item)).forEach((item) => this.queue.again(item));
      byId("pictures-title").focus();
    });
    byId("retry-all").addEventListener("click", () => {
      this.queue.items.filter(canRetry).forEach((item) => this.queue.again(item));
      byId("pictures-title").focus();
    });
    byId("remove-all").addEventListener("click", () => {
      [...this.queue.items].forEach((item) => this.queue.remove(item));
      this.#passOver([]);
      byId("choose").focus();
    });
  }

  #add(found, unread = []) {
    const { taken, others, films: missed } = sort(found, this.#engine?.films ?? true);
    const words = this.#passOver([...others, ...unread], missed, found.length + unread.length === 0);
    const count = taken.filter(({ file }) => isFilm(file)).length;
    say([taken.length ? texts.said.added(taken.length, count) : "", words].filter(Boolean).join(". "));
    this.queue.add(taken);
  }

  /** Says what is not taken. @returns {string} in which words */
  #passOver(names, missed = false, nothing = false) {
    this.#passed = names;
    const films = { taken: this.#engine?.films ?? false, missed };
    const passed = names.length ? texts.passedOver(names, films) : "";
    const words = nothing ? texts.noFile : passed;
    byId("passed").hidden = words === "";
    byId("passed-text").textContent = words;
    return words;
  }

  // Films may have come before it was known that this engine takes none.
  #sortAgain() {
    const films = this.#engine.films ? [] : this.queue.items.filter(({ film }) => film);
    if (films.length === 0) return;
    films.forEach((item) => this.queue.remove(item));
    say(this.#passOver([...this.#passed, ...films.map(({ path }) => path)], true));
  }

  #save(item) {
    save(item.result.blob, item.result.name);
    this.queue.saved(item);
    say(texts.said.saved(item.result.name));
  }

  async #saveAll() {
    const button = byId("zip-all");
    const done = this.queue.items.filter(({ state }) => state === "done");
    button.disabled = true;
    byId("zip-text").textContent = texts.zipping;
    try {
      save(await zip(done), texts.zipName);
      done.forEach((item) => this.queue.saved(item));
      say(texts.said.saved(texts.zipName));
    } catch (error) {
      this.#banner(texts.errorWords({ code: "failed", message: String(error.message) }).join(" "), () =>
        this.#saveAll(),
      );
    }
    byId("zip-text").textContent = texts.fixed.zipAll;
    button.disabled = false;
  }

  #stale({ state, options }) {
    const now = this.panel.options();
    return state === "done" && Object.keys(now).some((name) => now[name] !== options[name]);
  }

  #optionsChanged() {
    this.list.updateAll(this.panel.options().scale);
    this.#summary();
  }

  #changed(item, change) {
    if (change === "paused") {
      if (this.queue.paused) this.#banner(texts.goneBanner(this.#engine.kind), () => this.queue.goOn());
      else byId("banner").hidden = true;
      return;
    }
    if (change === "added") this.list.add(item, this.panel.options().scale);
    else if (change === "removed") this.list.remove(item, byId("choose"));
    else if (change === "state") {
      this.list.update(item);
      this.#tell(item);
    } else this.#moved.add(item);
    const draw = () => this.#draw();
    this.#drawing ||= document.hidden ? setTimeout(draw, UNSEEN) : requestAnimationFrame(draw);
  }

  // Progress may come a thousand times a second; it is painted once for each frame.
  #draw() {
    this.#drawing = 0;
    for (const item of this.#moved) {
      this.list.update(item);
      if (item.state === "working" && performance.now() - Math.max(this.#spoken, item.started) > OFTEN) {
        this.#spoken = performance.now();
        say(texts.said.working(item.path, item.progress));
      }
    }
    this.#moved.clear();
    this.#summary();
  }

  #tell(item) {
    const { path, state, result, error, saved } = item;
    if (state === "done" && !saved) {
      say(texts.said.done(path, result, this.queue.count("done"), this.queue.items.length));
    } else if (state === "failed") say(texts.said.failed(path, texts.errorWords(error, item.film)[0]));
    else if (state === "cancelled") say(texts.said.cancelled(path));
  }

  #summary() {
    const { items } = this.queue;
    const done = this.queue.count("done");
    const open = this.queue.count("waiting") + this.queue.count("working");
    document.body.classList.toggle("filled", items.length > 0);
    this.#invite();
    byId("pictures").hidden = items.length === 0;
    byId("count").textContent = texts.count(done, items.length, this.queue.films());
    const [failed, cancelled] = [this.queue.count("failed"), this.queue.count("cancelled")];
    byId("count-state").textContent = texts.countState(done, items.length, failed, cancelled);
    byId("cancel-all").hidden = open === 0;
    byId("zip-all").hidden = done < 2;
    byId("retry-all").hidden = items.filter(canRetry).length < 2;
    byId("again-all").hidden = !items.some((item) => this.#stale(item));
    const finished = items.reduce(
      (sum, { state, progress }) => sum + (state === "working" ? progress : state !== "waiting"),
      0,
    );
    document.title = texts.title(open, items.length ? finished / items.length : 0);
    const unsaved = items.some(({ state, saved }) => state === "done" && !saved);
    window.onbeforeunload = open || unsaved ? ask : null;
  }

  #invite() {
    const drags = matchMedia("(hover: hover)").matches;
    const [first, more, hint, choose] = texts.invitation(drags, this.#engine?.films ?? false);
    byId("drop-title").textContent = this.queue.items.length ? more : first;
    byId("drop-hint").textContent = hint;
    byId("choose").lastElementChild.textContent = choose;
  }

  #banner(text, again) {
    byId("banner-text").textContent = text;
    byId("go-on").onclick = () => {
      byId("banner").hidden = true;
      byId("choose").focus();
      again();
    };
    byId("banner").hidden = false;
  }
}

const ask = (event) => event.preventDefault();
