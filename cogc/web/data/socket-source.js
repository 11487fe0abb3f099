// @ts-check
/**
 * The source of the page on a server: its websocket. After a loss it connects again, and asks again for all that was asked.
 */

import { NewsDesk } from "./news-desk.js";
import { headers, protocols } from "./token.js";

/** @typedef {import("./types.js").TraceFilter} TraceFilter */

const FIRST = 300;
const LONGEST = 5000;
const BEAT = 10000;
const PATIENCE = 8000;

export class SocketSource extends NewsDesk {
  /** @param {URL} place the address of the page's files */
  constructor(place) {
    super();
    this.place = place;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.pause = FIRST;
    this.heard = 0;
    /** @type {Map<string, object>} what was asked for, and holds until it is asked anew */
    this.standing = new Map();
  }

  start() {
    this.connect();
    setInterval(() => this.beat(), BEAT);
    addEventListener("online", () => this.socket === null && this.connect());
  }

  connect() {
    this.tell("state", "connecting");
    const address = new URL("ws", this.place);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address, protocols());
    this.socket = socket;
    let wasOpen = false;
    socket.onopen = () => {
      wasOpen = true;
      this.pause = FIRST;
      this.heard = Date.now();
      this.tell("state", "open");
      for (const request of this.standing.values()) this.send(request);
    };
    socket.onmessage = (event) => this.take(JSON.parse(event.data));
    socket.onclose = () => this.socket === socket && this.closed(wasOpen);
  }

  /**
   * Connect again, unless the server asks for a token.
   * @param {boolean} wasOpen whether the server had let us in
   */
  async closed(wasOpen) {
    if (!wasOpen && (await this.status()) === 401) {
      this.socket = null;
      this.tell("state", "locked");
    } else this.lost();
  }

  /** @returns {Promise<number>} whether the server would let us in: its status, 0 if it is not there */
  async status() {
    try {
      const reply = await fetch(new URL("head", this.place), { headers: headers(), cache: "no-store" });
      return reply.status;
    } catch {
      return 0;
    }
  }

  lost() {
    this.socket = null;
    this.tell("state", "lost");
    setTimeout(() => this.socket === null && this.connect(), this.pause * (0.8 + Math.random() * 0.4));
    this.pause = Math.min(LONGEST, this.pause * 1.7);
  }

  /** Find out whether the server is still there. */
  beat() {
    const socket = this.socket;
    if (socket === null || socket.readyState !== WebSocket.OPEN) return;
    this.send({ type: "ping" });
    setTimeout(() => {
      if (this.socket === socket && Date.now() - this.heard > BEAT + PATIENCE) {
        socket.close();
        this.lost();
      }
    }, PATIENCE);
  }

  /** @param {any} message */
  take(message) {
    this.heard = Date.now();
    switch (message.type) {
      case "trace":
        this.tell("trace", { records: message.data ?? [], fresh: message.fresh === true, whole: message.whole });
        break;
      case "chain":
        this.tell("chain", { seq: message.seq, records: message.data });
        break;
      case "list":
        this.tell("list", { rows: message.data, total: message.total, from: message.from, tag: message.tag });
        break;
      case "details":
        this.tell("details", { id: message.id, data: message.data });
        break;
      case "source":
        this.tell("source", { ...message.data, file: message.file });
        break;
      case "head":
      case "picture":
      case "pulse":
      case "life":
        this.tell(message.type, message.data);
        break;
    }
  }

  /** @param {object} request */
  send(request) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(request));
  }

  /**
   * Ask for something that holds until it is asked anew, after a loss too.
   * @param {{type: string} & Record<string, unknown>} request
   */
  ask(request) {
    this.standing.set(request.type, request);
    this.send(request);
  }

  /**
   * @param {string[]} open
   * @param {string[]} shut
   */
  view(open, shut) {
    this.ask({ type: "view", open, shut });
  }

  /** @param {string | null} id */
  select(id) {
    this.ask({ type: "select", id });
  }

  /** @param {TraceFilter | null} filter */
  trace(filter) {
    this.ask({ type: "trace", on: filter !== null, ...filter });
  }

  /** @param {number} seq */
  chain(seq) {
    this.send({ type: "chain", seq });
  }

  /** @param {string} file */
  text(file) {
    this.send({ type: "source", file });
  }

  /**
   * @param {string} tag
   * @param {string} text
   * @param {number} from
   * @param {number} count
   */
  list(tag, text, from, count) {
    this.send({ type: "list", tag, text, from, count });
  }
}
