/**
 * The hub: shares one stream among the tabs of a browser. It runs in the SharedWorker, or
 * within a page if there is no worker.
 *
 * Theory of operation. The stream belongs to a `Link`, and carries the union of what the
 * tabs show. Each tab has a cursor: the id up to which it has every event that it shows.
 * A tab that attaches is usually behind the stream, because its page was made earlier. It
 * is brought up to date in one of two ways:
 *
 * 1. `MissedEvents` remembers what the stream carried. If it reaches back to the tab's
 *    cursor, the tab gets those events from memory, as catch-up.
 * 2. Otherwise, or if the tab shows something that the stream did not carry, the stream
 *    itself restarts from the older of the two cursors. The other tabs ignore the events
 *    that they have already had.
 *
 * A tab that crashes never says that it leaves. So a tab that is silent for long is
 * detached. If it was only suspended, its next `check` is answered by `unknown`, and it
 * attaches again.
 */

import { older } from "../events.js";
import { unguessable } from "../unguessable.js";
import { Link } from "./link.js";
import { MissedEvents } from "./missed.js";
import { covers, NO_SYMBOLS, union } from "./selection.js";
import { Tab } from "./tab.js";

/** @typedef {import("./link.js").Hello} Hello */
/** @typedef {import("./link.js").State} State */
/** @typedef {import("../events.js").LogEvent} LogEvent */
/** @typedef {import("./selection.js").Selection} Selection */

/**
 * @typedef {object} AttachRequest The first request of a tab.
 * @property {"attach"} type
 * @property {string | null} id The cursor of the tab.
 * @property {number} heartbeat Seconds.
 * @property {Selection} selection
 * @property {number} pace Seconds between two deliveries of events; 0 for at once.
 * @property {boolean} online `navigator.onLine`.
 *
 * @typedef {AttachRequest | {type: "pace", pace: number} | {type: "leave"}
 *   | {type: "check" | "retry", online: boolean}} TabRequest A message from a tab to the
 *   hub.
 *
 * @typedef {{type: "events", events: LogEvent[]}
 *   | {type: "hello", hello: Hello}
 *   | {type: "caughtUp", asOf: number | null}
 *   | {type: "control", name: string, data: any}
 *   | {type: "state", state: State, asOf: number | null}
 *   | {type: "name", name: string | null}
 *   | {type: "here", id: string | null, asOf: number | null, at: number | null}
 *   | {type: "unknown"}} HubMessage A message from the hub to a tab. `asOf` is the instant
 *   that the tab's values are of, `at` is the server's time, `id` is the tab's new cursor;
 *   each is null if the hub doesn't know it. `name` is the stream's, and null if several
 *   tabs share it. The answer to `check` is `here`, or `unknown`
 *   if the tab is not attached.
 */

const SWEEP = 10_000; // ms between two searches for silent tabs
const SILENT = 15; // sweeps; a hidden tab's timers may run only once a minute

export class Hub {
  /** @type {Set<Tab>} */ #tabs = new Set();
  /** @type {Link | null} */ #link = null;
  #missed = new MissedEvents(null);
  /** @type {Hello | null} */ #hello = null;
  /** @type {Selection} */ #selection = NO_SYMBOLS;
  #name = "";
  #sweeping = 0;

