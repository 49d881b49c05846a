/**
 * Where tabs meet their one stream: a Link, and whoever wants what comes by it.
 *
 * A tab that attaches has values that stand at some id. What lies between that and the
 * stream's cursor comes from the record; where the record doesn't reach so far, or the
 * tab shows what the stream didn't carry, the stream itself goes back to that id, and
 * each tab leaves out what it has had.
 *
 * Tabs go without a word when they crash, so one that is silent for long is let go. It
 * is told so when it speaks again, and attaches anew.
 */

import { older } from "../events.js";
import { Link } from "./link.js";
import { Record } from "./missed.js";
import { covers, NOTHING, union } from "./selection.js";
import { Tab } from "./tab.js";

/** @typedef {import("./link.js").Gap} Gap */
/** @typedef {import("./link.js").Hello} Hello */
/** @typedef {import("./link.js").State} State */
/** @typedef {import("../events.js").Happening} Happening */
/** @typedef {import("./selection.js").Selection} Selection */

/**
 * @typedef {object} Attach First thing that a tab asks.
 * @property {"attach"} ask
 * @property {string | null} id The cursor: its values stand at this id.
 * @property {number} heartbeat Seconds.
 * @property {Selection} selection
 * @property {number} pace Seconds between two deliveries of events; 0 for at once.
 * @property {boolean} online What the browser says of the network.
 *
 * @typedef {Attach | {ask: "pace", pace: number} | {ask: "leave"}
 *   | {ask: "check" | "retry", online: boolean}} Asked What a tab may ask.
 *
 * @typedef {{say: "events", happenings: Happening[]}
 *   | {say: "hello", hello: Hello}
 *   | {say: "caughtUp", asOf: number | null}
 *   | {say: "gap", gap: Gap}
 *   | {say: "state", state: State, asOf: number | null}
 *   | {say: "here", id: string | null, asOf: number | null, at: number | null}
 *   | {say: "unknown"}} Said What a tab is told. `asOf` is the instant that what it has is
 *   of, `at` the server's time, `id` the cursor that it has reached; null where the hub
 *   can't tell. `here` answers `check`, and so does `unknown` where the tab was let go.
 */

const SWEEP = 10_000; // ms between two looks at who is still there
const SILENT = 15; // sweeps; a hidden tab's timers may run once a minute only

export class Hub {
  /** @type {Set<Tab>} */ #tabs = new Set();
  /** @type {Link | null} */ #link = null;
  #record = new Record(null);
  /** @type {Hello | null} */ #hello = null;
  /** @type {Selection} */ #selection = NOTHING;
  #sweeping = 0;

