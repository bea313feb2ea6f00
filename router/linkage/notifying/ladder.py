"""The ladder on which a post is told of an emergency, until somebody has it in hand. Pure.

A request climbs from rung to rung: the post itself, its leader, the leader's leader. On each rung everybody is told by the
channels of the plan, and numbers are rung one after the other. What was taken but does not move climbs again. The ladder is
looked at, not driven: from the rows as they are and the time, :func:`look` says what must be done now, and when to look again.
So it does not matter who died meanwhile, or how late anybody comes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Channel = Literal["phone", "desk", "sms", "webhook"]
CHANNELS: tuple[Channel, ...] = ("desk", "webhook", "sms", "phone")
Duty = Literal["sign", "send-out", "arrive", "feedback"]
MOVES: tuple[tuple[Duty, str], ...] = (
    ("sign", "accepted"),
    ("send-out", "sent-out"),
    ("arrive", "arrived"),
    ("feedback", "fed-back"),
)
"""Duties in their order, and the state that each leads to."""
OPEN = frozenset({"waiting", "asking", "unanswered"})
"""States in which nobody has it in hand."""
MOVING = ("accepted", "sent-out", "arrived")
FINAL = frozenset({"fed-back", "refused", "cancelled"})
AGAIN = 120.0
"""Seconds after which a ladder that nobody answered is climbed anew."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How one post is told. Times in seconds."""

    channels: Mapping[Channel, float]
    """Channel → seconds after the beginning of a rung."""
    sign: float = 180
    """The post must sign within this time; a rung lasts so long."""
    send_out: float | None = 600
    """Since it was signed; None: nobody need set out."""
    arrive: float | None = 1800
    feedback: float | None = 1800
    tries: int = 2
    """How often the numbers of a rung are gone through."""
    pause: float = 20
    """Between two rounds."""
    late: Literal["run", "skip"] = "run"
    """What becomes of rungs whose time went by while nothing worked: gone through at once all the same, or passed over."""

    def limit(self, duty: Duty) -> float | None:
        return {"sign": self.sign, "send-out": self.send_out, "arrive": self.arrive, "feedback": self.feedback}[duty]


@dataclass(frozen=True, slots=True)
class Number:
    """Where somebody can be rung; ``contact``: who is on duty there, if a roster says so."""

    number: str
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class Rung:
    """Whom a request reaches at one height, as the rosters have it at this moment."""

    post: str
    name: str
    numbers: tuple[Number, ...]
    sms: tuple[Number, ...] = ()


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt as it is kept."""

    channel: Channel
    rung: int
    place: int
    """Counts the calls of a rung: 0, 1, 2 …"""
    at: dt.datetime
    done_at: dt.datetime | None
    outcome: str | None
    contact: str | None = None
    """Who was reached for; None: nobody in particular."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it is kept."""

    state: str
    rules: Rules
    rung: int
    asked_at: dt.datetime
    begun_at: dt.datetime | None
    rung_at: dt.datetime | None
    accepted_at: dt.datetime | None
    late: frozenset[str] = frozenset()
    chasing: Duty | None = None
    """It was taken and does not move: this duty is asked for, rung by rung."""
    chase_after: dt.datetime | None = None
    """Not before: somebody has been asked, and has promised."""


# --- what is to be done


@dataclass(frozen=True, slots=True)
class Begin:
    """Tell a rung, from now on."""

    rung: int
    why: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Reach somebody."""

    channel: Channel
    rung: int
    place: int = 0
    number: Number | None = None


@dataclass(frozen=True, slots=True)
class Late:
    """A duty's time is over and it is not done."""

    duty: Duty


@dataclass(frozen=True, slots=True)
class Chase:
    """It was taken and does not move: ask again, beginning with the post's leader."""

    duty: Duty


@dataclass(frozen=True, slots=True)
class Unanswered:
    """All rungs are through: people at the centres must act; after a while it begins anew."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The highest rung has refused: people at the centres must decide."""


Action = Begin | Tell | Late | Chase | Unanswered | Refused


@dataclass(slots=True)
class Look:
    """What is to be done now, in this order; and when to look again (None: only when something happens)."""

    actions: list[Action] = field(default_factory=list)
    again: dt.datetime | None = None

    def wait(self, until: dt.datetime) -> None:
        if self.again is None or until < self.again:
            self.again = until


def look(asked: Asked, rungs: Sequence[Rung], tries: Sequence[Try], now: dt.datetime) -> Look:
    """Look at one request that has begun (steps decide when, :mod:`router.linkage.notifying.steps`). ``rungs``: the ladder,
    lowest first,
    at least one; ``tries``: all attempts of the request so far."""
    found = Look()
    if asked.state in FINAL:
        return found
    _duties(asked, now, found)
    if asked.state in OPEN or asked.chasing is not None:
        _climb(asked, rungs, tries, now, found)
    return found


def due(asked: Asked, duty: Duty) -> dt.datetime | None:
    """Until when a duty must be done; None: not reckoned yet, or not asked."""
    limit = asked.rules.limit(duty)
    since = asked.begun_at if duty == "sign" else asked.accepted_at
    return None if limit is None or since is None else since + dt.timedelta(seconds=limit)


def next_duty(asked: Asked) -> Duty | None:
    """What the post must do next."""
    reached = [state for _, state in MOVES]
    after = 0 if asked.state in OPEN else reached.index(asked.state) + 1 if asked.state in reached else len(MOVES)
    return next((duty for duty, _ in MOVES[after:] if asked.rules.limit(duty) is not None), None)


