"""The simulated market: its days, its prices, and that a seed gives the same ones."""

import re
from collections.abc import Iterable, Iterator
from itertools import combinations, count, pairwise
from math import log
from statistics import correlation, mean

import msgspec
import pytest

from feed.events.catalogue import News, encode
from feed.events.event import Event
from feed.events.shapes import MarketState, Quote
from feed.sources import market
from feed.sources.market import COMPANIES, SESSION, Company, Market

START = 1_700_000_000_000
SYMBOLS = [company.symbol for company in COMPANIES]
COMPANY = {company.symbol: company for company in COMPANIES}
HOUR = 3_600_000
DAYS = 200


def read(news: Iterable[News]) -> list[Quote | MarketState]:
    return [
        msgspec.json.decode(event.data, type=Quote)
        if event.type == "price"
        else msgspec.json.decode(event.data, type=MarketState)
        for event in map(encode, news)
    ]


def quotes(events: Iterable[News]) -> list[Quote]:
    return [each for each in read(events) if isinstance(each, Quote)]


def states(events: Iterable[News]) -> list[MarketState]:
    return [each for each in read(events) if isinstance(each, MarketState)]


def run(market: Market, until: int, every: int = 1000) -> list[Event]:
    """Return all events from START to START + `until`, stepping each `every` ms."""
    instants = [*range(START, START + until, every), START + until]
    return [encode(each) for now in instants for each in market.step(now)]


def closes(seed: int) -> list[dict[str, float]]:
    """Return each symbol's closing prices on so many days, at few trades a day."""
    quiet = Market(seed, START, SESSION / 5, rate=0.1)  # a step of 5 s is a session
    days: list[dict[str, float]] = []
    prices: dict[str, float] = {}
    for step in count():
        for each in read(quiet.step(START + step * 5000)):
            if isinstance(each, Quote):
                prices[each.symbol] = each.price
            elif each.status == "closed":
                days.append({**prices})
        if len(days) > DAYS:
            return days[: DAYS + 1]
    raise AssertionError


@pytest.fixture(scope="module")
def years() -> list[list[dict[str, float]]]:
    return [closes(seed) for seed in range(4)]


@pytest.fixture(scope="module")
def two_days() -> list[Event]:
    """Return the rest of the running day and two whole ones, to their end."""
    return run(Market(1, START, 10, rate=3), 495_000)


def returns(days: list[dict[str, float]], symbol: str) -> list[float]:
    return [log(after[symbol] / before[symbol]) for before, after in pairwise(days)]


def volatility_ratios(years: list[list[dict[str, float]]]) -> Iterator[float]:
    """Yield each symbol's volatility, divided by the configured one."""
    for company in COMPANIES:
        squares = [r * r for days in years for r in returns(days, company.symbol)]
        yield mean(squares) ** 0.5 / company.volatility


def test_thirty_companies_in_six_sectors_are_listed() -> None:
    assert len({*SYMBOLS}) == len({company.name for company in COMPANIES}) == 30
    assert len({company.sector for company in COMPANIES}) == 6
    assert {"ACME", "BOLT"} <= {*SYMBOLS}
    assert all(re.fullmatch("[A-Z]{3,4}", symbol) for symbol in SYMBOLS)
    assert all(3 <= company.price <= 900 for company in COMPANIES)


def test_the_same_seed_gives_the_same_day() -> None:
    day = run(Market(5, START, 10, rate=5), 190_000)
    assert day == run(Market(5, START, 10, rate=5), 190_000)
    assert day != run(Market(6, START, 10, rate=5), 190_000)


def test_the_same_seed_gives_the_same_prices_at_another_start() -> None:
    here, there = Market(5, START), Market(5, START + HOUR)
    assert [(q.symbol, q.price, q.at + HOUR) for q in here.past()] == [
        (q.symbol, q.price, q.at) for q in there.past()
    ]
    assert [(q.symbol, q.price) for q in quotes(here.step(START))] == [
        (q.symbol, q.price) for q in quotes(there.step(START + HOUR))
    ]


