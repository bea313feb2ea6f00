"""Working time in China: statutory working days, office hours, and when a limit is over. Pure.

A *working day* is what the statutory calendar says (holidays and the weekends worked in lieu of them, 调休); the package
``chinese_calendar`` knows it up to the last year that the State Council has announced. Beyond it weekdays count, and what was
reckoned with such a day is *provisional*. A day that somebody has set by hand overrides both and is never provisional.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import chinese_calendar

from router.catalog.model import Limit

ZONE = ZoneInfo("Asia/Shanghai")
Hours = Sequence[tuple[dt.time, dt.time]]
OFFICE: Hours = ((dt.time(9), dt.time(12)), (dt.time(13, 30), dt.time(17, 30)))
"""Office hours of a working day: seven hours."""
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Due:
    """When a limit is over, in UTC."""

    at: dt.datetime
    provisional: bool
    """Reckoned with a day that the statutory calendar does not know yet."""


@functools.lru_cache(maxsize=8192)
def statutory(day: dt.date) -> bool | None:
    """Whether the statutory calendar makes it a working day; None: that year has not been announced."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return None


@functools.lru_cache(maxsize=1)
def last_known_year() -> int:
    """The last year whose statutory calendar is known."""
    year = 2020
    while statutory(dt.date(year + 1, 1, 1)) is not None:
        year += 1
    return year


class WorkingCalendar:
    """The calendar of one city: ``overrides`` says of single days whether they are worked."""

    def __init__(self, overrides: Mapping[dt.date, bool] | None = None, hours: Hours = OFFICE) -> None:
        ends = [moment for span in hours for moment in span]
        if not ends or ends != sorted(set(ends)):
            raise ValueError("office hours are spans in order that don't touch")
        self._overrides = dict(overrides or {})
        self._hours = tuple(hours)

    def working(self, day: dt.date) -> bool:
        """Whether a day is worked."""
        if day in self._overrides:
            return self._overrides[day]
        known = statutory(day)
        return day.weekday() < 5 if known is None else known

    def certain(self, day: dt.date) -> bool:
        """Whether it is known (not only supposed) if a day is worked."""
        return day in self._overrides or statutory(day) is not None

    def due(self, start: dt.datetime, limit: Limit) -> Due:
        """When a limit that begins at ``start`` is over.

        ``minutes`` are clock time. ``working-hours`` pass in office hours only. ``working-days`` end when the office closes
        on the Nth working day after the day of the start. A start outside office hours counts from when the office opens next.
        """
        if limit.unit == "minutes":
            return Due(start.astimezone(dt.UTC) + dt.timedelta(minutes=limit.amount), False)
        if limit.unit == "working-hours":
            return self._walk(start, dt.timedelta(hours=limit.amount))
        day, certain = self._opening_day(start.astimezone(ZONE))
        for _ in range(limit.amount):
            day += _DAY
            certain &= self.certain(day)
            while not self.working(day):
                day += _DAY
                certain &= self.certain(day)
        return Due(_utc(day, self._hours[-1][1]), not certain)

    def left(self, now: dt.datetime, due: dt.datetime, limit: Limit) -> float:
        """Seconds that are left at ``now`` (of office hours, unless the limit is in minutes); negative once it is over."""
        if limit.unit == "minutes":
            return (due - now).total_seconds()
        return self.working_seconds_between(now, due)

    def after(self, now: dt.datetime, left: float, limit: Limit) -> Due:
        """When the ``left`` seconds are over that :meth:`left` told, if they go on from ``now``."""
        if limit.unit == "minutes":
            return Due(now.astimezone(dt.UTC) + dt.timedelta(seconds=left), False)
        return self._walk(now, dt.timedelta(seconds=left))

    def working_seconds_between(self, start: dt.datetime, end: dt.datetime) -> float:
        """Seconds of office hours from ``start`` to ``end``; negative if ``end`` is earlier."""
        if end < start:
            return -self.working_seconds_between(end, start)
        seconds = 0.0
        for begin, finish in self._spans(start):
            if begin >= end:
                break
            seconds += (min(finish, end) - max(begin, start)).total_seconds()
        return seconds

    def _opening_day(self, local: dt.datetime) -> tuple[dt.date, bool]:
        """The first working day with office hours left at a local moment, and whether that is certain."""
        day = local.date()
        certain = self.certain(day)
        if self.working(day) and local.time() < self._hours[-1][1]:
            return day, certain
        day += _DAY
        certain &= self.certain(day)
        while not self.working(day):
            day += _DAY
            certain &= self.certain(day)
        return day, certain

    def _spans(self, start: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime]]:
        """Office hours that end after ``start``, in UTC, without end."""
        day = start.astimezone(ZONE).date()
        while True:
            if self.working(day):
                for opens, closes in self._hours:
                    begin, finish = _utc(day, opens), _utc(day, closes)
                    if finish > start:
                        yield begin, finish
            day += _DAY

    def _spans_before(self, end: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime]]:
        """Office hours that begin before ``end``, the latest first."""
        day = end.astimezone(ZONE).date()
        while True:
            if self.working(day):
                for opens, closes in reversed(self._hours):
                    begin, finish = _utc(day, opens), _utc(day, closes)
                    if begin < end:
                        yield begin, finish
            day -= _DAY

    def _walk(self, start: dt.datetime, time: dt.timedelta) -> Due:
        """Where one gets to in office hours only; back, if the time is negative."""
        start = start.astimezone(dt.UTC)
        if time <= dt.timedelta():
            return self._walk_back(start, -time)
        at = start
        for begin, finish in self._spans(start):
            at = max(begin, start)
            if time <= finish - at:
                at += time
                break
            time -= finish - at
        return Due(at, not self._all_certain(start, at))

    def _walk_back(self, start: dt.datetime, time: dt.timedelta) -> Due:
        at = start
        if time:
            for begin, finish in self._spans_before(start):
                at = min(finish, start)
                if time <= at - begin:
                    at -= time
                    break
                time -= at - begin
        return Due(at, not self._all_certain(at, start))

    def _all_certain(self, start: dt.datetime, end: dt.datetime) -> bool:
        day, last = start.astimezone(ZONE).date(), end.astimezone(ZONE).date()
        while day <= last:
            if not self.certain(day):
                return False
            day += _DAY
        return True


def _utc(day: dt.date, time: dt.time) -> dt.datetime:
    return dt.datetime.combine(day, time, ZONE).astimezone(dt.UTC)
