/**
 * The detail for a page of the release before, by the name and the methods that it had then.
 * Such a page has the HTML of that release, which the present detail can't paint. So the page
 * is loaded again, with the detail that its URL names.
 */

const LEAST_AGE = 10_000; // ms; two releases that alternate must not reload a page all the time

class ReloadingDetail {
  #choice;
  isDue = false;

  /** @param {unknown} _board @param {{now: {opened: unknown}}} choice */
  constructor(_board, choice) {
    this.#choice = choice;
  }

  choose() {
    if (this.#choice.now.opened) reloadPage();
  }

  note() {}

  paint() {}

  reload() {}
}

/** Load the page again, once it is old enough. */
export function reloadPage() {
  setTimeout(() => location.reload(), Math.max(0, LEAST_AGE - performance.now()));
}

export { ReloadingDetail as Detail };
