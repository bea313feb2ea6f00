"""What people enter into rosters: swaps and their undoing, and what is refused, with the field and the words for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from router.errors import CaseworkError, Conflict, Invalid
from router.linkage.duty import roster_entries, rosters
from router.linkage.duty.rosters import Roster, Shift
from tests.linkage.duty import DAY, EIGHT, HOUR, NAMES, TWENTY, at, book, entry, shown, turning


def swapped(roster: Roster, first: roster_entries.Turn, second: roster_entries.Turn) -> tuple[Shift, Shift]:
    return roster_entries.swap(roster, first, second, ids=("w1", "w2"), at=at("11-20 00:00"), names=NAMES)


MINE = ("a", at("12-01 08:00"), at("12-02 08:00"))
YOURS = ("b", at("12-02 08:00"), at("12-03 08:00"))


def test_two_people_swap_and_undo_it() -> None:
    before = book(turning("abc", EIGHT), entry("o", "a", "12-01 20:00", "12-01 22:00", "override"))
    after = replace(before, shifts=before.shifts + swapped(before, MINE, YOURS))
    span = at("12-01 08:00"), at("12-04 08:00")
    assert shown(rosters.timeline(after, *span)) == ["12-01 08:00 b", "12-02 08:00 a", "12-03 08:00 c"]
    assert {one.kind for one in after.shifts if one.id in ("w1", "w2")} == {"swap"}
    undone = replace(after, shifts=tuple(one for one in after.shifts if one.id not in ("w1", "w2")))
    assert rosters.timeline(undone, *span) == rosters.timeline(before, *span)
    back = roster_entries.swap(after, ("b", *MINE[1:]), ("a", *YOURS[1:]), ids=("w3", "w4"), at=at("11-21 00:00"))
    twice = replace(after, shifts=after.shifts + back)
    assert shown(rosters.timeline(twice, *span)) == ["12-01 08:00 a", "12-02 08:00 b", "12-03 08:00 c"]


@pytest.mark.parametrize(
    ("first", "second", "kind", "field", "words"),
    [
        (("b", *MINE[1:]), YOURS, Invalid, "second", "自己"),
        (("c", *MINE[1:]), YOURS, Conflict, "first", "孙三没有这个班次:2026-12-01 08:00至2026-12-02 08:00由赵一值班"),
        (MINE, ("b", YOURS[1], YOURS[2] + HOUR), Conflict, "second", "2026-12-03 08:00至2026-12-03 09:00由孙三值班"),
        (MINE, ("b", at("11-30 07:00"), at("11-30 08:00")), Conflict, "second", "无人值班"),
        (MINE, ("b", at("12-02 07:59"), YOURS[2]), Conflict, "second", "重叠"),
        (MINE, ("b", YOURS[2], YOURS[1]), Invalid, "second", "不晚于"),
        (("a", MINE[1].replace(tzinfo=None), MINE[2]), YOURS, Invalid, "first", "时区"),
    ],
)
def test_a_swap_is_refused_unless_both_have_what_they_give(
    first: roster_entries.Turn, second: roster_entries.Turn, kind: type[CaseworkError], field: str, words: str
) -> None:
    with pytest.raises(kind) as told:
        swapped(book(turning("abc", EIGHT)), first, second)
    assert told.value.facts["field"] == field
    assert words in told.value.what and told.value.remedy


GOOD = turning("ab", EIGHT, TWENTY, last="2026-12-31")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"contacts": ()}, "contacts"),
        ({"contacts": ("a", " ")}, "contacts"),
        ({"handovers": ()}, "handovers"),
        ({"handovers": (TWENTY, EIGHT)}, "handovers"),
        ({"handovers": (EIGHT, EIGHT)}, "handovers"),
        ({"handovers": (EIGHT.replace(tzinfo=dt.UTC),)}, "handovers"),
        ({"handovers": tuple(dt.time(8, minute) for minute in range(25))}, "handovers"),
        ({"zone": "Asia/Kunming"}, "zone"),
        ({"zone": "../etc/passwd"}, "zone"),
        ({"zone": "Asia"}, "zone"),
        ({"last_day": dt.date(2026, 11, 30)}, "last_day"),
        ({"last_day": dt.date(9999, 12, 31)}, "last_day"),
        ({"first_day": dt.date(26, 12, 1)}, "first_day"),
    ],
)
def test_a_rotation_that_makes_no_sense_is_refused_with_the_field(change: dict[str, object], field: str) -> None:
    roster_entries.check_rotation(GOOD)
    with pytest.raises(Invalid) as told:
        roster_entries.check_rotation(replace(GOOD, **change))  # type: ignore[arg-type]
    assert told.value.facts["field"] == field and told.value.remedy


def test_rotations_of_a_post_that_share_a_day_are_refused_and_the_other_is_named() -> None:
    following = turning("cd", EIGHT, first="2027-01-01", name="next")
    roster_entries.check_rotation(following, [GOOD])
    roster_entries.check_rotation(GOOD, [following, GOOD])
    with pytest.raises(Conflict, match="赵一、钱二,2026-12-01至2026-12-31") as told:
        roster_entries.check_rotation(replace(following, first_day=dt.date(2026, 12, 31)), [GOOD], names=NAMES)
    assert told.value.facts == {"field": "first_day", "rotation": "turn"}
    with pytest.raises(Conflict, match="孙三、李四,2027-01-01起长期有效"):
        roster_entries.check_rotation(replace(GOOD, last_day=None), [following], names=NAMES)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"contact": ""}, "contact"),
        ({"until": at("12-01 08:00")}, "until"),
        ({"until": at("12-01 07:00")}, "until"),
        ({"until": at("12-01 08:00") + 31 * DAY + dt.timedelta(seconds=1)}, "until"),
        ({"since": dt.datetime(2026, 12, 1, 8)}, "since"),
        ({"until": dt.datetime(2026, 12, 1, 20)}, "until"),
    ],
)
def test_a_shift_that_makes_no_sense_is_refused_with_the_field(change: dict[str, object], field: str) -> None:
    good = entry("x", "a", "12-01 08:00", "12-01 20:00")
    roster_entries.check_shift(replace(good, until=good.since + 31 * DAY))
    with pytest.raises(Invalid) as told:
        roster_entries.check_shift(replace(good, **change))  # type: ignore[arg-type]
    assert told.value.facts["field"] == field and told.value.remedy


def test_shifts_that_overlap_are_refused_with_who_and_when_but_a_stand_in_may_cover_one() -> None:
    there = entry("x", "b", "12-01 08:00", "12-01 20:00")
    mine = entry("y", "a", "12-01 19:00", "12-02 08:00")
    with pytest.raises(Conflict, match="钱二的班次重叠:2026-12-01 08:00至2026-12-01 20:00") as told:
        roster_entries.check_shift(mine, [there], names=NAMES)
    assert told.value.facts == {"field": "since", "shift": "x"}
    roster_entries.check_shift(replace(mine, since=there.until), [there])
    roster_entries.check_shift(replace(mine, kind="override"), [there])
    roster_entries.check_shift(mine, [replace(there, kind="override"), replace(mine, contact="c")])
