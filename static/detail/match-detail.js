/** The detail of a match: the score between the teams, and what has happened, newest first. */

import { byId, fieldsOf, setAttribute, setHidden, setText, stamp } from "../dom.js";
import { furtherResults, minute, phase, redCards, result, scorers } from "../format.js";
import { setChip, setTime } from "../times.js";
import { incidentWords, moment } from "./sentences.js";

/** @typedef {import("../board/state.js").Incident} Incident */
/** @typedef {import("../board/state.js").Score} Score */
/** @typedef {import("../board/state.js").SideName} SideName */

/** @type {SideName[]} */
const SIDES = ["home", "away"];

export class MatchDetail {
  #hero = byId("hero");
  #fields = fieldsOf(byId("hero"));
  #timeline = byId("timeline");
  #painted = ""; // the incidents that are in the timeline

  /** @param {Score} score */
  paint(score) {
    const fields = this.#fields;
    setAttribute(byId("match-detail"), "data-from", score.source ?? "");
    setAttribute(this.#hero, "data-phase", phase(score));
    for (const side of SIDES) {
      setText(fields[`${side}-name`], score[side].name);
      setText(fields[`${side}-red`], redCards(score[side].red_cards));
      setText(fields[`${side}-scorers`], scorers(score, side).join("\n"));
    }
    setText(fields.result, result(score.home.score, score.away.score) || "v");
    setText(fields.further, furtherResults(score));
    setChip(fields.minute, score, minute(score));
    setHidden(fields["kick-off"], score.kick_off == null);
    setTime(fields["kick-off-at"], score.kick_off, "date");
    setHidden(byId("no-incidents"), score.incidents.length > 0);
    this.#paintTimeline(score);
  }

  /** Paint the incidents, if there is another one: what a person selects in them stays. */
  #paintTimeline(/** @type {Score} */ score) {
    const { match, home, away, incidents } = score;
    const toPaint = JSON.stringify([match, home.name, away.name, incidents]);
    if (toPaint === this.#painted) return;
    this.#painted = toPaint;
    const lines = incidents.toReversed().map((incident) => lineOf(incident, score));
    this.#timeline.replaceChildren(...lines);
  }
}

/** @param {Incident} incident @param {Score} score */
function lineOf(incident, score) {
  const line = stamp("incident");
  const fields = fieldsOf(line);
  const words = incidentWords(incident, score);
  setAttribute(line, "data-kind", incident.kind);
  setAttribute(line, "data-side", incident.team ?? "");
  setAttribute(fields.sign, "href", `#sign-${incident.kind}`);
  setText(fields.moment, moment(incident));
  setText(fields.what, words.what);
  setText(fields.result, words.result);
  setText(fields.by, words.by);
  setText(fields.side, words.side);
  return line;
}
