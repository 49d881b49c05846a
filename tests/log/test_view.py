"""Query strings become views; invalid parameters are refused by name."""

from itertools import combinations

import pytest

from feed.events.event import EventId, gone, keyed, unkeyed
from feed.log import Log
from feed.streams.view import LAST_EVENT_ID, UNFILTERED, View, routes_of
from tests.helpers.model import MATCHES, START, SYMBOLS, TYPES, LogModel
from web.query import (
    MATCH_PARAMETERS,
    MAX_NAMES,
    STATE_PARAMETERS,
    STREAM_PARAMETERS,
    InvalidParameter,
    Query,
    parse_query,
    parse_whole,
)

PRICE = keyed("price", "ACME", b"1")
SCORE = keyed("score", "m1", b"1")
INCIDENT = unkeyed("incident", b"1", "m1")
NOTE = unkeyed("note", b"1")
TICKET = keyed("ticket", "4711", b"[1]").with_id(EventId(5, 1))


def query(*pairs: tuple[str, str]) -> Query:
    return parse_query(pairs, STREAM_PARAMETERS)


def test_no_parameters_ask_for_everything() -> None:
    view = query().view()
    assert view.selects_all
    assert all(map(view.selects, (PRICE, SCORE, INCIDENT, NOTE)))


def test_all_parameters_are_understood() -> None:
    asked = query(
        ("symbols", "ACME,BOLT"),
        ("matches", "m1"),
        ("events", "price,hello"),
        ("after", "5-1"),
        ("pace", "0.2"),
        ("once", "1"),
    )
    assert asked == Query(
        frozenset({"ACME", "BOLT"}),
        frozenset({"m1"}),
        frozenset({"price"}),
        EventId(5, 1),
        0.2,
        True,
    )


@pytest.mark.parametrize("name", LAST_EVENT_ID)
def test_the_cursor_may_come_under_the_names_that_clients_give_it(name: str) -> None:
    assert query((name, "5-1")).cursor == EventId(5, 1)
    assert query((name, "5-1"), ("after", "4-1")).cursor == EventId(5, 1)
    assert query(("after", "4-1"), (name, "5")).cursor == EventId(5, -1)
    match = parse_query([(name, "5-1")], MATCH_PARAMETERS)
    assert match.cursor == EventId(5, 1)
    with pytest.raises(InvalidParameter, match=f"^{name}: there is no such parameter"):
        parse_query([(name, "5-1")], STATE_PARAMETERS)


@pytest.mark.parametrize("name", LAST_EVENT_ID)
@pytest.mark.parametrize("invalid", ["", "undefined", "null", "5-1,6-1", "-1"])
def test_an_invalid_cursor_of_a_client_counts_as_none(name: str, invalid: str) -> None:
    """The client would give up on an error; `after` is what a person has written."""
    assert query((name, invalid)).cursor is None
    assert query(("after", "4-1"), (name, invalid)).cursor is None
    with pytest.raises(InvalidParameter, match=r"^after: not an event id"):
        query(("after", invalid), (name, "5-1"))


def test_of_several_cursors_that_a_client_has_added_the_last_counts() -> None:
    first, *others = LAST_EVENT_ID
    for name in (first, *others):
        assert query((first, "1-0"), (name, "2-0")).cursor == EventId(2, 0)
    with pytest.raises(InvalidParameter, match=r"^after: is given twice"):
        query(("after", "1-0"), ("after", "2-0"))


def test_symbols_narrow_prices_and_nothing_else() -> None:
    view = View(symbols=frozenset({"BOLT"}))
    assert not view.selects(PRICE)
    assert all(map(view.selects, (SCORE, INCIDENT, NOTE)))


def test_matches_narrow_scores_and_incidents_and_nothing_else() -> None:
    view = View(matches=frozenset({"m2"}))
    assert not view.selects(SCORE)
    assert not view.selects(INCIDENT)
    assert all(map(view.selects, (PRICE, NOTE)))


def test_other_shows_the_types_that_are_not_the_boards_own() -> None:
    view = View(events=frozenset({"other"}))
    assert view.selects(NOTE)
    assert view.selects(TICKET)
    assert view.selects(gone("ticket", "4711", 1))
    assert not any(map(view.selects, (PRICE, SCORE, INCIDENT)))
    assert not view.selects(gone("price", "ACME", 1))
    assert view.routes() == [UNFILTERED]


def test_an_event_that_other_shows_is_wrapped_with_its_type_and_its_key() -> None:
    view = View(events=frozenset({"other", "price"}))
    assert view.shown(TICKET).type == view.shown(NOTE).type == "other"
    assert view.shown(TICKET).id == TICKET.id
    assert view.shown(TICKET).data == b'{"event":"ticket","key":"4711","data":[1]}'
    assert view.shown(NOTE).data == b'{"event":"note","key":null,"data":1}'


