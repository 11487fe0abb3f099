// @ts-check
/**
 * The lines of the graph: supervision and flows, and what moves along the flows.
 * @typedef {import("../data/types.js").Edge} Edge
 * @typedef {import("./routes.js").Area} Area
 * @typedef {import("./routes.js").Route} Route
 */

import { svg } from "../dom.js";
import { flow, supervision } from "./routes.js";

const MOST_MOVING = 30;
const LASTS = 1600;

/** A flow: its line, and over it the dots that show traffic. */
export class FlowLine {
  /** @param {Edge} edge */
  constructor(edge) {
    this.edge = edge;
    this.line = svg("path", { class: `flow ${edge.kind}`, "marker-end": `url(#arrow-${edge.kind})` });
    this.dots = svg("path", { class: `traffic ${edge.kind}` });
    this.hint = svg("title", {}, edge.channels.join("\n"));
    this.line.append(this.hint);
    /** @type {Route} */
    this.route = { path: "", stub: "", spots: [] };
    this.path = "";
    this.until = 0;
    this.isMoving = false;
    this.isOwn = false;
  }
}

export class Lines {
  constructor() {
    this.tree = svg("g", { class: "tree", "aria-hidden": "true" });
    this.flows = svg("g", { class: "flows", "aria-hidden": "true" });
    /** @type {Map<string, SVGPathElement>} */
    this.byChild = new Map();
    /** @type {Map<string, FlowLine>} */
    this.byEdge = new Map();
    /** @type {Map<string, FlowLine[]>} */
    this.byBox = new Map();
    /** @type {Set<string>} */
    this.pairs = new Set();
    this.isCrowded = false;
  }

  /**
   * Take other edges and children; lines that were there stay.
   * @param {Edge[]} edges
   * @param {string[]} children the boxes that have a parent
   */
  take(edges, children) {
    const wanted = new Set(children);
    for (const [id, line] of this.byChild) {
      if (!wanted.has(id)) {
        line.remove();
        this.byChild.delete(id);
      }
    }
    for (const id of children) {
      if (!this.byChild.has(id)) this.byChild.set(id, this.tree.appendChild(svg("path")));
    }
    this.takeEdges(edges);
  }

  /** @param {Edge[]} edges */
  takeEdges(edges) {
    const old = this.byEdge;
    this.byEdge = new Map();
    this.byBox = new Map();
    this.pairs = new Set(edges.map((edge) => `${edge.from}\n${edge.to}`));
    for (const edge of edges) {
      const known = old.get(edge.id);
      old.delete(edge.id);
      const made = known ?? new FlowLine(edge);
      made.edge = edge;
      made.hint.textContent = edge.channels.join("\n");
      this.byEdge.set(edge.id, made);
      for (const end of [edge.from, edge.to]) this.byBox.set(end, [...(this.byBox.get(end) ?? []), made]);
      if (!known) this.flows.append(made.line, made.dots);
    }
    for (const gone of old.values()) {
      gone.line.remove();
      gone.dots.remove();
    }
  }

  /**
   * Draw the line from a parent to its child.
   * @param {string} child
   * @param {Area} above
   * @param {Area} below
   * @param {number | null} rail
   * @param {number} down
   */
  drawTree(child, above, below, rail, down) {
    this.byChild.get(child)?.setAttribute("d", supervision(above, below, rail, down));
  }

  /**
   * The flows of some boxes, each once.
   * @param {Set<string>} boxes
   */
  of(boxes) {
    return [...new Set([...boxes].flatMap((id) => this.byBox.get(id) ?? []))];
  }

  /**
   * Draw flows anew: all of them, or some.
   * @param {(id: string) => Area | undefined} area
   * @param {(from: string, to: string) => Route | undefined} tree the way between a parent and its child
   * @param {Iterable<FlowLine>} [some]
   */
  drawFlows(area, tree, some = this.byEdge.values()) {
    for (const one of some) {
      const [from, to] = [area(one.edge.from), area(one.edge.to)];
      if (!from || !to) continue;
      one.route = tree(one.edge.from, one.edge.to) ?? flow(from, to, this.pairs.has(`${one.edge.to}\n${one.edge.from}`) || one.edge.kind !== "data");
      this.lay(one);
    }
  }

  /**
   * Lay a flow along its way. Where there are many boxes, flows along the lines of supervision are short, but for those that stand out.
   * Dots that are not seen are laid when they begin to move.
   * @param {FlowLine} one
   */
  lay(one) {
    one.path = this.isCrowded && !one.isOwn ? one.route.stub : one.route.path;
    one.line.setAttribute("d", one.path);
    if (one.isMoving) one.dots.setAttribute("d", one.path);
  }

  /**
   * Let the flows move that have traffic.
   * @param {Record<string, number>} rates messages a second, by the ids of edges
   * @param {number} now in milliseconds
   */
  move(rates, now) {
    let moving = 0;
    for (const [id, one] of this.byEdge) {
      const rate = rates[id];
      if (rate) one.until = now + LASTS;
      const live = one.until > now;
      one.line.classList.toggle("live", live);
      const moves = live && moving < MOST_MOVING;
      if (moves && !one.isMoving) one.dots.setAttribute("d", one.path);
      one.isMoving = moves;
      one.dots.classList.toggle("moving", moves);
      if (live) moving += 1;
      if (rate) one.dots.classList.toggle("fast", rate > 20);
    }
  }

  /**
   * Let the flows of one box stand out.
   * @param {string | null} box
   */
  mark(box) {
    for (const one of this.byEdge.values()) {
      const own = box !== null && (one.edge.from === box || one.edge.to === box);
      if (own === one.isOwn) continue;
      one.isOwn = own;
      one.line.classList.toggle("own", own);
      this.lay(one);
    }
  }
}
