/**
 * The dialog of alerts for a page of the release before, by the name that it had then. Such a
 * page has the HTML of that release, so it is loaded again when a person opens the dialog.
 */

import { reloadPage } from "./detail.js";

class ReloadingDialog {
  open() {
    reloadPage();
  }
}

export { ReloadingDialog as AlertsDialog };
