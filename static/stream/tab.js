/**
 * One tab at the hub: its selection, its pace, its cursor, and the events that wait for it.
 *
 * A tab may be slower than the stream. Between two deliveries only the newest event of each
 * slot waits, because an event carries the whole state of its key.
 */

import { isAfter, slotOf } from "../events.js";
import { selects } from "./selection.js";

/** @typedef {import("./hub.js").AttachRequest} AttachRequest */
/** @typedef {import("./hub.js").HubMessage} HubMessage */
/** @typedef {import("../events.js").LogEvent} LogEvent */

export class Tab {
  selection;
  pace; // seconds between two deliveries of events, as the person chose
  /** @type {string | null} */ cursor; // up to here the tab has every event that it shows
  silence = 0; // sweeps since the tab's last request
  #send;
  /** @type {Map<string, LogEvent>} */ #pending = new Map(); // by slot, in id order
  #timer = 0;

  /**
   * @param {(message: HubMessage) => void} send Sends a message to the tab.
   * @param {AttachRequest} request
   */
  constructor(send, request) {
    this.#send = send;
    this.cursor = request.id;
    this.selection = request.selection;
    this.pace = request.pace;
  }

  /** Whether events wait to be delivered. */
  get isPending() {
    return this.#pending.size > 0;
  }

  /**
   * Add an event of the stream, unless the tab has it. It is delivered at once if the
   * stream is at least as slow as the tab; otherwise it waits until the tab's pace is over.
   * @param {LogEvent} event
   * @param {number} streamPace Seconds.
   */
  addEvent(event, streamPace) {
    const { type, data, id } = event;
    if (!isAfter(id, this.cursor)) return;
    this.cursor = id;
    if (!selects(this.selection, type, data)) return;
    this.#addPending(event);
    if (this.pace <= streamPace) this.deliverPending();
    else this.#timer ||= setTimeout(() => this.deliverPending(), this.pace * 1000);
  }

  /**
   * Deliver events that the tab missed.
   * @param {LogEvent[]} events In id order.
   */
  deliverCatchUp(events) {
    for (const event of events) {
      const { type, data, id } = event;
      this.cursor = id;
      if (selects(this.selection, type, data)) this.#addPending(event);
    }
    this.deliverPending();
  }

  /**
   * Move the cursor on to one up to which no event is missing; never back.
   * @param {string | null} cursor
   */
  skipTo(cursor) {
    if (cursor !== null && isAfter(cursor, this.cursor)) this.cursor = cursor;
  }

  /**
   * Send a message after the events that came before it.
   * @param {HubMessage} message
   */
  send(message) {
    this.deliverPending();
    this.#send(message);
  }

  /**
   * Send a message that has no place in the order of events, so that none is hurried.
   * @param {HubMessage} message
   */
  sendNow(message) {
    this.#send(message);
  }

  /** Forget the cursor and the events that wait: the stream sends every value again. */
  startAfresh() {
    this.cursor = null;
    this.#pending.clear();
  }

  /** Deliver the events that wait. */
  deliverPending() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#pending.size === 0) return;
    const events = [...this.#pending.values()];
    this.#pending.clear();
    this.#send({ type: "events", events });
  }

  /** Send nothing more. */
  detach() {
    clearTimeout(this.#timer);
    this.#pending.clear();
    this.#send = () => {};
  }

  /** @param {LogEvent} event */
  #addPending(event) {
    const slot = slotOf(event);
    this.#pending.delete(slot); // keeps the Map in id order
    this.#pending.set(slot, event);
  }
}
