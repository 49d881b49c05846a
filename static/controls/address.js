/**
 * The selection in the page's URL: view, symbols, search, filter, sort, and what is open
 * beside the board: a detail, or Ask. A view is `both`, `prices`, `scores`, `activity`, or
 * a publisher's own event type, with `type:` before it if it is called like one of these.
 * The rules are those of `web/address.py`; a test compares the two.
 */

import { byMatch, byNumber, bySymbol, byText, direction, phase } from "../format.js";
import { GONE, typesWhere } from "../events.js";
import { pinOf } from "./settings.js";

/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {import("../board/state.js").Score} Score */
/**
 * @typedef {{kind: "quote" | "match" | "own", key: string, type?: string}} Opened A quote
 *   and a match have no `type`; a publisher's own event has the kind "own".
 *
 * @typedef {object} Asked Ask is open.
 * @property {string} question Empty if nothing was asked yet.
 * @property {string} about The row that the question is about, "price/ACME"; or empty.
 *
 * @typedef {object} Selection
 * @property {string} view
 * @property {string[]} symbols Only these; all if it is empty.
 * @property {string} sort A field of a quote, with a "-" before it for descending order.
 * @property {string} q The text to search for.
 * @property {string} filter
 * @property {string} by The order of one own type's table: the type, a colon, and a field or
 *   nothing for the key, with a "-" before it to descend; empty for the usual order.
 * @property {Opened | null} opened The detail.
 * @property {Asked | null} asked Not null only if `opened` is null: both have one place.
 */

const VIEWS = ["both", "prices", "scores", "activity"];
const TYPE = "type:"; // before the view of a type that is called like one of VIEWS
const TYPE_NAME = /^[a-z][a-z0-9_.-]{0,63}$/; // as in feed/events/event.py
const KNOWN = new Set([...typesWhere(() => true), GONE]);
const FILTERS = ["all", "pinned", "up", "down", "live", "finished", "upcoming"];
const SORT_FIELDS = ["symbol", "name", "price", "change", "change_percent", "volume", "at"];
/** @type {Record<string, string>} */
export const PHASE_OF_FILTER = { live: "live", finished: "over", upcoming: "upcoming" };
const PATHS = { quote: "/s/", match: "/m/" };
const OWN_PATH = "/k/"; // the event type and the key follow
const ASK_PATH = "/ask";
const ABOUT = { quote: "price", match: "match" };
// Letters that aren't a plain one with a mark, and what people type for them.
/** @type {Record<string, string>} */
const PLAIN = { ı: "i", ß: "ss", ł: "l", ø: "o", đ: "d", ς: "σ" };
const LONGEST = 200; // characters of a search, and of a field in `by`
const LONGEST_QUESTION = 500; // characters; as in feed/answers
/** @type {Selection} */
const DEFAULT_ADDRESS = {
  view: "both",
  symbols: [],
  sort: "symbol",
  q: "",
  filter: "all",
  by: "",
  opened: null,
  asked: null,
};

/**
 * The selection of a URL; a value that isn't valid counts as not given.
 * @param {URL | Location} url
 * @returns {Selection}
 */
export function readSelection(url) {
  const asked = new URLSearchParams(url.search);
  const view = asked.get("view") ?? "";
  const sort = asked.get("sort") ?? "";
  const filter = asked.get("filter") ?? "";
  const by = asked.get("by") ?? "";
  const isAsk = url.pathname === ASK_PATH; // there `q` is the question
  return {
    view: VIEWS.includes(view) || typeOf(view) !== null ? view : DEFAULT_ADDRESS.view,
    symbols: (asked.get("symbols") ?? "").split(",").filter(Boolean),
    sort: SORT_FIELDS.includes(sort.replace(/^-/, "")) ? sort : DEFAULT_ADDRESS.sort,
    q: isAsk ? DEFAULT_ADDRESS.q : (asked.get("q") ?? "").slice(0, LONGEST),
    filter: FILTERS.includes(filter) ? filter : DEFAULT_ADDRESS.filter,
    by: isOrder(by) ? by : "",
    opened: openedBy(url.pathname),
    asked: isAsk ? readAsked(asked) : null,
  };
}

