/**
 * The page: hands the stream's events to the board, and the board's changes to the views,
 * which paint at most once a frame. How seldom events come is up to the stream's pace.
 */

import { Alerts } from "./alerts/alerts.js";
import { Announcer } from "./alerts/announcer.js";
import { Away } from "./alerts/away.js";
import { Badge, isStale, words } from "./board/badge.js";
import { Board } from "./board/state.js";
import { Choice } from "./controls/choice.js";
import { byId, setAttribute, setHidden, setText } from "./dom.js";
import { clock, date } from "./format.js";
import { listen, step } from "./controls/keys.js";
import { Notices } from "./board/notices.js";
import { Pause } from "./controls/pause.js";
import { paintPins, rowOf } from "./controls/pins.js";
import { Prices } from "./board/prices.js";
import { Renewal } from "./renewal.js";
import { Scores } from "./board/scores.js";
import { Settings, pinOf } from "./controls/settings.js";
import { SettingsDialog } from "./controls/settings-dialog.js";
import { Stream } from "./stream/stream.js";
import { Terminal } from "./controls/terminal.js";
import { Told } from "./alerts/notify.js";
import { Toolbar, onPlainClick } from "./controls/toolbar.js";

/** @typedef {import("./board/state.js").Boot} Boot */
/** @typedef {import("./board/state.js").Change} Change */
/** @typedef {import("./stream/stream.js").StateName} StateName */

const SECOND = 1000; // ms between two paintings of what time alone changes
const TITLE_EACH = 5; // seconds between two titles; a tab that flickers is no friend
const GAP_SHOWN = 20_000; // ms
/** @type {Set<StateName>} What is told to people who don't see the badge. */
const TOLD = new Set([
  "live",
  "reconnecting",
  "offline",
  "restarting",
  "full",
  "interrupted",
  "ended",
]);

let wasTold = false; // whether anything but a first "Live" was worth telling
let frame = 0;
let seconds = 0;
let gapTimer = 0;
let isUrgent = true; // whether a person's own action is to be painted, paused or not

// What is loaded when it is first opened.
/** @type {import("./alerts/alerts-dialog.js").AlertsDialog | null} */
let alertsDialog = null;
/** @type {import("./detail/detail.js").Detail | null} */
let detail = null;

