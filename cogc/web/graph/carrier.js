// @ts-check
/**
 * The boxes that a reader moves. While they move, they lie in a layer of their own together with the lines among them, and the lines
 * that lead from them to other boxes lie in a second one. So a frame costs one transform and those lines, however many boxes are
 * moved, and the rest of the picture is not drawn anew.
 * @typedef {import("./lines.js").FlowLine} FlowLine
 * @typedef {{boxes: SVGElement[], tree: SVGElement[], flows: SVGElement[]}} Parts elements of the picture, each in its order
 */

import { svg } from "../dom.js";

export class Carrier {
  constructor() {
    this.near = layer("crossing");
    this.far = layer("carried");
    /** @type {string | null} the box that the reader holds */
    this.held = null;
    /** whether all that is below the box goes with it */
    this.isWhole = false;
    /** @type {Set<string>} the boxes that are moved */
    this.ids = new Set();
    /** @type {string[]} those that hang on a line which is drawn anew */
    this.hanging = [];
    /** @type {FlowLine[]} the flows that are drawn anew */
    this.leading = [];
    this.x = 0;
    this.y = 0;
    /** @type {[Node, Node, Node | null][]} what was taken, from where, and what stood behind it */
    this.taken = [];
  }

  /**
   * Take boxes out of the picture.
   * @param {string} held
   * @param {boolean} isWhole
   * @param {Set<string>} ids
   * @param {Parts} inner the boxes, and the lines among them
   * @param {Omit<Parts, "boxes">} outer the lines to other boxes
   */
  lift(held, isWhole, ids, inner, outer) {
    [this.held, this.isWhole, this.ids, this.x, this.y] = [held, isWhole, ids, 0, 0];
    const focus = document.activeElement;
    this.take(this.near.tree, outer.tree);
    this.take(this.near.flows, outer.flows);
    this.take(this.far.tree, inner.tree);
    this.take(this.far.flows, inner.flows);
    this.take(this.far.boxes, inner.boxes);
    keepFocus(focus);
    this.show();
  }

  /**
   * @param {SVGElement} target
   * @param {SVGElement[]} elements
   */
  take(target, elements) {
    for (const one of elements) {
      if (one.parentNode) this.taken.push([one, one.parentNode, one.nextSibling]);
      target.append(one);
    }
  }

  /** Move what is carried to where it is now. */
  show() {
    this.far.group.style.transform = `translate(${this.x.toFixed(1)}px, ${this.y.toFixed(1)}px)`;
  }

  /** Put all elements back to where they were taken from. */
  drop() {
    const focus = document.activeElement;
    for (const [one, parent, next] of this.taken.reverse()) parent.insertBefore(one, next);
    keepFocus(focus);
    this.far.group.style.transform = "";
    [this.held, this.ids, this.hanging, this.leading, this.taken] = [null, new Set(), [], [], []];
  }
}

/**
 * A layer, with a group for each kind of element.
 * @param {string} name
 */
function layer(name) {
  const tree = svg("g", { class: "tree", "aria-hidden": "true" });
  const flows = svg("g", { class: "flows", "aria-hidden": "true" });
  const boxes = svg("g", { class: "boxes" });
  return { group: svg("g", { class: name }, tree, flows, boxes), tree, flows, boxes };
}

/**
 * Give the focus back to an element that has lost it by being moved in the document.
 * @param {Element | null} focus
 */
function keepFocus(focus) {
  if (focus instanceof SVGElement && document.activeElement !== focus) focus.focus({ preventScroll: true });
}
