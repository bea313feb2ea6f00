"""Rosters in few words, for tests: moments of 2026, people ``a`` to ``d``."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from router.linkage.duty import rosters
from router.linkage.duty.rosters import Roster, Rotation, Shift, Slice

CHINA, BERLIN, NEW_YORK = "Asia/Shanghai", "Europe/Berlin", "America/New_York"
EIGHT, TWENTY, NIGHT = dt.time(8), dt.time(20), dt.time(2, 30)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
NAMES = {"a": "赵一", "b": "钱二", "c": "孙三", "d": "李四"}


def at(text: str, zone: str = CHINA) -> dt.datetime:
    """``12-01 08:00`` of 2026."""
    return dt.datetime.fromisoformat(f"2026-{text}").replace(tzinfo=ZoneInfo(zone))


def turning(
    people: str, *times: dt.time, first: str = "2026-12-01", last: str | None = None, zone: str = CHINA, name: str = "turn"
) -> Rotation:
    return Rotation(name, tuple(people), dt.date.fromisoformat(first), dt.date.fromisoformat(last) if last else None, times, zone)


def entry(name: str, contact: str, since: str, until: str, kind: rosters.Kind = "shift", entered: str = "11-01 00:00") -> Shift:
    return Shift(name, contact, kind, at(since), at(until), at(entered))


def book(*rows: Rotation | Shift) -> Roster:
    return Roster(
        "gas",
        tuple(one for one in rows if isinstance(one, Rotation)),
        tuple(one for one in rows if isinstance(one, Shift)),
    )


def shown(found: list[Slice], zone: str = CHINA) -> list[str]:
    """``12-01 08:00 a``: who has the post from when; ``-``: nobody."""
    return [f"{one.since.astimezone(ZoneInfo(zone)):%m-%d %H:%M} {one.contact or '-'}" for one in found]
