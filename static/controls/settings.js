/**
 * The settings of a person, in localStorage, so that all tabs of the browser share them. If
 * storage is switched off or full, they last as long as the page.
 */

/**
 * @typedef {{id: string, kind: "price", symbol: string, side: "above" | "below",
 *   price: number, reached: number | null}} PriceAlert
 * @typedef {{id: string, kind: "match", match: string, name: string}} MatchAlert
 * @typedef {{id: string, kind: "own", type: string, key: string | null, field: string,
 *   test: "new" | "above" | "below" | "becomes", value: number | string}} OwnAlert
 *   `key` is null for all rows of the type.
 * @typedef {PriceAlert | MatchAlert | OwnAlert} Alert
 *
 * @typedef {object} Values
 * @property {"system" | "light" | "dark"} theme
 * @property {"green" | "red" | "blue"} colours
 * @property {"own" | "utc"} times The zone of the times: the browser's own, or UTC.
 * @property {number} pace Seconds between two updates; 0 for live.
 * @property {boolean} shortcuts
 * @property {boolean} sound
 * @property {string[]} pins As `pinOf` writes them.
 * @property {Alert[]} alerts
 */

const STORAGE_KEY = "liveboard"; // theme.js reads it too
/** @type {Values} */
const DEFAULTS = {
  theme: "system",
  colours: "green",
  times: "own",
  pace: 0,
  shortcuts: true,
  sound: false,
  pins: [],
  alerts: [],
};
/** @type {{[Name in keyof Values]: (value: any) => boolean}} */
const IS_VALID = {
  theme: (value) => ["system", "light", "dark"].includes(value),
  colours: (value) => ["green", "red", "blue"].includes(value),
  times: (value) => ["own", "utc"].includes(value),
  pace: (value) => [0, 1, 5, 30].includes(value),
  shortcuts: (value) => typeof value === "boolean",
  sound: (value) => typeof value === "boolean",
  pins: (value) => Array.isArray(value) && value.every((pin) => typeof pin === "string"),
  alerts: (value) => Array.isArray(value) && value.every(isAlert),
};

export class Settings {
  #values = readStored() ?? DEFAULTS;
  #isStored = true; // whether storage has all of them
  /** @type {((name: keyof Values) => void)[]} */ #watchers = [];

  constructor() {
    addEventListener("storage", ({ key }) => {
      if (key === STORAGE_KEY || key === null) this.#refresh();
    });
    // A page in the back/forward cache misses the storage events.
    addEventListener("pageshow", () => this.#refresh());
  }

  /**
   * @template {keyof Values} Name
   * @param {Name} name
   * @returns {Values[Name]}
   */
  get(name) {
    return this.#values[name];
  }

  /**
   * @template {keyof Values} Name
   * @param {Name} name
   * @param {Values[Name]} value
   */
  set(name, value) {
    this.update(name, () => value);
  }

  /**
   * Change a setting from its newest value, which another tab may have stored. The other
   * settings stay as they are stored.
   * @template {keyof Values} Name
   * @param {Name} name
   * @param {(value: Values[Name]) => Values[Name]} change
   */
  update(name, change) {
    const newest = (this.#isStored && readStored()) || this.#values;
    const values = { ...newest, [name]: change(newest[name]) };
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify(values));
      this.#isStored = true;
    } catch {
      this.#isStored = false; // the settings last as long as this page
    }
    this.#replace(values);
  }

  /** @param {(name: keyof Values) => void} watcher Called with the name of each change. */
  watch(watcher) {
    this.#watchers.push(watcher);
  }

  /** Whether a symbol or match is pinned. @param {string} pin As `pinOf` writes it. */
  isPinned(pin) {
    return this.#values.pins.includes(pin);
  }

  /** Pin a symbol or match, or unpin it. @param {string} pin As `pinOf` writes it. */
  togglePin(pin) {
    const isPinned = this.isPinned(pin); // as the person sees it
    this.update("pins", (pins) => {
      const others = pins.filter((it) => it !== pin);
      return isPinned ? others : [...others, pin];
    });
  }

  #refresh() {
    const values = this.#isStored && readStored();
    if (values) this.#replace(values);
  }

  /** @param {Values} values */
  #replace(values) {
    const before = this.#values;
    this.#values = values;
    for (const name of /** @type {(keyof Values)[]} */ (Object.keys(DEFAULTS))) {
      if (JSON.stringify(before[name]) === JSON.stringify(values[name])) continue;
      for (const watcher of this.#watchers) watcher(name);
    }
  }
}

/**
 * The stored form of a pin. It has the kind, because a symbol and a match may have one key.
 * @param {import("./address.js").Opened["kind"]} kind
 * @param {string} key
 */
export function pinOf(kind, key) {
  return `${kind} ${key}`;
}

/**
 * The stored form of the pin of a row of a publisher's own type, whose name has no space.
 * @param {string} type
 * @param {string} key
 */
export function ownPinOf(type, key) {
  return pinOf("own", `${type} ${key}`);
}

/**
 * The stored form of the pin of what a detail shows.
 * @param {import("./address.js").Opened} opened
 */
export function pinOfOpened({ kind, key, type }) {
  return type === undefined ? pinOf(kind, key) : ownPinOf(type, key);
}

/**
 * The stored values, with the default for each that isn't stored, or isn't valid; null if
 * storage is switched off.
 * @returns {Values | null}
 */
function readStored() {
  let stored = {};
  try {
    stored = parsed(localStorage.getItem(STORAGE_KEY) ?? "{}");
  } catch {
    return null;
  }
  const valid = Object.entries(stored).filter(
    ([name, value]) =>
      Object.hasOwn(IS_VALID, name) && IS_VALID[/** @type {keyof Values} */ (name)](value),
  );
  return { ...DEFAULTS, ...Object.fromEntries(valid) };
}

/** An object of JSON; empty if the text isn't ours. @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** @param {any} it */
function isAlert(it) {
  if (typeof it?.id !== "string") return false;
  if (it.kind === "match") return typeof it.match === "string" && typeof it.name === "string";
  if (it.kind === "own") return isOwnAlert(it);
  return it.kind === "price" && typeof it.symbol === "string" && Number.isFinite(it.price);
}

/** @param {any} it */
function isOwnAlert({ type, key, field, test, value }) {
  const isNumeric = test === "above" || test === "below";
  return (
    typeof type === "string" &&
    (key === null || typeof key === "string") &&
    typeof field === "string" &&
    (isNumeric ? Number.isFinite(value) : typeof value === "string") &&
    (isNumeric || test === "new" || test === "becomes")
  );
}
