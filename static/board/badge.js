/** The badge: the state of the stream, as a sign and in words. */

import { byId, setHidden, setText } from "../dom.js";
import { clock } from "../times.js";

/** @typedef {import("../stream/stream.js").State} State */
/** @typedef {import("../stream/stream.js").StateName} StateName */

/** @type {Record<StateName, string>} */
const SIGNS = {
  connecting: "○",
  live: "●",
  slow: "◐",
  delayed: "◐",
  reconnecting: "↻",
  offline: "✕",
  restarting: "↻",
  full: "✕",
  interrupted: "◐",
  ended: "■",
};
/** @type {Set<StateName>} */
const STALE = new Set(["reconnecting", "offline", "restarting", "full", "interrupted"]);

/**
 * Whether the values of a state are out of date.
 * @param {State} state
 */
export function isStale({ name }) {
  return STALE.has(name);
}

/**
 * The words of the badge.
 * @param {State} state
 * @param {number | null} asOf
 */
export function badgeText({ name, seconds }, asOf) {
  const soon = seconds === null ? "…" : ` in ${seconds} s`;
  /** @type {Record<StateName, string>} */
  const texts = {
    connecting: "Connecting…",
    live: "Live",
    slow: `No update for ${seconds} s`,
    delayed: `Delayed ${seconds} s`,
    reconnecting: `Reconnecting${soon}`,
    offline: `Offline. Showing ${clock(asOf)}`,
    restarting: "Server restarting",
    full: `Server is full. Trying again${soon}`,
    interrupted: `Feed interrupted. Showing ${clock(asOf)}`,
    ended: "The stream is complete",
  };
  return texts[name];
}

export class Badge {
  #element = byId("badge");
  #sign = byId("badge-sign");
  #words = byId("badge-words");
  #retry = byId("retry");

  /** @param {() => void} retry Called by "Retry now". */
  constructor(retry) {
    this.#retry.addEventListener("click", retry);
  }

  /** @param {State} state @param {number | null} asOf */
  paint(state, asOf) {
    this.#element.dataset.state = state.name;
    setText(this.#sign, SIGNS[state.name]);
    setText(this.#words, badgeText(state, asOf));
    setHidden(this.#retry, state.name !== "reconnecting");
    document.documentElement.toggleAttribute("data-stale", isStale(state));
  }
}
