// @ts-check
/**
 * Texts for people. All text of a run that the page shows passes `visible`: it is chosen by models, tools and other people.
 */

// controls but tab and line feed, marks of bidirectional text, separators, invisible operators and tags, halves of pairs
const HIDDEN =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu;

/**
 * Return a text with each hidden character as an escape.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(HIDDEN, (found) => {
    let escaped = "";
    for (let i = 0; i < found.length; i++) escaped += `\\u${found.charCodeAt(i).toString(16).padStart(4, "0")}`;
    return escaped;
  });
}

/**
 * Return a value as JSON on one line, shortened.
 * @param {unknown} value
 * @param {number} most
 */
export function brief(value, most = 120) {
  const text = JSON.stringify(value) ?? "";
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/**
 * Return a value for reading: a text of several lines as it is, else as JSON.
 * @param {unknown} value
 */
export function pretty(value) {
  if (typeof value === "string" && value.includes("\n")) return value;
  const line = JSON.stringify(value) ?? "null";
  return line.length <= 60 ? line : JSON.stringify(value, null, 2);
}

/**
 * Return seconds of a run as a time.
 * @param {number} seconds
 */
export function runTime(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts.map((part) => String(part).padStart(2, "0")).join(":");
  return `${shown}.${String(Math.floor((seconds - whole) * 1000)).padStart(3, "0")}`;
}

/**
 * Return an instant as the time of the day.
 * @param {number} seconds since 1970
 */
export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString(undefined, { hour12: false });
}

/**
 * Return a number with its noun.
 * @param {number} n
 * @param {string} noun
 */
export function counted(n, noun) {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}
