/** A tab's line to a hub: the browser's one in the SharedWorker, or one of its own. */

import { Hub } from "./hub.js";

/** @typedef {import("./hub.js").Asked} Asked */
/** @typedef {import("./hub.js").Said} Said */
/** @typedef {{ask: (asked: Asked) => void, close: () => void}} Line */

/**
 * A line to the SharedWorker of this version of the page: an older page's worker serves
 * older pages only.
 * @param {string} version
 * @param {(said: Said) => void} hear
 * @param {() => void} fail Called where the worker can't run.
 * @returns {Line}
 */
export function lineToWorker(version, hear, fail) {
  const url = new URL(`./worker.js?v=${encodeURIComponent(version)}`, import.meta.url);
  const worker = new SharedWorker(url, { type: "module", name: "liveboard" });
  worker.addEventListener("error", fail);
  worker.port.onmessage = ({ data }) => hear(data);
  return {
    ask: (asked) => worker.port.postMessage(asked),
    close: () => {
      worker.port.postMessage({ ask: "leave" });
      worker.port.close(); // an open one would keep the page from the browser's cache
      worker.removeEventListener("error", fail);
    },
  };
}

/**
 * A line to a hub within this page.
 * @param {(said: Said) => void} hear
 * @returns {Line}
 */
export function lineWithin(hear) {
  const ask = new Hub().join(hear);
  return { ask, close: () => ask({ ask: "leave" }) };
}
