/**
 * The table of a publisher's own type.
 *
 * Only the rows in sight are drawn: the table scrolls within its panel, all rows have the same
 * height, and empty space replaces the rows above and below. A panel far outside the window
 * draws no rows. So ten thousand rows cost no more than twenty.
 *
 * A change only marks its row, and `paint` fills the marked rows once a frame. New rows are
 * appended and retired ones removed at once, but the order changes rarely, and not while a
 * person points at a row: a retired row then stays, muted.
 */

import { useOf } from "../board/attention.js";
import { headOf } from "../format.js";
import { orderOf, typeOf, writeUrl } from "../controls/address.js";
import { ownPinOf } from "../controls/settings.js";
import { arrange, fieldsOf, setAttribute, setHidden, setText, stamp } from "../dom.js";
import { chooseRows, rowTest } from "./order.js";
import { fitColumns } from "./fit.js";
import { PanelRow } from "./row.js";

/** @typedef {import("./tables.js").Table} Table */
/** @typedef {import("../board/painter.js").Frame} Frame */
/** @typedef {import("../board/prices.js").Choice} Choice */
/** @typedef {import("../board/prices.js").Pins} Pins */
/** @typedef {import("../board/state.js").Change} Change */
/** @typedef {import("../board/flashes.js").Flashes} Flashes */
/** @typedef {import("./fit.js").Fit} Fit */

const FLASH_WITHIN = 1000; // ms; hidden pages paint later, and old changes must not flash
const ORDER_INTERVAL = 2000; // ms between two changes of the order
const BEYOND = 6; // rows that are drawn beyond each edge, so that scrolling finds them there
const UNMEASURED = 12; // rows that are drawn until the panel's height is known
const MOST_PRINTED = 200;
const MOST_LINES = 10; // rows for which an unselected panel has room
const LINES = 3; // the room grows by this many rows at once, so that it grows rarely
const PHONE = matchMedia("(width < 40rem)"); // as in panels.css

export class Panel {
  #own;
  #tables;
  #choice;
  #pins;
  #flashes;
  element = stamp("panel");
  #fields = fieldsOf(this.element);
  #above = spaceFor("above");
  #below = spaceFor("below");
  /** @type {Map<string, PanelRow>} */ #drawn = new Map();
  /** @type {string[]} */ #keys = [];
  /** @type {Set<string>} */ #shown = new Set(); // the keys again
  /** @type {Map<string, {at: number, live: boolean}>} */ #pending = new Map();
  /** @type {Set<string>} */ #arrived = new Set();
  #hasLeft = false; // whether a row is gone
  #isOrderDue = true;
  #isOrderUrgent = true; // whether a person's action requires it
  #isWindowDue = true;
  #orderedAt = -Infinity;
  #isNear = false;
  #isPrinted = false;
  #scrollTop = 0;
  #width = 0; // 0 until it is known
  #height = 0; // 0 until it is known
  #rem = 16; // px; `fit.js` and the heights of rows count in it
  /** @type {Fit} */ #fit = { columns: [], trend: true };
  #lines = 0;
  #headSign = "";

