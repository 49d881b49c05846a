"""A simulated market, one of the sources: companies that don't exist, on one exchange.

Strategy: time is drawn, not sampled. Each trade draws how long until the next, and a
price is worked out only when it trades, so the days don't depend on how they are read.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import exp, sqrt
from random import Random
from typing import Literal

import msgspec

from feed.clock import WorldClock
from feed.events.event import Event
from feed.events.shapes import MarketState, Quote

MARKET = "MAIN"
CURRENCY = "EUR"
SESSION = 1800.0  # seconds; a trading day that a visitor can see the end of
PAUSE = 60.0  # seconds between two sessions
OPENING = 1.0  # seconds over which the opening quotes come, so that they don't burst
RATE = 20.0  # trades a second in all: lively, and each can still be seen
PAST_RATE = 6.0  # trades a second before the start: each of 30 symbols in about 5 s
AGE = 600.0  # seconds; how long the session has been running at the start
TURNOVER = 400_000.0  # EUR a second in all, whatever the rate of trades
SPREAD = 0.0006  # of the price, at a liquidity of 1
MARKET_SHARE = 0.30  # of a company's variance; so companies correlate by 0.30
SECTOR_SHARE = 0.25  # and those of one sector by 0.55
OWN_SHARE = 1 - MARKET_SHARE - SECTOR_SHARE


class Company(msgspec.Struct, frozen=True):
    """An invented company, and the price at which its first session begins.

    `volatility` is the standard deviation of a session's log return; a company of
    twice the `liquidity` trades twice as often, at half the spread; a unit of
    currency has `ticks` ticks.
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

    Instants are epoch milliseconds; `speed` is how many of its seconds pass in one.
    `rate` is how many trades a second of its own it makes, on average over a session.
    With `held`, what a market told last, it goes on from there and has no past.
    """

    def __init__(
        self,
        seed: int,
        start: int,
        speed: float = 1.0,
        *,
        rate: float = RATE,
        held: Sequence[Quote | MarketState] = (),
    ) -> None:
        # Not the same chance again, where it goes on.
        self._rng = Random(f"market {seed} {start}" if held else f"market {seed}")
        self._clock = WorldClock(start, speed)
        self._symbols = _symbols(self._rng)
        self._weights = [*accumulate(company.liquidity for company in COMPANIES)]
        self._unopened: list[_Symbol] = []  # still without a quote this session
        self._status: Literal["open", "closed"] = "closed"
        self._until = self._due = -(SESSION + PAUSE + AGE)  # the first session opens
        self._session = -1  # sessions over, while one is open
        self._begun = False
        self._past: list[Quote] = []
        self._rate = rate
        if held:
            self._go_on(held)
        else:
            self._begin_with_a_past(start)

    def past(self) -> list[Quote]:
        """Return the quotes from before the start, oldest first, for the charts.

        They are the previous session and the running one, about a quote each 5 s and
        symbol. The first `step` lets go of them, for they weigh some 5 MB.
        """
        return self._past

    def step(self, now: int) -> list[Event]:
        """Return the events that fell due up to `now` (epoch ms), in their order.

        The first step begins with all there is: the market and each symbol's quote.
        A step after a standstill tells the market's moved `until`, and goes on.
        """
        stood_still = self._clock.advance(now)
        news: list[Quote | MarketState] = []
        if not self._begun:
            news = self._begin()
        elif stood_still:
            news = [self._state(self._clock.seconds)]
        news += self._run(self._clock.seconds)
        return [each.event() for each in news]

    def _begin_with_a_past(self, start: int) -> None:
        rate, self._rate = self._rate, PAST_RATE
        self._past = [
            quote
            for quote in self._run(0.0)
            if isinstance(quote, Quote) and quote.at < start
        ]
        self._rate = rate

    def _go_on(self, held: Sequence[Quote | MarketState]) -> None:
        """Take up the session and the prices where they were told to be.

        Without a session that can be gone on with, the next opens at once.
        """
        quotes = {each.symbol: each for each in held if isinstance(each, Quote)}
        states = (each for each in held if isinstance(each, MarketState))
        state = next((each for each in states if each.market == MARKET), None)
        self._until = self._due = 0.0
        if state and state.until is not None and state.status != "halted":
            self._status = state.status
            self._until = self._due = min(self._clock.age(state.until), SESSION)
        traded = 0.0
        if self._status == "open":
            self._session = 0
            self._due = min(self._until, self._wait(0.0))
            traded = self._elapsed(0.0)
        opened = self._clock.instant(self._until - SESSION)
        for symbol in self._symbols:
            quote = quotes.get(symbol.name)
            symbol.go_on(quote, traded)
            if self._status == "open" and (quote is None or quote.at < opened):
                self._unopened.append(symbol)
        self._begun = bool(state) and all(s.name in quotes for s in self._symbols)

    def _begin(self) -> list[Quote | MarketState]:
        self._begun = True
        self._past = []
        at = self._clock.instant(0.0)
        return [self._state(0.0), *(symbol.quote(at) for symbol in self._symbols)]

    def _run(self, until: float) -> list[Quote | MarketState]:
        news = []
        while self._due <= until:
            news.append(self._happen(self._due))
        return news

    def _happen(self, at: float) -> Quote | MarketState:
        """Do what is due at `at` (seconds), and set what is due next."""
        if self._status == "closed":
            return self._open(at)
        if at >= self._until:
            return self._close(at)
        return self._trade(at)

    def _open(self, at: float) -> MarketState:
        self._status = "open"
        self._until = at + SESSION
        self._session += 1
        self._unopened = self._rng.sample(self._symbols, len(self._symbols))
        self._due = at + self._wait(at)
        return self._state(at)

    def _close(self, at: float) -> MarketState:
        self._status = "closed"
        self._until = self._due = at + PAUSE
        return self._state(at)

    def _trade(self, at: float) -> Quote:
        traded = self._session * SESSION + self._elapsed(at)
        if self._unopened:
            symbol = self._unopened.pop()
            symbol.open(traded, TURNOVER / self._rate)
        else:
            [symbol] = self._rng.choices(self._symbols, cum_weights=self._weights)
            symbol.trade(traded, TURNOVER / self._rate)
        self._due = min(self._until, at + self._wait(at))
        return symbol.quote(self._clock.instant(at))

    def _wait(self, at: float) -> float:
        """Return the seconds from what happens at `at` to the next trade."""
        if self._unopened:
            return OPENING / len(self._symbols)
        return self._rng.expovariate(self._rate * busyness(self._elapsed(at) / SESSION))

    def _elapsed(self, at: float) -> float:
        return SESSION - (self._until - at)

    def _state(self, at: float) -> MarketState:
        until = self._clock.instant(self._until)
        return MarketState(MARKET, self._status, until, self._clock.instant(at))


def busyness(part: float) -> float:
    """Return how busy trading is when that part of the session (0 to 1) is over.

    It is 1.6 at the open and at the close, 0.7 half-way, and 1 on average.
    """
    return 0.7 + 0.9 * (2 * part - 1) ** 2


def _symbols(rng: Random) -> list["_Symbol"]:
    market = _Motion(rng)
    sectors = {company.sector: _Motion(rng) for company in COMPANIES}
    return [
        _Symbol(company, market, sectors[company.sector], rng) for company in COMPANIES
    ]


class _Motion:
    """A Brownian motion of variance 1 a session, drawn only where it is read."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._traded = 0.0
        self._value = 0.0

    def start(self, traded: float) -> None:
        """Let it be where it is after so many seconds of trading."""
        self._traded = traded

    def at(self, traded: float) -> float:
        """Return its value after so many seconds of trading, never fewer than before.

        The increments of a Brownian motion are independent, with the variance of the
        time between: this is exact for any readings (Glasserman, Monte Carlo Methods
        in Financial Engineering, section 3.1).
        """
        self._value += self._rng.gauss(0, sqrt((traded - self._traded) / SESSION))
        self._traded = traded
        return self._value


