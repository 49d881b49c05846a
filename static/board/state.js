/**
 * The state of the board: quotes, matches, markets, notices, and the rows of publishers'
 * own types, as the events report them.
 *
 * Each keyed event carries the whole state of its key, so an event replaces a value and
 * nothing is merged. This module knows no DOM and no connection; watchers get each change.
 */

import { GONE, isAfter, KEPT, OTHER, traitsOf } from "../events.js";
import { OwnTypes } from "./own-types.js";

/**
 * The shapes of the events are those of the OpenAPI document, from which `make check` makes
 * `.cache/api.d.ts`. The page is made without some of their fields (see `web/pages.py`).
 *
 * @typedef {import("../../.cache/api.js").components["schemas"]} Schemas
 * @typedef {Omit<Schemas["Quote"], "late">} Quote
 * @typedef {Omit<Schemas["Incident"], "match" | "incident" | "at">} Incident
 * @typedef {NonNullable<Incident["team"]>} SideName
 * @typedef {Omit<Schemas["Score"], "incidents"> & {incidents: Incident[]}} Score
 * @typedef {Schemas["MarketState"]} MarketState
 * @typedef {Omit<Schemas["Notice"], "topic">} Notice
 * @typedef {Schemas["SourceState"]} SourceState
 *
 * @typedef {object} Boot The state that the server made the page with.
 * @property {string} id
 * @property {number} at
 * @property {string} source
 * @property {string} version
 * @property {number} heartbeat
 * @property {{columns: string[], rows: any[][]}} prices Quotes: the names of their fields
 *   once, then the values of each quote.
 * @property {Score[]} scores
 * @property {MarketState[]} markets
 * @property {Notice[]} notices
 * @property {SourceState[]} sources
 * @property {Record<string, number[]>} sparks By symbol: the first price, and the step to
 *   each further price, in units of the last decimal.
 * @property {{event: string, key: string, data: any}[]} [other] The keys of publishers' own
 *   types; omitted where there are none.
 * @property {number} [left_out] How many of these keys are left out.
 * @property {import("./own-types.js").Happening[]} [activity] The newest of their events
 *   without a key, oldest first.
 *
 * @typedef {object} Change The effect of an event. `now` is null if the key is gone,
 *   `before` is null if it is new, and `key` is null for an event without a key.
 * @property {string} type `other` for a publisher's own type.
 * @property {string} [own] That type.
 * @property {string | null} key
 * @property {any} before
 * @property {any} now
 * @property {boolean} live False for catch-up, which never flashes.
 */

const SPARK_INTERVAL = 45_000; // ms between two points of a sparkline; as in web/pages.py
const SPARK_POINTS = 40;

/** The state of the board; events change it, in the order of their ids. */
export class Board {
  /** @type {Record<string, Map<string, any>>} By event type, then by key. */
  #values = Object.fromEntries(KEPT.map((type) => [type, new Map()]));
  /** @type {Map<string, Quote>} */ quotes = this.#values.price;
  /** @type {Map<string, Score>} */ scores = this.#values.score;
  /** @type {Map<string, MarketState>} */ markets = this.#values.market;
  /** @type {Map<string, Notice>} */ notices = this.#values.notice;
  /** @type {Map<string, SourceState>} */ sources = this.#values.source;
  /** @type {OwnTypes} */ own;
  rebuilds = 0; // how often a rebuild began
  /** @type {string} */ source;
  /** @type {string | null} */ #id;
  /** @type {Map<string, {prices: number[], interval: number}>} */ #sparks = new Map();
  /** @type {((change: Change) => void)[]} */ #watchers = [];
  /** @type {Map<string, [string, string]> | null} */ #unconfirmed = null;

  /** @param {Boot} boot */
  constructor(boot) {
    this.own = new OwnTypes(boot.other ?? [], boot.activity ?? []);
    this.source = boot.source;
    this.#id = boot.id;
    const quotes = boot.prices.rows.map((row) =>
      Object.fromEntries(row.map((value, i) => [boot.prices.columns[i], value])),
    );
    /** @type {Record<string, any>} */
    const sections = { ...boot, prices: quotes };
    for (const type of KEPT) {
      const { section, key } = traitsOf(type);
      for (const value of sections[section ?? ""])
        this.#values[type].set(value[key ?? ""], value);
    }
    // A Map, because a symbol may have the name of an object's inherited property.
    const sparks = new Map(Object.entries(boot.sparks));
    for (const { symbol, decimals, at } of quotes) {
      const prices = pricesOf(sparks.get(symbol) ?? [], decimals);
      this.#sparks.set(symbol, { prices, interval: intervalOf(at) });
    }
  }

  /** The id of the last event that was applied; null at the start of a rebuild. */
  get id() {
    return this.#id;
  }

  /** @param {(change: Change) => void} watcher Called with each change from now on. */
  watch(watcher) {
    this.#watchers.push(watcher);
  }

  /**
   * The last prices of a symbol, for its sparkline, oldest first.
   * @param {string} symbol
   */
  spark(symbol) {
    return this.#sparks.get(symbol)?.prices ?? [];
  }

