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
  if (other === null) return true;
  const [ms, seq] = numbers(id);
  const [otherMs, otherSeq] = numbers(other);
  return ms === otherMs ? seq > otherSeq : ms > otherMs;
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
