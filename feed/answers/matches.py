"""Answers about matches: how one stands, its scorers and cards, and which there are."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from feed.answers.inquiry import Inquiry
from feed.answers.phrases import (
    LISTED,
    Part,
    Phrase,
    counted,
    in_competition,
    joined,
    listed,
    paragraph,
    phrase,
    sentence,
    shown,
)
from feed.answers.piece import Piece
from feed.answers.state import ScoreHead, State
from feed.answers.times import duration, time_of
from feed.events.goals import LIVE, UPCOMING, standing_goals
from feed.events.shapes import Score
from feed.streams.written import moment, whole

MATCHES_TOLD = 3  # of the clubs that a question names, in sentences of their own
REMARKS_IN_WORDS = {"own_goal": "own goal", "penalty": "penalty"}
PERIODS = {
    "1H": "in the first half",
    "2H": "in the second half",
    "ET": "in extra time",
    "BT": "in the break before extra time",
}

Goal = dict[str, Any]
"""The fields of a goal that stands, with its `side` and its place in the incidents."""


def answer_matches(inquiry: Inquiry, state: State) -> Phrase:
    """Return the answer about the matches that a question names."""
    matches = named_matches(inquiry, state)
    if not matches:
        names = listed([shown(it.key) for it in inquiry.of("club", "match")])
        return sentence("no match of ", names, " can be read")
    return paragraph(
        *(_about_match(it, inquiry, state) for it in matches[:MATCHES_TOLD])
    )


def named_matches(inquiry: Inquiry, state: State) -> list[Score]:
    """Return the matches that a question names, by their keys or their clubs.

    Two clubs that play each other mean that match. Of several matches of one club, it
    is the one that the question asks for, or the one in play.
    """
    keys = [it.key for it in inquiry.of("match")]
    clubs = [it.key for it in inquiry.of("club")]
    both = [
        match
        for match, it in state.scores.items()
        if it.home.name in clubs and it.away.name in clubs
    ]
    for club in [] if both else clubs:
        own = {m: it for m, it in state.scores.items() if _plays(it, club)}
        keys += _preferred(own, inquiry)
    wanted = dict.fromkeys(keys + (_in_order(both, state)[:1] if both else []))
    return [score for key in wanted if (score := state.score(key))]


def match_sentence(score: Score, state: State) -> Phrase:
    """Return how a match stands, or when it begins."""
    if score.status in UPCOMING:
        return _to_come(score, state)
    make = _STANDINGS.get(score.status, _plain_standing)
    return make(score, state)


def match_line(score: Score, state: State) -> Phrase:
    """Return a match in a list: "Acton 2–1 Burton (38′)"."""
    home, away = _teams(score, state)
    at = moment({"minute": score.minute, "stoppage": score.stoppage})
    if score.status in UPCOMING or score.home.score is None or score.away.score is None:
        start: list[Part] = []
        if score.kick_off is not None:
            when = time_of(score.kick_off, state.board.now)
            start = [" at ", _figure(score, state, "kick_off", when)]
        return phrase(home, " v ", away, *start)
    line = phrase(home, " ", _result_of(score, state, "home"), " ", away)
    if score.status == "HT":
        return phrase(line, " (half-time)")
    if score.status in LIVE and at:
        return phrase(line, " (", _figure(score, state, "minute", at), ")")
    return line


def goal_sentence(score: Score, goal: Goal, state: State) -> Phrase:
    """Return a goal: "A. Ames scored for Acton against Burton at 14:03 UTC (38′) …"."""
    side, other = ("home", "away") if goal["side"] != "away" else ("away", "home")
    teams = _team_name(score, state, side), _team_name(score, state, other)
    parts: list[Part] = [_player_name(score, state, goal)]
    if goal["kind"] == "own_goal":
        parts += [" of ", teams[1], " scored an own goal for ", teams[0]]
    else:
        penalty = " a penalty" if goal["kind"] == "penalty" else ""
        parts += [f" scored{penalty} for ", teams[0], " against ", teams[1]]
    when = time_of(goal["at"], state.board.now)
    parts += [" at ", _incident_figure(score, state, goal, "at", when)]
    at = moment(goal)
    if at:
        parts += [" (", _incident_figure(score, state, goal, "minute", at), ")"]
    if goal["home_score"] is not None and goal["away_score"] is not None:
        parts += [", making it ", _result_after(score, state, goal)]
    return sentence(*parts)


def _result_after(score: Score, state: State, goal: Goal) -> Phrase:
    home, away = (
        _incident_figure(score, state, goal, field, str(goal[field]))
        for field in ("home_score", "away_score")
    )
    return phrase(home, "–", away)


def goals_of(score: Score) -> list[Goal]:
    """Return the goals of a match that stand, oldest first."""
    fields = msgspec.to_builtins(score)
    places = [{**it, "place": at} for at, it in enumerate(fields["incidents"])]
    return standing_goals({**fields, "incidents": places})


def answer_lists(inquiry: Inquiry, state: State) -> Phrase:
    """Return which matches are on, to come or over."""
    competitions = {it.key for it in inquiry.of("competition")}
    heads = {
        match: it
        for match, it in state.scores.items()
        if not competitions or it.competition in competitions
    }
    scope = " and".join(map(in_competition, sorted(competitions)))
    if not heads:
        return sentence(f"there are no matches{scope} on the board")
    if inquiry.has("halted"):
        return _list_halted(heads, scope, inquiry, state)
    asked = [each for each in _PHASES if inquiry.has(each)]
    chosen = asked or [it for it in _PHASES if _of_phase(heads, it)][:1]
    return paragraph(*(_list(heads, each, scope, inquiry, state) for each in chosen))


def matches_by_phase(state: State, phase_: str) -> list[str]:
    """Return the keys of the matches that are `live`, `next` or `over`, in order."""
    return _in_order(_of_phase(state.scores, phase_), state)


def _about_match(score: Score, inquiry: Inquiry, state: State) -> Phrase:
    sentences = [match_sentence(score, state)]
    if score.status in UPCOMING:
        return sentences[0]
    if inquiry.has("goals", "last_goal"):
        sentences.append(scorers_sentence(score, state))
    if inquiry.has("cards"):
        sentences.append(_cards(score, state))
    if inquiry.has("subs"):
        sentences.append(_substitutions(score, state))
    if inquiry.has("kick_off", "when"):
        sentences.append(_kicked_off(score, state))
    if len(sentences) == 1:
        sentences.append(scorers_sentence(score, state) if goals_of(score) else [])
    return paragraph(*sentences)


def scorers_sentence(score: Score, state: State) -> Phrase:
    """Return the scorers of a match by side: "A. Ames (23′ and 67′) scored for …"."""
    goals = goals_of(score)
    if not goals:
        none = not (score.home.score or score.away.score)
        return sentence("nobody has scored" if none else "the scorers aren't known")
    sides: list[Phrase] = []
    for side in ("home", "away"):
        scorers = _scorers(score, state, [it for it in goals if it["side"] == side])
        if scorers:
            verb = " for " if sides else " scored for "
            sides.append(phrase(listed(scorers), verb, _team_name(score, state, side)))
    if not sides:
        return sentence("the scorers aren't known")
    return sentence(joined(sides, ", and "))


def _scorers(score: Score, state: State, goals: Iterable[Goal]) -> list[Phrase]:
    players: dict[str, list[Part]] = {}
    for goal in goals:
        remark = REMARKS_IN_WORDS.get(goal["kind"], "")
        at = moment(goal)
        minute = [_incident_figure(score, state, goal, "minute", at)] if at else []
        words: list[Part] = [*minute, ", " if at and remark else "", remark]
        name = goal["player"] or ""
        if name not in players:
            players[name] = [_player_name(score, state, goal)]
        if at or remark:
            players[name].append(phrase(*words))
    return [_with_minutes(parts) for parts in players.values()]


def _player_name(score: Score, state: State, incident: Goal) -> Part:
    """Return the player of an incident."""
    if not incident["player"]:
        return "an unnamed player"
    return _incident_figure(score, state, incident, "player", shown(incident["player"]))


def _with_minutes(parts: Sequence[Part]) -> Phrase:
    name, *minutes = parts
    if not minutes:
        return phrase(name)
    return phrase(name, " (", listed(minutes[: LISTED * 2]), ")")


def _cards(score: Score, state: State) -> Phrase:
    """Return the red and yellow cards of a match in two sentences."""
    return paragraph(
        _cards_of(score, state, "red_card", "sent off", _red_cards(score)),
        _cards_of(score, state, "yellow_card", "booked", 0),
    )


def _red_cards(score: Score) -> int:
    return (score.home.red_cards or 0) + (score.away.red_cards or 0)


def _cards_of(score: Score, state: State, kind: str, verb: str, known: int) -> Phrase:
    cards = _incidents(score, kind)
    if not cards and known:
        return sentence(_red_card_counts(score, state))
    if not cards:
        return sentence(f"nobody has been {verb}")
    items = [_player_of(score, state, card) for card in cards]
    more = f"{whole(len(items) - 2 * LISTED)} more"
    if len(items) > 2 * LISTED:
        items[2 * LISTED :] = [[Piece(more)]]
    verb_form = "has" if len(items) == 1 else "have"
    return sentence(listed(items), f" {verb_form} been {verb}")


def _red_card_counts(score: Score, state: State) -> Phrase:
    sides = [
        phrase(
            *(_team_name(score, state, side), " have "),
            _figure(score, state, f"{side}.red_cards", str(count)),
            " red card" if count == 1 else " red cards",
        )
        for side, count in (
            ("home", score.home.red_cards),
            ("away", score.away.red_cards),
        )
        if count
    ]
    return listed(sides)


def _player_of(score: Score, state: State, incident: Goal) -> Phrase:
    player = _player_name(score, state, incident)
    parts: list[Part] = [player]
    if incident["team"] in ("home", "away"):
        parts += [" of ", _team_name(score, state, incident["team"])]
    at = moment(incident)
    if at:
        parts += [" (", _incident_figure(score, state, incident, "minute", at), ")"]
    return phrase(*parts)


def _substitutions(score: Score, state: State) -> Phrase:
    subs = [_player_of(score, state, it) for it in _incidents(score, "substitution")]
    if not subs:
        return sentence("no player has been substituted")
    verb = "has" if len(subs) == 1 else "have"
    if len(subs) > 2 * LISTED:
        subs[2 * LISTED :] = [[Piece(f"{whole(len(subs) - 2 * LISTED)} more")]]
    return sentence(listed(subs), f" {verb} gone off")


def _incidents(score: Score, kind: str) -> list[Goal]:
    return [
        {**msgspec.to_builtins(it), "place": place}
        for place, it in enumerate(score.incidents)
        if it.kind == kind
    ]


def _kicked_off(score: Score, state: State) -> Phrase:
    if score.kick_off is None:
        return sentence("when it kicked off isn't known")
    at = time_of(score.kick_off, state.board.now)
    return sentence("it kicked off at ", _figure(score, state, "kick_off", at))


def _to_come(score: Score, state: State) -> Phrase:
    fixture = _fixture(score, state)
    if score.status == "PST":
        return sentence(fixture, " is postponed")
    if score.status == "TBD" or score.kick_off is None:
        return sentence("the kick-off of ", fixture, " is yet to be announced")
    now = state.board.now
    at = _figure(score, state, "kick_off", time_of(score.kick_off, now))
    if score.kick_off <= now:
        return sentence(fixture, " is due to have kicked off at ", at)
    until = duration(score.kick_off - now)
    ahead = _figure(score, state, "kick_off", until)
    return sentence(fixture, " kicks off at ", at, ", in ", ahead)


def _in_play(score: Score, state: State) -> Phrase:
    at = moment({"minute": score.minute, "stoppage": score.stoppage})
    period = PERIODS.get(score.status, "")
    when: list[Part] = [f" {period}" if period else ""]
    if at and score.status != "BT":
        when += [" (", _figure(score, state, "minute", at), ")"]
    return sentence(_standing(score, state), *when)


def _at_half_time(score: Score, state: State) -> Phrase:
    return sentence("at half-time, ", _standing(score, state))


def _standing(score: Score, state: State) -> Phrase:
    """Return a result with its leader: "Acton lead Burton 2–1"."""
    home, away = _teams(score, state)
    lead = _lead(score)
    if lead is None:
        return phrase(home, " and ", away, " are playing")
    if lead == 0:
        return phrase(
            home, " and ", away, " are level at ", _result_of(score, state, "home")
        )
    if lead > 0:
        return phrase(home, " lead ", away, " ", _result_of(score, state, "home"))
    return phrase(away, " lead ", _result_of(score, state, "away"), " at ", home)


def _after(score: Score, state: State) -> Phrase:
    """Return how a match ended: "Acton beat Burton 2–1 after extra time"."""
    home, away = _teams(score, state)
    lead = _lead(score)
    extra = " after extra time" if score.status == "AET" else ""
    if lead is None:
        return sentence(_fixture(score, state), " is over; the result isn't known")
    if lead == 0:
        result = _result_of(score, state, "home")
        return sentence(home, " and ", away, " drew ", result, extra)
    if lead > 0:
        return sentence(
            home, " beat ", away, " ", _result_of(score, state, "home"), extra
        )
    return sentence(
        away, " won ", _result_of(score, state, "away"), " at ", home, extra
    )


def _after_penalties(score: Score, state: State) -> Phrase:
    home, away = score.home.shoot_out, score.away.shoot_out
    if home is None or away is None or home == away or _lead(score) is None:
        return sentence(
            _fixture(score, state), " was decided by a shoot-out after a draw"
        )
    winner, loser = ("home", "away") if home > away else ("away", "home")
    return sentence(
        *(
            _team_name(score, state, winner),
            " beat ",
            _team_name(score, state, loser),
            " ",
        ),
        *(_pair(score, state, winner, "shoot_out"), " on penalties after it ended "),
        _result_of(score, state, "home"),
    )


def _in_shoot_out(score: Score, state: State) -> Phrase:
    known = None not in (score.home.shoot_out, score.away.shoot_out)
    pens = _pair(score, state, "home", "shoot_out") if known else []
    stands: list[Part] = [", which stands at ", pens] if pens else []
    after: list[Part] = []
    if _lead(score) is not None:
        after = [" after ", _result_of(score, state, "home")]
    return sentence(_fixture(score, state), " is in the shoot-out", *after, *stands)


def _stopped(score: Score, state: State) -> Phrase:
    words = {
        "SUSP": "is suspended",
        "INT": "is interrupted",
        "ABD": "was abandoned",
        "CANC": "was cancelled",
        "AWD": "was awarded to a side",
        "WO": "was a walkover: a side didn't play",
    }[score.status]
    at: list[Part] = []
    if _lead(score) is not None and score.status != "CANC":
        at = [" at " if score.status != "AWD" else ", which makes it "]
        at = [*at, _result_of(score, state, "home")]
    if score.status == "WO":
        at = []
    return sentence(_fixture(score, state), f" {words}", *at)


def _plain_standing(score: Score, state: State) -> Phrase:
    status = _figure(score, state, "status", shown(score.status))
    at: list[Part] = []
    if _lead(score) is not None:
        at = [", at ", _result_of(score, state, "home")]
    return sentence(_fixture(score, state), " has the status ", status, *at)


def _list(
    heads: dict[str, ScoreHead], phase_: str, scope: str, inquiry: Inquiry, state: State
) -> Phrase:
    keys = _in_order(_of_phase(heads, phase_), state)
    return _list_keys(keys, f"{scope} {{verb}} {_PHASES[phase_]}", inquiry, state)


def _list_halted(
    heads: dict[str, ScoreHead], scope: str, inquiry: Inquiry, state: State
) -> Phrase:
    """Return the matches that are postponed, abandoned and so on, as is asked."""
    asked = {*inquiry.words.split()}
    words = [it for it in _HALTED if it in asked]
    statuses = {_HALTED[it] for it in words}
    keys = _in_order([m for m, it in heads.items() if it.status in statuses], state)
    return _list_keys(keys, f"{scope} {{verb}} {' or '.join(words)}", inquiry, state)


def _list_keys(
    keys: list[str], predicate: str, inquiry: Inquiry, state: State
) -> Phrase:
    """Return a list of matches; `predicate` says what they are, with its `{verb}`."""
    verb = "are" if len(keys) > 1 else "is"
    are = predicate.replace("{verb}", verb)
    if not keys:
        return sentence(f"no match{are}")
    head = f"{counted(len(keys), 'match', 'matches')}{are}"
    if inquiry.has("count"):
        return sentence(head)
    lines = [match_line(it, state) for key in keys[:LISTED] if (it := state.score(key))]
    if len(keys) > LISTED:
        lines.append([Piece(f"{whole(len(keys) - LISTED)} more")])
    return sentence(f"{head}: ", listed(lines))


def _plays(score: ScoreHead, club: str) -> bool:
    return club in (score.home.name, score.away.name)


def _preferred(matches: dict[str, ScoreHead], inquiry: Inquiry) -> list[str]:
    """Return the match of a club that a question is about."""
    order = ["live", "next", "over"]
    if inquiry.has("next", "kick_off"):
        order = ["next", "live", "over"]
    elif inquiry.has("over") or {"won", "lost", "beat"} & {*inquiry.words.split()}:
        order = ["over", "live", "next"]
    for phase_ in order:
        keys = _of_phase(matches, phase_)
        if keys:
            return keys[:1] if phase_ != "over" else keys[-1:]
    return []


def _of_phase(heads: dict[str, ScoreHead], phase_: str) -> list[str]:
    return [match for match, it in heads.items() if _phase(it.status) == phase_]


def _phase(status: str) -> str:
    if status in LIVE:
        return "live"
    return "next" if status in UPCOMING else "over"


def _in_order(matches: Iterable[str], state: State) -> list[str]:
    """Return matches by kick-off; the ones without one are last."""
    return sorted(matches, key=lambda it: (state.scores[it].kick_off or 2**63, it))


def _lead(score: Score) -> int | None:
    """Return by how many goals the home side leads; None if it isn't known."""
    home, away = score.home.score, score.away.score
    return None if home is None or away is None else home - away


