// @ts-check
/** The dialogs of the page: the token that a server asks for, and the keys. */

import { el } from "../dom.js";

/**
 * Ask for the token of the server.
 * @param {boolean} wasWrong whether one was given that the server does not know
 * @param {(token: string) => void} take
 */
export function askToken(wasWrong, take) {
  const input = el("input", { type: "password", autocomplete: "off", required: true, "aria-label": "Token" });
  const dialog = el(
    "dialog",
    { class: "token", "aria-label": "Token" },
    el("h2", {}, "This run asks for a token"),
    el("p", {}, "It is the value of the variable that was named by --token. It stays in this tab."),
    wasWrong ? el("p", { class: "failure", role: "alert" }, "The server does not know this token.") : null,
  );
  const form = el("form", { method: "dialog" }, input, el("button", {}, "Open"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.remove();
    take(input.value.trim());
  });
  dialog.append(form);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  document.body.append(dialog);
  dialog.showModal();
}

const KEYS = [
  ["Arrows", "go to the parent, the first child, the neighbours"],
  ["Enter", "inspect the coglet; open a group"],
  ["Space", "open or shut what is below"],
  ["G", "put the coglets of this class into one box"],
  ["Shift + arrows", "move the view"],
  ["Alt + arrows", "move the box; with Shift too, all below it goes with it"],
  ["+ and −", "zoom"],
  ["0", "show all"],
  ["Y", "put boxes back that were moved"],
  ["/", "search"],
  ["T", "table"],
  ["L", "failures and restarts"],
  ["R", "trace"],
  ["Esc", "close"],
  ["?", "these keys"],
];

/** Show the keys. */
export function showKeys() {
  const rows = KEYS.flatMap(([key, words]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, words)]);
  const dialog = el("dialog", { class: "keys", "aria-label": "Keys" }, el("h2", {}, "Keys"), el("dl", {}, ...rows), el("form", { method: "dialog" }, el("button", {}, "Close")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
