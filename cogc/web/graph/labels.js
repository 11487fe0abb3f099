// @ts-check
/**
 * The names of channels at the flows. A label that would lie on a box or on another label is tried at other places of its
 * line, and is left out where none is free. Where there are many boxes, only the flows of the marked one have labels.
 * @typedef {import("./lines.js").Lines} Lines
 * @typedef {import("./routes.js").Area} Area
 */

import { svg } from "../dom.js";
import { counted } from "../text.js";
import { shortened, textWidth } from "./measure.js";

const HEIGHT = 15;
const WIDEST = 170;
const MOST = 80;
/** From this number of boxes on, there is no room for all labels. */
export const CROWDED = 40;

/**
 * Place the labels of all flows, those of the marked box first.
 * @param {SVGGElement} layer
 * @param {Lines} lines
 * @param {Area[]} boxes
 * @param {string | null} marked
 */
export function placeLabels(layer, lines, boxes, marked) {
  const taken = boxes.map((box) => ({ ...box }));
  const all = [...lines.byEdge.values()];
  const own = (/** @type {{edge: {from: string, to: string}}} */ one) => one.edge.from === marked || one.edge.to === marked;
  const others = boxes.length > CROWDED ? [] : all.filter((one) => marked === null || !own(one));
  const ordered = [...(marked === null ? [] : all.filter(own)), ...others];
  const made = [];
  for (const one of ordered.slice(0, MOST)) {
    const words = shortened(words_of(one.edge.channels), WIDEST, false);
    const width = textWidth(words, false) + 8;
    const level = spot(one.route, width, taken);
    if (level === null) continue;
    taken.push(level);
    const shown = svg("text", { class: `label ${one.edge.kind}`, x: level.x + width / 2, y: level.y + 11, "text-anchor": "middle" }, words);
    shown.classList.toggle("own", marked !== null && own(one));
    made.push(shown);
  }
  layer.replaceChildren(...made);
}

/** @param {string[]} channels */
function words_of(channels) {
  return channels.length > 2 ? counted(channels.length, "channel") : channels.join(", ");
}

/**
 * @param {import("./routes.js").Route} route
 * @param {number} width
 * @param {Area[]} taken
 * @returns {Area | null}
 */
function spot(route, width, taken) {
  for (const { x, y, side } of route.spots) {
    for (const dy of side ? [-HEIGHT / 2] : [-HEIGHT / 2, -HEIGHT - 2, 3]) {
      const area = { x: x - width / 2 + side * (width / 2 + 2), y: y + dy, width, height: HEIGHT };
      if (!taken.some((other) => overlaps(area, other))) return area;
    }
  }
  return null;
}

/**
 * @param {Area} a
 * @param {Area} b
 */
function overlaps(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
