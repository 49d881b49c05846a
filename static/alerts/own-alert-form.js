/** The form for an alert about rows of a publisher's own type. */

import { headOf, isolated } from "../format.js";
import { byId, setHidden } from "../dom.js";

/** @typedef {import("../panels/tables.js").Tables} Tables */
/** @typedef {import("../controls/address.js").Opened} Opened */
/** @typedef {Omit<import("../controls/settings.js").OwnAlert, "id" | "kind">} Wanted */

export class OwnAlertForm {
  #tables;
  #form = byId("own-alert");
  #type = /** @type {HTMLSelectElement} */ (byId("alert-type"));
  #test = /** @type {HTMLSelectElement} */ (byId("alert-test"));
  #field = /** @type {HTMLSelectElement} */ (byId("alert-field"));
  #value = /** @type {HTMLInputElement} */ (byId("alert-value"));
  #key = /** @type {HTMLInputElement} */ (byId("alert-key"));

  /** @param {() => Tables | undefined} tables @param {(wanted: Wanted) => void} add */
  constructor(tables, add) {
    this.#tables = tables;
    this.#type.addEventListener("change", () => this.#offerFields());
    this.#test.addEventListener("change", () => this.#offerFields());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      add(this.#wanted());
    });
  }

  /** Offer the board's types, filled in for an alert about a row. @param {Opened | null} about */
  offer(about) {
    const types = [...(this.#tables()?.all ?? [])].map(({ type }) => type);
    this.#type.replaceChildren(...types.map((type) => new Option(headOf(type), type)));
    this.#key.value = "";
    if (about?.kind === "own") {
      this.#type.value = about.type ?? "";
      this.#key.value = about.key;
      this.#test.value = "becomes";
    }
    this.#offerFields();
  }

  /** Offer the columns of the type that suit the test. */
  #offerFields() {
    const test = this.#test.value;
    const table = this.#tables()?.of(this.#type.value);
    const columns = [...(table?.columns.values() ?? [])];
    const isNumeric = test === "above" || test === "below";
    const fit = columns.filter((column) => !isNumeric || column.isNumeric);
    this.#field.replaceChildren(
      ...fit.map(({ name }) => new Option(isolated(headOf(name)), name)),
    );
    const chip = fit.find(({ kind }) => kind === "chip");
    if (chip) this.#field.value = chip.name;
    this.#value.inputMode = isNumeric ? "decimal" : "text";
    for (const id of ["alert-field-label", "alert-value-label", "alert-key-label"]) {
      setHidden(byId(id), test === "new");
    }
  }

  /** @returns {Wanted} */
  #wanted() {
    const test = /** @type {Wanted["test"]} */ (this.#test.value);
    const type = this.#type.value;
    if (test === "new") return { type, key: null, field: "", test, value: "" };
    const given = this.#value.value.trim();
    const isNumeric = test !== "becomes";
    const mark = given === "" ? NaN : Number(given.replace(/^−/, "-").replace(",", "."));
    const key = this.#key.value === "" ? null : this.#key.value;
    return { type, key, field: this.#field.value, test, value: isNumeric ? mark : given };
  }
}
