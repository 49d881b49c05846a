import { arrange, keepFocus } from "../../../static/dom.js";
import { assert, equal, test } from "./runner.js";

test("children come into any order, and the one with the focus is never moved", () => {
  const list = listOf(6);
  for (const order of ["543210", "123450", "501234", "240135", "012345"]) {
    for (const focused of "012345") {
      const link = linkOf(list, focused);
      link.focus();
      let blurs = 0;
      const count = () => (blurs += 1);
      link.addEventListener("blur", count);
      arrange(
        list,
        [...order].map((name) => rowOf(list, name)),
      );
      link.removeEventListener("blur", count);
      equal(namesOf(list), order);
      assert(document.activeElement === link, `${focused} lost the focus in ${order}`);
      equal(blurs, 0);
    }
  }
  list.remove();
});

test("without a focus, as few children as possible are moved", () => {
  const list = listOf(6);
  /** @type {any} */ (document.activeElement)?.blur();
  const moved = movedBy(list, () =>
    arrange(
      list,
      [..."152340"].map((it) => rowOf(list, it)),
    ),
  );
  equal(namesOf(list), "152340");
  equal(moved, ["0", "5"]);
  list.remove();
});

test("the focus of a row that goes is given to the next one, then to the one before", () => {
  const list = listOf(3);
  linkOf(list, "1").focus();
  keepFocus(list, () => rowOf(list, "1").remove());
  assert(document.activeElement === linkOf(list, "2"), "the next row hasn't the focus");
  keepFocus(list, () => (rowOf(list, "2").hidden = true));
  assert(document.activeElement === linkOf(list, "0"), "the row before hasn't the focus");
  const board = document.createElement("main");
  board.id = "board";
  board.tabIndex = -1;
  document.body.append(board);
  keepFocus(list, () => list.replaceChildren());
  assert(document.activeElement === board, "the board hasn't the focus");
  board.remove();
  list.remove();
});

test("the focus of a row that is put elsewhere goes with it", () => {
  const list = listOf(3);
  const part = list.appendChild(document.createElement("ul"));
  const link = linkOf(list, "1");
  link.focus();
  keepFocus(list, () => part.append(rowOf(list, "1")));
  assert(document.activeElement === link, "it was lost");
  list.remove();
});

/** A list with a row of each number, which has a link. @param {number} length */
function listOf(length) {
  const list = document.createElement("ul");
  for (let n = 0; n < length; n += 1) {
    const row = list.appendChild(document.createElement("li"));
    row.dataset.name = String(n);
    const link = row.appendChild(document.createElement("a"));
    link.className = "symbol";
    link.href = "#";
    link.textContent = String(n);
  }
  return document.body.appendChild(list);
}

/** @param {Element} list @param {string} name @returns {HTMLElement} */
function rowOf(list, name) {
  return /** @type {HTMLElement} */ (list.querySelector(`[data-name="${name}"]`));
}

/** @param {Element} list @param {string} name */
function linkOf(list, name) {
  return /** @type {HTMLElement} */ (rowOf(list, name).firstElementChild);
}

/** @param {Element} list */
function namesOf(list) {
  return [...list.children]
    .map((row) => /** @type {HTMLElement} */ (row).dataset.name)
    .join("");
}

/** The names of the rows that are moved, in order. @param {Element} list @param {() => void} act */
function movedBy(list, act) {
  const observer = new MutationObserver(() => {});
  observer.observe(list, { childList: true });
  act();
  const rows = observer.takeRecords().flatMap(({ addedNodes }) => [...addedNodes]);
  observer.disconnect();
  return rows.map((row) => /** @type {HTMLElement} */ (row).dataset.name ?? "").sort();
}