def _fixture(score: Score, state: State) -> Phrase:
    home, away = _teams(score, state)
    return phrase(home, " v ", away)


def _teams(score: Score, state: State) -> tuple[Piece, Piece]:
    return _team_name(score, state, "home"), _team_name(score, state, "away")


def _team_name(score: Score, state: State, side: str) -> Piece:
    """Return the name of the `home` or `away` side."""
    name = score.home.name if side == "home" else score.away.name
    return _figure(score, state, f"{side}.name", shown(name))


def _result_of(score: Score, state: State, first: str) -> Phrase:
    """Return the result with the goals of a side first: "2–1"."""
    return _pair(score, state, first, "score")


def _pair(score: Score, state: State, first: str, field: str) -> Phrase:
    """Return a figure of both sides, with that of `first` first: "2–1"."""
    second = "away" if first == "home" else "home"
    return phrase(
        _goals(score, state, first, field), "–", _goals(score, state, second, field)
    )


def _goals(score: Score, state: State, side: str, field: str) -> Piece:
    team = score.home if side == "home" else score.away
    return _figure(score, state, f"{side}.{field}", str(getattr(team, field)))


def _incident_figure(
    score: Score, state: State, incident: Goal, field: str, text: str
) -> Piece:
    """Return a text that refers to a field of an incident, which has its `place`."""
    return _figure(score, state, f"incidents.{incident['place']}.{field}", text)


def _figure(score: Score, state: State, field: str | None, text: str) -> Piece:
    return state.figure(("score", score.match), field, text)


_HALTED = {
    **{"postponed": "PST", "abandoned": "ABD", "suspended": "SUSP"},
    **{"cancelled": "CANC", "canceled": "CANC", "interrupted": "INT"},
}
_PHASES = {"live": "on now", "next": "to come", "over": "over"}
_STANDINGS: dict[str, Callable[[Score, State], Phrase]] = {
    **dict.fromkeys(("1H", "2H", "ET", "BT", "LIVE"), _in_play),
    **dict.fromkeys(("SUSP", "INT", "ABD", "CANC", "AWD", "WO"), _stopped),
    **dict.fromkeys(("FT", "AET"), _after),
    "HT": _at_half_time,
    "P": _in_shoot_out,
    "PEN": _after_penalties,
}
