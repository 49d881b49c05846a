/** The markets' states, and the tray of notices, whose first notice is always visible. */

import { byId, fieldsOf, setAttribute, setHidden, setText, stamp } from "../dom.js";
import { level, marketStatus } from "../format.js";
import { setTime } from "../times.js";

/** @typedef {import("./state.js").Board} Board */
/** @typedef {import("./state.js").Notice} Notice */

export class Notices {
  #board;
  #tray = byId("notices");
  #newest = byId("newest-notice");
  #older = byId("older-notices");
  #markets = byId("markets");
  #isDue = true;
  #count = 0;

  /** @param {Board} board */
  constructor(board) {
    this.#board = board;
  }

  /** A market or a notice changed: the next `paint` shows it. */
  onChange() {
    this.#isDue = true;
  }

  /**
   * Paint the lists again if they changed. They are short, so all of their lines are made.
   * A notice whose time is over is hidden even if the server has not retired it yet.
   * @param {Pick<import("./painter.js").Frame, "isPaused" | "serverTime">} frame
   */
  paint({ isPaused, serverTime }) {
    if (isPaused) return;
    const notices = [...this.#board.notices.values()]
      .filter(({ until }) => until == null || until > serverTime)
      .sort(byUrgency);
    if (!this.#isDue && notices.length === this.#count) return;
    this.#isDue = false;
    this.#count = notices.length;
    this.#newest.replaceChildren(...notices.slice(0, 1).map(noticeLine));
    this.#older.replaceChildren(...notices.slice(1).map(noticeLine));
    setText(byId("older-count"), String(notices.length - 1));
    setHidden(byId("older"), notices.length < 2);
    setHidden(this.#tray, notices.length === 0);
    this.#paintMarkets();
  }

  #paintMarkets() {
    this.#markets.replaceChildren(
      ...[...this.#board.markets.values()].map((market) => {
        const item = stamp("market");
        const fields = fieldsOf(item);
        setAttribute(item, "data-status", market.status);
        setAttribute(item, "data-from", market.source ?? "");
        setText(fields.market, market.market);
        setText(fields.status, marketStatus(market));
        setTime(fields.until, market.until, "until");
        return item;
      }),
    );
  }
}

/** Critical notices come first, then the newest. @param {Notice} a @param {Notice} b */
function byUrgency(a, b) {
  const isCritical = (/** @type {Notice} */ { level }) => Number(level === "critical");
  return isCritical(b) - isCritical(a) || b.at - a.at;
}

/** @param {Notice} notice */
function noticeLine(notice) {
  const line = stamp("notice");
  const fields = fieldsOf(line);
  setAttribute(line, "data-level", notice.level);
  setText(fields.level, level(notice.level));
  setText(fields.title, notice.title);
  setText(fields.body, notice.body ?? "");
  setTime(fields.at, notice.at, "hours");
  return line;
}
