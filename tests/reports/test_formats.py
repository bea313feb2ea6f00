"""How moments, durations, shares and numbers read."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.reports import formats


def test_a_moment_is_told_in_the_zone_of_the_reader() -> None:
    moment = dt.datetime(2026, 11, 30, 16, 5, 30, tzinfo=dt.UTC)
    assert formats.moment(moment) == "2026年12月1日 00:05:30"
    assert formats.moment(moment, dt.UTC, seconds=False) == "2026年11月30日 16:05"
    assert formats.clock(moment) == "00:05:30"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        formats.moment(dt.datetime(2026, 12, 1, 8))
    with pytest.raises(ValueError, match="which zone"):
        formats.date(dt.datetime(2026, 12, 1, 8, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    ("seconds", "said", "exactly"),
    [
        (0, "0秒", "0秒"),
        (0.4, "不足1秒", "不足1秒"),
        (59.9, "59秒", "59秒"),
        (200, "3分20秒", "3分20秒"),
        (180, "3分", "3分"),
        (7500, "2小时5分", "2小时5分"),
        (7541, "2小时5分", "2小时5分41秒"),
        (7205, "2小时", "2小时0分5秒"),
        (93600, "1天2小时", "1天2小时"),
        (86400 * 40, "40天", "40天"),
        (-20, "-20秒", "-20秒"),
        (float("nan"), "—", "—"),
        (None, "—", "—"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float | None, said: str, exactly: str) -> None:
    assert formats.duration(seconds) == said
    assert formats.duration(seconds, exact=True) == exactly


@given(st.integers(1, 10**8))
def test_an_exact_duration_adds_up_to_what_it_was(seconds: int) -> None:
    left, total = formats.duration(dt.timedelta(seconds=seconds), exact=True), 0
    for name, size in (("天", 86400), ("小时", 3600), ("分", 60), ("秒", 1)):
        if name in left:
            amount, left = left.split(name, 1)
            total += int(amount) * size
    assert (total, left) == (seconds, "")


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (953, 1000, "95.3%"),
        (0, 7, "0.0%"),
        (7, 7, "100.0%"),
        (99999, 100000, ">99.9%"),
        (1, 100000, "<0.1%"),
        (0, 0, "—"),
        (3, 2, "150.0%"),
    ],
)
def test_a_share_reads_as_all_or_nothing_only_if_it_is(part: float, whole: float, said: str) -> None:
    assert formats.share(part, whole) == said


def test_half_a_tenth_of_a_percent_goes_up_as_people_expect() -> None:
    assert formats.percent(0.9525) == "95.3%"
    assert formats.percent(0.1234, 0) == "12%"


def test_numbers_have_separators_and_no_needless_zeros() -> None:
    assert [formats.number(value) for value in (1234567, 3.5, 3.0, None)] == ["1,234,567", "3.5", "3", "—"]
    assert formats.number(3, 2) == "3.00"
    assert formats.measured(12, "count", "件") == "12件"
    assert formats.measured(None, "count", "件") == "—"


def test_periods_say_the_year_again_only_if_it_changes() -> None:
    assert formats.days(dt.date(2026, 10, 1), dt.date(2026, 12, 31)) == "2026年10月1日至12月31日"
    assert formats.days(dt.date(2026, 12, 30), dt.date(2027, 1, 2)) == "2026年12月30日至2027年1月2日"
    assert formats.days(dt.date(2026, 12, 1), dt.date(2026, 12, 1)) == "2026年12月1日"
    assert [formats.quarter(dt.date(2026, month, 1)) for month in (1, 3, 4, 12)] == [f"2026年第{name}季度" for name in "一一二四"]
    assert formats.month(dt.date(2026, 12, 1)) == "2026年12月"


def test_headings_are_numbered_in_chinese() -> None:
    said = [formats.ordinal(number) for number in (1, 10, 11, 20, 21, 99, 100)]
    assert said == ["一", "十", "十一", "二十", "二十一", "九十九", "100"]
