/**
 * What is selected now, and the browser's history: the address bar always says what is
 * shown, and the back button closes what was opened.
 */

import { read, write } from "./address.js";

/** @typedef {import("./address.js").Selection} Selection */
/** @typedef {import("./address.js").Opened} Opened */

export class Choice {
  #now = read(location);
  /** @type {((now: Selection) => void)[]} */ #watchers = [];

  constructor() {
    addEventListener("popstate", () => this.#replace(read(location)));
  }

  get now() {
    return this.#now;
  }

  /** @param {(now: Selection) => void} watcher It is told when another is selected. */
  watch(watcher) {
    this.#watchers.push(watcher);
  }

  /** Select something else. @param {Partial<Selection>} changes */
  change(changes) {
    const next = { ...this.#now, ...changes };
    history.replaceState(history.state, "", write(next));
    this.#replace(next);
  }

  /** Open a quote or a match; the back button closes it. @param {Opened} opened */
  open(opened) {
    if (this.#now.opened) return this.change({ opened });
    const next = { ...this.#now, opened };
    history.pushState({ opened: true }, "", write(next));
    this.#replace(next);
  }

  /** Close what is open, as the back button does where that would. */
  close() {
    if (!this.#now.opened) return;
    if (history.state?.opened) history.back();
    else this.change({ opened: null });
  }

  /** @param {Selection} next */
  #replace(next) {
    this.#now = next;
    for (const watcher of this.#watchers) watcher(next);
  }
}
