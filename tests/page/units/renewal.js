import { Renewal } from "../../../static/renewal.js";
import { Clock } from "./clock.js";
import { equal, test } from "./runner.js";

const MINUTE = 60_000; // ms

document.body.append(Object.assign(document.createElement("button"), { id: "reload" }));

test("a page without storage offers the new version, and reloads if nobody uses it", () => {
  const denied = Object.getOwnPropertyDescriptor(globalThis, "sessionStorage");
  Object.defineProperty(globalThis, "sessionStorage", {
    configurable: true,
    get() {
      throw new DOMException("", "SecurityError");
    },
  });
  equal(reloadsAfter(29 * MINUTE), false);
  equal(reloadsAfter(31 * MINUTE), true);
  if (denied) Object.defineProperty(globalThis, "sessionStorage", denied);
});

test("a clock that is set back keeps no page from its reload", () => {
  equal(reloadsAfter(29 * MINUTE, -60 * MINUTE), false);
  equal(reloadsAfter(31 * MINUTE, -60 * MINUTE), true);
});

/**
 * Whether a page that nobody uses is about to reload some time after a new version came.
 * @param {number} unused In ms.
 * @param {number} jump How far the computer's clock is set forward meanwhile, in ms.
 */
function reloadsAfter(unused, jump = 0) {
  const clock = new Clock().set();
  const renewal = new Renewal("1");
  renewal.onVersion("2");
  const { now } = Date;
  Date.now = () => now() + jump;
  renewal.check();
  clock.pass(unused);
  renewal.check();
  clock.unset();
  return clock.waiting === 1;
}