def test_an_event_is_not_wrapped_that_the_view_names_or_the_board_knows() -> None:
    view = View(events=frozenset({"other", "price", "ticket"}))
    for event in (TICKET, PRICE, gone("ticket", "4711", 1)):
        assert view.shown(event) is event
    assert view.shown(NOTE).type == "other"
    for raw in (View(), View(events=frozenset({"ticket", "note"}))):
        assert [*map(raw.shown, (TICKET, NOTE))] == [TICKET, NOTE]


def test_a_retirement_is_shown_where_its_key_was() -> None:
    retired = gone("price", "ACME", 1)
    assert View(events=frozenset({"price"})).selects(retired)
    assert View(events=frozenset({"gone"})).selects(retired)
    assert not View(events=frozenset({"score"})).selects(retired)
    assert not View(symbols=frozenset({"BOLT"})).selects(retired)


@pytest.mark.parametrize("symbols", [None, frozenset({"A"})])
@pytest.mark.parametrize("matches", [None, frozenset({"m1"})])
def test_what_a_view_shows_passes_by_one_of_its_routes(
    symbols: frozenset[str] | None, matches: frozenset[str] | None
) -> None:
    model = LogModel(Log(100, START))
    model.publish(
        [(type, subject, 0) for type in TYPES for subject in SYMBOLS + MATCHES]
    )
    named = (*TYPES, "other")
    some = (frozenset(c) for n in range(1, 8) for c in combinations(named, n))
    for types in (None, *some):
        view = View(symbols, matches, types)
        shown = [*filter(view.selects, model.published)]
        assert shown
        assert all({*routes_of(event)} & {*view.routes()} for event in shown)


def test_a_narrow_view_lies_on_few_routes() -> None:
    view = View(frozenset({"ACME"}), frozenset({"m1"}), frozenset({"price", "score"}))
    assert view.routes() == [("symbols", "ACME"), ("matches", "m1")]
    assert not {*routes_of(keyed("price", "BOLT", b"1"))} & {*view.routes()}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("simbols", "A", "Did you mean symbols?"),
        ("Pace", "1", "Did you mean pace?"),
        ("xyz", "1", "no such parameter"),
        ("symbols", "", "names nothing"),
        ("symbols", ",,", "names nothing"),
        ("events", "Price", "can't be an event type"),
        ("after", "yesterday", "not an event id"),
        ("after", "", "not an event id"),
        ("pace", "61", "from 0 to 60"),
        ("pace", "-1", "from 0 to 60"),
        ("pace", "nan", "from 0 to 60"),
        ("pace", "fast", "from 0 to 60"),
        ("pace", "1_0", "from 0 to 60"),
        ("pace", "1e-320", "from 0 to 60"),
        ("pace", "", "from 0 to 60"),
        ("once", "yes", "neither 1 nor 0"),
    ],
)
def test_what_is_not_clear_is_refused_by_name(name: str, text: str, says: str) -> None:
    with pytest.raises(InvalidParameter, match=says.replace("?", r"\?")) as refused:
        query((name, text))
    assert refused.value.name == name


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("0", 0),
        ("0.000000001", 0.1),
        ("0.1", 0.1),
        ("0.2504", 0.3),
        ("0.7", 0.7),
        ("0.91", 1),
        ("1", 1),
        ("1.000000001", 2),
        ("59.5", 60),
        ("60", 60),
    ],
)
def test_a_pace_between_two_steps_becomes_the_slower_one(
    asked: str, given: float
) -> None:
    assert query(("pace", asked)).pace == given


def test_a_filter_takes_two_hundred_names_and_no_more() -> None:
    names = [f"S{number}" for number in range(MAX_NAMES)]
    assert query(("symbols", ",".join(names))).symbols == frozenset(names)
    with pytest.raises(InvalidParameter, match="201 names are more than 200"):
        query(("symbols", ",".join([*names, "S"])))


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="twice"):
        query(("symbols", "A"), ("symbols", "B"))


@pytest.mark.parametrize("text", ["", "0", "11", "1.5", "-1", "x", "²", "9" * 400])
def test_a_whole_number_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="limit"):
        parse_whole("limit", text, 1, 10)


def test_equal_views_share_and_read_alike() -> None:
    one, other = (View(symbols=frozenset({"A", "B"}), pace=0.5) for _ in range(2))
    assert hash(one) == hash(other)
    assert str(one) == "sse symbols=A,B pace=0.5"


def test_streams_that_ask_for_the_same_hold_one_view() -> None:
    query = {"symbols": "A,B", "pace": "1"}
    one, other = (
        parse_query(query.items(), STREAM_PARAMETERS).view() for _ in range(2)
    )
    assert one is other
    assert one is not parse_query(query.items(), STREAM_PARAMETERS).view("ndjson")
