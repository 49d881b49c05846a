/**
 * The keyed events of publishers' own types, and the newest of their events without a key.
 *
 * This module knows neither the DOM nor columns, which `panels/tables.js` finds. All names are
 * keys of a Map, because a type or a key may be called `__proto__`.
 */

/**
 * @typedef {object} Row A key of a type, and its newest data.
 * @property {string} type
 * @property {string} key
 * @property {any} data Any JSON.
 *
 * @typedef {object} Happening An event without a key.
 * @property {string} id
 * @property {string} event Its type.
 * @property {any} data
 */

const MOST_HAPPENINGS = 50;

export class OwnTypes {
  /**
   * The rows by type, then by key, in the order in which they came. A type without rows stays.
   * @type {Map<string, Map<string, Row>>}
   */
  types = new Map();
  /** @type {Happening[]} The newest events without a key, oldest first. */ activity = [];

  /** @param {{event: string, key: string, data: any}[]} rows @param {Happening[]} activity */
  constructor(rows, activity) {
    for (const { event, key, data } of rows) this.replace(event, key, data);
    for (const happening of activity) this.add(happening);
  }

  /** Whether the board has ever had an event of an own type. */
  get isUsed() {
    return this.types.size + this.activity.length > 0;
  }

  /** @param {string} type @param {string} key */
  row(type, key) {
    return this.types.get(type)?.get(key) ?? null;
  }

  /**
   * Set the data of a key.
   * @param {string} type
   * @param {string} key
   * @param {any} data
   */
  replace(type, key, data) {
    const rows = this.types.get(type) ?? new Map();
    const row = { type, key, data };
    rows.set(key, row);
    this.types.set(type, rows);
    return row;
  }

  /**
   * Remove a key.
   * @param {string} type
   * @param {string} key
   */
  retire(type, key) {
    this.types.get(type)?.delete(key);
  }

  /** Add an event without a key. @param {Happening} happening */
  add(happening) {
    this.activity.push(happening);
    if (this.activity.length > MOST_HAPPENINGS) this.activity.shift();
  }
}
