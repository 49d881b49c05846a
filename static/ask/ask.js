/**
 * Ask, beside the board or over it on a phone: a conversation about the board. The page
 * loads this module, its style and what it imports when Ask is first opened.
 */

import { byId, setAttribute, setHidden, setText } from "../dom.js";
import { isolated } from "../format.js";
import { askAbout, panelOf, readSelection, writeUrl } from "../controls/address.js";
import { onPlainClick } from "../controls/toolbar.js";
import { Conversation } from "./conversation.js";
import { fetchSuggestions } from "./panel.js";
import { TurnView } from "./turn-view.js";
import { announcementOf } from "./words.js";

/**
 * @typedef {import("./turn.js").Turn} Turn
 * @typedef {import("../controls/choice.js").Choice} Choice
 * @typedef {import("../controls/settings.js").Settings} Settings
 * @typedef {import("../board/state.js").Board} Board
 */

const TOUCH = matchMedia("(pointer: coarse)"); // a focused field opens the on-screen keyboard
const AT_END = 40; // px from the end within which new words scroll the text
const SECOND = 1000; // ms
const PIN_OF_QUOTE = "quote "; // as `pinOf` writes it
const MOST_PINS = 1000; // of a question; as in web/answers.py

export { loadPanel } from "./panel.js";

export class Ask {
  #board;
  #choice;
  #settings;
  #announcer;
  #panel = byId("ask");
  #thread = byId("ask-thread");
  #turns = byId("ask-turns");
  #empty = byId("ask-empty");
  #suggestions = byId("ask-suggestions");
  #about = byId("ask-about");
  #close = byId("ask-close");
  #clear = byId("ask-clear");
  #field = /** @type {HTMLTextAreaElement} */ (byId("ask-question"));
  #button = byId("ask-send");
  #conversation;
  /** @type {Map<Turn, TurnView>} */ #views = new Map();
  /** @type {WeakMap<Turn, string>} */ #announced = new WeakMap();
  #isOpen = false;
  #suggestedAbout = this.#suggestions.dataset.about ?? null;
  #frame = 0;
  #timer = 0;
  #follows = true; // whether the end of the text is kept in view
  /** @type {HTMLElement | null} */ #openedFrom = null;
  #openedAbout = "";
  /** @type {HTMLElement | null} The link within an answer that opened a detail. */
  #leftBy = null;

  /**
   * @param {Board} board
   * @param {Choice} choice
   * @param {Settings} settings
   * @param {import("../alerts/announcer.js").Announcer} announcer
   */
  constructor(board, choice, settings, announcer) {
    this.#board = board;
    this.#choice = choice;
    this.#settings = settings;
    this.#announcer = announcer;
    this.#conversation = new Conversation((turn) => this.#onTurn(turn));
    this.#listen();
    this.#requestFrame();
  }

