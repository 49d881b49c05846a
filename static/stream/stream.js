/**
 * The page's stream. All tabs of a browser share one, which belongs to a SharedWorker; a
 * tab has a stream of its own if the browser can't run the worker.
 *
 * Theory of operation. The page is connected to a hub by a line, and the hub to the server
 * by a `Link`. Three things can go wrong on the page's side of the hub:
 *
 * - The page sleeps: it is in the back/forward cache, or the browser froze it. It closes
 *   its line before, because an open one keeps a page out of the cache. When it wakes, it
 *   attaches again and gets what it missed.
 * - The page is hidden for long. It then does without a stream, unless an alert is set.
 * - The hub dies, for example because the browser ended the worker. Nobody reports that,
 *   so the page sends a `check` every two seconds, and opens another line after three
 *   checks without an answer. If the second hub is dead too, it does without the worker.
 *
 * How to use it:
 *
 * - `new Stream(handlers, options)`: see `Handlers` and `Options`. Events arrive in the
 *   order of their ids, and none arrives twice, unless a `fresh` hello came in between.
 * - `open()` begins or continues the stream, and `close()` ends it.
 * - `retry()` tries to connect now. `check()` asks the hub for a sign of life.
 * - `pace`: seconds between two deliveries of events, 0 for at once. Of the events that
 *   came in between, only the newest of each key is delivered.
 * - `armed`: whether an alert is set; a hidden page then keeps its stream.
 * - `state`: the state of the stream. `asOf`: the instant that the page's values are of.
 *   `serverTime`: the server's time. Both are epoch ms by the server's clock, or null if
 *   unknown.
 */

import { instant } from "../events.js";
import { fetchOwn } from "../own-fetch.js";
import { openLineToWorker, openLineWithinPage } from "./line.js";
import { ServerTime } from "./servertime.js";
import { SteadyClock } from "./steady-clock.js";

/** @typedef {import("../events.js").LogEvent} LogEvent */
/** @typedef {import("./hub.js").HubMessage} HubMessage */
/** @typedef {import("./line.js").Line} Line */
/** @typedef {import("./link.js").Handlers} Handlers */
/** @typedef {import("./link.js").Hello} Hello */
/** @typedef {import("./link.js").State} State */
/** @typedef {import("./link.js").StateName} StateName */

/**
 * @typedef {object} Options
 * @property {string | null} id The cursor: the id up to which the page has every event.
 * @property {number} heartbeat Seconds; the hello may correct it.
 * @property {string} version The version of the page.
 * @property {string[] | null} [symbols] Of prices, only these; null for all.
 * @property {number} [pace] Seconds between two deliveries of events.
 */

const CHECK_HUB = 2000; // ms between two checks of the hub
const UNANSWERED = 3; // checks without an answer, until the hub counts as dead
const HIDDEN = 60_000; // ms for which a hidden page keeps its stream

