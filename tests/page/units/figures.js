import { presentOf, presentResult, rowOf } from "../../../static/ask/figures.js";
import { Board } from "../../../static/board/state.js";
import { boot, quote, score } from "./samples.js";
import { equal, test } from "./runner.js";

/** @param {string} field @param {string} event @param {string} key */
function ref(field, event = "price", key = "ACME") {
  return { event, key, field, id: "5000-0" };
}

/** A board after one event of each kind, whose id comes after the answer's. */
function board() {
  const made = new Board(boot());
  made.apply(
    "price",
    quote({ price: 1124.02, change: -0.36, change_percent: -0.3 }),
    "9000-0",
    true,
  );
  const home = { ...score().home, score: 3 };
  made.apply("score", score({ home, minute: 70 }), "9000-1", true);
  return made;
}

test("a figure that changed is written as the board writes it", () => {
  const at = board();
  equal(presentOf(ref("price"), "123.65", at), "1,124.02");
  equal(presentOf(ref("change"), "0.50", at), "−0.36");
  equal(presentOf(ref("change_percent"), "+0.5%", at), "−0.30%");
  equal(presentOf(ref("volume"), "9", at), "1,200");
  equal(presentOf(ref("home.score", "score", "acton-burton"), "2", at), "3");
});

test("a figure that is still so has nothing beside it", () => {
  const at = board();
  equal(presentOf(ref("price"), "1,124.02", at), null);
  equal(presentOf(ref("price"), "1124", at), null); // as precise as the answer is
  equal(presentOf(ref("change"), "0.36", at), null); // "fell by 0.36"
  equal(presentOf(ref("change_percent"), "−0.3%", at), null);
  equal(presentOf(ref("home.score", "score", "acton-burton"), "three", at), null);
});

test("nothing is said of what the board doesn't know, or doesn't write as a figure", () => {
  const at = board();
  equal(presentOf(ref("price", "price", "NONE"), "1", at), null);
  equal(presentOf(ref("at"), "1", at), null);
  equal(presentOf(ref("minute", "score", "acton-burton"), "67′", at), null);
  equal(presentOf(ref("constructor.name"), "1", at), null);
  equal(presentOf({ ...ref("price"), field: null }, "1", at), null);
  equal(presentOf(ref("waiting", "ticket", "4711"), "1", at), null);
  equal(presentOf(ref("name"), "Acme", at), null);
});

test("what a publisher's own type says is known too", () => {
  const at = board();
  const data = { status: "closed", waiting: 8, text: "x".repeat(61) };
  at.apply("other", { event: "ticket", key: "4711", data }, "9001-0", true);
  equal(presentOf(ref("waiting", "ticket", "4711"), "12.5", at), "8");
  equal(presentOf(ref("status", "ticket", "4711"), "“open”", at), "“closed”");
  equal(presentOf(ref("status", "ticket", "4711"), "“closed”", at), null);
  equal(presentOf(ref("text", "ticket", "4711"), "“x…”", at), null);
});

test("a board that is older than the answer says nothing", () => {
  const at = new Board(boot());
  at.apply("price", quote({ price: 7 }), "5000-0", true);
  equal(presentOf(ref("price"), "8", at), null);
});

test("a result changes as a whole", () => {
  const at = board();
  const away = ref("away.score", "score", "acton-burton");
  equal(presentResult(away, "2–0", at), "3–0");
  equal(presentResult(away, "3–0", at), null);
  equal(presentResult({ ...away, key: "none" }, "3–0", at), null);
});

test("a reference leads to the row that it names", () => {
  equal(rowOf(ref("price"), "123.65"), { kind: "quote", key: "ACME" });
  equal(rowOf(ref("home.name", "score", "a"), "Acton"), { kind: "match", key: "a" });
  equal(rowOf(ref("waiting", "ticket", "1"), "8"), { kind: "own", key: "1", type: "ticket" });
  const scorer = ref("incidents.0.player", "score", "a");
  equal(rowOf(scorer, "E. Ames"), { kind: "match", key: "a" });
  equal(rowOf(ref("currency"), "EUR"), null);
  equal(rowOf(ref("until", "market", "MAIN"), "16:00"), null);
  equal(rowOf(null, "x"), null);
});
