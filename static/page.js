/**
 * The page: creates its parts and connects them.
 *
 * Events flow one way. The stream passes each event to the board; the board replaces a
 * value and reports the change to the views, which mark what to paint; the painter paints
 * at most once a frame. What a person does changes the selection or the settings, and these
 * report it in the same way. Nothing else is wired between the parts.
 */

import { Announcer } from "./alerts/announcer.js";
import { Away } from "./alerts/away.js";
import { Badge, badgeText } from "./board/badge.js";
import { headOf, isolated, quoteLine, scoreLine, teams } from "./format.js";
import { Painter } from "./board/painter.js";
import { Prices } from "./board/prices.js";
import { Scores } from "./board/scores.js";
import { Board } from "./board/state.js";
import { titleOf } from "./board/title.js";
import { askAbout, typeOf } from "./controls/address.js";
import { Choice } from "./controls/choice.js";
import { Pause } from "./controls/pause.js";
import { paintPins, rowOf } from "./controls/pins.js";
import { Settings, pinOfOpened } from "./controls/settings.js";
import { Toolbar, onPlainClick } from "./controls/toolbar.js";
import { byId, motion, setHidden, setText } from "./dom.js";
import { Stream } from "./stream/stream.js";
import { OWN_ZONE, UTC, passTime, useZone } from "./times.js";

/** @typedef {import("./board/state.js").Boot} Boot */
/** @typedef {import("./stream/stream.js").StateName} StateName */

const SECOND = 1000; // ms
const GLIDE_AFTER = 10; // seconds; before, the page has more urgent things to load
const WALL = matchMedia("(width >= 160rem)"); // as in wall/wall.css
const YOUNG = 5 * 60_000; // ms; until then a page counts as used, and needs no renewal
const TITLE_INTERVAL = 5; // seconds between two titles, because a tab that flickers disturbs
/** @type {Set<StateName>} The states that are announced to people who don't see the badge. */
const ANNOUNCED = new Set([
  "live",
  "reconnecting",
  "offline",
  "restarting",
  "full",
  "interrupted",
  "ended",
]);

/** @type {Boot} */
const boot = JSON.parse(byId("boot").textContent ?? "");
const board = new Board(boot);
const settings = new Settings();
const choice = new Choice();
const away = new Away(board);
const announcer = new Announcer();
const prices = new Prices(board, choice, settings);
const scores = new Scores(board, choice, settings);
/** @type {Record<string, import("./board/painter.js").View>} By event type; others later. */
const views = { price: prices, score: scores };
const pause = new Pause();
const toolbar = new Toolbar(choice);
/** @type {Record<string, (data: any) => void>} By control event. */
const controlHandlers = { gap: showGap };
const badge = new Badge(() => stream.retry());
const stream = new Stream(
  {
    event: (type, data, id, live) => board.apply(type, data, id, live),
    hello: onHello,
    caughtUp: onCaughtUp,
    control: (type, data) => controlHandlers[type]?.(data),
    state: onState,
  },
  { id: boot.id, heartbeat: boot.heartbeat, version: boot.version },
);
/** @type {import("./board/painter.js").Parts} The last three are loaded when needed. */
const parts = {
  board,
  madeAt: boot.at,
  stream,
  choice,
  settings,
  pause,
  badge,
  prices,
  scores,
  views,
  toolbar,
  detail: null,
  panels: null,
  ask: null,
};
const painter = new Painter(parts);
/** @type {import("./openers.js").Alarm | null} */
let alarm = null;
/** @type {Promise<import("./openers.js").Openers> | null} */
let openers = null;
/** @type {import("./openers.js").Page} */
const openersPage = {
  board,
  settings,
  announcer,
  tables: () => parts.panels?.tables,
  onAlarm: (it) => {
    alarm = it;
    applySettings();
  },
  reportUnloaded,
};
/** @type {import("./controls/terminal.js").Terminal | null} */
let terminal = null;
/** @type {import("./panels/left-out.js").LeftOut | null} */
let leftOut = null;
let arePanelsAsked = false;
let wasAnnounced = false; // whether a state was; the first "Live" of a page is no news
let seconds = 0;
/** @type {import("./renewal.js").Renewal | null} */
let renewal = null;
let renewalDue = YOUNG;
/** @type {KeyboardEvent[]} Those before the script of the shortcuts is loaded. */
const earlyKeys = [];
let selectedBefore = ""; // the text that was selected when a pointer went down

board.watch((change) => {
  const news = views[change.type]?.onChange(change);
  if (news && !pause.isOn) announcer.announce(news);
  parts.detail?.onChange(change);
  if (change.type === "notice" || change.type === "market") loadNotices();
  openPanels();
  alarm?.alerts.onChange(change);
  pause.onChange(change);
  painter.request();
});

