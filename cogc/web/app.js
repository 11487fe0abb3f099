// @ts-check
/**
 * `<cog-app>`: the page. It hands what the source tells to the views, and what the reader does in a view to the source and to the
 * other views. `start.js` gives it a source.
 * @typedef {import("./data/types.js").Source} Source
 * @typedef {import("./data/types.js").Picture} Picture
 */

import { RecordedSource } from "./data/recorded-source.js";
import { SocketSource } from "./data/socket-source.js";
import { keepToken, token } from "./data/token.js";
import { el, replace, setText } from "./dom.js";
import { GraphView } from "./graph/view.js";
import { askToken, showKeys } from "./panels/dialogs.js";
import { Inspector } from "./panels/inspector.js";
import { Search } from "./panels/search.js";
import { CogletTable } from "./panels/table.js";
import { Timeline } from "./panels/timeline.js";
import { TracePanel } from "./panels/trace.js";
import { counted } from "./text.js";

const FOUND = 12;

export class App extends HTMLElement {
  constructor() {
    super();
    this.graph = new GraphView();
    this.inspector = new Inspector();
    this.search = new Search();
    this.table = new CogletTable();
    this.timeline = new Timeline();
    this.trace = new TracePanel();
    this.title_ = el("h1", {}, "cogc");
    this.count = el("span", { class: "count" });
    this.state = el("span", { class: "connection", role: "status" }, "connecting");
    this.news = el("div", { class: "unseen", "aria-live": "polite", role: "log" });
    this.empty = el("p", { class: "empty", hidden: true }, "There are no coglets yet. They appear here as soon as they are created.");
    this.drawer = el("section", { class: "drawer", hidden: true, "aria-label": "Trace and failures" }, this.timeline, this.trace);
    /** @type {Record<string, HTMLButtonElement>} */
    this.tabs = {};
    /** @type {Set<string>} */
    this.opened = new Set();
    /** @type {Set<string>} */
    this.shut = new Set();
    /** @type {string | null} */
    this.chosen = null;
    /** @type {string | null} a coglet to bring into view when its box is there */
    this.wanted = null;
    /** @type {Picture | null} */
    this.picture = null;
    /** @type {"timeline" | "trace" | null} */
    this.below = null;
    this.run = "";
    this.drawn = false;
    this.inspector.hidden = this.table.hidden = true;
    /** @type {Source} */
    this.source = recorded() ?? new SocketSource(new URL("./", import.meta.url));
  }

  connectedCallback() {
    this.append(
      el("header", { class: "bar" }, this.title_, this.state, this.count, this.search, this.buttons()),
      el("main", {}, el("div", { class: "stage" }, this.graph, this.table, this.empty, this.zoomers()), this.inspector),
      this.drawer,
      this.news,
    );
    this.hearSource();
    this.hearViews();
    addEventListener("keydown", (event) => this.key(event));
    this.source.start();
  }

  buttons() {
    const tab = (/** @type {string} */ name, /** @type {string} */ words, /** @type {string} */ key, /** @type {() => void} */ act) =>
      (this.tabs[name] = el("button", { type: "button", "aria-pressed": "false", title: `${words} (${key})`, click: act }, words));
    return el(
      "nav",
      { "aria-label": "Views" },
      tab("table", "Table", "T", () => this.showTable(this.table.hidden)),
      tab("timeline", "Failures", "L", () => this.showBelow("timeline")),
      tab("trace", "Trace", "R", () => this.showBelow("trace")),
      el("button", { type: "button", title: "Keys (?)", "aria-label": "Keys", click: showKeys }, "?"),
    );
  }

  zoomers() {
    const button = (/** @type {string} */ words, /** @type {string} */ sign, /** @type {() => void} */ act) =>
      el("button", { type: "button", "aria-label": words, title: words, click: act }, sign);
    return el(
      "div",
      { class: "zoomers", role: "group", "aria-label": "Zoom" },
      button("Zoom in (+)", "+", () => this.graph.zoom(1.3)),
      button("Zoom out (−)", "−", () => this.graph.zoom(1 / 1.3)),
      button("Show all (0)", "⤢", () => this.graph.fit()),
    );
  }