  /**
   * @param {Table} own
   * @param {import("./tables.js").Tables} tables
   * @param {Choice} choice
   * @param {Pins} pins
   * @param {Flashes} flashes
   */
  constructor(own, tables, choice, pins, flashes) {
    this.#own = own;
    this.#tables = tables;
    this.#choice = choice;
    this.#pins = pins;
    this.#flashes = flashes;
    const { title, table, rows, scroll } = this.#fields;
    this.element.dataset.type = own.type;
    title.id = `panel-${own.type}`;
    for (const named of [this.element, table]) {
      setAttribute(named, "aria-labelledby", title.id);
    }
    setText(title, headOf(own.type));
    rows.before(this.#above);
    rows.after(this.#below);
    scroll.addEventListener("scroll", () => this.#onScroll(), { passive: true });
  }

  /** Whether there is a change of the order to apply. */
  get isOrderDue() {
    return this.#isOrderDue || this.#hasLeft || this.#arrived.size > 0;
  }

  /** Called when the panel has scrolled. @type {() => void} */
  onScroll = () => {};

  /** @param {Change} change */
  onChange({ key, before, now, live }) {
    if (key === null) return;
    this.#pending.set(key, { at: performance.now(), live });
    if (!before) this.#arrived.add(key);
    else if (!now) this.#hasLeft = true;
    else if (this.#isRanked) this.#isOrderDue = true;
  }

  /** A person changed the selection: the next paint applies it. */
  onSelection() {
    this.#isOrderDue = this.#isOrderUrgent = true;
    this.#headSign = "";
  }

  /** @param {{width: number, height: number}} size What is in sight of the table, in px. */
  onResize({ width, height }) {
    this.#width = width;
    this.#height = height;
    this.#rem = parseFloat(getComputedStyle(this.element).getPropertyValue("--rem"));
    this.#headSign = "";
    this.#isWindowDue = true;
  }

  /** @param {boolean} isNear Whether the panel is near the part of the page in sight. */
  onNear(isNear) {
    this.#isNear = isNear;
    this.#isWindowDue = true;
  }

  /** @param {boolean} isPrinted Whether the page is about to be printed. */
  onPrint(isPrinted) {
    this.#isPrinted = isPrinted;
    this.#isWindowDue = true;
  }

  /** @param {Frame} frame */
  paint({ now, isPaused, serverTime }) {
    if (!isPaused || this.#headSign === "") this.#paintHeads();
    if (!isPaused) this.#paintValues(now, serverTime);
    if (this.isOrderDue) this.#order(now);
    if (this.#isWindowDue) this.#drawWindow(serverTime);
  }

  /** Paint the ages of the times in sight. @param {number} serverTime */
  paintAges(serverTime) {
    for (const row of this.#drawn.values()) row.paintAges(serverTime);
  }

  /** Whether another value can change the order or the rows. */
  get #isRanked() {
    const { by, q } = this.#choice.now;
    return q !== "" || orderOf(by, this.#own.type) !== null;
  }

  get #rowHeight() {
    return (PHONE.matches ? 2.75 : 2.25) * this.#rem; // as in panels.css
  }

  #onScroll() {
    this.#scrollTop = this.#fields.scroll.scrollTop;
    this.#isWindowDue = true;
    this.onScroll();
  }

  /** @param {number} now @param {number} serverTime */
  #paintValues(now, serverTime) {
    for (const [key, { at, live }] of this.#pending) {
      const row = this.#drawn.get(key);
      if (!row) continue;
      const isGone = !this.#own.rows.has(key);
      row.element.toggleAttribute("data-gone", isGone);
      if (isGone) continue;
      const changed = this.#fill(row, key, serverTime);
      row.fit(this.#fit);
      if (!live || now - at >= FLASH_WITHIN) continue;
      // A number that rises may be good or bad news, so the flash has no direction.
      for (const figure of changed) this.#flashes.light(figure, "flat");
    }
    this.#pending.clear();
  }

  /** @param {PanelRow} row @param {string} key @param {number} serverTime */
  #fill(row, key, serverTime) {
    const { type } = this.#own;
    const newest = this.#own.rows.get(key);
    if (!newest) return [];
    return row.fill(this.#own, newest, this.#tables.trend(type, key), serverTime);
  }

  /** Bring the keys up to date. @param {number} now */
  #order(now) {
    const isUrgent = this.#isOrderUrgent;
    const use = isUrgent ? "" : useOf(this.element);
    const mustWait = use !== "";
    const isEarly = !isUrgent && this.#isRanked && now - this.#orderedAt < ORDER_INTERVAL;
    if (mustWait) this.#keys = [...this.#keys, ...this.#newKeys()];
    else if (isEarly) {
      const left = this.#keys.filter((key) => this.#own.rows.has(key));
      this.#keys = [...left, ...this.#newKeys()];
    } else {
      this.#keys = chooseRows(this.#own, this.#choice.now, this.#isPinned);
      this.#orderedAt = now;
    }
    this.#arrived.clear();
    this.#shown = new Set(this.#keys);
    this.#isOrderDue = mustWait || isEarly;
    this.#hasLeft &&= mustWait;
    this.#isOrderUrgent = false;
    this.#isWindowDue = true;
    this.element.toggleAttribute("data-held", mustWait && this.#isRanked);
    setHidden(this.#fields.waits, !(mustWait && this.#isRanked));
    if (mustWait) setText(this.#fields.waits, `Order paused while you ${use}`);
    this.#paintSize(isUrgent);
  }

  /** The keys of rows that came, in their order. */
  #newKeys() {
    const shows = rowTest(this.#choice.now, this.#isPinned);
    return [...this.#arrived].filter((key) => {
      const row = this.#own.rows.get(key);
      return row && !this.#shown.has(key) && shows(row);
    });
  }

  #isPinned = (/** @type {string} */ pin) => this.#pins.isPinned(pin);

  /** Paint how many rows there are, and keep room for them. @param {boolean} isAsked */
  #paintSize(isAsked) {
    const { q, filter, view } = this.#choice.now;
    const all = this.#own.rows.size;
    const shown = this.#keys.length;
    const isPart = q.trim() !== "" || filter === "pinned";
    setText(this.#fields.count, isPart ? `${shown} of ${all}` : String(all));
    setHidden(this.#fields.none, shown > 0);
    setAttribute(this.#fields.table, "aria-rowcount", String(shown + 1));
    const type = typeOf(view);
    const isChosen = view === "both" || type === this.#own.type;
    setHidden(this.element, !isChosen || (isPart && shown === 0));
    const needed = Math.min(Math.ceil(Math.max(shown, 1) / LINES) * LINES, MOST_LINES);
    this.#lines = isAsked ? needed : Math.max(this.#lines, needed);
    setAttribute(this.element, "data-lines", String(this.#lines));
  }

  /** Draw the rows in sight. @param {number} serverTime */
  #drawWindow(serverTime) {
    this.#isWindowDue = false;
    const [first, last] = this.#window();
    const keys = this.#keys.slice(first, last);
    const inSight = new Set(keys);
    for (const [key, row] of this.#drawn) {
      if (inSight.has(key) || row.hasFocus) continue;
      row.element.remove();
      this.#drawn.delete(key);
    }
    const rows = keys.flatMap((key) => this.#drawn.get(key) ?? this.#draw(key, serverTime));
    arrange(
      this.#fields.rows,
      rows.map(({ element }) => element),
    );
    rows.forEach(({ element }, i) =>
      setAttribute(element, "aria-rowindex", `${first + i + 2}`),
    );
    const height = this.#rowHeight;
    setHeight(this.#above, first * height);
    setHeight(this.#below, (this.#keys.length - last) * height);
  }

  /** The first of the rows to draw, and the one after the last. */
  #window() {
    if (this.#isPrinted) return [0, Math.min(this.#keys.length, MOST_PRINTED)];
    if (!this.#isNear) return [0, 0];
    const height = this.#rowHeight;
    const top = Math.floor(this.#scrollTop / height);
    const fit = this.#height ? Math.ceil(this.#height / height) : UNMEASURED;
    const first = Math.max(0, Math.min(top, this.#keys.length - fit) - BEYOND);
    return [first, Math.min(this.#keys.length, top + fit + BEYOND)];
  }

  /** @param {string} key @param {number} serverTime @returns {PanelRow[]} */
  #draw(key, serverTime) {
    const { type, rows } = this.#own;
    if (!rows.has(key)) return [];
    const row = new PanelRow(type, key);
    this.#drawn.set(key, row);
    const opened = { kind: /** @type {const} */ ("own"), type, key };
    const isPinned = this.#pins.isPinned(ownPinOf(type, key));
    row.paintControls(writeUrl({ ...this.#choice.now, opened }), isPinned);
    this.#fill(row, key, serverTime);
    row.fit(this.#fit);
    return [row];
  }

  /** Paint the heads of the columns, if these or their order changed. */
  #paintHeads() {
    const { type, columns, trend } = this.#own;
    const all = [...columns.values()];
    const sign = all.map(({ kind, decimals }) => `${kind} ${decimals}`).join() + trend;
    if (sign === this.#headSign) return;
    this.#headSign = sign;
    const at = performance.now();
    for (const key of this.#drawn.keys()) {
      if (!this.#pending.has(key)) this.#pending.set(key, { at, live: false });
    }
    this.#fit = fitColumns(
      all.map(({ kind }) => kind),
      all.findIndex(({ name }) => name === trend),
      this.#width / this.#rem,
      this.#rowHeight / this.#rem,
    );
    for (const row of this.#drawn.values()) row.fit(this.#fit);
    const heads = [
      this.#head("", headOf(type), "key"),
      ...all.map(({ name, kind }, i) => {
        const head = this.#head(name, headOf(name), kind ?? "null");
        head.hidden = !this.#fit.columns[i];
        return head;
      }),
    ];
    const { heads: line } = this.#fields;
    const focused = /** @type {HTMLElement} */ (line.querySelector(":focus"))?.dataset.by;
    const pin = /** @type {Element} */ (line.firstElementChild);
    const spark = /** @type {HTMLElement} */ (this.#fields.heads.lastElementChild);
    spark.hidden = !this.#fit.trend;
    line.replaceChildren(pin, ...heads, spark);
    const links = heads.map((head) => /** @type {HTMLElement} */ (head.firstElementChild));
    if (focused !== undefined) links.find(({ dataset }) => dataset.by === focused)?.focus();
    setAttribute(this.element, "data-columns", String(columns.size));
  }

  /**
   * @param {string} field Empty for the key.
   * @param {string} words
   * @param {string} kind
   */
  #head(field, words, kind) {
    const head = stamp("own-head");
    const { now } = this.#choice;
    const order = orderOf(now.by, this.#own.type);
    const isSorted = order?.field === field;
    const way = order?.descends ? "descending" : "ascending";
    const by = `${this.#own.type}:${field}`;
    head.className = field === "" && kind === "key" ? "who" : "value";
    head.dataset.kind = kind;
    setAttribute(head, "aria-sort", isSorted ? way : "none");
    const link = /** @type {HTMLElement} */ (head.firstElementChild);
    link.dataset.by = by;
    const next = nextOrder(now.by, by, kind === "number" || kind === "time");
    setAttribute(link, "href", writeUrl({ ...now, by: next }));
    setText(/** @type {Element} */ (link.firstElementChild), words);
    return head;
  }
}

/**
 * The order after a click on a head: numbers in descending order first, then in the other
 * order, then as the rows came.
 * @param {string} now
 * @param {string} column
 * @param {boolean} isNumeric
 */
export function nextOrder(now, column, isNumeric) {
  const [first, second] = isNumeric ? [`-${column}`, column] : [column, `-${column}`];
  if (now === first) return second;
  return now === second ? "" : first;
}

/** Make the empty space in place of rows that aren't drawn. @param {string} name */
function spaceFor(name) {
  const space = document.createElement("tbody");
  space.className = `space ${name}`;
  space.setAttribute("aria-hidden", "true");
  space.append(document.createElement("tr"));
  space.rows[0].append(document.createElement("td"));
  return space;
}

/** @param {HTMLTableSectionElement} space @param {number} height In px. */
function setHeight(space, height) {
  const [row] = space.rows;
  if (row.style.height !== `${height}px`) row.style.height = `${height}px`;
  setHidden(space, height === 0);
}
