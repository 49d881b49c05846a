import { readTurns, storeTurns } from "../../../static/ask/memory.js";
import { newState } from "../../../static/ask/turn.js";
import { equal, test } from "./runner.js";

const KEY = "liveboard-ask";
const QUESTION = {
  text: "How is ACME?",
  about: "",
  follow: null,
  symbols: ["ACME"],
  key: "k",
};

/** @param {string} text */
function state(text) {
  return newState({ ...QUESTION, text });
}

test("the last ten turns are found again, oldest first", () => {
  storeTurns(Array.from({ length: 12 }, (_, n) => state(`Question ${n}`)));
  const texts = readTurns().map(({ question }) => question.text);
  equal(texts.length, 10);
  equal([texts[0], texts[9]], ["Question 2", "Question 11"]);
});

test("a turn is found as it was", () => {
  const ref = { event: "price", key: "ACME", field: "price", id: "1-0" };
  const said = { ...state("x"), answer: "a", cursor: "1-2", by: "rules", at: 1 };
  const turn = {
    ...said,
    phase: /** @type {const} */ ("answering"),
    pieces: [{ text: "1", ref }],
  };
  storeTurns([turn]);
  equal(readTurns(), [turn]);
});

test("what isn't ours, or was changed, is left out", () => {
  const good = state("good");
  const bad = [
    { ...good, phase: "dancing" },
    { ...good, phase: "ended" },
    { ...good, pieces: [{ text: 1 }] },
    { ...good, pieces: [{ text: "1", ref: { event: "price" } }] },
    { ...good, cursor: 7 },
    { ...good, question: { ...QUESTION, symbols: [1] } },
  ];
  sessionStorage.setItem(KEY, JSON.stringify([...bad, good]));
  equal(readTurns(), [good]);
  for (const text of ["{", "null", "{}", "[null]", "7"]) {
    sessionStorage.setItem(KEY, text);
    equal(readTurns(), []);
  }
});

test("storage that is switched off or full is no error", () => {
  const real = Storage.prototype;
  const { getItem, setItem } = real;
  const refuse = () => {
    throw new DOMException("", "QuotaExceededError");
  };
  Object.assign(real, { getItem: refuse, setItem: refuse });
  storeTurns([state("x")]);
  equal(readTurns(), []);
  Object.assign(real, { getItem, setItem });
});
