"""Duty rosters (值班排班): who is on duty at a post at any moment, and where nobody is. Pure.

Every span is half-open: whoever comes on at 08:00 has the post at 08:00 sharp, whoever goes has not. A stand-in (替班) or a swap
(换班) goes before a single shift (排班), and that before a rotation (轮班); of two stand-ins the one entered later counts. Where
no row says who has the post there is a *gap*, and it is told as one: a timeline has no holes. Moments that are returned are in
UTC. Rows that were not given can't be seen: what is asked about a span needs all rows that touch it.
"""

from __future__ import annotations

import datetime as dt
import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from router.errors import Invalid

Kind = Literal["shift", "override", "swap"]
Source = Literal["rotation", "shift", "override", "swap"]
YEARS = range(2000, 2200)
"""A year outside has been mistyped."""
_TICK = dt.datetime.resolution
_SECOND = dt.timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Rotation:
    """People who relieve each other in turn, every day at the same local times: person n has shift n, counted from the first."""

    id: str
    contacts: tuple[str, ...]
    first_day: dt.date
    """Its first handover begins shift 0."""
    last_day: dt.date | None
    """The last day on which a shift begins; that shift lasts until the next handover. None: for ever."""
    handovers: tuple[dt.time, ...]
    """In order; one alone makes shifts of 24 hours."""
    zone: str

    def start(self, number: int) -> dt.datetime:
        """When a shift begins, which is when the one before it ends."""
        days, place = divmod(number, len(self.handovers))
        return _moment(self.first_day + dt.timedelta(days=days), self.handovers[place], ZoneInfo(self.zone))

    def reached(self, at: dt.datetime) -> int:
        """The shift that the clock's time belongs to, as if there were neither a first nor a last day.

        It has begun. Where the clock has been put back, later ones may have begun as well.
        """
        local = at.astimezone(ZoneInfo(self.zone))
        days = (local.date() - self.first_day).days
        return days * len(self.handovers) + bisect_right(self.handovers, local.time()) - 1

    def shifts(self) -> int | None:
        """How many there are; None: no end."""
        return None if self.last_day is None else ((self.last_day - self.first_day).days + 1) * len(self.handovers)


@dataclass(frozen=True, slots=True)
class Shift:
    """One person's shift, or what takes a shift's place."""

    id: str
    contact: str
    kind: Kind
    since: dt.datetime
    until: dt.datetime
    at: dt.datetime
    """When it was entered."""


@dataclass(frozen=True, slots=True)
class Roster:
    """All that says who is on duty at a post."""

    post: str
    rotations: tuple[Rotation, ...]
    shifts: tuple[Shift, ...]


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody has the post, from when until when, and by which row."""

    contact: str
    since: dt.datetime
    until: dt.datetime
    kind: Source
    source: str
    """Id of the rotation or shift."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of a timeline in which nothing changes; a gap has no contact, kind and source."""

    since: dt.datetime
    until: dt.datetime
    contact: str | None = None
    kind: Source | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    contact: str
    kind: Source
    source: str
    since: dt.datetime
    until: dt.datetime
    rank: tuple[int, dt.datetime, str]
    """Of all that hold a moment, the highest has it."""


def on_duty(roster: Roster, at: dt.datetime) -> Duty | None:
    """Who has the post at a moment; None: nobody. A rotation's duty ends at the handover, even if the same person goes on."""
    at = utc(at, "at")
    rows = list(_rows(roster, at, at + _TICK))
    top = max((row for row in rows if row.since <= at < row.until), key=lambda row: row.rank, default=None)
    if top is None:
        return None
    above = [row for row in rows if row.rank > top.rank]
    since = max([top.since, *(row.until for row in above if row.until <= at)])
    until = min([top.until, *(row.since for row in above if row.since > at)])
    return Duty(top.contact, since, until, top.kind, top.source)


def timeline(roster: Roster, since: dt.datetime, until: dt.datetime) -> list[Slice]:
    """Who has the post from a moment until another, in order and without holes: where nobody has it, there is a gap.

    Neighbours differ: a row that another hides cuts nothing, and a gap is one slice however long it is. Each shift of a rotation
    is a slice of its own. Raise :class:`router.errors.Invalid` if the span is empty or has no zone.
    """
    since, until = span(since, until)
    touching = [row for row in _rows(roster, since, until) if row.since < until and since < row.until]
    best = sorted(touching, key=lambda row: row.rank, reverse=True)
    coming = sorted(range(len(best)), key=lambda place: best[place].since, reverse=True)
    inner = {moment for row in best for moment in (row.since, row.until) if since < moment < until}
    begun: list[int] = []
    found: list[tuple[dt.datetime, _Row | None]] = []
    for moment in (since, *sorted(inner)):
        while coming and best[coming[-1]].since <= moment:
            heapq.heappush(begun, coming.pop())
        while begun and best[begun[0]].until <= moment:
            heapq.heappop(begun)
        top = best[begun[0]] if begun else None
        if not found or found[-1][1] is not top:
            found.append((moment, top))
    return [_slice(row, begin, end) for (begin, row), (end, _) in pairwise([*found, (until, None)])]


