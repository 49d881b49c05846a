/** Stylesheets of parts of the page that are loaded later. */

/**
 * Load a stylesheet, unless the page has it. The promise is fulfilled in any case, because
 * without its style a part is plain, but it works.
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
