/**
 * Reads one answer from its stream to its end: every piece once, and exactly one end.
 *
 * An EventSource reconnects by itself after a broken connection, with the id of the last event
 * that it got. It gives up after a response that isn't a stream. This reader then looks for the
 * cause: the answer may have ended after the last word, or the server may no longer have it. In
 * all other cases it tries again. A connection that stays open but silent is replaced.
 */

import { instant, isAfter } from "../events.js";
import { BUSY, Refusal, findAnswer } from "./asking.js";
import { LumpDetector } from "./lump.js";

/**
 * @typedef {object} Ref The place on the board of a figure or a name.
 * @property {string} event
 * @property {string} key
 * @property {string | null} field
 * @property {string} id
 *
 * @typedef {{text: string, ref?: Ref | null, unchecked?: boolean}} Piece
 *
 * @typedef {object} End
 * @property {"complete" | "stopped" | "incomplete" | "failed"} reason
 * @property {string | null} detail
 *
 * @typedef {object} Handlers
 * @property {(piece: Piece, id: string) => void} piece
 * @property {(end: End) => void} end Called once; nothing comes after it.
 * @property {() => void} lost The server no longer has the answer.
 * @property {(isWaiting: boolean) => void} waiting Whether the stream is interrupted.
 * @property {() => void} lump The words arrive in lumps.
 */

const HEARTBEAT = 15; // seconds; until `hello` gives the stream's own
const SILENCE = 2.5; // heartbeats until a silent stream is replaced
const FIRST_WAIT = 1000; // ms until the stream is tried again; doubles
const LONGEST_WAIT = 30_000; // ms

export class Reader {
  #answer;
  #cursor;
  #handlers;
  /** @type {EventSource | null} */ #source = null;
  #lumps = new LumpDetector();
  #tail = ""; // the last event when the stream was opened; what comes later is live
  #heartbeat = HEARTBEAT;
  #silence = 0; // a timer
  #retry = 0; // a timer
  #wait = FIRST_WAIT;
  #isOver = false;

  /**
   * @param {string} answer
   * @param {string | null} cursor The last event that was read; null reads from the start.
   * @param {Handlers} handlers
   */
  constructor(answer, cursor, handlers) {
    this.#answer = answer;
    this.#cursor = cursor;
    this.#handlers = handlers;
  }

  /** Read on; do nothing if the stream is open or has ended. */
  open() {
    if (this.#isOver || this.#source) return;
    clearTimeout(this.#retry);
    const path = `/stream/answers/${encodeURIComponent(this.#answer)}`;
    const source = new EventSource(path + (this.#cursor ? `?after=${this.#cursor}` : ""));
    this.#source = source;
    this.#tail = "";
    this.#lumps.reset();
    source.onmessage = (event) => this.#onPiece(event);
    source.onerror = () => this.#onError(source);
    source.addEventListener("hello", (event) => this.#onHello(JSON.parse(event.data)));
    source.addEventListener("heartbeat", () => this.#onSign());
    source.addEventListener("end", (event) => this.#onEnd(JSON.parse(event.data)));
    this.#watchSilence();
  }

  /** Stop reading; `open` reads on from there. */
  close() {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#silence);
    clearTimeout(this.#retry);
  }

  /** Stop reading for good. */
  finish() {
    this.#isOver = true;
    this.close();
  }

  /** Forget when words arrived: the page was hidden, and a browser may have stopped it. */
  onReturn() {
    this.#lumps.reset();
  }

  /** @param {{tail: string, heartbeat: number}} hello */
  #onHello({ tail, heartbeat }) {
    this.#tail = tail;
    this.#heartbeat = heartbeat || HEARTBEAT;
    this.#wait = FIRST_WAIT;
    this.#lumps.reset();
    this.#onSign();
  }

  /** @param {MessageEvent} event */
  #onPiece({ data, lastEventId }) {
    if (this.#cursor && !isAfter(lastEventId, this.#cursor)) return;
    this.#cursor = lastEventId;
    this.#onSign();
    this.#observeLump(lastEventId);
    this.#handlers.piece(JSON.parse(data), lastEventId);
  }

  /** @param {string} id */
  #observeLump(id) {
    if (!this.#tail || !isAfter(id, this.#tail) || this.#lumps.found) return;
    this.#lumps.observe(instant(id), performance.now());
    if (this.#lumps.found) this.#handlers.lump();
  }

  /** @param {End} end */
  #onEnd(end) {
    this.finish();
    this.#handlers.end(end);
  }

  /** Something arrived. */
  #onSign() {
    this.#handlers.waiting(false);
    this.#watchSilence();
  }

  /** @param {EventSource} source */
  #onError(source) {
    this.#handlers.waiting(true);
    if (source.readyState === EventSource.CLOSED) this.#findCause();
  }

  async #findCause() {
    this.close();
    try {
      const { id, end } = await findAnswer(this.#answer);
      const isRead = this.#cursor !== null && !isAfter(id, this.#cursor);
      if (end && isRead && !this.#isOver)
        this.#onEnd(end); // there is no stream after the end
      else this.#openLater();
    } catch (error) {
      this.#onRefusal(/** @type {Refusal} */ (error));
    }
  }

  /** @param {Refusal} refusal */
  #onRefusal({ status, retryAfter }) {
    if (this.#isOver) return;
    if (status === 404) {
      this.finish();
      this.#handlers.lost();
    } else this.#openLater(BUSY.includes(status) ? retryAfter * 1000 : 0);
  }

  /** @param {number} least ms */
  #openLater(least = 0) {
    if (this.#isOver || this.#source) return;
    const wait = this.#wait * (1 - Math.random() / 2); // not all pages at once
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    this.#retry = setTimeout(() => this.open(), Math.max(wait, least));
  }

  #watchSilence() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#replace(), SILENCE * this.#heartbeat * 1000);
  }

  #replace() {
    this.close();
    this.#handlers.waiting(true);
    this.open();
  }
}
