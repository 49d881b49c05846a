/**
 * The present selection, kept in the URL: the address bar always describes what the page
 * shows, and the back button closes a detail, or Ask.
 */

import { readSelection, writeUrl } from "./address.js";

/** @typedef {import("./address.js").Selection} Selection */
/** @typedef {import("./address.js").Opened} Opened */
/** @typedef {import("./address.js").Asked} Asked */

export class Choice {
  #now = readSelection(location);
  /** @type {((now: Selection) => void)[]} */ #watchers = [];

  constructor() {
    addEventListener("popstate", () => this.#replace(readSelection(location)));
  }

  get now() {
    return this.#now;
  }

  /** @param {(now: Selection) => void} watcher Called with each new selection. */
  watch(watcher) {
    this.#watchers.push(watcher);
  }

  /** Change the selection. @param {Partial<Selection>} changes */
  change(changes) {
    const next = { ...this.#now, ...changes };
    history.replaceState(history.state, "", writeUrl(next));
    this.#replace(next);
  }

  /** Open a quote or a match; the back button closes it. @param {Opened} opened */
  open(opened) {
    if (this.#now.opened) this.change({ opened });
    else this.#push({ opened, asked: null });
  }

  /** Open Ask, or change what it shows; the back button closes it. @param {Asked} asked */
  ask(asked) {
    if (this.#now.asked) this.change({ asked });
    else this.#push({ opened: null, asked, q: "" });
  }

  /** Close the detail or Ask: by going back, if it was opened on this page. */
  close() {
    if (!this.#now.opened && !this.#now.asked) return;
    if (history.state?.opened) history.back();
    else this.change({ opened: null, asked: null });
  }

  /** @param {Partial<Selection>} changes They get an entry in the history of their own. */
  #push(changes) {
    const next = { ...this.#now, ...changes };
    history.pushState({ opened: true }, "", writeUrl(next));
    this.#replace(next);
  }

  /** @param {Selection} next */
  #replace(next) {
    this.#now = next;
    for (const watcher of this.#watchers) watcher(next);
  }
}
