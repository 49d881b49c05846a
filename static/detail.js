/** The detail under its name of the release before, with the methods that it had then. */

import { Detail as Present } from "./detail/detail.js";

export class Detail extends Present {
  /** @param {import("./board/state.js").Change} change */
  note(change) {
    this.onChange(change);
  }

  /** @param {boolean} isFirst */
  choose(isFirst = false) {
    this.onSelection(isFirst);
  }
}
