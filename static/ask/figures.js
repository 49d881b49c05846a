/**
 * The figures and names of an answer on the board: the row that each one leads to, and the
 * present value of a figure.
 */

import { traitsOf, isAfter } from "../events.js";
import { number } from "../panels/cells.js";
import { isolated, percent, price, signed } from "../format.js";

/** @typedef {import("./reader.js").Ref} Ref */
/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../controls/address.js").Opened} Opened */

const LONGEST_WORD = 60; // characters; a longer text isn't a state
const SIDE_FIELD = /^(home|away)\./; // goals and red cards
const NAME_FIELD = /(^|\.)(name|player)$/;
const NUMBER = /[+\u2212-]?\d[\d,]*(?:\.\d+)?/; // with a real minus sign, or a hyphen
/** @type {Record<string, (value: number, decimals: number) => string>} How the board writes them. */
const FORMATS = {
  change: signed,
  change_percent: percent,
  volume: (value) => price(value, 0),
};
const PRICES = new Set(["price", "previous_close", "open", "high", "low", "bid", "ask"]);

/**
 * The row that a name or a figure leads to; null if the board has no detail for it, and for
 * other words, such as a currency.
 * @param {Ref | null | undefined} ref
 * @param {string} text
 * @returns {Opened | null}
 */
export function rowOf(ref, text) {
  if (!ref) return null;
  const { event, key, field } = ref;
  if (field !== null && !NAME_FIELD.test(field) && !NUMBER.test(text)) return null;
  const kind = traitsOf(event).detail;
  if (kind === null) return null;
  return kind === "own" ? { kind, key, type: event } : { kind, key };
}

/**
 * The present result, "3–0"; null if it is the one in the answer, or isn't known.
 * @param {Ref} ref Of one of its sides.
 * @param {string} text The result in the answer.
 * @param {Board} board
 */
export function presentResult(ref, text, board) {
  const [home, away] = ["home.score", "away.score"].map((field) =>
    valueOf({ ...ref, field }, board),
  );
  const present = `${home}–${away}`;
  return home === null || away === null || present === text ? null : present;
}

/**
 * The present value of a figure, as the board writes it; null if it is the one in the answer,
 * if it isn't known, or while the board is older than the answer.
 * @param {Ref} ref
 * @param {string} text The figure in the answer.
 * @param {Board} board
 */
export function presentOf(ref, text, board) {
  const value = valueOf(ref, board);
  if (typeof value === "string") return presentWord(text, value);
  if (typeof value !== "number") return null;
  const present = written(ref, value, board);
  return present === null || isSame(text, present) ? null : present;
}

/** @param {Ref} ref @param {Board} board @returns {any} Null if it isn't known. */
function valueOf({ event, key, field, id }, board) {
  if (field === null || board.id === null || !isAfter(board.id, id)) return null;
  const rows = { price: board.quotes, score: board.scores }[event];
  /** @type {any} */
  let value = rows ? rows.get(key) : board.own.row(event, key)?.data;
  for (const name of field.split(".")) {
    value = value != null && Object.hasOwn(value, name) ? value[name] : null;
  }
  return value;
}

/** @param {Ref} ref @param {number} value @param {Board} board */
function written({ event, key, field }, value, board) {
  const name = field ?? "";
  if (event === "score") return SIDE_FIELD.test(name) ? String(value) : null;
  if (event !== "price") return number(value);
  const { decimals } = board.quotes.get(key) ?? { decimals: 0 };
  if (PRICES.has(name)) return price(value, decimals);
  return Object.hasOwn(FORMATS, name) ? FORMATS[name](value, decimals) : null;
}

/**
 * The present value of a word in a publisher's own type: "“closed”". Answers quote such words.
 * @param {string} text The word in the answer.
 * @param {string} value
 */
function presentWord(text, value) {
  const present = `“${isolated(value)}”`;
  return !text.startsWith("“") || text === present || value.length > LONGEST_WORD
    ? null
    : present;
}

/**
 * Whether two texts have the same number, as far as the first one is precise. An answer
 * may write a change without its sign: "fell by 0.36".
 * @param {string} text
 * @param {string} present
 */
function isSame(text, present) {
  const [said, is] = [text, present].map(numberIn);
  if (said === null || is === null) return true; // it is written in words
  const size = said.isSigned ? is.value : Math.abs(is.value);
  return size.toFixed(said.decimals) === said.value.toFixed(said.decimals);
}

/** @param {string} text */
function numberIn(text) {
  const found = NUMBER.exec(text)?.[0];
  if (found === undefined) return null;
  const digits = found.replaceAll(",", "").replace("\u2212", "-");
  const decimals = digits.split(".")[1]?.length ?? 0;
  return { value: Number(digits), decimals, isSigned: /^[+-]/.test(digits) };
}