/**
 * The URL of a selection, from its path on.
 * @param {Selection} selection
 */
export function writeUrl(selection) {
  const { opened, asked } = selection;
  if (asked) return ASK_PATH + query({ ...selection, q: asked.question }, asked.about);
  const isNamed = opened && fitsPath(opened.key);
  return (isNamed ? pathOf(opened) : "/") + query(selection);
}

/**
 * The view that shows a publisher's own event type.
 * @param {string} type
 */
export function viewOf(type) {
  return VIEWS.includes(type) ? TYPE + type : type;
}

/**
 * The own event type that a view shows; null if the view shows no such type.
 * @param {string} view
 */
export function typeOf(view) {
  const type = view.startsWith(TYPE) ? view.slice(TYPE.length) : view;
  return isOwn(type) && viewOf(type) === view ? type : null;
}

/**
 * The field that orders an own type's table, and whether it descends. The field is empty for
 * the key. The result is null if `by` is of another type.
 * @param {string} by
 * @param {string} type
 */
export function orderOf(by, type) {
  const rising = by.replace(/^-/, "");
  if (!rising.startsWith(`${type}:`)) return null;
  return { field: rising.slice(type.length + 1), descends: by.startsWith("-") };
}

/** @param {string} by */
function isOrder(by) {
  const [type, ...field] = by.replace(/^-/, "").split(":");
  return isOwn(type) && field.length > 0 && field.join(":").length <= LONGEST;
}

/** Whether an event type of this name is a publisher's own. @param {string} type */
function isOwn(type) {
  return TYPE_NAME.test(type) && !KNOWN.has(type);
}

/** The kind of the panel that is open beside the board. @param {Selection} selection */
export function panelOf({ opened, asked }) {
  return opened?.kind ?? (asked ? "ask" : "");
}

/**
 * The Ask that is about the row whose detail is open; about nothing in particular if none is.
 * @param {Selection} selection
 * @returns {Asked}
 */
export function askAbout({ opened }) {
  if (!opened || opened.kind === "own") return { question: "", about: "" };
  return { question: "", about: `${ABOUT[opened.kind]}/${opened.key}` };
}

/** @param {Opened} opened */
function pathOf({ kind, key, type }) {
  if (kind === "own") return `${OWN_PATH}${type}/${encodeURIComponent(key)}`;
  return PATHS[kind] + encodeURIComponent(key);
}

/**
 * Whether a URL's path can name a key. Browsers and curl take `.` and `..` out of a path,
 * encoded or not.
 * @param {string} key
 */
export function fitsPath(key) {
  return key !== "." && key !== "..";
}

