"""Answers about event types of publishers' own, such as tickets, servers or agents.

Their data can be any JSON. So an answer gives the fields as they were published, and a
question about a state ("which servers are down") is compared with the values of fields.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from feed.answers.inquiry import Inquiry
from feed.answers.names import plurals
from feed.answers.phrases import (
    LISTED,
    Part,
    Phrase,
    counted,
    listed,
    paragraph,
    phrase,
    quoted,
    sentence,
    shortened,
    shown,
)
from feed.answers.state import State, read_own
from feed.answers.words import folded
from feed.events.event import Slot
from feed.streams.written import MINUS, whole

FIELDS_SHOWN = 6  # of one key
DEPTH_SHOWN = 3  # objects within objects
FIELDS_READ = 60  # of one key
KEYS_SHOWN = 3  # keys whose fields an answer gives
NEGATIONS = frozenset({"not", "isnt", "arent"})
_STATES_TEXT = (
    "open closed up down free busy waiting pending done solved active idle online "
    "offline running stopped failed broken ready new urgent"
)
STATES = frozenset(_STATES_TEXT.split())
"""States that people ask for. If no key is in the asked state, the answer is "none"."""
COMMON = frozenset({"the", "a", "is", "are", "of", "in", "on", "how", "many", "which"})
NUMBER_SHOWN = 24  # characters of a number

Values = dict[str, Any]
"""The scalars and arrays of JSON by their paths, such as `owner.name`."""


def answer_own(inquiry: Inquiry, state: State) -> Phrase:
    """Return the answer about keys of publishers' own types, or about a type."""
    keys = inquiry.of("own")
    if keys:
        named = [(it.type, it.key) for it in keys]
        return paragraph(
            *(_describe(slot, inquiry, state) for slot in named[:KEYS_SHOWN])
        )
    types = [it.key for it in inquiry.of("type")]
    alone = _only_keys(types, inquiry, state)
    if alone:
        return paragraph(*(_describe(it, inquiry, state) for it in alone[:KEYS_SHOWN]))
    return paragraph(*(_about_type(it, inquiry, state) for it in types[:KEYS_SHOWN]))


def _only_keys(types: list[str], inquiry: Inquiry, state: State) -> list[Slot]:
    """Return the keys of types with one key each, if they are asked for themselves."""
    slots = [(type, key) for type in types for key in state.own_types[type]]
    alone = len(slots) == len(types) and not _missing_key(inquiry)
    return slots if alone and not inquiry.has("count") else []


def _about_type(type: str, inquiry: Inquiry, state: State) -> Phrase:
    """Return the keys of a type, or those in a state that the question names."""
    events = state.own_types[type]
    data = read_own(reversed(events.values()))
    states = _states(inquiry, data)
    missing = _missing_key(inquiry)
    if missing and not states:
        return _absent(type, missing, state)
    wanted = not NEGATIONS & {*inquiry.written.split()}
    matching = [it for it in data if _is_in_state(data[it], states) == wanted]
    keys = _list_keys(type, matching, states, inquiry, state)
    unread = len(events) - len(data)
    if not states or not unread:
        return keys
    verb = "isn't" if unread == 1 else "aren't"
    count = counted(unread, noun(type, 1), noun(type, 2))
    return paragraph(keys, sentence(f"{count} {verb} counted: there is too much data"))


def _list_keys(
    type: str, keys: list[str], states: list[str], inquiry: Inquiry, state: State
) -> Phrase:
    total = len(state.own_types[type])
    if not states:
        keys = [*state.own_types[type]]
    negation = "not " if states and NEGATIONS & {*inquiry.written.split()} else ""
    called = negation + " or ".join(quoted(it) for it in states) or "on the board"
    verb = "is" if len(keys) == 1 else "are"
    of = f" of the {whole(total)}" if states and total > 1 else ""
    many = noun(type, total if of else len(keys))
    if not keys:
        return sentence(f"{'none' if of else 'no'}{of} {many} is {called}")
    head = f"{whole(len(keys))}{of} {many} {verb} {called}"
    if inquiry.has("count") and not inquiry.has("list"):
        return sentence(head)
    names = [state.name((type, key), key) for key in sorted(keys)[: LISTED + 1]]
    return sentence(f"{head}: ", shortened(names, len(keys)))


def _states(inquiry: Inquiry, data: Mapping[str, Any]) -> list[str]:
    """Return the words of a question that are values of fields, or flags."""
    asked = dict.fromkeys(inquiry.written.split())
    values: set[str] = set()
    for each in data.values():
        values.update(_state_words(each))
    said = [word for word in asked if word in values and word not in COMMON]
    return said or [word for word in asked if word in STATES]


