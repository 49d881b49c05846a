/**
 * The tables of publishers' own types: their columns, which are never removed, and the trends
 * of their rows. A column is a field at the top of the data; columns are in the order in which
 * the fields first came. All names are keys of a Map, because a field may be called
 * `__proto__`.
 */

import { cell, decimalsOf, entriesOf, fieldOf } from "./cells.js";

/** @typedef {import("../board/own-types.js").Row} Row */
/** @typedef {import("../board/state.js").Board} Board */
/**
 * @typedef {object} Column
 * @property {string} name The field.
 * @property {import("./cells.js").Kind | null} kind Of its first value that isn't null.
 * @property {boolean} isNumeric Whether it has ever had a number.
 * @property {number} decimals The most decimals of one of its numbers.
 *
 * @typedef {object} Table
 * @property {string} type
 * @property {Map<string, Row>} rows By key, in the order in which they came.
 * @property {Map<string, Column>} columns By name.
 * @property {string | null} trend The column that has a trend.
 */

const MOST_COLUMNS = 8;
const TREND_POINTS = 60;
const LARGEST = 1e100; // a trend of larger numbers could not be drawn

export class Tables {
  #board;
  #rebuilds;
  /** @type {Map<string, Table>} By type. */ #tables = new Map();
  /** @type {Map<string, Map<string, number[]>>} By type, then by key. */ #trends = new Map();

  /** @param {Pick<Board, "own" | "rebuilds" | "watch">} board */
  constructor(board) {
    this.#board = board;
    this.#rebuilds = board.rebuilds;
    for (const rows of board.own.types.values()) {
      for (const row of rows.values()) this.#add(row);
    }
    board.watch(({ own, key, now }) => {
      if (own === undefined || key === null) return;
      this.#forgetPast();
      if (now === null) this.#trends.get(own)?.delete(key);
      else this.#add(now);
    });
  }

  /** The tables, in the order in which their types came. */
  get all() {
    return this.#tables.values();
  }

  /** @param {string} type */
  of(type) {
    return this.#tables.get(type);
  }

  /**
   * The last numbers of a row's trend, oldest first.
   * @param {string} type
   * @param {string} key
   */
  trend(type, key) {
    return this.#trends.get(type)?.get(key) ?? [];
  }

  /** Forget the trends after a rebuild, since the next numbers may be unrelated. */
  #forgetPast() {
    if (this.#rebuilds === this.#board.rebuilds) return;
    this.#rebuilds = this.#board.rebuilds;
    for (const trends of this.#trends.values()) trends.clear();
  }

  /** @param {Row} row */
  #add(row) {
    const table = this.#tables.get(row.type) ?? this.#addTable(row.type);
    const { trend } = table;
    for (const [name, value] of entriesOf(row.data)) addToColumns(table, name, value);
    if (table.trend !== trend) this.#trends.get(row.type)?.clear();
    this.#extendTrend(table, row);
  }

  /** @param {string} type @returns {Table} */
  #addTable(type) {
    const rows = this.#board.own.types.get(type) ?? new Map();
    const table = { type, rows, columns: new Map(), trend: null };
    this.#tables.set(type, table);
    this.#trends.set(type, new Map());
    return table;
  }

  /** @param {Table} table @param {Row} row */
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
 * Add a field to the columns of a table, if there is room and it isn't nested.
 * @param {Table} table
 * @param {string} name
 * @param {any} value
 */
function addToColumns(table, name, value) {
  if (typeof value === "object" && value !== null) return;
  let column = table.columns.get(name);
  if (!column) {
    if (table.columns.size >= MOST_COLUMNS) return;
    column = { name, kind: null, isNumeric: false, decimals: 0 };
    table.columns.set(name, column);
  }
  if (value === null) return;
  const { kind } = cell(name, value, 0);
  column.kind ??= kind;
  if (kind !== "number") return;
  column.decimals = Math.max(column.decimals, decimalsOf(value));
  if (column.isNumeric) return;
  column.isNumeric = true;
  table.trend = firstNumeric(table);
}

/** The first column with numbers. @param {Table} table */
function firstNumeric({ columns }) {
  for (const { name, isNumeric } of columns.values()) if (isNumeric) return name;
  return null;
}
