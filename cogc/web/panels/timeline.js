// @ts-check
/**
 * `<cog-timeline>`: failures and restarts, along a line of time and as a list.
 * @typedef {import("../data/types.js").LifeEvent} LifeEvent
 */

import { el, replace, svg } from "../dom.js";
import { counted, runTime } from "../text.js";

const KEPT = 500;
const ROWS = 100;

export class Timeline extends HTMLElement {
  constructor() {
    super();
    /** @type {LifeEvent[]} */
    this.events = [];
    this.strip = svg("svg", { class: "strip", role: "img", preserveAspectRatio: "none", viewBox: "0 0 1000 28" });
    this.from = el("span", { class: "from" });
    this.to = el("span", { class: "to" });
    this.list = el("ol", { class: "events", "aria-label": "Failures and restarts, the last one first" });
  }

  connectedCallback() {
    this.append(el("div", { class: "axis" }, this.from, this.strip, this.to), this.list);
    this.draw();
  }

  /** Forget all: another run tells its own. */
  clear() {
    this.events = [];
    this.draw();
  }

  /** @param {LifeEvent[]} events */
  take(events) {
    const last = this.events.at(-1)?.n ?? 0;
    const fresh = events.filter((event) => event.n > last);
    if (!fresh.length && events.length && (events.at(-1)?.n ?? 0) < last) this.events = [];
    this.events = [...this.events, ...(fresh.length ? fresh : this.events.length ? [] : events)].slice(-KEPT);
    this.draw();
  }

  get failures() {
    return this.events.filter((event) => event.kind === "fail").length;
  }

  draw() {
    if (!this.events.length) {
      replace(this.list, el("li", { class: "hint" }, "Nothing has failed since the page's server began."));
      this.strip.replaceChildren(svg("path", { class: "base", d: "M0 14H1000" }));
      replace(this.from);
      replace(this.to);
      return;
    }
    const first = this.events[0].t;
    const last = Math.max(first + 1, this.events[this.events.length - 1].t);
    replace(this.from, runTime(first));
    replace(this.to, runTime(last));
    const marks = this.events.map((event) => {
      const x = 6 + ((event.t - first) / (last - first)) * 988;
      return svg("path", { class: event.kind, d: event.kind === "fail" ? `M${x} 3V25` : `M${x} 9V19` });
    });
    const restarts = this.events.length - this.failures;
    this.strip.setAttribute("aria-label", `${counted(this.failures, "failure")} and ${counted(restarts, "restart")}`);
    this.strip.replaceChildren(svg("path", { class: "base", d: "M0 14H1000" }), ...marks);
    replace(this.list, ...this.events.slice(-ROWS).reverse().map((event) => this.row(event)));
  }

  /** @param {LifeEvent} event */
  row(event) {
    const go = () => this.dispatchEvent(new CustomEvent("path", { detail: event.path }));
    const words = event.kind === "fail" ? `${event.error_kind ?? ""}: ${event.error ?? ""}` : "";
    return el(
      "li",
      { class: `is-${event.kind}` },
      el("time", {}, runTime(event.t)),
      el("span", { class: "kind" }, event.kind === "fail" ? "failed" : "restarted"),
      el("button", { type: "button", class: "link", click: go }, event.path),
      el("span", { class: "words" }, words),
      event.at ? el("span", { class: "place" }, event.at) : null,
    );
  }
}

customElements.define("cog-timeline", Timeline);
