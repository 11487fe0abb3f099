// @ts-check
/**
 * The source of a page that stands alone: a run that was recorded, as `cogc trace export --format html` writes it into the page. It asks
 * nobody, and tells what the trace tells.
 */

import { NewsDesk } from "./news-desk.js";

/** @typedef {import("./types.js").TraceFilter} TraceFilter */
/** @typedef {import("./types.js").TraceRecord} TraceRecord */
/**
 * @typedef {object} Recorded
 * @property {import("./types.js").Head} head
 * @property {import("./types.js").Picture} picture
 * @property {import("./types.js").LifeEvent[]} life
 * @property {TraceRecord[]} records
 * @property {import("./types.js").Row[]} rows
 * @property {Record<string, import("./types.js").Details>} details
 * @property {Record<string, {file: string, lines?: string[], error?: string}>} texts
 */

const MOST = 500;

export class RecordedSource extends NewsDesk {
  /** @param {Recorded} run */
  constructor(run) {
    super();
    this.run = run;
    /** @type {Map<number, TraceRecord>} */
    this.numbered = new Map(run.records.map((record) => [record.seq, record]));
  }

  start() {
    this.tell("state", "recorded");
    this.tell("head", this.run.head);
    this.tell("picture", this.run.picture);
    this.tell("life", this.run.life);
  }

  /** The picture is drawn once, with all that fits. */
  view() {}

  /** @param {string | null} id */
  select(id) {
    if (id !== null) this.tell("details", { id, data: this.run.details[id] ?? null });
  }

  /** @param {TraceFilter | null} filter */
  trace(filter) {
    if (filter === null) return;
    const found = this.run.records.filter((record) => passes(record, filter));
    this.tell("trace", { records: found.slice(-MOST), fresh: true, whole: found.length <= MOST });
  }

  /** @param {number} seq */
  chain(seq) {
    /** @type {Set<number>} */
    const wanted = new Set();
    const pending = [seq];
    for (let number = pending.pop(); number !== undefined; number = pending.pop()) {
      const record = this.numbered.get(number);
      if (record === undefined || wanted.has(number)) continue;
      wanted.add(number);
      pending.push(record.cause ?? 0, ...(record.causes ?? []));
    }
    const records = this.run.records.filter((record) => wanted.has(record.seq));
    this.tell("chain", { seq, records: records.slice(-MOST) });
  }

  /** @param {string} file */
  text(file) {
    this.tell("source", this.run.texts[file] ?? { file, error: "the file is not part of this page" });
  }

  /**
   * @param {string} tag
   * @param {string} text
   * @param {number} from
   * @param {number} count
   */
  list(tag, text, from, count) {
    const wanted = text.toLowerCase();
    const rows = this.run.rows.filter((row) => `${row.id} ${row.class_name}`.toLowerCase().includes(wanted));
    this.tell("list", { rows: rows.slice(from, from + count), total: rows.length, from, tag });
  }
}

/**
 * @param {TraceRecord} record
 * @param {TraceFilter} filter
 */
function passes(record, filter) {
  if (filter.path && !record.path.includes(filter.path)) return false;
  if (filter.kinds.length && !filter.kinds.includes(record.kind)) return false;
  if (filter.channel && filter.channel !== record.channel && filter.channel !== record.port) return false;
  if (filter.since !== null && record.t < filter.since) return false;
  if (filter.before !== null && record.t >= filter.before) return false;
  return !filter.text || JSON.stringify(record).includes(filter.text);
}
