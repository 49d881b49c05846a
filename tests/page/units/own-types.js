import { OwnTypes } from "../../../static/board/own-types.js";
import { Board } from "../../../static/board/state.js";
import { equal, test } from "./runner.js";
import { boot } from "./samples.js";

/** @typedef {import("../../../static/board/state.js").Change} Change */

test("a board begins with the own types that its page was made with", () => {
  const activity = [{ id: "999-0", event: "log", data: "started" }];
  const board = new Board(boot({ other: [ticket("1", { n: 1 })], activity }));
  equal(board.own.row("ticket", "1")?.data, { n: 1 });
  equal([board.own.size, board.own.activity.length, board.own.isUsed], [1, 1, true]);
});

test("a keyed event of an own type replaces its row, and a retirement removes it", () => {
  const { board, changes } = watched();
  board.apply("other", ticket("1", { n: 1 }), "1000-1", true);
  board.apply("other", ticket("1", null), "1000-2", true);
  equal(board.own.row("ticket", "1")?.data, null);
  board.apply("gone", { event: "ticket", key: "1", at: 0 }, "1000-3", true);
  board.apply("gone", { event: "ticket", key: "1", at: 0 }, "1000-4", true);
  equal(board.own.row("ticket", "1"), null);
  equal(
    changes.map(({ type, own, key, before, now }) => [type, own, key, !before, !now]),
    [
      ["other", "ticket", "1", true, false],
      ["other", "ticket", "1", false, false],
      ["other", "ticket", "1", false, true],
    ],
  );
});

test("of the events without a key the newest 50 are kept", () => {
  const { board, changes } = watched();
  for (let i = 1; i <= 60; i++) {
    board.apply("other", { event: "log", key: null, data: i }, `1000-${i}`, true);
  }
  equal([board.own.activity.length, board.own.activity[0].data, board.own.size], [50, 11, 0]);
  equal([changes.length, changes[0].key, changes[0].now.data], [60, null, 1]);
});

test("whatever a type, a key or a field is called, it is only a name", () => {
  const { board } = watched();
  board.rebuild();
  for (const [i, name] of ["__proto__", "constructor", "toString"].entries()) {
    const data = JSON.parse(`{"${name}":1}`);
    board.apply("other", { event: name, key: name, data }, `2000-${i}`, true);
    equal([...(board.own.types.get(name)?.columns.keys() ?? [])], [name]);
    equal(board.own.trend(name, name), [1]);
  }
  board.settle();
  equal(board.own.size, 3);
});

test("a rebuild keeps the rows that come again and drops the others", () => {
  const board = new Board(boot({ other: [ticket("1", { n: 1 }), ticket("2", { n: 2 })] }));
  board.rebuild();
  board.apply("other", ticket("2", { n: 3 }), "5-1", false);
  equal(board.own.size, 2);
  board.settle();
  equal([...(board.own.types.get("ticket")?.rows.keys() ?? [])], ["2"]);
  equal(board.own.trend("ticket", "2"), [3]);
});

test("a trend has the last 60 numbers of the first column with numbers", () => {
  const own = new OwnTypes([], []);
  own.replace("server", "a", { name: "x", load: 1 });
  for (let load = 2; load <= 70; load++) own.replace("server", "a", { name: "x", load });
  const trend = own.trend("server", "a");
  equal([trend.length, trend[0], trend.at(-1)], [60, 11, 70]);
  own.replace("server", "a", { name: 5, load: 1e300 });
  equal(own.trend("server", "a"), [5]);
  own.replace("server", "a", { name: 1e300 });
  equal(own.trend("server", "a"), [5]);
  own.retire("server", "a");
  equal(own.trend("server", "a"), []);
});

test("a column keeps its place and its kind while values come and go", () => {
  const own = new OwnTypes([], []);
  own.replace("t", "1", { state: null, n: 2.5 });
  own.replace("t", "1", { state: "open" });
  own.replace("t", "1", { n: "many", state: 4 });
  const columns = [...(own.types.get("t")?.columns.values() ?? [])];
  equal(
    columns.map(({ name, kind, decimals }) => [name, kind, decimals]),
    [
      ["state", "chip", 0],
      ["n", "number", 1],
    ],
  );
});

/** @param {string} key @param {any} data */
function ticket(key, data) {
  return { event: "ticket", key, data };
}

function watched() {
  const board = new Board(boot());
  /** @type {Change[]} */
  const seen = [];
  board.watch((change) => seen.push(change));
  return { board, changes: seen };
}
