/**
 * The detail of a row of a publisher's own type: all its fields. An array or an object is shown
 * as indented JSON, and a long text as its beginning with a button for more.
 */

import { headOf } from "../format.js";
import { cell, entriesOf } from "../panels/cells.js";
import { byId, fieldsOf, setAttribute, setText, stamp } from "../dom.js";
import { fillCell } from "../panels/row.js";

/** @typedef {import("../board/own-types.js").Row} Row */
/**
 * @typedef {object} Field A field on the page.
 * @property {HTMLElement} element
 * @property {import("../panels/row.js").Drawn} drawn
 * @property {string} whole Its whole text.
 * @property {number} shown How many characters of it are shown.
 * @property {HTMLButtonElement} more
 */

const FIRST_SHOWN = 1000; // characters of a text
const FURTHER_SHOWN = 20_000; // as many more with each click
const MOST_SHOWN_FIELDS = 500;

export class OwnDetail {
  #list = byId("own-fields");
  /** @type {Map<string, Field>} By name. */ #fields = new Map();
  /** @type {Row | null} */ #row = null;

  /** @param {Row} row @param {number} now Epoch ms. */
  paint(row, now) {
    if (row.type !== this.#row?.type || row.key !== this.#row.key) this.#fields.clear();
    this.#row = row;
    const entries = entriesOf(row.data).slice(0, MOST_SHOWN_FIELDS);
    const fields = entries.map(([name, value]) => this.#paintField(name, value, now));
    this.#list.replaceChildren(...fields.map(({ element }) => element));
    const names = new Set(entries.map(([name]) => name));
    for (const name of this.#fields.keys()) if (!names.has(name)) this.#fields.delete(name);
  }

  /** @param {string} name @param {any} value @param {number} now */
  #paintField(name, value, now) {
    const field = this.#fields.get(name) ?? this.#addField(name);
    if (value === field.drawn.value) return field;
    field.drawn.value = value;
    const written = cell(name, value, now);
    const { kind } = written;
    if (kind === "nested") field.whole = JSON.stringify(value, null, 2);
    else field.whole = kind === "text" ? value : written.text;
    setAttribute(field.element, "data-kind", kind);
    if (kind !== "nested" && kind !== "text") fillCell(field.drawn, written, now);
    paintText(field, kind);
    return field;
  }

  /** @param {string} name @returns {Field} */
  #addField(name) {
    const element = stamp("own-field");
    const { head, value } = fieldsOf(element);
    setText(head, headOf(name));
    const more = document.createElement("button");
    more.type = "button";
    more.className = "plain";
    more.textContent = "more";
    const drawn = { box: value, value: undefined, figure: null, time: null };
    const field = { element, drawn, whole: "", shown: FIRST_SHOWN, more };
    more.addEventListener("click", () => {
      field.shown += FURTHER_SHOWN;
      paintText(field, /** @type {"text"} */ (element.dataset.kind));
    });
    this.#fields.set(name, field);
    return field;
  }
}

/** @param {Field} field @param {import("../panels/cells.js").Kind} kind */
function paintText({ drawn, whole, shown, more }, kind) {
  if (kind !== "text" && kind !== "nested") return;
  const isWhole = whole.length <= shown;
  const around = document.createElement(kind === "nested" ? "pre" : "bdi");
  around.textContent = isWhole ? whole : `${whole.slice(0, shown)}…`;
  drawn.box.dataset.kind = kind;
  drawn.box.replaceChildren(around, ...(isWhole ? [] : [" ", more]));
}
