/**
 * What a person selects: it stays selected while its text changes, and rows are copied as a
 * line each with tabs between their cells, and as a table, because spreadsheets take either.
 * The page loads this when a person selects something for the first time.
 *
 * The board writes a real minus sign (U+2212), which spreadsheets and programs take for text.
 * So a copy has a hyphen in its place.
 */

import { selected } from "../dom.js";

/** The heads of the cells of a price that are copied as two. @type {Record<string, string>} */
const HEADS = { who: "Symbol\tName", range: "Low\tHigh" };
const MINUS_OF_NUMBER = /\u2212(?=\d)/g;

export function followSelection() {
  keepSelected();
  document.addEventListener("selectionchange", keepSelected);
  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (!selection?.rangeCount || !event.clipboardData || isInField()) return;
    const lines = linesOf(selection.getRangeAt(0));
    const text = lines.length ? lines.join("\n") : selection.toString();
    event.clipboardData.setData("text/plain", text.replace(MINUS_OF_NUMBER, "-"));
    if (lines.length) event.clipboardData.setData("text/html", tableOf(lines));
    event.preventDefault();
  });
}

/** Let views keep what is selected, as long as something is. */
function keepSelected() {
  selected.write = getSelection()?.isCollapsed === false ? writeSelected : null;
}

/**
 * Write a text, and keep the ends of the selection that are in the text before.
 * @param {Element} element
 * @param {string} text
 */
function writeSelected(element, text) {
  const selection = getSelection();
  const [node, other] = element.childNodes;
  if (!selection || !(node instanceof Text) || other) return false;
  const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
  const { length } = node;
  node.data = text; // moves the ends of the selection in this node to its start
  if (node !== anchorNode && node !== focusNode) return true;
  /** @param {Node | null} end @param {number} offset @returns {[Node, number]} */
  const after = (end, offset) => [
    end ?? node,
    end === node && (offset === length || offset > text.length) ? text.length : offset,
  ];
  selection.setBaseAndExtent(
    ...after(anchorNode, anchorOffset),
    ...after(focusNode, focusOffset),
  );
  return true;
}

/** The rows of tables within a range; empty if the range is within a cell. */
function linesOf(/** @type {Range} */ range) {
  const around = range.commonAncestorContainer;
  const element = around instanceof Element ? around : around.parentElement;
  if (!element || element.closest("td, th")) return [];
  const root = element.closest("tr") ?? element;
  const rows = root.matches("tr") ? [root] : [...root.querySelectorAll("tr")];
  return rows
    .filter((row) => range.intersectsNode(row) && row.checkVisibility())
    .map((row) => lineOf(/** @type {HTMLTableRowElement} */ (row), range))
    .filter((line) => line.trim());
}

/** @param {HTMLTableRowElement} row @param {Range} range */
function lineOf(row, range) {
  const isHead = row.closest("thead") && row.closest(".prices");
  return [...row.cells]
    .filter((cell) => !cell.matches(".pin, .spark") && cell.checkVisibility())
    .filter((cell) => range.intersectsNode(cell))
    .map((cell) => (isHead && HEADS[cell.className]) || textOf(cell))
    .join("\t");
}

/** The texts of a cell: its own, or those of the elements in it. */
function textOf(/** @type {HTMLElement} */ cell) {
  const parts = [...cell.children].filter((it) => !it.matches("svg, .arrow, .age"));
  const texts = parts.length ? parts.map((it) => it.textContent) : [cell.textContent];
  return texts.map((text) => text.trim().replace(/\s+/g, " ")).join("\t");
}

/** @param {string[]} lines */
function tableOf(lines) {
  const table = document.createElement("table");
  for (const line of lines) {
    const row = table.insertRow();
    for (const text of line.replace(MINUS_OF_NUMBER, "-").split("\t")) {
      row.insertCell().textContent = text;
    }
  }
  return table.outerHTML;
}

/** Whether a person copies from a field of a form, which has a selection of its own. */
function isInField() {
  return document.activeElement?.matches("input, textarea") ?? false;
}