/** @param {Selection} selection @param {string} about The row that is asked about. */
function query({ view, symbols, sort, q, filter, by }, about = "") {
  const values = { view, symbols: symbols.join(","), sort, q, filter, by, about };
  /** @type {Record<string, any>} */
  const defaults = { ...DEFAULT_ADDRESS, about: "" };
  const parts = Object.entries(values)
    .filter(([name, value]) => value !== String(defaults[name]))
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",")}`);
  return parts.length ? `?${parts.join("&")}` : "";
}

/**
 * The selection that the filters of directions and phases select from.
 * @param {Selection} selection
 * @returns {Selection}
 */
export function withoutFilter(selection) {
  return selection.filter === "pinned" ? selection : { ...selection, filter: "all" };
}

/**
 * The quotes that a selection shows, in its order; pinned ones come first.
 * @param {Iterable<Quote>} quotes
 * @param {Selection} selection
 * @param {(pin: string) => boolean} isPinned
 */
export function chooseQuotes(quotes, selection, isPinned) {
  const wanted = wordsOf(selection.q);
  const chosen = [...quotes].filter((quote) => showsQuote(quote, selection, wanted, isPinned));
  const sign = selection.sort.startsWith("-") ? -1 : 1;
  const field = /** @type {keyof Quote} */ (selection.sort.replace(/^-/, ""));
  const pins = new Set(
    chosen.filter(({ symbol }) => isPinned(pinOf("quote", symbol))).map((it) => it.symbol),
  );
  return chosen.sort(
    (a, b) =>
      Number(pins.has(b.symbol)) - Number(pins.has(a.symbol)) ||
      byField(a[field], b[field], sign) ||
      bySymbol(a, b),
  );
}

/**
 * The matches that a selection shows, in the order of the list.
 * @param {Iterable<Score>} scores
 * @param {Selection} selection
 * @param {(pin: string) => boolean} isPinned
 */
export function chooseScores(scores, selection, isPinned) {
  const { filter } = selection;
  const wanted = wordsOf(selection.q);
  return [...scores]
    .filter((score) => {
      if (Object.hasOwn(PHASE_OF_FILTER, filter) && phase(score) !== PHASE_OF_FILTER[filter])
        return false;
      if (filter === "pinned" && !isPinned(pinOf("match", score.match))) return false;
      return isFound(wanted, score.competition, score.home.name, score.away.name);
    })
    .sort(byMatch);
}

/**
 * @param {Quote} quote
 * @param {Selection} selection
 * @param {string[]} wanted
 * @param {(pin: string) => boolean} isPinned
 */
function showsQuote(quote, { symbols, filter }, wanted, isPinned) {
  if (symbols.length && !symbols.includes(quote.symbol)) return false;
  if (filter === "pinned" && !isPinned(pinOf("quote", quote.symbol))) return false;
  if (filter === "up" || filter === "down") {
    if (direction(quote.change, quote.decimals) !== filter) return false;
  }
  return isFound(wanted, quote.symbol, quote.name);
}

/** The words of a search, as `isFound` takes them. @param {string} search */
export function wordsOf(search) {
  return plain(search).split(" ").filter(Boolean);
}

/**
 * Whether the words of a search are in some texts, in any order.
 * @param {string[]} words
 * @param {(string | null)[]} texts
 */
export function isFound(words, ...texts) {
  if (words.length === 0) return true;
  const text = plain(texts.join("\n"));
  return words.every((word) => text.includes(word));
}

/** A text without accents, capitals, dots and dashes. @param {string} text */
function plain(text) {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[\p{M}\p{Cf}.'’]/gu, "")
    .replace(/[ıßłøđς]/g, (letter) => PLAIN[letter])
    .replace(/[\s\-\u2010-\u2015\u2212]+/g, " ");
}

/**
 * Compare two values of a field; null comes last in both orders.
 * @param {any} a
 * @param {any} b
 * @param {number} sign
 */
function byField(a, b, sign) {
  if (a == null || b == null) return Number(a == null) - Number(b == null);
  return sign * (typeof a === "string" ? byText(a, b) : byNumber(a, b));
}

/** @param {URLSearchParams} parameters @returns {Asked} */
function readAsked(parameters) {
  return {
    question: (parameters.get("q") ?? "").trim().slice(0, LONGEST_QUESTION),
    about: parameters.get("about") ?? "",
  };
}

/** @param {string} path @returns {Opened | null} */
function openedBy(path) {
  if (path.startsWith(OWN_PATH)) return ownOpenedBy(path.slice(OWN_PATH.length));
  for (const kind of /** @type {("quote" | "match")[]} */ (Object.keys(PATHS))) {
    if (!path.startsWith(PATHS[kind])) continue;
    const key = decoded(path.slice(PATHS[kind].length));
    return key === null ? null : { kind, key };
  }
  return null;
}

/** @param {string} path The event type, a slash, and the key. @returns {Opened | null} */
function ownOpenedBy(path) {
  const slash = path.indexOf("/");
  const type = path.slice(0, Math.max(slash, 0));
  const key = decoded(path.slice(slash + 1));
  return key && isOwn(type) ? { kind: "own", type, key } : null;
}

/** A part of a path as text; null if it isn't UTF-8, so that no key has it. */
function decoded(/** @type {string} */ part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