  // ---- what the source tells

  hearSource() {
    const { source } = this;
    source.on("state", (state) => this.showState(state));
    source.on("head", (head) => this.showHead(head));
    source.on("picture", (picture) => this.showPicture(picture));
    source.on("pulse", (pulse) => this.graph.pulse(pulse));
    source.on("details", ({ id, data }) => {
      if (id !== this.chosen) return;
      if (data !== null && data.id !== id) this.rename(id, data.id);
      this.inspector.show(data?.id ?? id, data);
    });
    source.on("source", (text) => this.inspector.code.take(text));
    source.on("life", (events) => {
      this.timeline.take(events);
      for (const event of events.slice(-3)) if (event.kind === "fail") this.say(`${event.path} failed: ${event.error}`);
      this.tabs.timeline.classList.toggle("alarm", this.timeline.failures > 0);
      setText(this.tabs.timeline, this.timeline.failures ? `Failures ${this.timeline.failures}` : "Failures");
    });
    source.on("trace", (news) => this.trace.take(news));
    source.on("chain", (news) => this.trace.showChain(news));
    source.on("list", ({ rows, total, tag }) => (tag === "search" ? this.search.show(rows, total) : this.table.show(rows, total)));
  }

  /** @param {import("./data/types.js").News["state"]} state */
  showState(state) {
    const words = { connecting: "connecting", open: "live", lost: "connection lost, trying again", locked: "locked", recorded: "recorded" };
    setText(this.state, words[state]);
    this.dataset.state = state;
    if (state === "locked") {
      askToken(token() !== "", (given) => {
        keepToken(given);
        this.source.start();
      });
    }
  }

  /** @param {import("./data/types.js").Head} head */
  showHead(head) {
    setText(this.title_, head.title);
    document.title = `${this.title_.textContent} · cogc`;
    if (this.run && head.run !== this.run) this.timeline.clear();
    this.run = head.run;
    this.tabs.timeline.hidden = !head.has.life;
    if (!head.has.trace) this.trace.lack();
  }

  /** @param {Picture} picture */
  showPicture(picture) {
    this.announce(picture);
    this.picture = picture;
    this.graph.show(picture);
    if (!this.drawn) requestAnimationFrame(() => performance.mark("picture"));
    this.drawn = true;
    const drawn = picture.boxes.length;
    setText(this.count, drawn < picture.total ? `${counted(picture.total, "coglet")} in ${counted(drawn, "box").replace("boxs", "boxes")}` : counted(picture.total, "coglet"));
    this.empty.hidden = picture.total > 0;
    const { wanted } = this;
    if (wanted !== null && picture.boxes.some((box) => box.id === wanted)) {
      this.wanted = null;
      this.graph.mark(wanted);
      this.graph.reveal(wanted);
    }
  }

  /**
   * Say which coglets are new and which are gone, for readers of the screen.
   * @param {Picture} picture
   */
  announce(picture) {
    if (!this.picture || Math.abs(picture.total - this.picture.total) > 5) return;
    const names = (/** @type {Picture} */ p) => new Map(p.boxes.filter((box) => box.kind !== "group").map((box) => [box.id, box.label]));
    const [old, now] = [names(this.picture), names(picture)];
    if (picture.total > this.picture.total) for (const [id, label] of now) if (!old.has(id)) this.say(`${label} was created`);
    if (picture.total < this.picture.total) for (const [id, label] of old) if (!now.has(id)) this.say(`${label} has stopped`);
  }

  /** @param {string} words */
  say(words) {
    this.news.append(el("p", {}, words));
    while (this.news.childElementCount > 5) this.news.firstElementChild?.remove();
  }

  // ---- what the reader does

