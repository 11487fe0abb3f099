// @ts-check
/**
 * `<cog-search>`: finds coglets by name or class, those without a box too. Events: `find` (a text), `choose` (an id).
 * @typedef {import("../data/types.js").Row} Row
 */

import { el, replace } from "../dom.js";
import { counted } from "../text.js";

const TYPING = 120;

export class Search extends HTMLElement {
  constructor() {
    super();
    this.input = el("input", {
      type: "search", placeholder: "Search coglets", "aria-label": "Search coglets", role: "combobox", "aria-expanded": "false",
      "aria-controls": "found", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", title: "Search (/)",
    });
    this.list = el("ul", { id: "found", role: "listbox", "aria-label": "Coglets found", hidden: true });
    this.at = -1;
  }

  connectedCallback() {
    this.append(this.input, this.list);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let typing;
    this.input.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.find(), TYPING);
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => setTimeout(() => this.close(), 150));
  }

  find() {
    const text = this.input.value.trim();
    if (!text) this.close();
    else this.dispatchEvent(new CustomEvent("find", { detail: text }));
  }

  /**
   * @param {Row[]} rows
   * @param {number} total
   */
  show(rows, total) {
    if (!this.input.value.trim()) return;
    this.at = rows.length ? 0 : -1;
    const more = total > rows.length ? el("li", { class: "hint", role: "presentation" }, `${counted(total - rows.length, "more coglet")}`) : null;
    const none = rows.length ? null : el("li", { class: "hint", role: "presentation" }, "No coglet has this name or class.");
    replace(this.list, ...rows.map((row, i) => this.row(row, i)), more, none);
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.mark();
  }

  /**
   * @param {Row} row
   * @param {number} i
   */
  row(row, i) {
    const made = el("li", { role: "option", id: `found-${i}`, pointerdown: () => this.take(row.id) }, el("b", {}, row.label), el("span", {}, row.class_name), el("small", {}, row.id === row.label ? row.status : row.id));
    made.dataset.id = row.id;
    return made;
  }

  mark() {
    const options = [...this.list.querySelectorAll("[role=option]")];
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === this.at)));
    options[this.at]?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", this.at < 0 ? "" : `found-${this.at}`);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const options = [...this.list.querySelectorAll("[role=option]")];
    if (event.key === "Escape") {
      this.input.value = "";
      this.close();
      this.input.blur();
    } else if (event.key === "Enter" && options[this.at] instanceof HTMLElement) {
      this.take(/** @type {HTMLElement} */ (options[this.at]).dataset.id ?? "");
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.at = Math.max(0, Math.min(options.length - 1, this.at + (event.key === "ArrowDown" ? 1 : -1)));
      this.mark();
      event.preventDefault();
    }
  }

  /** @param {string} id */
  take(id) {
    this.close();
    this.input.blur();
    this.dispatchEvent(new CustomEvent("choose", { detail: id }));
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }
}

customElements.define("cog-search", Search);
