/**
 * The connection: one EventSource at a time, a watchdog, and how the stream stands.
 *
 * EventSource reconnects by itself only while its readyState isn't 2. When it is, or
 * when nothing comes any more, this makes a new one that goes on after the last id.
 * Timers lie in hidden tabs and in sleep, so all is judged by timestamps.
 *
 * Where events come late it asks for a slower pace, so that fewer of them come in time.
 */

import { instant, isAfter } from "../events.js";
import { Pacer } from "./pacer.js";
import { parameters } from "./selection.js";
import { ServerTime } from "./servertime.js";

/** @typedef {import("./selection.js").Selection} Selection */

/**
 * @typedef {"connecting" | "live" | "slow" | "delayed" | "reconnecting" | "offline"
 *   | "restarting" | "full" | "interrupted" | "ended"} StateName
 * @typedef {{name: StateName, seconds: number | null}} State How the stream stands;
 *   `seconds` it has been silent (slow), is late (delayed), or until it tries again.
 * @typedef {{resume: "fresh" | "replayed" | "compacted", tail: string, heartbeat: number,
 *   pace: number, source: string, version: string, at: number, lost: number | null,
 *   dropped: number | null}} Hello
 * @typedef {{from: string, to: string, dropped: number | null, lost: number | null}} Gap
 * @typedef {{reason: "restart" | "full" | "age", retry_ms: number}} Bye
 *
 * @typedef {object} Handlers What the owner of a link is told.
 * @property {(type: string, data: any, id: string, live: boolean) => void} event
 *   An event of the log; `live` is false for catch-up.
 * @property {(hello: Hello) => void} hello A stream began.
 * @property {() => void} caughtUp All that was missed has come.
 * @property {(gap: Gap) => void} gap This stream fell behind and was compacted.
 * @property {(state: State) => void} state How the stream stands has changed.
 *
 * @typedef {Handlers & {heartbeat: () => void}} LinkHandlers
 *
 * @typedef {object} Wanted What the stream is to carry.
 * @property {Selection} selection
 * @property {string[]} types Event types besides Liveboard's own.
 * @property {number} pace Seconds between frames; 0 for every event at once.
 */

const TYPES = ["price", "score", "market", "notice", "incident", "gone"];
const CHECK = 1000; // ms between two looks at the timestamps
const GRACE = 3000; // ms that a connection may take, and an error may last, unsaid
const SLOW = 1.5; // heartbeats of silence until the badge says so
const MUTE = 2.5; // heartbeats of silence until the stream counts as dead
const GREETING = 10_000; // ms that a server has at least until then, to greet
const LATE = 3000; // ms that an event may be old
const FIRST_WAIT = 1000; // ms; doubled with each failure
const LONGEST_WAIT = 30_000;
const HEALTH = 60_000; // ms of a good stream until earlier failures are forgotten
const RESTART = 15_000; // ms for which "Server restarting" explains an absence
const CATCH_UP = 5000; // ms after which nothing more is waited for

/** One stream that is kept open, whatever happens to servers and networks. */
export class Link {
  /** @type {EventSource | null} */ #source = null;
  /** @type {string | null} */ #cursor;
  /** @type {string | null} */ #tail = null;
  /** @type {Wanted} */ #wanted;
  #handlers;
  #now;
  #random;

  /** @type {State} */ #state = { name: "connecting", seconds: null };
  #isOnline = true;
  #running = false;
  #ended = false;
  #greeted = false; // whether there has been a hello since `open`
  #catchingUp = true;
  #heartbeat;
  #isFeedAway = false; // the server is there, and what feeds it isn't
  #pacer = new Pacer();
  #pace = 0; // of the present stream, in seconds
  #began = 0; // when `open` or `restart` was called
  #tried = 0; // when the present EventSource was made
  #heard = 0; // when anything came last
  #erred = 0; // when an error came last
  #failures = 0; // EventSources given up since the last good stream
  /** @type {number | null} */ #greetedAt = null; // the present stream's hello
  /** @type {number | null} */ #troubled = null; // since when there is no good stream
  /** @type {number | null} */ #retryAt = null; // when the next EventSource is made
  /** @type {{reason: Bye["reason"], until: number, holds: number, errors: number} | null} */
  #farewell = null;
  #serverTime;
  /** @type {number | null} */ #asOf = null;
  #ticking = 0;
  #waiting = 0;

