// @ts-check
/**
 * One box of the graph as SVG.
 * @typedef {import("../data/types.js").Box} Box
 * @typedef {import("../data/types.js").BoxState} BoxState
 * @typedef {{width: number, height: number}} Size
 */

import { setText, svg } from "../dom.js";
import { shortened, textWidth } from "./measure.js";

const SMALL = 40;

/** What the statuses mean for the look of a box. */
const TONES = /** @type {Record<string, string>} */ ({
  failed: "bad",
  error: "bad",
  starting: "wait",
  stopping: "wait",
  parked: "wait",
  busy: "busy",
  stopped: "off",
});

export class BoxShape {
  /**
   * @param {Box} box
   * @param {Size} size
   */
  constructor(box, size) {
    this.box = box;
    this.size = size;
    this.dot = svg("circle", { class: "status", r: 4 });
    this.title = svg("text", { class: "title" });
    this.under = svg("text", { class: "under" });
    this.frame = svg("rect", { class: "frame", rx: 8 });
    this.back = svg("rect", { class: "back", rx: 8, x: 5, y: 5 });
    this.inbox = svg("rect", { class: "inbox", height: 3, rx: 1.5 });
    this.badge = svg("text", { class: "badge", "text-anchor": "end" });
    this.more = svg("g", { class: "more" }, svg("rect", { rx: 8, height: 16 }), svg("text", { "text-anchor": "middle", y: 12 }));
    this.hint = svg("title");
    this.group = svg(
      "g",
      { role: "treeitem", tabindex: -1 },
      this.hint, this.back, this.frame, this.inbox, this.dot, this.title, this.under, this.badge, this.more,
    );
    this.show(box, size);
  }

  /**
   * Show a box anew.
   * @param {Box} box
   * @param {Size} size
   */
  show(box, size) {
    this.box = box;
    this.size = size;
    const { width, height } = size;
    const small = height < SMALL;
    const isGroup = box.kind === "group";
    this.group.dataset.id = box.id;
    this.frame.setAttribute("width", String(width));
    this.frame.setAttribute("height", String(height));
    for (const side of ["width", "height"]) this.back.setAttribute(side, String(side === "width" ? width : height));
    this.dot.setAttribute("cx", "16");
    const under = small ? "" : this.about();
    this.dot.setAttribute("cy", String(under ? 19 : height / 2));
    this.title.setAttribute("x", "28");
    this.title.setAttribute("y", String(under ? 23.5 : height / 2 + 4.5));
    const room = width - 28 - 10;
    setText(this.title, shortened(box.label, room - (box.state[2] ? 26 : 0), true));
    setText(this.under, shortened(under, room, false));
    this.under.setAttribute("x", "28");
    this.under.setAttribute("y", "41");
    this.badge.setAttribute("x", String(width - 10));
    this.badge.setAttribute("y", String(small ? height / 2 + 4 : 23));
    this.inbox.setAttribute("x", "10");
    this.inbox.setAttribute("y", String(height - 4));
    this.placeMore();
    this.state(box.state);
  }

  /** What stands below the name: the class, unless it says the same, or else the doc. */
  about() {
    const { box } = this;
    if (box.kind === "group") return "";
    const same = box.class_name.toLowerCase() === box.label.toLowerCase();
    const words = same ? box.doc : box.class_name;
    return box.kind === "coglet" ? words : [words, box.kind].filter(Boolean).join(" · ");
  }

  /** Show how many coglets the box stands for, and that it can be opened or shut. */
  placeMore() {
    const { box, size } = this;
    const isGroup = box.kind === "group";
    const words = box.open ? "−" : isGroup ? "+" : box.hidden ? `+${box.hidden.toLocaleString("en")}` : "";
    const [rect, text] = /** @type {SVGElement[]} */ ([...this.more.children]);
    setText(text, words);
    const wide = Math.max(20, textWidth(words, false) + 14);
    rect.setAttribute("width", String(wide));
    rect.setAttribute("x", String(-wide / 2));
    this.more.setAttribute("transform", `translate(${size.width / 2} ${size.height - 8})`);
    this.more.classList.toggle("shut", !box.open && !isGroup);
    this.more.toggleAttribute("hidden", !words || (!box.open && !box.hidden && !isGroup));
  }

  /** @param {BoxState} state */
  state(state) {
    this.box.state = state;
    const [status, fill, restarts] = state;
    const { box } = this;
    this.group.setAttribute("class", `box kind-${box.kind.replace(/[^a-z]/g, "")} tone-${TONES[status] ?? "good"}`);
    this.inbox.setAttribute("width", String(Math.max(0, (this.size.width - 20) * fill)));
    this.inbox.classList.toggle("full", fill >= 0.9);
    setText(this.badge, restarts ? `↻${restarts}` : "");
    setText(this.hint, this.words());
    const name = box.kind === "group" ? box.label : `${box.label}, ${box.class_name}`;
    const waiting = fill ? `, inbox ${Math.round(fill * 100)} percent full` : "";
    const again = restarts ? `, ${restarts} restarts` : "";
    const more = box.hidden ? `, ${box.hidden} more below` : "";
    this.group.setAttribute("aria-label", `${name}, ${status}${waiting}${again}${more}`);
    if (box.foldable) this.group.setAttribute("aria-expanded", String(box.open));
    else this.group.removeAttribute("aria-expanded");
  }

  words() {
    const { box } = this;
    const [status, , restarts] = box.state;
    const about = box.kind === "group" ? box.label : `${box.id}\n${box.class_name}`;
    return `${about}\n${status}${restarts ? `, ${restarts} restarts` : ""}`;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  move(x, y) {
    this.group.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  }
}
