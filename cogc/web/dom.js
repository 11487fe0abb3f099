// @ts-check
/**
 * Elements made without any text being read as markup.
 */

import { visible } from "./text.js";

/** @typedef {Node | string | number | null | undefined | false} Part */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element. A text becomes a node of text, a function the handler of an event.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...Part} parts
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes = {}, ...parts) {
  const made = document.createElement(tag);
  fill(made, attributes, parts);
  return made;
}

/**
 * Make an element of SVG.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...Part} parts
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes = {}, ...parts) {
  const made = /** @type {SVGElementTagNameMap[K]} */ (document.createElementNS(SVG, tag));
  fill(made, attributes, parts);
  return made;
}

/**
 * @param {Element} made
 * @param {Record<string, unknown>} attributes
 * @param {Part[]} parts
 */
function fill(made, attributes, parts) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, /** @type {EventListener} */ (value));
    else if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? "" : visible(String(value)));
    }
  }
  made.append(...nodes(parts));
}

/**
 * @param {Part[]} parts
 * @returns {(Node | string)[]}
 */
function nodes(parts) {
  /** @type {(Node | string)[]} */
  const found = [];
  for (const part of parts) {
    if (part instanceof Node) found.push(part);
    else if (part !== null && part !== undefined && part !== false) found.push(visible(String(part)));
  }
  return found;
}

/**
 * Put parts in the place of what is in an element.
 * @param {Element} target
 * @param {...Part} parts
 */
export function replace(target, ...parts) {
  target.replaceChildren(...nodes(parts));
}

/**
 * Set a text if it is another one.
 * @param {Element} target
 * @param {string} text
 */
export function setText(target, text) {
  const shown = visible(text);
  if (target.textContent !== shown) target.textContent = shown;
}
