/**
 * Applies the theme and the colours of this browser before the first paint, so that no page
 * is white for a moment in the dark. This is no module, because modules wait for the whole
 * page. The other settings are in `controls/settings.js`.
 */

(() => {
  try {
    const stored = JSON.parse(localStorage.getItem("liveboard") ?? "{}");
    const { dataset } = document.documentElement;
    if (["light", "dark"].includes(stored.theme)) dataset.theme = stored.theme;
    if (["red", "blue"].includes(stored.colours)) dataset.colours = stored.colours;
  } catch {
    // Storage is switched off, or its content isn't ours.
  }
})();
