// The options panel: what was chosen, remembered in this browser alone.

import { byId, make } from "./dom.js";
import { fixed, formatWords, inShort, modelWords, percent, scaleWrong } from "./texts.js";

const KEY = "mssn.options";
const FIRST = {
  model: "mssn-s",
  scale: "2",
  factor: "2.5",
  clean: "auto",
  strength: "50",
  format: "same",
  compress: "auto",
  quality: "90",
  metadata: true,
};
const LOSSLESS = ["png", "tiff", "bmp"];
const PLAIN = "bicubic"; // no network, so that there is nothing to tell it

/** "2,5" -> 2.5; null unless it is above 0 and at most 16. */
export function factorOf(text) {
  const value = /^\s*\d*[.,]?\d+\s*$/.test(text) ? Number(text.replace(",", ".")) : NaN;
  return value > 0 && value <= 16 ? value : null;
}

/**
 * What the form says, as the engine is told it.
 *
 * @param {typeof FIRST} values
 * @returns {import("./engine.js").Options}
 */
export function toOptions(values) {
  const clean = values.model === PLAIN ? "auto" : values.clean;
  return {
    model: values.model,
    scale: factorOf(values.scale === "own" ? values.factor : values.scale) ?? 2,
    variant: clean === "off" ? "clean" : "auto",
    strength: clean === "own" ? Number(values.strength) / 100 : null,
    format: values.format,
    quality: values.compress === "own" && !LOSSLESS.includes(values.format) ? Number(values.quality) : null,
    metadata: values.metadata ? "keep" : "strip",
  };
}

/** The panel. `options()` is what is chosen now; `changed` is called after each change. */
export class Panel {
  #form = byId("form");
  #values = { ...FIRST, ...stored() };
  #factor = FIRST.factor; // the last one that made sense

  constructor(changed) {
    this.changed = changed;
    this.#offer([{ name: "mssn-s" }, { name: "mssn-m" }, { name: "mssn" }]);
    this.#fill();
    this.#form.addEventListener("input", () => this.#read());
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    const fold = byId("fold");
    fold.addEventListener("click", () => {
      const open = byId("options").classList.toggle("open");
      fold.setAttribute("aria-expanded", String(open));
    });
  }

  /** What this engine can do. */
  use(engine) {
    this.#offer(engine.models);
    this.#formats(engine.formats);
    this.#fill();
    this.#take();
    this.#show();
  }

  options() {
    return toOptions(this.#values);
  }

  #offer(models) {
    const card = ({ name }) => {
      const [word, about] = modelWords(name);
      const input = make("input", { type: "radio", name: "model", value: name });
      return make("label", {}, input, make("span", {}, make("strong", {}, word), make("small", {}, about)));
    };
    byId("models").replaceChildren(...models.map(card));
  }

  #formats(names) {
    byId("format").replaceChildren(
      ...["same", ...names].map((name) => make("option", { value: name }, formatWords(name))),
    );
  }

  // Values to the form; what this engine does not offer becomes its first.
  #fill() {
    for (const [name, value] of Object.entries(this.#values)) {
      const field = this.#form.elements[name];
      if (field instanceof RadioNodeList) {
        const known = [...field].some((radio) => radio.value === value);
        field.value = known ? value : field[0].value;
      } else if (field.type === "checkbox") field.checked = value;
      else if (field.tagName === "SELECT") {
        const known = [...field.options].some((option) => option.value === value);
        field.value = known ? value : "same";
      } else field.value = value;
    }
    this.#show();
  }

  #take() {
    for (const name of Object.keys(FIRST)) {
      const field = this.#form.elements[name];
      this.#values[name] = field.type === "checkbox" ? field.checked : field.value;
    }
  }

  #read() {
    this.#take();
    // Only a factor that makes sense is kept; a wrong one stays in the field, with a word beside it.
    const typed = this.#values.factor;
    if (factorOf(typed) === null) this.#values.factor = this.#factor;
    this.#factor = this.#values.factor;
    store(this.#values);
    this.#show(this.#values.scale === "own" && factorOf(typed) === null);
    this.changed();
  }

  #show(wrong = false) {
    const form = this.#form.elements;
    for (const own of this.#form.querySelectorAll(".own")) own.hidden = form[own.dataset.for].value !== "own";
    byId("clean-set").hidden = form.model.value === PLAIN;
    byId("quality-set").hidden = LOSSLESS.includes(form.format.value);
    const strength = percent(Number(form.strength.value) / 100);
    byId("strength-out").textContent = strength;
    form.strength.setAttribute("aria-valuetext", strength);
    byId("quality-out").textContent = form.quality.value;
    byId("factor").setAttribute("aria-invalid", String(wrong));
    byId("factor-wrong").textContent = wrong ? scaleWrong(factorOf(this.#factor)) : "";
    byId("short").textContent = inShort(this.options());
  }
}

// A browser may refuse to remember anything; then the options are those of now.
function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    const sound = ([name, value]) => name in FIRST && typeof value === typeof FIRST[name];
    return Object.fromEntries(Object.entries(found).filter(sound));
  } catch {
    return {};
  }
}

function store(values) {
  try {
    localStorage.setItem(KEY, JSON.stringify(values));
  } catch {
    // not remembered
  }
}
