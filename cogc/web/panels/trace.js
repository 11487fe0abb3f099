// @ts-check
/**
 * `<cog-trace>`: the records of the trace that pass the filters of `cogc trace show`, and the chain of causes of one. It says by
 * events what it wants: `filter` (a filter, or null), `chain` (a number), `path` (a path).
 * @typedef {import("../data/types.js").TraceRecord} TraceRecord
 * @typedef {import("../data/types.js").TraceFilter} TraceFilter
 */

import { el, replace } from "../dom.js";
import { brief, runTime } from "../text.js";

const KEPT = 500;
const TYPING = 250;
const SHOWN = ["channel", "port", "action", "to", "command", "program", "name", "level", "coglet", "reason", "error", "at"];
const KINDS =
  "artefact ask backoff bid call claim command create dead_letter deliver dispatch drop fail fallback grant guide hand_off input join log output over_capacity park progress reply restart result send skip start state steer stop tick transmit unpark".split(" ");

export class TracePanel extends HTMLElement {
  constructor() {
    super();
    /** @type {TraceRecord[]} */
    this.records = [];
    this.isPaused = false;
    this.form = el("form", { class: "filters", "aria-label": "Filters of the trace", submit: (/** @type {Event} */ e) => e.preventDefault() });
    this.list = el("ol", { class: "records", tabindex: 0, "aria-label": "Records of the trace, the last one at the end" });
    this.causes = el("div", { class: "causes", hidden: true });
    this.note = el("p", { class: "hint" });
  }

  connectedCallback() {
    const kinds = el("datalist", { id: "trace-kinds" }, ...KINDS.map((kind) => el("option", { value: kind })));
    const pause = el("button", { type: "button", "aria-pressed": "false", click: () => this.pause(pause) }, "Pause");
    this.form.append(
      field("Path", "path", "Main/jury"),
      field("Kind", "kind", "fail, restart", "trace-kinds"),
      field("Channel", "channel", ""),
      field("Since", "since", "10s"),
      field("Before", "before", "1m"),
      field("Text", "text", ""),
      pause,
      kinds,
    );
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let typing;
    this.form.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.ask(), TYPING);
    });
    this.append(this.form, this.note, el("div", { class: "trace-lists" }, this.list, this.causes));
  }

  /** @param {HTMLButtonElement} button */
  pause(button) {
    this.isPaused = !this.isPaused;
    button.setAttribute("aria-pressed", String(this.isPaused));
    if (!this.isPaused) this.draw();
  }

  /** Ask for the records that pass the filters of the form. */
  ask() {
    const given = new FormData(this.form);
    const text = (/** @type {string} */ name) => String(given.get(name) ?? "").trim();
    const kinds = text("kind").split(/[\s,]+/).filter(Boolean);
    /** @type {TraceFilter} */
    const filter = { path: text("path"), kinds, channel: text("channel"), since: seconds(text("since")), before: seconds(text("before")), text: text("text") };
    for (const name of ["since", "before"]) {
      const input = /** @type {HTMLInputElement} */ (this.form.elements.namedItem(name));
      input.setCustomValidity(text(name) && seconds(text(name)) === null ? "a time of the run, such as 10s or 2m" : "");
      input.reportValidity();
    }
    this.dispatchEvent(new CustomEvent("filter", { detail: filter }));
  }

  /** Show that there is no trace. */
  lack() {
    this.form.hidden = true;
    replace(this.note, "This run keeps no trace. A runtime that was started with --trace FILE does.");
  }

  /** @param {{records: TraceRecord[], fresh: boolean, whole: boolean}} news */
  take({ records, fresh, whole }) {
    this.records = (fresh ? records : [...this.records, ...records]).slice(-KEPT);
    replace(this.note, whole ? "" : "There are more records than are shown.");
    if (!this.isPaused) this.draw();
  }

  draw() {
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
    if (!this.records.length) replace(this.list, el("li", { class: "hint" }, "No record passes these filters since the page was opened."));
    else this.list.replaceChildren(...this.records.map((record) => this.row(record)));
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
  }

  /** @param {TraceRecord} record */
  row(record) {
    const about = SHOWN.map((name) => record[name]).filter((value) => value !== undefined && value !== null && value !== "");
    const data = record.data ?? record.change;
    const causes = () => this.dispatchEvent(new CustomEvent("chain", { detail: record.seq }));
    const go = () => this.dispatchEvent(new CustomEvent("path", { detail: record.path }));
    return el(
      "li",
      { class: `record is-${record.kind}` },
      el("time", {}, runTime(record.t)),
      el("button", { type: "button", class: "link seq", title: "Show what led to this record", "aria-label": `Causes of record ${record.seq}`, click: causes }, record.seq),
      el("span", { class: "kind" }, record.kind),
      el("button", { type: "button", class: "link", click: go }, record.path),
      el("span", { class: "about" }, about.map(String).join(" ")),
      data === undefined ? null : el("code", {}, brief(data, 200)),
    );
  }

  /** @param {{seq: number, records: TraceRecord[]}} news */
  showChain({ seq, records }) {
    this.causes.hidden = false;
    const close = el("button", { type: "button", class: "close", "aria-label": "Close the chain of causes", click: () => (this.causes.hidden = true) }, "✕");
    const rows = records.map((record) => this.row(record));
    const more = records.length && records[0].cause ? el("p", { class: "hint" }, "What led to the first of these is no longer kept.") : null;
    replace(this.causes, el("header", {}, el("h3", {}, `What led to ${seq}`), close), more, el("ol", { class: "records", "aria-label": `Chain of causes of record ${seq}` }, ...rows));
  }
}

/**
 * @param {string} label
 * @param {string} name
 * @param {string} hint
 * @param {string} [list]
 */
function field(label, name, hint, list) {
  return el("label", {}, label, el("input", { name, placeholder: hint, autocomplete: "off", spellcheck: "false", list }));
}

/**
 * Return a duration such as `1m30s` in seconds; null for what is none.
 * @param {string} text
 */
function seconds(text) {
  const units = /** @type {Record<string, number>} */ ({ ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 });
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return null;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)].reduce((sum, [, n, unit]) => sum + Number(n) * units[unit], 0);
}

customElements.define("cog-trace", TracePanel);