  /**
   * @param {LinkHandlers} handlers
   * @param {object} options
   * @param {string | null} options.id The cursor: what came before it is known.
   * @param {number} options.heartbeat Seconds; the hello may correct it.
   * @param {Wanted} options.wanted
   * @param {() => number} [options.now] Epoch milliseconds; goes on in sleep.
   * @param {() => number} [options.elapsed] Milliseconds that nobody sets.
   * @param {() => number} [options.random] 0 to 1.
   */
  constructor(handlers, options) {
    this.#handlers = handlers;
    this.#cursor = options.id;
    this.#heartbeat = options.heartbeat * 1000;
    this.#wanted = options.wanted;
    this.#now = options.now ?? (() => Date.now());
    this.#serverTime = new ServerTime(options.elapsed ?? (() => performance.now()));
    this.#random = options.random ?? Math.random;
  }

  /** How the stream stands. */
  get state() {
    return this.#state;
  }

  /** The id of the last event that came, or is known not to be missed. */
  get cursor() {
    return this.#cursor;
  }

  /** Whether what was missed is still to come. */
  get catchingUp() {
    return this.#catchingUp;
  }

  /** The instant that what came is of: epoch ms by the server's clock, or null. */
  get asOf() {
    return this.#asOf;
  }

  /** The server's clock, in epoch ms; null before the first hello. */
  get serverTime() {
    return this.#serverTime.now;
  }

  /** Seconds between the frames of the present stream. */
  get pace() {
    return this.#pace;
  }

  /** @param {boolean} isOnline What the browser says of the network. */
  set online(isOnline) {
    this.#isOnline = isOnline;
  }

