/**
 * The states of a stream, as tables of state × happening → state. This module has no clock,
 * no EventSource and no DOM: `Link` has those, and reports what happens.
 *
 * Theory of operation. The badge shows one of ten names, but the name depends on three
 * questions that are independent of each other. Each is a small state machine, and each
 * machine sees every happening:
 *
 * 1. STREAM: is there a stream? The answer follows the EventSource, the silence on it, and
 *    the server's `bye` and `end`.
 * 2. NEWS: are the values current? An event may arrive late, and the server may have lost
 *    its own feed.
 * 3. NETWORK: does the browser report a network?
 *
 * `nameOf` combines the three states into the name. Separate machines keep an answer while
 * another one hides it: a stream that was delayed, fails, and is not yet missed is still
 * shown as delayed, not as live.
 *
 * Most streams that fail are back within seconds. `failing` and `broken` are these seconds:
 * the badge keeps its name until `absent`. It changes at once only if the browser reports
 * no network.
 *
 * A `bye` explains why there is no stream. In `restarting` and `full`, errors, silence and
 * absence are expected and change nothing, until `farewellOver`.
 *
 * A row names only the happenings that change its state. `table` fills in the others, so
 * that every cell exists.
 */

/**
 * @typedef {"connecting" | "live" | "slow" | "delayed" | "reconnecting" | "offline"
 *   | "restarting" | "full" | "interrupted" | "ended"} StateName The name on the badge.
 *
 * @typedef {"connecting" | "failing" | "live" | "broken" | "slow" | "reconnecting"
 *   | "restarting" | "full" | "ended"} StreamState
 * @typedef {"live" | "delayed" | "interrupted"} NewsState
 * @typedef {"online" | "offline"} NetworkState
 * @typedef {{stream: StreamState, news: NewsState, network: NetworkState}} Standing
 *
 * @typedef {typeof HAPPENINGS[number]} Happening
 */

export const HAPPENINGS = /** @type {const} */ ([
  "opened", // `Link.open` was called
  "restarted", // `Link` replaced its stream, to change the cursor or the selection
  "hello", // a stream began
  "event", // a message of any kind arrived
  "inTime", // the delay of a message was measured, and is small
  "late", // the delay of a message was measured, and is large
  "feedAway", // the server reported that it has lost its feed
  "feedBack", // the server reported that it has its feed
  "byeRestart", // the server is about to restart
  "byeFull", // the server has no room for this stream
  "byeAge", // the server ends a stream for its age, which people need not know
  "farewellOver", // the time has passed during which a `bye` explains an absence
  "end", // the stream is complete
  "error", // the EventSource failed
  "silent", // no message has arrived for so long that the badge mentions it
  "mute", // no message has arrived for so long that the stream counts as dead
  "absent", // there has been no stream for so long that the badge mentions it
  "online", // the browser reported a network
  "offline", // the browser reported that there is none
]);

/** @type {Partial<Record<Happening, StreamState>>} */
const AT_ANY_TIME = {
  opened: "connecting",
  hello: "live",
  byeRestart: "restarting",
  byeFull: "full",
  end: "ended",
};

/** @type {Record<StreamState, Record<Happening, StreamState>>} */
export const STREAM = table({
  connecting: { ...AT_ANY_TIME, error: "failing", absent: "reconnecting" },
  failing: { ...AT_ANY_TIME, absent: "reconnecting" },
  live: {
    ...AT_ANY_TIME,
    error: "broken",
    silent: "slow",
    mute: "reconnecting",
    absent: "reconnecting",
  },
  broken: { ...AT_ANY_TIME, silent: "slow", mute: "reconnecting", absent: "reconnecting" },
  slow: {
    ...AT_ANY_TIME,
    event: "live",
    restarted: "broken", // the silence was the earlier stream's
    mute: "reconnecting",
    absent: "reconnecting",
  },
  reconnecting: { ...AT_ANY_TIME, event: "live" },
  restarting: { ...AT_ANY_TIME, byeAge: "live", farewellOver: "reconnecting" },
  full: { ...AT_ANY_TIME, byeAge: "live", farewellOver: "reconnecting" },
  ended: {},
});

/** @type {Record<NewsState, Record<Happening, NewsState>>} */
export const NEWS = table({
  live: { late: "delayed", feedAway: "interrupted" },
  delayed: { hello: "live", inTime: "live", feedAway: "interrupted" },
  // Only the server knows whether its feed is back, so events don't end this.
  interrupted: { hello: "live", feedBack: "live" },
});

/** @type {Record<NetworkState, Record<Happening, NetworkState>>} */
export const NETWORK = table({
  online: { offline: "offline" },
  offline: { online: "online" },
});

/** @type {Set<StreamState>} The states that a missing network explains. */
const TROUBLES = new Set(["failing", "broken", "slow", "reconnecting"]);

/** @type {Standing} The three states before anything happened. */
export const INITIAL = { stream: "connecting", news: "live", network: "online" };

/**
 * Return the three states after a happening; the same object if none of them changed.
 * @param {Standing} standing
 * @param {Happening} happening
 * @returns {Standing}
 */
export function react(standing, happening) {
  const stream = STREAM[standing.stream][happening];
  const news = NEWS[standing.news][happening];
  const network = NETWORK[standing.network][happening];
  const isSame =
    stream === standing.stream && news === standing.news && network === standing.network;
  return isSame ? standing : { stream, news, network };
}

/**
 * Return the name that the badge shows.
 * @param {Standing} standing
 * @returns {StateName}
 */
export function nameOf({ stream, news, network }) {
  if (network === "offline" && TROUBLES.has(stream)) return "offline";
  if (stream === "failing") return "connecting";
  return stream === "live" || stream === "broken" ? news : stream;
}

/**
 * Fill the rows: a happening that a row doesn't name keeps the state.
 * @template {string} S
 * @param {Record<S, Partial<Record<Happening, S>>>} rows
 * @returns {Record<S, Record<Happening, S>>}
 */
function table(rows) {
  /** @type {any[][]} */
  const filled = Object.entries(rows).map(([state, changes]) => {
    const unchanged = HAPPENINGS.map((happening) => [happening, state]);
    return [state, Object.assign(Object.fromEntries(unchanged), changes)];
  });
  return Object.fromEntries(filled);
}
