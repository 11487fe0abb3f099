// @ts-check
/**
 * `<cog-graph>`: the live graph. It draws the pictures of a source, and says by events what its reader does:
 * `choose` (an id, or null), `fold` (open and shut).
 * @typedef {import("../data/types.js").Picture} Picture
 * @typedef {import("../data/types.js").Pulse} Pulse
 * @typedef {import("../data/types.js").Box} Box
 * @typedef {import("./routes.js").Area} Area
 */

import { svg } from "../dom.js";
import { BoxShape } from "./box.js";
import { Camera } from "./camera.js";
import { Carrier } from "./carrier.js";
import { Lines } from "./lines.js";
import { CROWDED, placeLabels } from "./labels.js";
import { neighbour } from "./neighbours.js";
import { followPointer } from "./pointer.js";
import { along } from "./routes.js";

const STEP = 60;
const NUDGE = 12;
const FAR_OFF = 0.5;
const REST = 200;

export class GraphView extends HTMLElement {
  constructor() {
    super();
    /** @type {Picture | null} */
    this.picture = null;
    /** @type {Map<string, BoxShape>} */
    this.shapes = new Map();
    /** @type {Map<string, Area>} where each box stands now */
    this.areas = new Map();
    /** @type {Map<string, {dx: number, dy: number}>} what the reader has moved */
    this.moved = new Map();
    /** @type {Map<string, Box[]>} the boxes below each box */
    this.below = new Map();
    /** @type {string | null} */
    this.chosen = null;
    /** @type {string | null} */
    this.focused = null;
    this.lines = new Lines();
    this.boxes = svg("g", { class: "boxes" });
    this.labels = svg("g", { class: "labels", "aria-hidden": "true" });
    this.carrier = new Carrier();
    const { near, far } = this.carrier;
    this.world = svg("g", { class: "world" }, this.lines.tree, this.lines.flows, this.labels, this.boxes, near.group, far.group);
    this.canvas = svg("svg", { role: "tree", "aria-label": "Coglets: parents above, children below", class: "canvas" }, arrows(), this.world);
    this.camera = new Camera(() => this.soon(true));
    this.pending = false;
    this.looked = false;
    /** the size of the view as it was laid out last; to ask for it would lay out all that has changed at once */
    this.size = { width: 0, height: 0 };
  }

  connectedCallback() {
    this.append(this.canvas);
    followPointer(this.canvas, {
      pan: (dx, dy) => this.pan(dx, dy),
      zoom: (factor, x, y) => this.camera.zoom(factor, x, y),
      drag: (id, dx, dy, isWhole) => this.drag(id, dx / this.camera.scale, dy / this.camera.scale, isWhole),
      drop: () => this.drop(),
      choose: (id) => this.choose(id),
      toggle: (id) => this.toggle(id),
      leave: () => this.choose(null),
      hover: (id) => this.lines.mark(id ?? this.chosen),
    });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("focusin", (event) => this.focusIn(event));
    new ResizeObserver(([seen]) => {
      this.size = { width: seen.contentRect.width, height: seen.contentRect.height };
      if (this.camera.follows) this.fit();
    }).observe(this);
  }

  // ---- what is shown

  /** @param {Picture} picture */
  show(picture) {
    const first = this.picture === null;
    this.drop();
    this.picture = picture;
    const wanted = new Set(picture.boxes.map((box) => box.id));
    for (const [id, shape] of this.shapes) {
      if (!wanted.has(id)) this.forget(id, shape);
    }
    for (const box of picture.boxes) this.showBox(box, first);
    this.lines.isCrowded = picture.boxes.length > CROWDED;
    this.canvas.classList.toggle("crowded", this.lines.isCrowded);
    this.lines.take(picture.edges, picture.boxes.filter((box) => box.parent).map((box) => box.id));
    this.levels();
    this.draw();
    if (this.camera.follows) this.fit();
    else this.relabel();
    if (this.focused === null || !wanted.has(this.focused)) this.rove(picture.boxes[0]?.id ?? null, false);
  }

