/**
 * The catalogue of event types, and the order of event ids.
 *
 * Whatever differs from one event type to another reads this table, as the server reads
 * `feed/events/catalogue.py`. A new event type with a look of its own needs a row here, a
 * field of `Board` (`board/state.js`) for its values, and a view that `page.js` names. A
 * publisher's own type needs nothing: `board/own-types.js` keeps all wrapped events.
 *
 * Event ids have the form `<ms>-<seq>`: epoch milliseconds, and a count within them. They
 * order as two numbers, never as text.
 */

/**
 * @typedef {object} Traits What differs from one event type to another.
 * @property {string | null} key The field of its data that is the event's key; null if
 *   such an event has none, and changes no value of the board.
 * @property {"symbols" | "matches" | null} selectedBy The parameter of `/stream` that
 *   narrows these events.
 * @property {"prices" | "scores" | "markets" | "notices" | "sources" | null} section The section of the
 *   state that the page was made with.
 * @property {"quote" | "match" | "own" | null} detail The kind of detail that opens from its
 *   row on the board; null if it has no row.
 *
 * @typedef {object} LogEvent An event of the log.
 * @property {string} type
 * @property {any} data
 * @property {string} id
 * @property {boolean} live False for catch-up.
 */

/** @type {Record<string, Traits>} */
const CATALOGUE = {
  price: { key: "symbol", selectedBy: "symbols", section: "prices", detail: "quote" },
  score: { key: "match", selectedBy: "matches", section: "scores", detail: "match" },
  incident: { key: null, selectedBy: "matches", section: null, detail: null },
  market: { key: "market", selectedBy: null, section: "markets", detail: null },
  notice: { key: "notice", selectedBy: null, section: "notices", detail: null },
  source: { key: "source", selectedBy: null, section: "sources", detail: null },
};
/** @type {Traits} Those of a publisher's own type, whose events come wrapped. */
const OWN = { key: null, selectedBy: null, section: null, detail: "own" };

export const GONE = "gone"; // retires a key
export const OTHER = "other"; // wraps an event of a publisher's own type
/** The event types whose newest event of each key the board keeps. */
export const KEPT = typesWhere(({ key }) => key !== null);
/**
 * The event types that a page asks for. It must listen to each event that it asked for:
 * while such events come the server sends no heartbeat, so a page that listened to fewer
 * would take its stream for dead. `gone` comes without being asked for.
 */
export const ASKED = [...KEPT, OTHER];
export const LISTENED = [...ASKED, GONE];
/** The control events that every page gets; the stream itself acts on all others. */
export const REPORTED = ["gap"];

/**
 * What is particular to an event type.
 * @param {string} type
 */
export function traitsOf(type) {
  return Object.hasOwn(CATALOGUE, type) ? CATALOGUE[type] : OWN;
}

/**
 * The event types of the catalogue for which a condition holds.
 * @param {(traits: Traits) => boolean} condition
 */
export function typesWhere(condition) {
  return Object.keys(CATALOGUE).filter((type) => condition(CATALOGUE[type]));
}

/**
 * The event type and the key that an event is about: a `gone` or an `other` event names
 * them in its data. The key is null if the event has none.
 * @param {string} type
 * @param {any} data
 * @returns {{type: string, key: string | null}}
 */
export function subjectOf(type, data) {
  if (type === GONE || type === OTHER) return { type: data.event, key: data.key };
  const { key } = traitsOf(type);
  return { type, key: key === null ? null : data[key] };
}

/**
 * The slot of an event. A newer event of the same slot replaces it.
 * @param {Pick<LogEvent, "type" | "data" | "id">} event
 */
export function slotOf({ type, data, id }) {
  const { type: subject, key } = subjectOf(type, data);
  return key === null ? id : `${subject} ${key}`;
}

/**
 * Whether an id comes after another one; every id comes after null.
 * @param {string} id
 * @param {string | null} other
 */
export function isAfter(id, other) {
  return other === null || compare(id, other) > 0;
}

/**
 * Compare two ids: negative if the first one is older.
 * @param {string} id
 * @param {string} other
 */
export function compare(id, other) {
  const [ms, seq] = numbers(id);
  const [otherMs, otherSeq] = numbers(other);
  return ms - otherMs || seq - otherSeq;
}

/**
 * The older of two cursors. Null is the oldest: a stream without a cursor sends everything.
 * @param {string | null} one
 * @param {string | null} other
 */
export function older(one, other) {
  if (one === null || other === null) return null;
  return isAfter(one, other) ? other : one;
}

/**
 * The instant of an id, in epoch milliseconds by the server's clock.
 * @param {string} id
 */
export function instant(id) {
  return numbers(id)[0];
}

/** @param {string} id */
function numbers(id) {
  const dash = id.indexOf("-");
  // A bare <ms> is the start of the millisecond, before every event in it.
  if (dash < 0) return [Number(id), -1];
  return [Number(id.slice(0, dash)), Number(id.slice(dash + 1))];
}
