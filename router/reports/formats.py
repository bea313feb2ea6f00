"""Moments, durations, shares and numbers as a Chinese report writes them. Pure.

A value that is not known is written as ``—``.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal
from zoneinfo import ZoneInfo

HERE = ZoneInfo("Asia/Shanghai")
UNKNOWN = "—"
Measure = Literal["count", "share", "seconds"]
"""What a number of a chart is: how many, a part of one, or how long."""

_DIGITS = "零一二三四五六七八九"
_PARTS = ((86400, "天"), (3600, "小时"), (60, "分"), (1, "秒"))


def local(at: dt.datetime, zone: dt.tzinfo = HERE) -> dt.datetime:
    """A moment in a zone. Raises ValueError for one that doesn't say which zone it is told in."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone")
    return at.astimezone(zone)


def moment(at: dt.datetime | None, zone: dt.tzinfo = HERE, *, seconds: bool = True) -> str:
    """``2026年12月1日 08:05:30``."""
    return UNKNOWN if at is None else f"{date(local(at, zone).date())} {clock(at, zone, seconds=seconds)}"


def clock(at: dt.datetime | None, zone: dt.tzinfo = HERE, *, seconds: bool = True) -> str:
    """``08:05:30``, or ``08:05``."""
    return UNKNOWN if at is None else local(at, zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def date(day: dt.date | None) -> str:
    """``2026年12月1日``; a moment belongs to different days in different zones, and is refused with a ValueError."""
    if isinstance(day, dt.datetime):
        raise ValueError("a moment is no day: say first in which zone")
    return UNKNOWN if day is None else f"{day.year}年{day.month}月{day.day}日"


def month(day: dt.date) -> str:
    """``2026年12月``."""
    return f"{day.year}年{day.month}月"


def quarter(day: dt.date) -> str:
    """``2026年第四季度``."""
    return f"{day.year}年第{_DIGITS[(day.month + 2) // 3]}季度"


def days(first: dt.date, last: dt.date) -> str:
    """``2026年10月1日至12月31日``: both days belong to it; the year is said again only if it is another."""
    if first == last:
        return date(first)
    return f"{date(first)}至{date(last) if first.year != last.year else date(last).partition('年')[2]}"


def duration(length: dt.timedelta | float | None, *, exact: bool = False) -> str:
    """``3分20秒``, ``2小时5分``, ``1天2小时``; a float is in seconds.

    The two largest units are told and what is smaller is left out, so a duration never reads longer than it was; ``exact``
    tells all units down to the second. One that is negative (clocks of two systems differ) has a minus sign.
    """
    seconds = length.total_seconds() if isinstance(length, dt.timedelta) else length
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if 0 < abs(seconds) < 1:
        return "不足1秒"
    left, parts = int(abs(seconds)), []
    for size, name in _PARTS:
        amount, left = divmod(left, size)
        parts.append((amount, name))
    while len(parts) > 1 and not parts[0][0]:
        del parts[0]
    if not exact:
        del parts[2:]
    while len(parts) > 1 and not parts[-1][0]:
        del parts[-1]
    said = "".join(f"{amount}{name}" for amount, name in parts)
    return f"-{said}" if seconds < 0 else said


def share(part: float, whole: float, digits: int = 1) -> str:
    """``95.3%``: a part of a whole; of nothing there is none."""
    return percent(part / whole if whole else None, digits)


def percent(value: float | None, digits: int = 1) -> str:
    """A part of one as ``95.3%``. Only all of it reads as 100% and only nothing as 0%: what is close is ``>99.9%``, ``<0.1%``."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    step = Decimal(1).scaleb(-digits)
    said = (Decimal(repr(value)) * 100).quantize(step, ROUND_HALF_UP)
    if said == 0 and value:
        return f"<{step}%" if value > 0 else f"-{step}%"
    if value < 1 and said >= 100:
        return f">{100 - step}%"
    return f"{said}%"


def number(value: float | None, digits: int | None = None) -> str:
    """``12,345``, ``3.5``; ``digits`` after the point, or as many as there are, up to two."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if digits is not None:
        return f"{value:,.{digits}f}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def measured(value: float | None, measure: Measure, unit: str = "") -> str:
    """A chart's number in words; the unit (``件``) follows a count."""
    if measure == "share":
        return percent(value)
    if measure == "seconds":
        return duration(value)
    return UNKNOWN if value is None else f"{number(value)}{unit}"


def ordinal(number: int) -> str:
    """The number of a heading, ``一`` to ``九十九``; what is beyond stays in figures."""
    if not 0 < number < 100:
        return str(number)
    tens, ones = divmod(number, 10)
    return ("" if tens < 2 else _DIGITS[tens]) + ("十" if tens else "") + (_DIGITS[ones] if ones else "")
