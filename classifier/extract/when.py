"""What a time that citizens tell means, counted from now. Pure.

=====================  ====================================================================================
a clock time           ``2026-03-05T14:00:00+08:00``
a whole day            ``2026-03-05``
a part of a day        ``2026-03-05T18:00:00+08:00/2026-03-06T00:00:00+08:00``
a week, month, season  its first and last day: ``2026-03-01/2026-03-31``
from … to …            ``start/end``, each as above
a habit                ``R/T22:00:00/T00:00:00`` (hours of every day), else ``R/P1D``, ``R/P1W``, ``R/P1M``, ``R/P1Y``
vague (最近, 晚上)      empty
=====================  ====================================================================================

The offset of ``now`` is kept, and a naive one gives naive times. Without it, what depends on it is empty and an hour without a
day is ``T14:00:00``. What lacks a year or month is the nearest one, and rather in the past: people report what has happened.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

_Day = TypeVar("_Day", dt.date, dt.datetime)

_DIGITS = dict(zip("零〇元一二两三四五六七八九", (0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
_DAYS = {"大前": -3, "前": -2, "昨": -1, "今": 0, "明": 1, "后": 2, "大后": 3}
_YEARS = {"大前": -3, "前": -2, "去": -1, "今": 0, "本": 0, "当": 0, "明": 1, "后": 2}
_SHIFTS = {"上上": -2, "上": -1, "这": 0, "本": 0, "当": 0, "下": 1, "下下": 2}
_PARTS = (
    ("凌晨", 0, 6), ("后半夜", 0, 6), ("下半夜", 0, 6), ("清", 5, 8), ("晨", 5, 8), ("早", 6, 9), ("上午", 8, 12),
    ("中午", 11, 13), ("午间", 11, 13), ("下午", 12, 18), ("午后", 12, 18), ("傍晚", 17, 19), ("黄昏", 17, 19), ("晚", 18, 24),
    ("夜", 18, 24), ("白", 8, 18),
)  # fmt: skip
_SEASONS = {
    "上半年": (1, 6), "下半年": (7, 12), "年底": (12, 12), "年末": (12, 12), "底": (12, 12), "末": (12, 12), "年初": (1, 1),
    "初": (1, 1), "年中": (6, 7), "春天": (3, 5), "春季": (3, 5), "夏天": (6, 8), "夏季": (6, 8), "秋天": (9, 11),
    "秋季": (9, 11), "暑假": (7, 8), "暑期": (7, 8),
}  # fmt: skip
_FIXED = {"元旦": (1, 1), "五一": (5, 1), "国庆": (10, 1)}
_TENS = {"初": (1, 10), "上旬": (1, 10), "中": (11, 20), "中旬": (11, 20), "下旬": (21, 31), "底": (21, 31), "末": (21, 31)}
_FAR_AHEAD, _SOON = 60, 3
"""Days ahead of now that a date without year, and a day without month, may lie."""
_NOWHERE = dt.date(2000, 1, 1)


def number(words: str) -> int:
    """A number below ten thousand in digits or Chinese; what is no number is 0."""
    if words.isascii():
        return int(words) if words.isdigit() else 0
    if not any(unit in words for unit in "十百千"):
        return int("".join(str(_DIGITS.get(character, 0)) for character in words) or 0)
    total, last = 0, -1
    for character in words:
        unit = {"十": 10, "百": 100, "千": 1000}.get(character)
        if unit:
            total += (last if last > 0 else 1) * unit
            last = -1
        else:
            last = _DIGITS.get(character, 0)
    return total + max(last, 0)


@dataclass(frozen=True, slots=True)
class When:
    """One time: days from first to last, a moment of a day, or nothing that can be said."""

    shape: Literal["moment", "days", "clock", ""]
    start: dt.datetime | dt.date | None = None
    end: dt.datetime | dt.date | None = None
    part: str = ""
    every: str = ""
    hours: bool = False
    weekday: bool = False
    """A day of no certain week: 周一."""


def told(first: When, until: When | None = None) -> str:
    """A time, or one and its end, in words of ISO 8601."""
    last = until or first
    if until and first.every == "" and first.weekday and until.weekday:
        return "R/P1W"
    end = last.end or (last.start if until else None)
    if first.every:
        start = _hour(first.start) if first.hours else ""
        return f"R/{start}/{_hour(end)}" if start and end else f"R/{start or first.every}"
    if first.start is None or (until and end is None):
        return ""
    write = _hour if first.shape == "clock" else _iso
    return write(first.start) if end is None or end == first.start else f"{write(first.start)}/{write(end)}"


def _iso(at: dt.datetime | dt.date | None) -> str:
    return "" if at is None else at.isoformat()


def _hour(at: dt.datetime | dt.date | None) -> str:
    return f"T{at:%H:%M:%S}" if isinstance(at, dt.datetime) else ""


class Calendar:
    """Counts times from now, and from the day that the text told last."""

    def __init__(self, now: dt.datetime | None) -> None:
        self._now = now
        self._last: dt.date | None = None
        self._year: int | None = None

    def moment(self, seconds: int) -> str:
        """The moment that many seconds ago."""
        return "" if self._now is None else _iso(_back(self._now.replace(microsecond=0), dt.timedelta(seconds=seconds)))

    def ago(self, found: re.Match[str]) -> str:
        """十分钟前, 三天前, 两个月以前: a moment, a day, a month, a year."""
        count = (
            0.5
            if found["count"] == "半"
            else float(number(found["count"]))
            if found["count"] not in ("几", "好几", "数")
            else 0.0
        )
        if self._now is None or not count:
            return ""
        count += 0.5 if found["half"] or found["more"] == "半" else 0
        unit = found["unit"].removesuffix("钟")
        seconds = {"秒": 1, "分": 60, "刻": 900, "小时": 3600, "": 3600, "钟头": 3600}.get(unit)
        if seconds:
            return self.moment(int(count * seconds))
        days = {"天": 1, "日": 1, "周": 7, "星期": 7, "礼拜": 7}.get(unit)
        today = self._now.date()
        if days:
            return self.moment(int(count * 86_400)) if count == 0.5 else _iso(_back(today, dt.timedelta(days=int(count * days))))
        months = count * 12 if unit == "年" else count
        if months < 1:
            return _iso(_back(today, dt.timedelta(days=15)))
        if unit == "年" and count == int(count):
            return told(_months((today.year - int(count), 1), (today.year - int(count), 12)))
        return told(_months(_month(today.year, today.month - int(months))))

    def read(self, found: re.Match[str], since: When | None = None) -> When:
        """A time by the groups of :mod:`classifier.extract.moments`; ``since`` is the one that it ends."""
        every = _habit(found)
        days = When("") if every else self._days(found, since)
        part = found["part"] or ("晚上" if re.search("[晚夜]", found["every"] or "") else "")
        if not found["clock"]:
            return self._without_clock(days, part, every)
        day = days.start
        if day is None and since and isinstance(since.start, dt.datetime):
            day = since.start.date()
        unknown = day is None and (self._now is None or _named_day(found)) and self._last is None
        if unknown and _named_day(found):
            return When("")
        given = day if day is not None else self._last or (self._now.date() if self._now else _NOWHERE)
        part = part or (since.part if since else "")
        start = self._at(
            given, number(found["hour0"] or found["hour"]), 0 if found["hour0"] else _minute(found), part, given == day
        )
        end = self._at(given, number(found["hour"]), _minute(found), part, given == day) if found["hour0"] else None
        if since and isinstance(since.start, dt.datetime) and start <= since.start:
            start = _later(start, since.start, not found["part"])
        if end and end <= start:
            end = _later(end, start, not found["part"])
        return When("clock" if unknown or (since and since.shape == "clock") else "moment", start, end, part, every, hours=True)

    def _without_clock(self, days: When, part: str, every: str) -> When:
        if every:
            return When("days", part=part, every=every)
        if part and isinstance(days.start, dt.date) and days.end is None:
            low, high = next(((low, high) for word, low, high in _PARTS if word in part), (0, 24))
            return When("moment", self._clock(days.start, low, 0), self._clock(days.start, high, 0), part)
        return replace(days, part=part)

    def _at(self, day: dt.date, hour: int, minute: int, part: str, told_day: bool) -> dt.datetime:
        """A clock time of a day as it is spoken: 晚上八点 is 20:00, 昨晚两点 is today's 2:00."""
        night = ("晚" in part or "夜" in part) and part not in ("后半夜", "下半夜", "傍晚")
        if hour < 12 and (
            part in ("下午", "午后", "傍晚", "黄昏") or (part in ("中午", "午间") and hour < 4) or (night and hour >= 5)
        ):
            hour += 12
        elif hour == 12 and (night or part == "凌晨"):
            hour = 24 if night else 0
        elif night and hour < 5:
            today = self._now.date() if self._now else None
            hour += 24 if day != today or (self._now and hour > self._now.hour) or (not told_day and "半夜" not in part) else 0
        return self._clock(day, hour, minute)

    def _clock(self, day: dt.date, hour: int, minute: int) -> dt.datetime:
        zone = self._now.tzinfo if self._now else None
        moved = _back(day, dt.timedelta(days=-(hour // 24))) if hour >= 24 else day
        return dt.datetime(moved.year, moved.month, moved.day, hour % 24, minute, tzinfo=zone)

    def _days(self, found: re.Match[str], since: When | None) -> When:
        days = self._dated(found, since)
        if isinstance(days.start, dt.date):
            self._last = days.start
            self._year = days.start.year if found["year"] or found["ryear"] or found["iso"] else self._year
        return days

    def _dated(self, found: re.Match[str], since: When | None) -> When:
        today = self._now.date() if self._now else None
        if found["iso"]:
            year, month, day = (int(digits) for digits in re.findall(r"\d+", found["iso"]))
            return _day(year, month, day)
        if found["year"] or found["ryear"] or found["month"] or found["rmonth"] or found["day"]:
            return self._by_month(found, since)
        if found["rday"]:
            return self._by_word(found["rday"])
        if found["wday"] or found["rweek"]:
            found_days = _week(today, found["week"] or found["rweek"] or "", found["wday"]) if today else When("")
            return replace(found_days, weekday=bool(found["wday"] and not found["week"]))
        if found["tail"] and today:
            low, high = _SEASONS.get(found["tail"], (0, 0))
            return _months((today.year, low), (today.year, high)) if low else When("")
        return When("")

    def _by_word(self, word: str) -> When:
        shift = _DAYS.get(word.rstrip("天日儿"))
        base = self._last if shift is None else self._now.date() if self._now else None
        if base is None:
            return When("")
        if shift is None:
            shift = 0 if word.startswith("当") else 1
        return When("days", _back(base, dt.timedelta(days=-shift)))

    def _by_month(self, found: re.Match[str], since: When | None) -> When:
        today = self._now.date() if self._now else None
        year = _year(found, today)
        month, day, tail = number(found["month"] or ""), number(found["day"] or ""), found["tail"] or ""
        if found["rmonth"] and today:
            year, month = _month(today.year, today.month + _SHIFTS.get(found["rmonth"].rstrip("月").rstrip("个一"), 0))
        if found["day"] and not month:
            base = since.start if since and since.start else self._last
            return _nearest_day(day, base, today) if year is None else When("")
        if not month:
            return _season(year, tail) if year else When("")
        if year is None:
            start = since.start if since else None
            year = start.year if start else self._year or (_nearest_year(today, month, day or 1) if today else None)
        if year is None or not 1 <= month <= 12:
            return When("")
        if not day:
            low, high = _TENS.get(tail, (1, 31))
            return _some_days(year, month, low, high)
        return _some_days(year, month, number(found["day0"]), day) if found["day0"] else _day(year, month, day)


def _named_day(found: re.Match[str]) -> bool:
    return any(found[name] for name in ("year", "ryear", "month", "rmonth", "day", "iso", "wday", "rweek", "rday"))


def _habit(found: re.Match[str]) -> str:
    word = found["every"] or ""
    if not word:
        return ""
    if "周" in word or "星期" in word or "礼拜" in word or found["wday"]:
        return "P1W"
    return "P1M" if "月" in word else "P1Y" if "年" in word else "P1D"


def _minute(found: re.Match[str]) -> int:
    quarter = found["quarter"]
    if quarter:
        return {"半": 30, "一刻": 15}.get(quarter, 45)
    minute = number(found["minute"] or found["minute2"] or "")
    return minute if minute < 60 else 0


def _later(end: dt.datetime, start: dt.datetime, half: bool) -> dt.datetime:
    """The same hour after the start: half a day later where the part of the day was not told, else the next day."""
    for step in (12, 24) if half else (24,):
        moved = _back(end, dt.timedelta(hours=-step))
        if moved > start:
            return moved
    return end


def _back(at: _Day, by: dt.timedelta) -> _Day:
    try:
        return at - by
    except OverflowError:
        return at


def _month(year: int, month: int) -> tuple[int, int]:
    return year + (month - 1) // 12, (month - 1) % 12 + 1


def _months(first: tuple[int, int], last: tuple[int, int] | None = None) -> When:
    start = _some_days(*first, 1, 1).start
    end = _some_days(*(last or first), 31, 31).end
    return When("days", start, end) if start and end else When("")


def _day(year: int, month: int, day: int) -> When:
    try:
        return When("days", dt.date(year, month, day))
    except ValueError:
        return When("")


def _some_days(year: int, month: int, low: int, high: int) -> When:
    if not (1 <= year <= 9999 and 1 <= month <= 12 and 1 <= low <= high):
        return When("")
    last = calendar.monthrange(year, month)[1]
    return When("days", dt.date(year, month, min(low, last)), dt.date(year, month, min(high, last)))


def _season(year: int, tail: str) -> When:
    if tail.rstrip("节") in _FIXED:
        return _day(year, *_FIXED[tail.rstrip("节")])
    if tail in ("冬天", "冬季"):
        return _months((year, 12), (year + 1, 2))
    if tail and tail not in _SEASONS:
        return When("")
    low, high = _SEASONS[tail] if tail else (1, 12)
    return _months((year, low), (year, high))


def _year(found: re.Match[str], today: dt.date | None) -> int | None:
    if found["year"]:
        year = number(found["year"]) if len(found["year"]) <= 4 else 0
        return year if year >= 100 else year + (1900 if year >= 50 else 2000)
    if found["ryear"] and today:
        return today.year + _YEARS.get(found["ryear"].rstrip("度").rstrip("年"), 0)
    return None


def _nearest_year(today: dt.date, month: int, day: int) -> int:
    for year in (today.year + 1, today.year):
        at = _day(year, month, min(day, 28)).start
        if isinstance(at, dt.date) and (at - today).days <= _FAR_AHEAD:
            return year
    return today.year - 1


def _nearest_day(day: int, base: dt.datetime | dt.date | None, today: dt.date | None) -> When:
    if base is not None:
        return _day(base.year, base.month, day)
    if today is None:
        return When("")
    this = _day(today.year, today.month, day)
    if this.start and isinstance(this.start, dt.date) and (this.start - today).days <= _SOON:
        return this
    return _day(*_month(today.year, today.month - 1), day)


def _week(today: dt.date, which: str, wday: str | None) -> When:
    monday = _back(today, dt.timedelta(days=today.weekday()))
    monday = _back(monday, dt.timedelta(weeks=-_SHIFTS.get(which, 0)))
    if not wday:
        return When("days", monday, _back(monday, dt.timedelta(days=-6)))
    if wday == "末":
        return When("days", _back(monday, dt.timedelta(days=-5)), _back(monday, dt.timedelta(days=-6))) if which else When("")
    day = _back(monday, dt.timedelta(days=-("一二三四五六日天".index(wday) - (wday == "天"))))
    return When("days", day if which or day <= today else _back(day, dt.timedelta(days=7)))
