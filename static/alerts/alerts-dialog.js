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
  granted: "You’ll get a notification.",
  default: "We’ll ask to send notifications.",
  denied: "Alerts appear on this page; the browser blocks notifications.",
};
/** @type {Record<Opened["kind"], string>} The form for an alert about each kind of row. */
const FORM_IDS = { quote: "price-alert", match: "match-alert", own: "own-alert" };

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
  #kinds = byId("alert-kinds");
  #own;

  /**
   * @param {Alerts} alerts
   * @param {Board} board
   * @param {Settings} settings
   * @param {Pick<Notifier, "permission" | "askPermission">} notifier
   * @param {() => import("../panels/tables.js").Tables | undefined} tables The tables of
   *   publishers' own types, once there are some.
   */
  constructor(alerts, board, settings, notifier, tables) {
    this.#alerts = alerts;
    this.#board = board;
    this.#notifier = notifier;
    this.#own = new OwnAlertForm(tables, (wanted) => this.#onAdded(alerts.addOwn(wanted)));
    byId("alerts-close").addEventListener("click", () => this.#dialog.close());
    byId("price-alert").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#addPrice();
    });
    byId("match-alert").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#onAdded(alerts.addMatch(this.#match.value));
    });
    this.#kinds.addEventListener("change", (event) => {
      this.#showForm(/** @type {HTMLInputElement} */ (event.target).value);
    });
    this.#symbol.addEventListener("change", () => this.#proposePrice());
    settings.watch((name) => {
      if (name === "alerts" && this.#dialog.open) this.#paint();
    });
  }

  /** Open the dialog, filled in for an alert about a key. @param {Opened | null} about */
  open(about = null) {
    if (this.#dialog.open) return;
    const kinds = this.#offerKinds(about);
    this.#offerKeys();
    this.#paint();
    if (about?.kind === "quote") this.#symbol.value = about.key;
    if (about?.kind === "match") this.#match.value = about.key;
    this.#own.offer(about);
    this.#proposePrice();
    const isAboutQuote = about?.kind === "quote";
    setText(byId("alert-told"), isAboutQuote ? isolated(about.key) : "");
    setHidden(byId("alert-tell"), !isAboutQuote);
    setHidden(byId("alert-symbol-label"), isAboutQuote);
    this.#dialog.showModal();
    this.#showForm(about?.kind ?? kinds[0] ?? "");
    if (isAboutQuote) this.#price.select();
  }

  /**
   * Offer an alert about each kind of row that the board has.
   * @param {Opened | null} about
   * @returns {string[]} These kinds.
   */
  #offerKinds(about) {
    const { quotes, scores, own } = this.#board;
    const has = {
      quote: quotes.size > 0,
      match: [...scores.values()].some((score) => phase(score) !== "over"),
      own: own.types.size > 0,
    };
    const kinds = Object.entries(has).flatMap(([kind, isThere]) => (isThere ? kind : []));
    for (const label of this.#kinds.querySelectorAll("label")) {
      setHidden(label, !kinds.includes(label.dataset.kind ?? ""));
    }
    // An alert about a row is of its kind.
    setHidden(this.#kinds, about !== null || kinds.length < 2);
    return kinds;
  }

  /** Show the form for a kind of row, and put the focus into its first field. */
  #showForm(/** @type {string} */ kind) {
    setText(this.#problem, "");
    for (const [each, id] of Object.entries(FORM_IDS)) setHidden(byId(id), each !== kind);
    for (const input of this.#kinds.querySelectorAll("input")) {
      input.checked = input.value === kind;
    }
    const fields = [...this.#dialog.querySelectorAll("form :is(input, select)")];
    const first = fields.find((field) => field.checkVisibility());
    if (!this.#kinds.contains(document.activeElement)) {
      /** @type {HTMLElement | undefined} */ (first)?.focus();
    }
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
