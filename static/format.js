/**
 * How values are written: prices, changes, match minutes and scorers; `times.js` has times.
 * The rules are those of `feed/streams/written.py` and `web/format.py`; tests compare them.
 *
 * A field may be missing, if a server of another version wrote the event. It reads like
 * null: so these functions compare with `== null`, which is true for both.
 */

import { UNKNOWN, hours } from "./times.js";

/** @typedef {import("./board/state.js").Quote} Quote */
/** @typedef {import("./board/state.js").Score} Score */
/** @typedef {import("./board/state.js").Incident} Incident */
/** @typedef {import("./board/state.js").MarketState} MarketState */
/** @typedef {"up" | "down" | "flat"} Direction */
/** @typedef {"live" | "upcoming" | "over"} Phase */

const MINUS = "−";
const PRIME = "′";
// As in feed/streams/written.py: blocks of letters that are written from right to left, and
// control characters of the direction of writing.
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const MAY_TURN =
  /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const MAX_DECIMALS = 20;
const POINTS = 60; // points of a sparkline
const EXTRA_TIME_ENDS = 120; // the minute; a later penalty, or one without, is a shoot-out's
const LONGEST_HEAD = 40; // code points of a name
const HUES = 8;
const LONGEST_SUM = 1_000_003; // a prime
const PLAIN_NAME = /^[a-z][a-z0-9_.-]*$/;
/** @type {Direction[]} */
const DIRECTIONS = ["down", "flat", "up"]; // by the result of a comparison
/** @type {Phase[]} */
const PHASES = ["live", "upcoming", "over"]; // in the order in which matches are listed
/** @type {Record<Phase, string>} */
export const PHASE_NAMES = { live: "● Live", upcoming: "Upcoming", over: "Finished" };
const LIVE = new Set(["1H", "HT", "2H", "BT", "ET", "P", "LIVE", "SUSP", "INT"]);
const UPCOMING = new Set(["TBD", "NS", "PST"]);
/** @type {Record<string, string>} */
const SHOOT_OUTS = { P: "Pens", PEN: "PEN" }; // in progress, and over
/** @type {Record<string, string>} */
const CHIPS = {
  TBD: "TBA",
  PST: "Postponed",
  BT: "Break",
  LIVE: "Live",
  SUSP: "Suspended",
  INT: "Interrupted",
  AWD: "Awarded",
  WO: "Walkover",
  ABD: "Abandoned",
  CANC: "Cancelled",
};
export const GOALS = new Set(["goal", "own_goal", "penalty"]);
/** @type {Record<string, string>} */
const REMARKS = { own_goal: " (og)", penalty: " (pen)" };
/** @type {Record<string, string>} */
const LEVELS = {
  info: "ⓘ Info",
  success: "✓ Good news",
  warning: "⚠ Warning",
  critical: "✕ Critical",
};

/**
 * A price with its decimals, and with thousands separated: "1,234.50".
 * @param {number | null} value
 * @param {number} decimals
 */
export function price(value, decimals) {
  if (value == null) return UNKNOWN;
  const size = grouped(fixed(Math.abs(value), decimals));
  return value < 0 && isNonzero(size) ? MINUS + size : size;
}

/**
 * A change with its sign: "+0.36", "−0.36"; "0.00" has no sign.
 * @param {number | null} value
 * @param {number} decimals
 */
export function signed(value, decimals) {
  const text = price(value, decimals);
  return value !== null && value > 0 && isNonzero(text) ? `+${text}` : text;
}

/**
 * A change in percent with its sign: "+0.36%".
 * @param {number | null} value
 */
export function percent(value) {
  return value == null ? UNKNOWN : `${signed(value, 2)}%`;
}

/**
 * The direction of a change after rounding.
 * @param {number | null} value
 * @param {number} decimals
 * @returns {Direction}
 */
export function direction(value, decimals) {
  const sign = signed(value, decimals)[0];
  if (sign === "+") return "up";
  return sign === MINUS ? "down" : "flat";
}

/**
 * The arrow before a change; empty if the change is flat.
 * @param {number | null} value
 * @param {number} decimals
 */
