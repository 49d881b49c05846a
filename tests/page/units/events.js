import {
  ASKED,
  instant,
  isAfter,
  KEPT,
  LISTENED,
  slotOf,
  subjectOf,
  traitsOf,
} from "../../../static/events.js";
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

test("a page asks for each event that it shows, and listens to all that it is sent", () => {
  equal(ASKED, ["price", "score", "market", "notice", "source", "other"]);
  equal(LISTENED, [...ASKED, "gone"]);
});

test("each event type whose keys are kept has a section of the state", () => {
  equal(
    KEPT.map((type) => traitsOf(type).section),
    ["prices", "scores", "markets", "notices", "sources"],
  );
});

test("an event type that is not in the catalogue is a publisher's own", () => {
  for (const type of ["other", "ticket", "constructor", "__proto__"]) {
    equal(traitsOf(type), { key: null, selectedBy: null, section: null, detail: "own" });
  }
});

test("a retirement and a wrapped event are about the key that they name", () => {
  equal(subjectOf("price", { symbol: "ACME" }), { type: "price", key: "ACME" });
  equal(subjectOf("gone", { event: "score", key: "m" }), { type: "score", key: "m" });
  equal(subjectOf("other", { event: "ticket", key: "1", data: {} }), {
    type: "ticket",
    key: "1",
  });
});

test("an event takes its key's slot, a retirement too, and one without a key its own", () => {
  const id = "1-0";
  equal(slotOf({ type: "price", data: { symbol: "ACME" }, id }), "price ACME");
  equal(slotOf({ type: "gone", data: { event: "price", key: "ACME" }, id }), "price ACME");
  equal(slotOf({ type: "other", data: { event: "ticket", key: "1" }, id }), "ticket 1");
  equal(slotOf({ type: "other", data: { event: "token", key: null }, id }), id);
  equal(slotOf({ type: "incident", data: { match: "m" }, id }), id);
});
