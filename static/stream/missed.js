/**
 * What came by the one stream: for a tab that attaches later, whose values are older.
 *
 * Of each key it keeps the newest event, which is its whole state; of what has none, and
 * of retirements, a bounded number.
 */

import { compare, GONE, isAfter, slotOf } from "../events.js";

/** @typedef {import("../events.js").Happening} Happening */

const PASSING = 1000; // events without a key, and retirements, that are kept

export class Record {
  /** @type {Map<string, Happening>} */ #keyed = new Map(); // by slot
  /** @type {Map<string, Happening>} */ #passing = new Map(); // by id
  /** @type {string | null} */ #floor; // all that came after it is accounted for
  #isWhole = false; // whether all keys that there are have come

  /** @param {string | null} cursor Where the stream begins. */
  constructor(cursor) {
    this.#floor = cursor;
  }

  /**
   * The stream begins once more at a cursor, with what was not in it before.
   * @param {string | null} cursor
   */
  restart(cursor) {
    this.#floor = cursor;
    this.#isWhole = false;
  }

  /**
   * The stream begins anew and tells everything.
   * @param {string} tail
   */
  begin(tail) {
    this.#keyed.clear();
    this.#passing.clear();
    this.#floor = tail;
    this.#isWhole = true;
  }

  /** @param {Happening} happening */
  note(happening) {
    const slot = slotOf(happening);
    const isRetired = happening.type === GONE;
    if (isRetired || slot === happening.id) this.#pass(happening);
    if (!isAfter(happening.id, this.#keyed.get(slot)?.id ?? null)) return;
    if (isRetired) this.#keyed.delete(slot);
    else if (slot !== happening.id) this.#keyed.set(slot, happening);
  }

  /**
   * What a tab at a cursor has to see: in id order, as catch-up. Null where that isn't
   * known here.
   * @param {string | null} cursor
   * @returns {{isFresh: boolean, happenings: Happening[]} | null}
   */
  after(cursor) {
    const isCovered = cursor !== null && !isAfter(this.#floor ?? cursor, cursor);
    if (isCovered) {
      const all = [...this.#keyed.values(), ...this.#passing.values()];
      const missed = all.filter(({ id }) => isAfter(id, cursor));
      return { isFresh: false, happenings: inOrder(missed) };
    }
    if (!this.#isWhole) return null;
    return { isFresh: true, happenings: inOrder([...this.#keyed.values()]) };
  }

  /** @param {Happening} happening */
  #pass(happening) {
    this.#passing.set(happening.id, happening);
    if (this.#passing.size <= PASSING) return;
    const [oldest] = this.#passing.keys();
    this.#passing.delete(oldest);
    if (isAfter(oldest, this.#floor)) this.#floor = oldest;
  }
}

/** @param {Happening[]} happenings @returns {Happening[]} */
function inOrder(happenings) {
  return happenings
    .sort((a, b) => compare(a.id, b.id))
    .map((happening) => ({ ...happening, live: false }));
}
