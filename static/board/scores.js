/**
 * The matches, by competition.
 *
 * A change of a match marks its row, and `paint` fills the marked rows once a frame. A goal
 * is called by a word for some seconds. The minute is counted locally, so that it advances
 * between two events.
 */

import { arrange, byId, fieldsOf, keepFocus, motion, setAttribute } from "../dom.js";
import { setHidden, setText, stamp } from "../dom.js";
import { byCompetition, hue, minute, monogram, phase, PHASE_NAMES } from "../format.js";
import { redCards, scoreLine, scorers, teams } from "../format.js";
import { setChip } from "../times.js";
import { useOf } from "./attention.js";
import { paintPin } from "../controls/pins.js";
import {
  PHASE_OF_FILTER,
  chooseScores,
  withoutFilter,
  writeUrl,
} from "../controls/address.js";
import { pinOf } from "../controls/settings.js";

/** @typedef {import("./state.js").Board} Board */
/** @typedef {import("./state.js").Score} Score */
/** @typedef {import("./state.js").SideName} SideName */
/** @typedef {import("./state.js").Change} Change */
/** @typedef {import("./prices.js").Choice} Choice */
/** @typedef {import("./prices.js").Pins} Pins */
/** @typedef {{row: HTMLElement, fields: Record<string, HTMLElement>}} Row */
/** @typedef {{side: SideName, kind: "goal" | "cancelled", until: number}} Call */

const GOAL_CALLED = 10_000; // ms for which a goal is called
const CANCELLED_CALLED = 30_000; // ms; a cancelled goal is easier to miss, so it stays longer
const CALLS = { goal: "GOAL", cancelled: "Goal cancelled (VAR)" };
const MINUTE = 60_000; // ms
const HALF = 45; // minutes
const ASTRAY = 20; // minutes by which the clock may be ahead of the event to be plausible
/** @type {SideName[]} */
const SIDES = ["home", "away"];

export class Scores {
  #board;
  #choice;
  #pins;
  #section = byId("scores");
  #groups = byId("competitions");
  /** @type {Map<string, Row>} */ #rows = new Map();
  /** @type {Map<string, HTMLElement>} */ #lists = new Map();
  /** @type {Set<string>} */ #pending = new Set();
  /** @type {Map<string, Call>} */ #calls = new Map();
  /** @type {number | null} */ #serverTime = null; // of the last `paintMinutes`
  #isOrderDue = true;
  #isOrderUrgent = true; // whether a person asked for it

  /** @param {Board} board @param {Choice} choice @param {Pins} pins */
  constructor(board, choice, pins) {
    this.#board = board;
    this.#choice = choice;
    this.#pins = pins;
    for (const element of this.#groups.querySelectorAll("[data-match]")) {
      const row = /** @type {HTMLElement} */ (element);
      this.#rows.set(row.dataset.match ?? "", { row, fields: fieldsOf(row) });
    }
    for (const element of this.#groups.children) {
      const group = /** @type {HTMLElement} */ (element);
      this.#lists.set(group.dataset.competition ?? "", fieldsOf(group).matches);
    }
  }

  /**
   * @param {Change} change
   * @returns {string} The sentence to announce, "Goal: Acton 2–1 Burton"; mostly empty.
   */
  onChange({ key, before, now, live }) {
    if (key === null) return "";
    this.#pending.add(key);
    this.#isOrderDue ||= !before || !now || phase(before) !== phase(now);
    if (!live || !before || !now) return "";
    for (const side of SIDES) {
      const by = (now[side].score ?? 0) - (before[side].score ?? 0);
      if (by !== 0) return this.#call(now, side, by > 0 ? "goal" : "cancelled");
    }
    return "";
  }

  /** A person changed the selection: the next paint applies it. */
  onSelection() {
    this.#isOrderDue = this.#isOrderUrgent = true;
  }

  /** Whether there is something to paint without an event: a call is over, an order waits. */
  get isDue() {
    const now = performance.now();
    return this.#isOrderDue || [...this.#calls.values()].some(({ until }) => now >= until);
  }

