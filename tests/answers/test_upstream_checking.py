"""The figures and names of a model's text, looked up in the data that it was sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.answers.checking import GROWING, Checker
from feed.answers.facts import LONGEST_NAME, Facts
from feed.answers.piece import Piece, Question
from feed.answers.prompt import write_prompt
from tests.answers.boards import board_of, notice
from tests.helpers.samples import EVENING, match, quote, team

GOAL = {
    **dict.fromkeys(("team", "player", "stoppage", "home_score", "away_score")),
    "match": "m1",
    "incident": "1",
    "kind": "goal",
    "player": "A. Iveskin",
    "minute": 38,
    "at": EVENING - 3_600_000,
}
BOARD = board_of(
    ("price", quote("ACME", 123.65, change=-1.25, change_percent=-1.02, volume=108656)),
    ("price", quote("BOLT", 72, name="Bolt", change=0, change_percent=0, volume=1.2e9)),
    ("price", quote("B2B", 7.125, name="Bolt Batteries", decimals=3)),
    (
        "score",
        match(match="m1", home=team("1. FC Acton", 2), away=team("Oldbrook", 1))
        | {"incidents": [GOAL]},
    ),
    ("notice", notice("Line 7 is late", "By 40 minutes, for 12.5 % of the riders")),
    ("ticket", {"key": "4711", "title": "Printer on fire", "open_for": 3, "at": 5}),
)


def check(*parts: str, asked: str = "?") -> list[Piece]:
    checker = Checker(Facts(write_prompt(Question(asked), BOARD)))
    return [piece for part in parts for piece in checker.add(part)] + checker.finish()


def marks(pieces: list[Piece]) -> dict[str, str | bool]:
    """Return the place of each figure and name, or False where it has none."""
    found: dict[str, str | bool] = {}
    for piece in pieces:
        if piece.ref:
            field = f".{piece.ref.field}" if piece.ref.field else ""
            found[piece.text] = f"{piece.ref.key}{field}"
        elif piece.unchecked:
            found[piece.text] = False
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ACME is at 123.65 EUR.", {"ACME": "ACME", "123.65": "ACME.price"}),
        ("It is 123,65 EUR", {"123,65": "ACME.price"}),
        ("It is 123.650 EUR", {"123.650": "ACME.price"}),
        ("It is about 123.7.", {"123.7": "ACME.price"}),
        ("It is 123.6.", {"123.6": False}),
        ("It is 124.", {"124": False}),
        ("€123.65", {"123.65": "ACME.price"}),
        ("(123.65)", {"123.65": "ACME.price"}),
        ("**123.65**", {"123.65": "ACME.price"}),
        ("价格是123.65元", {"123.65": "ACME.price"}),
        ("١٢٣.٦٥", {"١٢٣.٦٥": "ACME.price"}),
        ("EUR123.65", {"123.65": False}),
        ("123.65m", {"123.65m": False}),
        ("1.2bn", {"1.2bn": False}),
        ("by −1.25", {"−1.25": "ACME.change"}),
        ("by -1.25", {"-1.25": "ACME.change"}),
        ("by 1.25", {"1.25": "ACME.change"}),
        ("by +1.25", {"+1.25": False}),
        ("by 1.02%", {"1.02%": "ACME.change_percent"}),
        ("by −1.02 %", {"−1.02 %": "ACME.change_percent"}),
        ("by 1.02 per cent", {"1.02": "ACME.change_percent"}),
        ("by 1.25%", {"1.25%": False}),
        ("108,656 shares", {"108,656": "ACME.volume"}),
        ("108.656 shares", {"108.656": "ACME.volume"}),
        ("108'656 shares", {"108'656": "ACME.volume"}),
        ("108\u202f656 shares", {"108\u202f656": "ACME.volume"}),
        ("108656 shares", {"108656": "ACME.volume"}),
        ("1,200,000,000", {"1,200,000,000": "BOLT.volume"}),
        ("108 656 shares", {"108": False, "656": False}),
        ("10,8656 shares", {"10,8656": False}),
        ("1.2.3 shares", {"1.2.3": False}),
        (
            "Oldbrook lost 2-1",
            {"Oldbrook": "m1", "2": "m1.home.score"} | {"1": "m1.away.score"},
        ),
        (
            "1. FC Acton 2:1 Oldbrook",
            {
                "1. FC Acton": "m1",
                "2": "m1.home.score",
                "1": "m1.away.score",
                "Oldbrook": "m1",
            },
        ),
        ("Oldbrook, in the 67' minute", {"Oldbrook": "m1", "67": "m1.minute"}),
        ("A. Iveskin at 38′", {"A. Iveskin": "m1", "38": "m1.incidents.0.minute"}),
        ("67", {"67": False}),
        ("B2B is at 7.125", {"B2B": "B2B", "7.125": "B2B.price"}),
        ("B2C", {"2C": False}),
        ("ticket 4711", {"4711": "4711"}),
        ("Printer on fire: 3 days", {"Printer on fire": "4711", "3": "4711.open_for"}),
        (
            "Line 7 is late by 40 of 12.5%",
            {"Line 7 is late": "n1", "40": "n1.body", "12.5%": "n1.body"},
        ),
        ("since 18:45", {"18:45": "m1.incidents.0.at"}),
        ("since 18:46", {"18:46": False}),
        ("at 19:45:07, on 2026-03-05", {}),
        ("at 2026-03-05T18:45:07Z", {"2026-03-05T18:45:07Z": "m1.incidents.0.at"}),
        ("on 2025-03-05", {"2025-03-05": False}),
        ("in 2026", {"2026": False}),
        ("two goals", {}),
        ("1. One\n2) Two\n 3. Three", {}),
        ("One\n45. Two", {}),
        ("123. Three", {"123": False}),
        ("1.5 more", {"1.5": False}),
        ("½ and 2²", {"2": False}),
        ("Bolt and Bolt Batteries", {"Bolt": "BOLT", "Bolt Batteries": "B2B"}),
        ("Bolts, AXACME, acme", {}),
        ("", {}),
    ],
)
def test_a_figure_or_name_has_its_place_or_a_mark(
    text: str, expected: dict[str, str | bool]
) -> None:
    whole = check(text)
    assert marks(whole) == expected
    assert "".join(piece.text for piece in whole) == text
    # However it is cut, the same figures and names come out.
    for cut in range(len(text)):
        assert marks(check(text[:cut], text[cut:])) == expected, cut
    assert marks(check(*text)) == expected


def joined(pieces: list[Piece]) -> list[Piece]:
    """Return pieces with adjacent text that is neither figure nor name as one."""
    whole: list[Piece] = []
    for piece in pieces:
        plain = piece == Piece(piece.text)
        if whole and plain and whole[-1] == Piece(whole[-1].text):
            whole[-1] = Piece(whole[-1].text + piece.text)
        else:
            whole.append(piece)
    return whole


NAMES = ["ACME", "Bolt", "Bolt Batteries", "1. FC Acton"]
FIGURES = ["123.65", "-1.25", "2", "7", "18:45", "2026-03-05", "½"]
OTHERS = ["%", " ", ".", ",", "\n", "'", "bn", "é", "(", "\u202f"]
PARTS = st.sampled_from([*NAMES, *FIGURES, *OTHERS])


@given(st.lists(st.tuples(PARTS, st.booleans()), max_size=12))
def test_text_comes_out_whole_and_the_same_however_it_is_cut(
    parts: list[tuple[str, bool]],
) -> None:
    text = "".join(part for part, _ in parts)
    whole = joined(check(text))
    assert "".join(piece.text for piece in whole) == text
    deltas = [letter for part, one in parts for letter in ([part] if one else part)]
    assert joined(check(*deltas)) == whole


@given(st.lists(st.tuples(PARTS, st.booleans()), max_size=12))
def test_no_digit_comes_without_a_place_or_a_mark_except_the_number_of_a_list(
    parts: list[tuple[str, bool]],
) -> None:
    for piece in check("x", *(part for part, _ in parts)):
        text, marked = piece.text, piece.ref or piece.unchecked
        listed = text.rstrip(".)").isdigit()
        now = text in ("2026-03-05", "19:45")
        assert marked or listed or now or not any(map(str.isdecimal, text))


@pytest.mark.parametrize(
    "endless", ["1", "1,", "Bolt Batteries Bolt ", "1. FC Act", " "]
)
def test_no_more_is_kept_back_than_a_figure_or_name_can_have(endless: str) -> None:
    checker = Checker(Facts(write_prompt(Question("?"), BOARD)))
    text = endless * (500 // len(endless))
    out = "".join(piece.text for letter in text for piece in checker.add(letter))
    assert text.startswith(out)
    assert len(text) - len(out) <= max(GROWING, LONGEST_NAME)


def test_a_figure_is_looked_up_in_the_row_that_was_named_last() -> None:
    board = board_of(
        ("price", quote("ACME", 10, name=None)), ("price", quote("BOLT", 10, name=None))
    )

    def places(text: str, asked: str = "?") -> list[str]:
        checker = Checker(Facts(write_prompt(Question(asked), board)))
        pieces = checker.add(text) + checker.finish()
        return [p.ref.key for p in pieces if p.ref and p.ref.field]

    assert places("ACME 99.5, BOLT 99.5, ACME 99.5") == ["ACME", "BOLT", "ACME"]
    assert places("It was 99.5.", "BOLT?") == ["BOLT"]
    assert places("10", "BOLT?") == ["BOLT"]
    assert places("10") == []


def test_characters_that_could_control_a_terminal_are_removed() -> None:
    pieces = check("a\r\nb\x1b[2Jc\u202ed\te")
    assert "".join(piece.text for piece in pieces) == "a\nb [2Jc d e"
