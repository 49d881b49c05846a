/**
 * The connection: one EventSource at a time, a watchdog, and the state of the stream.
 *
 * Theory of operation. An EventSource reconnects by itself, with two exceptions. It gives
 * up for good after some answers (an HTTP error, for example); its `readyState` is then
 * `CLOSED`. And it never notices a connection that stays open but carries nothing, for
 * example because a proxy lost its server. `Link` covers both: it closes the EventSource
 * and, after a wait, makes a new one that continues after the last event id.
 *
 * The watchdog works because the server never stays silent: if it has no event to send, it
 * sends a heartbeat. Silence for more than a heartbeat is therefore a sign of trouble.
 *
 * Everything that depends on time is a deadline: an instant, stored under the name of what
 * falls due. Timers alone are not reliable, because browsers slow them down in hidden tabs
 * and stop them during sleep. A timer therefore only compares the deadlines with the clock,
 * once a second, and the page calls `check` when it becomes visible again. The clock must
 * not be set back, or no deadline would fall due for that long: see `steady-clock.js`.
 *
 * `Link` does not decide which state the stream is in. It passes what happens to the tables
 * in `link-states.js`, and adds the seconds that the badge counts.
 *
 * If events arrive late, `Link` asks the server for a slower pace: it then sends fewer
 * events, and these arrive in time.
 */

import { instant, isAfter, LISTENED, REPORTED } from "../events.js";
import { INITIAL, nameOf, react } from "./link-states.js";
import { Pacer } from "./pacer.js";
import { parameters } from "./selection.js";
import { ServerTime } from "./servertime.js";
import { SteadyClock } from "./steady-clock.js";

/** @typedef {import("./selection.js").Selection} Selection */
/** @typedef {import("./link-states.js").Happening} Happening */
/** @typedef {import("./link-states.js").StateName} StateName */

/**
 * @typedef {{name: StateName, seconds: number | null}} State The state of the stream.
 *   `seconds` counts the silence (slow), the delay (delayed), or the time until
 *   the next attempt (reconnecting, full); it is null in the other states.
 *
 * @typedef {import("../board/state.js").Schemas} Schemas
 * @typedef {Omit<Schemas["Hello"], "after">} Hello
 * @typedef {Schemas["Gap"]} Gap
 * @typedef {Schemas["Bye"]} Bye
 *
 * @typedef {object} Handlers The callbacks of a link's owner.
 * @property {(type: string, data: any, id: string, live: boolean) => void} event
 *   An event of the log arrived; `live` is false for catch-up.
 * @property {(hello: Hello) => void} hello A stream began.
 * @property {() => void} caughtUp Every event that was missed has arrived.
 * @property {(type: string, data: any) => void} control A control event of `REPORTED`.
 * @property {(state: State) => void} state The state of the stream changed.
 *
 * @typedef {Handlers & {heartbeat: () => void}} LinkHandlers
 *
 * @typedef {object} Subscription The events that the stream carries, and how often.
 * @property {Selection} selection
 * @property {number} pace Seconds between frames; 0 for every event at once.
 */

const CHECK_DEADLINES = 1000; // ms between two comparisons of the deadlines with the clock
const GRACE = 3000; // ms without a stream until the badge mentions it
const SLOW = 1.5; // heartbeats of silence until the badge mentions it
const MUTE = 2.5; // heartbeats of silence until the stream counts as dead
const GREETING = 10_000; // ms that a server has for its hello, even if heartbeats are short
const DELAYED = 3000; // ms from which an event counts as late
const FIRST_WAIT = 1000; // ms before the first retry; doubled after each failure
const LONGEST_WAIT = 30_000; // ms
const HEALTH = 60_000; // ms of a good stream after which earlier failures don't count
const RESTART = 15_000; // ms during which "Server restarting" explains an absence
const CATCH_UP = 5000; // ms after a hello, at which the catch-up counts as complete
/** @type {Record<string, Happening>} The happening for each reason of a `bye`. */
const FAREWELLS = { restart: "byeRestart", full: "byeFull", age: "byeAge" };

/**
 * @typedef {"silent" | "mute" | "absent" | "farewellOver"} Lapse A happening that the
 *   passing of time causes.
 * @typedef {Lapse | "dead" | "retry" | "healthy" | "caughtUp"} Deadline The reason why an
 *   instant matters. At `dead` the EventSource is given up, at `retry` the next one is
 *   made, at `healthy` earlier failures no longer count, and at `caughtUp` the catch-up
 *   counts as complete.
 */

