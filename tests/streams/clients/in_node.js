/**
 * Clients for Node.js: each follows the streams at the URLs given, as its documentation
 * says, and each event that it reads is printed as a line of JSON.
 */

import { EventSource } from "eventsource";
import { createEventSource } from "eventsource-client";
import { EventSource as UndiciEventSource } from "undici";

const TYPES = ["hello", "number", "bye", "message", "end"];

for (const url of process.argv.slice(2)) {
  follow(url, "eventsource", new EventSource(url));
  follow(url, "undici", new UndiciEventSource(url));
  const source = createEventSource({
    url,
    onMessage: ({ event, data, id }) => {
      print(url, "eventsource-client", event ?? "message", data, id ?? "");
      if (event === "end") source.close();
    },
  });
}

function follow(url, client, source) {
  for (const type of TYPES) {
    source.addEventListener(type, (event) => {
      print(url, client, type, event.data, event.lastEventId);
      if (type === "end") source.close();
    });
  }
}

function print(...event) {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
