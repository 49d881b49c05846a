/**
 * The panels of publishers' own types, and the activity. The page loads this module with the
 * first event of such a type.
 */

import { Flashes } from "../board/flashes.js";
import { byId } from "../dom.js";
import { fetchOwn } from "../own-fetch.js";
import { loadStyle } from "../stylesheets.js";
import { Activity } from "./activity.js";
import { Panel } from "./panel.js";
import { Tables } from "./tables.js";

/** @typedef {import("../board/painter.js").Frame} Frame */
/** @typedef {import("../board/prices.js").Choice} Choice */
/** @typedef {import("../board/prices.js").Pins} Pins */
/** @typedef {import("../board/state.js").Board} Board */
/** @typedef {import("../board/state.js").Change} Change */

const STYLE_ID = "panels-style"; // the id of an element, also in templates/
const ADDED_PANELS = 8; // panels in one frame, so that a hundred types don't block the page
const NEAR = "600px"; // from the part of the page in sight; panels within are drawn

/** Load the style and the templates of the panels. Throw an Error if that fails. */
export async function loadPanelParts() {
  await Promise.all([
    loadStyle(STYLE_ID, new URL("panels.css", import.meta.url)),
    document.getElementById("panel") ?? addTemplates(),
  ]);
}

async function addTemplates() {
  const response = await fetchOwn("/panels/templates");
  if (!response.ok) throw new Error(`the panels can't be loaded (${response.status})`);
  const made = new DOMParser().parseFromString(await response.text(), "text/html");
  document.body.append(...made.querySelectorAll("template"));
}

export class Panels {
  tables;
  #choice;
  #pins;
  #request;
  #place = byId("own");
  #flashes = new Flashes();
  #activity;
  /** @type {Map<string, Panel>} By type. */ #panels = new Map();
  /** @type {Map<Element, Panel>} */ #byElement = new Map();
  #nearness = new IntersectionObserver((seen) => this.#onNear(seen), { rootMargin: NEAR });
  #sizes = new ResizeObserver((sizes) => this.#onSizes(sizes));
  #serverTime = 0; // of the last paint
  /** @type {Map<string, Element>} By type: the panels of the HTML. */ #made = new Map();

  /**
   * @param {Board} board
   * @param {Choice} choice
   * @param {Pins} pins
   * @param {() => void} request Asks for a paint, even if the page is paused.
   */
  constructor(board, choice, pins, request) {
    this.tables = new Tables(board);
    this.#choice = choice;
    this.#pins = pins;
    this.#request = request;
    this.#activity = new Activity(board, choice);
    for (const element of this.#place.querySelectorAll(".panel[data-type]")) {
      const made = /** @type {HTMLElement} */ (element);
      this.#made.set(made.dataset.type ?? "", made);
    }
    addEventListener("beforeprint", () => this.#print(true));
    addEventListener("afterprint", () => this.#print(false));
  }

  /** @param {Change} change */
  onChange(change) {
    if (change.key === null) this.#activity.onChange();
    else this.#panels.get(change.own ?? "")?.onChange(change);
  }

  /** A person changed the selection: the next paint applies it. */
  onSelection() {
    this.#activity.onSelection();
    for (const panel of this.#panels.values()) panel.onSelection();
  }

  /** Whether there is a change of an order to apply. */
  get isOrderDue() {
    return this.#activity.isDue || [...this.#panels.values()].some((it) => it.isOrderDue);
  }

  /** Whether the selection shows no panel. */
  get isEmpty() {
    return [...this.#place.children].every((it) => /** @type {HTMLElement} */ (it).hidden);
  }

  /** @param {Frame} frame */
  paint(frame) {
    this.#serverTime = frame.serverTime;
    const missing = [...this.tables.all].filter(({ type }) => !this.#panels.has(type));
    for (const own of missing.slice(0, ADDED_PANELS)) this.#add(own);
    if (missing.length > ADDED_PANELS) this.#request();
    for (const panel of this.#panels.values()) panel.paint(frame);
    this.#activity.paint(frame.isPaused);
  }

  /** Paint the ages of the times in sight. @param {number} serverTime */
  paintAges(serverTime) {
    for (const panel of this.#panels.values()) panel.paintAges(serverTime);
  }

  /** @param {import("./tables.js").Table} own */
  #add(own) {
    const panel = new Panel(own, this.tables, this.#choice, this.#pins, this.#flashes);
    panel.onScroll = this.#request;
    this.#panels.set(own.type, panel);
    this.#byElement.set(panel.element, panel);
    const made = this.#made.get(own.type);
    if (made) made.replaceWith(panel.element);
    else byId("activity").before(panel.element);
    this.#made.delete(own.type);
    this.#nearness.observe(panel.element);
    this.#sizes.observe(/** @type {Element} */ (panel.element.lastElementChild));
  }

  /** @param {IntersectionObserverEntry[]} seen */
  #onNear(seen) {
    for (const { target, isIntersecting } of seen) {
      this.#byElement.get(target)?.onNear(isIntersecting);
    }
    this.#request();
  }

  /** @param {ResizeObserverEntry[]} sizes */
  #onSizes(sizes) {
    for (const { target, contentRect } of sizes) {
      const panel = target.closest(".panel");
      if (panel) this.#byElement.get(panel)?.onResize(contentRect);
    }
    this.#request();
  }

  /** Draw all rows for printing, before the browser lays out the page. @param {boolean} isPrinted */
  #print(isPrinted) {
    for (const panel of this.#panels.values()) {
      panel.onPrint(isPrinted);
      panel.paint({
        now: performance.now(),
        isPaused: true,
        serverTime: this.#serverTime,
      });
    }
  }
}
