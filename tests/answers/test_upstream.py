"""A model's answer: asked for, read, limited and stopped, on a server of our own."""

import msgspec

from feed.answers.piece import Board, Piece, Question
from feed.answers.upstream import Upstream
from feed.events.event import EventId, keyed
from feed.history import History
from feed.settings import Settings
from tests.helpers.model_server import ModelServer, answer
from tests.helpers.samples import EVENING, quote


def board_of(*quotes: dict[str, object]) -> Board:
    events = [
        keyed("price", str(it["symbol"]), msgspec.json.encode(it)).with_id(
            EventId(EVENING, seq)
        )
        for seq, it in enumerate(quotes)
    ]
    newest = {event.slot: event for event in events if event.slot}
    return Board(EventId(EVENING, 9), newest, History(), EVENING, "published")


BOARD = board_of(quote(), quote("BOLT", 123.65, name="Bolt Batteries"))


def ask(server: ModelServer, text: str = "How is ACME?") -> list[Piece]:
    upstream = Upstream(Settings(ask_url=server.url, ask_model="tiny", ask_key="sk-1"))
    return [*upstream.begin(Question(text), BOARD)]


def test_an_answer_is_the_sum_of_its_deltas() -> None:
    words = ("BOLT is at ", "123", ".65", " EUR, not 99.", "")
    with ModelServer(answer(*words)) as server:
        pieces = ask(server)
        server.wait_ended()
    assert "".join(piece.text for piece in pieces) == "BOLT is at 123.65 EUR, not 99."
    [asked] = server.asked
    assert asked.headers["authorization"] == "Bearer sk-1"
