/**
 * Clients for browsers: each follows the stream at a URL, as its documentation
 * says, and each event that it reads is appended to `window.read`.
 */

import { fetchEventSource } from "/npm/@microsoft/fetch-event-source/lib/esm/index.js";
import "/npm/event-source-polyfill/src/eventsource.js";
import { SSE } from "/npm/sse.js/lib/sse.js";

const ACCEPT = { Accept: "text/event-stream" };
const TYPES = ["hello", "number", "bye", "message", "end"];

/** @param {string} url */
export function start(url) {
  window.read ??= [];
  follow(url, "EventSource", new EventSource(url));
  follow(url, "event-source-polyfill", new EventSourcePolyfill(url));
  follow(url, "sse.js", new SSE(url, { autoReconnect: true, headers: ACCEPT }));
  const leaving = new AbortController();
  fetchEventSource(url, {
    openWhenHidden: true, // otherwise it leaves the stream while the tab is hidden
    signal: leaving.signal,
    onmessage: ({ event, data, id }) => {
      const name = event || "message";
      window.read.push([url, "@microsoft/fetch-event-source", name, data, id]);
      if (event === "end") leaving.abort();
    },
    onclose: () => {
      throw new Error("the stream ended"); // otherwise it doesn't reconnect
    },
  });
}

function follow(url, client, source) {
  for (const type of TYPES) {
    source.addEventListener(type, (event) => {
      window.read.push([url, client, type, event.data, event.lastEventId]);
      if (type === "end") source.close();
    });
  }
}
