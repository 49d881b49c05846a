import { titleOf } from "../../../static/board/title.js";
import { equal, test } from "./runner.js";

/** @typedef {Parameters<typeof titleOf>[0]} Shown */

test("the title counts what rose and fell, and the matches that are live", () => {
  equal(title(), "▲ 12 ▼ 7 · 2 live · Liveboard");
  equal(title({ directions: null, live: 0 }), "Liveboard");
});

test("what is opened comes first", () => {
  equal(title({ opened: "ACME", live: 0 }), "ACME · ▲ 12 ▼ 7 · Liveboard");
});

test("a page that is paused says so, whatever else is true", () => {
  const state = /** @type {const} */ ({ name: "offline", seconds: null });
  equal(title({ isPaused: true, state }), "‖ Paused · Liveboard");
});

test("values that are out of date are not counted", () => {
  const state = /** @type {const} */ ({ name: "reconnecting", seconds: 4 });
  equal(title({ state }), "Reconnecting in 4 s · Liveboard");
});

/** @param {Partial<Shown>} changes */
function title(changes = {}) {
  return titleOf({
    isPaused: false,
    state: { name: "live", seconds: null },
    asOf: 0,
    opened: "",
    directions: { up: 12, down: 7 },
    live: 2,
    ...changes,
  });
}
