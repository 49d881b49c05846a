/**
 * The part of the page that is Ask: the server sends it with the page `/ask`, and alone to
 * a page on which Ask is opened later. It has questions for which the board has answers.
 */

import { byId } from "../dom.js";
import { fetchOwn } from "../own-fetch.js";
import { loadStyle } from "../stylesheets.js";

const STYLE = "ask-style"; // ids of elements, also in templates/
const PANEL = "ask";

/** @type {Promise<unknown> | null} */
let loading = null;

/**
 * Make sure that the page has Ask, with its style. An Error is thrown if Ask can't be
 * loaded; then the next call tries again.
 */
export async function loadPanel() {
  loading ??= Promise.all([
    loadStyle(STYLE, new URL("ask.css", import.meta.url)),
    document.getElementById(PANEL) ?? addPanel(),
  ]);
  loading.catch(() => (loading = null));
  await loading;
}

/**
 * Questions for which the board has answers now, as list items with links.
 * @param {string} about
 */
export async function fetchSuggestions(about) {
  const panel = await fetchPanel(about);
  return [...(panel.getElementById("ask-suggestions")?.children ?? [])];
}

async function addPanel() {
  const { body } = await fetchPanel("");
  byId("detail").after(...body.children);
}

/** @param {string} about */
async function fetchPanel(about) {
  const response = await fetchOwn(`/ask/panel?about=${encodeURIComponent(about)}`);
  if (!response.ok) throw new Error(`Ask can't be loaded (${response.status})`);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}
