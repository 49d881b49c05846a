/** One tab at the hub: what it has been told, what it shows, and how often. */

import { isAfter, slotOf } from "../events.js";
import { selects } from "./selection.js";

/** @typedef {import("./hub.js").Said} Said */
/** @typedef {import("./hub.js").Attach} Attach */
/** @typedef {import("../events.js").Happening} Happening */

export class Tab {
  selection;
  pace; // seconds between two deliveries of events, as the person chose
  /** @type {string | null} */ cursor; // what came up to here it has, or doesn't show
  silence = 0; // sweeps since anything was heard of it
  #say;
  /** @type {Map<string, Happening>} */ #pending = new Map(); // by slot, in id order
  #timer = 0;

  /**
   * @param {(said: Said) => void} say
   * @param {Attach} asked
   */
  constructor(say, asked) {
    this.#say = say;
    this.cursor = asked.id;
    this.selection = asked.selection;
    this.pace = asked.pace;
  }

  /** Whether events wait to be delivered. */
  get isPending() {
    return this.#pending.size > 0;
  }

  /**
   * Take in an event that came. It is delivered at once where the stream's own pace is
   * no quicker than this tab's; else the newest of each slot is, when that is due.
   * @param {Happening} happening
   * @param {number} streamPace Seconds.
   */
  take(happening, streamPace) {
    const { type, data, id } = happening;
    if (!isAfter(id, this.cursor)) return;
    this.cursor = id;
    if (!selects(this.selection, type, data)) return;
    this.#keep(happening);
    if (this.pace <= streamPace) this.flush();
    else this.#timer ||= setTimeout(() => this.flush(), this.pace * 1000);
  }

  /**
   * Take in events of the past, and deliver them.
   * @param {Happening[]} happenings
   */
  takeAll(happenings) {
    for (const happening of happenings) {
      const { type, data, id } = happening;
      this.cursor = id;
      if (selects(this.selection, type, data)) this.#keep(happening);
    }
    this.flush();
  }

  /**
   * Leave out what came up to a cursor: it was told, or isn't shown.
   * @param {string | null} cursor
   */
  skipTo(cursor) {
    if (cursor !== null && isAfter(cursor, this.cursor)) this.cursor = cursor;
  }

  /**
   * Say something at once: it is no news of the stream.
   * @param {Said} said
   */
  answer(said) {
    this.#say(said);
  }

  /**
   * Say something, after the events that came before it.
   * @param {Said} said
   */
  say(said) {
    this.flush();
    this.#say(said);
  }

  /** Everything is told anew. */
  beginAnew() {
    this.cursor = null;
    this.#pending.clear();
  }

  /** Deliver what is pending. */
  flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#pending.size === 0) return;
    const happenings = [...this.#pending.values()];
    this.#pending.clear();
    this.#say({ say: "events", happenings });
  }

  /** @param {Happening} happening */
  #keep(happening) {
    const slot = slotOf(happening);
    this.#pending.delete(slot); // so that the Map stays in id order
    this.#pending.set(slot, happening);
  }

  /** Leave: nothing more is said. */
  leave() {
    clearTimeout(this.#timer);
    this.#pending.clear();
    this.#say = () => {};
  }
}
