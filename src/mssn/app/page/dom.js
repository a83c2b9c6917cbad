// Small helpers for elements. Names from files only ever become text, never markup.

import { fixed } from "./texts.js";

/** The element of an id. */
export const byId = (id) => document.getElementById(id);

/** An element with attributes (a function is a listener, null and false are left out) and children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** A picture from the symbols of index.html. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Puts the texts of texts.js into the places that index.html has for them. */
export function fillTexts(root) {
  for (const element of root.querySelectorAll("[data-text]"))
    element.textContent = fixed[element.dataset.text];
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", fixed[element.dataset.label]);
  }
}

/** Tells screen readers, politely. */
export function say(text) {
  const region = byId("live");
  const line = make("p", {}, text);
  region.append(line);
  while (region.childElementCount > 3) region.firstElementChild.remove();
}
