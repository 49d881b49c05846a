/**
 * The last turns of the conversation, in sessionStorage: a reload finds them again, and no
 * other tab sees them. If storage is switched off or full, they last as long as the page.
 */

/**
 * @typedef {import("./turn.js").State} State
 * @typedef {import("./reader.js").Piece} Piece
 */

const TURNS_KEY = "liveboard-ask";
const MOST = 10; // turns

/**
 * The turns that are stored, oldest first; those that aren't valid are left out.
 * @returns {State[]}
 */
export function readTurns() {
  try {
    const stored = JSON.parse(sessionStorage.getItem(TURNS_KEY) ?? "[]");
    return stored.filter(isState).slice(-MOST);
  } catch {
    return []; // nothing is stored, or it isn't ours
  }
}

/** @param {State[]} turns Oldest first; the newest ones are stored. */
export function storeTurns(turns) {
  try {
    sessionStorage.setItem(TURNS_KEY, JSON.stringify(turns.slice(-MOST)));
  } catch {
    // The turns last as long as this page.
  }
}

/** @param {any} it */
function isState(it) {
  const { question, phase, answer, cursor, pieces, by, end, problem } = it;
  return (
    isQuestion(question) &&
    ["asking", "answering", "ended", "refused", "lost"].includes(phase) &&
    isTextOrNull(answer) &&
    isTextOrNull(cursor) &&
    Array.isArray(pieces) &&
    pieces.every(isPiece) &&
    typeof by === "string" &&
    (end === null) === (phase !== "ended") &&
    (problem === null) === (phase !== "refused")
  );
}

/** @param {any} it */
function isQuestion(it) {
  const texts = [it.text, it.about, it.key, ...it.symbols];
  return texts.every((text) => typeof text === "string") && isTextOrNull(it.follow);
}

/** @param {any} it */
function isPiece({ text, ref }) {
  return typeof text === "string" && (ref == null || typeof ref.key === "string");
}

/** @param {any} it */
function isTextOrNull(it) {
  return it === null || typeof it === "string";
}