/** Keeps one stream open through restarts of servers and changes of networks. */
export class Link {
  /** @type {EventSource | null} */ #source = null;
  /** @type {string | null} */ #cursor;
  /** @type {string | null} */ #tail = null;
  /** @type {Subscription} */ #subscription;
  #handlers;
  #name;
  #clock;
  #random;

  #standing = INITIAL;
  /** @type {State} */ #state = { name: "connecting", seconds: null };
  /** @type {Map<Deadline, number>} */ #deadlines = new Map();
  #running = false;
  #catchingUp = true;
  #heartbeat; // ms
  #pacer = new Pacer();
  #pace = 0; // of this stream, in seconds
  #quietSince = 0; // instant of the last message, or of the last restart
  #failures = 0; // EventSources given up since the last good stream
  /** @type {number | null} */ #greetedAt = null; // instant of this stream's hello
  /** @type {{reason: Bye["reason"], until: number, errors: number} | null} */
  #farewell = null; // from a `bye` to the next hello; `until` is when to come back
  #serverTime;
  /** @type {number | null} */ #asOf = null;
  #ticking = 0;
  #waiting = 0;

  /**
   * @param {LinkHandlers} handlers
   * @param {object} options
   * @param {string | null} options.id The cursor to continue after.
   * @param {number} options.heartbeat Seconds; the hello may correct it.
   * @param {Subscription} options.subscription
   * @param {string} options.name By which the server closes the stream if a page asks it to.
   * @param {() => number} [options.now] Epoch milliseconds.
   * @param {() => number} [options.elapsed] Milliseconds that never jump.
   * @param {() => number} [options.random] 0 to 1.
   */
  constructor(handlers, options) {
    this.#handlers = handlers;
    this.#name = options.name;
    this.#cursor = options.id;
    this.#heartbeat = options.heartbeat * 1000;
    this.#subscription = options.subscription;
    this.#clock = new SteadyClock(options.now, options.elapsed);
    this.#serverTime = new ServerTime(options.elapsed ?? (() => performance.now()));
    this.#random = options.random ?? Math.random;
  }

  /** The state of the stream, as last reported. */
  get state() {
    return this.#state;
  }

  /** The cursor: no event up to this id is missing. */
  get cursor() {
    return this.#cursor;
  }

  /** Whether events that were missed have yet to arrive. */
  get catchingUp() {
    return this.#catchingUp;
  }

  /** The instant that the values are of: epoch ms by the server's clock, or null. */
  get asOf() {
    return this.#asOf;
  }

  /** The server's clock, in epoch ms; null before the first hello. */
  get serverTime() {
    return this.#serverTime.now;
  }

  /** Seconds between two frames of this stream. */
  get pace() {
    return this.#pace;
  }

  /** @param {boolean} isOnline `navigator.onLine`, of a page. */
  set online(isOnline) {
    this.#react(isOnline ? "online" : "offline");
  }

