/**
 * The events that the shared stream carried, for a tab that attaches later and missed them.
 *
 * Of each key the newest event is enough, because it carries the whole state of the key.
 * Events without a key and retirements (`gone`) can't be compacted, so only the newest of
 * them are kept. When one is dropped, the floor rises: a tab whose cursor is below the
 * floor can't be brought up to date from here.
 */

import { compare, GONE, isAfter, slotOf } from "../events.js";

/** @typedef {import("../events.js").LogEvent} LogEvent */

const PASSING = 1000; // events without a key, and retirements, that are kept

export class MissedEvents {
  /** @type {Map<string, LogEvent>} */ #keyed = new Map(); // by slot
  /** @type {Map<string, LogEvent>} */ #passing = new Map(); // by id
  /** @type {string | null} */ #floor; // no event after this id is missing
  #isWhole = false; // whether every key of the log has been carried

  /** @param {string | null} cursor The cursor from which the stream begins. */
  constructor(cursor) {
    this.#floor = cursor;
  }

  /**
   * Begin from another cursor. What is remembered stays valid, but is no longer complete:
   * the stream may carry keys now that it did not carry before.
   * @param {string | null} cursor
   */
  restartFrom(cursor) {
    this.#floor = cursor;
    this.#isWhole = false;
  }

  /**
   * Forget everything: the stream sends every key again.
   * @param {string} tail The id up to which it does.
   */
  startAfresh(tail) {
    this.#keyed.clear();
    this.#passing.clear();
    this.#floor = tail;
    this.#isWhole = true;
  }

  /** @param {LogEvent} event */
  remember(event) {
    const slot = slotOf(event);
    const isRetirement = event.type === GONE;
    if (isRetirement || slot === event.id) this.#rememberPassing(event);
    if (!isAfter(event.id, this.#keyed.get(slot)?.id ?? null)) return;
    if (isRetirement) this.#keyed.delete(slot);
    else if (slot !== event.id) this.#keyed.set(slot, event);
  }

  /**
   * Return the events that a tab missed, in id order and as catch-up.
   * @param {string | null} cursor The tab's.
   * @returns {{isFresh: boolean, events: LogEvent[]} | null} `isFresh` if the tab has to
   *   drop its values, because these are all that there are; null if it isn't known here
   *   which events the tab missed.
   */
  after(cursor) {
    const isCovered = cursor !== null && !isAfter(this.#floor ?? cursor, cursor);
    if (isCovered) {
      const all = [...this.#keyed.values(), ...this.#passing.values()];
      const missed = all.filter(({ id }) => isAfter(id, cursor));
      return { isFresh: false, events: asCatchUp(missed) };
    }
    if (!this.#isWhole) return null;
    return { isFresh: true, events: asCatchUp([...this.#keyed.values()]) };
  }

  /** @param {LogEvent} event */
  #rememberPassing(event) {
    this.#passing.set(event.id, event);
    if (this.#passing.size <= PASSING) return;
    const [oldest] = this.#passing.keys();
    this.#passing.delete(oldest);
    if (isAfter(oldest, this.#floor)) this.#floor = oldest;
  }
}

/** @param {LogEvent[]} events @returns {LogEvent[]} In id order, none of them live. */
function asCatchUp(events) {
  return events
    .sort((a, b) => compare(a.id, b.id))
    .map((event) => ({ ...event, live: false }));
}
