/** "Use it from a terminal": the line that follows what the page shows, ready to run. */

import { byId, setText } from "../dom.js";
import { typesWhere } from "../events.js";

/** @typedef {import("./address.js").Selection} Selection */

const MOST = 20; // symbols in the line
const COPIED = 2000; // ms for which the button says so

export class Terminal {
  #line = byId("curl");
  #copy = byId("copy-curl");

  constructor() {
    this.#copy.addEventListener("click", () => this.#write());
    for (const element of document.querySelectorAll("[data-origin]")) {
      setText(element, location.origin);
    }
  }

  /** @param {Selection} selection @param {string[]} symbols Those in view, if few. */
  paint(selection, symbols) {
    setText(this.#line, `curl -N ${quoted(location.origin + path(selection, symbols))}`);
  }

  async #write() {
    try {
      await navigator.clipboard.writeText(this.#line.textContent ?? "");
      setText(this.#copy, "Copied");
    } catch {
      getSelection()?.selectAllChildren(this.#line);
      setText(this.#copy, "Selected");
    }
    setTimeout(() => setText(this.#copy, "Copy"), COPIED);
  }
}

/**
 * The stream that says what is selected.
 * @param {Selection} selection
 * @param {string[]} symbols
 */
function path({ opened, view, q, filter, symbols: named }, symbols) {
  if (opened?.kind === "match") return `/stream/matches/${encoded(opened.key)}`;
  const prices = `events=${typesBy("symbols")}`;
  if (opened) return `/stream.txt?symbols=${encoded(opened.key)}&${prices}`;
  const isPart = named.length || q.trim() || filter === "pinned";
  const chosen = isPart && symbols.length && symbols.length <= MOST ? symbols : named;
  const parts = [
    chosen.length && view !== "scores" ? `symbols=${chosen.map(encoded).join(",")}` : "",
    { prices, scores: `events=${typesBy("matches")}` }[view] ?? "",
  ].filter(Boolean);
  return "/stream.txt" + (parts.length ? `?${parts.join("&")}` : "");
}

/** The event types that a parameter of the stream selects. @param {string} parameter */
function typesBy(parameter) {
  return typesWhere(({ selectedBy }) => selectedBy === parameter).join(",");
}

/** Fit for a URL, and for single quotes in a shell. @param {string} key */
function encoded(key) {
  return encodeURIComponent(key).replaceAll("'", "%27");
}

/** @param {string} url */
function quoted(url) {
  return /[^\w.:/%-]/.test(url) ? `'${url}'` : url;
}