  /** Begin to stream, or continue after `close`. */
  open() {
    if (this.#running || this.#hasEnded) return;
    this.#running = true;
    this.#farewell = null;
    this.#failures = 0;
    this.#deadlines.clear();
    this.#react("opened");
    this.#restartSilence();
    this.#connect();
    this.#ticking = setInterval(() => this.check(), CHECK_DEADLINES); // after the first deadlines
    this.#reportState();
  }

  /** End the stream; `open` continues after the last event. */
  close() {
    this.#running = false;
    clearInterval(this.#ticking);
    this.#disconnect();
  }

  /**
   * Change which events the stream carries, by a new stream if that needs one.
   * @param {Subscription} subscription
   */
  subscribe(subscription) {
    const before = this.#url;
    this.#subscription = subscription;
    if (this.#url !== before) this.restartFrom(this.#cursor);
  }

  /**
   * Continue after another cursor, by a new stream.
   * @param {string | null} cursor
   * @param {Subscription} [subscription]
   */
  restartFrom(cursor, subscription = this.#subscription) {
    this.#cursor = cursor;
    this.#subscription = subscription;
    if (!this.#running || this.#deadlines.has("retry")) return; // that one will ask for it
    const asked = this.#farewell?.reason === "age" ? 0 : (this.#farewell?.until ?? 0);
    const left = asked - this.#clock.now; // of the time that the server asked for
    if (left > 0) return this.#scheduleRetry(left);
    this.#react("restarted");
    this.#restartSilence();
    this.#connect();
  }

  /** Try again now, unless the stream is good. */
  retry() {
    if (!this.#running || this.#greetedAt !== null) return;
    this.#connect();
    this.check();
  }

  /** Do what is due. The page calls this too, when it becomes visible again. */
  check() {
    if (!this.#running) return;
    const now = this.#clock.now;
    for (const [deadline, at] of this.#deadlines) {
      if (now <= at) continue;
      this.#deadlines.delete(deadline);
      this.#passDeadline(deadline);
    }
    this.#reportState();
  }

  /** @param {Deadline} deadline */
  #passDeadline(deadline) {
    if (deadline === "dead") this.#giveUp();
    else if (deadline === "retry") this.#connect();
    else if (deadline === "healthy") this.#failures = 0;
    else if (deadline === "caughtUp") this.#finishCatchUp();
    else this.#react(deadline);
  }

  #connect() {
    this.#disconnect();
    this.#catchingUp = true;
    this.#pacer.begin();
    const source = new EventSource(this.#url);
    /** @type {(type: string, act: (data: any, id: string) => void) => void} */
    const on = (type, act) =>
      source.addEventListener(type, (message) => {
        this.#onSignOfLife();
        act(JSON.parse(message.data), message.lastEventId);
        this.#reportState();
      });
    for (const type of LISTENED) {
      on(type, (data, id) => this.#onEvent(type, data, id));
    }
    on("hello", (data) => this.#onHello(data));
    on("heartbeat", (data, id) => this.#onHeartbeat(data, id));
    for (const type of REPORTED) {
      on(type, (data) => this.#handlers.control(type, data));
    }
    on("bye", (data) => this.#onBye(data));
    on("end", () => this.#onEnd());
    source.addEventListener("error", () => this.#onError(source));
    this.#source = source;
    this.#awaitSignOfLife();
  }

  get #url() {
    const query = new URLSearchParams(parameters(this.#subscription.selection));
    const pace = Math.max(this.#subscription.pace, this.#pacer.pace);
    if (pace) query.set("pace", String(pace));
    if (this.#cursor) query.set("after", this.#cursor);
    query.set("name", this.#name);
    return `/stream?${query}`;
  }

  /** Close the EventSource, or cancel the wait for the next one. */
  #disconnect() {
    clearTimeout(this.#waiting);
    this.#deadlines.delete("retry");
    this.#deadlines.delete("dead");
    this.#source?.close();
    this.#source = null;
    this.#beginAbsence();
  }

  /** Close this EventSource and make another one after a wait. */
  #giveUp() {
    const longest = Math.min(FIRST_WAIT * 2 ** this.#failures, LONGEST_WAIT);
    const wait = longest * (1 - this.#random() / 2); // spreads the clients of one server
    this.#failures += 1;
    this.#scheduleRetry(wait);
  }

  /** @param {number} wait Milliseconds until the next EventSource. */
  #scheduleRetry(wait) {
    this.#disconnect();
    this.#deadlines.set("retry", this.#clock.now + wait);
    this.#waiting = setTimeout(() => this.#connect(), wait);
  }

  /** Note that there is no stream; the badge mentions it if that lasts. */
  #beginAbsence() {
    this.#greetedAt = null;
    this.#deadlines.delete("healthy");
    this.#deadlines.delete("caughtUp");
    if (this.#deadlines.has("absent")) return; // counted from the first moment without one
    // After `age` the absence is expected for as long as the server asked to wait.
    const due = this.#farewell?.reason === "age" ? this.#farewell.until : 0;
    this.#deadlines.set("absent", Math.max(this.#clock.now, due) + GRACE);
  }

  #onSignOfLife() {
    this.#react("event");
    this.#restartSilence();
    this.#awaitSignOfLife();
  }

  /** Measure silence from now on. */
  #restartSilence() {
    this.#quietSince = this.#clock.now;
    this.#deadlines.set("silent", this.#quietSince + SLOW * this.#heartbeat);
    this.#deadlines.set("mute", this.#quietSince + MUTE * this.#heartbeat);
  }

  /** Set when this EventSource counts as dead, if it gives no further sign of life. */
  #awaitSignOfLife() {
    const mute = MUTE * this.#heartbeat;
    const patience = this.#greetedAt === null ? Math.max(mute, GREETING) : mute;
    // After a `bye` no message can arrive while the server asked to wait.
    const from = Math.max(this.#clock.now, this.#farewell?.until ?? 0);
    this.#deadlines.set("dead", from + patience);
  }

  /** @param {string} type @param {any} data @param {string} id */
  #onEvent(type, data, id) {
    this.#cursor = id;
    this.#asOf = instant(id);
    const live = this.#tail !== null && isAfter(id, this.#tail);
    if (live) {
      this.#finishCatchUp();
      this.#measureDelay(instant(id));
    } else this.#adjustPace(this.#quietSince - (this.#greetedAt ?? this.#quietSince));
    this.#handlers.event(type, data, id, live);
    if (id === this.#tail) this.#finishCatchUp();
  }

  /** @param {Hello} hello */
  #onHello(hello) {
    this.#react("hello");
    this.#farewell = null;
    this.#deadlines.delete("absent");
    this.#deadlines.delete("farewellOver");
    this.#heartbeat = hello.heartbeat * 1000;
    this.#restartSilence();
    this.#greetedAt = this.#quietSince;
    this.#awaitSignOfLife();
    this.#deadlines.set("healthy", this.#greetedAt + HEALTH);
    this.#deadlines.set("caughtUp", this.#greetedAt + CATCH_UP);
    this.#pace = hello.pace;
    this.#tail = hello.tail;
    this.#catchingUp = true;
    this.#serverTime.reset();
    this.#serverTime.observe(hello.at);
    if (hello.resume === "fresh") this.#cursor = null;
    this.#handlers.hello(hello);
    if (!isAfter(hello.tail, this.#cursor)) {
      this.#asOf = hello.at; // no event was missed
      this.#finishCatchUp();
    }
  }

  /** @param {{at: number, feed?: "away"}} heartbeat @param {string} id */
  #onHeartbeat({ at, feed }, id) {
    if (id) this.#cursor = id;
    const isFeedAway = feed === "away";
    if (!isFeedAway) this.#asOf = at;
    this.#react(isFeedAway ? "feedAway" : "feedBack");
    this.#measureDelay(at);
    this.#finishCatchUp();
    this.#handlers.heartbeat();
  }

  /** @param {Bye} bye */
  #onBye({ reason, retry_ms: wait }) {
    const now = this.#clock.now;
    this.#farewell = { reason, until: now + wait, errors: 0 };
    this.#awaitSignOfLife();
    const explained = reason === "restart" ? Math.max(RESTART, wait + GRACE) : wait + GRACE;
    this.#deadlines.set("farewellOver", now + explained);
    this.#react(FAREWELLS[reason] ?? "event"); // a newer server may give other reasons
  }

  #onEnd() {
    this.#react("end");
    this.close();
  }

  /** @param {EventSource} source */
  #onError(source) {
    this.#beginAbsence();
    this.#awaitSignOfLife();
    this.#react("error");
    // After a `bye` the browser waits as long as the server asked before every attempt.
    // The server means the first one only, so later attempts are ours: they wait less.
    const failedAgain = this.#farewell !== null && ++this.#farewell.errors > 1;
    if (source.readyState === EventSource.CLOSED || failedAgain) this.#giveUp();
    this.check();
  }

  #finishCatchUp() {
    if (!this.#catchingUp) return;
    this.#catchingUp = false;
    this.#handlers.caughtUp();
  }

  /** @param {number} at The instant at which the message left the server, in epoch ms. */
  #measureDelay(at) {
    this.#serverTime.observe(at);
    const { delay } = this.#serverTime;
    this.#react(delay > DELAYED + this.#pace * 1000 ? "late" : "inTime");
    this.#adjustPace(delay);
  }

  /**
   * Tell the pacer how late an event is, and restart the stream if the pace changes.
   * @param {number} delay Milliseconds: by the id of a live event, or since the hello for
   *   an event of the catch-up.
   */
  #adjustPace(delay) {
    const isOther = this.#pacer.observe(delay, this.#pace, this.#clock.now);
    // Not at once: the browser may have read further events together with this one.
    if (isOther) setTimeout(() => this.restartFrom(this.#cursor));
  }

  /** @param {Happening} happening */
  #react(happening) {
    this.#standing = react(this.#standing, happening);
  }

  get #hasEnded() {
    return this.#standing.stream === "ended";
  }

  /** Report the state to the owner if it changed. */
  #reportState() {
    if (!this.#running && !this.#hasEnded) return;
    const name = nameOf(this.#standing);
    const seconds = this.#secondsOf(name);
    if (name === this.#state.name && seconds === this.#state.seconds) return;
    this.#state = { name, seconds };
    this.#handlers.state(this.#state);
  }

  /** @param {StateName} name @returns {number | null} See `State`. */
  #secondsOf(name) {
    if (name === "slow") return Math.floor((this.#clock.now - this.#quietSince) / 1000);
    if (name === "delayed") return Math.round(this.#serverTime.delay / 1000);
    if (name === "full") return this.#secondsUntil(this.#farewell?.until);
    if (name === "reconnecting") return this.#secondsUntil(this.#deadlines.get("retry"));
    return null;
  }

  /** @param {number | undefined} at Undefined if no instant is set. */
  #secondsUntil(at) {
    if (at === undefined) return null;
    const left = Math.round(at - this.#clock.now); // a difference of fractions is inexact
    return Math.max(1, Math.ceil(left / 1000));
  }
}
