/**
 * What a person chose in this browser: kept in localStorage, the same in all its tabs.
 * Where storage is switched off or full, the settings last as long as the page.
 */

/**
 * @typedef {{id: string, kind: "price", symbol: string, side: "above" | "below",
 *   price: number, reached: number | null}} PriceAlert
 * @typedef {{id: string, kind: "match", match: string, name: string}} MatchAlert
 * @typedef {PriceAlert | MatchAlert} Alert
 *
 * @typedef {object} Values
 * @property {"system" | "light" | "dark"} theme
 * @property {"green" | "red" | "blue"} colours
 * @property {number} pace Seconds between two updates; 0 for live.
 * @property {boolean} shortcuts
 * @property {boolean} sound
 * @property {string[]} pins As `pinOf` writes them.
 * @property {Alert[]} alerts
 */

const PLACE = "liveboard"; // the key in localStorage; theme.js reads it as well
/** @type {Values} */
const DEFAULTS = {
  theme: "system",
  colours: "green",
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
  pace: (value) => [0, 1, 5, 30].includes(value),
  shortcuts: (value) => typeof value === "boolean",
  sound: (value) => typeof value === "boolean",
  pins: (value) => Array.isArray(value) && value.every((pin) => typeof pin === "string"),
  alerts: (value) => Array.isArray(value) && value.every(isAlert),
};

export class Settings {
  #values = read();
  /** @type {((name: keyof Values) => void)[]} */ #watchers = [];

  constructor() {
    addEventListener("storage", ({ key }) => {
      if (key === PLACE || key === null) this.#replace(read());
    });
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
    this.#replace({ ...this.#values, [name]: value });
    try {
      localStorage.setItem(PLACE, JSON.stringify(this.#values));
    } catch {
      // Kept for this page alone.
    }
  }

  /** @param {(name: keyof Values) => void} watcher It is told what has changed. */
  watch(watcher) {
    this.#watchers.push(watcher);
  }

  /** Whether a symbol or match is pinned. @param {string} pin As `pinOf` writes it. */
  isPinned(pin) {
    return this.#values.pins.includes(pin);
  }

  /** Pin what isn't, unpin what is. @param {string} pin */
  togglePin(pin) {
    const { pins } = this.#values;
    this.set("pins", pins.includes(pin) ? pins.filter((it) => it !== pin) : [...pins, pin]);
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
 * How a pin is written: a symbol and a match may have the same name.
 * @param {"quote" | "match"} kind
 * @param {string} key
 */
export function pinOf(kind, key) {
  return `${kind} ${key}`;
}

/** @returns {Values} What is kept; the default for what isn't, or isn't valid. */
function read() {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(PLACE) ?? "{}") ?? {};
  } catch {
    // As if nothing had been kept.
  }
  const valid = Object.entries(kept).filter(
    ([name, value]) =>
      Object.hasOwn(IS_VALID, name) && IS_VALID[/** @type {keyof Values} */ (name)](value),
  );
  return { ...DEFAULTS, ...Object.fromEntries(valid) };
}

/** @param {any} it */
function isAlert(it) {
  if (typeof it?.id !== "string") return false;
  if (it.kind === "match") return typeof it.match === "string" && typeof it.name === "string";
  return it.kind === "price" && typeof it.symbol === "string" && Number.isFinite(it.price);
}
