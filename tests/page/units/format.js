import * as format from "../../../static/format.js";
import { UNKNOWN, clock, date, passTime } from "../../../static/times.js";
import { equal, test } from "./runner.js";
import { incident, quote, score } from "./samples.js";

const EVENING = Date.UTC(2026, 2, 5, 19, 45, 7);

test("a price has its decimals and its thousands apart", () => {
  equal(format.price(1234.5, 2), "1,234.50");
  equal(format.price(1234567, 0), "1,234,567");
  equal(format.price(0.1, 4), "0.1000");
});

test("what is unknown is a dash and never 0", () => {
  equal(format.price(null, 2), UNKNOWN);
  equal(format.signed(null, 2), UNKNOWN);
  equal(format.percent(null), UNKNOWN);
});

test("a change has a sign, and minus is a real one", () => {
  equal(format.signed(0.36, 2), "+0.36");
  equal(format.signed(-0.36, 2), "−0.36");
  equal(format.percent(-1.2), "−1.20%");
});

test("what rounds to nothing has neither sign nor arrow", () => {
  equal(format.signed(0.001, 2), "0.00");
  equal(format.signed(-0.001, 2), "0.00");
  equal(format.arrow(-0.001, 2), "");
  equal(format.direction(0.001, 2), "flat");
});

test("an age is said shortly", () => {
  const said = [0, 999, 1000, 59_999, 60_000, 3_600_000, 86_400_000].map(format.age);
  equal(said, ["now", "now", "1 s", "59 s", "1 min", "1 h", "1 d"]);
});

test("a match's chip says its minute, with stoppage, or its status", () => {
  equal(format.minute(score({ status: "2H", minute: 67 })), "67′");
  equal(format.minute(score({ status: "1H", minute: 45, stoppage: 2 })), "45+2′");
  equal(format.minute(score({ status: "HT" })), "HT");
  equal(format.minute(score({ status: "PST" })), "Postponed");
});

test("a match that is to come says when", () => {
  passTime(EVENING);
  equal(format.minute(score({ status: "NS", kick_off: EVENING })), "19:45");
  equal(format.minute(score({ status: "NS" })), "Upcoming");
});

test("a shoot-out is counted apart from the goals", () => {
  const kick = incident({ kind: "penalty", minute: 121 });
  const shown = score({ status: "PEN", incidents: [kick, { ...kick, team: "away" }, kick] });
  equal(format.minute(shown), "PEN 2–1");
  equal(format.scorers(shown, "home"), []);
  equal(format.minute({ ...shown, status: "P" }), "Pens 2–1");
  equal(format.minute(score({ status: "P" })), "Pens");
});

test("a shoot-out that a field gives isn't counted", () => {
  const [home, away] = [5, 4].map((goals) => ({ ...score().home, shoot_out: goals }));
  equal(format.minute(score({ status: "P", home, away })), "Pens 5–4");
});

test("a status without a minute is a word", () => {
  equal(format.minute(score({ status: "LIVE", minute: 7 })), "7′");
  equal(format.minute(score({ status: "LIVE" })), "Live");
  equal(format.minute(score({ status: "BT", minute: 90 })), "Break");
});

test("a scorer's goals stand in one line", () => {
  const incidents = [
    incident({ minute: 23, home_score: 1 }),
    incident({ minute: 67, home_score: 2, kind: "penalty" }),
  ];
  equal(format.scorers(score({ incidents }), "home"), ["Ames\u00a023′ 67′ (pen)"]);
});

test("an own goal counts for the other side", () => {
  const own = incident({ kind: "own_goal", team: "away", home_score: 1, minute: 8 });
  equal(format.scorers(score({ incidents: [own] }), "home"), ["Ames\u00a08′ (og)"]);
});

test("an own goal after an incident without a score counts for the team that it names", () => {
  const own = incident({ kind: "own_goal", team: "away", home_score: 1, minute: 8 });
  /** @type {any} */
  const { home_score: _score, ...before } = incident({ kind: "yellow_card" });
  equal(format.scorers(score({ incidents: [before, own] }), "away"), ["Ames\u00a08′ (og)"]);
});

test("a goal that was cancelled is nobody's", () => {
  const incidents = [
    incident({ minute: 23, home_score: 1 }),
    incident({ minute: 24, kind: "var_cancelled" }),
  ];
  equal(format.scorers(score({ incidents }), "home"), []);
});

test("a line of prices fills its box from edge to edge", () => {
  equal(format.points([1, 2, 3]), "0.0,26.0 50.0,14.0 100.0,2.0");
  equal(format.points([5, 5]), "0.0,14.0 100.0,14.0");
  equal(format.points([5]), "");
});

test("a price's place in the day's range stays within it", () => {
  equal(format.position(quote({ price: 15, low: 10, high: 20 })), "50.0");
  equal(format.position(quote({ price: 99, low: 10, high: 20 })), "100.0");
  equal(format.position(quote({ price: 15, low: null, high: 20 })), "50.0");
});

test("a sparkline has its own direction, and a line at the previous close", () => {
  equal(format.spark([11, 12], 10), {
    points: "0.0,14.0 100.0,2.0",
    way: "up",
    close: "26.0",
  });
  equal(format.spark([12, 11], 10), {
    points: "0.0,2.0 100.0,14.0",
    way: "down",
    close: "26.0",
  });
  equal(format.spark([12, 12], null), {
    points: "0.0,14.0 100.0,14.0",
    way: "flat",
    close: "",
  });
  equal(format.spark([12], 10), { points: "", way: "flat", close: "" });
});

test("matches are listed by competition, phase and kick-off", () => {
  const matches = [
    score({ match: "none", competition: null }),
    score({ match: "over", status: "FT" }),
    score({ match: "late", status: "NS", kick_off: 2 }),
    score({ match: "early", status: "NS", kick_off: 1 }),
    score({ match: "live" }),
  ];
  const listed = matches.sort(format.byMatch).map(({ match }) => match);
  equal(listed, ["live", "early", "late", "over", "none"]);
});

test("a quote in a line has its price, and its change if there is one", () => {
  equal(format.quoteLine(quote()), "ACME 100.00 ▲ +0.50%");
  equal(format.quoteLine(quote({ change_percent: -1 })), "ACME 100.00 ▼ −1.00%");
  equal(format.quoteLine(quote({ change_percent: 0 })), "ACME 100.00 0.00%");
  equal(format.quoteLine(quote({ change_percent: null })), "ACME 100.00");
});

test("a market's status is a word", () => {
  const status = /** @type {const} */ ("open");
  const market = { market: "MAIN", status, until: EVENING, source: null, at: EVENING };
  equal(format.marketStatus(market), "open");
});

test("a field that an event lacks reads like one that is null", () => {
  /** @type {any} */
  const { low: _low, change: _change, at: _at, ...bare } = quote();
  equal(format.price(bare.low, 2), format.price(null, 2));
  equal(format.signed(bare.change, 2), format.signed(null, 2));
  equal(format.percent(bare.change), format.percent(null));
  equal([clock(bare.at), date(bare.at)], [clock(null), date(null)]);
  equal(format.position(bare), "50.0");
  /** @type {any} */
  const { kick_off: _kick_off, ...early } = score({ status: "NS" });
  equal(format.minute(early), "Upcoming");
});