/** @type {Boot} */
const boot = JSON.parse(byId("boot").textContent ?? "");
const board = new Board(boot);
const settings = new Settings();
const choice = new Choice();
const away = new Away(board);
const announcer = new Announcer();
const told = new Told(settings, announcer);
const alerts = new Alerts(settings, board, (words, tag) => told.tell(words, tag));
const prices = new Prices(board, choice, settings);
const scores = new Scores(board, choice, settings);
const notices = new Notices(board);
/** @type {Record<string, {note: (change: Change) => string | void}>} By event type. */
const views = { price: prices, score: scores, market: notices, notice: notices };
const pause = new Pause();
const toolbar = new Toolbar(choice);
const terminal = new Terminal();
const settingsDialog = new SettingsDialog(settings);
const help = /** @type {HTMLDialogElement} */ (byId("help"));
const renewal = new Renewal(boot.version);
const badge = new Badge(() => stream.retry());
const stream = new Stream(
  {
    event: (type, data, id, live) => board.apply(type, data, id, live),
    hello: (hello) => {
      away.begin(stream.asOf ?? boot.at, hello.at);
      if (hello.resume === "fresh") board.rebuild();
      if (hello.resume !== "replayed") detail?.reload();
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
  { id: boot.id, heartbeat: boot.heartbeat, version: boot.version },
);

board.watch((change) => {
  const news = views[change.type]?.note(change);
  if (news && !pause.isOn) announcer.say(news);
  detail?.note(change);
  alerts.note(change);
  pause.note(change);
  requestPaint();
});

function requestPaint() {
  frame ||= requestAnimationFrame(paint);
}

/** Paint what a person's own action changed, at once. */
function paintNow() {
  isUrgent = true;
  requestPaint();
}

/** @param {number} now */
function paint(now) {
  frame = 0;
  badge.paint(stream.state, stream.asOf);
  pause.paint();
  if (isUrgent || !pause.isOn) paintBoard(now);
}

/** @param {number} now */
function paintBoard(now) {
  isUrgent = false;
  const isMore = prices.paint(now, pause.isOn);
  scores.paint(pause.isOn);
  detail?.paint();
  paintEmptiness();
  if (isMore) paintNow();
  if (pause.isOn) return; // what a person does shows, but no value changes
  notices.paint(stream.serverTime ?? boot.at);
  const asOf = stream.asOf ?? boot.at;
  setText(byId("as-of"), clock(asOf));
  setText(byId("as-of-date"), date(asOf).slice(0, 10));
  setHidden(byId("simulated"), board.source !== "simulator");
  setAttribute(document.documentElement, "data-source", board.source);
}

function paintEmptiness() {
  const isEmpty = board.quotes.size + board.scores.size === 0;
  const { view } = choice.now;
  const isNothing =
    (view === "scores" || byId("prices").hidden) &&
    (view === "prices" || byId("scores").hidden);
  setHidden(byId("empty"), !isEmpty);
  setHidden(byId("toolbar"), isEmpty);
  setHidden(byId("nothing"), isEmpty || !isNothing);
}

/** Once a second: what time alone changes, and what need not change more often. */
function tick() {
  paintTimes();
  if (seconds % TITLE_EACH === 0) document.title = title();
  seconds += 1;
  renewal.check();
  if (prices.isOrderDue || scores.isDue || detail?.isDue || board.notices.size) requestPaint();
}

function paintTimes() {
  const { serverTime } = stream;
  if (serverTime === null || document.hidden || pause.isOn) return;
  prices.paintAges(serverTime);
  const { up, down } = prices.count();
  setText(byId("rising"), `▲ ${up} up`);
  setText(byId("falling"), `▼ ${down} down`);
  if (board.source !== "simulator" && !isStale(stream.state)) {
    scores.paintMinutes(serverTime);
  }
}

function title() {
  if (pause.isOn) return "‖ Paused · Liveboard";
  if (isStale(stream.state)) return `${words(stream.state, stream.asOf)} · Liveboard`;
  const { up, down } = prices.count();
  const live = scores.count();
  const parts = [
    choice.now.opened?.key ?? "",
    board.quotes.size ? `▲ ${up} ▼ ${down}` : "",
    live ? `${live} live` : "",
    "Liveboard",
  ];
  return parts.filter(Boolean).join(" · ");
}

/** @param {import("./stream/stream.js").Gap} gap */
function showGap({ dropped, lost }) {
  const line = byId("gap");
  const left = dropped === null ? "Some" : String(dropped);
  const missed = lost === 0 ? "" : ` ${lost ?? "Some"} events were missed.`;
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
  announcer.say(sentence, true);
  renewal.touch(); // somebody may be about to read it
}

/** Show what is selected. @param {boolean} isFirst */
function choose(isFirst = false) {
  prices.choose();
  scores.choose();
  toolbar.paint();
  if (detail) detail.choose();
  else if (choice.now.opened) openDetail(isFirst);
  terminal.paint(choice.now, shownSymbols());
  document.title = title();
  paintNow();
}

/** The symbols that are in view. */
function shownSymbols() {
  const { opened, symbols, q, filter } = choice.now;
  if (opened || !(symbols.length || q.trim() || filter === "pinned")) return symbols;
  return prices.chosenNow();
}

/** Do as the settings say. */
function applySettings() {
  stream.pace = settings.get("pace");
  stream.armed = alerts.isArmed;
  setHidden(byId("keys-off"), settings.get("shortcuts"));
}

/** What is meant: the row that has the focus, else what is opened. */
function meant() {
  return rowOf(document.activeElement) ?? choice.now.opened;
}

/** Open what is selected; its script is loaded with the first. @param {boolean} isFirst */
async function openDetail(isFirst) {
  const { Detail } = await import("./detail/detail.js");
  detail ??= new Detail(board, choice, settings);
  detail.choose(isFirst);
}

/** Open the dialog of alerts; its script is loaded with the first time. */
async function openAlerts(
  /** @type {import("./controls/address.js").Opened | null} */ about = null,
) {
  const { AlertsDialog } = await import("./alerts/alerts-dialog.js");
  alertsDialog ??= new AlertsDialog(alerts, board, settings, told);
  alertsDialog.open(about);
}

function togglePause() {
  pause.toggle(stream.serverTime ?? boot.at);
  announcer.say(pause.isOn ? "Paused" : "Resumed");
  document.title = title();
  if (!pause.isOn) paintNow();
}

function togglePin() {
  const it = meant();
  if (it) settings.togglePin(pinOf(it.kind, it.key));
}

/** @param {string} words */
function say(words) {
  announcer.say(words);
  told.show(words);
}

choice.watch(() => choose());
settings.watch((name) => {
  applySettings();
  if (name === "pins") {
    paintPins(settings);
    choose();
  }
  paintNow();
});

onPlainClick(byId("board"), ".symbol, .open", (link) => {
  const row = rowOf(link);
  if (row) choice.open(row);
});
byId("board").addEventListener("click", ({ target }) => {
  const row = rowOf(/** @type {Element} */ (target).closest(".star"));
  if (row) settings.togglePin(pinOf(row.kind, row.key));
});
byId("pause").addEventListener("click", togglePause);
byId("open-settings").addEventListener("click", () => settingsDialog.open());
byId("open-help").addEventListener("click", () => help.showModal());
byId("open-alerts").addEventListener("click", () => openAlerts());
byId("alerts-tab").addEventListener("click", () => openAlerts());
byId("detail-alert").addEventListener("click", () => openAlerts(choice.now.opened));
byId("settings-alerts").addEventListener("click", () => {
  settingsDialog.close();
  openAlerts();
});
byId("settings-help").addEventListener("click", () => {
  settingsDialog.close();
  help.showModal();
});
listen(settings, {
  "/": () => toolbar.focus(),
  j: () => step(1),
  k: () => step(-1),
  f: togglePin,
  a: () => openAlerts(meant()),
  s: () => say(`Sort: ${toolbar.nextSort()}`),
  1: () => choice.change({ view: "both" }),
  2: () => choice.change({ view: "prices" }),
  3: () => choice.change({ view: "scores" }),
  z: togglePause,
  m: () => {
    settings.set("sound", !settings.get("sound"));
    if (settings.get("sound")) told.beep();
    say(settings.get("sound") ? "Sound on" : "Sound off");
  },
  t: () => say(`Theme: ${settingsDialog.nextTheme()}`),
  "?": () => help.showModal(),
  Escape: () => choice.close(),
});

paintPins(settings);
applySettings();
choose(true);
stream.open();
setInterval(tick, SECOND);
tick();
