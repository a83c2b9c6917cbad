// The list of pictures: one row each, made once and then kept up to date.

import { icon, make } from "./dom.js";
import { folderOf } from "./save.js";
import { about, bytes, errorWords, row as words, sentence } from "./texts.js";
import { thumbnail } from "./thumbs.js";

const FINAL = ["not-a-picture", "unreadable", "unsupported"]; // the same file ends the same way again
const SPEED = 0.05; // share of the work after which a guess at the time left is no longer wild

/**
 * @param {HTMLElement} list
 * @param {Record<"compare" | "save" | "cancel" | "again" | "remove", (item: object) => void>} acts
 * @param {(item: object) => boolean} stale whether a result was made with other options than those of now
 */
export class List {
  #rows = new Map();
  #seen = new IntersectionObserver((entries) => this.#appeared(entries), { rootMargin: "300px" });

  constructor(list, acts, stale) {
    this.list = list;
    this.acts = acts;
    this.stale = stale;
  }

  add(item, factor) {
    const row = new Row(item, this.acts);
    this.#rows.set(item, row);
    row.element.item = item;
    row.factor = factor;
    this.list.append(row.element);
    this.#seen.observe(row.element);
    this.update(item);
  }

  update(item) {
    this.#rows.get(item)?.update(this.stale(item));
  }

  updateAll(factor) {
    for (const [item, row] of this.#rows) {
      row.factor = factor;
      this.update(item);
    }
  }

  /** Takes a row away; the focus goes to a neighbour, or to `fallback`. */
  remove(item, fallback) {
    const { element } = this.#rows.get(item);
    const focused = element.contains(document.activeElement);
    const neighbour = element.nextElementSibling ?? element.previousElementSibling;
    this.#seen.unobserve(element);
    this.#rows.delete(item);
    element.remove();
    if (focused) (neighbour?.querySelector(".remove") ?? fallback).focus();
  }

  #appeared(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      this.#seen.unobserve(target);
      thumbnail(target.item.file, () => this.#rows.has(target.item)).then(
        (found) => found && this.#rows.get(target.item)?.picture(found),
      );
    }
  }
}

class Row {
  constructor(item, acts) {
    this.item = item;
    const folder = folderOf(item.path);
    const name = item.path.slice(folder.length);
    this.name = name;
    const button = (kind, text, symbol, act, extra = "") =>
      make(
        "button",
        {
          type: "button",
          class: `${kind} ${extra}`,
          "aria-label": about(text, name),
          title: kind === "remove" && text,
          click: () => act(item),
        },
        icon(symbol),
        make("span", {}, text),
      );
    this.buttons = {
      compare: button("compare", words.compare, "split", acts.compare),
      again: button("again", words.again, "again", acts.again),
      retry: button("retry", words.retry, "again", acts.again),
      save: button("save", words.download, "save", acts.save, "main"),
      cancel: button("cancel", words.cancel, "stop", acts.cancel),
      remove: button("remove", words.remove, "close", acts.remove, "quiet"),
    };
    // For the mouse alone: keys have the button beside it.
    this.thumb = make(
      "div",
      { class: "thumb", click: () => this.shows && acts.compare(item) },
      icon("picture"),
    );
    this.facts = make("p", { class: "facts" });
    this.bar = make("progress", { max: 1, value: 0, "aria-label": words.bar(name) });
    this.notes = make("div", { class: "notes" });
    const dot = name.lastIndexOf(".") > 0 ? name.lastIndexOf(".") : name.length;
    const title = make(
      "p",
      { class: "name", title: item.path },
      make("span", { class: "folder" }, folder),
      make("span", { class: "stem" }, name.slice(0, dot)),
      make("span", {}, name.slice(dot)),
    );
    this.element = make(
      "li",
      { class: "row" },
      this.thumb,
      make("div", { class: "what" }, title, this.facts, this.bar, this.notes),
      make("div", { class: "acts" }, ...Object.values(this.buttons)),
    );
  }

  /** The small picture, and its true size. */
  picture({ size: found, blob }) {
    this.size = found;
    this.update(this.stale);
    if (!blob) return;
    const url = URL.createObjectURL(blob);
    const image = make("img", { alt: "", src: url, load: () => URL.revokeObjectURL(url) });
    image.addEventListener("error", () => URL.revokeObjectURL(url));
    this.thumb.replaceChildren(image);
  }

  update(stale) {
    this.stale = stale;
    const { item, element, buttons } = this;
    const { state } = item;
    const focused = document.activeElement;
    element.dataset.state = state;
    this.shows = state === "done" && item.result.blob.type.startsWith("image/");
    element.classList.toggle("shows", this.shows);
    const shown = {
      compare: this.shows,
      save: state === "done",
      again: state === "done" && stale,
      retry: canRetry(item),
      cancel: state === "working",
      remove: state !== "working",
    };
    for (const [kind, on] of Object.entries(shown)) buttons[kind].hidden = !on;
    buttons.save.classList.toggle("main", !item.saved);
    const [symbol, text, label] = item.saved
      ? ["check", words.saved, words.savedAgain(this.name)]
      : ["save", words.download, about(words.download, this.name)];
    buttons.save.replaceChildren(icon(symbol), make("span", {}, text));
    buttons.save.setAttribute("aria-label", label);
    this.bar.hidden = state !== "working";
    this.bar.value = item.progress;
    this.facts.replaceChildren(...this.#facts().map((text) => make("span", {}, text)));
    this.notes.replaceChildren(...this.#notes().map((text) => make("p", {}, text)));
    if (focused?.closest(".row") === element && focused.hidden) {
      [...element.querySelectorAll(".acts button")].find((button) => !button.hidden)?.focus();
    }
  }

  #facts() {
    const { item } = this;
    const sizes = this.size
      ? words.planned(this.size, enlarged(this.size, this.factor))
      : bytes(item.file.size);
    if (item.state === "done") return [...words.done(item.result), words.how(item.result)];
    if (item.state === "working") return [this.#pace(), sizes];
    if (item.state === "waiting") return [words.waiting, sizes];
    if (item.state === "cancelled") return [words.cancelled];
    return [errorWords(item.error, item.film)[0]];
  }

  #pace() {
    const { progress, started, options } = this.item;
    this.factor = options.scale;
    if (progress === 0) return words.starting;
    if (progress === 1) return words.finishing;
    const passed = (performance.now() - started) / 1000;
    const guess = progress > SPEED && passed > 2 ? (passed / progress) * (1 - progress) : null;
    return words.working(progress, guess);
  }

  #notes() {
    if (this.item.state === "done") return this.item.result.notes.map(sentence);
    if (this.item.state === "failed") return errorWords(this.item.error).slice(1).filter(Boolean);
    return [];
  }
}

/** Whether it may go better another time. @param {import("./queue.js").Item} item */
export const canRetry = ({ state, error }) =>
  state === "cancelled" || (state === "failed" && !FINAL.includes(error.code));

const enlarged = ({ width, height }, factor) => ({
  width: Math.max(1, Math.round(width * factor)),
  height: Math.max(1, Math.round(height * factor)),
});
