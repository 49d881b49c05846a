/** The sentences of Ask about the state of a turn. */

import { age } from "../format.js";
import { OFFLINE } from "./asking.js";

/** @typedef {import("./turn.js").State} State */
/** @typedef {import("./turn.js").Problem} Problem */

/** @type {Record<string, string>} */
const ENDS = {
  complete: "",
  stopped: "The answer was stopped.",
  incomplete: "The answer broke off before its end.",
  failed: "The answer failed.",
};
export const HELD_BACK =
  "Something between this page and the server holds words back: they arrive in lumps.";

/**
 * The sentence about the state of a turn; empty if there is nothing to say.
 * @param {State} state
 * @param {boolean} isWaiting Whether its stream is interrupted.
 * @param {number} now In epoch ms.
 */
export function statusOf({ phase, end, problem, pieces }, isWaiting, now) {
  if (end) return end.detail || (ENDS[end.reason] ?? "");
  if (problem) return whyRefused(problem, now);
  if (phase === "lost") return lost(pieces.length > 0);
  if (!isWaiting) return "";
  return navigator.onLine
    ? "The connection was lost. The answer continues as soon as it is back."
    : "You are offline. The answer continues as soon as you are back.";
}

/**
 * The announcement of a turn's state for screen readers.
 * @param {State} state
 */
export function announcementOf({ phase, end }) {
  if (phase === "asking" || phase === "answering") return "Answering";
  if (phase === "ended" && end?.reason === "complete") return "Answer complete";
  return phase === "ended" && end?.reason === "stopped" ? "Answer stopped" : "No full answer";
}

/** The origin of an answer. @param {string} by "rules", or the name of a model. */
export function origin(by) {
  return `by ${by}`;
}

/** @param {Problem} problem @param {number} now */
function whyRefused({ status, detail, retryAt }, now) {
  if (status === OFFLINE) {
    return navigator.onLine
      ? "The server can’t be reached. Your question is still here."
      : "You are offline. Your question is still here.";
  }
  const wait = Math.ceil((retryAt - now) / 1000) * 1000;
  const when = wait > 0 ? `You can ask again in ${age(wait)}.` : "You can ask again now.";
  if (status === 429) return `Too many questions came from here. ${when}`;
  if (status === 503) return `The server is busy with other questions. ${when}`;
  return detail || `The server refused the question (${status}).`;
}

/** @param {boolean} hasPieces */
function lost(hasPieces) {
  const rest = hasPieces ? " It goes no further than this." : "";
  return `The server no longer has this answer.${rest}`;
}