  /**
   * Let a tab in.
   * @param {(said: Said) => void} say How to tell it anything.
   * @returns {(asked: Asked) => void} How it asks.
   */
  join(say) {
    /** @type {Tab | null} */
    let tab = null;
    return (asked) => {
      if (asked.ask === "attach") {
        if (tab) this.#leave(tab);
        tab = new Tab(say, asked);
        this.#attach(tab, asked);
      } else if (tab && this.#tabs.has(tab)) this.#answer(tab, asked);
      else if (asked.ask === "check") say({ say: "unknown" });
    };
  }

  /** @param {Tab} tab @param {Exclude<Asked, Attach>} asked */
  #answer(tab, asked) {
    tab.silence = 0;
    if (asked.ask === "leave") return this.#leave(tab);
    if (asked.ask === "pace") {
      tab.pace = asked.pace;
      tab.flush();
      return this.#adjust(this.#selection);
    }
    if (!this.#link) return;
    this.#link.online = asked.online;
    if (asked.ask === "retry") this.#link.retry();
    else this.#link.check();
    this.#sayHere(tab);
  }

  /** @param {Tab} tab @param {Attach} asked */
  #attach(tab, { heartbeat, online }) {
    this.#tabs.add(tab);
    const link = this.#link ?? this.#begin(tab, heartbeat);
    link.online = online;
    if (this.#tabs.size > 1) this.#bring(tab, link);
    else link.open();
    tab.say({ say: "state", state: link.state, asOf: null });
  }

  /** @param {Tab} tab The first one. @param {number} heartbeat */
  #begin(tab, heartbeat) {
    this.#record = new Record(tab.cursor);
    this.#selection = union([tab.selection]);
    const link = new Link(
      {
        event: (type, data, id, live) => this.#onEvent({ type, data, id, live }),
        hello: (hello) => this.#onHello(hello),
        heartbeat: () => this.#tabs.forEach((tab) => this.#sayHere(tab)),
        caughtUp: () => this.#tell({ say: "caughtUp", asOf: this.#asOf }),
        gap: (gap) => this.#tell({ say: "gap", gap }),
        state: (state) => this.#tell({ say: "state", state, asOf: this.#asOf }),
      },
      { id: tab.cursor, heartbeat, wanted: this.#wanted },
    );
    this.#sweeping = setInterval(() => this.#sweep(), SWEEP);
    this.#link = link;
    return link;
  }

  /**
   * Give a tab what lies between its cursor and the stream's.
   * @param {Tab} tab
   * @param {Link} link
   */
  #bring(tab, link) {
    const missed = this.#record.after(tab.cursor);
    if (missed && covers(this.#selection, tab.selection)) {
      this.#greet(tab, missed, link);
      this.#adjust(this.#selection);
      return;
    }
    for (const other of this.#tabs) if (other !== tab) other.skipTo(link.cursor);
    const from = older(tab.cursor, link.cursor);
    this.#selection = union([this.#selection, tab.selection]);
    this.#record.restart(from);
    link.restart(from, this.#wanted);
  }

  /**
   * @param {Tab} tab
   * @param {{isFresh: boolean, happenings: Happening[]}} missed
   * @param {Link} link
   */
  #greet(tab, { isFresh, happenings }, link) {
    if (!this.#hello) return; // it will come, for this tab too
    if (isFresh) tab.beginAnew();
    /** @type {Hello} */
    const hello = {
      ...this.#hello,
      resume: isFresh ? "fresh" : "compacted",
      tail: link.cursor ?? this.#hello.tail,
      dropped: null,
      lost: isFresh ? null : 0,
      at: link.serverTime ?? this.#hello.at,
    };
    tab.say({ say: "hello", hello });
    tab.takeAll(happenings);
    if (!link.catchingUp) tab.say({ say: "caughtUp", asOf: link.asOf });
  }

  /** Let the stream carry what is wanted now. @param {Selection} selection */
  #adjust(selection) {
    this.#selection = selection;
    this.#link?.want(this.#wanted);
  }

  get #wanted() {
    return {
      selection: this.#selection,
      pace: Math.min(...[...this.#tabs].map(({ pace }) => pace)),
    };
  }

  /** @param {Tab} tab */
  #leave(tab) {
    tab.leave();
    this.#tabs.delete(tab);
    if (this.#tabs.size > 0) return; // what it alone wanted goes with the next sweep
    clearInterval(this.#sweeping);
    this.#link?.close();
    this.#link = this.#hello = null;
  }

  #sweep() {
    for (const tab of this.#tabs) {
      tab.silence += 1;
      if (tab.silence > SILENT) this.#leave(tab);
    }
    if (this.#link) this.#adjust(union([...this.#tabs].map((tab) => tab.selection)));
  }

  /** @param {Happening} happening */
  #onEvent(happening) {
    this.#record.note(happening);
    for (const tab of this.#tabs) tab.take(happening, this.#link?.pace ?? 0);
  }

  /** @param {Hello} hello */
  #onHello(hello) {
    this.#hello = hello;
    const isFresh = hello.resume === "fresh";
    if (isFresh) this.#record.begin(hello.tail);
    for (const tab of this.#tabs) if (isFresh) tab.beginAnew();
    this.#tell({ say: "hello", hello });
  }

  /** @param {Said} said */
  #tell(said) {
    for (const tab of this.#tabs) tab.say(said);
  }

  /** @param {Tab} tab */
  #sayHere(tab) {
    const link = this.#link;
    if (!link || tab.isPending || link.catchingUp) {
      tab.answer({ say: "here", id: null, asOf: null, at: null });
    } else {
      tab.skipTo(link.cursor);
      const { asOf, serverTime } = link;
      tab.answer({ say: "here", id: tab.cursor, asOf, at: serverTime });
    }
  }

  get #asOf() {
    return this.#link?.asOf ?? null;
  }
}
