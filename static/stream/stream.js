/**
 * The page's stream: one for all tabs of the browser, held by a SharedWorker; where there
 * is none, this tab's own.
 *
 * What `page.js` uses:
 *
 * - `new Stream(handlers, options)`: what it is told, and what it wants (`Handlers`,
 *   `Options` below). An event that is told has not been told before, or follows a
 *   `fresh` hello; events come in the order of their ids.
 * - `open()`, `close()`: begin or go on; end. Between them the stream minds by itself
 *   that a page may be hidden, frozen, kept in the back/forward cache, offline.
 * - `retry()`: try again now. `check()`: look whether all is well.
 * - `pace`: seconds between two deliveries of events, 0 for at once; to be set to what
 *   the person chooses. What is superseded meanwhile is left out.
 * - `armed`: to be set while an alert waits; then a hidden page keeps its stream.
 * - `state`, `asOf`, `serverTime`: how the stream stands; the instant that what was told
 *   is of, and the server's time, in epoch ms by the server's clock, null if unknown.
 */

import { instant } from "../events.js";
import { lineToWorker, lineWithin } from "./line.js";
import { ServerTime } from "./servertime.js";
import { SteadyClock } from "./steady-clock.js";

/** @typedef {import("./hub.js").Said} Said */
/** @typedef {import("./line.js").Line} Line */
/** @typedef {import("./link.js").Gap} Gap */
/** @typedef {import("./link.js").Handlers} Handlers */
/** @typedef {import("./link.js").Hello} Hello */
/** @typedef {import("./link.js").State} State */
/** @typedef {import("./link.js").StateName} StateName */

/**
 * @typedef {object} Options
 * @property {string | null} id The cursor: the id that the board stands at.
 * @property {number} heartbeat Seconds; the hello may correct it.
 * @property {string} version The version that the page is of.
 * @property {string[] | null} [symbols] Of prices, only these; null for all.
 * @property {number} [pace] As the property of the stream.
 */

const CHECK = 2000; // ms between two signs of life to the hub
const UNANSWERED = 3; // of them, until a hub counts as dead
const HIDDEN = 60_000; // ms for which a hidden page keeps its stream

/** Whether this browser's SharedWorker is of any use. */
let hasWorker = "SharedWorker" in globalThis;

export class Stream {
  #handlers;
  #options;
  #pace;
  #armed = false;
  /** @type {Line | null} */ #line = null;
  /** @type {string | null} */ #cursor;
  /** @type {State} */ #state = { name: "connecting", seconds: null };
  #serverTime = new ServerTime(() => performance.now());
  /** @type {number | null} */ #asOf = null;
  #running = false;
  #asleep = false; // in the back/forward cache, frozen, or on the way there
  #unanswered = 0;
  #deadHubs = 0; // in a row
  #clock = new SteadyClock();
  #hiddenAt = this.#clock.now;
  #ticking = 0;

  /**
   * @param {Handlers} handlers
   * @param {Options} options
   */
  constructor(handlers, options) {
    this.#handlers = handlers;
    this.#options = options;
    this.#cursor = options.id;
    this.#pace = options.pace ?? 0;
    addEventListener("pagehide", () => this.#sleep());
    addEventListener("pageshow", () => this.#wake());
    addEventListener("online", () => this.retry());
    addEventListener("offline", () => this.check());
    document.addEventListener("freeze", () => this.#sleep());
    document.addEventListener("resume", () => this.#wake());
    document.addEventListener("visibilitychange", () => {
      this.#hiddenAt = this.#clock.now;
      this.#mind();
    });
  }

  get state() {
    return this.#state;
  }

  get asOf() {
    return this.#asOf;
  }

  get serverTime() {
    return this.#serverTime.now;
  }

  get pace() {
    return this.#pace;
  }

  set pace(seconds) {
    this.#pace = seconds;
    this.#line?.ask({ ask: "pace", pace: seconds });
  }

  get armed() {
    return this.#armed;
  }

  set armed(isArmed) {
    this.#armed = isArmed;
    this.#mind();
  }

  open() {
    if (this.#running) return;
    this.#running = true;
    this.#ticking = setInterval(() => this.#mind(), CHECK);
    this.#attach();
  }

  close() {
    this.#running = false;
    clearInterval(this.#ticking);
    this.#detach();
  }

  retry() {
    this.#line?.ask({ ask: "retry", online: navigator.onLine });
  }

  check() {
    this.#line?.ask({ ask: "check", online: navigator.onLine });
  }

  #sleep() {
    this.#asleep = true;
    this.#detach();
  }

  #wake() {
    this.#asleep = false;
    this.#attach();
  }

  /** See to it that there is a line where one is wanted, and somebody at its end. */
  #mind() {
    if (!this.#running || this.#asleep) return;
    if (document.hidden && !this.#armed && this.#clock.now - this.#hiddenAt > HIDDEN) {
      this.#detach();
    } else if (this.#line === null) {
      this.#attach();
    } else if (this.#unanswered >= UNANSWERED) {
      this.#deadHubs += 1;
      if (this.#deadHubs > 1) hasWorker = false;
      this.#detach();
      this.#attach();
    } else {
      this.#unanswered += 1;
      this.check();
    }
  }

  #attach() {
    if (!this.#running || this.#asleep || this.#line) return;
    const { version, heartbeat, symbols } = this.#options;
    /** @type {Line} */
    const line = hasWorker
      ? lineToWorker(
          version,
          (said) => line === this.#line && this.#hear(said),
          () => line === this.#line && this.#doWithoutWorker(),
        )
      : lineWithin((said) => line === this.#line && this.#hear(said));
    this.#line = line;
    this.#unanswered = 0;
    line.ask({
      ask: "attach",
      id: this.#cursor,
      heartbeat,
      selection: { symbols: symbols ?? null },
      pace: this.#pace,
      online: navigator.onLine,
    });
  }

  #detach() {
    this.#line?.close();
    this.#line = null;
  }

  #doWithoutWorker() {
    hasWorker = false;
    this.#detach();
    this.#attach();
  }

  /** @param {Said} said */
  #hear(said) {
    this.#unanswered = this.#deadHubs = 0;
    if (said.say === "events") this.#onEvents(said.happenings);
    else if (said.say === "hello") this.#onHello(said.hello);
    else if (said.say === "caughtUp") {
      this.#asOf = said.asOf ?? this.#asOf;
      this.#handlers.caughtUp();
    } else if (said.say === "gap") this.#handlers.gap(said.gap);
    else if (said.say === "state") {
      this.#asOf = said.asOf ?? this.#asOf;
      this.#state = said.state;
      this.#handlers.state(said.state);
    } else if (said.say === "here") this.#onHere(said);
    else {
      this.#detach();
      this.#attach();
    }
  }

  /** @param {import("../events.js").Happening[]} happenings */
  #onEvents(happenings) {
    for (const { type, data, id, live } of happenings) {
      this.#cursor = id;
      this.#asOf = instant(id);
      if (live) this.#serverTime.note(this.#asOf);
      this.#handlers.event(type, data, id, live);
    }
  }

  /** @param {Hello} hello */
  #onHello(hello) {
    if (hello.resume === "fresh") this.#cursor = null;
    this.#serverTime.reset();
    this.#serverTime.note(hello.at);
    this.#handlers.hello(hello);
  }

  /** @param {{id: string | null, asOf: number | null, at: number | null}} said */
  #onHere({ id, asOf, at }) {
    this.#cursor = id ?? this.#cursor;
    this.#asOf = asOf ?? this.#asOf;
    if (at !== null) this.#serverTime.note(at);
  }
}