  hearViews() {
    const detail = (/** @type {Event} */ event) => /** @type {CustomEvent} */ (event).detail;
    for (const view of [this.graph, this.inspector]) view.addEventListener("choose", (event) => this.choose(detail(event)));
    for (const view of [this.search, this.table]) view.addEventListener("choose", (event) => this.seek(detail(event)));
    this.graph.addEventListener("fold", (event) => this.fold(detail(event).id, detail(event).open));
    this.inspector.code.addEventListener("text", (event) => this.source.text(detail(event)));
    this.search.addEventListener("find", (event) => this.source.list("search", detail(event), 0, FOUND));
    this.table.addEventListener("rows", (event) => this.source.list("table", "", detail(event).from, detail(event).count));
    this.trace.addEventListener("filter", (event) => this.source.trace(detail(event)));
    this.trace.addEventListener("chain", (event) => this.source.chain(detail(event)));
    for (const view of [this.timeline, this.trace]) view.addEventListener("path", (event) => this.seek(detail(event)));
  }

  /**
   * Inspect a coglet, or none.
   * @param {string | null} id
   */
  choose(id) {
    const had = this.chosen;
    this.chosen = id;
    this.source.select(id);
    this.inspector.hidden = id === null;
    if (this.graph.camera.follows) requestAnimationFrame(() => this.graph.fit());
    this.graph.mark(id);
    if (id === null && had !== null && this.inspector.contains(document.activeElement)) this.graph.rove(had, true);
    if (id !== null && !this.graph.shapes.has(id)) this.seek(id);
  }

  /**
   * Inspect a coglet and bring it into view; if it has no box, what is above it is opened.
   * @param {string} id
   */
  seek(id) {
    if (!this.table.hidden) this.showTable(false);
    if (this.chosen !== id) this.choose(id);
    if (this.graph.shapes.has(id)) {
      this.graph.mark(id);
      this.graph.reveal(id);
      return;
    }
    this.wanted = id;
    this.fold(id, true);
  }

  /**
   * Go on with the id of a coglet that was asked for by its path.
   * @param {string} path
   * @param {string} id
   */
  rename(path, id) {
    this.opened.delete(path);
    this.wanted = null;
    this.chosen = id;
    this.source.select(id);
    this.seek(id);
  }

  /**
   * @param {string} id
   * @param {boolean} open
   */
  fold(id, open) {
    (open ? this.opened : this.shut).add(id);
    (open ? this.shut : this.opened).delete(id);
    this.source.view([...this.opened], [...this.shut]);
  }

  /** @param {boolean} shown */
  showTable(shown) {
    this.table.hidden = !shown;
    this.graph.hidden = shown;
    this.tabs.table.setAttribute("aria-pressed", String(shown));
    if (shown) this.table.ask();
    else if (this.graph.camera.follows) this.graph.fit();
  }

  /** @param {"timeline" | "trace" | null} name */
  showBelow(name) {
    this.below = name === this.below ? null : name;
    this.drawer.hidden = this.below === null;
    this.timeline.hidden = this.below !== "timeline";
    this.trace.hidden = this.below !== "trace";
    for (const one of ["timeline", "trace"]) this.tabs[one].setAttribute("aria-pressed", String(one === this.below));
    if (this.below === "trace") this.trace.ask();
    else this.source.trace(null);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    /** @type {Record<string, () => void>} */
    const acts = {
      "/": () => this.search.input.focus(),
      "+": () => this.graph.zoom(1.3),
      "=": () => this.graph.zoom(1.3),
      "-": () => this.graph.zoom(1 / 1.3),
      0: () => this.graph.fit(),
      y: () => this.graph.tidy(),
      t: () => this.showTable(this.table.hidden),
      l: () => this.showBelow("timeline"),
      r: () => this.showBelow("trace"),
      "?": showKeys,
      Escape: () => (this.chosen !== null ? this.choose(null) : this.below !== null && this.showBelow(null)),
    };
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

/** Return the run that is written into the page, or null if the page has a server. */
function recorded() {
  const written = document.getElementById("recorded");
  return written === null ? null : new RecordedSource(JSON.parse(written.textContent ?? ""));
}

customElements.define("cog-app", App);
