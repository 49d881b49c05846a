import { Announcer } from "../../../static/alerts/announcer.js";
import { byId } from "../../../static/dom.js";
import { withClock } from "./clock.js";
import { equal, test } from "./runner.js";

const AWAY = "While you were away (8 h): 2 goals";

document.body.innerHTML = `<p id="status" role="status"></p>`;

test(
  "at most one message is said each five seconds, of several the newest",
  withClock((clock) => {
    const { announcer, said } = made();
    announcer.announce("one");
    clock.pass(0);
    equal(said(), "one");
    announcer.announce("two");
    announcer.announce("three");
    clock.pass(4999);
    equal(said(), "one");
    clock.pass(1);
    equal(said(), "three");
  }),
);

test(
  "what matters more is not dropped for how the stream stands",
  withClock((clock) => {
    const { announcer, said } = made();
    announcer.announce("Offline");
    clock.pass(0);
    announcer.announce("Reconnecting");
    announcer.announce(AWAY, true);
    announcer.announce("Live");
    clock.pass(5000);
    equal(said(), AWAY);
    announcer.announce("Live");
    clock.pass(5000);
    equal(said(), "Live");
  }),
);

function made() {
  return { announcer: new Announcer(), said: () => byId("status").textContent };
}
