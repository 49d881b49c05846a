/** The chart under its name of the release before, with the methods that it had then. */

import { Chart as Present } from "./detail/chart.js";

export class Chart extends Present {
  /** @param {import("./board/state.js").Quote} quote */
  note(quote) {
    this.onQuote(quote);
  }
}