def _is_in_state(data: Any, states: list[str]) -> bool:
    return not {*_state_words(data)}.isdisjoint(states)


def _state_words(data: Any) -> Iterator[str]:
    """Yield the states of a key: its short texts, and the names of its true flags."""
    for path, value in values_of(data).items():
        if value is True:
            yield folded(path.rpartition(".")[2]).strip()
        elif isinstance(value, str) and len(value) <= 40:
            yield folded(value).strip()


def _missing_key(inquiry: Inquiry) -> str | None:
    """Return a number in the question that isn't a key; None without one."""
    numbers = [it for it in inquiry.words.split() if it.isdecimal()]
    return numbers[0] if numbers and not inquiry.count else None


def _absent(type: str, key: str, state: State) -> Phrase:
    total = len(state.own_types[type])
    verb = "is" if total == 1 else "are"
    return sentence(
        f"{noun(type, 1)} {shown(key)} isn't on the board; "
        f"{counted(total, noun(type, 1), noun(type, 2))} {verb}"
    )


def _describe(slot: Slot, inquiry: Inquiry, state: State) -> Phrase:
    type, key = slot
    event = state.own_types[type][key]
    name = phrase(f"{noun(type, 1)} ", state.name(slot, key))
    data = read_own([event])
    if key not in data:
        return sentence(name, " is on the board, but its data is too large to be shown")
    return sentence(name, describe_data(slot, data[key], inquiry, state))


def describe_data(slot: Slot, data: Any, inquiry: Inquiry, state: State) -> Phrase:
    """Return data as the rest of a sentence: " has status “open” and priority 2"."""
    if not isinstance(data, dict | list):
        return phrase(" is ", state.figure(slot, None, _written(data)))
    if isinstance(data, list):
        return phrase(f" has {counted(len(data), 'entry', 'entries')}")
    values = values_of(data)
    asked = {*inquiry.written.split()}
    chosen = {p: v for p, v in values.items() if asked & {*folded(p).split()}} or values
    parts = [_field(slot, path, value, state) for path, value in chosen.items()]
    known = [part for part in parts if part]
    if not known:
        return phrase(" has no fields that can be shown")
    more = len(known) - FIELDS_SHOWN
    if more > 0:
        known[FIELDS_SHOWN:] = [phrase(f"{counted(more, 'more field')}")]
    return phrase(" has ", listed(known))


def values_of(data: Any) -> Values:
    """Return the values of JSON by their paths, to a depth and a number."""
    values: Values = {}
    _collect(data, "", DEPTH_SHOWN, values)
    return values


def noun(type: str, count: int) -> str:
    """Return the name of a type for a count of its keys: "ticket", "tickets"."""
    return shown(type if count == 1 else plurals(type)[1])


def _collect(data: Any, path: str, depth: int, values: Values) -> None:
    if not isinstance(data, dict):
        values[path] = data
        return
    for name, value in data.items():
        if len(values) >= FIELDS_READ:
            return
        inner = f"{path}.{name}" if path else str(name)
        if isinstance(value, dict) and (depth <= 1 or not value):
            continue
        _collect(value, inner, depth - 1, values)


def _field(slot: Slot, path: str, value: Any, state: State) -> Phrase:
    if value is None:
        return phrase("no ", _path(path))
    if isinstance(value, list):
        return _entries(slot, path, value, state)
    return phrase(_path(path), " ", state.figure(slot, path, _written(value)))


def _entries(slot: Slot, path: str, entries: list[Any], state: State) -> Phrase:
    simple = len(entries) <= LISTED and not any(
        isinstance(it, dict | list) for it in entries
    )
    if not entries or not simple:
        return phrase(counted(len(entries), "entry", "entries"), " in ", _path(path))
    items: list[Part] = [
        state.figure(slot, f"{path}.{index}", _written(it))
        for index, it in enumerate(entries)
    ]
    return phrase(_path(path), " ", listed(items))


def _path(path: str) -> str:
    return shown(path.replace("_", " "), 40) or "“”"


def _written(value: Any) -> str:
    """Return a scalar of JSON in words, a number as it was published."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "empty"
    if isinstance(value, str):
        return quoted(value)
    digits = msgspec.json.encode(value).decode().replace("-", MINUS)
    return digits if len(digits) <= NUMBER_SHOWN else digits[:NUMBER_SHOWN] + "…"
