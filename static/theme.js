/**
 * Applies the theme and the colours of this browser before the first paint, so that no page
 * is white for a moment in the dark. This is no module, because modules wait for the whole
 * page. `controls/appearance.js` applies what changes later.
 */

(() => {
  try {
    const stored = JSON.parse(localStorage.getItem("liveboard") ?? "{}");
    const { dataset } = document.documentElement;
    if (["red", "blue"].includes(stored.colours)) dataset.colours = stored.colours;
    if (!["light", "dark"].includes(stored.theme)) return;
    dataset.theme = stored.theme;
    for (const element of document.querySelectorAll("meta[name=theme-color]")) {
      const meta = /** @type {HTMLMetaElement} */ (element);
      meta.media = meta.id === `${stored.theme}-bar` ? "all" : "not all";
    }
  } catch {
    // Storage is switched off, or its content isn't ours.
  }
})();
