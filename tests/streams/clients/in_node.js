/**
 * Clients for Node.js: each follows the stream at the URL given, as its documentation
 * says, and each event that it reads is printed as a line of JSON.
 */

import { EventSource } from "eventsource";
import { createEventSource } from "eventsource-client";
import { EventSource as UndiciEventSource } from "undici";

const TYPES = ["hello", "number", "bye"];
const url = process.argv[2];

follow("eventsource", new EventSource(url));
follow("undici", new UndiciEventSource(url));
createEventSource({
  url,
  onMessage: ({ event, data, id }) => print("eventsource-client", event, data, id),
});

function follow(client, source) {
  for (const type of TYPES) {
    source.addEventListener(type, (event) =>
      print(client, type, event.data, event.lastEventId),
    );
  }
}

function print(client, event, data, id) {
  process.stdout.write(`${JSON.stringify([client, event, data, id ?? ""])}\n`);
}
