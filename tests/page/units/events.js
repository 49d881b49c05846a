import { instant, isAfter } from "../../../static/events.js";
import { equal, test } from "./runner.js";

test("ids are compared as two numbers, never as text", () => {
  equal(isAfter("1000-10", "1000-9"), true);
  equal(isAfter("1000-9", "1000-10"), false);
  equal(isAfter("10000-0", "9999-5"), true);
});

test("an id does not come after itself", () => {
  equal(isAfter("1000-1", "1000-1"), false);
});

test("every id comes after none", () => {
  equal(isAfter("0-0", null), true);
});

test("a bare instant comes before every event of its millisecond", () => {
  equal(isAfter("1000-0", "1000"), true);
  equal(isAfter("1000", "1000-0"), false);
  equal(isAfter("1000", "999-7"), true);
});

test("the instant of an id is its milliseconds", () => {
  equal(instant("1795393896977-3"), 1795393896977);
  equal(instant("1795393896977"), 1795393896977);
});
