/** The SharedWorker: one hub for all tabs of this browser that run the same version. */

import { Hub } from "./hub.js";

const hub = new Hub();

addEventListener("connect", (event) => {
  const [port] = /** @type {MessageEvent} */ (event).ports;
  const handleRequest = hub.connectTab((message) => port.postMessage(message));
  port.onmessage = ({ data }) => {
    handleRequest(data);
    if (data.type === "leave") port.close();
  };
});