/** @param {import("./stream/stream.js").Hello} hello */
function onHello(hello) {
  away.rememberBoard(stream.asOf ?? boot.at, hello.at);
  if (hello.resume === "fresh") board.rebuild();
  if (hello.resume !== "replayed") parts.detail?.reload();
  board.source = hello.source;
  if (renewal || hello.version !== boot.version) loadRenewal(hello.version);
  painter.request();
}

async function onCaughtUp() {
  board.settle();
  loadLeftOut();
  painter.paintTimes();
  const now = stream.serverTime ?? boot.at;
  announceAway(await away.describeChanges(now).catch(() => null));
}

/** @param {import("./stream/stream.js").State} state */
function onState(state) {
  if (ANNOUNCED.has(state.name) && (wasAnnounced || state.name !== "live")) {
    announcer.announce(badgeText({ ...state, seconds: null }, stream.asOf));
    wasAnnounced = true;
  }
  painter.request();
}

/** @param {string | null} sentence What happened while the person was away. */
function announceAway(sentence) {
  if (sentence === null) return;
  setText(byId("away"), sentence);
  setHidden(byId("away"), false);
  announcer.announce(sentence, true);
  renewal?.onInput(); // a person may be about to read it
}

/** Do once a second what needs no event. */
function tick() {
  passTime(stream.serverTime ?? Date.now());
  painter.paintTimes();
  if (seconds % TITLE_INTERVAL === 0) updateTitle();
  if (seconds === GLIDE_AFTER) {
    import("./board/glide.js").then((it) => Object.assign(motion, it)).catch(() => {});
  }
  seconds += 1;
  renewal?.check();
  if (!renewal && performance.now() > renewalDue) loadRenewal(boot.version);
  painter.requestIfDue();
}

/** On a wall screen, load what it needs. */
async function openWall() {
  if (WALL.matches) (await import("./wall/wall.js")).openWall();
}

function updateTitle() {
  document.title = titleOf({
    isPaused: pause.isOn,
    state: stream.state,
    asOf: stream.asOf,
    opened: openedTitle(),
    directions: board.quotes.size ? prices.countDirections() : null,
    live: scores.countLive(),
    rows: ownRowCount(),
  });
}

/** The title of what is open beside the board, without its values and with them. */
function openedTitle() {
  const { opened, asked } = choice.now;
  if (asked) return { name: "Ask", line: isolated(asked.question || "Ask") };
  if (!opened) return null;
  const { kind, key } = opened;
  const name = isolated(key);
  const quote = kind === "quote" ? board.quotes.get(key) : null;
  const score = kind === "match" ? board.scores.get(key) : null;
  if (score) return { name: teams(score), line: scoreLine(score) };
  return { name, line: quote ? quoteLine(quote) : name };
}

/** "Ticket 12": how many rows the type has that is shown, or the first one's; else empty. */
function ownRowCount() {
  const [first] = board.quotes.size + board.scores.size ? [] : board.own.types.keys();
  const type = typeOf(choice.now.view) ?? first;
  const rows = type === undefined ? undefined : board.own.types.get(type);
  return type !== undefined && rows ? `${headOf(type)} ${rows.size}` : "";
}

/** Show the selection. @param {boolean} isFirst Whether the page has just loaded. */
function onSelection(isFirst = false) {
  prices.onSelection();
  scores.onSelection();
  parts.panels?.onSelection();
  toolbar.paint();
  if (parts.ask) parts.ask.onSelection();
  else if (choice.now.asked) openAsk(isFirst);
  if (parts.detail) parts.detail.onSelection();
  else if (choice.now.opened) openDetail(isFirst);
  paintTerminal();
  updateTitle();
  painter.requestAtOnce();
}

/** The symbols of the command for a terminal. */
function shownSymbols() {
  const { opened, symbols, q, filter } = choice.now;
  if (opened || !(symbols.length || q.trim() || filter === "pinned")) return symbols;
  return prices.chosenSymbols();
}

function applySettings() {
  useZone(settings.get("times") === "utc" ? UTC : OWN_ZONE);
  stream.pace = settings.get("pace");
  stream.armed = alarm?.alerts.isArmed ?? false;
}

/** The quote or match that a key acts on: that of the row with the focus, else the detail. */
function keyTarget() {
  return rowOf(document.activeElement) ?? choice.now.opened;
}