  /**
   * @param {Box} box
   * @param {boolean} first
   */
  showBox(box, first) {
    const size = /** @type {Picture} */ (this.picture).box;
    let shape = this.shapes.get(box.id);
    if (shape) shape.show(box, size);
    else {
      shape = new BoxShape(box, size);
      if (!first) shape.group.classList.add("new");
      this.shapes.set(box.id, shape);
    }
    if (shape.group.parentNode === null) this.boxes.append(shape.group);
    const by = this.moved.get(box.id) ?? { dx: 0, dy: 0 };
    const area = { x: box.x + by.dx, y: box.y + by.dy, width: size.width, height: size.height };
    this.areas.set(box.id, area);
    shape.move(area.x, area.y);
    shape.group.setAttribute("aria-selected", String(box.id === this.chosen));
  }

  /**
   * @param {string} id
   * @param {BoxShape} shape
   */
  forget(id, shape) {
    const hadFocus = document.activeElement === shape.group;
    shape.group.remove();
    this.shapes.delete(id);
    this.areas.delete(id);
    if (hadFocus) this.canvas.focus();
  }

  /** Take note of what is below each box, and tell readers of the screen how deep each one stands. */
  levels() {
    /** @type {Map<string, number>} */
    const levels = new Map();
    this.below.clear();
    for (const box of this.picture?.boxes ?? []) {
      this.below.set(box.parent, [...(this.below.get(box.parent) ?? []), box]);
      levels.set(box.id, (levels.get(box.parent) ?? 0) + 1);
      this.shapes.get(box.id)?.group.setAttribute("aria-level", String(levels.get(box.id)));
    }
  }

  /** @param {Pulse} pulse */
  pulse(pulse) {
    for (const [id, state] of Object.entries(pulse.states)) this.shapes.get(id)?.state(state);
    this.lines.move(pulse.flows, performance.now());
  }

  draw() {
    for (const box of this.picture?.boxes ?? []) this.drawTree(box);
    this.lines.drawFlows((id) => this.areas.get(id), (from, to) => this.between(from, to));
  }

  /**
   * The way of messages between a parent and its child; nothing for other boxes.
   * @param {string} from
   * @param {string} to
   */
  between(from, to) {
    const upwards = this.shapes.get(from)?.box.parent === to;
    const child = this.shapes.get(upwards ? from : to)?.box;
    if (!child || !this.picture || child.parent !== (upwards ? to : from)) return undefined;
    const [above, below] = [this.areas.get(child.parent), this.areas.get(child.id)];
    return above && below && along(above, below, child.rail, this.picture.box.down, upwards);
  }

  /** @param {Box} box */
  drawTree(box) {
    const [above, below] = [this.areas.get(box.parent), this.areas.get(box.id)];
    if (above && below && this.picture) this.lines.drawTree(box.id, above, below, box.rail, this.picture.box.down);
  }

  relabel() {
    placeLabels(this.labels, this.lines, [...this.areas.values()], this.chosen);
  }

