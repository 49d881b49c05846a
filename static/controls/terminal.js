/** "Use it from a terminal": a command that streams what the page shows. */

import { byId, setText } from "../dom.js";
import { typesWhere } from "../events.js";
import { fitsPath, typeOf } from "./address.js";

/** @typedef {import("./address.js").Selection} Selection */

const MOST_SYMBOLS = 20; // in the command
const COPIED = 2000; // ms for which the button shows "Copied"

export class Terminal {
  #line = byId("curl");

  /** @param {Selection} selection @param {string[]} symbols The symbols that the page shows. */
  paint(selection, symbols) {
    const options = fitsPath(selection.opened?.key ?? "") ? "-N" : "--path-as-is -N";
    const url = location.origin + streamPath(selection, symbols);
    setText(this.#line, `${this.#line.dataset.curl} ${options} ${quoted(url)}`);
  }

  /** Copy the command beside a button; if the browser does not allow that, select it. */
  async copyCommand(/** @type {Element} */ button) {
    const command = button.parentElement?.querySelector("code");
    if (!command) return;
    try {
      await navigator.clipboard.writeText(command.textContent ?? "");
      setText(button, "Copied");
    } catch {
      getSelection()?.selectAllChildren(command);
      setText(button, "Selected");
    }
    setTimeout(() => setText(button, "Copy"), COPIED);
  }
}

/**
 * The path of the stream of a selection.
 * @param {Selection} selection
 * @param {string[]} symbols
 */
function streamPath({ opened, view, q, filter, symbols: named }, symbols) {
  const type = opened ? opened.type : typeOf(view);
  if (type) return `/stream.txt?events=${type}`;
  if (view === "activity" && !opened) return "/stream.txt?events=other";
  if (opened?.kind === "match") return `/stream/matches/${encoded(opened.key)}`;
  const prices = `events=${typesBy("symbols")}`;
  if (opened) return `/stream.txt?${[...bySymbols([opened.key]), prices].join("&")}`;
  const isPart = named.length || q.trim() || filter === "pinned";
  const chosen = isPart && symbols.length && symbols.length <= MOST_SYMBOLS ? symbols : named;
  const parts = [
    ...(view === "scores" ? [] : bySymbols(chosen)),
    view === "prices" ? prices : "",
    view === "scores" ? `events=${typesBy("matches")}` : "",
  ].filter(Boolean);
  return "/stream.txt" + (parts.length ? `?${parts.join("&")}` : "");
}

/**
 * The parameter that selects symbols; none where all are wanted, or where one has a comma
 * and so can't stand in a list.
 * @param {string[]} symbols
 */
function bySymbols(symbols) {
  const canBeListed = symbols.length && !symbols.some((symbol) => symbol.includes(","));
  return canBeListed ? [`symbols=${symbols.map(encoded).join(",")}`] : [];
}

/** The event types that a parameter of the stream selects. @param {string} parameter */
function typesBy(parameter) {
  return typesWhere(({ selectedBy }) => selectedBy === parameter).join(",");
}

/** Escape a key for a URL, and for single quotes in a shell. @param {string} key */
function encoded(key) {
  return encodeURIComponent(key).replaceAll("'", "%27");
}

/** @param {string} url */
function quoted(url) {
  return /[^\w.:/%-]/.test(url) ? `'${url}'` : url;
}
