/**
 * Paints the page, at most once a frame.
 *
 * Events only mark what they change. `request` asks for one frame, however many events
 * arrive until then. A paused page changes no value, but it still paints what a person
 * does, such as another order or a detail that opens: for that there is `requestAtOnce`.
 */

import { byId, setAttribute, setHidden, setText } from "../dom.js";
import { setTime } from "../times.js";
import { isStale, paintSources } from "./badge.js";

/**
 * @typedef {object} Frame
 * @property {number} now The time of the frame, as of `performance.now`.
 * @property {boolean} isPaused If true, rows may come, go and move, but no value changes.
 * @property {number} serverTime In epoch ms; before the first hello, of the page's values.
 *
 * @typedef {object} View Shows the values of an event type.
 * @property {(change: import("./state.js").Change) => string | void} onChange Marks what to
 *   paint; may return a sentence to announce.
 * @property {(frame: Frame) => boolean | void} paint Paints what is marked; returns whether
 *   the next frame has more to paint.
 *
 * @typedef {object} Parts
 * @property {import("./state.js").Board} board
 * @property {number} madeAt The instant of the values that the page was made with.
 * @property {import("../stream/stream.js").Stream} stream
 * @property {import("../controls/choice.js").Choice} choice
 * @property {import("../controls/settings.js").Settings} settings
 * @property {import("../controls/pause.js").Pause} pause
 * @property {import("./badge.js").Badge} badge
 * @property {import("./prices.js").Prices} prices
 * @property {import("./scores.js").Scores} scores
 * @property {Record<string, View>} views By event type.
 * @property {import("../controls/toolbar.js").Toolbar} toolbar
 * @property {import("../detail/detail.js").Detail | null} detail Null until it is loaded.
 * @property {import("../panels/panels.js").Panels | null} panels Null until they are loaded.
 * @property {import("../ask/ask.js").Ask | null} ask Null until it is loaded.
 */

export class Painter {
  #parts;
  #frame = 0;
  #isUrgent = true; // whether a person waits for the next painting

  /** @param {Parts} parts Read at each painting, so that a detail may come later. */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Paint with the next frame. */
  request() {
    this.#frame ||= requestAnimationFrame((now) => this.#paint(now));
  }

  /** Paint with the next frame what a person's action changed, even if the page is paused. */
  requestAtOnce() {
    this.#isUrgent = true;
    this.request();
  }

  /** Paint with the next frame, if something changes without an event. */
  requestIfDue() {
    const { prices, scores, panels, detail, board } = this.#parts;
    const isDue = prices.isOrderDue || scores.isDue || panels?.isOrderDue || detail?.isDue;
    if (isDue || board.notices.size) this.request();
  }

  /** Paint the values that change with time alone; call it once a second. */
  paintTimes() {
    const { stream, pause, prices, scores, panels, toolbar, board } = this.#parts;
    const { serverTime } = stream;
    if (serverTime === null || document.hidden || pause.isOn) return;
    prices.paintAges(serverTime);
    panels?.paintAges(serverTime);
    const { up, down } = prices.countDirections();
    toolbar.paintFilters({ up: `▲ ${up} up`, down: `▼ ${down} down` });
    toolbar.paintFilters(scores.phaseWords());
    if (!isStale(stream.state)) scores.paintMinutes(serverTime);
    paintSources(board);
  }

  /** @param {number} now */
  #paint(now) {
    this.#frame = 0;
    const { badge, stream, pause } = this.#parts;
    badge.paint(stream.state, stream.asOf);
    pause.paint();
    if (this.#isUrgent || !pause.isOn) this.#paintBoard(now);
  }

  /** @param {number} now */
  #paintBoard(now) {
    this.#isUrgent = false;
    const { views, detail, ask, pause, stream, board, madeAt } = this.#parts;
    const serverTime = stream.serverTime ?? madeAt;
    for (const view of new Set(Object.values(views))) {
      if (view.paint({ now, isPaused: pause.isOn, serverTime })) this.requestAtOnce();
    }
    detail?.paint(serverTime);
    ask?.paint();
    this.#paintEmptiness();
    if (pause.isOn) return;
    const asOf = stream.asOf ?? madeAt;
    setTime(byId("as-of"), asOf, "clock");
    setTime(byId("as-of-date"), asOf, "date");
    setAttribute(document.documentElement, "data-source", board.source);
  }

  #paintEmptiness() {
    const { board, choice, panels, toolbar } = this.#parts;
    toolbar.paintOwn();
    toolbar.paintKinds(board);
    const isEmpty = board.quotes.size + board.scores.size === 0 && !board.own.isUsed;
    const { view } = choice.now;
    const isNothing =
      (!["both", "prices"].includes(view) || byId("prices").hidden) &&
      (!["both", "scores"].includes(view) || byId("scores").hidden) &&
      (["prices", "scores"].includes(view) || (panels?.isEmpty ?? !board.own.isUsed));
    setHidden(byId("empty"), !isEmpty);
    setHidden(byId("toolbar"), isEmpty);
    setHidden(byId("nothing"), isEmpty || !isNothing);
    if (isNothing && !isEmpty) this.#paintNothing();
  }

  /** Say why there is nothing; the first time this loads the words' script. */
  async #paintNothing() {
    const { choice, settings } = this.#parts;
    const { paintNothing } = await import("./nothing.js");
    paintNothing(choice.now, settings.get("pins").length > 0);
  }
}
