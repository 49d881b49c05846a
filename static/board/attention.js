/**
 * Whether a person is about to use a part of the page. Nothing there may change its place
 * meanwhile: the click would hit something else.
 *
 * A pointer that only rests counts for nothing, nor does a focus that no key follows. A
 * phone keeps `:hover` on what was tapped last, so that alone says nothing either.
 */

// ms after the last movement or key. The order of a list is looked at each 2 s, so no list
// waits for longer than 5 s.
const LASTS = 3000;

let movedAt = -Infinity;
let typedAt = -Infinity;
let place = "";

/** @param {PointerEvent} event */
function onPointer({ type, clientX, clientY }) {
  const now = `${clientX} ${clientY}`;
  // Chromium reports a move, too, when the page moves under a pointer at rest.
  if (now !== place || type === "pointerdown") movedAt = performance.now();
  place = now;
}

addEventListener("pointermove", onPointer, { passive: true, capture: true });
addEventListener("pointerdown", onPointer, { passive: true, capture: true });
addEventListener("keydown", () => (typedAt = performance.now()), { capture: true });

/**
 * How a person uses an element just now: "point", "type", or not at all: "".
 * @param {Element} element
 */
export function useOf(element) {
  const since = performance.now() - LASTS;
  if (movedAt > since && element.matches(":hover")) return "point";
  return typedAt > since && element.matches(":focus-within") ? "type" : "";
}
