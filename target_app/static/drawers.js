// On a narrow screen, rooms and people lie beside it and are drawn in, one at a time.

import { byId } from "./dom.js";

const DRAWERS = { rooms: "show-rooms", people: "show-people" };

export class Drawers {
  #open = null;

  constructor() {
    for (const [name, button] of Object.entries(DRAWERS)) {
      byId(button).addEventListener("click", () => this.#show(this.#open === name ? null : name));
    }
    byId("backdrop").addEventListener("click", () => this.close());
  }

  /** Draw in none; false when none was. */
  close() {
    if (this.#open === null) return false;
    const button = byId(DRAWERS[this.#open]);
    this.#show(null);
    button.focus();
    return true;
  }

  #show(name) {
    this.#open = name;
    for (const [each, button] of Object.entries(DRAWERS)) {
      byId(each).classList.toggle("open", each === name);
      byId(button).setAttribute("aria-expanded", String(each === name));
    }
    byId("backdrop").classList.toggle("open", name !== null);
    // What is drawn in is where the next Tab should go.
    if (name !== null) byId(name).querySelector("button, input:not([hidden])")?.focus();
  }
}
