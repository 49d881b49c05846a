/** Requests to the board itself. */

/**
 * Fetch a path of the board.
 *
 * `fetch` itself refuses every path in a page whose URL has a password, and a reader of a
 * board with VIEW_TOKEN may have opened it as https://:token@board/.
 * @param {string} path With its query.
 * @param {RequestInit} [options]
 */
export function fetchOwn(path, options) {
  return fetch(location.origin + path, options);
}
