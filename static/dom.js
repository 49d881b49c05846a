/**
 * The few things that all views do with elements: find, fill in, and touch only what
 * differs, since a write costs layout even where nothing changes.
 */

/**
 * The element with an id; an Error where the page has none.
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
 * The elements with a `data-field` inside of another, by that name.
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
  if (element.textContent !== text) element.textContent = text;
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
 * Let an element's children be these, in this order; what stands right isn't touched.
 * @param {Element} parent
 * @param {Element[]} children
 */
export function arrange(parent, children) {
  let next = parent.firstElementChild;
  for (const child of children) {
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
}
