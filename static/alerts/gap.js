/** The line that admits a gap: the server left events out, because the page fell behind. */

import { byId } from "../dom.js";

/** @typedef {import("../stream/link.js").Gap} Gap */

const GAP_SHOWN = 20_000; // ms

let timer = 0;

/** Show the line for a while. @param {Gap} gap */
export function showGapLine(gap) {
  const line = byId("gap");
  line.textContent = gapSentence(gap);
  line.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => (line.hidden = true), GAP_SHOWN);
}

/**
 * A gap in a sentence or two; a number that is unknown reads "some".
 * @param {Pick<Gap, "dropped" | "lost">} gap
 */
export function gapSentence({ dropped, lost }) {
  const missed = lost === 0 ? "" : ` ${lost ?? "Some"} events were missed.`;
  return `This page fell behind. ${dropped ?? "Some"} outdated updates were left out.${missed}`;
}
