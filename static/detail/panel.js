/**
 * The panel of the detail. The server sends it with the page of a symbol, a match or a row; a
 * page on which a detail is opened later fetches it, with its style.
 */

import { byId } from "../dom.js";
import { fetchOwn } from "../own-fetch.js";
import { loadStyle } from "../stylesheets.js";

/** @type {Promise<unknown> | null} */
let loading = null;

/**
 * Load the panel and its style, unless the page has them. Throw an Error if they can't be
 * loaded; the next call tries again.
 */
export async function loadPanel() {
  loading ??= Promise.all([
    loadStyle("detail-style", new URL("detail.css", import.meta.url)),
    document.getElementById("detail") ?? addPanel(),
  ]);
  loading.catch(() => (loading = null));
  await loading;
}

async function addPanel() {
  const response = await fetchOwn("/detail/panel");
  if (!response.ok) throw new Error(`the detail can't be loaded (${response.status})`);
  const { body } = new DOMParser().parseFromString(await response.text(), "text/html");
  byId("board").append(...body.children);
}
