/**
 * Alerts: a price that passes a mark, once; goals, half-time and full time of a match; rows
 * of publishers' own types (`own-alerts.js`).
 * This module watches the changes of the board; `notify.js` notifies the person.
 */

import { OTHER } from "../events.js";
import { isolated, price, scoreLine, teams } from "../format.js";
import { OwnAlerts } from "./own-alerts.js";

/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../board/state.js").Change} Change */
/** @typedef {import("../board/state.js").Quote} Quote */
/** @typedef {import("../board/state.js").Score} Score */
/** @typedef {import("../controls/settings.js").Settings} Settings */
/** @typedef {import("../controls/settings.js").Alert} Alert */
/** @typedef {import("../controls/settings.js").PriceAlert} PriceAlert */

const MOST_ALERTS = 50;
/** @type {Record<string, string>} */
const WHISTLES = {
  HT: "Half-time",
  BT: "Extra time follows",
  P: "Penalty shoot-out",
  FT: "Full time",
  AET: "After extra time",
  PEN: "Penalties",
  AWD: "Awarded",
  WO: "Walkover",
};

export class Alerts {
  #settings;
  #board;
  #notify;
  #own = new OwnAlerts();

  /**
   * @param {Settings} settings
   * @param {Board} board
   * @param {(words: string, tag: string) => void} notify Shows one notification of a tag,
   *   even if two tabs call it.
   */
  constructor(settings, board, notify) {
    this.#settings = settings;
    this.#board = board;
    this.#notify = notify;
  }

  /** All alerts, also those whose mark was reached. */
  get all() {
    return this.#settings.get("alerts");
  }

  /** Whether an alert still waits. */
  get isArmed() {
    return this.all.some((alert) => alert.kind !== "price" || alert.reached === null);
  }

  /** @param {Change} change */
  onChange(change) {
    const { type, key, before, now } = change;
    if (now === null || key === null) return;
    for (const alert of this.all) {
      if (type === OTHER && alert.kind === "own") this.#checkOwn(alert, change);
      if (type === "price" && alert.kind === "price" && alert.symbol === key) {
        this.#checkPrice(alert, now);
      } else if (type === "score" && alert.kind === "match" && alert.match === key) {
        if (before) this.#checkMatch(alert, before, now);
      }
    }
  }

  /**
   * @param {string} symbol
   * @param {"above" | "below"} side
   * @param {number} mark
   * @returns {string} Why the alert can't be added; empty if it was.
   */
  addPrice(symbol, side, mark) {
    const quote = this.#board.quotes.get(symbol);
    if (!quote) return `There is no symbol ${isolated(symbol)} on the board.`;
    if (!Number.isFinite(mark)) return "The price is no number: write it like 101.24.";
    if (isPast(quote.price, side, mark)) {
      const stands = price(quote.price, quote.decimals);
      return `${isolated(symbol)} is ${side} that already: it stands at ${stands}.`;
    }
    return this.#add({ id: newId(), kind: "price", symbol, side, price: mark, reached: null });
  }

  /** @param {string} match @returns {string} As of `addPrice`. */
  addMatch(match) {
    const score = this.#board.scores.get(match);
    if (!score) return "That match isn't on the board any more.";
    if (this.all.some((alert) => alert.kind === "match" && alert.match === match)) {
      return "There is an alert for that match already.";
    }
    return this.#add({ id: newId(), kind: "match", match, name: teams(score) });
  }

  /**
   * @param {Omit<import("../controls/settings.js").OwnAlert, "id" | "kind">} wanted
   * @returns {string} As of `addPrice`.
   */
  addOwn(wanted) {
    const { test, value } = wanted;
    if (typeof value === "number" && !Number.isFinite(value))
      return "The mark isn’t a number: write it like 4.5.";
    if (test === "becomes" && value === "") return "Write the word that it becomes.";
    return this.#add({ id: newId(), kind: "own", ...wanted });
  }

  /** @param {string} id */
  remove(id) {
    this.#settings.update("alerts", (all) => all.filter((alert) => alert.id !== id));
  }

  /** @param {Alert} alert */
  #add(alert) {
    if (this.all.length >= MOST_ALERTS)
      return `There are ${MOST_ALERTS} alerts: remove one first.`;
    this.#settings.update("alerts", (all) => [...all, alert]);
    return "";
  }

  /** @param {PriceAlert} alert @param {Quote} quote */
  #checkPrice(alert, quote) {
    if (alert.reached !== null || !isPast(quote.price, alert.side, alert.price)) return;
    this.#settings.update("alerts", (all) =>
      all.map((it) => (it.id === alert.id ? { ...alert, reached: quote.at } : it)),
    );
    const stands = price(quote.price, quote.decimals);
    this.#notify(
      `${isolated(alert.symbol)} is ${priceAlertText(alert, quote)}: ${stands}`,
      alert.id,
    );
  }

  /** @param {import("../controls/settings.js").OwnAlert} alert @param {Change} change */
  #checkOwn(alert, change) {
    const words = this.#own.sentence(alert, change, performance.now());
    if (words) this.#notify(words, `${alert.id} ${change.key}`);
  }

  /** @param {Alert} alert @param {Score} before @param {Score} now */
  #checkMatch(alert, before, now) {
    const goals = (now.home.score ?? 0) + (now.away.score ?? 0);
    const goalsBefore = (before.home.score ?? 0) + (before.away.score ?? 0);
    const line = scoreLine(now);
    if (goals > goalsBefore) this.#notify(`Goal: ${line}`, `${alert.id} ${goals}`);
    if (goals < goalsBefore) this.#notify(`Goal cancelled: ${line}`, `${alert.id} -${goals}`);
    if (now.status !== before.status && Object.hasOwn(WHISTLES, now.status)) {
      this.#notify(`${WHISTLES[now.status]}: ${line}`, `${alert.id} ${now.status}`);
    }
  }
}

/**
 * The condition of a price alert: "above 101.24".
 * @param {PriceAlert} alert
 * @param {Quote | undefined} quote
 */
export function priceAlertText({ side, price: mark }, quote) {
  return `${side} ${price(mark, quote?.decimals ?? 2)}`;
}

/** @param {number} value @param {string} side @param {number} mark */
function isPast(value, side, mark) {
  return side === "above" ? value > mark : value < mark;
}

function newId() {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
}
