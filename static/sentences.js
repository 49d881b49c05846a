/** The name of the release before, by which a page of that release loads it. */
import { incidentWords } from "./detail/sentences.js";

export * from "./detail/sentences.js";

/**
 * @param {import("./board/state.js").Incident} incident
 * @param {import("./board/state.js").Score} score
 */
export function incidentText(incident, score) {
  return Object.values(incidentWords(incident, score)).filter(Boolean).join(" ");
}
