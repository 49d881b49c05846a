/** The SharedWorker: one hub for all tabs of this browser that run the same version. */

import { Hub } from "./hub.js";

const hub = new Hub();

addEventListener("connect", (event) => {
  const [port] = /** @type {MessageEvent} */ (event).ports;
  const ask = hub.join((said) => port.postMessage(said));
  port.onmessage = ({ data }) => {
    ask(data);
    if (data.ask === "leave") port.close();
  };
});
