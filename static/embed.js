/**
 * The compact board for a frame on another page: the prices, scores and panels that its URL
 * selects, and a badge. It has no settings and stores nothing.
 */

import { Badge, isStale, paintSources } from "./board/badge.js";
import { Board } from "./board/state.js";
import { byId, setHidden, setText } from "./dom.js";
import { Prices } from "./board/prices.js";
import { Scores } from "./board/scores.js";
import { readSelection } from "./controls/address.js";
import { Stream } from "./stream/stream.js";
import { passTime, setTime } from "./times.js";

const SECOND = 1000; // ms
const NO_PINS = { isPinned: () => false };

// Such a frame has an origin of its own, which may not read the feed.
const isSandboxed = globalThis.origin === "null";

/** @type {import("./board/state.js").Boot} */
const boot = JSON.parse(byId("boot").textContent ?? "");
const board = new Board(boot);
const choice = { now: readSelection(location) };
const prices = new Prices(board, choice, NO_PINS);
const scores = new Scores(board, choice, NO_PINS);
/** @type {import("./panels/panels.js").Panels | null} Null until there is an own type. */
let panels = null;
/** @type {import("./panels/left-out.js").LeftOut | null} */
let leftOut = null;
let arePanelsAsked = false;
/** @type {Record<string, import("./board/painter.js").View>} By event type; `other` later. */
const views = { price: prices, score: scores };
const badge = new Badge(() => stream.retry());
const stream = new Stream(
  {
    event: (type, data, id, live) => board.apply(type, data, id, live),
    hello: ({ resume }) => {
      if (resume === "fresh") board.rebuild();
    },
    caughtUp: () => {
      board.settle();
      loadLeftOut();
    },
    control: () => {}, // a frame has no room for the line about a gap
    state: requestPaint,
  },
  {
    id: boot.id,
    heartbeat: boot.heartbeat,
    version: boot.version,
    symbols: choice.now.symbols.length ? choice.now.symbols : null,
  },
);
let frame = 0;

board.watch((change) => {
  views[change.type]?.onChange(change);
  openPanels();
  requestPaint();
});

/** Show the panels, once there is a publisher's own type; this loads their script. */
async function openPanels() {
  if (arePanelsAsked || !board.own.isUsed) return;
  arePanelsAsked = true;
  const loaded = await loadPanels().catch(() => null);
  arePanelsAsked = loaded !== null; // else the next event tries again
  if (!loaded) return;
  const { Panels } = loaded;
  panels = new Panels(board, choice, NO_PINS, requestPaint);
  views.other = panels;
  requestPaint();
}

async function loadPanels() {
  const module = await import("./panels/panels.js");
  await module.loadPanelParts();
  return module;
}

/** Fetch the rows for which the page had no room; the first time this loads its script. */
async function loadLeftOut() {
  if (!boot.left_out) return;
  const { LeftOut } = await import("./panels/left-out.js");
  leftOut ??= new LeftOut(board, boot.left_out);
  leftOut.load();
}

function requestPaint() {
  frame ||= requestAnimationFrame(paint);
}

/** @param {number} now */
function paint(now) {
  frame = 0;
  badge.paint(stream.state, stream.asOf);
  if (isSandboxed && isStale(stream.state)) {
    setText(byId("badge-words"), "Not live: the frame’s sandbox lacks allow-same-origin");
  }
  const isMore = prices.paint({ now, isPaused: false });
  scores.paint({ isPaused: false });
  setTime(byId("as-of"), stream.asOf ?? boot.at, "clock");
  panels?.paint({ now, isPaused: false, serverTime: stream.serverTime ?? boot.at });
  setHidden(byId("nothing"), !isNothingShown());
  if (isMore) requestPaint();
}

/** Whether the selection shows nothing. */
function isNothingShown() {
  const { view } = choice.now;
  const shows = (/** @type {string} */ part) =>
    ["both", part].includes(view) && !byId(part).hidden;
  const hasPanels = panels ? !panels.isEmpty : board.own.isUsed;
  return !shows("prices") && !shows("scores") && !hasPanels;
}

function tick() {
  passTime(stream.serverTime ?? Date.now());
  if (stream.serverTime !== null) {
    prices.paintAges(stream.serverTime);
    panels?.paintAges(stream.serverTime);
    paintSources(board);
  }
  requestPaint();
}

openPanels();
stream.open();
setInterval(tick, SECOND);
tick();
