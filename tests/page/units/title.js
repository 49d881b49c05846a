import { titleOf } from "../../../static/board/title.js";
import { equal, test } from "./runner.js";

/** @typedef {Parameters<typeof titleOf>[0]} Shown */

test("the title counts what rose and fell, and the matches that are live", () => {
  equal(title(), "▲ 12 ▼ 7 · 2 live · Liveboard");
  equal(title({ directions: null, live: 0 }), "Liveboard");
});

test("what is opened is the title, with its values unless these are old", () => {
  const opened = { name: "Acton v Burton", line: "Acton 2–1 Burton" };
  equal(title({ opened }), "Acton 2–1 Burton · Liveboard");
  const state = /** @type {const} */ ({ name: "restarting", seconds: null });
  equal(title({ opened, state }), "Server restarting · Acton v Burton · Liveboard");
  equal(title({ opened, isPaused: true }), "‖ Paused · Acton v Burton · Liveboard");
});

test("a page that is paused says so, and that its server is gone", () => {
  const state = /** @type {const} */ ({ name: "restarting", seconds: null });
  equal(title({ isPaused: true }), "‖ Paused · Liveboard");
  equal(title({ isPaused: true, state }), "‖ Paused · Server restarting · Liveboard");
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
    opened: null,
    directions: { up: 12, down: 7 },
    live: 2,
    ...changes,
  });
}