@pytest.mark.parametrize("every", [37, 4999])
def test_events_dont_depend_on_how_the_steps_are_spaced(every: int) -> None:
    once_a_second = run(Market(5, START, 10, rate=2), 190_000)
    assert len(states(once_a_second)) >= 3, "the day ended and began within it"
    assert run(Market(5, START, 10, rate=2), 190_000, every) == once_a_second


def test_the_first_step_tells_the_market_and_every_symbol_whole() -> None:
    first, *rest = read(Market(1, START).step(START))
    assert first == MarketState("MAIN", "open", START + 1_200_000, "simulator", START)
    assert [each.symbol for each in rest if isinstance(each, Quote)] == SYMBOLS
    assert all(each.at == START for each in rest)
    unknown = [
        [name for name, value in msgspec.structs.asdict(quote).items() if value is None]
        for quote in rest
    ]
    assert unknown == [["late"]] * len(rest)


def test_each_step_gives_what_fell_due_since_the_last_in_its_order() -> None:
    lively = Market(1, START)
    last = START
    lively.step(last)
    for now in (START + 1, START + 40, START + 1000, START + 5900):
        instants = [each.at for each in read(lively.step(now))]
        assert instants == sorted(instants)
        assert all(last <= at <= now for at in instants)
        last = now


def test_the_past_ends_before_the_start_where_the_first_quotes_begin() -> None:
    begun = Market(1, START)
    past = begun.past()
    newest = {quote.symbol: quote for quote in past}
    first = quotes(begun.step(START))
    instants = [quote.at for quote in past]
    assert instants == sorted(instants)
    assert START - 5000 < instants[-1] < START
    assert instants[0] < START - 40 * 60_000
    for quote in first:
        assert quote == msgspec.structs.replace(newest[quote.symbol], at=START)


def test_the_past_is_a_quote_about_each_five_seconds_and_symbol() -> None:
    per_symbol = len(Market(1, START).past()) / 30
    assert per_symbol == pytest.approx(40 * 60 / 5, rel=0.1)


def test_the_past_lies_closer_at_speed() -> None:
    past = Market(1, START, 1000).past()
    assert START - 2600 < past[0].at < START - 2400
    assert past[-1].at < START


def test_the_first_step_lets_go_of_the_past() -> None:
    begun = Market(1, START)
    begun.step(START)
    assert begun.past() == []


def test_a_first_step_long_after_the_start_tells_the_same_as_of_then() -> None:
    late = START + HOUR
    first = read(Market(1, START).step(late))
    assert first == read(Market(1, late).step(late))


def test_every_quote_is_consistent(two_days: list[Event]) -> None:
    seen = [*Market(1, START).past(), *quotes(two_days)]
    for quote in seen:
        assert quote.bid is not None and quote.ask is not None
        assert quote.low is not None and quote.high is not None
        assert quote.open is not None and quote.previous_close is not None
        assert 0 < quote.bid < quote.ask
        assert quote.bid <= quote.price <= quote.ask
        assert quote.low <= quote.price <= quote.high
        assert quote.low <= quote.open <= quote.high
        assert quote.change == round(quote.price - quote.previous_close, quote.decimals)
        change_percent = 100 * quote.change / quote.previous_close
        assert quote.change_percent == pytest.approx(change_percent, abs=0.00501)


def test_every_price_is_on_the_tick_grid_and_has_its_decimals(
    two_days: list[Event],
) -> None:
    for quote in quotes(two_days):
        ticks = COMPANY[quote.symbol].ticks
        for price in (quote.price, quote.bid, quote.ask, quote.high, quote.low):
            assert price is not None
            assert price == round(price, quote.decimals)
            assert price == round(price * ticks) / ticks


