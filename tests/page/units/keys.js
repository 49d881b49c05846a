import { listenToKeys, namesOf } from "../../../static/controls/keys.js";
import { equal, test } from "./runner.js";

/** @type {string[]} */
const pressed = [];
const actions = Object.fromEntries(
  [..."jkfz12/?"].map((key) => [key, () => pressed.push(key)]),
);
const settings = /** @type {any} */ ({ get: () => true });
listenToKeys(settings, { ...actions, Escape: () => {} });

test("a shortcut works with Caps Lock and on keyboards of other letters", () => {
  equal(press({ key: "J", code: "KeyJ" }), "j");
  equal(press({ key: "о", code: "KeyJ" }), "j");
  equal(press({ key: "О", code: "KeyJ" }), "j");
  equal(press({ key: "ξ", code: "KeyJ" }), "j");
  equal(press({ key: "ח", code: "KeyJ" }), "j");
  equal(press({ key: "ت", code: "KeyJ" }), "j");
  equal(press({ key: "&", code: "Digit1" }), "1");
  equal(press({ key: "é", code: "Digit2" }), "2");
});

test("a character that is a shortcut wins over its place", () => {
  equal(press({ key: "j", code: "KeyC" }), "j");
  equal(press({ key: "/", code: "KeyQ" }), "/");
  equal(press({ key: "?", code: "Digit7", shiftKey: true }), "?");
  equal(press({ key: "z", code: "KeyY" }), "z");
});

test("what is no shortcut stays the browser's", () => {
  equal(press({ key: "J", code: "KeyJ", shiftKey: true }), "");
  equal(press({ key: "!", code: "Digit1", shiftKey: true }), "");
  equal(press({ key: "y", code: "KeyZ" }), "");
  equal(press({ key: "j", code: "KeyJ", ctrlKey: true }), "");
  equal(press({ key: "Dead", code: "KeyJ" }), "");
  equal(press({ key: "Unidentified", code: "" }), "");
  equal(namesOf({ key: "F1", code: "F1", shiftKey: false }), ["f1", "F1"]);
});

test("a key that is held down moves on, and switches once", () => {
  equal(press({ key: "j", code: "KeyJ", repeat: true }), "j");
  equal(press({ key: "z", code: "KeyZ", repeat: true }), "");
});

/** The action of a key, if it has one. @param {KeyboardEventInit} init */
function press(init) {
  pressed.length = 0;
  const event = new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init });
  document.body.dispatchEvent(event);
  return pressed.join("");
}
