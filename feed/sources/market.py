"""A simulated market, one of the sources: invented companies on one exchange.

Theory of operation: each trade draws the time until the next trade, and a symbol's
price is computed only when that symbol trades. Nothing is sampled at fixed intervals,
so the same seed gives the same day however often `step` is called.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import exp, sqrt
from random import Random
from typing import Literal

import msgspec

from feed.clock import WorldClock
from feed.events.shapes import MarketState, Quote
from feed.sources.conditions import SIMULATOR

MARKET = "MAIN"
CURRENCY = "EUR"
SESSION = 1800.0  # seconds; short, so that a visitor can see a session end
CLOSED_TIME = 60.0  # seconds between sessions
OPENING = 1.0  # seconds over which the opening quotes are spread, to avoid a burst
RATE = 20.0  # trades a second of all symbols: lively, yet each trade can be seen
PAST_RATE = 6.0  # trades a second before the start: about one per symbol every 5 s
AGE = 600.0  # seconds that the session has been open for at the start
TURNOVER = 400_000.0  # EUR a second of all symbols, at any rate of trades
SPREAD = 0.0006  # of the price, at a liquidity of 1
MARKET_SHARE = 0.30  # of a company's variance: companies correlate by 0.30
SECTOR_SHARE = 0.25  # of a company's variance: those of a sector correlate by 0.55
OWN_SHARE = 1 - MARKET_SHARE - SECTOR_SHARE


class Company(msgspec.Struct, frozen=True):
    """An invented company, and the price at which its first session begins.

    `volatility` is the standard deviation of a session's log return. A company with
    twice the `liquidity` trades twice as often, at half the spread. `ticks` is the
    number of ticks in a unit of currency.
    """

    symbol: str
    name: str
    sector: str
    price: float
    volatility: float
    liquidity: float
    ticks: int = 100
    decimals: int = 2


COMPANIES = (
    Company("ACME", "Acme Anvil Works", "Industry", 128.40, 0.014, 3.0),
    Company("BOLT", "Boltwright Fasteners", "Industry", 46.15, 0.018, 2.4, 20),
    Company("KEEL", "Keelhaven Shipyards", "Industry", 71.82, 0.020, 1.2),
    Company("RVTA", "Rivetta Castings", "Industry", 18.36, 0.024, 0.8),
    Company("TURB", "Turbessa Engines", "Industry", 233.70, 0.016, 1.8),
    Company("EBBW", "Ebbwater Tidal", "Energy", 9.475, 0.030, 1.0, 1000, 3),
    Company("GEYS", "Geyserholt Heat", "Energy", 34.60, 0.017, 0.9),
    Company("HELM", "Heliomera Solar", "Energy", 57.28, 0.028, 2.2),
    Company("VLTM", "Voltamere Grid", "Energy", 88.90, 0.009, 1.6),
    Company("WNDM", "Windermoor Power", "Energy", 22.74, 0.019, 1.3),
    Company("CPHM", "Cipherholm Security", "Technology", 312.50, 0.026, 2.0),
    Company("NMBR", "Nimbravo Cloud", "Technology", 541.20, 0.024, 2.8),
    Company("ORBL", "Orbitelle Networks", "Technology", 64.05, 0.022, 1.7),
    Company("PXL", "Pixelund Displays", "Technology", 3.180, 0.040, 1.5, 1000, 3),
    Company("QBIT", "Qubitarna Systems", "Technology", 892.35, 0.032, 1.9, 20),
    Company("GNVL", "Genavelle Labs", "Health", 147.66, 0.029, 1.4),
    Company("MDLK", "Medlarke Devices", "Health", 204.10, 0.015, 1.5),
    Company("OPTK", "Optikessa Lenses", "Health", 76.48, 0.013, 0.9),
    Company("RMDA", "Remedara Remedies", "Health", 98.24, 0.012, 2.1),
    Company("VSND", "Vitasund Clinics", "Health", 27.92, 0.011, 0.7),
    Company("BRWB", "Brewbarrow Drinks", "Food", 41.38, 0.010, 1.6),
    Company("GRNM", "Granemill Bakeries", "Food", 15.64, 0.009, 1.0),
    Company("KOKO", "Kokovanna Chocolate", "Food", 119.85, 0.011, 1.3, 20),
    Company("OLVA", "Olivastra Oils", "Food", 6.720, 0.021, 0.6, 1000, 3),
    Company("SLTM", "Saltmarrow Foods", "Food", 62.16, 0.008, 1.2),
    Company("ALBT", "Albatrane Airways", "Travel", 12.88, 0.034, 2.6),
    Company("FRYM", "Ferrymoor Lines", "Travel", 31.44, 0.023, 0.8),
    Company("LDGB", "Lodgeberry Hotels", "Travel", 83.52, 0.018, 1.4),
    Company("RLVS", "Railvessen", "Travel", 54.30, 0.012, 1.1),
    Company("TRMV", "Tramvara Transit", "Travel", 25.06, 0.014, 0.7),
)


class Market:
    """The simulated exchange, its sessions and its companies' quotes.

    Instants are epoch milliseconds. `speed` is the number of simulated seconds that
    pass in a real one. `rate` is the number of trades in a simulated second, on average
    over a session. `resume_from` is the newest state that an earlier market published:
    this market continues from it, and has no past.
    """

    def __init__(
        self,
        seed: int,
        start: int,
        speed: float = 1.0,
        *,
        rate: float = RATE,
        resume_from: Sequence[Quote | MarketState] = (),
    ) -> None:
        # A market that continues must not repeat the day that the seed began with.
        self._rng = Random(
            f"market {seed} {start}" if resume_from else f"market {seed}"
        )
        self._clock = WorldClock(start, speed)
        self._symbols = _symbols(self._rng)
        self._weights = [*accumulate(company.liquidity for company in COMPANIES)]
        self._unopened: list[_Symbol] = []  # those that have not traded this session
        self._status: Literal["open", "closed"] = "closed"
        self._until = self._due = -(
            SESSION + CLOSED_TIME + AGE
        )  # the first session opens
        self._sessions_over = -1  # how many have ended before the open one
        self._has_begun = False
        self._past: list[Quote] = []
        self._rate = rate
        if resume_from:
            self._resume(resume_from)
        else:
            self._simulate_past(start)

    def past(self) -> list[Quote]:
        """Return the quotes from before the start, oldest first, for the charts.

        They cover the previous session and the running one, with a quote of each
        symbol about every 5 s. The first `step` drops them, as they take some 5 MB.
        """
        return self._past

    def step(self, now: int) -> list[Quote | MarketState]:
        """Return the events that fell due up to `now` (epoch ms), in their order.

        The first step begins with the whole state: the market and each symbol's quote.
        A step after a standstill begins with the market, whose `until` has moved.
        """
        stood_still = self._clock.advance(now)
        news: list[Quote | MarketState] = []
        if not self._has_begun:
            news = self._begin()
        elif stood_still:
            news = [self._market_state(self._clock.seconds)]
        return news + self._run_until(self._clock.seconds)

    def _simulate_past(self, start: int) -> None:
        rate, self._rate = self._rate, PAST_RATE
        self._past = [
            quote
            for quote in self._run_until(0.0)
            if isinstance(quote, Quote) and quote.at < start
        ]
        self._rate = rate

    def _resume(self, resume_from: Sequence[Quote | MarketState]) -> None:
        """Continue the session and the prices of an earlier market.

        If there is no session to continue, a new one opens at once.
        """
        quotes = {it.symbol: it for it in resume_from if isinstance(it, Quote)}
        states = (each for each in resume_from if isinstance(each, MarketState))
        state = next((each for each in states if each.market == MARKET), None)
        self._until = self._due = 0.0
        if state and state.until is not None and state.status != "halted":
            self._status = state.status
            self._until = self._due = min(self._clock.age(state.until), SESSION)
        traded = 0.0
        if self._status == "open":
            self._sessions_over = 0
            self._due = min(self._until, self._time_to_next_trade(0.0))
            traded = self._session_elapsed(0.0)
        opened = self._clock.instant(self._until - SESSION)
        for symbol in self._symbols:
            quote = quotes.get(symbol.name)
            symbol.resume(quote, traded)
            if self._status == "open" and (quote is None or quote.at < opened):
                self._unopened.append(symbol)
        self._has_begun = bool(state) and all(s.name in quotes for s in self._symbols)

    def _begin(self) -> list[Quote | MarketState]:
        """Drop the past, and return the whole state."""
        self._has_begun = True
        self._past = []
        at = self._clock.instant(0.0)
        return [
            self._market_state(0.0),
            *(symbol.quote(at) for symbol in self._symbols),
        ]

    def _run_until(self, until: float) -> list[Quote | MarketState]:
        news = []
        while self._due <= until:
            news.append(self._do_next(self._due))
        return news

    def _do_next(self, at: float) -> Quote | MarketState:
        """Open, close or trade at `at` (seconds), and set when the next is due."""
        if self._status == "closed":
            return self._open_session(at)
        if at >= self._until:
            return self._close_session(at)
        return self._trade_symbol(at)

    def _open_session(self, at: float) -> MarketState:
        self._status = "open"
        self._until = at + SESSION
        self._sessions_over += 1
        self._unopened = self._rng.sample(self._symbols, len(self._symbols))
        self._due = at + self._time_to_next_trade(at)
        return self._market_state(at)

    def _close_session(self, at: float) -> MarketState:
        self._status = "closed"
        self._until = self._due = at + CLOSED_TIME
        return self._market_state(at)

    def _trade_symbol(self, at: float) -> Quote:
        traded = self._sessions_over * SESSION + self._session_elapsed(at)
        if self._unopened:
            symbol = self._unopened.pop()
            symbol.open(traded, TURNOVER / self._rate)
        else:
            [symbol] = self._rng.choices(self._symbols, cum_weights=self._weights)
            symbol.trade(traded, TURNOVER / self._rate)
        self._due = min(self._until, at + self._time_to_next_trade(at))
        return symbol.quote(self._clock.instant(at))

    def _time_to_next_trade(self, at: float) -> float:
        """Return the seconds from `at` to the next trade."""
        if self._unopened:
            return OPENING / len(self._symbols)
        return self._rng.expovariate(
            self._rate * busyness(self._session_elapsed(at) / SESSION)
        )

    def _session_elapsed(self, at: float) -> float:
        """Return how many seconds the session has been open for at `at`."""
        return SESSION - (self._until - at)

    def _market_state(self, at: float) -> MarketState:
        until = self._clock.instant(self._until)
        at_ms = self._clock.instant(at)
        return MarketState(MARKET, self._status, until, SIMULATOR, at_ms)


def busyness(elapsed: float) -> float:
    """Return the rate of trading after a fraction of the session (0 to 1) has elapsed.

    It is relative to the average: 1.6 at the open and at the close, 0.7 half-way.
    """
    return 0.7 + 0.9 * (2 * elapsed - 1) ** 2


def _symbols(rng: Random) -> list["_Symbol"]:
    market = _Motion(rng)
    sectors = {company.sector: _Motion(rng) for company in COMPANIES}
    return [
        _Symbol(company, market, sectors[company.sector], rng) for company in COMPANIES
    ]


class _Motion:
    """A Brownian motion with a variance of 1 a session, drawn when it is read."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._traded = 0.0
        self._value = 0.0

    def restart_at(self, traded: float) -> None:
        """Keep the present value as the value after `traded` seconds of trading."""
        self._traded = traded

    def value_at(self, traded: float) -> float:
        """Return the value after `traded` seconds of trading, which never decrease.

        The increments of a Brownian motion are independent, and their variance is the
        time between them. So the value is exact at whichever times it is read
        (Glasserman, Monte Carlo Methods in Financial Engineering, section 3.1).
        """
        self._value += self._rng.gauss(0, sqrt((traded - self._traded) / SESSION))
        self._traded = traded
        return self._value