def _duties(asked: Asked, now: dt.datetime, found: Look) -> None:
    duty = next_duty(asked)
    until = due(asked, duty) if duty else None
    if duty is None or until is None:
        return
    if now < until:
        found.wait(until)
        return
    if duty not in asked.late:
        found.actions.append(Late(duty))
    if asked.state in MOVING and asked.chasing is None:
        begins = max(until, asked.chase_after or until)
        if now >= begins:
            found.actions.append(Chase(duty))
        found.wait(max(begins, now))


def _climb(asked: Asked, rungs: Sequence[Rung], tries: Sequence[Try], now: dt.datetime, found: Look) -> None:
    rung, since = asked.rung, asked.rung_at
    if since is None:
        return _begin(asked, rungs, 0 if asked.state in OPEN else min(1, len(rungs) - 1), "begin", now, found)
    top = len(rungs) - 1
    rung = min(rung, top)
    here = [one for one in tries if min(one.rung, top) == rung]
    if asked.state == "unanswered":
        if any(one.outcome == "refused" and one.done_at and one.done_at >= since for one in here):
            return _up(asked, rungs, rung, "refused", now, found)
        again = since + dt.timedelta(seconds=AGAIN)
        return _begin(asked, rungs, 0, "again", now, found) if now >= again else found.wait(again)
    said = {one.outcome for one in here if one.at >= since}
    if said & {"refused", "escalated"}:
        why = "refused" if "refused" in said else "escalated"
        return _up(asked, rungs, rung, why, now, found)
    mine = [one for one in here if one.rung == rung and one.at >= since]
    over = since + dt.timedelta(seconds=_lasts(asked.rules))
    if now >= over:
        if asked.rules.late == "run" and not any(one.channel == "phone" for one in mine):
            _tell(asked, rungs[rung], rung, mine, since, now, found)  # nothing worked in its time: it is told all the same
        return _up(asked, rungs, rung, "time", now, found)
    found.wait(over)
    exhausted = _tell(asked, rungs[rung], rung, mine, since, now, found)
    if exhausted:
        _up(asked, rungs, rung, "nobody", now, found)
    return None


def _lasts(rules: Rules) -> float:
    """Seconds of a rung: as long as a post has for signing, counted from where its telephone rings."""
    return rules.sign + min(rules.channels.get("phone", 0.0), rules.sign)


def _begin(asked: Asked, rungs: Sequence[Rung], rung: int, why: str, now: dt.datetime, found: Look) -> None:
    found.actions.append(Begin(rung, why))
    if _tell(asked, rungs[rung], rung, [], now, now, found):
        return _up(asked, rungs, rung, "nobody", now, found)  # it has no telephone
    found.wait(now + dt.timedelta(seconds=_lasts(asked.rules)))
    return None


def _up(asked: Asked, rungs: Sequence[Rung], rung: int, why: str, now: dt.datetime, found: Look) -> None:
    if rung + 1 < len(rungs):
        higher = rung + 1
        if asked.rules.late == "skip" and why == "time" and asked.rung_at is not None:
            missed = int((now - asked.rung_at).total_seconds() // _lasts(asked.rules)) - 1
            higher = min(rung + 1 + missed, len(rungs) - 1)
        return _begin(asked, rungs, higher, why, now, found)
    if why == "refused" and asked.state in OPEN:
        found.actions.append(Refused())
        found.again = None
    else:
        found.actions.append(Unanswered())
        found.wait(now + dt.timedelta(seconds=AGAIN))
    return None


def _tell(asked: Asked, rung: Rung, height: int, mine: Sequence[Try], since: dt.datetime, now: dt.datetime, found: Look) -> bool:
    """Reach the rung by every channel whose time has come; true: its telephones have all been tried in vain."""
    for channel in CHANNELS:
        if channel not in asked.rules.channels:
            continue
        begins = since + dt.timedelta(seconds=asked.rules.channels[channel])
        if now < begins:
            found.wait(begins)
        elif channel == "phone":
            if _ring(asked.rules, rung, height, [one for one in mine if one.channel == "phone"], now, found):
                return True
        elif not any(one.channel == channel for one in mine):
            if channel == "sms":
                found.actions += [Tell("sms", height, place, number) for place, number in enumerate(rung.sms)]
            else:
                found.actions.append(Tell(channel, height))
    return False


def _ring(rules: Rules, rung: Rung, height: int, calls: Sequence[Try], now: dt.datetime, found: Look) -> bool:
    """Ring the next number, if none rings; true: all have been rung as often as they may."""
    if any(one.done_at is None for one in calls):
        return False
    many, so_far = len(rung.numbers), _of_shift(rung, calls)
    if not many or so_far >= many * rules.tries:
        return True
    if so_far and so_far % many == 0:
        ended = max(one.done_at for one in calls if one.done_at is not None)
        ready = ended + dt.timedelta(seconds=rules.pause)
        if now < ready:
            found.wait(ready)
            return False
    found.actions.append(Tell("phone", height, len(calls), rung.numbers[so_far % many]))
    return False


def _of_shift(rung: Rung, calls: Sequence[Try]) -> int:
    """How many of the calls were made since whoever is on duty now came on: the next person is rung from the first number on."""
    here = {one.contact for one in rung.numbers if one.contact is not None}
    first = 1 + max((at for at, one in enumerate(calls) if one.contact is not None and one.contact not in here), default=-1)
    if first and here:  # a call for nobody in particular was still of the shift before
        first = next((at for at in range(first, len(calls)) if calls[at].contact is not None), len(calls))
    return len(calls) - first