def gaps(roster: Roster, since: dt.datetime, until: dt.datetime, *, shortest: dt.timedelta = dt.timedelta(0)) -> list[Slice]:
    """Where nobody has the post, unless for less than ``shortest``.

    A gap that reaches over an end of the span counts with its whole length, but is told as far as it lies within.
    """
    since, until = span(since, until)
    return [
        replace(one, since=max(one.since, since), until=min(one.until, until))
        for one in timeline(roster, since - shortest, until + shortest)
        if one.contact is None and one.until - one.since >= shortest and one.since < until and since < one.until
    ]


def _slice(row: _Row | None, since: dt.datetime, until: dt.datetime) -> Slice:
    return Slice(since, until) if row is None else Slice(since, until, row.contact, row.kind, row.source)


def _rows(roster: Roster, since: dt.datetime, until: dt.datetime) -> Iterator[_Row]:
    """Everything entered by hand, and of the rotations what touches a span or lies just before it; in UTC.

    A rotation ends at the latest when the next one has its first handover.
    """
    for one in roster.shifts:
        rank = (1 if one.kind == "shift" else 2, one.at.astimezone(dt.UTC), one.id)
        yield _Row(one.contact, one.kind, one.id, one.since.astimezone(dt.UTC), one.until.astimezone(dt.UTC), rank)
    begins = sorted(((one.start(0), one.id, one) for one in roster.rotations), key=lambda begin: begin[:2])
    for place, (_, _, rotation) in enumerate(begins):
        relieved = begins[place + 1][0] if place + 1 < len(begins) else None
        yield from _turns(rotation, since, until, relieved)


def _turns(rotation: Rotation, since: dt.datetime, until: dt.datetime, relieved: dt.datetime | None) -> Iterator[_Row]:
    stop = until if relieved is None else min(until, relieved)
    number, shifts = max(0, rotation.reached(since)), rotation.shifts()
    begin = rotation.start(number)
    while begin < stop and (shifts is None or number < shifts):
        end = rotation.start(number + 1)
        last = end if relieved is None else min(end, relieved)
        contact = rotation.contacts[number % len(rotation.contacts)]
        yield _Row(contact, "rotation", rotation.id, begin, last, (0, begin, rotation.id))
        number, begin = number + 1, end


def span(since: dt.datetime, until: dt.datetime, field: str | None = None) -> tuple[dt.datetime, dt.datetime]:
    """Both moments in UTC; raise :class:`router.errors.Invalid` naming ``field`` unless the second comes after the first."""
    begin, end = utc(since, field or "since"), utc(until, field or "until")
    if end <= begin:
        raise Invalid("结束时间不晚于开始时间", "请核对起止时间", field=field or "until")
    return begin, end


def utc(at: dt.datetime, field: str) -> dt.datetime:
    """A moment in UTC; raise :class:`router.errors.Invalid` naming ``field`` if it has no zone or a mistyped year."""
    if at.utcoffset() is None:
        raise Invalid("时间没有时区", "写成 2026-12-01T08:00:00+08:00 这样的时间", field=field)
    plausible(at, field, "请核对日期")
    return at.astimezone(dt.UTC)


def plausible(day: dt.date, field: str, remedy: str) -> None:
    """Raise :class:`router.errors.Invalid` naming ``field`` if the year has been mistyped."""
    if day.year not in YEARS:
        raise Invalid(f"年份{day.year}不在{YEARS[0]}至{YEARS[-1]}之间", remedy, field=field)


def _moment(day: dt.date, time: dt.time, zone: ZoneInfo) -> dt.datetime:
    """The first moment at which a local clock shows this time of the day or a later one, in UTC.

    So a time that the clock shows twice counts the first time, one that it leaps over counts when it leaps, and a later time is
    never an earlier moment.
    """
    wall = dt.datetime.combine(day, time.replace(fold=0), zone)
    usual, other = wall.astimezone(dt.UTC), wall.replace(fold=1).astimezone(dt.UTC)
    if usual <= other:
        return usual
    shown = wall.replace(tzinfo=None)
    before = other.replace(microsecond=0)

    def leapt(seconds: int) -> bool:
        return (before + seconds * _SECOND).astimezone(zone).replace(tzinfo=None) >= shown

    return before + bisect_left(range((usual - before) // _SECOND + 1), True, key=leapt) * _SECOND
