/**
 * The rows of publishers' own types for which the page's HTML had no room. They are fetched
 * once, because the stream has only changes.
 */

import { fetchOwn } from "../own-fetch.js";

/** @typedef {import("../board/state.js").Board} Board */

const ADDED = 200; // rows at a time, so that thousands of rows don't block the page

export class LeftOut {
  #board;
  #isDue;
  #isLoading = false;
  /** @type {Set<string>} */ #changed = new Set(); // rows for which the stream had newer data

  /** @param {Board} board @param {number} count How many rows are left out. */
  constructor(board, count) {
    this.#board = board;
    this.#isDue = count > 0;
    board.watch(({ own, key }) => {
      if (this.#isDue && own !== undefined) this.#changed.add(`${own} ${key}`);
    });
  }

  /** Fetch the rows, unless that is done; call it whenever the stream has caught up. */
  async load() {
    if (!this.#isDue || this.#isLoading) return;
    this.#isLoading = true;
    const { rebuilds } = this.#board;
    try {
      const answer = await fetchOwn("/api/state?events=other");
      if (answer.ok) await this.#add((await answer.json()).other, rebuilds);
    } catch {
      // The next call tries again.
    }
    this.#isLoading = false;
  }

  /**
   * Add rows; stop if the stream has sent the whole state in the meantime.
   * @param {{event: string, key: string, data: any}[]} rows
   * @param {number} rebuilds The board's number of rebuilds at the time of the request.
   */
  async #add(rows, rebuilds) {
    for (let i = 0; i < rows.length; i += ADDED) {
      if (this.#board.rebuilds !== rebuilds) return;
      for (const { event, key, data } of rows.slice(i, i + ADDED)) {
        if (this.#changed.has(`${event} ${key}`) || this.#board.own.row(event, key)) continue;
        this.#board.addOwn(event, key, data);
      }
      await new Promise((resolve) => setTimeout(resolve));
    }
    this.#isDue = false;
    this.#changed.clear();
  }
}