  /**
   * Whether a value is out of date, because its source isn't live.
   * @param {{source?: string | null}} value
   */
  isOld({ source }) {
    return (this.sources.get(source ?? "")?.status ?? "live") !== "live";
  }

  /**
   * Apply an event. An event that the board has already seen changes nothing.
   * @param {string} type
   * @param {any} data
   * @param {string} id
   * @param {boolean} live
   */
  apply(type, data, id, live) {
    if (!isAfter(id, this.#id)) return;
    this.#id = id;
    if (type === GONE) this.#retire(data.event, data.key, live);
    else if (KEPT.includes(type)) this.#replace(type, data, live);
    else if (type === OTHER) this.#applyOwn(data, id, live);
    else this.#notifyWatchers({ type, key: null, before: null, now: data, live });
  }

  /**
   * Begin again, after a `fresh` hello. Values stay until an event replaces them, so that
   * no row blinks; `settle` removes those that no event replaced. Sparklines begin again at
   * once, because the prices to come may have nothing to do with the earlier ones.
   */
  rebuild() {
    this.#id = null;
    this.rebuilds += 1;
    this.#sparks.clear();
    this.#unconfirmed = new Map();
    for (const type of KEPT) {
      for (const key of this.#values[type].keys()) {
        this.#unconfirmed.set(slotName(type, key), [type, key]);
      }
    }
    for (const [type, rows] of this.own.types) {
      for (const key of rows.keys()) this.#unconfirmed.set(slotName(type, key), [type, key]);
    }
  }

  /** End a rebuild: an event of every key has arrived. */
  settle() {
    const leftOver = this.#unconfirmed?.values() ?? [];
    this.#unconfirmed = null;
    for (const [type, key] of leftOver) this.#retire(type, key, false);
  }

  /** @param {string} type @param {any} data @param {boolean} live */
  #replace(type, data, live) {
    const values = this.#values[type];
    const key = data[traitsOf(type).key ?? ""];
    const before = values.get(key) ?? null;
    values.set(key, data);
    this.#unconfirmed?.delete(slotName(type, key));
    if (type === "price") this.#extendSpark(data);
    this.#notifyWatchers({ type, key, before, now: data, live });
  }

  /** @param {string} type @param {string} key @param {boolean} live */
  #retire(type, key, live) {
    if (!KEPT.includes(type)) {
      this.#retireOwn(type, key, live);
      return;
    }
    const values = this.#values[type];
    const before = values.get(key) ?? null;
    if (before === null) return;
    values.delete(key);
    if (type === "price") this.#sparks.delete(key);
    this.#notifyWatchers({ type, key, before, now: null, live });
  }

  /**
   * @param {{event: string, key: string | null, data: any}} event
   * @param {string} id
   * @param {boolean} live
   */
  #applyOwn({ event, key, data }, id, live) {
    if (key === null) {
      const now = { id, event, data };
      this.own.add(now);
      this.#notifyWatchers({ type: OTHER, own: event, key, before: null, now, live });
      return;
    }
    const before = this.own.row(event, key);
    const now = this.own.replace(event, key, data);
    this.#unconfirmed?.delete(slotName(event, key));
    this.#notifyWatchers({ type: OTHER, own: event, key, before, now, live });
  }

  /**
   * Add a row for which the page had no room.
   * @param {string} type
   * @param {string} key
   * @param {any} data
   */
  addOwn(type, key, data) {
    const now = this.own.replace(type, key, data);
    this.#notifyWatchers({ type: OTHER, own: type, key, before: null, now, live: false });
  }

  /** @param {string} type @param {string} key @param {boolean} live */
  #retireOwn(type, key, live) {
    const before = this.own.row(type, key);
    if (before === null) return;
    this.own.retire(type, key);
    this.#notifyWatchers({ type: OTHER, own: type, key, before, now: null, live });
  }

  /** @param {Quote} quote Its price becomes the end of the sparkline. */
  #extendSpark({ symbol, price, at }) {
    const spark = this.#sparks.get(symbol);
    if (!spark) {
      this.#sparks.set(symbol, { prices: [price], interval: intervalOf(at) });
      return;
    }
    if (intervalOf(at) > spark.interval || spark.prices.length === 0) spark.prices.push(price);
    else spark.prices[spark.prices.length - 1] = price;
    if (spark.prices.length > SPARK_POINTS) spark.prices.shift();
    spark.interval = Math.max(spark.interval, intervalOf(at));
  }

  /** @param {Change} change */
  #notifyWatchers(change) {
    for (const watcher of this.#watchers) watcher(change);
  }
}

/** @param {number[]} steps @param {number} decimals */
function pricesOf(steps, decimals) {
  let units = 0;
  return steps.map((step) => (units += step) / 10 ** decimals);
}

/** @param {number} at */
function intervalOf(at) {
  return Math.floor(at / SPARK_INTERVAL);
}

/** @param {string} type @param {string} key */
function slotName(type, key) {
  return `${type} ${key}`;
}
