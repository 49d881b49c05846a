/** A tab's line to a hub: to the one in the SharedWorker, or to one within the page. */

import { Hub } from "./hub.js";

/** @typedef {import("./hub.js").HubMessage} HubMessage */
/** @typedef {import("./hub.js").TabRequest} TabRequest */
/** @typedef {{send: (request: TabRequest) => void, close: () => void}} Line */

/**
 * Open a line to the SharedWorker of this version of the page. An older version's worker
 * keeps serving the pages of that version only, so that both sides agree on the messages.
 * @param {string} version
 * @param {(message: HubMessage) => void} receive
 * @param {() => void} fail Called if the worker can't run.
 * @returns {Line}
 */
export function openLineToWorker(version, receive, fail) {
  const url = new URL(`./worker.js?v=${encodeURIComponent(version)}`, import.meta.url);
  const worker = new SharedWorker(url, { type: "module", name: "liveboard" });
  worker.addEventListener("error", fail);
  worker.port.onmessage = ({ data }) => receive(data);
  return {
    send: (request) => worker.port.postMessage(request),
    close: () => {
      worker.port.postMessage({ type: "leave" });
      worker.port.close(); // an open port keeps the page out of the back/forward cache
      worker.removeEventListener("error", fail);
    },
  };
}

/**
 * Open a line to a hub within this page, which no other tab shares.
 * @param {(message: HubMessage) => void} receive
 * @returns {Line}
 */
export function openLineWithinPage(receive) {
  const send = new Hub().connectTab(receive);
  return { send, close: () => send({ type: "leave" }) };
}