/** Open the detail; the first time this loads its script. @param {boolean} isFirst */
async function openDetail(isFirst) {
  const loaded = await loadDetail().catch(() => null);
  if (!loaded) return closeUnloaded("The detail");
  parts.detail ??= new loaded.Detail(board, choice, settings, openAlerts);
  parts.detail.onSelection(isFirst);
}

async function loadDetail() {
  const [{ loadPanel }, { Detail }] = await Promise.all([
    import("./detail/panel.js"),
    import("./detail/detail.js"),
  ]);
  await loadPanel();
  return { Detail };
}

/** Close what a person opened, because its script can't be loaded. @param {string} name */
function closeUnloaded(name) {
  choice.close();
  reportUnloaded(name);
}

/** @param {string} name Of what can't be loaded: "Ask", for example. */
function reportUnloaded(name) {
  // Without a connection, the script that shows a message can't be loaded either.
  setText(byId("away"), `${name} can’t be loaded now.`);
  setHidden(byId("away"), false);
  announcer.announce(`${name} can’t be loaded now`, true);
}

/** Show the panels, once there is a publisher's own type; this loads their script. */
async function openPanels() {
  if (arePanelsAsked || !board.own.isUsed) return;
  arePanelsAsked = true;
  const loaded = await loadPanels().catch(() => null);
  arePanelsAsked = loaded !== null; // if they can't be loaded now, the next event tries again
  if (!loaded) return;
  const { Panels, OwnTools } = loaded;
  const panels = new Panels(board, choice, settings, () => painter.requestAtOnce());
  parts.panels = views.other = panels;
  toolbar.own = new OwnTools(board, panels.tables, choice);
  painter.requestAtOnce();
}

async function loadPanels() {
  const [{ Panels, loadPanelParts }, { OwnTools }] = await Promise.all([
    import("./panels/panels.js"),
    import("./panels/tools.js"),
  ]);
  await loadPanelParts();
  return { Panels, OwnTools };
}

/**
 * Let the command for a terminal stream what is selected; the first time this loads its
 * script. The page's HTML has the command for the whole board.
 */
async function paintTerminal() {
  const { view, symbols, q, filter, opened } = choice.now;
  const isWhole = view === "both" && !symbols.length && !q.trim() && !opened;
  if (terminal || !isWhole || filter === "pinned") {
    (await loadTerminal()).paint(choice.now, shownSymbols());
  }
}

/** Tell what renews the page the server's version; the first time this loads its script. */
async function loadRenewal(/** @type {string} */ version) {
  renewalDue = performance.now() + YOUNG; // then it is tried again
  const module = await import("./renewal.js").catch(() => null);
  if (module) renewal ??= new module.Renewal(boot.version);
  renewal?.onVersion(version);
}

async function loadTerminal() {
  const { Terminal } = await import("./controls/terminal.js");
  terminal ??= new Terminal();
  return terminal;
}

/**
 * Load what paints notices and markets, with the first change of one: until then they stand
 * in the HTML. A notice in the HTML may end without an event.
 */
async function loadNotices() {
  if (views.notice) return;
  const module = await import("./board/notices.js").catch(() => null);
  if (!module || views.notice) return; // the next change tries again
  views.market = views.notice = new module.Notices(board);
  painter.request();
}

/** Fetch the rows for which the page had no room; the first time this loads its script. */
async function loadLeftOut() {
  if (!boot.left_out) return;
  const { LeftOut } = await import("./panels/left-out.js");
  leftOut ??= new LeftOut(board, boot.left_out);
  leftOut.load();
}

/** Open Ask; the first time this loads its script. @param {boolean} isFirst */
async function openAsk(isFirst) {
  const focused = document.activeElement; // the detail is hidden while this loads
  const module = await import("./ask/ask.js").catch(() => null);
  const isLoaded = await module?.loadPanel().then(
    () => true,
    () => false,
  );
  if (!module || !isLoaded) return closeUnloaded("Ask");
  parts.ask ??= new module.Ask(board, choice, settings, announcer);
  parts.ask.onSelection(isFirst, focused);
}

/** @param {import("./stream/link.js").Gap} gap */
async function showGap(gap) {
  const { showGapLine } = await import("./alerts/gap.js");
  showGapLine(gap);
}

/**
 * What a person opens or switches; the first time this loads its script.
 * @returns {Promise<import("./openers.js").Openers>}
 */
function loadOpeners() {
  openers ??= import("./openers.js").then(({ Openers }) => new Openers(openersPage));
  openers.catch(() => (openers = null)); // the next call tries again
  return openers;
}

/** @param {"openSettings" | "openHelp"} open */
function openDialog(open) {
  loadOpeners().then(
    (loaded) => loaded.openDialog(open),
    () => reportUnloaded("The dialog"),
  );
}

