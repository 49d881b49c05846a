import { Settings } from "../../../static/controls/settings.js";
import { equal, test } from "./runner.js";

const KEY = "liveboard";

test("what another tab stored meanwhile stays, setting by setting and pin by pin", () => {
  localStorage.clear();
  const settings = new Settings();
  settings.togglePin("quote ACME");
  // No event tells of this: the page was in the back/forward cache.
  store({ pins: ["quote ACME", "quote BOLT"], theme: "dark", alerts: [alert("1")] });
  settings.togglePin("quote KEEL");
  equal(stored().pins, ["quote ACME", "quote BOLT", "quote KEEL"]);
  equal([stored().theme, settings.get("theme")], ["dark", "dark"]);
  store({ ...stored(), alerts: [alert("1"), alert("2")] });
  settings.update("alerts", (all) => [...all, alert("3")]);
  equal(
    stored().alerts.map((/** @type {any} */ it) => it.id),
    ["1", "2", "3"],
  );
  settings.set("sound", true);
  equal(stored().pins.length, 3);
});

test("a star does what the person sees, even if another tab has done it already", () => {
  localStorage.clear();
  const settings = new Settings();
  store({ pins: ["quote ACME"] });
  settings.togglePin("quote ACME");
  equal(stored().pins, ["quote ACME"]);
  store({ pins: [] });
  settings.togglePin("quote ACME");
  equal(stored().pins, []);
});

test("a page that comes back from the cache shows what is stored", () => {
  localStorage.clear();
  const settings = new Settings();
  /** @type {string[]} */ const changed = [];
  settings.watch((name) => changed.push(name));
  store({ pins: ["quote BOLT"], theme: "light" });
  dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
  equal(settings.get("pins"), ["quote BOLT"]);
  equal(changed, ["theme", "pins"]);
});

test("without storage, or with a full one, settings last as long as the page", () => {
  localStorage.clear();
  for (const broken of ["getItem", "setItem"]) {
    const settings = new Settings();
    const prototype = /** @type {any} */ (Storage.prototype);
    const works = prototype[broken];
    prototype[broken] = () => {
      throw new DOMException("", "SecurityError");
    };
    settings.set("theme", "dark");
    settings.togglePin("quote ACME");
    dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    equal([settings.get("theme"), settings.get("pins")], ["dark", ["quote ACME"]]);
    prototype[broken] = works;
    localStorage.clear();
  }
});

test("what isn't ours in storage counts as nothing", () => {
  for (const text of ["null", "[]", "7", "{", '{"theme":"pink","pins":[7]}']) {
    localStorage.setItem(KEY, text);
    const settings = new Settings();
    equal([settings.get("theme"), settings.get("pins")], ["system", []]);
    settings.set("sound", true);
    equal(stored().sound, true);
  }
  localStorage.clear();
});

/** @param {object} values */
function store(values) {
  localStorage.setItem(KEY, JSON.stringify(values));
}

function stored() {
  return JSON.parse(localStorage.getItem(KEY) ?? "");
}

/** @param {string} id @returns {any} */
function alert(id) {
  return { id, kind: "match", match: "m", name: "A v B" };
}
