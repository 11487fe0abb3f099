// @ts-check
/**
 * The data of the page: what a source gives, whatever it stands on. `Source` is all that the views know of it.
 */

/** @typedef {[status: string, fill: number, restarts: number]} BoxState */

/**
 * A box of the picture: a coglet, or a group of them (`kind` is `group`).
 * @typedef {object} Box
 * @property {string} id
 * @property {string} parent the id of the box above, or an empty text
 * @property {string} label
 * @property {string} class_name
 * @property {string} doc the first line of what its declaration says about it
 * @property {string} kind
 * @property {number} hidden how many coglets without a box it stands for
 * @property {boolean} open whether a box below it is drawn
 * @property {boolean} foldable
 * @property {string} group the group in which it can be folded, or an empty text
 * @property {number} x
 * @property {number} y
 * @property {number | null} rail where the line from its parent goes down
 * @property {BoxState} state
 */

/**
 * All flows of one kind between two boxes.
 * @typedef {object} Edge
 * @property {string} id
 * @property {string} from
 * @property {string} to
 * @property {"data" | "observe" | "send"} kind
 * @property {string[]} channels
 */

/**
 * @typedef {object} Picture
 * @property {Box[]} boxes each behind its parent
 * @property {Edge[]} edges
 * @property {{width: number, height: number, down: number}} box the size of all boxes, and the room between rows
 * @property {number} width
 * @property {number} height
 * @property {number} total how many coglets there are
 */

/** @typedef {{states: Record<string, BoxState>, flows: Record<string, number>}} Pulse */

/** @typedef {{title: string, run: string, has: {trace: boolean, life: boolean, source: boolean, details: boolean}}} Head */

/** @typedef {{name: string, type: string}} Typed */
/** @typedef {{ts: number, t?: number, data: unknown}} Message `t` in place of `ts` is a time of the run */
/**
 * @typedef {object} Channel
 * @property {string} name
 * @property {string} type
 * @property {Record<string, number> | null} counts
 * @property {Message[]} last
 * @property {{messages: number, capacity: number} | null} [inbox]
 * @property {number} [subscribers]
 * @property {number | null} [count]
 */

/**
 * All that is known of one coglet.
 * @typedef {object} Details
 * @property {string} id
 * @property {string} path
 * @property {string} class_name
 * @property {string} kind
 * @property {string} doc
 * @property {string} status
 * @property {{message: string, kind: string, at: string, reaction: string} | null} failure
 * @property {string[]} mixins
 * @property {string | null} parent
 * @property {{id: string, label: string, class_name: string, status: string}[]} children
 * @property {number} more_children
 * @property {Channel[]} listens
 * @property {{name: string, parameters: Typed[]}[]} commands
 * @property {Channel[]} transmits
 * @property {Record<string, unknown>} states
 * @property {number[]} timers
 * @property {string[]} waits
 * @property {number} restarts
 * @property {{restart?: string, max_restarts?: number | null, backoff_s?: number | null}} config
 * @property {{name: string, kind: string, parameters: Typed[], result: string, model: string, tools: string[], stands_for: unknown}[]} programs
 * @property {{file: string, line: number, waits: number[]} | null} source
 */

/** @typedef {{n: number, t: number, kind: "fail" | "restart", path: string, error?: string, error_kind?: string, at?: string, restarts?: number}} LifeEvent */
/** @typedef {Record<string, any> & {seq: number, t: number, kind: string, path: string}} TraceRecord */
/** @typedef {{path: string, kinds: string[], channel: string, since: number | null, before: number | null, text: string}} TraceFilter */
/** @typedef {{id: string, parent: string, label: string, class_name: string, kind: string, status: string, fill: number, restarts: number}} Row */

/**
 * What a source tells, by the name of the event.
 * @typedef {object} News
 * @property {Head} head
 * @property {Picture} picture
 * @property {Pulse} pulse
 * @property {{id: string, data: Details | null}} details
 * @property {LifeEvent[]} life
 * @property {{records: TraceRecord[], fresh: boolean, whole: boolean}} trace
 * @property {{seq: number, records: TraceRecord[]}} chain
 * @property {{file: string, lines?: string[], error?: string}} source
 * @property {{rows: Row[], total: number, from: number, tag: string}} list
 * @property {"connecting" | "open" | "lost" | "locked" | "recorded"} state
 */

/**
 * Where the page has its data from.
 * @typedef {object} Source
 * @property {<K extends keyof News>(kind: K, take: (data: News[K]) => void) => void} on take what is told of one kind from now on
 * @property {() => void} start
 * @property {(open: string[], shut: string[]) => void} view draw the tree with these parts opened and shut
 * @property {(id: string | null) => void} select tell the details of a coglet from now on
 * @property {(filter: TraceFilter | null) => void} trace tell the records that pass a filter from now on, or none
 * @property {(seq: number) => void} chain tell a record and those that led to it
 * @property {(file: string) => void} text tell the text of a file
 * @property {(tag: string, text: string, from: number, count: number) => void} list tell coglets whose name or class has a text
 */

export {};
