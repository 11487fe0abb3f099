// @ts-check
/**
 * `<cog-source>`: the text of the spec beside its coglet. The line of the declaration, those at which the coglet waits, and the one
 * at which it has failed are marked.
 * @typedef {import("../data/types.js").Details} Details
 */

import { el, replace } from "../dom.js";

export class SourceText extends HTMLElement {
  constructor() {
    super();
    /** @type {Map<string, {lines?: string[], error?: string}>} */
    this.known = new Map();
    /** @type {Details | null} */
    this.details = null;
    this.name = el("span", { class: "file" });
    this.list = el("ol", { class: "lines", tabindex: 0 });
    this.drawn = "";
  }

  connectedCallback() {
    const again = el("button", { type: "button", title: "Read the file again", click: () => this.again() }, "↻");
    this.append(el("header", {}, el("h3", {}, "Source"), this.name, again), this.list);
  }

  /** @param {Details | null} details */
  show(details) {
    this.details = details;
    const place = details?.source ?? null;
    this.hidden = place === null;
    if (place === null) return;
    replace(this.name, place.file.split("/").pop() ?? place.file);
    this.name.title = place.file;
    if (!this.known.has(place.file)) {
      this.known.set(place.file, { lines: [] });
      this.again();
    }
    this.draw();
  }

  again() {
    if (this.details?.source) this.dispatchEvent(new CustomEvent("text", { detail: this.details.source.file }));
  }

  /** @param {{file: string, lines?: string[], error?: string}} text */
  take(text) {
    this.known.set(text.file, text);
    this.drawn = "";
    this.draw();
  }

  draw() {
    const place = this.details?.source;
    if (!place) return;
    const text = this.known.get(place.file);
    const marks = this.marks();
    const key = JSON.stringify([place.file, place.line, text?.lines?.length, [...marks]]);
    if (key === this.drawn) return;
    const moved = JSON.parse(this.drawn || "[]")[1] !== place.line || JSON.parse(this.drawn || "[]")[0] !== place.file;
    this.drawn = key;
    if (text?.error || !text?.lines?.length) {
      replace(this.list, el("li", { class: "hint" }, text?.error ?? "…"));
      this.drawn = "";
      return;
    }
    this.list.replaceChildren(...text.lines.map((line, i) => row(line, i + 1, marks.get(i + 1))));
    if (moved) this.showLine(place.line);
  }

  /** @returns {Map<number, string>} the marked lines, with what each mark means */
  marks() {
    const place = this.details?.source;
    /** @type {Map<number, string>} */
    const found = new Map();
    if (!place) return found;
    found.set(place.line, "declared");
    for (const line of place.waits) found.set(line, "waits");
    const failed = this.details?.failure?.at ?? "";
    const [file, line] = [failed.split(":").slice(0, -2).join(":"), Number(failed.split(":").at(-2))];
    if (file === place.file && line) found.set(line, "failed");
    return found;
  }

  /** @param {number} line */
  showLine(line) {
    const row = this.list.children[line - 1];
    if (row instanceof HTMLElement) this.list.scrollTop = row.offsetTop - 24;
  }
}

const WORDS = /** @type {Record<string, string>} */ ({ waits: "it waits here", failed: "it failed here", declared: "" });

/**
 * @param {string} line
 * @param {number} number
 * @param {string | undefined} mark
 */
function row(line, number, mark) {
  const words = mark ? WORDS[mark] : "";
  return el("li", { class: mark ? `mark ${mark}` : null }, el("span", { class: "line-number", "aria-hidden": "true" }, number), el("code", {}, line || " "), words ? el("em", {}, words) : null);
}

customElements.define("cog-source", SourceText);
