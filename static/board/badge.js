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

/**
 * Paint the states of the sources. Their script isn't loaded while the simulator is the only
 * source, because the server's HTML says that already.
 * @param {import("./state.js").Board} board
 */
export async function paintSources(board) {
  if (board.source === "simulator" && board.sources.size < 2) return;
  const sources = await import("./sources.js").catch(() => null);
  sources?.paint(board);
}

/** @type {Set<StateName>} The states in which nothing is amiss. */
const CALM = new Set(["connecting", "live", "ended"]);

export class Badge {
  #element = byId("badge");
  #sign = byId("badge-sign");
  #words = byId("badge-words");
  #retry = byId("retry");
  #repeated = "none";

  /** @param {() => void} retry Called by "Retry now". */
  constructor(retry) {
    this.#retry.addEventListener("click", retry);
  }

  /** @param {State} state @param {number | null} asOf */
  paint(state, asOf) {
    const words = badgeText(state, asOf);
    this.#element.dataset.state = state.name;
    setText(this.#sign, SIGNS[state.name]);
    setText(this.#words, words);
    setHidden(this.#retry, state.name !== "reconnecting");
    const root = document.documentElement;
    const isAmiss = !CALM.has(state.name);
    root.toggleAttribute("data-stale", isStale(state));
    root.toggleAttribute("data-amiss", isAmiss);
    // What covers the bar repeats the badge: styles/bar.css.
    const repeated = isAmiss ? JSON.stringify(`${SIGNS[state.name]} ${words}`) : "none";
    if (repeated !== this.#repeated) root.style.setProperty("--badge", repeated);
    this.#repeated = repeated;
  }
}
