/** The key map: the action of each single-key shortcut. `templates/dialogs.html` lists it. */

import { listenToKeys, moveFocus } from "./keys.js";

/**
 * @param {object} parts
 * @param {import("./settings.js").Settings} parts.settings
 * @param {import("./settings-dialog.js").SettingsDialog} parts.settingsDialog
 * @param {import("./choice.js").Choice} parts.choice
 * @param {import("./toolbar.js").Toolbar} parts.toolbar
 * @param {import("../alerts/notify.js").Notifier} parts.notifier
 * @param {object} actions
 * @param {() => void} actions.togglePin
 * @param {() => void} actions.togglePause
 * @param {() => void} actions.openAlerts
 * @param {() => void} actions.openHelp
 * @param {(words: string) => void} actions.report Shows and announces what a key did.
 */
export function listenToShortcuts(parts, actions) {
  const { settings, settingsDialog, choice, toolbar, notifier } = parts;
  const { togglePin, togglePause, openAlerts, openHelp, report } = actions;
  listenToKeys(settings, {
    "/": () => toolbar.focusSearch(),
    j: () => moveFocus(1),
    k: () => moveFocus(-1),
    f: togglePin,
    a: openAlerts,
    s: () => report(`Sort: ${toolbar.selectNextSort()}`),
    1: () => choice.change({ view: "both" }),
    2: () => choice.change({ view: "prices" }),
    3: () => choice.change({ view: "scores" }),
    z: togglePause,
    m: () => {
      settings.set("sound", !settings.get("sound"));
      if (settings.get("sound")) notifier.beep();
      report(settings.get("sound") ? "Sound on" : "Sound off");
    },
    t: () => report(`Theme: ${settingsDialog.selectNextTheme()}`),
    "?": openHelp,
    Escape: () => choice.close(),
  });
}
