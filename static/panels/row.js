/**
 * A row of a panel, and the content of its cells.
 *
 * Published data becomes text, in an element that isolates its direction of writing. The only
 * attribute with published data is the address of a link, which `cell` has checked.
 */

import { ageText, cell, fieldOf } from "./cells.js";
import { paintPin } from "../controls/pins.js";
import { fieldsOf, setAttribute, setHidden, setText, stamp } from "../dom.js";
import { isolated, points } from "../format.js";
import { date, setTime } from "../times.js";

/** @typedef {import("./cells.js").Cell} Cell */
/** @typedef {import("../board/own-types.js").Row} Row */
/** @typedef {import("./tables.js").Table} Table */
/**
 * @typedef {object} Drawn A cell on the page.
 * @property {HTMLElement} box
 * @property {any} value
 * @property {HTMLElement | null} figure Of a number.
 * @property {{at: number, age: HTMLElement} | null} time
 */

const REL = "noopener noreferrer nofollow";

export class PanelRow {
  element = stamp("own-row");
  #fields = fieldsOf(this.element);
  /** @type {Drawn[]} */ #cells = [];
  #trendBox = /** @type {HTMLElement} */ (this.element.lastElementChild);

  /** @param {string} type @param {string} key */
  constructor(type, key) {
    this.element.dataset.type = type;
    this.element.dataset.key = key;
    setText(this.#fields.key, key);
  }

  /** Whether the focus is in the row. */
  get hasFocus() {
    return this.element.contains(document.activeElement);
  }

  /** @param {string} href @param {boolean} isPinned */
  paintControls(href, isPinned) {
    setAttribute(this.#fields.open, "href", href);
    paintPin(this.#fields.pin, isolated(this.element.dataset.key ?? ""), isPinned);
  }

  /**
   * Write the newest data into the cells.
   * @param {Table} own
   * @param {Row} row
   * @param {number[]} trend
   * @param {number} now Epoch ms.
   * @returns {HTMLElement[]} The numbers that changed.
   */
  fill(own, row, trend, now) {
    const changed = [];
    let i = 0;
    for (const { name, decimals } of own.columns.values()) {
      const drawn = (this.#cells[i] ??= this.#addCell());
      i += 1;
      const value = fieldOf(row.data, name);
      const isNews = typeof value === "number" && typeof drawn.value === "number";
      const differs = value !== drawn.value;
      drawn.value = value;
      fillCell(drawn, cell(name, value, now, decimals), now);
      if (isNews && differs && drawn.figure) changed.push(drawn.figure);
    }
    if (own.trend !== null) setAttribute(this.#fields.points, "points", points(trend));
    this.element.removeAttribute("data-gone");
    return changed;
  }

  /** Show the cells for which the panel has room. @param {import("./fit.js").Fit} fit */
  fit({ columns, trend }) {
    this.#cells.forEach(({ box }, i) => setHidden(box, !columns[i]));
    setHidden(this.#trendBox, !trend);
  }

  /** Paint the ages of the times. @param {number} now Epoch ms. */
  paintAges(now) {
    for (const { time } of this.#cells) if (time) setText(time.age, ageText(time.at, now));
  }

  /** @returns {Drawn} */
  #addCell() {
    const box = document.createElement("td");
    box.setAttribute("role", "cell");
    box.className = "value";
    this.#trendBox.before(box);
    return { box, value: undefined, figure: null, time: null };
  }
}

/**
 * Write a cell; make its elements again if its kind changed.
 * @param {Drawn} drawn
 * @param {Cell} written
 * @param {number} now
 */
export function fillCell(drawn, written, now) {
  const { box } = drawn;
  const { kind, text, at, tone } = written;
  if (box.dataset.kind !== kind) makeContent(drawn, kind);
  const [content] = box.children;
  if (kind === "number") setText(content, text);
  else if (kind === "time") {
    const instant = at ?? 0;
    setTime(content, instant, "clock");
    setAttribute(content, "title", date(instant));
    if (drawn.time) drawn.time.at = instant;
    if (drawn.time) setText(drawn.time.age, ageText(instant, now));
  } else if (kind === "chip" || kind === "link") {
    setText(/** @type {Element} */ (content.firstElementChild), text);
    if (kind === "chip") setAttribute(content, "data-tone", tone ?? "plain");
    else setAttribute(content, "href", text);
  } else setText(content, text);
}

/** @param {Drawn} drawn @param {Cell["kind"]} kind */
function makeContent(drawn, kind) {
  const { box } = drawn;
  box.dataset.kind = kind;
  drawn.figure = drawn.time = null;
  if (kind === "number") {
    drawn.figure = make("span", "figure");
    box.replaceChildren(drawn.figure);
  } else if (kind === "time") {
    const age = make("span", "age");
    drawn.time = { at: 0, age };
    box.replaceChildren(document.createElement("time"), " ", age);
  } else if (kind === "chip" || kind === "link") {
    const around = make(kind === "chip" ? "span" : "a", kind === "chip" ? "chip" : "out");
    if (kind === "link") setAttribute(around, "rel", REL);
    around.append(document.createElement("bdi"));
    box.replaceChildren(around);
  } else box.replaceChildren(document.createElement("bdi"));
}

/** @param {string} tag @param {string} name Its class. */
function make(tag, name) {
  const element = document.createElement(tag);
  element.className = name;
  return element;
}