def test_no_change_is_nought_and_not_minus_nought(two_days: list[Event]) -> None:
    data = b"".join(event.data for event in two_days)
    assert b'"change_percent":0.0,' in data
    assert not re.search(rb"-0(\.0)?[,}]", data)


def test_the_less_liquid_have_the_wider_spreads(two_days: list[Event]) -> None:
    spreads: dict[str, list[float]] = {}
    for quote in quotes(two_days):
        assert quote.bid is not None and quote.ask is not None
        spread = (quote.ask - quote.bid) / quote.price
        spreads.setdefault(quote.symbol, []).append(spread)
    assert mean(spreads["MDLK"]) > 1.5 * mean(spreads["NMBR"])


def test_a_day_lasts_thirty_minutes_and_the_pause_one(two_days: list[Event]) -> None:
    first, *changes = states(two_days)
    assert [each.status for each in changes] == ["closed", "open"] * 2 + ["closed"]
    for before, after in pairwise([first, *changes]):
        assert before.until == after.at
    for change in changes:
        assert change.until is not None
        lasts = 1800 if change.status == "open" else 60
        assert change.until - change.at == lasts * 1000 / 10


def test_nothing_trades_while_the_market_is_closed(two_days: list[Event]) -> None:
    status = "open"
    for each in read(two_days):
        if isinstance(each, MarketState):
            status = each.status
        else:
            assert status == "open"


def test_the_open_rolls_every_symbol(two_days: list[Event]) -> None:
    prices: dict[str, float] = {}
    unopened: set[str] = set()
    opened = 0
    for each in read(two_days):
        if isinstance(each, MarketState):
            unopened = {*SYMBOLS} if each.status == "open" and prices else set()
            continue
        if each.symbol in unopened:
            opened += 1
            unopened.remove(each.symbol)
            assert each.previous_close == prices[each.symbol]
            assert each.price == each.open == each.high == each.low
        else:
            assert not unopened, "each opens before any trades again"
        prices[each.symbol] = each.price
    assert opened == 2 * 30


def test_the_opening_quotes_are_spread_over_a_second() -> None:
    events = run(Market(1, START), 1_262_000, 4000)
    opened = START + 1_260_000
    instants = [quote.at - opened for quote in quotes(events) if quote.at > opened]
    opening = instants[:30]
    assert 900 < opening[-1] <= 1000
    assert max(after - before for before, after in pairwise(opening)) < 50
    assert len({*opening}) == 30


def test_the_volume_grows_within_a_day_and_begins_anew(two_days: list[Event]) -> None:
    volumes: dict[str, float] = {}
    resets = 0
    for quote in quotes(two_days):
        assert quote.volume is not None
        before = volumes.get(quote.symbol, 0)
        first_of_day = quote.open == quote.price == quote.high == quote.low
        assert quote.volume > before or first_of_day or quote.at == START
        resets += quote.volume < before
        volumes[quote.symbol] = quote.volume
    assert resets == 2 * 30
    assert re.search(rb'"volume":[0-9]+,', two_days[1].data), "whole shares"


def test_about_twenty_prices_a_second_more_at_the_open_and_the_close() -> None:
    lively = Market(1, START, 10)
    run(lively, 126_000, 4000)  # to the open
    minutes = []
    for now in range(1, 31):
        minutes.append(len(lively.step(START + 126_000 + now * 6000 - 3000)))
        minutes[-1] += len(lively.step(START + 126_000 + now * 6000))
    assert sum(minutes) / 1800 == pytest.approx(20, rel=0.03)
    assert sum(minutes[:3]) > 1.5 * sum(minutes[13:16])
    assert sum(minutes[-3:]) > 1.5 * sum(minutes[13:16])


