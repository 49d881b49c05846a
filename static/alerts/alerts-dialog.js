/** The dialog of alerts: the list of them, and forms for a new one. */

import { priceAlertText } from "./alerts.js";
import { ownAlertText } from "./own-alerts.js";
import { OwnAlertForm } from "./own-alert-form.js";
import { byId, fieldsOf, setAttribute, setHidden, setText, stamp } from "../dom.js";
import { byMatch, bySymbol, isolated, phase, teams } from "../format.js";
import { setTime } from "../times.js";

/** @typedef {import("./alerts.js").Alerts} Alerts */
/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../controls/address.js").Opened} Opened */
/** @typedef {import("../controls/settings.js").Alert} Alert */
/** @typedef {import("../controls/settings.js").Settings} Settings */
/** @typedef {import("./notify.js").Notifier} Notifier */

const WAYS = {
  granted: "The system notifies you, and this page shows a line.",
  default: "The first alert asks whether the system may notify you, too.",
  denied: "This page shows a line; the browser allows no more.",
};

export class AlertsDialog {
  #alerts;
  #board;
  #notifier;
  #dialog = /** @type {HTMLDialogElement} */ (byId("alerts"));
  #list = byId("alert-list");
  #problem = byId("alert-problem");
  #symbol = /** @type {HTMLInputElement} */ (byId("alert-symbol"));
  #side = /** @type {HTMLSelectElement} */ (byId("alert-side"));
  #price = /** @type {HTMLInputElement} */ (byId("alert-price"));
  #match = /** @type {HTMLSelectElement} */ (byId("alert-match"));
  /** @type {OwnAlertForm | null} */ #own = null;

  /**
   * @param {Alerts} alerts
   * @param {Board} board
   * @param {Settings} settings
   * @param {Pick<Notifier, "permission" | "askPermission">} notifier
   * @param {() => import("../panels/tables.js").Tables | undefined} [tables] The tables of
   *   publishers' own types, once there are some; the release before knows of none.
   */
  constructor(alerts, board, settings, notifier, tables) {
    this.#alerts = alerts;
    this.#board = board;
    this.#notifier = notifier;
    if (tables) {
      this.#own = new OwnAlertForm(tables, (wanted) => this.#onAdded(alerts.addOwn(wanted)));
    }
    byId("alerts-close").addEventListener("click", () => this.#dialog.close());
    byId("price-alert").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#addPrice();
    });
    byId("match-alert").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#onAdded(alerts.addMatch(this.#match.value));
    });
    this.#symbol.addEventListener("change", () => this.#proposePrice());
    settings.watch((name) => {
      if (name === "alerts" && this.#dialog.open) this.#paint();
    });
  }

  /** Open the dialog, filled in for an alert about a key. @param {Opened | null} about */
  open(about = null) {
    if (this.#dialog.open) return;
    setText(this.#problem, "");
    this.#offerKeys();
    this.#paint();
    if (about?.kind === "quote") this.#symbol.value = about.key;
    if (about?.kind === "match") this.#match.value = about.key;
    this.#own?.offer(about);
    this.#proposePrice();
    this.#dialog.showModal();
    if (about?.kind === "own") this.#own?.focus();
    else if (about) (about.kind === "quote" ? this.#price : this.#match).focus();
  }

  /** Offer the board's symbols and matches. */
  #offerKeys() {
    const symbols = [...this.#board.quotes.values()].sort(bySymbol);
    byId("alert-symbols").replaceChildren(
      ...symbols.map(({ symbol }) => new Option("", symbol)),
    );
    const matches = [...this.#board.scores.values()]
      .filter((score) => phase(score) !== "over")
      .sort(byMatch);
    this.#match.replaceChildren(
      ...matches.map((score) => new Option(teams(score), score.match)),
    );
    setHidden(byId("match-alert"), matches.length === 0);
    setHidden(byId("price-alert"), symbols.length === 0);
  }

  /** Fill in the symbol's present price, as a start. */
  #proposePrice() {
    const quote = this.#board.quotes.get(this.#givenSymbol());
    if (quote) this.#price.value = quote.price.toFixed(Math.min(quote.decimals, 20));
  }

  #givenSymbol() {
    const given = this.#symbol.value.trim();
    return this.#board.quotes.has(given) ? given : given.toUpperCase();
  }

  #addPrice() {
    const side = /** @type {"above" | "below"} */ (this.#side.value);
    const mark = this.#price.value.trim().replace(/^−/, "-").replace(",", ".");
    const price = mark === "" ? NaN : Number(mark);
    const problem = this.#alerts.addPrice(this.#givenSymbol(), side, price);
    this.#onAdded(problem);
    if (problem) this.#price.focus(); // its description is the problem
  }

  /** @param {string} problem As returned by `Alerts`. */
  async #onAdded(problem) {
    setText(this.#problem, problem);
    if (problem) return;
    await this.#notifier.askPermission();
    this.#paint();
  }

  #paint() {
    setText(byId("alert-ways"), WAYS[this.#notifier.permission]);
    setHidden(byId("no-alerts"), this.#alerts.all.length > 0);
    this.#list.replaceChildren(...this.#alerts.all.map((alert) => this.#item(alert)));
  }

  /** @param {Alert} alert */
  #item(alert) {
    const item = stamp("alert");
    const { text, state, at, remove } = fieldsOf(item);
    const words = this.#words(alert);
    const reached = alert.kind === "price" ? alert.reached : null;
    setText(text, words);
    setHidden(state, reached === null);
    setTime(at, reached, "clock");
    setAttribute(remove, "aria-label", `Remove the alert: ${words}`);
    remove.addEventListener("click", () => {
      this.#alerts.remove(alert.id);
      this.#dialog.focus();
    });
    return item;
  }

  /** @param {Alert} alert */
  #words(alert) {
    if (alert.kind === "match") return alert.name;
    if (alert.kind === "own") return ownAlertText(alert);
    return `${isolated(alert.symbol)} ${priceAlertText(alert, this.#board.quotes.get(alert.symbol))}`;
  }
}
