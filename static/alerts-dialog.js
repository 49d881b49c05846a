/** The dialog of alerts under its name of the release before, for a page of that release. */

import { AlertsDialog as Present } from "./alerts/alerts-dialog.js";

export class AlertsDialog extends Present {
  /**
   * @param {import("./alerts/alerts.js").Alerts} alerts
   * @param {import("./board/state.js").Board} board
   * @param {import("./controls/settings.js").Settings} settings
   * @param {{permission: NotificationPermission, ask: () => Promise<void>}} notifier
   */
  constructor(alerts, board, settings, notifier) {
    super(alerts, board, settings, {
      get permission() {
        return notifier.permission;
      },
      askPermission: () => notifier.ask(),
    });
  }
}
