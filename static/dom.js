/**
 * The operations of all views on elements: find them, copy them, fill them in. A write that
 * changes nothing can still cost a layout, so these functions write only what differs.
 */

/**
 * How to write a text of which a person has selected something, or null. It returns whether it
 * wrote the text.
 * @type {{write: ((element: Element, text: string) => boolean) | null}}
 */
export const selected = { write: null };

/**
 * The element with an id; throws an Error if the page has none.
 * @param {string} id
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * A copy of the first element in a <template>.
 * @param {string} id
 */
export function stamp(id) {
  const template = /** @type {HTMLTemplateElement} */ (byId(id));
  const copy = document.importNode(template.content, true).firstElementChild;
  return /** @type {HTMLElement} */ (copy);
}

/**
 * The elements with a `data-field` within another element, by that name.
 * @param {Element} root
 */
export function fieldsOf(root) {
  /** @type {Record<string, HTMLElement>} */
  const fields = {};
  for (const element of root.querySelectorAll("[data-field]")) {
    const named = /** @type {HTMLElement} */ (element);
    fields[named.dataset.field ?? ""] = named;
  }
  return fields;
}

/** @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent === text || selected.write?.(element, text)) return;
  element.textContent = text;
}

/** @param {Element} element @param {string} name @param {string} value */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** @param {HTMLElement} element @param {boolean} hidden */
export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

/**
 * Change the rows within an element without losing the keyboard's focus there. If the
 * focused element is gone or hidden afterwards, its like in the next row gets the focus,
 * else in the row before, else the board.
 * @param {Element} root
 * @param {() => void} change
 */
export function keepFocus(root, change) {
  const focused = document.activeElement;
  if (!focused || focused === root || !root.contains(focused)) return change();
  const alike = [...root.querySelectorAll(`.${focused.classList[0]}`)];
  const at = alike.indexOf(focused);
  change();
  if (document.activeElement === focused && focused.checkVisibility()) return;
  const nearest = [focused, ...alike.slice(at + 1), ...alike.slice(0, at).reverse()];
  const next = nearest.find((it) => it.isConnected && it.checkVisibility());
  /** @type {HTMLElement} */ (next ?? byId("board")).focus({ preventScroll: true });
}

/**
 * How rows change their order: at once, until the page has `board/glide.js`.
 * @type {{glide: (rows: Iterable<Element>, change: () => void) => void}}
 */
export const motion = { glide: (_rows, change) => change() };

/**
 * Bring children of an element into this order, and move as few of them as possible: an
 * element that isn't moved costs nothing. The one with the focus is never moved, because
 * that would lose the focus. Other children may end up anywhere between them.
 * @param {Element} parent
 * @param {Element[]} children
 */
export function arrange(parent, children) {
  const place = new Map(children.map((child, i) => [child, i]));
  const stand = [...parent.children].flatMap((child) => place.get(child) ?? []);
  let focused = document.activeElement;
  while (focused && focused.parentElement !== parent) focused = focused.parentElement;
  const held = focused ? place.get(focused) : undefined;
  const at = stand.indexOf(held ?? -1);
  const stays = longestRise(
    stand.filter((number, i) => at < 0 || i === at || i < at === number < stand[at]),
  );
  /** @type {Element | null} */
  let next = null;
  for (let i = children.length - 1; i >= 0; i -= 1) {
    if (!stays.has(i)) parent.insertBefore(children[i], next);
    next = children[i];
  }
}

/**
 * The members of a longest increasing subsequence (patience sorting).
 * @param {number[]} numbers Without repetition.
 */
function longestRise(numbers) {
  /** @type {number[]} */ const ends = []; // the smallest end of a subsequence of each length
  /** @type {Map<number, number | undefined>} */ const before = new Map();
  for (const number of numbers) {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle] < number) low = middle + 1;
      else high = middle;
    }
    before.set(number, ends[low - 1]);
    ends[low] = number;
  }
  const rise = new Set();
  for (let at = ends.at(-1); at !== undefined; at = before.get(at)) rise.add(at);
  return rise;
}
