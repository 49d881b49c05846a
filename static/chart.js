/**
 * The chart for a page of the release before, which loaded its detail from that release and
 * opens a first chart now. It is loaded again, for the same reason as in `detail.js`.
 */

import { reloadPage } from "./detail.js";

class ReloadingChart {
  isDue = false;

  async open() {
    reloadPage();
  }

  close() {}

  note() {}

  paint() {}
}

export { ReloadingChart as Chart };