export function arrow(value, decimals) {
  return { up: "▲", down: "▼", flat: "" }[direction(value, decimals)];
}

/**
 * The time since an instant, in short form: "now", "12 s", "3 min", "2 h", "4 d".
 * @param {number} milliseconds
 */
export function age(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/**
 * The text of a match's status chip: "67′", "45+2′", "HT", "Pens 4–3", "19:45" …
 * @param {Score} score
 */
export function minute(score) {
  const { status } = score;
  if (status === "NS") return score.kick_off == null ? "Upcoming" : hours(score.kick_off);
  if (Object.hasOwn(SHOOT_OUTS, status)) {
    return `${SHOOT_OUTS[status]} ${shootOut(score)}`.trimEnd();
  }
  const hasMinute = ["1H", "2H", "ET", "LIVE"].includes(status) && score.minute != null;
  if (hasMinute) return atMinute(score);
  return Object.hasOwn(CHIPS, status) ? CHIPS[status] : status;
}

/**
 * @param {Score} score
 * @returns {Phase}
 */
export function phase(score) {
  if (LIVE.has(score.status)) return "live";
  return UPCOMING.has(score.status) ? "upcoming" : "over";
}

/**
 * The two letters of a name's monogram: the first ones of its words, or of its only word.
 * @param {string} name
 */
export function monogram(name) {
  const words = name.split(/[^\p{L}\p{N}_'’.]+/u).filter(Boolean);
  const letters =
    words.length > 1 ? words.map((word) => [...word][0]) : [...(words[0] ?? name)];
  return letters.slice(0, 2).join("").toUpperCase();
}

/**
 * The hue of a name's monogram: a number below 8. The stylesheet has the colours.
 * @param {string} name
 */
export function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % LONGEST_SUM;
  return String(sum % HUES);
}

/**
 * The scorers of a side, "Salah 23′ 67′ (pen)" each, without cancelled goals.
 * @param {Score} score
 * @param {string} side
 * @returns {string[]}
 */
export function scorers(score, side) {
  /** @type {Map<string, string>} */
  const goals = new Map();
  for (const goal of standingGoals(score)) {
    if (goal.side !== side) continue;
    const player = isolated(goal.player || "Goal");
    const key = `${goal.kind === "own_goal"} ${player}`;
    const line = goals.get(key);
    // No line break comes between a name and its first minute.
    goals.set(key, line ? `${line} ${when(goal)}` : `${player}\u00a0${when(goal)}`);
  }
  return [...goals.values()].map((line) => line.trim());
}

/**
 * The red cards of a side in words; empty if there are none.
 * @param {number | null} count
 */
export function redCards(count) {
  if (!count) return "";
  return count === 1 ? "1 red card" : `${count} red cards`;
}

/**
 * A market's status as a word: "open".
 * @param {MarketState} market
 */
export function marketStatus({ status }) {
  return status.toLowerCase();
}

/**
 * The points of an SVG polyline of the last prices, in a viewBox of 100 × 28.
 * @param {number[]} prices
 */
export function points(prices) {
  return line(prices.slice(-POINTS), 100, 28);
}

/**
 * The sparkline of a price: the points of a polyline of its last prices, its direction, and
 * the y of a line at the previous close, which is empty if that isn't known.
 * @param {number[]} prices
 * @param {number | null} close
 * @returns {{points: string, way: Direction, close: string}}
 */
export function spark(prices, close) {
  const last = prices.slice(-POINTS);
  if (last.length < 2) return { points: "", way: "flat", close: "" };
  const all = close == null ? last : [...last, close];
  const low = Math.min(...all);
  const high = Math.max(...all);
  const heights = all.map((value) => above(value, low, high, 28));
  const at = (/** @type {number} */ i) => fixed((i * 100) / (last.length - 1), 1);
  return {
    points: last.map((_, i) => `${at(i)},${heights[i]}`).join(" "),
    way: DIRECTIONS[byNumber(last[last.length - 1], last[0]) + 1],
    close: heights[last.length] ?? "",
  };
}

/**
 * The points of an SVG polyline of values, in a viewBox of a size.
 * @param {number[]} values
 * @param {number} width
 * @param {number} height
 */
export function line(values, width, height) {
  if (values.length < 2) return "";
  const low = Math.min(...values);
  const high = Math.max(...values);
  const steps = values.length - 1;
  return values
    .map((value, i) => `${fixed((i * width) / steps, 1)},${above(value, low, high, height)}`)
    .join(" ");
}

/**
 * A published text in a form that turns no words around it: beside a name that is written
 * from right to left, "2–1" would read "1–2". Such a name stands between U+2068 and U+2069,
 * without such characters of its own. Other texts stay as they are.
 * @param {string} text
 */
export function isolated(text) {
  return MAY_TURN.test(text) ? `\u2068${text.replace(TURNING, "")}\u2069` : text;
}

/**
 * A quote in words: "ACME 101.24 ▲ +0.36%".
 * @param {Quote} quote
 */
export function quoteLine({ symbol, price: value, decimals, change_percent: share }) {
  const change = share == null ? [] : [arrow(share, 2), percent(share)];
  return [isolated(symbol), price(value, decimals), ...change].filter(Boolean).join(" ");
}

/**
 * The teams of a match with a word between them: "Acton v Burton".
 * @param {Pick<Score, "home" | "away">} score
 */
export function teams({ home, away }, between = "v") {
  return `${isolated(home.name)} ${between} ${isolated(away.name)}`;
}

/**
 * A match in words: "Acton 2–1 Burton", or "Acton v Burton" before its start. The results
 * of a shoot-out and of a tie follow: "Acton 2–1 Burton (pens 4–3, agg. 3–3)".
 * @param {Score} score
 */
export function scoreLine({ home, away }) {
  const line = teams({ home, away }, result(home.score, away.score) || "v");
  const further = furtherResults({ home, away });
  return further ? `${line} (${further})` : line;
}

/**
 * The results beside the score: "pens 4–3, agg. 3–3"; mostly empty.
 * @param {Pick<Score, "home" | "away">} score
 */
export function furtherResults({ home, away }) {
  const pens = result(home.shoot_out, away.shoot_out);
  const aggregate = result(home.aggregate, away.aggregate);
  return [pens && `pens ${pens}`, aggregate && `agg. ${aggregate}`].filter(Boolean).join(", ");
}

/**
 * A notice's level as an icon and a word: "⚠ Warning".
 * @param {string} name
 */
export function level(name) {
  return Object.hasOwn(LEVELS, name) ? LEVELS[name] : `● ${name}`;
}

/**
 * The position of the price between the day's low and high: "0.0" to "100.0".
 * @param {Quote} quote
 */
export function position({ price: value, low, high }) {
  if (low == null || high == null || !(low < high)) return "50.0";
  const share = ((value - low) / (high - low)) * 100;
  return fixed(Math.min(Math.max(share, 0), 100), 1);
}

/**
 * The title of an event type, or the head of a column: "opened_at" is "Opened at".
 * @param {string} name
 */
export function headOf(name) {
  if (!PLAIN_NAME.test(name)) return cut(name, LONGEST_HEAD);
  const words = name.replace(/[_.-]+/g, " ").trim();
  return cut(words[0].toUpperCase() + words.slice(1), LONGEST_HEAD);
}

/**
 * The beginning of a text, with "…" if it isn't the whole.
 * @param {string} text
 * @param {number} most Code points.
 */
export function cut(text, most) {
  if (text.length <= most) return text;
  const points = [...text.slice(0, 2 * most + 2)]; // a code point has one or two units
  return points.length <= most ? text : `${points.slice(0, most).join("")}…`;
}

/**
 * Compare two quotes by their place in the list.
 * @param {Quote} a
 * @param {Quote} b
 */
export function bySymbol(a, b) {
  return byText(a.symbol, b.symbol);
}

/**
 * Compare two matches by their place in the list: by competition, then by phase, then by
 * kick-off. Matches without a competition come last.
 * @param {Score} a
 * @param {Score} b
 */
export function byMatch(a, b) {
  return (
    byCompetition(a.competition ?? "", b.competition ?? "") ||
    PHASES.indexOf(phase(a)) - PHASES.indexOf(phase(b)) ||
    byNumber(a.kick_off ?? Infinity, b.kick_off ?? Infinity) ||
    byText(a.match, b.match)
  );
}

/**
 * Compare the names of two competitions by their place in the list.
 * @param {string} a
 * @param {string} b
 */
export function byCompetition(a, b) {
  return Number(a === "") - Number(b === "") || byText(a, b);
}

/** @param {string} a @param {string} b */
export function byText(a, b) {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** @param {number} a @param {number} b */
export function byNumber(a, b) {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** @param {number} value @param {number} decimals */
function fixed(value, decimals) {
  return value.toFixed(Math.min(Math.max(decimals, 0), MAX_DECIMALS));
}

/** @param {string} digits */
function grouped(digits) {
  if (digits.includes("e")) return digits;
  const [whole, rest] = digits.split(".");
  const apart = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest === undefined ? apart : `${apart}.${rest}`;
}

/** @param {string} text */
function isNonzero(text) {
  return /[1-9]/.test(text);
}

/** @param {{minute: number | null, stoppage: number | null}} values */
export function atMinute({ minute: at, stoppage }) {
  return `${at}${stoppage ? `+${stoppage}` : ""}${PRIME}`;
}

/** @param {Incident} goal */
function when(goal) {
  const at = goal.minute == null ? "" : atMinute(goal);
  return (at + (REMARKS[goal.kind] ?? "")).trim();
}

/**
 * The result of the shoot-out, which its kicks give if no field does.
 * @param {Score} score
 */
function shootOut(score) {
  const given = result(score.home.shoot_out, score.away.shoot_out);
  const kicks = score.incidents.filter((kick) => isShootOut(kick, score));
  if (given || kicks.length === 0) return given;
  const [home, away] = ["home", "away"].map(
    (side) => kicks.filter((kick) => kick.team === side).length,
  );
  return result(home, away);
}

/**
 * "2–1"; empty if a side's goals aren't known.
 * @param {number | null} home
 * @param {number | null} away
 */
export function result(home, away) {
  return home == null || away == null ? "" : `${home}–${away}`;
}

/** @param {Incident} incident @param {Score} score */
function isShootOut(incident, score) {
  if (incident.kind !== "penalty" || !Object.hasOwn(SHOOT_OUTS, score.status)) return false;
  return incident.minute == null || incident.minute > EXTRA_TIME_ENDS;
}

/**
 * The goals that were not cancelled, each with the side that it counts for.
 * @param {Score} score
 */
function standingGoals(score) {
  /** @type {(Incident & {side: string | null})[]} */
  const goals = [];
  /** @type {number | null | undefined} */
  let home = 0;
  for (const incident of score.incidents) {
    if (incident.kind === "var_cancelled") cancel(goals, incident);
    else if (GOALS.has(incident.kind) && !isShootOut(incident, score)) {
      goals.push({ ...incident, side: sideOf(incident, home) });
    }
    home = incident.home_score;
  }
  return goals;
}

/**
 * The side that a goal counts for. For an own goal the score shows it, if it is known.
 * @param {Incident} goal
 * @param {number | null | undefined} homeBefore
 */
function sideOf(goal, homeBefore) {
  if (goal.kind !== "own_goal" || goal.home_score == null || homeBefore == null) {
    return goal.team;
  }
  return goal.home_score > homeBefore ? "home" : "away";
}

/**
 * Remove the newest goal that a `var_cancelled` can refer to.
 * @param {(Incident & {side: string | null})[]} goals
 * @param {Incident} incident
 */
function cancel(goals, { team, player }) {
  let meant = goals.findLastIndex((goal) => goal.side === team && goal.player === player);
  if (meant < 0) meant = goals.findLastIndex((goal) => goal.side === team);
  goals.splice(meant < 0 ? goals.length - 1 : meant, goals.length === 0 ? 0 : 1);
}

/**
 * The y of a point: at least 2 from the edges, and in the middle if all values are equal.
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @param {number} height
 */
function above(value, low, high, height) {
  const share = high > low ? (value - low) / (high - low) : 0.5;
  return fixed(height - 2 - share * (height - 4), 1);
}
