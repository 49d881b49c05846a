/**
 * The page: hands the stream's events to the board, and the board's changes to the views,
 * which paint at most once a frame.
 */

import { Announcer } from "./announcer.js";
import { Away } from "./away.js";
import { Badge, isStale, words } from "./badge.js";
import { Board } from "./board.js";
import { byId, setAttribute, setHidden, setText } from "./dom.js";
import { clock } from "./format.js";
import { Notices } from "./notices.js";
import { Prices } from "./prices.js";
import { Renewal } from "./renewal.js";
import { Scores } from "./scores.js";
import { Stream } from "./stream.js";

/** @typedef {import("./board.js").Boot} Boot */
/** @typedef {import("./stream.js").StateName} StateName */

const SECOND = 1000; // ms between two paintings of what time alone changes
const TITLE_EACH = 5; // seconds between two titles; a tab that flickers is no friend
const GAP_SHOWN = 20_000; // ms
/** @type {Set<StateName>} What is told to people who don't see the badge. */
const TOLD = new Set(["live", "reconnecting", "offline", "restarting", "full", "ended"]);

let wasTold = false; // whether anything but a first "Live" was worth telling
let areNoticesDue = false;
let frame = 0;
let seconds = 0;
let gapTimer = 0;

/** @type {Boot} */
const boot = JSON.parse(byId("boot").textContent ?? "");
const board = new Board(boot);
const prices = new Prices(board);
const scores = new Scores(board);
const notices = new Notices(board);
const away = new Away(board);
const announcer = new Announcer();
const renewal = new Renewal(boot.version);
const badge = new Badge(() => stream.retry());
const stream = new Stream(
  {
    event: (type, data, id, live) => board.apply(type, data, id, live),
    hello: (hello) => {
      away.begin(stream.asOf ?? boot.at, hello.at);
      if (hello.resume === "fresh") board.rebuild();
      board.source = hello.source;
      renewal.note(hello.version);
      requestPaint();
    },
    caughtUp: () => {
      board.settle();
      paintTimes();
      showAway(away.end(stream.serverTime ?? boot.at));
    },
    gap: showGap,
    state: (state) => {
      if (TOLD.has(state.name) && (wasTold || state.name !== "live")) {
        announcer.say(words({ ...state, seconds: null }, stream.asOf));
        wasTold = true;
      }
      requestPaint();
    },
  },
  {
    id: boot.id,
    heartbeat: boot.heartbeat,
    version: boot.version,
    types: boot.other.map(({ event }) => event),
  },
);

board.watch((change) => {
  if (change.type === "price") prices.note(change);
  else if (change.type === "score") {
    const told = scores.note(change);
    if (told) announcer.say(told);
  } else if (change.type === "market" || change.type === "notice") areNoticesDue = true;
  requestPaint();
});

function requestPaint() {
  frame ||= requestAnimationFrame(paint);
}

/** @param {number} now */
function paint(now) {
  frame = 0;
  prices.paint(now);
  scores.paint();
  if (areNoticesDue) notices.paint();
  areNoticesDue = false;
  badge.paint(stream.state, stream.asOf);
  setText(byId("as-of"), clock(stream.asOf ?? boot.at));
  setHidden(byId("simulated"), board.source !== "simulator");
  setAttribute(document.documentElement, "data-source", board.source);
  setHidden(byId("empty"), board.quotes.size + board.scores.size > 0);
}

/** Once a second: what time alone changes, and what need not change more often. */
function tick() {
  paintTimes();
  if (seconds % TITLE_EACH === 0) document.title = title();
  seconds += 1;
  renewal.check();
}

function paintTimes() {
  const { serverTime } = stream;
  if (serverTime !== null && !document.hidden) {
    prices.paintAges(serverTime);
    prices.paintSummary();
    if (board.source !== "simulator" && !isStale(stream.state)) {
      scores.paintMinutes(serverTime);
    }
  }
}

function title() {
  if (isStale(stream.state)) return `${words(stream.state, stream.asOf)} · Liveboard`;
  const { up, down } = prices.count();
  const live = scores.count();
  const parts = [
    board.quotes.size ? `▲ ${up} ▼ ${down}` : "",
    live ? `${live} live` : "",
    "Liveboard",
  ];
  return parts.filter(Boolean).join(" · ");
}

/** @param {import("./stream.js").Gap} gap */
function showGap({ dropped, lost }) {
  const line = byId("gap");
  const left = dropped === null ? "Some" : String(dropped);
  const missed = lost === 0 ? "" : ` ${lost ?? "Some"} incidents were missed.`;
  line.textContent = `This page fell behind. ${left} outdated updates were left out.${missed}`;
  line.hidden = false;
  clearTimeout(gapTimer);
  gapTimer = setTimeout(() => (line.hidden = true), GAP_SHOWN);
}

/** @param {string | null} sentence What happened while the person was away. */
function showAway(sentence) {
  if (sentence === null) return;
  setText(byId("away"), sentence);
  setHidden(byId("away"), false);
  announcer.say(sentence);
}

for (const element of document.querySelectorAll("[data-origin]")) {
  setText(element, location.origin);
}
stream.open();
setInterval(tick, SECOND);
tick();
