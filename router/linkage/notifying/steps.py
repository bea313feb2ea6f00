"""The steps of a plan: which posts are told when, in parallel or in turn, and when enough of them have taken it. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from router.linkage.notifying import ladder

Order = Literal["parallel", "in-turn"]


@dataclass(frozen=True, slots=True)
class Step:
    """What of a plan's step decides who is told."""

    key: str
    after: float = 0
    """Seconds since the response began."""
    level: int = 4
    """Only if the response is of this level or a graver one."""
    order: Order = "parallel"
    acks: int | None = None
    """So many posts are enough; None: all."""


@dataclass(frozen=True, slots=True)
class Member:
    """A request of a step as it is kept, in the order of the plan."""

    id: str
    step: str
    state: str
    climbed: bool = False
    """It has once gone beyond the post itself, or its time to sign is over: the next in turn is told as well."""


@dataclass(slots=True)
class Moves:
    """What follows."""

    begin: list[str] = field(default_factory=list)
    """Requests whose post is told from now on."""
    cancel: list[str] = field(default_factory=list)
    """Requests that nobody need answer any more."""
    again: dt.datetime | None = None


def begins(step: Step, started_at: dt.datetime, raised_at: dt.datetime) -> dt.datetime:
    """When a step begins: so long after the start, but not before the response had the step's level."""
    return max(started_at + dt.timedelta(seconds=step.after), raised_at)


def moves(steps: Sequence[tuple[Step, dt.datetime]], members: Sequence[Member], now: dt.datetime) -> Moves:
    """``steps``: those of the present level, each with the moment at which it begins."""
    found = Moves()
    for step, at in steps:
        mine = [one for one in members if one.step == step.key]
        if now < at:
            if any(one.state == "waiting" for one in mine):
                found.again = at if found.again is None else min(found.again, at)
            continue
        _step(step, mine, found)
    return found


def _step(step: Step, mine: Sequence[Member], found: Moves) -> None:
    taken = sum(one.state not in ladder.OPEN and one.state not in ("refused", "cancelled") for one in mine)
    if step.acks is not None and taken >= step.acks:
        found.cancel += [one.id for one in mine if one.state in ladder.OPEN]
        return
    waiting = [one.id for one in mine if one.state == "waiting"]
    if step.order == "parallel":
        found.begin += waiting
        return
    asked = [one for one in mine if one.state == "asking" and not one.climbed]
    wanted = (len(mine) if step.acks is None else step.acks) - taken
    if step.acks is None:
        wanted = 1  # one after the other: the next when the one before has taken it
    found.begin += waiting[: max(0, wanted - len(asked))]
