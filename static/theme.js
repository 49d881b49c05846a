/**
 * Before the first paint: the theme and the colours that were chosen in this browser, so
 * that no page is white for a moment in the dark. A script of the old kind, since modules
 * wait for the whole page; all else about settings is in settings.js.
 */

(() => {
  try {
    const kept = JSON.parse(localStorage.getItem("liveboard") ?? "{}");
    const { dataset } = document.documentElement;
    if (["light", "dark"].includes(kept.theme)) dataset.theme = kept.theme;
    if (["red", "blue"].includes(kept.colours)) dataset.colours = kept.colours;
  } catch {
    // Storage is switched off, or holds what isn't ours: the page does without.
  }
})();