  /**
   * Connect a tab, which then has to attach.
   * @param {(message: HubMessage) => void} send Sends a message to the tab.
   * @returns {(request: TabRequest) => void} Handles a request of the tab.
   */
  connectTab(send) {
    /** @type {Tab | null} */
    let tab = null;
    return (request) => {
      if (request.type === "attach") {
        if (tab) this.#detachTab(tab);
        tab = new Tab(send, request);
        this.#attachTab(tab, request);
      } else if (tab && this.#tabs.has(tab)) this.#handleRequest(tab, request);
      else if (request.type === "check") send({ type: "unknown" });
    };
  }

  /** @param {Tab} tab @param {Exclude<TabRequest, AttachRequest>} request */
  #handleRequest(tab, request) {
    tab.silence = 0;
    if (request.type === "leave") return this.#detachTab(tab);
    if (request.type === "pace") {
      tab.pace = request.pace;
      tab.deliverPending();
      return this.#select(this.#selection);
    }
    if (!this.#link) return;
    this.#link.online = request.online;
    if (request.type === "retry") this.#link.retry();
    else this.#link.check();
    this.#sendPosition(tab);
  }

  /** @param {Tab} tab @param {AttachRequest} request */
  #attachTab(tab, { heartbeat, online }) {
    this.#tabs.add(tab);
    const link = this.#link ?? this.#createLink(tab, heartbeat);
    link.online = online;
    if (this.#tabs.size > 1) this.#bringUpToDate(tab, link);
    else link.open();
    tab.send({ type: "state", state: link.state, asOf: null });
    this.#sendName();
  }

  /** @param {Tab} tab The first tab. @param {number} heartbeat Seconds. */
  #createLink(tab, heartbeat) {
    this.#missed = new MissedEvents(tab.cursor);
    this.#selection = union([tab.selection]);
    this.#name = unguessable();
    const link = new Link(
      {
        event: (type, data, id, live) => this.#onEvent({ type, data, id, live }),
        hello: (hello) => this.#onHello(hello),
        heartbeat: () => this.#tabs.forEach((tab) => this.#sendPosition(tab)),
        caughtUp: () => this.#broadcast({ type: "caughtUp", asOf: this.#asOf }),
        control: (name, data) => this.#broadcast({ type: "control", name, data }),
        state: (state) => this.#broadcast({ type: "state", state, asOf: this.#asOf }),
      },
      { id: tab.cursor, heartbeat, subscription: this.#subscription, name: this.#name },
    );
    this.#sweeping = setInterval(() => this.#detachSilentTabs(), SWEEP);
    this.#link = link;
    return link;
  }

  /**
   * Give a tab the events between its cursor and the stream's, from memory or by the stream.
   * @param {Tab} tab
   * @param {Link} link
   */
  #bringUpToDate(tab, link) {
    const missed = this.#missed.after(tab.cursor);
    if (missed && covers(this.#selection, tab.selection)) {
      this.#sendMissed(tab, missed, link);
      this.#select(this.#selection);
      return;
    }
    for (const other of this.#tabs) if (other !== tab) other.skipTo(link.cursor);
    const from = older(tab.cursor, link.cursor);
    this.#selection = union([this.#selection, tab.selection]);
    this.#missed.restartFrom(from);
    link.restartFrom(from, this.#subscription);
  }

  /**
   * @param {Tab} tab
   * @param {{isFresh: boolean, events: LogEvent[]}} missed
   * @param {Link} link
   */
  #sendMissed(tab, { isFresh, events }, link) {
    if (!this.#hello) return; // the stream's hello is on its way, and goes to this tab too
    if (isFresh) tab.startAfresh();
    /** @type {Hello} */
    const hello = {
      ...this.#hello,
      resume: isFresh ? "fresh" : "compacted",
      tail: link.cursor ?? this.#hello.tail,
      dropped: null,
      lost: isFresh ? null : 0,
      at: link.serverTime ?? this.#hello.at,
    };
    tab.send({ type: "hello", hello });
    tab.deliverCatchUp(events);
    if (!link.catchingUp) tab.send({ type: "caughtUp", asOf: link.asOf });
  }

  /** Subscribe to a selection, at the pace of the fastest tab. @param {Selection} selection */
  #select(selection) {
    this.#selection = selection;
    this.#link?.subscribe(this.#subscription);
  }

  get #subscription() {
    return {
      selection: this.#selection,
      pace: Math.min(...[...this.#tabs].map(({ pace }) => pace)),
    };
  }

  /** @param {Tab} tab */
  #detachTab(tab) {
    tab.detach();
    this.#tabs.delete(tab);
    this.#sendName();
    if (this.#tabs.size > 0) return; // the next sweep narrows the stream
    clearInterval(this.#sweeping);
    this.#link?.close();
    this.#link = this.#hello = null;
  }

  #detachSilentTabs() {
    for (const tab of this.#tabs) {
      tab.silence += 1;
      if (tab.silence > SILENT) this.#detachTab(tab);
    }
    if (this.#link) this.#select(union([...this.#tabs].map((tab) => tab.selection)));
  }

  /** @param {LogEvent} event */
  #onEvent(event) {
    this.#missed.remember(event);
    for (const tab of this.#tabs) tab.addEvent(event, this.#link?.pace ?? 0);
  }

  /** @param {Hello} hello */
  #onHello(hello) {
    this.#hello = hello;
    const isFresh = hello.resume === "fresh";
    if (isFresh) this.#missed.startAfresh(hello.tail);
    for (const tab of this.#tabs) if (isFresh) tab.startAfresh();
    this.#broadcast({ type: "hello", hello });
  }

  /** @param {HubMessage} message */
  #broadcast(message) {
    for (const tab of this.#tabs) tab.send(message);
  }

  /** Let the last tab close the stream, since the worker may not get the time to do so. */
  #sendName() {
    const name = this.#tabs.size === 1 ? this.#name : null;
    for (const tab of this.#tabs) tab.sendNow({ type: "name", name });
  }

  /** Tell a tab which cursor it has reached. @param {Tab} tab */
  #sendPosition(tab) {
    const link = this.#link;
    if (!link || tab.isPending || link.catchingUp) {
      tab.sendNow({ type: "here", id: null, asOf: null, at: null });
    } else {
      tab.skipTo(link.cursor);
      const { asOf, serverTime } = link;
      tab.sendNow({ type: "here", id: tab.cursor, asOf, at: serverTime });
    }
  }

  get #asOf() {
    return this.#link?.asOf ?? null;
  }
}
