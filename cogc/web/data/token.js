// @ts-check
/**
 * The token of a server that asks for one. It stays in this tab, and is forgotten with it.
 */

const KEY = "cogc.token";

/** @returns {string} the token, or an empty text */
export function token() {
  return sessionStorage.getItem(KEY) ?? "";
}

/** @param {string} given */
export function keepToken(given) {
  sessionStorage.setItem(KEY, given);
}

/** @returns {Record<string, string>} the headers of a request */
export function headers() {
  const known = token();
  return known ? { Authorization: `Bearer ${known}` } : {};
}

/**
 * The subprotocols of the websocket: a page can set no header of its request.
 * @returns {string[]}
 */
export function protocols() {
  const known = token();
  if (!known) return ["cogc.page"];
  const bytes = new TextEncoder().encode(known);
  const text = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return ["cogc.page", `cogc.bearer.${text}`];
}