class _Symbol:
    """A company's state on the exchange; its prices are whole ticks."""

    def __init__(
        self, company: Company, market: _Motion, sector: _Motion, rng: Random
    ) -> None:
        self._company = company
        self._market = market
        self._sector = sector
        self._own = _Motion(rng)
        self._rng = rng
        self._start, self._started = company.price, 0.0  # its value, seconds traded
        self._price = self._previous_close = self._ticks(company.price)
        self._open = self._high = self._low = self._price
        self._bid, self._ask = self._price - 1, self._price + 1
        self._volume = 0

    @property
    def name(self) -> str:
        """The company's symbol."""
        return self._company.symbol

    def go_on(self, quote: Quote | None, traded: float) -> None:
        """Take up from a quote after so many seconds of trading in the session.

        The increments of its motions to come don't depend on those before.
        """
        for motion in (self._market, self._sector, self._own):
            motion.start(traded)
        self._started = traded
        if quote is None:
            return
        self._price = self._ticks(quote.price)
        self._start = self._price / self._company.ticks
        self._previous_close = self._ticks(quote.previous_close, self._price)
        self._open = self._ticks(quote.open, self._price)
        self._high = self._ticks(quote.high, self._price)
        self._low = self._ticks(quote.low, self._price)
        self._bid = self._ticks(quote.bid, self._price)
        self._ask = self._ticks(quote.ask, self._price + 1)
        self._volume = round(quote.volume or 0)

    def _ticks(self, price: float | None, otherwise: int = 1) -> int:
        return (
            otherwise if price is None else max(1, round(price * self._company.ticks))
        )

    def open(self, traded: float, money: float) -> None:
        """Begin the session with its first trade; see `trade`."""
        self._previous_close, self._volume = self._price, 0
        self._move(traded)
        self._open = self._high = self._low = self._price
        self._fill(money)

    def trade(self, traded: float, money: float) -> None:
        """Trade after so many seconds of trading in all, for about that much money."""
        self._move(traded)
        self._high = max(self._high, self._price)
        self._low = min(self._low, self._price)
        self._fill(money)

    def _move(self, traded: float) -> None:
        ticks = self._value(traded) * self._company.ticks
        self._price = max(1, round(ticks))
        usual = ticks * SPREAD / self._company.liquidity
        spread = max(1, round(usual * self._rng.uniform(0.6, 1.4)))
        self._bid = max(1, self._price - self._rng.randint(0, spread))
        self._ask = self._bid + spread

    def _value(self, traded: float) -> float:
        """Return what a share is worth: a geometric Brownian motion without drift.

        S(t) = S(0) exp(σ B(t) − σ² t / 2), exactly (Glasserman, section 3.2), where
        B is the weighted sum of the market's, the sector's and the company's own.
        """
        motion = (
            sqrt(MARKET_SHARE) * self._market.at(traded)
            + sqrt(SECTOR_SHARE) * self._sector.at(traded)
            + sqrt(OWN_SHARE) * self._own.at(traded)
        )
        volatility = self._company.volatility
        sag = volatility**2 / 2 * (traded - self._started) / SESSION
        return self._start * exp(volatility * motion - sag)

    def _fill(self, money: float) -> None:
        shares = money * self._company.ticks / self._price * self._rng.expovariate(1)
        self._volume += max(1, round(shares))

    def quote(self, at: int) -> Quote:
        """Return the quote as it stands, as of the instant `at` (epoch ms)."""
        company = self._company
        ticks = (
            company.ticks
        )  # a whole number over it is the double nearest the decimal
        change = self._price - self._previous_close
        return Quote(
            symbol=company.symbol,
            name=company.name,
            currency=CURRENCY,
            market=MARKET,
            sector=company.sector,
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
            at=at,
        )