  /** @param {Pick<import("./painter.js").Frame, "isPaused">} frame */
  paint({ isPaused }) {
    if (!isPaused) this.#paintValues();
    if (this.#isOrderDue) this.#order();
  }

  /** Paint the rows that changed, and those whose call is over. */
  #paintValues() {
    const now = performance.now();
    for (const [match, call] of this.#calls) {
      if (now < call.until) continue;
      this.#calls.delete(match);
      this.#pending.add(match);
    }
    for (const match of this.#pending) {
      const score = this.#board.scores.get(match);
      const row = this.#rows.get(match);
      if (score && row) this.#fill(score, row);
      else if (!score) this.#remove(match);
    }
    this.#pending.clear();
  }

  /** How many matches are live. */
  countLive() {
    return [...this.#board.scores.values()].filter((score) => phase(score) === "live").length;
  }

  /**
   * How many matches each filter of a phase selects, "5 live"; empty for one that selects
   * none and isn't selected.
   */
  phaseWords() {
    const { now } = this.#choice;
    const phases = this.#chooseScores(withoutFilter(now)).map(phase);
    const words = Object.entries(PHASE_OF_FILTER).map(([filter, of]) => {
      const count = phases.filter((each) => each === of).length;
      return [filter, count || now.filter === filter ? `${count} ${filter}` : ""];
    });
    return Object.fromEntries(words);
  }

  /** @param {import("../controls/address.js").Selection} selection */
  #chooseScores(selection) {
    return chooseScores(this.#board.scores.values(), selection, (pin) =>
      this.#pins.isPinned(pin),
    );
  }

  /**
   * Paint the minutes, counted from the start of the period.
   * @param {number} serverTime
   */
  paintMinutes(serverTime) {
    this.#serverTime = serverTime;
    for (const [match, { fields }] of this.#rows) {
      const score = this.#board.scores.get(match);
      if (score && !this.#board.isOld(score)) {
        setChip(fields.minute, score, this.#minute(score));
      }
    }
  }

  /** @param {Score} score */
  #minute(score) {
    return minute(this.#serverTime === null ? score : ticked(score, this.#serverTime));
  }

  /** @param {Score} score @param {SideName} side @param {"goal" | "cancelled"} kind */
  #call(score, side, kind) {
    const lasts = kind === "goal" ? GOAL_CALLED : CANCELLED_CALLED;
    this.#calls.set(score.match, { side, kind, until: performance.now() + lasts });
    return `${kind === "goal" ? "Goal" : "Goal cancelled"}: ${scoreLine(score)}`;
  }

  /** @param {Score} score @param {Row} made */
  #fill(score, { row, fields }) {
    const call = this.#calls.get(score.match);
    setChip(fields.minute, score, this.#minute(score));
    for (const side of SIDES) {
      const team = score[side];
      setText(fields[`${side}-name`], team.name);
      setAttribute(fields[side], "data-mono", monogram(team.name));
      setAttribute(fields[side], "data-hue", hue(team.name));
      setText(fields[`${side}-score`], team.score == null ? "" : String(team.score));
      setText(fields[`${side}-red`], redCards(team.red_cards));
      setText(fields[`${side}-scorers`], scorers(score, side).join(", "));
      setText(fields[`${side}-call`], call?.side === side ? CALLS[call.kind] : "");
    }
    setAttribute(row, "data-call", call?.kind ?? "");
    setAttribute(row, "data-phase", phase(score));
    setAttribute(row, "data-from", score.source ?? "");
    setAttribute(fields.open, "aria-label", `${scoreLine(score)}, details`);
  }

