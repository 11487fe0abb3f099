// @ts-check
/** The width of texts in the graph, and texts cut to a width. */

import { visible } from "../text.js";

const context = document.createElement("canvas").getContext("2d");
/** @type {Map<string, number>} */
const known = new Map();
const FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

/**
 * @param {string} text
 * @param {boolean} strong
 * @returns {number} pixels
 */
export function textWidth(text, strong) {
  const key = (strong ? "b" : "n") + text;
  let found = known.get(key);
  if (found === undefined) {
    if (known.size > 5000) known.clear();
    if (context) context.font = strong ? `600 13px ${FAMILY}` : `400 11px ${FAMILY}`;
    found = context?.measureText(text).width ?? text.length * 7;
    known.set(key, found);
  }
  return found;
}

/**
 * Return a text that is no wider than some pixels; the end of a longer one is an ellipsis.
 * @param {string} given
 * @param {number} room
 * @param {boolean} strong
 */
export function shortened(given, room, strong) {
  const text = visible(given);
  if (textWidth(text, strong) <= room) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (textWidth(`${text.slice(0, middle)}…`, strong) <= room) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}
