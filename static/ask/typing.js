/**
 * How much of an answer is shown: each word as it arrives or, if less motion is preferred, each
 * sentence once it is whole.
 */

/** @typedef {import("./reader.js").Piece} Piece */

const SENTENCE_END = /[.!?:…]["'”’)]*$/;

/**
 * How many pieces of an answer may be shown.
 * @param {Piece[]} pieces
 * @param {number} shown How many are shown already.
 * @param {{isOver: boolean, isWhole: boolean}} how Whether no piece will follow, and
 *   whether only whole sentences are shown.
 */
export function countDue(pieces, shown, { isOver, isWhole }) {
  if (isOver || !isWhole) return pieces.length;
  let count = pieces.length;
  while (count > shown && !endsSentence(pieces[count - 1].text, pieces[count]?.text)) {
    count -= 1;
  }
  return count;
}

/**
 * Whether a sentence ends between two pieces. After "123." a decimal may follow, so a space
 * has to.
 * @param {string} text
 * @param {string | undefined} next
 */
function endsSentence(text, next) {
  if (text.endsWith("\n") || next?.startsWith("\n")) return true;
  if (!SENTENCE_END.test(text.trimEnd())) return false;
  return text !== text.trimEnd() || (next !== undefined && next !== next.trimStart());
}
