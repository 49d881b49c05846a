/**
 * Clients for browsers: each follows the stream at the URL given, as its documentation
 * says, and each event that it reads is appended to `window.read`.
 */

import { fetchEventSource } from "/npm/@microsoft/fetch-event-source/lib/esm/index.js";
import "/npm/event-source-polyfill/src/eventsource.js";
import { SSE } from "/npm/sse.js/lib/sse.js";

const TYPES = ["hello", "number", "bye"];

/** @param {string} url */
export function start(url) {
  window.read = [];
  follow("EventSource", new EventSource(url));
  follow("event-source-polyfill", new EventSourcePolyfill(url));
  follow("sse.js", new SSE(url, { autoReconnect: true }));
  fetchEventSource(url, {
    openWhenHidden: true, // otherwise it leaves the stream while the tab is hidden
    onmessage: ({ event, data, id }) =>
      window.read.push(["@microsoft/fetch-event-source", event, data, id]),
    onclose: () => {
      throw new Error("the stream ended"); // otherwise it doesn't reconnect
    },
  });
}

function follow(client, source) {
  for (const type of TYPES) {
    source.addEventListener(type, (event) =>
      window.read.push([client, type, event.data, event.lastEventId]),
    );
  }
}
