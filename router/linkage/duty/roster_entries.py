"""What people enter into duty rosters (值班排班): rotations, shifts, stand-ins and swaps are looked through first. Pure.

Errors name the ``field``, and whoever is in the way by name and time: ``names`` are those of contacts, ``zone`` is the post's.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from router.errors import Conflict, Invalid
from router.linkage.duty import rosters
from router.linkage.duty.rosters import Roster, Rotation, Shift

Turn = tuple[str, dt.datetime, dt.datetime]
"""A contact's duty from a moment until another."""
LONGEST = dt.timedelta(days=31)
"""Of one entry."""
MOST_HANDOVERS = 24
ZONE = "Asia/Shanghai"


def check_rotation(rotation: Rotation, others: Iterable[Rotation] = (), *, names: Mapping[str, str] | None = None) -> None:
    """Look a rotation (轮班) through, and whether it shares days with ``others`` of its post; itself among them is passed over.

    Raise :class:`router.errors.Invalid` for what makes no sense, :class:`router.errors.Conflict` for days shared.
    """
    if not rotation.contacts or not all(one.strip() for one in rotation.contacts):
        raise Invalid("轮班人员为空", "至少选择一名值班人员", field="contacts")
    _check_handovers(rotation.handovers)
    try:
        ZoneInfo(rotation.zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"没有时区“{rotation.zone[:40]}”", f"写成 {ZONE} 这样的名称", field="zone") from None
    rosters.plausible(rotation.first_day, "first_day", "请核对日期")
    if rotation.last_day is not None:
        rosters.plausible(rotation.last_day, "last_day", "请核对日期;长期轮班请不填最后一天")
        if rotation.last_day < rotation.first_day:
            raise Invalid("最后一天早于第一天", "请核对起止日期", field="last_day")
    for other in others:
        if other.id != rotation.id and _share_days(rotation, other):
            who = "、".join(_name(one, names) for one in dict.fromkeys(other.contacts))
            days = f"{other.first_day}至{other.last_day}" if other.last_day else f"{other.first_day}起长期有效"
            raise Conflict(
                f"与已有轮班的日期重叠:{who},{days}",
                "请先给已有轮班填上最后一天,或者另选日期",
                field="first_day",
                rotation=other.id,
            )


def _check_handovers(times: tuple[dt.time, ...]) -> None:
    if not times or any(one.tzinfo is not None for one in times):
        raise Invalid("没有交接班时刻,或者时刻带有时区", "写成 08:00、20:00 这样的当地时刻", field="handovers")
    if list(times) != sorted(set(times)):
        raise Invalid("交接班时刻重复,或者没有按先后排列", "从早到晚写,每个时刻只写一次", field="handovers")
    if len(times) > MOST_HANDOVERS:
        raise Invalid(f"一天交接班超过{MOST_HANDOVERS}次", "减少交接班时刻", field="handovers")


def _share_days(one: Rotation, other: Rotation) -> bool:
    begins_before = other.last_day is None or one.first_day <= other.last_day
    return begins_before and (one.last_day is None or other.first_day <= one.last_day)


def check_shift(shift: Shift, others: Iterable[Shift] = (), *, names: Mapping[str, str] | None = None, zone: str = ZONE) -> None:
    """Look a shift (班次) through; a plain one must not overlap a plain one among ``others`` of its post.

    Raise :class:`router.errors.Invalid` for what makes no sense, :class:`router.errors.Conflict` for an overlap.
    """
    if not shift.contact.strip():
        raise Invalid("没有值班人员", "请选择值班人员", field="contact")
    since, until = _entered(shift.since, shift.until)
    if shift.kind != "shift":
        return
    for other in others:
        if other.kind == "shift" and other.id != shift.id and since < other.until and other.since < until:
            raise Conflict(
                f"与{_name(other.contact, names)}的班次重叠:{_when(other.since, other.until, zone)}",
                "请另选时间;临时由别人顶班请登记替班",
                field="since",
                shift=other.id,
            )


def swap(
    roster: Roster,
    first: Turn,
    second: Turn,
    *,
    ids: tuple[str, str],
    at: dt.datetime,
    names: Mapping[str, str] | None = None,
    zone: str = ZONE,
) -> tuple[Shift, Shift]:
    """Two people take each other's duty (换班): the two entries of it, of ``first``'s time and of ``second``'s.

    With both struck off all is as before. Raise :class:`router.errors.Invalid` for a time that makes no sense or a swap with
    oneself, :class:`router.errors.Conflict` if somebody has not all of the duty that they give, or would be on duty twice at
    once; ``field`` is ``first`` or ``second``.
    """
    stretch = _entered(first[1], first[2], "first")
    other = _entered(second[1], second[2], "second")
    entered = rosters.utc(at, "at")
    if first[0] == second[0]:
        raise Invalid("不能与自己换班", "请选择另一个人的班次", field="second")
    if stretch[0] < other[1] and other[0] < stretch[1]:
        raise Conflict("两个班次的时间重叠,换班后有人会同时值两个班", "请选择不重叠的两个班次", field="second")
    _has(roster, first, "first", names, zone)
    _has(roster, second, "second", names, zone)
    return Shift(ids[0], second[0], "swap", *stretch, entered), Shift(ids[1], first[0], "swap", *other, entered)


def _has(roster: Roster, turn: Turn, field: str, names: Mapping[str, str] | None, zone: str) -> None:
    contact, since, until = turn
    for one in rosters.timeline(roster, since, until):
        if one.contact != contact:
            instead = "无人值班" if one.contact is None else f"由{_name(one.contact, names)}值班"
            raise Conflict(
                f"{_name(contact, names)}没有这个班次:{_when(one.since, one.until, zone)}{instead}",
                "请按现在的排班重新选择班次",
                field=field,
                contact=one.contact,
            )


def _entered(since: dt.datetime, until: dt.datetime, field: str | None = None) -> tuple[dt.datetime, dt.datetime]:
    begin, end = rosters.span(since, until, field)
    if end - begin > LONGEST:
        raise Invalid(f"一个班次超过{LONGEST.days}天", "请分成几个班次,或者使用轮班", field=field or "until")
    return begin, end


def _name(contact: str, names: Mapping[str, str] | None) -> str:
    return (names or {}).get(contact, contact[:40])


def _when(since: dt.datetime, until: dt.datetime, zone: str) -> str:
    begin, end = since.astimezone(ZoneInfo(zone)), until.astimezone(ZoneInfo(zone))
    return f"{begin:%Y-%m-%d %H:%M}至{end:%Y-%m-%d %H:%M}"
