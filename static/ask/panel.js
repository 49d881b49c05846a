/**
 * The panel of Ask. The server sends it with the page `/ask`; a page on which Ask is opened
 * later fetches it. It suggests questions that the board can answer.
 */

import { byId } from "../dom.js";
import { fetchOwn } from "../own-fetch.js";
import { loadStyle } from "../stylesheets.js";

const PANEL = "ask"; // the id of an element, also in templates/

/** @type {Promise<unknown> | null} */
let loading = null;

/**
 * Load the panel and its style, unless the page has them. Throw an Error if they can't be
 * loaded; the next call tries again.
 */
export async function loadPanel() {
  loading ??= Promise.all([
    loadStyle("detail-style", new URL("../detail/detail.css", import.meta.url)),
    loadStyle("ask-style", new URL("ask.css", import.meta.url)),
    document.getElementById(PANEL) ?? addPanel(),
  ]);
  loading.catch(() => (loading = null));
  await loading;
}

/**
 * Fetch questions that the board can answer now, as list items with links.
 * @param {string} about
 */
export async function fetchSuggestions(about) {
  const panel = await fetchPanel(about);
  return [...(panel.getElementById("ask-suggestions")?.children ?? [])];
}

async function addPanel() {
  const { body } = await fetchPanel("");
  byId("board").append(...body.children);
}

/** @param {string} about */
async function fetchPanel(about) {
  const response = await fetchOwn(`/ask/panel?about=${encodeURIComponent(about)}`);
  if (!response.ok) throw new Error(`Ask can't be loaded (${response.status})`);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}
