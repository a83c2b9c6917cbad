// Before and after, one over the other, with a line between them that moves.

import { byId } from "./dom.js";
import { compareTo as words } from "./texts.js";
import { clamp, cutAt, place, shareAt } from "./view.js";

const STEP = 0.02; // of the divider, by an arrow key
const NUDGE = 60; // CSS pixels that an arrow key moves the picture
// A decoded picture takes four bytes a pixel; phones stop a page that takes too much.
const LARGEST = (navigator.deviceMemory ?? 8) <= 4 ? 64e6 : 160e6;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The dialog; `save` is called with the item that is shown. */
export class Compare {
  #dialog = byId("compare");
  #stage = byId("stage");
  #divider = byId("divider");
  #map = byId("map");
  #images = ["img-before", "img-after", "img-map"].map(byId);
  #urls = [];
  #point = { x: 0.5, y: 0.5 };
  #share = 0.5;
  #zoom = 1;
  #item = null;
  #view = null;

  constructor(save) {
    byId("compare-save").addEventListener("click", () => save(this.#item));
    byId("compare-close").addEventListener("click", () => this.#dialog.close());
    byId("zooms").addEventListener("change", ({ target }) => {
      this.#zoom = Number(target.value);
      this.#draw();
    });
    this.#dialog.addEventListener("close", () => {
      this.#empty();
      if (history.state?.compare) history.back();
    });
    // Back, as phones have it, closes what fills the window, and leaves the page only after that.
    addEventListener("popstate", () => this.#dialog.close());
    // That step back comes late, and would pull the page from where it was scrolled to meanwhile.
    history.scrollRestoration = "manual";
    this.#stage.addEventListener("pointerdown", (event) => this.#grab(event));
    this.#stage.addEventListener("keydown", (event) => this.#key(event));
    this.#stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    new ResizeObserver(() => this.#draw()).observe(this.#stage);
    for (const image of this.#images) image.addEventListener("error", () => this.#trouble(words.unseen));
  }

  /** @param {import("./queue.js").Item} item one that is done */
  open(item) {
    const { before, after, blob, name } = item.result;
    this.#item = item;
    this.#point = { x: 0.5, y: 0.5 };
    this.#share = 0.5;
    this.#zoom = 1;
    byId("zooms").querySelector("input").checked = true;
    byId("compare-name").textContent = name;
    byId("chip-before").textContent = words.before({ before });
    byId("chip-after").textContent = words.after({ after });
    this.#trouble("");
    this.#dialog.showModal();
    history.pushState({ compare: true }, "");
    if (after.width * after.height > LARGEST) {
      this.#trouble(words.tooLarge);
      return;
    }
    const [first, second] = [item.file, blob].map((file) => URL.createObjectURL(file));
    this.#urls = [first, second];
    [first, second, first].forEach((url, at) => (this.#images[at].src = url));
    this.#draw();
    this.#divider.focus();
  }

  #trouble(text) {
    if (text && !this.#item) return;
    byId("trouble").textContent = text;
    this.#stage.classList.toggle("troubled", text !== "");
  }

  #empty() {
    this.#item = null;
    for (const image of this.#images) image.removeAttribute("src");
    this.#urls.forEach((url) => URL.revokeObjectURL(url));
    this.#urls = [];
  }

  #size() {
    return { width: this.#stage.clientWidth, height: this.#stage.clientHeight };
  }

  #draw() {
    if (!this.#item || !this.#stage.clientWidth) return;
    const stage = this.#size();
    const view = place(this.#item.result.after, stage, this.#zoom, devicePixelRatio, this.#point);
    this.#view = view;
    this.#point = { x: view.x, y: view.y };
    const cut = cutAt(view, stage, this.#share);
    for (const image of this.#images.slice(0, 2)) {
      image.style.width = `${view.width}px`;
      image.style.height = `${view.height}px`;
      image.style.transform = `translate(${view.left}px, ${view.top}px)`;
    }
    byId("layer-before").style.clipPath = `inset(0 ${stage.width - cut}px 0 0)`;
    byId("layer-after").style.clipPath = `inset(0 0 0 ${cut}px)`;
    this.#divider.style.transform = `translateX(${cut}px)`;
    this.#divider.setAttribute("aria-valuenow", String(Math.round(this.#share * 100)));
    this.#divider.setAttribute("aria-valuetext", words.divider(this.#share));
    byId("chip-before").classList.toggle("away", cut < byId("chip-before").offsetWidth + 16);
    byId("chip-after").classList.toggle("away", stage.width - cut < byId("chip-after").offsetWidth + 16);
    this.#stage.classList.toggle("pans", !view.whole);
    this.#drawMap(view);
  }

  #drawMap({ whole, part }) {
    const { width, height } = this.#item.result.after;
    const long = Math.min(144, this.#stage.clientWidth / 3) / Math.max(width, height);
    this.#map.hidden = whole;
    this.#map.style.width = `${Math.max(24, width * long)}px`;
    this.#map.style.height = `${Math.max(24, height * long)}px`;
    const frame = byId("frame").style;
    frame.left = `${part.x * 100}%`;
    frame.top = `${part.y * 100}%`;
    frame.width = `${part.width * 100}%`;
    frame.height = `${part.height * 100}%`;
    byId("part").textContent = whole ? "" : words.part(part);
  }

  // The line is dragged by its knob, or anywhere if all of the picture is seen; else the picture is dragged.
  #grab(event) {
    if (event.button !== 0 || !this.#view) return;
    const { target, pointerId } = event;
    const box = this.#stage.getBoundingClientRect();
    const pull = this.#map.contains(target)
      ? (at) => this.#toMap(at)
      : this.#divider.contains(target) || this.#view.whole
        ? (at) => this.#toCut(at.clientX - box.left)
        : panning(event, this.#point, (x, y) => this.#moveTo(x, y), this.#view);
    event.preventDefault();
    (this.#view.whole || this.#divider.contains(target) ? this.#divider : this.#stage).focus();
    this.#stage.setPointerCapture(pointerId);
    this.#stage.classList.add("held");
    pull(event);
    const move = (at) => at.pointerId === pointerId && pull(at);
    const stop = new AbortController();
    const release = (at) => {
      if (at.pointerId !== pointerId) return;
      stop.abort();
      this.#stage.classList.remove("held");
    };
    this.#stage.addEventListener("pointermove", move, { signal: stop.signal });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.#stage.addEventListener(end, release, { signal: stop.signal });
    }
  }

  #toCut(x) {
    this.#share = shareAt(this.#view, this.#size(), x);
    this.#draw();
  }

  #toMap({ clientX, clientY }) {
    const box = this.#map.getBoundingClientRect();
    this.#moveTo((clientX - box.left) / box.width, (clientY - box.top) / box.height);
  }

  #moveTo(x, y) {
    this.#point = { x: clamp(x, 0, 1), y: clamp(y, 0, 1) };
    this.#draw();
  }

  #moveBy(right, down) {
    this.#moveTo(this.#point.x + right / this.#view.width, this.#point.y + down / this.#view.height);
  }

  #key(event) {
    if (!this.#view || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    const onDivider = event.target === this.#divider;
    const large = event.shiftKey ? 5 : 1;
    if (arrow && onDivider && arrow[0] !== 0)
      this.#share = clamp(this.#share + arrow[0] * STEP * large, 0, 1);
    else if (arrow) this.#moveBy(arrow[0] * NUDGE * large, arrow[1] * NUDGE * large);
    else if (onDivider && event.key === "Home") this.#share = 0;
    else if (onDivider && event.key === "End") this.#share = 1;
    else return;
    event.preventDefault();
    this.#draw();
  }

  #wheel(event) {
    if (!this.#view || event.ctrlKey) return;
    event.preventDefault();
    this.#moveBy(event.deltaX, event.deltaY);
  }
}

const panning = (start, from, moveTo, view) => (at) =>
  moveTo(
    from.x - (at.clientX - start.clientX) / view.width,
    from.y - (at.clientY - start.clientY) / view.height,
  );
