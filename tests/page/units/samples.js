/** Whole events to start from; a test says only what it is about. */

/** @typedef {import("../../../static/board/state.js").Quote} Quote */
/** @typedef {import("../../../static/board/state.js").Score} Score */
/** @typedef {import("../../../static/board/state.js").Incident} Incident */
/** @typedef {import("../../../static/board/state.js").Boot} Boot */

const noTie = { shoot_out: null, aggregate: null };

/** @param {Partial<Quote>} changes @returns {Quote} */
export function quote(changes = {}) {
  return {
    symbol: "ACME",
    name: "Acme Anvil Works",
    currency: "EUR",
    market: "MAIN",
    sector: "Industry",
    source: null,
    price: 100,
    decimals: 2,
    change: 0.5,
    change_percent: 0.5,
    previous_close: 99.5,
    open: 99.6,
    high: 101,
    low: 99,
    bid: 99.9,
    ask: 100.1,
    volume: 1200,
    at: 0,
    ...changes,
  };
}

/** @param {Partial<Score>} changes @returns {Score} */
export function score(changes = {}) {
  return {
    match: "acton-burton",
    competition: "Cup",
    source: null,
    home: { name: "Acton", code: "ACT", score: 0, red_cards: 0, ...noTie },
    away: { name: "Burton", code: "BUR", score: 0, red_cards: 0, ...noTie },
    status: "1H",
    minute: null,
    stoppage: null,
    kick_off: null,
    period_started: null,
    at: 0,
    incidents: [],
    ...changes,
  };
}

/** @param {Partial<Incident>} changes @returns {Incident} */
export function incident(changes = {}) {
  return {
    kind: "goal",
    team: "home",
    player: "Ames",
    minute: 23,
    stoppage: null,
    home_score: 0,
    away_score: 0,
    ...changes,
  };
}

/** @param {Partial<Omit<Boot, "prices">> & {prices?: Quote[]}} changes @returns {Boot} */
export function boot({ prices = [], ...changes } = {}) {
  return {
    id: "1000-0",
    at: 1000,
    source: "simulator",
    version: "1",
    heartbeat: 10,
    prices: { columns: Object.keys(quote()), rows: prices.map((it) => Object.values(it)) },
    scores: [],
    markets: [],
    notices: [],
    sources: [],
    sparks: {},
    ...changes,
  };
}
