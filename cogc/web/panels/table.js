// @ts-check
/**
 * `<cog-table>`: all coglets as a table, page by page. Events: `rows` (from, count), `choose` (an id).
 * @typedef {import("../data/types.js").Row} Row
 */

import { el, replace } from "../dom.js";

const PAGE = 100;
const EVERY = 2000;

export class CogletTable extends HTMLElement {
  constructor() {
    super();
    this.from = 0;
    this.total = 0;
    this.body = el("tbody");
    this.where = el("span", { role: "status" });
    this.back = el("button", { type: "button", click: () => this.turn(-PAGE) }, "Previous");
    this.next = el("button", { type: "button", click: () => this.turn(PAGE) }, "Next");
  }

  connectedCallback() {
    const heads = ["Coglet", "Class", "Status", "Inbox", "Restarts", "Parent"].map((name) => el("th", { scope: "col" }, name));
    const caption = el("caption", { class: "unseen" }, "All coglets");
    this.append(
      el("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": "All coglets" }, el("table", {}, caption, el("thead", {}, el("tr", {}, ...heads)), this.body)),
      el("footer", {}, this.back, this.where, this.next),
    );
    setInterval(() => !this.hidden && this.ask(), EVERY);
  }

  ask() {
    this.dispatchEvent(new CustomEvent("rows", { detail: { from: this.from, count: PAGE } }));
  }

  /** @param {number} by */
  turn(by) {
    this.from = Math.max(0, Math.min(this.from + by, Math.floor(Math.max(0, this.total - 1) / PAGE) * PAGE));
    this.ask();
  }

  /**
   * @param {Row[]} rows
   * @param {number} total
   */
  show(rows, total) {
    this.total = total;
    const focused = document.activeElement instanceof HTMLElement && this.contains(document.activeElement) ? document.activeElement.dataset.id : undefined;
    replace(this.body, ...rows.map((row) => this.row(row)));
    replace(this.where, `${Math.min(total, this.from + 1)} to ${Math.min(total, this.from + PAGE)} of ${total.toLocaleString("en")}`);
    this.back.disabled = this.from === 0;
    this.next.disabled = this.from + PAGE >= total;
    if (focused) [...this.body.querySelectorAll("button")].find((b) => b.dataset.id === focused)?.focus();
  }

  /** @param {Row} row */
  row(row) {
    const go = el("button", { type: "button", class: "link", click: () => this.dispatchEvent(new CustomEvent("choose", { detail: row.id })) }, row.label);
    go.dataset.id = row.id;
    const fill = row.fill ? `${Math.round(row.fill * 100)} %` : "";
    return el("tr", {}, el("th", { scope: "row" }, go), el("td", {}, row.class_name), el("td", { class: `status-${row.status.replace(/[^a-z]/g, "")}` }, row.status), el("td", {}, fill), el("td", {}, row.restarts || ""), el("td", {}, row.parent));
  }
}

customElements.define("cog-table", CogletTable);
