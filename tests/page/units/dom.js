import { followSelection } from "../../../static/controls/selecting.js";
import { arrange, keepFocus, setText } from "../../../static/dom.js";
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

followSelection();

test("a selection stays on a text that changes, and grows with it to its end", async () => {
  const element = paragraph("71.92");
  await select(element, 0, 5);
  setText(element, "171.95");
  equal(getSelection()?.toString(), "171.95");
  await select(element, 1, 3);
  setText(element, "172.05");
  equal(getSelection()?.toString(), "72");
});

test("a selection ends with a text that becomes shorter", async () => {
  const element = paragraph("100.25");
  await select(element, 2, 5);
  setText(element, "99.1");
  equal(getSelection()?.toString(), ".1");
});

test("a backward selection over several texts keeps both of its ends", async () => {
  const [first, last] = [paragraph("one"), paragraph("two")];
  await select(first, 0, 1);
  const ends = [last.firstChild, first.firstChild].map((it) => /** @type {Text} */ (it));
  getSelection()?.setBaseAndExtent(ends[0], 2, ends[1], 1);
  setText(first, "ONE");
  setText(last, "TWO");
  equal(getSelection()?.toString().replace(/\s+/g, " "), "NE TW");
  assert(getSelection()?.anchorNode === last.firstChild, "it is no longer backward");
});

test("a text is written where there is none, or more than text", async () => {
  const element = paragraph("");
  await select(paragraph("elsewhere"), 0, 4);
  setText(element, "new");
  equal(element.textContent, "new");
  element.innerHTML = "<b>bold</b> and more";
  setText(element, "plain");
  equal(element.innerHTML, "plain");
  equal(getSelection()?.toString(), "else");
});

/** Select characters of an element's text, and wait until the page has noticed. */
async function select(/** @type {Element} */ element, from = 0, to = 0) {
  const text = /** @type {Text} */ (element.firstChild);
  const noticed = new Promise((notice) =>
    document.addEventListener("selectionchange", notice, { once: true }),
  );
  getSelection()?.setBaseAndExtent(text, from, text, to);
  await noticed;
}

function paragraph(text = "") {
  const element = document.createElement("p");
  element.textContent = text;
  document.body.append(element);
  return element;
}