  /** @param {Score} score @returns {Row} */
  #insert(score) {
    const row = stamp("match-row");
    row.dataset.match = score.match;
    const made = { row, fields: fieldsOf(row) };
    const opened = { kind: /** @type {const} */ ("match"), key: score.match };
    setAttribute(made.fields.open, "href", writeUrl({ ...this.#choice.now, opened }));
    const isPinned = this.#pins.isPinned(pinOf("match", score.match));
    paintPin(made.fields.pin, teams(score), isPinned);
    this.#rows.set(score.match, made);
    this.#fill(score, made);
    return made;
  }

  /**
   * Put each chosen row into the list of its competition. Nothing moves while a person
   * points at a match, unless the person asked for it.
   */
  #order() {
    if (!this.#isOrderUrgent && useOf(this.#groups)) return;
    this.#isOrderDue = this.#isOrderUrgent = false;
    const chosen = this.#chooseScores(this.#choice.now);
    const shown = new Set(chosen.map(({ match }) => match));
    keepFocus(this.#groups, () => {
      for (const [match, { row }] of this.#rows) if (!shown.has(match)) row.remove();
      motion.glide(this.#groups.querySelectorAll(".match"), () => this.#arrange(chosen));
    });
    const isReached =
      chosen.length || this.#chooseScores(withoutFilter(this.#choice.now)).length;
    setHidden(this.#section, !isReached);
  }

  /** @param {Score[]} chosen */
  #arrange(chosen) {
    /** @type {Map<string, Element[]>} */
    const groups = new Map();
    for (const score of chosen) {
      const { row } = this.#rows.get(score.match) ?? this.#insert(score);
      const name = score.competition ?? "";
      const list = this.#lists.get(name) ?? this.#insertGroup(name);
      const rows = groups.get(name) ?? [];
      groups.set(name, rows);
      const line = phaseLine(list, phase(score));
      if (!rows.includes(line)) rows.push(line);
      rows.push(row);
    }
    for (const [name, rows] of groups) {
      const list = /** @type {HTMLElement} */ (this.#lists.get(name));
      for (const line of list.querySelectorAll(".phase")) {
        if (!rows.includes(line)) line.remove();
      }
      arrange(list, rows);
    }
    for (const [name, list] of this.#lists) {
      if (groups.has(name)) continue;
      list.closest("section")?.remove();
      this.#lists.delete(name);
    }
  }

  /** @param {string} name */
  #insertGroup(name) {
    const group = stamp("competition");
    group.dataset.competition = name;
    const { title, matches } = fieldsOf(group);
    setText(title, name || "Other matches");
    const [next] = [...this.#lists.keys()]
      .filter((other) => byCompetition(name, other) < 0)
      .sort(byCompetition);
    const before = next === undefined ? null : this.#lists.get(next)?.closest("section");
    this.#groups.insertBefore(group, before ?? null);
    this.#lists.set(name, matches);
    return matches;
  }

  /** @param {string} match */
  #remove(match) {
    keepFocus(this.#groups, () => this.#rows.get(match)?.row.remove());
    this.#rows.delete(match);
    this.#calls.delete(match);
  }
}

/**
 * What stands before the matches of a phase in a list.
 * @param {HTMLElement} list
 * @param {import("../format.js").Phase} which
 */
function phaseLine(list, which) {
  const found = list.querySelector(`.phase[data-phase="${which}"]`);
  if (found) return found;
  const line = list.appendChild(document.createElement("li"));
  line.className = "phase";
  line.dataset.phase = which;
  setText(line, PHASE_NAMES[which]);
  return line;
}

/**
 * The score with the minute by the clock, if that is plausible.
 * @param {Score} score
 * @param {number} serverTime
 * @returns {Score}
 */
function ticked(score, serverTime) {
  const before = score.status === "2H" ? HALF : 0;
  if (!["1H", "2H"].includes(score.status) || score.period_started == null) return score;
  const played = Math.floor((serverTime - score.period_started) / MINUTE) + 1;
  const reported = (score.minute ?? 0) + (score.stoppage ?? 0);
  const counted = before + played;
  if (counted <= reported || counted > reported + ASTRAY) return score;
  const stoppage = played > HALF ? played - HALF : null;
  return { ...score, minute: before + Math.min(played, HALF), stoppage };
}
