import { countDue } from "../../../static/ask/typing.js";
import { equal, test } from "./runner.js";

const RUNNING = { isOver: false, isWhole: true };

/** @param {string[]} texts */
function due(...texts) {
  return countDue(
    texts.map((text) => ({ text })),
    0,
    RUNNING,
  );
}

test("each word is shown as it comes", () => {
  equal(
    countDue([{ text: "ACME" }, { text: " is" }], 1, { isOver: false, isWhole: false }),
    2,
  );
});

test("with less motion a sentence is shown once it is whole", () => {
  equal(due("ACME", " is", " up"), 0);
  equal(due("ACME", " is", " up."), 0);
  equal(due("ACME", " is", " up.", " It"), 3);
  equal(due("One.", " Two?", " Three", " is"), 2);
  equal(due("He said:", " “Up!”", " And"), 2);
  equal(due("A line\n", "and"), 1);
  equal(due("A line", "\nand"), 1);
});

test("a point within a number ends no sentence", () => {
  equal(due("It", " is", " 123.", "65", " now"), 0);
});

test("what was shown stays, and the end shows the rest", () => {
  equal(countDue([{ text: "One." }, { text: " Two" }], 1, RUNNING), 1);
  equal(countDue([{ text: "One" }, { text: " more" }], 0, { isOver: true, isWhole: true }), 2);
});