function openAlerts(
  /** @type {import("./controls/address.js").Opened | null} */ about = null,
) {
  loadOpeners().then(
    (loaded) => loaded.openAlerts(about),
    () => reportUnloaded("The dialog"),
  );
}

function togglePause() {
  pause.toggle(stream.serverTime ?? boot.at);
  announcer.announce(pause.isOn ? "Paused" : "Resumed");
  updateTitle();
  if (!pause.isOn) painter.requestAtOnce();
}

function togglePin() {
  const it = keyTarget();
  if (it) settings.togglePin(pinOfOpened(it));
}

/**
 * Open a row by its text, which stands above the link so that it can be selected: a click
 * that selects nothing becomes one on the link.
 * @param {MouseEvent} event
 */
function openByText(event) {
  const target = /** @type {Element} */ (event.target);
  const selected = selectedText();
  if (target.closest("a, button") || (selected && selected !== selectedBefore)) return;
  const row = target.closest("[data-symbol], [data-match], [data-key]");
  row?.querySelector(".symbol, .open")?.dispatchEvent(new MouseEvent("click", event));
}

function selectedText() {
  return getSelection()?.toString() ?? "";
}

/** Load the script for what is selected, once something is. */
async function loadSelecting() {
  if (!selectedText()) return;
  document.removeEventListener("selectionchange", loadSelecting);
  (await import("./controls/selecting.js")).followSelection();
}

/** Load the shortcuts with the first key, and repeat the keys until then for them. */
async function onEarlyKey(/** @type {KeyboardEvent} */ event) {
  const isInField = /** @type {Element} */ (event.target).matches("input, textarea");
  if (event.key === "/" && !isInField) event.preventDefault(); // Firefox would search the page
  if (earlyKeys.push(event) > 1) return;
  const loaded = await loadOpeners().catch(() => null);
  const keys = earlyKeys.splice(0);
  if (!loaded) return;
  removeEventListener("keydown", onEarlyKey);
  const ask = () => choice.ask(askAbout(choice.now));
  const actions = { togglePin, togglePause, openAsk: ask };
  loaded.listenToKeys({ settings, choice, toolbar }, actions, keyTarget);
  for (const key of keys) {
    const focused = /** @type {HTMLElement} */ (document.activeElement);
    focused.dispatchEvent(new KeyboardEvent("keydown", key));
    if (key.key === "Enter" && key.target === document.body) focused.click(); // a row by now
  }
}

choice.watch(() => onSelection());
settings.watch((name) => {
  applySettings();
  if (name === "alerts") loadOpeners().then((loaded) => loaded.loadAlarm());
  if (name === "theme" || name === "colours") {
    loadOpeners().then((loaded) => loaded.applyAppearance());
  }
  if (name === "pins") {
    paintPins(settings);
    onSelection();
  }
  painter.requestAtOnce();
});

onPlainClick(byId("board"), ".symbol, .open", (link) => {
  const row = rowOf(link);
  if (row) choice.open(row);
});
byId("board").addEventListener("pointerdown", () => (selectedBefore = selectedText()));
byId("board").addEventListener("click", openByText);
document.addEventListener("selectionchange", loadSelecting);
byId("board").addEventListener("click", ({ target }) => {
  const row = rowOf(/** @type {Element} */ (target).closest(".star"));
  if (row) settings.togglePin(pinOfOpened(row));
});
onPlainClick(document.body, "#open-ask, #detail-ask", () => choice.ask(askAbout(choice.now)));
byId("pause").addEventListener("click", togglePause);
byId("open-settings").addEventListener("click", () => openDialog("openSettings"));
document.body.addEventListener("click", async ({ target }) => {
  const button = /** @type {Element} */ (target).closest("[data-copy]");
  if (button) (await loadTerminal()).copyCommand(button);
});
byId("open-help").addEventListener("click", () => openDialog("openHelp"));
byId("open-alerts").addEventListener("click", () => openAlerts());
byId("alerts-tab").addEventListener("click", () => openAlerts());
addEventListener("keydown", onEarlyKey);

for (const element of document.querySelectorAll("[data-origin]")) {
  setText(element, location.origin);
}
paintPins(settings);
applySettings();
onSelection(true);
if (boot.notices.length) loadNotices();
openPanels();
// An alert that is set must see the first event.
if (settings.get("alerts").length) {
  await loadOpeners()
    .then((loaded) => loaded.loadAlarm())
    .catch(() => {});
}
stream.open();
setInterval(tick, SECOND);
tick();
openWall();
WALL.addEventListener("change", openWall);
