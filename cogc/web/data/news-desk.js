// @ts-check
/**
 * Who takes what a source tells.
 * @typedef {import("./types.js").News} News
 */

/** Hands news on to those who take them. */
export class NewsDesk {
  constructor() {
    /** @type {Map<string, ((data: any) => void)[]>} */
    this.takers = new Map();
  }

  /**
   * @template {keyof News} K
   * @param {K} kind
   * @param {(data: News[K]) => void} take
   */
  on(kind, take) {
    this.takers.set(kind, [...(this.takers.get(kind) ?? []), take]);
  }

  /**
   * @template {keyof News} K
   * @param {K} kind
   * @param {News[K]} data
   */
  tell(kind, data) {
    for (const take of this.takers.get(kind) ?? []) take(data);
  }
}