class _Symbol:
    """A company's state on the exchange. Its prices are whole numbers of ticks."""

    def __init__(
        self, company: Company, market: _Motion, sector: _Motion, rng: Random
    ) -> None:
        self._company = company
        self._market = market
        self._sector = sector
        self._own = _Motion(rng)
        self._rng = rng
        # The value of a share, and the seconds traded when it had that value.
        self._base_value, self._base_traded = company.price, 0.0
        self._price = self._previous_close = self._to_ticks(company.price)
        self._open = self._high = self._low = self._price
        self._bid, self._ask = self._price - 1, self._price + 1
        self._volume = 0

    @property
    def name(self) -> str:
        """The company's symbol."""
        return self._company.symbol

    def resume(self, quote: Quote | None, traded: float) -> None:
        """Continue from a quote after `traded` seconds of trading in the session.

        The past of the motions isn't needed, as increments don't depend on it.
        """
        for motion in (self._market, self._sector, self._own):
            motion.restart_at(traded)
        self._base_traded = traded
        if quote is None:
            return
        self._price = self._to_ticks(quote.price)
        self._base_value = self._price / self._company.ticks
        self._previous_close = self._to_ticks(quote.previous_close, self._price)
        self._open = self._to_ticks(quote.open, self._price)
        self._high = self._to_ticks(quote.high, self._price)
        self._low = self._to_ticks(quote.low, self._price)
        self._bid = self._to_ticks(quote.bid, self._price)
        self._ask = self._to_ticks(quote.ask, self._price + 1)
        self._volume = round(quote.volume or 0)

    def _to_ticks(self, price: float | None, default: int = 1) -> int:
        return default if price is None else max(1, round(price * self._company.ticks))

    def open(self, traded: float, money: float) -> None:
        """Make the first trade of a session; see `trade`."""
        self._previous_close, self._volume = self._price, 0
        self._move_price(traded)
        self._open = self._high = self._low = self._price
        self._add_volume(money)

    def trade(self, traded: float, money: float) -> None:
        """Trade for `money` EUR on average, after `traded` seconds of all sessions."""
        self._move_price(traded)
        self._high = max(self._high, self._price)
        self._low = min(self._low, self._price)
        self._add_volume(money)

    def _move_price(self, traded: float) -> None:
        ticks = self._value(traded) * self._company.ticks
        self._price = max(1, round(ticks))
        usual = ticks * SPREAD / self._company.liquidity
        spread = max(1, round(usual * self._rng.uniform(0.6, 1.4)))
        self._bid = max(1, self._price - self._rng.randint(0, spread))
        self._ask = self._bid + spread

    def _value(self, traded: float) -> float:
        """Return the value of a share: a geometric Brownian motion without drift.

        S(t) = S(0) exp(σ B(t) − σ² t / 2), exactly (Glasserman, section 3.2), where
        B is the weighted sum of the motions of the market, the sector and the company.
        """
        motion = (
            sqrt(MARKET_SHARE) * self._market.value_at(traded)
            + sqrt(SECTOR_SHARE) * self._sector.value_at(traded)
            + sqrt(OWN_SHARE) * self._own.value_at(traded)
        )
        volatility = self._company.volatility
        correction = volatility**2 / 2 * (traded - self._base_traded) / SESSION
        return self._base_value * exp(volatility * motion - correction)

    def _add_volume(self, money: float) -> None:
        shares = money * self._company.ticks / self._price * self._rng.expovariate(1)
        self._volume += max(1, round(shares))

    def quote(self, at: int) -> Quote:
        """Return the present quote, with `at` (epoch ms) as its instant."""
        company = self._company
        # A whole number divided by `ticks` is the double nearest to the decimal price.
        ticks = company.ticks
        change = self._price - self._previous_close
        return Quote(
            symbol=company.symbol,
            name=company.name,
            currency=CURRENCY,
            market=MARKET,
            sector=company.sector,
            source=SIMULATOR,
            price=self._price / ticks,
            decimals=company.decimals,
            change=change / ticks,
            change_percent=round(100 * change / self._previous_close, 2) + 0.0,  # no -0
            previous_close=self._previous_close / ticks,
            open=self._open / ticks,
            high=self._high / ticks,
            low=self._low / ticks,
            bid=self._bid / ticks,
            ask=self._ask / ticks,
            volume=self._volume,
            late=None,
            at=at,
        )