  /** Begin to stream, or go on after `close`. */
  open() {
    if (this.#running || this.#ended) return;
    this.#running = true;
    this.#greeted = false;
    this.#troubled = this.#farewell = null;
    this.#began = this.#now();
    this.#failures = 0;
    this.#ticking = setInterval(() => this.check(), CHECK);
    this.#connect();
    this.#tell();
  }

  /** End the stream; `open` goes on where it stopped. */
  close() {
    this.#running = false;
    clearInterval(this.#ticking);
    this.#drop();
  }

  /**
   * Stream something else from now on.
   * @param {Wanted} wanted
   */
  want(wanted) {
    const before = this.#url;
    this.#wanted = wanted;
    if (this.#url !== before) this.restart(this.#cursor);
  }

  /**
   * Go on from another cursor, by a new stream.
   * @param {string | null} cursor
   * @param {Wanted} [wanted]
   */
  restart(cursor, wanted = this.#wanted) {
    this.#cursor = cursor;
    this.#wanted = wanted;
    if (!this.#running || this.#retryAt !== null) return; // the next one will do
    const asked = this.#farewell?.reason === "age" ? 0 : (this.#farewell?.until ?? 0);
    const left = asked - this.#now(); // of the time that the server asked for
    if (left > 0) return this.#wait(left);
    this.#began = this.#now();
    this.#connect();
  }

  /** Try again now, where there is no good stream. */
  retry() {
    if (!this.#running || this.#greetedAt !== null) return;
    this.#connect();
    this.#tell();
  }

  /** Look at the timestamps; call it when a hidden page is seen again. */
  check() {
    if (!this.#running) return;
    const now = this.#now();
    if (this.#retryAt !== null) {
      if (now >= this.#retryAt) this.#connect();
    } else if (now - this.#lastSign() > this.#patience) {
      this.#troubled ??= now - GRACE;
      this.#giveUp();
    }
    if (this.#greetedAt !== null) {
      if (now - this.#greetedAt > HEALTH) this.#failures = 0;
      if (now - this.#greetedAt > CATCH_UP) this.#caughtUp();
    }
    this.#tell();
  }

  #connect() {
    this.#drop();
    this.#tried = this.#now();
    this.#catchingUp = true;
    this.#pacer.begin();
    const source = new EventSource(this.#url);
    /** @type {(type: string, act: (data: any, id: string) => void) => void} */
    const on = (type, act) =>
      source.addEventListener(type, (message) => {
        this.#heard = this.#now();
        act(JSON.parse(message.data), message.lastEventId);
        this.#tell();
      });
    for (const type of this.#types) {
      on(type, (data, id) => this.#onEvent(type, data, id));
    }
    on("hello", (data) => this.#onHello(data));
    on("heartbeat", (data, id) => this.#onHeartbeat(data, id));
    on("gap", (data) => this.#handlers.gap(data));
    on("bye", (data) => this.#onBye(data));
    on("end", () => this.#onEnd());
    source.addEventListener("error", () => this.#onError(source));
    this.#source = source;
  }

  get #types() {
    return [...new Set([...TYPES, ...this.#wanted.types])];
  }

  get #url() {
    const asked = new URLSearchParams(parameters(this.#wanted.selection, this.#types));
    const pace = Math.max(this.#wanted.pace, this.#pacer.pace);
    if (pace) asked.set("pace", String(pace));
    if (this.#cursor) asked.set("after", this.#cursor);
    return asked.size ? `/stream?${asked}` : "/stream";
  }

  /** Close what there is: the EventSource, or the wait for the next one. */
  #drop() {
    clearTimeout(this.#waiting);
    this.#retryAt = this.#greetedAt = null;
    this.#source?.close();
    this.#source = null;
  }

  /** Close this EventSource, which is of no use any more, and wait to make a new one. */
  #giveUp() {
    const longest = Math.min(FIRST_WAIT * 2 ** this.#failures, LONGEST_WAIT);
    const wait = longest * (1 - this.#random() / 2); // so that not all come at once
    this.#failures += 1;
    this.#wait(wait);
  }

  /** @param {number} wait Milliseconds until the next EventSource. */
  #wait(wait) {
    this.#drop();
    this.#retryAt = this.#now() + wait;
    this.#waiting = setTimeout(() => this.#connect(), wait);
  }

  /** @param {string} type @param {any} data @param {string} id */
  #onEvent(type, data, id) {
    this.#cursor = id;
    this.#asOf = instant(id);
    const live = this.#tail !== null && isAfter(id, this.#tail);
    if (live) {
      this.#caughtUp();
      this.#measure(instant(id));
    } else this.#mindPace(this.#heard - (this.#greetedAt ?? this.#heard));
    this.#handlers.event(type, data, id, live);
    if (id === this.#tail) this.#caughtUp();
  }

  /** @param {Hello} hello */
  #onHello(hello) {
    this.#greeted = this.#catchingUp = true;
    this.#greetedAt = this.#heard;
    this.#troubled = this.#farewell = null;
    this.#heartbeat = hello.heartbeat * 1000;
    this.#isFeedAway = false;
    this.#pace = hello.pace;
    this.#tail = hello.tail;
    this.#serverTime.reset();
    this.#serverTime.note(hello.at);
    if (hello.resume === "fresh") this.#cursor = null;
    this.#handlers.hello(hello);
    if (!isAfter(hello.tail, this.#cursor)) {
      this.#asOf = hello.at; // nothing was missed
      this.#caughtUp();
    }
  }

  /** @param {{at: number, feed?: "away"}} heartbeat @param {string} id */
  #onHeartbeat({ at, feed }, id) {
    if (id) this.#cursor = id;
    this.#isFeedAway = feed === "away";
    if (!this.#isFeedAway) this.#asOf = at;
    this.#measure(at);
    this.#caughtUp();
    this.#handlers.heartbeat();
  }

  /** @param {Bye} bye */
  #onBye({ reason, retry_ms: wait }) {
    const until = this.#now() + wait;
    const holds = reason === "restart" ? Math.max(RESTART, wait + GRACE) : wait + GRACE;
    this.#farewell = { reason, until, holds: this.#now() + holds, errors: 0 };
  }

  #onEnd() {
    this.#ended = true;
    this.close();
  }

  /** @param {EventSource} source */
  #onError(source) {
    this.#erred = this.#now();
    this.#troubled ??= this.#erred;
    this.#greetedAt = null;
    // After a farewell the browser waits as long as it was told, also between further
    // attempts. That is meant for the first one only; then waits of our own are shorter.
    const failedAgain = this.#farewell !== null && ++this.#farewell.errors > 1;
    if (source.readyState === EventSource.CLOSED || failedAgain) this.#giveUp();
    this.#tell();
  }

  #caughtUp() {
    if (!this.#catchingUp) return;
    this.#catchingUp = false;
    this.#handlers.caughtUp();
  }

  /** @param {number} at When that which comes now left. */
  #measure(at) {
    this.#serverTime.note(at);
    this.#mindPace(this.#serverTime.delay);
  }

  /**
   * Change the pace where that helps.
   * @param {number} delay How late an event is, in ms: if live, by its id; if it belongs
   *   to the catch-up, since that began.
   */
  #mindPace(delay) {
    const isOther = this.#pacer.note(delay, this.#pace, this.#now());
    // Later, since there may be more of what just came.
    if (isOther) setTimeout(() => this.restart(this.#cursor));
  }

  /** Milliseconds until a stream counts as dead; one that begins may take longer. */
  get #patience() {
    const mute = MUTE * this.#heartbeat;
    return this.#greetedAt === null ? Math.max(mute, GREETING) : mute;
  }

  /** When there was last a sign of life, or a reason to wait for none. */
  #lastSign() {
    return Math.max(this.#tried, this.#heard, this.#erred, this.#farewell?.until ?? 0);
  }

  #tell() {
    if (!this.#running && !this.#ended) return;
    const state = this.#judge(this.#now());
    if (state.name === this.#state.name && state.seconds === this.#state.seconds) return;
    this.#state = state;
    this.#handlers.state(state);
  }

  /** @param {number} now @returns {State} */
  #judge(now) {
    if (this.#ended) return { name: "ended", seconds: null };
    const silence = now - Math.max(this.#heard, this.#began);
    const farewell = this.#farewell;
    if (farewell?.reason === "restart" && now < farewell.holds) {
      return { name: "restarting", seconds: null };
    }
    if (farewell?.reason === "full" && now < farewell.holds) {
      return { name: "full", seconds: secondsUntil(farewell.until, now) };
    }
    const isTroubled = this.#troubled !== null || silence > SLOW * this.#heartbeat;
    if (isTroubled && !this.#isOnline) return { name: "offline", seconds: null };
    if (this.#greetedAt === null) {
      const quiet = farewell?.reason === "age" ? farewell.holds : 0;
      if (now >= Math.max((this.#troubled ?? this.#began) + GRACE, quiet)) {
        return this.#reconnecting(now);
      }
      if (!this.#greeted) return { name: "connecting", seconds: null };
    }
    if (silence > MUTE * this.#heartbeat) return this.#reconnecting(now);
    if (silence > SLOW * this.#heartbeat) {
      return { name: "slow", seconds: Math.floor(silence / 1000) };
    }
    if (this.#isFeedAway) return { name: "interrupted", seconds: null };
    const { delay } = this.#serverTime;
    if (delay > LATE + this.#pace * 1000) {
      return { name: "delayed", seconds: Math.round(delay / 1000) };
    }
    return { name: "live", seconds: null };
  }

  /** @param {number} now @returns {State} */
  #reconnecting(now) {
    const seconds = this.#retryAt === null ? null : secondsUntil(this.#retryAt, now);
    return { name: "reconnecting", seconds };
  }
}

/** @param {number} at @param {number} now */
function secondsUntil(at, now) {
  return Math.max(1, Math.ceil((at - now) / 1000));
}
