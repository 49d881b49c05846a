/** The key map: the action of each single-key shortcut. `templates/dialogs.html` lists it. */

import { listenToKeys, moveFocus } from "./keys.js";

/**
 * @param {object} parts
 * @param {import("./settings.js").Settings} parts.settings
 * @param {import("./choice.js").Choice} parts.choice
 * @param {import("./toolbar.js").Toolbar} parts.toolbar
 * @param {object} actions
 * @param {() => void} actions.togglePin
 * @param {() => void} actions.togglePause
 * @param {() => void} actions.openAlerts
 * @param {() => void} actions.openHelp
 * @param {() => void} actions.openAsk
 * @param {() => void} actions.toggleSound
 * @param {() => void} actions.selectNextTheme
 * @param {(words: string) => void} actions.report Shows and announces what a key did.
 */
export function listenToShortcuts(parts, actions) {
  const { settings, choice, toolbar } = parts;
  const { togglePin, togglePause, toggleSound, openAlerts, openHelp, openAsk } = actions;
  listenToKeys(settings, {
    "/": () => toolbar.focusSearch(),
    j: () => moveFocus(1),
    k: () => moveFocus(-1),
    f: togglePin,
    a: openAlerts,
    s: () => actions.report(`Sort: ${toolbar.selectNextSort()}`),
    ...viewKeys(toolbar),
    z: togglePause,
    m: toggleSound,
    t: actions.selectNextTheme,
    q: openAsk,
    "?": openHelp,
    Escape: () => choice.close(),
  });
}

/** A digit selects the view of that place in the toolbar. */
function viewKeys(/** @type {import("./toolbar.js").Toolbar} */ toolbar) {
  return Object.fromEntries(
    [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => [n, () => toolbar.selectView(n)]),
  );
}
