/**
 * The toolbar: search, filters, sort and view. Without a script it is a form that loads the
 * page with another URL.
 */

import { byId, setAttribute, setHidden, setText } from "../dom.js";
import { isolated } from "../format.js";
import { viewOf, writeUrl } from "./address.js";

/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("./choice.js").Choice} Choice */

const TABS = matchMedia("(width < 64rem)"); // as in styles/layout.css: one part at a time

/** By the kind of a detail, the attribute of its row. */
const KEYS = { quote: "symbol", match: "match", own: "key" };

export class Toolbar {
  #choice;
  #search = /** @type {HTMLInputElement} */ (byId("search"));
  #sort = /** @type {HTMLSelectElement} */ (byId("sort"));
  /** @type {import("../panels/tools.js").OwnTools | null} Null until they are loaded. */
  own = null;

  /** @param {Choice} choice */
  constructor(choice) {
    this.#choice = choice;
    byId("toolbar").addEventListener("submit", (event) => event.preventDefault());
    this.#search.addEventListener("input", () => choice.change({ q: this.#search.value }));
    this.#sort.addEventListener("change", () => choice.change({ sort: this.#sort.value }));
    onPlainClick(document.body, "a[data-filter]", ({ dataset }) => {
      const { filter = "all" } = dataset;
      choice.change({ filter: choice.now.filter === filter ? "all" : filter });
    });
    onPlainClick(byId("views"), "a[data-view]", (link) =>
      choice.change({ view: link.dataset.view ?? "both" }),
    );
    onPlainClick(byId("board"), "a[data-sort]", (link) =>
      this.#sortBy(link.dataset.sort ?? ""),
    );
    onPlainClick(byId("board"), "a[data-by]", (link) => {
      const { searchParams } = new URL(/** @type {HTMLAnchorElement} */ (link).href);
      choice.change({ by: searchParams.get("by") ?? "" });
    });
    onPlainClick(byId("only"), "a", () => choice.change({ symbols: [] }));
    onPlainClick(byId("nothing"), "a", () => {
      const all = { filter: "all", symbols: [], view: "both" };
      choice.change(choice.now.q ? { q: "" } : all);
    });
    TABS.addEventListener("change", () => this.paint());
  }

  /** Put the focus into the search field. */
  focusSearch() {
    this.#search.focus();
    this.#search.select();
  }

  /** Select the next sort; return its name. */
  selectNextSort() {
    if (this.own?.isSorting) return this.own.selectNextSort();
    const next = (this.#sort.selectedIndex + 1) % this.#sort.options.length;
    this.#choice.change({ sort: this.#sort.options[next].value });
    return this.#sort.options[next].text;
  }

  /** Select the view of the nth link that is shown. @param {number} n From 1. */
  selectView(n) {
    const links = [...byId("views").querySelectorAll("a")];
    const view = links.filter((link) => link.checkVisibility())[n - 1]?.dataset.view;
    if (view !== undefined) this.#choice.change({ view });
  }

  /** Paint what publishers' own types add to it, if that changed. */
  paintOwn() {
    if (this.own?.paint()) this.paint();
  }

  /** Paint whether all that the board has is of one kind. @param {Board} board */
  paintKinds({ quotes, scores, own }) {
    const root = document.documentElement;
    const kinds = Object.entries({
      prices: quotes.size,
      scores: scores.size,
      own: own.isUsed,
    });
    const [only, ...more] = kinds.flatMap(([kind, has]) => (has ? kind : []));
    const one = more.length ? "" : only;
    if (root.dataset.only === one) return;
    root.dataset.only = one;
    this.paint();
  }

  /** Paint what filters select; one that selects nothing is hidden. */
  paintFilters(/** @type {Record<string, string>} By filter. */ words) {
    for (const link of filterLinks()) {
      const text = words[link.dataset.filter ?? ""];
      if (text === undefined) continue;
      setText(link, text);
      setHidden(link, text === "");
    }
  }

  /** Paint the selection. */
  paint() {
    const { now } = this.#choice;
    const { only } = document.documentElement.dataset;
    const hasTabs = TABS.matches && only !== "own";
    const { kind = "quote", type = "" } = now.opened ?? {};
    const beside = { quote: "prices", match: "scores", own: viewOf(type) }[kind];
    const view = now.view === "both" && hasTabs ? only || beside : now.view;
    setAttribute(document.documentElement, "data-view", now.view);
    if (this.#search.value !== now.q) this.#search.value = now.q;
    for (const link of filterLinks()) {
      const filter = link.dataset.filter ?? "";
      const isOn = filter === now.filter;
      setAttribute(link, "href", writeUrl({ ...now, filter: isOn ? "all" : filter }));
      if (isOn) setAttribute(link, "aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    for (const element of byId("views").querySelectorAll("a")) {
      setAttribute(
        element,
        "href",
        writeUrl({ ...now, view: element.dataset.view ?? "both" }),
      );
      if (element.dataset.view === view) setAttribute(element, "aria-current", "page");
      else element.removeAttribute("aria-current");
    }
    setText(byId("only-symbols"), now.symbols.map(isolated).join(", "));
    setHidden(byId("only"), now.symbols.length === 0);
    this.#paintSort(now.sort);
    this.#paintOpened(now.opened);
  }

  /** Mark the row whose detail is open. */
  #paintOpened(/** @type {import("./address.js").Opened | null} */ opened) {
    const marked = ":is(.symbol, .open)";
    document.querySelector(`${marked}[aria-current]`)?.removeAttribute("aria-current");
    if (!opened) return;
    const row = `[data-${KEYS[opened.kind]}="${CSS.escape(opened.key)}"] ${marked}`;
    document.querySelector(row)?.setAttribute("aria-current", "true");
  }

  /** @param {string} sort */
  #paintSort(sort) {
    this.#sort.value = sort;
    for (const head of document.querySelectorAll("a[data-sort]")) {
      const field = /** @type {HTMLElement} */ (head).dataset.sort;
      const way = { [`${field}`]: "ascending", [`-${field}`]: "descending" }[sort] ?? "none";
      const cell = head.closest("th");
      if (cell) setAttribute(cell, "aria-sort", way);
    }
  }

  /** Sort by a column: numbers in descending order first, then in the other order. */
  #sortBy(/** @type {string} */ field) {
    const usual = field === "symbol" ? field : `-${field}`;
    const other = field === "symbol" ? `-${field}` : field;
    this.#choice.change({ sort: this.#choice.now.sort === usual ? other : usual });
  }
}

/** @returns {NodeListOf<HTMLElement>} */
function filterLinks() {
  return document.querySelectorAll("a[data-filter]");
}

/**
 * Handle plain clicks on links within an element. A click with a modifier key opens the
 * link in another tab or window, as usual.
 * @param {HTMLElement} root
 * @param {string} selector
 * @param {(link: HTMLElement, event: MouseEvent) => void} act
 */
export function onPlainClick(root, selector, act) {
  root.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)
      return;
    const target = /** @type {Element} */ (event.target);
    const link = /** @type {HTMLElement | null} */ (target.closest(selector));
    if (!link) return;
    event.preventDefault();
    act(link, event);
  });
}
