// @ts-check
/**
 * A channel in the inspector: its type, its inbox or subscribers, its counts by window, its last messages.
 * @typedef {import("../data/types.js").Channel} Channel
 */

import { el } from "../dom.js";
import { brief, clock, counted, runTime } from "../text.js";

const WINDOWS = ["1s", "5s", "60s", "1h", "24h"];

/** @param {Channel} channel */
export function channelRows(channel) {
  return el(
    "div",
    { class: "channel" },
    el("p", { class: "signature" }, el("b", {}, channel.name), `: ${channel.type}`),
    el("p", { class: "hint" }, facts(channel).join(" · ")),
    inbox(channel),
    counts(channel),
    messages(channel),
  );
}

/** @param {Channel} channel */
function facts(channel) {
  const found = [];
  if (channel.subscribers !== undefined) found.push(counted(channel.subscribers, "subscriber"));
  if (channel.count) found.push(counted(channel.count, "message"));
  if (channel.inbox) found.push(`inbox ${channel.inbox.messages} of ${channel.inbox.capacity}`);
  return found;
}

/** @param {Channel} channel */
function inbox(channel) {
  if (!channel.inbox?.messages) return null;
  const { messages, capacity } = channel.inbox;
  return el("meter", { min: 0, max: capacity, high: capacity * 0.9, value: messages, "aria-label": `inbox of ${channel.name}` });
}

/** @param {Channel} channel */
function counts(channel) {
  const known = channel.counts;
  if (known === null || !known["24h"]) return null;
  const heads = WINDOWS.map((name) => el("th", { scope: "col" }, name));
  const cells = WINDOWS.map((name) => el("td", {}, (known[name] ?? 0).toLocaleString("en")));
  const caption = el("caption", { class: "unseen" }, `Messages of ${channel.name} by time`);
  return el("table", { class: "counts" }, caption, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, el("tr", {}, ...cells)));
}

/** @param {Channel} channel */
function messages(channel) {
  if (!channel.last.length) return null;
  const rows = [...channel.last].reverse().map((message) => el("li", {}, el("time", {}, message.t === undefined ? clock(message.ts) : runTime(message.t)), el("code", {}, brief(message.data, 300))));
  return el("ol", { class: "messages", "aria-label": `Last messages of ${channel.name}` }, ...rows);
}
