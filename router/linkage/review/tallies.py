"""How many there were when: moments of several kinds counted on one scale of time. Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from router.reports.formats import local

Step = Literal["hour", "day", "month"]
HOURS, DAYS = 72, 92
"""So many hours are counted one by one, then so many days."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many there were in each hour, or in each day or month where hours would be too many; without gaps, in local time."""

    step: Step
    starts: tuple[dt.datetime, ...]
    counts: Mapping[str, tuple[int, ...]]

    def total(self, name: str) -> int:
        return sum(self.counts[name])


def tally(moments: Mapping[str, Sequence[dt.datetime]]) -> Tally:
    """Count moments of several kinds on one scale of time."""
    everything = [local(at) for each in moments.values() for at in each]
    if not everything:
        return Tally("hour", (), dict.fromkeys(moments, ()))
    first, last = min(everything), max(everything)
    length = last - first
    step: Step = "hour" if length <= dt.timedelta(hours=HOURS) else "day" if length <= dt.timedelta(days=DAYS) else "month"
    starts = [_floor(first, step)]
    while (following := _next(starts[-1], step)) <= last:
        starts.append(following)
    counts = {}
    for name, each in moments.items():
        many = Counter(_floor(local(at), step) for at in each)
        counts[name] = tuple(many[start] for start in starts)
    return Tally(step, tuple(starts), counts)


def _floor(at: dt.datetime, step: Step) -> dt.datetime:
    hour = at.replace(minute=0, second=0, microsecond=0)
    return hour if step == "hour" else hour.replace(hour=0) if step == "day" else hour.replace(hour=0, day=1)


def _next(start: dt.datetime, step: Step) -> dt.datetime:
    return {
        "hour": start + dt.timedelta(hours=1),
        "day": start + dt.timedelta(days=1),
        "month": _floor(start + dt.timedelta(days=31), "month"),
    }[step]
