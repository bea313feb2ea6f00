"""Working time: holidays, days worked in their stead, years not announced yet, pauses."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.catalog import calendar
from router.catalog.calendar import ZONE, WorkingCalendar
from router.catalog.model import Limit

CHINA = WorkingCalendar()
DAYS, HOURS, MINUTES = "working-days", "working-hours", "minutes"


def local(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZONE)


def due(start: str, amount: int, unit: str, days: WorkingCalendar = CHINA) -> tuple[str, bool]:
    found = days.due(local(start), Limit(amount, unit))  # type: ignore[arg-type]
    assert found.at.tzinfo is dt.UTC
    return found.at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M"), found.provisional


@pytest.mark.parametrize(
    ("start", "amount", "unit", "end"),
    [
        ("2026-11-25 10:00", 1, DAYS, "2026-11-26 17:30"),
        ("2026-11-27 10:00", 1, DAYS, "2026-11-30 17:30"),  # Friday: over the weekend
        ("2026-11-27 17:30", 1, DAYS, "2026-12-01 17:30"),  # closed: counts from Monday
        ("2026-11-28 09:00", 1, DAYS, "2026-12-01 17:30"),  # Saturday: counts from Monday
        ("2026-11-25 06:00", 1, DAYS, "2026-11-26 17:30"),
        ("2026-09-30 10:00", 1, DAYS, "2026-10-08 17:30"),  # 国庆: the 1st to the 7th
        ("2026-09-30 10:00", 3, DAYS, "2026-10-10 17:30"),  # Saturday the 10th is worked
        ("2026-02-13 10:00", 1, DAYS, "2026-02-14 17:30"),  # Saturday before 春节 is worked
        ("2026-02-14 10:00", 1, DAYS, "2026-02-24 17:30"),  # 春节: the 15th to the 23rd
        ("2026-11-25 10:00", 2, HOURS, "2026-11-25 12:00"),
        ("2026-11-25 11:00", 2, HOURS, "2026-11-25 14:30"),  # over lunch
        ("2026-11-25 16:30", 8, HOURS, "2026-11-26 17:30"),
        ("2026-11-25 12:30", 1, HOURS, "2026-11-25 14:30"),
        ("2026-11-28 20:00", 7, HOURS, "2026-11-30 17:30"),
        ("2026-11-28 20:00", 30, MINUTES, "2026-11-28 20:30"),
    ],
)
def test_a_limit_is_over_in_working_time(start: str, amount: int, unit: str, end: str) -> None:
    assert due(start, amount, unit) == (end, False)


def test_beyond_the_last_announced_year_weekdays_count_and_the_end_is_provisional() -> None:
    last = calendar.last_known_year()
    assert last >= 2026
    with pytest.raises(NotImplementedError):
        calendar.chinese_calendar.is_workday(dt.date(last + 1, 1, 1))
    eve = max(day for day in (dt.date(last, 12, day) for day in range(20, 32)) if CHINA.working(day))
    start = dt.datetime.combine(eve, dt.time(10), ZONE)
    within = CHINA.due(start - dt.timedelta(days=14), Limit(1, "working-days"))
    over = CHINA.due(start, Limit(1, "working-days"))
    assert not within.provisional
    assert over.provisional
    weekday = next(day for day in (dt.date(last + 1, 1, 1) + dt.timedelta(days=n) for n in range(7)) if day.weekday() < 5)
    assert over.at.astimezone(ZONE).date() == weekday


def test_across_the_end_of_2026() -> None:
    unknown = WorkingCalendar()
    if calendar.last_known_year() == 2026:
        assert due("2026-12-31 10:00", 1, DAYS, unknown) == ("2027-01-01 17:30", True)
        assert due("2026-12-30 10:00", 1, DAYS, unknown) == ("2026-12-31 17:30", False)
        assert due("2026-12-31 16:30", 2, HOURS, unknown) == ("2027-01-01 10:00", True)
    told = WorkingCalendar({dt.date(2027, 1, day): day > 3 for day in range(1, 5)})
    assert due("2026-12-31 10:00", 1, DAYS, told) == ("2027-01-04 17:30", False)
    assert due("2026-12-31 16:30", 2, HOURS, told) == ("2027-01-04 10:00", False)


def test_a_day_set_by_hand_counts_before_the_statutory_calendar() -> None:
    closed = WorkingCalendar({dt.date(2026, 11, 26): False})
    opened = WorkingCalendar({dt.date(2026, 11, 28): True})
    assert due("2026-11-25 10:00", 1, DAYS, closed)[0] == "2026-11-27 17:30"
    assert due("2026-11-27 10:00", 1, DAYS, opened)[0] == "2026-11-28 17:30"


def test_office_hours_can_be_others() -> None:
    summer = WorkingCalendar(hours=((dt.time(8), dt.time(12)),))
    assert due("2026-11-25 10:00", 3, HOURS, summer)[0] == "2026-11-26 09:00"
    for wrong in ((), ((dt.time(12), dt.time(9)),), ((dt.time(9), dt.time(12)), (dt.time(11), dt.time(13)))):
        with pytest.raises(ValueError, match="office hours"):
            WorkingCalendar(hours=wrong)


def test_overdue_is_told_as_less_than_nothing_and_stays_overdue_after_a_pause() -> None:
    end = CHINA.due(local("2026-11-25 10:00"), Limit(1, "working-hours")).at
    left = CHINA.left(local("2026-11-25 14:30"), end, Limit(1, "working-hours"))
    assert left == -2 * 3600
    again = CHINA.after(local("2026-12-01 10:00"), left, Limit(1, "working-hours"))
    assert again.at.astimezone(ZONE).strftime("%m-%d %H:%M") == "11-30 16:30"


moments = st.datetimes(dt.datetime(2025, 1, 1), dt.datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=ZONE))
limits = st.builds(Limit, st.integers(1, 40), st.sampled_from([DAYS, HOURS, MINUTES]))
pauses = st.timedeltas(dt.timedelta(), dt.timedelta(days=40))


@given(moments, moments, limits)
@example(local("2026-11-27 17:29"), local("2026-11-27 17:30"), Limit(1, "working-days"))
def test_who_starts_later_is_not_due_earlier(one: dt.datetime, other: dt.datetime, limit: Limit) -> None:
    early, late = sorted((one, other))
    assert early <= CHINA.due(early, limit).at <= CHINA.due(late, limit).at


@given(moments, limits, pauses)
def test_a_pause_neither_gains_nor_loses_time(start: dt.datetime, limit: Limit, ran: dt.timedelta) -> None:
    end = CHINA.due(start, limit).at
    stopped = start + ran
    left = CHINA.left(stopped, end, limit)
    after = CHINA.after(stopped, left, limit).at
    if left > 0:
        assert abs((after - end).total_seconds()) < 0.001
    else:
        assert after <= stopped


@given(moments, limits, st.fractions(0, 1), pauses)
def test_as_much_is_left_after_a_pause_as_before(start: dt.datetime, limit: Limit, share: float, paused: dt.timedelta) -> None:
    end = CHINA.due(start, limit).at
    stopped = start + (end - start) * float(share)
    left = CHINA.left(stopped, end, limit)
    resumed = stopped + paused
    after = CHINA.after(resumed, left, limit).at
    assert CHINA.left(resumed, after, limit) == pytest.approx(left, abs=0.001)
    assert after >= end - dt.timedelta(seconds=0.001)


@settings(max_examples=40)
@given(moments, moments, moments)
def test_working_time_adds_up(a: dt.datetime, b: dt.datetime, c: dt.datetime) -> None:
    first, second, third = sorted((a, b, c))
    between = CHINA.working_seconds_between
    assert between(first, third) == pytest.approx(between(first, second) + between(second, third), abs=0.01)
    assert between(third, first) == -between(first, third)
    assert 0 <= between(first, second) <= (second - first).total_seconds() + 0.01
