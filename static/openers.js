/**
 * What a person opens or switches with a button or a key: the dialogs, the theme, the sound.
 * The page loads this module with the first of them, or with an alert that is set.
 */

import { listenToShortcuts } from "./controls/shortcuts.js";

/** @typedef {import("./alerts/alerts.js").Alerts} Alerts */
/** @typedef {import("./alerts/notify.js").Notifier} Notifier */
/** @typedef {import("./board/state.js").Board} Board */
/** @typedef {import("./controls/address.js").Opened} Opened */
/** @typedef {import("./controls/settings.js").Settings} Settings */
/** @typedef {{alerts: Alerts, notifier: Notifier}} Alarm */
/**
 * @typedef {object} Page
 * @property {Board} board
 * @property {Settings} settings
 * @property {import("./alerts/announcer.js").Announcer} announcer
 * @property {() => import("./panels/tables.js").Tables | undefined} tables
 * @property {(alarm: Alarm) => void} onAlarm
 * @property {(name: string) => void} reportUnloaded
 */

export class Openers {
  #page;
  /** @type {Alarm | null} */ #alarm = null;
  /** @type {import("./alerts/alerts-dialog.js").AlertsDialog | null} */ #alertsDialog = null;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
  }

  /** What checks the alerts and notifies the person; the first time this loads its scripts. */
  async loadAlarm() {
    const [{ Alerts }, { Notifier }] = await Promise.all([
      import("./alerts/alerts.js"),
      import("./alerts/notify.js"),
      import("./controls/dialogs.js").then(({ loadParts }) => loadParts()),
    ]);
    if (this.#alarm) return this.#alarm;
    const { settings, board, announcer, onAlarm } = this.#page;
    const notifier = new Notifier(settings, announcer);
    const alerts = new Alerts(settings, board, (words, tag) => notifier.notify(words, tag));
    this.#alarm = { alerts, notifier };
    onAlarm(this.#alarm);
    return this.#alarm;
  }

  /** Open the dialog of alerts. @param {Opened | null} about */
  async openAlerts(about = null) {
    const dialog = await this.#loadAlertsDialog().catch(() => null);
    if (dialog) dialog.open(about);
    else this.#page.reportUnloaded("The dialog");
  }

  /** Open another dialog. @param {"openSettings" | "openHelp"} open */
  async openDialog(open) {
    const { settings, reportUnloaded } = this.#page;
    const loaded = await import("./controls/dialogs.js")
      .then(({ loadDialogs }) => loadDialogs(settings, () => this.openAlerts()))
      .catch(() => null);
    if (loaded) loaded[open]();
    else reportUnloaded("The dialog");
  }

  /** Apply the theme and the colours. */
  async applyAppearance() {
    (await import("./controls/appearance.js")).applyAppearance(this.#page.settings);
  }

  async selectNextTheme() {
    const { selectNextTheme } = await import("./controls/appearance.js");
    this.report(`Theme: ${selectNextTheme(this.#page.settings)}`);
  }

  async toggleSound() {
    const { settings } = this.#page;
    const isOn = !settings.get("sound");
    settings.set("sound", isOn);
    if (isOn) (await this.loadAlarm()).notifier.beep();
    this.report(isOn ? "Sound on" : "Sound off");
  }

  /** Show and announce what a key did. @param {string} words */
  async report(words) {
    this.#page.announcer.announce(words);
    (await this.loadAlarm()).notifier.showToast(words);
  }

  /**
   * @param {Parameters<typeof listenToShortcuts>[0]} parts
   * @param {Pick<Parameters<typeof listenToShortcuts>[1], "togglePin" | "togglePause"
   *   | "openAsk">} actions
   * @param {() => Opened | null} target What a key acts on.
   */
  listenToKeys(parts, actions, target) {
    listenToShortcuts(parts, {
      ...actions,
      openAlerts: () => this.openAlerts(target()),
      openHelp: () => this.openDialog("openHelp"),
      toggleSound: () => this.toggleSound(),
      selectNextTheme: () => this.selectNextTheme(),
      report: (words) => this.report(words),
    });
  }

  async #loadAlertsDialog() {
    const { alerts, notifier } = await this.loadAlarm();
    const { AlertsDialog } = await import("./alerts/alerts-dialog.js");
    const { board, settings, tables } = this.#page;
    this.#alertsDialog ??= new AlertsDialog(alerts, board, settings, notifier, tables);
    return this.#alertsDialog;
  }
}
