/** Rows that move smoothly to their new places, so that one sees what overtook what. */

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const GLIDE_LASTS = 200; // ms
const MOST_GLIDING = 200; // rows; to measure more of them would cost more than it tells

/**
 * Change the order of rows, and let those that moved glide there.
 * @param {Iterable<Element>} rows
 * @param {() => void} change
 */
export function glide(rows, change) {
  const all = [...rows];
  if (STILL.matches || document.hidden || all.length > MOST_GLIDING) return change();
  const before = all.map(topOf);
  change();
  all.forEach((row, i) => {
    const moved = before[i] - topOf(row);
    if (!row.isConnected || !moved || !before[i]) return;
    row.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], {
      duration: GLIDE_LASTS,
      easing: "ease-out",
    });
  });
}

/** The place of a row on the page; 0 if it isn't shown. @param {Element} row */
function topOf(row) {
  const { top, height } = row.getBoundingClientRect();
  return height && top + scrollY;
}
