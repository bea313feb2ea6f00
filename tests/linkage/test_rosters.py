"""Duty rosters: who has the post at every moment, no gap that nobody sees, and clocks that change."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import Invalid
from router.linkage.duty import rosters
from router.linkage.duty.rosters import Roster, Rotation, Shift, Slice
from tests.linkage.duty import BERLIN, CHINA, DAY, EIGHT, HOUR, NEW_YORK, NIGHT, TWENTY, at, book, entry, shown, turning


def who(roster: Roster, text: str) -> str | None:
    duty = rosters.on_duty(roster, at(text))
    return duty.contact if duty else None


def test_people_of_a_rotation_relieve_each_other_in_their_order() -> None:
    roster = book(turning("abc", EIGHT, TWENTY))
    found = rosters.timeline(roster, at("12-01 08:00"), at("12-03 08:00"))
    assert shown(found) == ["12-01 08:00 a", "12-01 20:00 b", "12-02 08:00 c", "12-02 20:00 a"]
    assert {(one.kind, one.source) for one in found} == {("rotation", "turn")}


def test_who_comes_has_the_post_at_the_moment_of_the_handover_and_who_goes_has_not() -> None:
    roster = book(turning("ab", EIGHT))
    assert who(roster, "12-02 07:59:59.999999") == "a"
    assert who(roster, "12-02 08:00") == "b"
    single = book(entry("s", "a", "12-01 08:00", "12-01 20:00"))
    assert (who(single, "12-01 08:00"), who(single, "12-01 19:59:59.999999")) == ("a", "a")
    assert (who(single, "12-01 07:59:59.999999"), who(single, "12-01 20:00")) == (None, None)


def test_a_rotation_begins_at_its_first_handover_and_ends_a_shift_after_its_last() -> None:
    roster = book(turning("ab", EIGHT, TWENTY, last="2026-12-01"))
    found = rosters.timeline(roster, at("12-01 00:00"), at("12-03 00:00"))
    assert shown(found) == ["12-01 00:00 -", "12-01 08:00 a", "12-01 20:00 b", "12-02 08:00 -"]


def test_a_following_rotation_relieves_the_one_before_at_its_first_handover() -> None:
    early = turning("a", TWENTY, last="2026-12-01", name="early")
    roster = book(turning("b", EIGHT, first="2026-12-02", name="late"), early)
    found = rosters.timeline(roster, at("12-01 20:00"), at("12-03 00:00"))
    assert shown(found) == ["12-01 20:00 a", "12-02 08:00 b"]
    duty = rosters.on_duty(roster, at("12-02 03:00"))
    assert duty is not None and duty.until == at("12-02 08:00")


def test_a_single_shift_goes_before_a_rotation_and_a_stand_in_before_both() -> None:
    roster = book(
        turning("a", EIGHT),
        entry("stand-in", "c", "12-02 10:00", "12-02 12:00", "override", entered="11-01 00:00"),
        entry("shift", "b", "12-02 09:00", "12-02 13:00", entered="11-02 00:00"),
    )
    found = rosters.timeline(roster, at("12-02 08:00"), at("12-02 15:00"))
    assert shown(found) == ["12-02 08:00 a", "12-02 09:00 b", "12-02 10:00 c", "12-02 12:00 b", "12-02 13:00 a"]
    assert [one.source for one in found] == ["turn", "shift", "stand-in", "shift", "turn"]


def test_of_two_stand_ins_the_one_entered_later_counts() -> None:
    early = entry("early", "b", "12-02 08:00", "12-02 20:00", "override", entered="11-01 00:00")
    late = entry("late", "c", "12-02 10:00", "12-02 12:00", "override", entered="11-02 00:00")
    for rows in ((early, late), (late, early)):
        assert shown(rosters.timeline(book(*rows), early.since, early.until)) == [
            "12-02 08:00 b",
            "12-02 10:00 c",
            "12-02 12:00 b",
        ]
    hidden = replace(late, at=at("10-01 00:00"))
    assert shown(rosters.timeline(book(early, hidden), early.since, early.until)) == ["12-02 08:00 b"]


def test_a_stand_in_across_a_handover_leaves_both_shifts_their_rest() -> None:
    roster = book(turning("ab", EIGHT, TWENTY), entry("o", "c", "12-01 18:00", "12-01 22:00", "override"))
    found = rosters.timeline(roster, at("12-01 08:00"), at("12-02 08:00"))
    assert shown(found) == ["12-01 08:00 a", "12-01 18:00 c", "12-01 22:00 b"]
    duty = rosters.on_duty(roster, at("12-01 20:00"))
    assert duty == rosters.Duty("c", at("12-01 18:00"), at("12-01 22:00"), "override", "o")
    after = rosters.on_duty(roster, at("12-01 22:00"))
    assert after == rosters.Duty("b", at("12-01 22:00"), at("12-02 08:00"), "rotation", "turn")


def test_gap_between_shifts_is_shown_with_its_ends() -> None:
    roster = book(entry("x", "a", "12-01 08:00", "12-01 19:30"), entry("y", "b", "12-01 20:00", "12-02 08:00"))
    assert rosters.gaps(roster, at("12-01 08:00"), at("12-02 08:00")) == [Slice(at("12-01 19:30"), at("12-01 20:00"))]
    assert rosters.on_duty(roster, at("12-01 19:45")) is None


def test_roster_that_has_run_out_is_one_gap_to_the_end() -> None:
    roster = book(turning("ab", EIGHT, last="2026-12-02"), entry("z", "c", "12-04 08:00", "12-04 09:00"))
    found = rosters.gaps(roster, at("12-01 08:00"), at("12-31 00:00"))
    assert shown(found) == ["12-03 08:00 -", "12-04 09:00 -"]
    assert found[-1].until == at("12-31 00:00")
    assert rosters.gaps(book(), at("12-01 00:00"), at("12-02 00:00")) == [Slice(at("12-01 00:00"), at("12-02 00:00"))]


def test_short_gaps_can_be_left_out_but_not_long_ones_that_reach_over_the_end() -> None:
    roster = book(
        entry("x", "a", "12-01 08:00", "12-01 11:50"),
        entry("y", "b", "12-01 12:00", "12-01 19:50"),
        entry("z", "c", "12-02 08:00", "12-02 09:00"),
    )
    found = rosters.gaps(roster, at("12-01 08:00"), at("12-01 20:00"), shortest=HOUR)
    assert found == [Slice(at("12-01 19:50"), at("12-01 20:00"))]
    ten_minutes = rosters.gaps(roster, at("12-01 08:00"), at("12-01 20:00"), shortest=HOUR / 6)
    assert shown(ten_minutes) == ["12-01 11:50 -", "12-01 19:50 -"]


@pytest.mark.parametrize(
    ("zone", "first", "times", "hours"),
    [
        (BERLIN, "2026-03-28", (EIGHT,), [23, 24]),
        (BERLIN, "2026-10-24", (EIGHT,), [25, 24]),
        (BERLIN, "2026-03-28", (EIGHT, TWENTY), [12, 11, 12, 12]),
        (BERLIN, "2026-10-24", (EIGHT, TWENTY), [12, 13, 12, 12]),
        (BERLIN, "2026-03-28", (NIGHT,), [23.5, 23.5, 24]),  # 02:30 is leapt over: at the leap
        (BERLIN, "2026-10-24", (NIGHT,), [24, 25, 24]),  # 02:30 comes twice: the first time
        (BERLIN, "2026-03-28", (NIGHT, dt.time(14, 30)), [12, 11.5, 11.5, 12]),
        (NEW_YORK, "2026-03-07", (EIGHT,), [23, 24]),
        (NEW_YORK, "2026-10-31", (EIGHT,), [25, 24]),
        (NEW_YORK, "2026-03-07", (EIGHT, TWENTY), [12, 11, 12, 12]),
        (NEW_YORK, "2026-10-31", (EIGHT, TWENTY), [12, 13, 12, 12]),
        (NEW_YORK, "2026-03-07", (NIGHT,), [23.5, 23.5, 24]),
        (NEW_YORK, "2026-10-31", (NIGHT,), [25, 24, 24]),
        (NEW_YORK, "2026-10-31", (dt.time(1, 30),), [24, 25, 24]),
        (CHINA, "2026-03-28", (NIGHT,), [24, 24]),
        (CHINA, "2026-10-24", (EIGHT, TWENTY), [12, 12, 12]),
    ],
)
def test_no_gap_and_no_overlap_when_the_clock_changes(
    zone: str, first: str, times: tuple[dt.time, ...], hours: list[float]
) -> None:
    rotation = turning("ab", *times, first=first, zone=zone)
    since = dt.datetime.combine(dt.date.fromisoformat(first), times[0], ZoneInfo(zone)).astimezone(dt.UTC)
    found = rosters.timeline(book(rotation), since, since + sum(hours) * HOUR)
    assert [(one.until - one.since) / HOUR for one in found] == hours
    assert [one.contact for one in found] == ["ab"[place % 2] for place in range(len(hours))]


def test_a_shift_that_the_clock_leaps_over_passes_and_the_order_of_people_stays() -> None:
    rotation = turning("abc", NIGHT, dt.time(3), first="2026-03-28", zone=BERLIN)
    found = rosters.timeline(book(rotation), at("03-28 02:30", BERLIN), at("03-30 03:30", BERLIN))
    assert shown(found, BERLIN) == ["03-28 02:30 a", "03-28 03:00 b", "03-29 03:00 a", "03-30 02:30 b", "03-30 03:00 c"]


@given(
    st.sampled_from([CHINA, BERLIN, NEW_YORK, "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Africa/Casablanca"]),
    st.dates(dt.date(2026, 1, 1), dt.date(2027, 12, 31)) | st.sampled_from([dt.date(2026, 3, 29), dt.date(2026, 11, 1)]),
    st.integers(0, 24 * 12 - 1),
)
def test_a_handover_is_when_the_clock_first_shows_its_time_or_a_later_one(zone: str, day: dt.date, five_minutes: int) -> None:
    times = dt.time(five_minutes // 12, five_minutes % 12 * 5)
    start = Rotation("r", ("a",), day, None, (times,), zone).start(0)
    wall = dt.datetime.combine(day, times)

    def clock(moment: dt.datetime) -> dt.datetime:
        return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)

    assert clock(start) >= wall
    assert all(clock(start - back * HOUR / 12 - dt.timedelta(seconds=1)) < wall for back in range(60))


HALF = HOUR / 2
BASES = [dt.datetime(2026, *day, tzinfo=dt.UTC) for day in ((3, 6), (3, 27), (10, 23), (10, 30), (12, 1))]
TIMES = st.lists(st.integers(0, 47).map(lambda half: dt.time(half // 2, half % 2 * 30)), min_size=1, max_size=3, unique=True)


@st.composite
def anything(draw: st.DrawFn) -> tuple[Roster, dt.datetime, dt.datetime]:
    """A roster, and a span of a few days around it; everything lies on half hours."""
    base = draw(st.sampled_from(BASES))
    zone = draw(st.sampled_from([CHINA, BERLIN, NEW_YORK]))
    people = st.text("abcd", min_size=1, max_size=4).map(tuple)
    rotations, day = [], base.date()
    for name in draw(st.sampled_from(["", "r", "rs"])):
        day += draw(st.integers(0, 2)) * DAY
        last = day + draw(st.integers(0, 2)) * DAY
        rotations.append(Rotation(name, draw(people), day, last, tuple(sorted(draw(TIMES))), zone))
        day = last + DAY
    endless = draw(st.booleans())
    if rotations and endless:
        rotations[-1] = replace(rotations[-1], last_day=None)
    single = st.builds(
        lambda contact, kind, begin, length, entered: Shift(
            "", contact, kind, base + begin * HALF, base + (begin + length) * HALF, base - entered * HOUR
        ),
        st.sampled_from("abcd"),
        st.sampled_from(["shift", "override", "swap"]),
        st.integers(-20, 250),
        st.integers(1, 60),
        st.integers(0, 5),
    )
    shifts = [replace(one, id=f"s{place}") for place, one in enumerate(draw(st.lists(single, max_size=7)))]
    since = base + draw(st.integers(-30, 200)) * HALF
    return Roster("gas", tuple(rotations), tuple(shifts)), since, since + draw(st.integers(1, 200)) * HALF


def expected(roster: Roster, moment: dt.datetime) -> tuple[str, str] | None:
    """Contact and source, found the slow way: who has a right to the post, and what the clock has shown so far."""
    having = [one for one in roster.shifts if one.since <= moment < one.until]
    if having:
        best = max(having, key=lambda one: (one.kind != "shift", one.at, one.id))
        return best.contact, best.id
    for rotation in reversed(roster.rotations):
        zone = ZoneInfo(rotation.zone)
        clock = max((moment - back * HALF).astimezone(zone).replace(tzinfo=None) for back in range(6))
        days = [rotation.first_day + DAY * day for day in range(40)]
        passed = sum(dt.datetime.combine(day, one) <= clock for day in days for one in rotation.handovers)
        if passed:
            end = rotation.last_day
            shifts = passed if end is None else ((end - rotation.first_day).days + 1) * len(rotation.handovers)
            return (rotation.contacts[(passed - 1) % len(rotation.contacts)], rotation.id) if passed <= shifts else None
    return None


@settings(max_examples=150)
@given(anything())
def test_a_timeline_covers_its_span_exactly_and_says_what_is_said_of_each_moment(
    drawn: tuple[Roster, dt.datetime, dt.datetime],
) -> None:
    roster, since, until = drawn
    found = rosters.timeline(roster, since, until)
    assert (found[0].since, found[-1].until) == (since, until)
    assert all(one.until == other.since for one, other in pairwise(found))
    assert all(one.since < one.until for one in found)
    assert all(one.contact or other.contact for one, other in pairwise(found)), "two gaps side by side"
    moment = since
    while moment < until:
        held = next(one for one in found if one.since <= moment < one.until)
        duty = rosters.on_duty(roster, moment)
        assert (duty and (duty.contact, duty.source)) == expected(roster, moment)
        clipped = duty and Slice(max(duty.since, since), min(duty.until, until), duty.contact, duty.kind, duty.source)
        assert held == (clipped or Slice(held.since, held.until))
        moment += HALF
    assert rosters.gaps(roster, since, until) == [one for one in found if one.contact is None]


def test_a_year_of_twelve_hour_shifts_is_drawn_at_once() -> None:
    stand_ins = [
        Shift(f"o{day}", "d", "override", at("01-01 10:00") + day * DAY, at("01-01 11:00") + day * DAY, at("01-01 00:00"))
        for day in range(200)
    ]
    roster = book(turning("abc", EIGHT, TWENTY, first="2025-06-01", zone=BERLIN), *stand_ins)
    took = []
    for _ in range(5):
        begun = time.process_time()
        found = rosters.timeline(roster, at("01-01 00:00"), at("12-31 00:00"))
        took.append(time.process_time() - begun)
    assert len(found) > 1000
    assert min(took) < 0.05


def test_a_moment_without_a_zone_is_refused_rather_than_guessed() -> None:
    naive = dt.datetime(2026, 12, 1, 8)
    with pytest.raises(Invalid, match="时区"):
        rosters.on_duty(book(), naive)
    with pytest.raises(Invalid, match="时区"):
        rosters.timeline(book(), naive, at("12-02 08:00"))
    with pytest.raises(Invalid, match="不晚于"):
        rosters.gaps(book(), at("12-02 08:00"), at("12-02 08:00"))
