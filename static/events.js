/**
 * Event ids: `<ms>-<seq>`, epoch milliseconds and a count within them. They order as two
 * numbers, never as text.
 */

/**
 * Whether an id comes after another; every id comes after none.
 * @param {string} id
 * @param {string | null} other
 */
export function isAfter(id, other) {
  return other === null || compare(id, other) > 0;
}

/**
 * How two ids order: below 0 where the first is the older one.
 * @param {string} id
 * @param {string} other
 */
export function compare(id, other) {
  const [ms, seq] = numbers(id);
  const [otherMs, otherSeq] = numbers(other);
  return ms - otherMs || seq - otherSeq;
}

/**
 * The older of two cursors; null, from which all is told, is the oldest.
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
  // A bare <ms> is the instant itself, before every event of that millisecond.
  if (dash < 0) return [Number(id), -1];
  return [Number(id.slice(0, dash)), Number(id.slice(dash + 1))];
}
