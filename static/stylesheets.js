/** Stylesheets that are loaded later, with the part of the page that needs them. */

/**
 * Load a stylesheet, unless the page has it. The promise is fulfilled even if this fails,
 * because a part works without its style.
 * @param {string} id That of its element, also in templates/.
 * @param {URL} url
 * @returns {Promise<void>}
 */
export function loadStyle(id, url) {
  if (document.getElementById(id)) return Promise.resolve();
  const style = document.createElement("link");
  style.id = id;
  style.rel = "stylesheet";
  style.href = url.href;
  return new Promise((resolve) => {
    style.onload = style.onerror = () => resolve();
    document.head.append(style);
  });
}
