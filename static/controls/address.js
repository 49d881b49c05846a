/**
 * The selection in the page's URL: view, symbols, search, filter, sort, and the detail.
 * The rules are those of `web/address.py`; a test compares the two.
 */

import { byMatch, byNumber, bySymbol, byText, direction, phase } from "../format.js";
import { pinOf } from "./settings.js";

/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {import("../board/state.js").Score} Score */
/**
 * @typedef {{kind: "quote" | "match", key: string}} Opened
 * @typedef {object} Selection
 * @property {string} view "both", "prices" or "scores"
 * @property {string[]} symbols Only these; all if it is empty.
 * @property {string} sort A field of a quote, with a "-" before it for descending order.
 * @property {string} q The text to search for.
 * @property {string} filter
 * @property {Opened | null} opened
 */

const VIEWS = ["both", "prices", "scores"];
const FILTERS = ["all", "pinned", "up", "down", "live", "finished", "upcoming"];
const SORT_FIELDS = ["symbol", "name", "price", "change", "change_percent", "volume", "at"];
/** @type {Record<string, string>} */
const PHASE_OF_FILTER = { live: "live", finished: "over", upcoming: "upcoming" };
const PATHS = { quote: "/s/", match: "/m/" };
const LONGEST = 200; // characters of a search
/** @type {Selection} */
const DEFAULT_ADDRESS = {
  view: "both",
  symbols: [],
  sort: "symbol",
  q: "",
  filter: "all",
  opened: null,
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
  return {
    view: VIEWS.includes(view) ? view : DEFAULT_ADDRESS.view,
    symbols: (asked.get("symbols") ?? "").split(",").filter(Boolean),
    sort: SORT_FIELDS.includes(sort.replace(/^-/, "")) ? sort : DEFAULT_ADDRESS.sort,
    q: (asked.get("q") ?? "").slice(0, LONGEST),
    filter: FILTERS.includes(filter) ? filter : DEFAULT_ADDRESS.filter,
    opened: openedBy(url.pathname),
  };
}

/**
 * The URL of a selection, from its path on.
 * @param {Selection} selection
 */
export function writeUrl(selection) {
  const { opened } = selection;
  const isNamed = opened && fitsPath(opened.key);
  const path = isNamed ? PATHS[opened.kind] + encodeURIComponent(opened.key) : "/";
  return path + query(selection);
}

/**
 * Whether a URL's path can name a key. Browsers and curl take `.` and `..` out of a path,
 * encoded or not.
 * @param {string} key
 */
export function fitsPath(key) {
  return key !== "." && key !== "..";
}

/** @param {Selection} selection */
function query({ view, symbols, sort, q, filter }) {
  const parts = Object.entries({ view, symbols: symbols.join(","), sort, q, filter })
    .filter(([name, value]) => value !== String(DEFAULT_ADDRESS[/** @type {"view"} */ (name)]))
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",")}`);
  return parts.length ? `?${parts.join("&")}` : "";
}

/**
 * The quotes that a selection shows, in its order; pinned ones come first.
 * @param {Iterable<Quote>} quotes
 * @param {Selection} selection
 * @param {(pin: string) => boolean} isPinned
 */
export function chooseQuotes(quotes, selection, isPinned) {
  const wanted = selection.q.trim().toLowerCase();
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
  const wanted = selection.q.trim().toLowerCase();
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
 * @param {string} wanted
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

/** @param {string} wanted @param {(string | null)[]} texts */
function isFound(wanted, ...texts) {
  return texts.some((text) => (text ?? "").toLowerCase().includes(wanted));
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

/** @param {string} path @returns {Opened | null} */
function openedBy(path) {
  for (const kind of /** @type {("quote" | "match")[]} */ (Object.keys(PATHS))) {
    if (!path.startsWith(PATHS[kind])) continue;
    try {
      return { kind, key: decodeURIComponent(path.slice(PATHS[kind].length)) };
    } catch {
      return null; // not UTF-8, so the server has no such key
    }
  }
  return null;
}