  /**
   * Show what the selection opens.
   * @param {boolean} isFirst Whether the page has just loaded.
   * @param {Element | null} focused The element that had the focus when it was opened.
   */
  onSelection(isFirst = false, focused = document.activeElement) {
    const { asked } = this.#choice.now;
    setHidden(this.#panel, asked === null);
    setAttribute(document.documentElement, "data-detail", panelOf(this.#choice.now));
    if (asked) this.#show(asked, isFirst, focused);
    else if (this.#isOpen) this.#leave();
    this.#isOpen = asked !== null;
  }

  /** Paint the present values beside the figures. */
  paint() {
    if (!this.#isOpen) return;
    for (const view of this.#views.values()) view.paintPresent(this.#board);
  }

  #listen() {
    const form = byId("ask-form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#conversation.running) this.#ask(this.#field.value);
    });
    this.#button.addEventListener("click", (event) => {
      if (!this.#conversation.running) return;
      event.preventDefault(); // it says "Stop"
      this.#conversation.running.stop();
    });
    this.#field.addEventListener("keydown", (event) => this.#onKey(event));
    this.#clear.addEventListener("click", () => this.#forgetAll());
    this.#thread.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    onPlainClick(this.#panel, "#ask-close", () => this.#choice.close());
    onPlainClick(this.#panel, "#ask-about a", () =>
      this.#choice.ask({ question: "", about: "" }),
    );
    onPlainClick(this.#suggestions, "a", (link) => this.#ask(link.textContent ?? ""));
    onPlainClick(this.#turns, "a", (link) => {
      const { opened } = readSelection(new URL(/** @type {HTMLAnchorElement} */ (link).href));
      if (opened) this.#choice.open(opened);
    });
  }

  /**
   * @param {import("../controls/address.js").Asked} asked
   * @param {boolean} isFirst
   * @param {Element | null} focused
   */
  #show({ question, about }, isFirst, focused) {
    const { now } = this.#choice;
    setAttribute(this.#close, "href", writeUrl({ ...now, asked: null }));
    this.#showAbout(about);
    this.#suggest(about);
    const isNew = question !== "" && this.#isNew(question, about, isFirst);
    // If a model answers, a link on another site must not ask: a person has to send it.
    const isOffered = isNew && isFirst && this.#panel.dataset.asks === "no";
    if (isOffered) this.#field.value = question;
    else if (isNew) this.#send(question, about);
    this.#requestFrame();
    if (this.#isOpen) return question ? undefined : this.#field.focus();
    if (!this.#leftBy) {
      this.#openedFrom = /** @type {HTMLElement | null} */ (focused);
      this.#openedAbout = about;
    }
    this.#focus(isFirst && question !== "" && !isOffered);
  }

  /**
   * Whether the question in the URL must be asked. After a reload or "back", its answer is
   * already there.
   * @param {string} question
   * @param {string} about
   * @param {boolean} isFirst
   */
  #isNew(question, about, isFirst) {
    const turn = this.#conversation.find(question, about);
    if (!turn) return true;
    return isFirst && !turn.isRunning && navigationType() === "navigate";
  }

  /** Hide Ask, and give the focus back; a detail may take its place. */
  #leave() {
    const { now } = this.#choice;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    this.#leftBy = now.opened && this.#turns.contains(focused) ? focused : null;
    if (now.opened && askAbout(now).about !== this.#openedAbout) return;
    // After the detail, which takes the focus if Ask was opened from it.
    queueMicrotask(() => this.#openedFrom?.focus({ preventScroll: true }));
  }

  /** @param {boolean} isAnswered Whether the page was opened with a question. */
  #focus(isAnswered) {
    if (this.#leftBy?.isConnected) this.#leftBy.focus();
    else if (isAnswered) return;
    else if (TOUCH.matches) this.#panel.focus({ preventScroll: true });
    else this.#field.focus({ preventScroll: true });
    this.#leftBy = null;
  }

  /** @param {string} about */
  #showAbout(about) {
    const [, key] = /^[^/]*\/(.*)$/s.exec(about) ?? ["", ""];
    setHidden(this.#about, key === "");
    setText(byId("ask-about-key"), isolated(key));
    /** @type {HTMLInputElement} */ (byId("ask-about-field")).value = about;
  }

  /** @param {string} about */
  async #suggest(about) {
    if (this.#suggestedAbout === about) return;
    this.#suggestedAbout = about;
    const items = await fetchSuggestions(about).catch(() => null);
    if (this.#suggestedAbout !== about) return;
    if (items) this.#suggestions.replaceChildren(...items);
    else this.#suggestedAbout = null; // the next opening tries again
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      this.#choice.close();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      /** @type {HTMLFormElement} */ (byId("ask-form")).requestSubmit();
    }
  }

  /** @param {string} text */
  #ask(text) {
    const question = text.trim();
    if (question === "" || this.#conversation.running) return this.#field.focus();
    const about = this.#choice.now.asked?.about ?? "";
    this.#field.value = "";
    if (TOUCH.matches) this.#field.blur();
    this.#send(question, about);
    this.#choice.ask({ question, about });
  }

  /** @param {string} question @param {string} about */
  #send(question, about) {
    const pins = this.#settings.get("pins").filter((pin) => pin.startsWith(PIN_OF_QUOTE));
    const symbols = pins.slice(0, MOST_PINS).map((pin) => pin.slice(PIN_OF_QUOTE.length));
    this.#follows = true;
    this.#conversation.ask(question, about, symbols);
  }

  #forgetAll() {
    this.#conversation.clear();
    this.#views.clear();
    this.#turns.replaceChildren();
    this.#choice.ask({ question: "", about: this.#choice.now.asked?.about ?? "" });
    this.#field.focus();
  }

  /** @param {Turn} turn */
  #onTurn(turn) {
    const words = announcementOf(turn.state);
    if (this.#announced.get(turn) !== words) this.#announcer.announce(words, true);
    this.#announced.set(turn, words);
    this.#requestFrame();
  }

  #onScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#thread;
    this.#follows = scrollHeight - scrollTop - clientHeight < AT_END;
  }

  #requestFrame() {
    this.#frame ||= requestAnimationFrame(() => this.#paintTurns());
  }

  #paintTurns() {
    this.#frame = 0;
    const { turns, running } = this.#conversation;
    for (const turn of turns) this.#viewOf(turn).paint();
    setHidden(this.#empty, turns.length > 0);
    this.#empty.classList.remove("needs-no-script"); // hidden until the stored turns are read
    setHidden(this.#clear, turns.length === 0);
    setText(this.#button, running ? "Stop" : "Ask");
    setAttribute(this.#button, "data-act", running ? "stop" : "ask");
    if (this.#follows) this.#thread.scrollTop = this.#thread.scrollHeight;
    this.paint();
    clearTimeout(this.#timer);
    const isCounting = turns.some((turn) => this.#viewOf(turn).isCounting);
    if (isCounting) this.#timer = setTimeout(() => this.#requestFrame(), SECOND);
  }

  /** @param {Turn} turn */
  #viewOf(turn) {
    let view = this.#views.get(turn);
    if (!view) {
      view = new TurnView(turn, this.#choice);
      this.#views.set(turn, view);
      this.#turns.append(view.element);
    }
    return view;
  }
}

/** How the browser came to the page: "navigate", "reload" or "back_forward". */
function navigationType() {
  const [entry] = performance.getEntriesByType("navigation");
  return /** @type {PerformanceNavigationTiming | undefined} */ (entry)?.type ?? "navigate";
}