  /**
   * Draw what has changed with the next frame, however often it changes until then.
   * @param {boolean} looked whether the view has changed
   */
  soon(looked) {
    this.looked ||= looked;
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.look();
      this.drawMoved();
    });
  }

  look() {
    if (!this.looked) return;
    this.looked = false;
    this.world.style.transform = this.camera.transform;
    this.canvas.classList.toggle("far", this.camera.scale < FAR_OFF);
  }

  /** Draw what the reader carries, and the lines that lead to it, each once. */
  drawMoved() {
    const { carrier } = this;
    if (carrier.held === null) return;
    carrier.show();
    this.drawLines(carrier.hanging, carrier.leading);
  }

  /**
   * Draw the lines of supervision above some boxes, and some flows.
   * @param {Iterable<string>} hanging
   * @param {import("./lines.js").FlowLine[]} flows
   */
  drawLines(hanging, flows) {
    for (const id of hanging) {
      const shape = this.shapes.get(id);
      if (shape) this.drawTree(shape.box);
    }
    this.lines.drawFlows((id) => this.areas.get(id), (from, to) => this.between(from, to), flows);
  }

  /**
   * Let the traffic stand still while something is moved; if that is the view, the picture moves as one piece, without being drawn anew.
   * @param {boolean} whole
   */
  glide(whole) {
    const { classList } = this.canvas;
    if (!classList.contains("still")) classList.add("still");
    classList.toggle("gliding", whole);
    clearTimeout(this.gliding);
    this.gliding = setTimeout(() => this.canvas.classList.remove("still", "gliding"), REST);
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  gliding;

  // ---- what the reader does

  /**
   * Move the view.
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.glide(true);
    this.camera.pan(dx, dy);
  }

  /**
   * Move a box, or a box with all below it, by the next frame; its lines follow. It is in the reader's hand until `drop`.
   * @param {string} id
   * @param {number} dx
   * @param {number} dy
   * @param {boolean} isWhole
   */
  drag(id, dx, dy, isWhole) {
    if (!this.areas.has(id)) return;
    this.glide(false);
    const { carrier } = this;
    if (carrier.held !== id || carrier.isWhole !== isWhole) {
      this.drop();
      this.lift(id, isWhole);
    }
    for (const one of carrier.ids) {
      const area = /** @type {Area} */ (this.areas.get(one));
      area.x += dx;
      area.y += dy;
    }
    carrier.x += dx;
    carrier.y += dy;
    this.camera.follows = false;
    this.soon(false);
  }

  /**
   * Take a box, or a box with all below it, out of the picture.
   * @param {string} id
   * @param {boolean} isWhole
   */
  lift(id, isWhole) {
    const { carrier, lines } = this;
    const ids = new Set([id]);
    if (isWhole) for (const one of ids) for (const child of this.below.get(one) ?? []) ids.add(child.id);
    const shapes = [...ids].flatMap((one) => this.shapes.get(one) ?? []);
    const hanging = new Set([...shapes.map((shape) => shape.box), ...[...ids].flatMap((one) => this.below.get(one) ?? [])]);
    const flows = lines.of(ids);
    const isInner = (/** @type {string} */ from, /** @type {string} */ to) => ids.has(from) && ids.has(to);
    const [innerTree, outerTree] = parted([...hanging], (box) => isInner(box.id, box.parent));
    const [innerFlows, outerFlows] = parted(flows, ({ edge }) => isInner(edge.from, edge.to));
    const tree = (/** @type {Box[]} */ boxes) => boxes.flatMap((box) => lines.byChild.get(box.id) ?? []);
    const drawn = (/** @type {import("./lines.js").FlowLine[]} */ some) => some.flatMap((one) => [one.line, one.dots]);
    for (const shape of shapes) shape.group.classList.remove("new");
    carrier.lift(
      id, isWhole, ids,
      { boxes: shapes.map((shape) => shape.group), tree: tree(innerTree), flows: drawn(innerFlows) },
      { tree: tree(outerTree), flows: drawn(outerFlows) },
    );
    carrier.hanging = outerTree.map((box) => box.id);
    carrier.leading = outerFlows;
    this.canvas.classList.add("carrying");
  }

  /** Put what the reader carries down where it is. */
  drop() {
    const { ids, x, y, held } = this.carrier;
    if (held === null) return;
    this.carrier.drop();
    this.canvas.classList.remove("carrying");
    const hanging = new Set(ids);
    for (const id of ids) {
      const [area, by] = [this.areas.get(id), this.moved.get(id) ?? { dx: 0, dy: 0 }];
      if (area) this.shapes.get(id)?.move(area.x, area.y);
      this.moved.set(id, { dx: by.dx + x, dy: by.dy + y });
      for (const child of this.below.get(id) ?? []) hanging.add(child.id);
    }
    this.drawLines(hanging, this.lines.of(ids));
    this.relabel();
  }

  /** Put all boxes back to where the layout has them. */
  tidy() {
    this.drop();
    this.moved.clear();
    if (this.picture) this.show(this.picture);
    this.fit();
  }

  get screen() {
    return { width: this.clientWidth, height: this.clientHeight };
  }

  fit() {
    if (!this.picture || !this.areas.size) return;
    const all = [...this.areas.values()];
    const x = Math.min(...all.map((a) => a.x));
    const y = Math.min(...all.map((a) => a.y));
    const right = Math.max(...all.map((a) => a.x + a.width));
    const bottom = Math.max(...all.map((a) => a.y + a.height));
    this.camera.fit({ x, y, width: right - x, height: bottom - y }, this.size.width ? this.size : this.screen);
    this.relabel();
  }

  /**
   * Zoom at the middle of the screen.
   * @param {number} factor
   */
  zoom(factor) {
    this.camera.zoom(factor, this.clientWidth / 2, this.clientHeight / 2);
  }

  /**
   * Inspect a box, or none. A group is opened.
   * @param {string | null} id
   */
  choose(id) {
    const box = id === null ? undefined : this.shapes.get(id)?.box;
    if (box?.kind === "group") {
      this.toggle(box.id);
      return;
    }
    this.dispatchEvent(new CustomEvent("choose", { detail: id }));
  }

  /**
   * Show which coglet is inspected.
   * @param {string | null} id
   */
  mark(id) {
    if (this.chosen !== null) this.shapes.get(this.chosen)?.group.setAttribute("aria-selected", "false");
    this.chosen = id;
    if (id !== null) {
      this.shapes.get(id)?.group.setAttribute("aria-selected", "true");
      this.rove(id, false);
    }
    this.lines.mark(id);
    this.relabel();
  }

  /**
   * Bring a box into view.
   * @param {string} id
   */
  reveal(id) {
    const area = this.areas.get(id);
    if (area) this.camera.reveal(area, this.screen);
  }

  /**
   * Open a box that is shut, and shut one that is open.
   * @param {string} id
   */
  toggle(id) {
    const box = this.shapes.get(id)?.box;
    if (box?.foldable) this.dispatchEvent(new CustomEvent("fold", { detail: { id, open: !box.open } }));
  }

  /** @param {FocusEvent} event */
  focusIn(event) {
    const id = event.target instanceof SVGElement ? event.target.dataset.id : undefined;
    if (id) this.rove(id, false);
  }

  /**
   * Let one box be the one that Tab leads to.
   * @param {string | null} id
   * @param {boolean} focus
   */
  rove(id, focus) {
    if (this.focused !== null) this.shapes.get(this.focused)?.group.setAttribute("tabindex", "-1");
    this.focused = id;
    const group = id === null ? undefined : this.shapes.get(id)?.group;
    group?.setAttribute("tabindex", "0");
    if (focus && id !== null) {
      group?.focus({ preventScroll: true });
      this.reveal(id);
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const box = this.focused === null ? undefined : this.shapes.get(this.focused)?.box;
    if (!box || !this.picture || event.ctrlKey || event.metaKey) return;
    if (event.key.startsWith("Arrow")) this.arrow(event, box);
    else if (event.key === "Enter") this.choose(box.id);
    else if (event.key === " ") this.toggle(box.id);
    else if (event.key === "Home") this.rove(this.picture.boxes[0].id, true);
    else if (event.key === "g" && box.group) {
      this.dispatchEvent(new CustomEvent("fold", { detail: { id: box.group, open: false } }));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {Box} box
   */
  arrow(event, box) {
    const key = /** @type {"ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight"} */ (event.key);
    const dx = key === "ArrowLeft" ? -1 : key === "ArrowRight" ? 1 : 0;
    const dy = key === "ArrowUp" ? -1 : key === "ArrowDown" ? 1 : 0;
    if (event.altKey) {
      this.drag(box.id, dx * NUDGE, dy * NUDGE, event.shiftKey);
      this.drop();
    } else if (event.shiftKey) this.pan(-dx * STEP, -dy * STEP);
    else {
      const at = { ...box, ...this.areas.get(box.id) };
      const next = neighbour(/** @type {Picture} */ (this.picture).boxes, at, key);
      if (next) this.rove(next.id, true);
    }
  }
}

/**
 * Return the members of a list for which something is true, and the others.
 * @template T
 * @param {T[]} all
 * @param {(one: T) => boolean} is
 * @returns {[T[], T[]]}
 */
function parted(all, is) {
  return [all.filter(is), all.filter((one) => !is(one))];
}

/** The heads of the arrows, one for each kind of flow. */
function arrows() {
  const heads = ["data", "observe", "send"].map((kind) =>
    svg(
      "marker",
      { id: `arrow-${kind}`, class: `arrow ${kind}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto", markerUnits: "userSpaceOnUse" },
      svg("path", { d: "M0 0.6L8 4L0 7.4z" }),
    ),
  );
  return svg("defs", {}, ...heads);
}

customElements.define("cog-graph", GraphView);