@pytest.mark.parametrize("pause", [HOUR, 400 * 24 * HOUR, -HOUR])
def test_after_a_pause_the_market_tells_its_new_close_and_goes_on(pause: int) -> None:
    slept, awake = Market(1, START), Market(1, START)
    run(slept, 10_000)
    run(awake, 10_000)
    woken = START + 10_000 + pause
    assert states(slept.step(woken)) == [
        MarketState("MAIN", "open", START + 1_200_000 + pause, "simulator", woken)
    ]
    later = [
        msgspec.structs.replace(q, at=q.at + pause)
        for q in quotes(awake.step(START + 14_000))
    ]
    assert later
    assert quotes(slept.step(woken + 4000)) == later


def test_a_price_never_falls_below_a_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    wild = Company("WILD", "Wildling", "Food", 0.02, 2.0, 0.01)
    monkeypatch.setattr(market, "COMPANIES", (wild,))
    seen = quotes(run(Market(1, START, 300, rate=0.2), 200_000, 5000))
    assert min(quote.price for quote in seen) == 0.01
    for quote in seen:
        assert quote.bid is not None and quote.ask is not None
        assert 0.01 <= quote.bid < quote.ask


def test_over_200_days_the_daily_volatility_is_within_a_tenth_in_the_mean(
    years: list[list[dict[str, float]]],
) -> None:
    for days in years:
        assert len(days) == DAYS + 1
        assert mean(volatility_ratios([days])) == pytest.approx(1, abs=0.1)


def test_over_four_times_200_days_each_symbols_volatility_is_within_a_tenth(
    years: list[list[dict[str, float]]],
) -> None:
    for ratio in volatility_ratios(years):
        assert ratio == pytest.approx(1, abs=0.1)


def test_companies_of_a_sector_move_together_more_than_others(
    years: list[list[dict[str, float]]],
) -> None:
    for days in years:
        within: list[float] = []
        between: list[float] = []
        moves = {symbol: returns(days, symbol) for symbol in SYMBOLS}
        for one, other in combinations(COMPANIES, 2):
            pairs = within if one.sector == other.sector else between
            pairs.append(correlation(moves[one.symbol], moves[other.symbol]))
        assert mean(within) > mean(between) + 0.15
        assert 0.15 < mean(between) < 0.45


def test_a_market_goes_on_from_what_it_told_last() -> None:
    published = run(Market(7, START), 40_000)
    newest = [*{e.slot: e for e in published}.values()]
    last = max(each.at for each in read(newest))
    next_ = Market(8, last, resume_from=read(newest))
    assert list(next_.past()) == []
    events = next_.step(last) + next_.step(last + 3000)
    assert not states(events)  # the session continues, and nothing is published twice
    before = {quote.symbol: quote for quote in quotes(newest)}
    assert events
    for quote in quotes(events):
        was = before[quote.symbol]
        assert (quote.open, quote.previous_close) == (was.open, was.previous_close)
        assert abs(log(quote.price / was.price)) < 0.02
        assert quote.volume is not None
        assert was.volume is not None
        assert quote.volume > was.volume
        assert quote.high is not None
        assert was.high is not None
        assert quote.high >= was.high
        before[quote.symbol] = quote


def test_a_market_that_goes_on_closes_and_opens_when_it_was_to() -> None:
    events = run(Market(7, START), 1000)
    newest = [*{e.slot: e for e in events}.values()]
    (state,) = states(newest)
    assert state.until is not None
    next_ = Market(8, START + 1000, resume_from=read(newest))
    later = [
        each
        for now in range(START + 1000, state.until + 62_000, 1000)
        for each in states(next_.step(now))
    ]
    assert [(each.status, each.at) for each in later] == [
        ("closed", state.until),
        ("open", state.until + 60_000),
    ]


def test_a_market_that_stood_still_goes_on_later() -> None:
    events = run(Market(7, START), 1000)
    newest = [*{e.slot: e for e in events}.values()]
    (state,) = states(newest)
    assert state.until is not None
    resumed = Market(8, START + 1000, resume_from=read(newest))
    (moved,) = states(resumed.step(START + 61_000))
    assert (moved.status, moved.until) == ("open", state.until + 60_000)
