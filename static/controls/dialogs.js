/**
 * The dialogs: settings, alerts, the list of keys. Most visits open none, so the page fetches
 * their HTML and their style with the first one.
 */

import { byId, setHidden } from "../dom.js";
import { fetchOwn } from "../own-fetch.js";
import { loadStyle } from "../stylesheets.js";
import { SettingsDialog } from "./settings-dialog.js";

/** @typedef {{openSettings: () => void, openHelp: () => void}} Dialogs */

/** @type {Promise<unknown> | null} */
let loading = null;
/** @type {Dialogs | null} */
let dialogs = null;

/** Load the HTML and the style. Throw an Error if that fails; the next call tries again. */
export async function loadParts() {
  loading ??= Promise.all([
    loadStyle("dialogs-style", new URL("dialogs.css", import.meta.url)),
    addParts(),
  ]);
  loading.catch(() => (loading = null));
  await loading;
}

/**
 * Load the dialogs of settings and of keys.
 * @param {import("./settings.js").Settings} settings
 * @param {() => void} openAlerts
 * @returns {Promise<Dialogs>}
 */
export async function loadDialogs(settings, openAlerts) {
  await loadParts();
  dialogs ??= connect(settings, openAlerts);
  return dialogs;
}

async function addParts() {
  const response = await fetchOwn("/dialogs");
  if (!response.ok) throw new Error(`the dialogs can't be loaded (${response.status})`);
  const { body } = new DOMParser().parseFromString(await response.text(), "text/html");
  document.body.append(...body.children);
}

/** @param {import("./settings.js").Settings} settings @param {() => void} openAlerts */
function connect(settings, openAlerts) {
  const dialog = new SettingsDialog(settings);
  const help = /** @type {HTMLDialogElement} */ (byId("help"));
  const openHelp = () => {
    setHidden(byId("keys-off"), settings.get("shortcuts"));
    help.showModal();
  };
  byId("settings-alerts").addEventListener("click", () => {
    dialog.close();
    openAlerts();
  });
  byId("settings-help").addEventListener("click", () => {
    dialog.close();
    openHelp();
  });
  return { openSettings: () => dialog.open(), openHelp };
}
