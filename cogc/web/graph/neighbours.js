// @ts-check
/**
 * Which box an arrow key leads to: up to the parent, down to the first child, aside to the next box in the row.
 * @typedef {import("../data/types.js").Box} Box
 */

/**
 * @param {Box[]} boxes
 * @param {Box} from
 * @param {"ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight"} key
 * @returns {Box | undefined}
 */
export function neighbour(boxes, from, key) {
  if (key === "ArrowUp") {
    const parent = boxes.find((box) => box.id === from.parent);
    return nearest(boxes.filter((box) => box.parent === from.parent && box.y < from.y), from, "y") ?? parent;
  }
  if (key === "ArrowDown") {
    const first = boxes.find((box) => box.parent === from.id);
    return first ?? nearest(boxes.filter((box) => box.parent === from.parent && box.y > from.y), from, "y");
  }
  const right = key === "ArrowRight";
  const row = boxes.filter((box) => Math.abs(box.y - from.y) < 4 && (right ? box.x > from.x : box.x < from.x));
  return nearest(row, from, "x");
}

/**
 * @param {Box[]} boxes
 * @param {Box} from
 * @param {"x" | "y"} side
 */
function nearest(boxes, from, side) {
  const other = side === "x" ? "y" : "x";
  const far = (/** @type {Box} */ box) => Math.abs(box[side] - from[side]) * 1000 + Math.abs(box[other] - from[other]);
  return boxes.reduce((/** @type {Box | undefined} */ best, box) => (!best || far(box) < far(best) ? box : best), undefined);
}
