/**
 * The keyed events of publishers' own types, and the newest of their events without a key.
 *
 * A type has the columns of its table, which only ever become more: fields in the order in
 * which they first came. This module knows no DOM. All names are keys of a Map, because a
 * type, a key or a field may be called `__proto__`.
 */

import { cell, decimalsOf, entriesOf, fieldOf } from "./cells.js";

/**
 * @typedef {object} Row A key of a type, and what was published about it last.
 * @property {string} type
 * @property {string} key
 * @property {any} data Any JSON.
 *
 * @typedef {object} Column
 * @property {string} name The field.
 * @property {import("./cells.js").Kind | null} kind Of its first value that isn't null.
 * @property {boolean} isNumeric Whether a number has stood in it.
 * @property {number} decimals Of its numbers: those of the one with most.
 *
 * @typedef {object} OwnType
 * @property {string} type
 * @property {Map<string, Row>} rows By key, in the order in which they came.
 * @property {Map<string, Column>} columns By name.
 * @property {string | null} trend The column that has a trend.
 *
 * @typedef {object} Happening An event without a key.
 * @property {string} id
 * @property {string} event Its type.
 * @property {any} data
 */

const MOST_COLUMNS = 8;
const TREND_POINTS = 60;
const MOST_HAPPENINGS = 50;
const LARGEST = 1e100; // a trend of larger numbers could not be drawn

export class OwnTypes {
  /** @type {Map<string, OwnType>} In the order in which they came. */ #types = new Map();
  /** @type {Happening[]} */ #activity = [];
  /** @type {Map<string, Map<string, number[]>>} By type, then by key. */ #trends = new Map();

  /** @param {{event: string, key: string, data: any}[]} rows @param {Happening[]} activity */
  constructor(rows, activity) {
    for (const { event, key, data } of rows) this.replace(event, key, data);
    for (const happening of activity) this.add(happening);
  }

  /** The types, in the order in which they came; one without rows stays. */
  get types() {
    return this.#types;
  }

  /** The newest events without a key, oldest first. */
  get activity() {
    return this.#activity;
  }

  /** How many rows there are in all. */
  get size() {
    let size = 0;
    for (const { rows } of this.#types.values()) size += rows.size;
    return size;
  }

  /** Whether anything of this kind was ever there. */
  get isUsed() {
    return this.#types.size + this.#activity.length > 0;
  }

  /** @param {string} type @param {string} key */
  row(type, key) {
    return this.#types.get(type)?.rows.get(key) ?? null;
  }

  /**
   * The last numbers of a row's trend, oldest first.
   * @param {string} type
   * @param {string} key
   */
  trend(type, key) {
    return this.#trends.get(type)?.get(key) ?? [];
  }

  /**
   * Set the data of a key.
   * @param {string} type
   * @param {string} key
   * @param {any} data
   */
  replace(type, key, data) {
    const own = this.#types.get(type) ?? this.#addType(type);
    const row = { type, key, data };
    own.rows.set(key, row);
    const { trend } = own;
    for (const [name, value] of entriesOf(data)) addToColumns(own, name, value);
    if (own.trend !== trend) this.#trends.get(type)?.clear();
    this.#extendTrend(own, row);
    return row;
  }

  /**
   * Remove a key.
   * @param {string} type
   * @param {string} key
   */
  retire(type, key) {
    this.#types.get(type)?.rows.delete(key);
    this.#trends.get(type)?.delete(key);
  }

  /** Add an event without a key. @param {Happening} happening */
  add(happening) {
    this.#activity.push(happening);
    if (this.#activity.length > MOST_HAPPENINGS) this.#activity.shift();
  }

  /** Forget the past numbers: those to come may have nothing to do with them. */
  forgetTrends() {
    for (const trends of this.#trends.values()) trends.clear();
  }

  /** @param {string} type @returns {OwnType} */
  #addType(type) {
    const own = { type, rows: new Map(), columns: new Map(), trend: null };
    this.#types.set(type, own);
    this.#trends.set(type, new Map());
    return own;
  }

  /** @param {OwnType} own @param {Row} row */
  #extendTrend({ type, trend }, { key, data }) {
    const value = trend === null ? undefined : fieldOf(data, trend);
    if (typeof value !== "number" || !(Math.abs(value) <= LARGEST)) return;
    const trends = this.#trends.get(type);
    const points = trends?.get(key);
    if (!points) trends?.set(key, [value]);
    else if (points.push(value) > TREND_POINTS) points.shift();
  }
}

/**
 * Add a field to the columns of a type, if there is room and it isn't nested.
 * @param {OwnType} own
 * @param {string} name
 * @param {any} value
 */
function addToColumns(own, name, value) {
  if (typeof value === "object" && value !== null) return;
  let column = own.columns.get(name);
  if (!column) {
    if (own.columns.size >= MOST_COLUMNS) return;
    column = { name, kind: null, isNumeric: false, decimals: 0 };
    own.columns.set(name, column);
  }
  if (value === null) return;
  const { kind } = cell(name, value, 0);
  column.kind ??= kind;
  if (kind !== "number") return;
  column.decimals = Math.max(column.decimals, decimalsOf(value));
  if (column.isNumeric) return;
  column.isNumeric = true;
  own.trend = trendOf(own);
}

/** The first column with numbers. @param {OwnType} own */
function trendOf({ columns }) {
  for (const { name, isNumeric } of columns.values()) if (isNumeric) return name;
  return null;
}
