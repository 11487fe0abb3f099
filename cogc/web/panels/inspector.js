// @ts-check
/**
 * `<cog-inspector>`: all that is known of one coglet. It says by events where its reader wants to go: `choose` (an id).
 * @typedef {import("../data/types.js").Details} Details
 */

import { el, replace } from "../dom.js";
import { pretty } from "../text.js";
import { channelRows } from "./channels.js";
import { SourceText } from "./source-text.js";

export class Inspector extends HTMLElement {
  constructor() {
    super();
    this.heading = el("h2", { tabindex: -1 });
    this.body = el("div", { class: "inspector-body", tabindex: 0, role: "region", "aria-label": "Details" });
    this.code = new SourceText();
    /** @type {string | null} */
    this.shown = null;
    /** @type {Set<string>} the parts that the reader has shut */
    this.shut = new Set();
  }

  connectedCallback() {
    const close = el("button", { type: "button", class: "close", "aria-label": "Close the inspector", click: () => this.choose(null) }, "✕");
    this.append(el("header", {}, this.heading, close), this.body, this.code);
  }

  /** @param {string | null} id */
  choose(id) {
    this.dispatchEvent(new CustomEvent("choose", { detail: id }));
  }

  /**
   * @param {string} id
   * @param {Details | null} details None for a coglet that is gone
   */
  show(id, details) {
    if (details === null) {
      replace(this.heading, id);
      replace(this.body, el("p", { class: "hint" }, "This coglet has stopped."));
      this.code.show(null);
      return;
    }
    const scrolled = this.shown === id ? this.body.scrollTop : 0;
    this.shown = id;
    replace(this.heading, el("bdi", {}, details.path.split("/").pop() ?? id));
    replace(this.body, ...this.parts(details));
    this.code.show(details);
    this.body.scrollTop = scrolled;
  }

  /** @param {Details} details */
  parts(details) {
    const kind = details.kind === "coglet" ? "" : ` · ${details.kind}`;
    return [
      el("p", { class: "class" }, el("code", {}, details.class_name), kind),
      el("p", { class: `status-line tone-${details.failure ? "bad" : "plain"}` }, details.status, details.restarts ? ` · ${details.restarts} restarts` : ""),
      details.failure && el("p", { class: "failure" }, `${details.failure.kind}: ${details.failure.message}`, details.failure.at && el("span", { class: "place" }, details.failure.at)),
      details.doc ? el("p", { class: "doc" }, details.doc) : null,
      el("p", { class: "path" }, details.path),
      this.section("Waits for", details.waits.map((line) => el("p", { class: "wait" }, line))),
      this.section("States", Object.entries(details.states).map(([name, value]) => pair(name, state(value)))),
      this.section("Listens", details.listens.map(channelRows)),
      this.section("Transmits", details.transmits.map(channelRows)),
      this.section("Commands", details.commands.map((c) => el("p", { class: "signature" }, el("b", {}, c.name), `(${typed(c.parameters)})`))),
      this.section("Programs", details.programs.map(program)),
      this.section("Children", this.children_of(details)),
      this.section("Supervision", supervision(details)),
      this.section("Mixins", details.mixins.length ? [el("p", {}, details.mixins.join(", "))] : []),
    ].filter((part) => part !== null);
  }

  /**
   * A part of the inspector that can be shut; nothing if it is empty.
   * @param {string} title
   * @param {Node[]} rows
   */
  section(title, rows) {
    if (!rows.length) return null;
    const made = el("details", { open: !this.shut.has(title) }, el("summary", {}, title, el("span", { class: "number" }, rows.length)), ...rows);
    made.addEventListener("toggle", () => (made.open ? this.shut.delete(title) : this.shut.add(title)));
    return made;
  }

  /** @param {Details} details */
  children_of(details) {
    const rows = details.children.map((child) =>
      el("button", { type: "button", class: "child", click: () => this.choose(child.id) }, el("b", {}, child.label), el("span", {}, child.class_name), el("i", {}, child.status)),
    );
    const above = details.parent;
    const up = above === null ? [] : [el("button", { type: "button", class: "child", click: () => this.choose(above) }, "↑ ", el("b", {}, above.split("/").pop() ?? above), el("span", {}, "parent"))];
    const more = details.more_children ? [el("p", { class: "hint" }, `and ${details.more_children} more`)] : [];
    return [...up, ...rows, ...more];
  }
}

/**
 * @param {string} name
 * @param {Node} value
 */
function pair(name, value) {
  return el("div", { class: "pair" }, el("b", {}, name), value);
}

/**
 * Return what shows a state. A text of short lines, such as a map or a table, keeps its columns and has the whole width.
 * @param {unknown} value
 */
function state(value) {
  const text = pretty(value);
  const columns = typeof value === "string" && text.includes("\n") && text.split("\n").every((line) => line.length <= 80);
  return el("pre", columns ? { class: "columns" } : {}, text);
}

/** @param {{name: string, type: string}[]} parameters */
function typed(parameters) {
  return parameters.map((p) => `${p.name}: ${p.type}`).join(", ");
}

/** @param {Details["programs"][number]} program */
function program(program) {
  const about = [program.kind, program.model, program.tools.length ? `tools: ${program.tools.join(", ")}` : ""].filter(Boolean).join(" · ");
  const result = program.result ? ` -> ${program.result}` : "";
  const now = program.stands_for === null ? null : el("p", { class: "now" }, `replaced by ${pretty(program.stands_for)}`);
  return el("div", { class: "program" }, el("p", { class: "signature" }, el("b", {}, program.name), `(${typed(program.parameters)})${result}`), el("p", { class: "hint" }, about), now);
}

/** @param {Details} details */
function supervision(details) {
  const { restart, max_restarts, backoff_s } = details.config;
  if (restart === undefined) return [];
  const rows = [pair("restart", el("span", {}, restart))];
  if (max_restarts !== null && max_restarts !== undefined) rows.push(pair("at most", el("span", {}, `${max_restarts} restarts`)));
  if (backoff_s !== null && backoff_s !== undefined) rows.push(pair("backoff", el("span", {}, `${backoff_s} s`)));
  return rows;
}

customElements.define("cog-inspector", Inspector);
