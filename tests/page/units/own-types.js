import { Board } from "../../../static/board/state.js";
import { Tables } from "../../../static/panels/tables.js";
import { equal, test } from "./runner.js";
import { boot } from "./samples.js";

/** @typedef {import("../../../static/board/state.js").Change} Change */

test("a board begins with the own types that its page was made with", () => {
  const activity = [{ id: "999-0", event: "log", data: "started" }];
  const board = new Board(boot({ other: [ticket("1", { n: 1 })], activity }));
  equal(board.own.row("ticket", "1")?.data, { n: 1 });
  equal([board.own.activity.length, board.own.isUsed], [1, true]);
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
  equal([board.own.activity.length, board.own.activity[0].data], [50, 11]);
  equal([changes.length, changes[0].key, changes[0].now.data], [60, null, 1]);
});

test("whatever a type, a key or a field is called, it is only a name", () => {
  const { board } = watched();
  const tables = new Tables(board);
  board.rebuild();
  for (const [i, name] of ["__proto__", "constructor", "toString"].entries()) {
    const data = JSON.parse(`{"${name}":1}`);
    board.apply("other", { event: name, key: name, data }, `2000-${i}`, true);
    equal([...(tables.of(name)?.columns.keys() ?? [])], [name]);
    equal(tables.trend(name, name), [1]);
  }
  board.settle();
  equal([...board.own.types.keys()], ["__proto__", "constructor", "toString"]);
});

test("a rebuild keeps the rows that come again and drops the others", () => {
  const board = new Board(boot({ other: [ticket("1", { n: 1 }), ticket("2", { n: 2 })] }));
  const tables = new Tables(board);
  board.rebuild();
  board.apply("other", ticket("2", { n: 3 }), "5-1", false);
  equal(board.own.types.get("ticket")?.size, 2);
  board.settle();
  equal([...(board.own.types.get("ticket")?.keys() ?? [])], ["2"]);
  equal(tables.trend("ticket", "2"), [3]);
});

test("a trend has the last 60 numbers of the first column with numbers", () => {
  const { board } = watched();
  const tables = new Tables(board);
  const put = putter(board, "server");
  for (let load = 1; load <= 70; load++) put({ name: "x", load });
  const trend = tables.trend("server", "a");
  equal([trend.length, trend[0], trend.at(-1)], [60, 11, 70]);
  put({ name: 5, load: 1e300 });
  equal(tables.trend("server", "a"), [5]);
  put({ name: 1e300 });
  equal(tables.trend("server", "a"), [5]);
  board.apply("gone", { event: "server", key: "a", at: 0 }, "9000-0", true);
  equal(tables.trend("server", "a"), []);
});

test("a column keeps its place and its kind while values come and go", () => {
  const { board } = watched();
  const tables = new Tables(board);
  const put = putter(board, "t");
  put({ state: null, n: 2.5 });
  put({ state: "open" });
  put({ n: "many", state: 4 });
  const columns = [...(tables.of("t")?.columns.values() ?? [])];
  equal(
    columns.map(({ name, kind, decimals }) => [name, kind, decimals]),
    [
      ["state", "chip", 0],
      ["n", "number", 1],
    ],
  );
});

/** A function that publishes data of the key "a". @param {Board} board @param {string} event */
function putter(board, event) {
  let at = 2000;
  return (/** @type {any} */ data) =>
    board.apply("other", { event, key: "a", data }, `${at++}-0`, true);
}

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
