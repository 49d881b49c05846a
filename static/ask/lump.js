/**
 * Detects that something between the server and the page buffers an answer: words arrive
 * together although the ids of their events say that they were written seconds apart.
 */

const ARRIVED_TOGETHER = 100; // ms of arrival
const WRITTEN_APART = 2000; // ms of writing; the server writes a word each 40 ms

export class LumpDetector {
  #writtenFrom = 0;
  #arrivedFrom = -Infinity;
  /** Whether words arrived in a lump. */
  found = false;

  /**
   * A word arrived that was written after the stream was opened.
   * @param {number} written In epoch ms, by the server's clock.
   * @param {number} arrived In ms, by a clock of the page.
   */
  observe(written, arrived) {
    if (arrived - this.#arrivedFrom > ARRIVED_TOGETHER) {
      this.#arrivedFrom = arrived;
      this.#writtenFrom = written;
    }
    if (written - this.#writtenFrom >= WRITTEN_APART) this.found = true;
  }

  /** Forget what arrived: the browser may have stopped the page, which isn't a buffer. */
  reset() {
    this.#arrivedFrom = -Infinity;
  }
}