/** Whether the browser has a SharedWorker that runs. */
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
  /** @type {string | null} */ #name = null; // of the stream, if no other tab shares it
  #running = false;
  #asleep = false; // in the back/forward cache or frozen, or about to be
  #unanswered = 0;
  #deadHubs = 0; // hubs in a row that never answered
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
    addEventListener("pagehide", ({ persisted }) => {
      this.#suspend();
      if (persisted) this.#hangUp();
    });
    addEventListener("pageshow", () => this.#resume());
    addEventListener("online", () => this.retry());
    addEventListener("offline", () => this.check());
    document.addEventListener("freeze", () => this.#suspend());
    document.addEventListener("resume", () => this.#resume());
    document.addEventListener("visibilitychange", () => {
      this.#hiddenAt = this.#clock.now;
      this.#superviseLine();
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
    this.#line?.send({ type: "pace", pace: seconds });
  }

  get armed() {
    return this.#armed;
  }

  set armed(isArmed) {
    this.#armed = isArmed;
    this.#superviseLine();
  }

  open() {
    if (this.#running) return;
    this.#running = true;
    this.#ticking = setInterval(() => this.#superviseLine(), CHECK_HUB);
    this.#openLine();
  }

  close() {
    this.#running = false;
    clearInterval(this.#ticking);
    this.#closeLine();
  }

  retry() {
    this.#line?.send({ type: "retry", online: navigator.onLine });
  }

  check() {
    this.#line?.send({ type: "check", online: navigator.onLine });
  }

  #suspend() {
    this.#asleep = true;
    this.#closeLine();
  }

  /**
   * Let the server close the stream of a page that enters the back/forward cache. WebKit
   * stops the worker together with its last page, before it reads that the page leaves.
   */
  #hangUp() {
    if (!this.#name || !hasWorker) return;
    const options = { method: "DELETE", keepalive: true };
    fetchOwn(`/stream/names/${this.#name}`, options).catch(() => {}); // it only saves a stream
    this.#name = null;
  }

  #resume() {
    this.#asleep = false;
    this.#openLine();
  }

  /** Open or close the line as the page needs one, and replace it if the hub is dead. */
  #superviseLine() {
    if (!this.#running || this.#asleep) return;
    if (document.hidden && !this.#armed && this.#clock.now - this.#hiddenAt > HIDDEN) {
      this.#closeLine();
    } else if (this.#line === null) {
      this.#openLine();
    } else if (this.#unanswered >= UNANSWERED) {
      this.#deadHubs += 1;
      if (this.#deadHubs > 1) hasWorker = false;
      this.#replaceLine();
    } else {
      this.#unanswered += 1;
      this.check();
    }
  }

  #openLine() {
    if (!this.#running || this.#asleep || this.#line) return;
    const { heartbeat, symbols } = this.#options;
    const line = this.#lineToHub();
    this.#line = line;
    this.#unanswered = 0;
    line.send({
      type: "attach",
      id: this.#cursor,
      heartbeat,
      selection: { symbols: symbols ?? null },
      pace: this.#pace,
      online: navigator.onLine,
    });
  }

  /** @returns {Line} */
  #lineToHub() {
    /** @type {Line} */
    let line;
    /** @param {HubMessage} message */
    const receive = (message) => line === this.#line && this.#onMessage(message);
    const fail = () => line === this.#line && this.#doWithoutWorker();
    if (!hasWorker) return (line = openLineWithinPage(receive));
    try {
      return (line = openLineToWorker(this.#options.version, receive, fail));
    } catch {
      hasWorker = false; // Firefox throws a SecurityError where site data is blocked
      return this.#lineToHub();
    }
  }

  #closeLine() {
    this.#line?.close();
    this.#line = null;
  }

  #replaceLine() {
    this.#closeLine();
    this.#openLine();
  }

  #doWithoutWorker() {
    hasWorker = false;
    this.#replaceLine();
  }

  /** @param {HubMessage} message */
  #onMessage(message) {
    this.#unanswered = this.#deadHubs = 0;
    if (message.type === "events") this.#onEvents(message.events);
    else if (message.type === "hello") this.#onHello(message.hello);
    else if (message.type === "caughtUp") {
      this.#asOf = message.asOf ?? this.#asOf;
      this.#handlers.caughtUp();
    } else if (message.type === "control") this.#handlers.control(message.name, message.data);
    else if (message.type === "state") {
      this.#asOf = message.asOf ?? this.#asOf;
      this.#state = message.state;
      this.#handlers.state(message.state);
    } else if (message.type === "here") this.#onPosition(message);
    else if (message.type === "name") this.#name = message.name;
    else this.#replaceLine();
  }

  /** @param {LogEvent[]} events */
  #onEvents(events) {
    for (const { type, data, id, live } of events) {
      this.#cursor = id;
      this.#asOf = instant(id);
      if (live) this.#serverTime.observe(this.#asOf);
      this.#handlers.event(type, data, id, live);
    }
  }

  /** @param {Hello} hello */
  #onHello(hello) {
    if (hello.resume === "fresh") this.#cursor = null;
    this.#serverTime.reset();
    this.#serverTime.observe(hello.at);
    this.#handlers.hello(hello);
  }

  /** @param {{id: string | null, asOf: number | null, at: number | null}} position */
  #onPosition({ id, asOf, at }) {
    this.#cursor = id ?? this.#cursor;
    this.#asOf = asOf ?? this.#asOf;
    if (at !== null) this.#serverTime.observe(at);
  }
}
