"""Days set by hand, on both databases."""

from __future__ import annotations

import datetime as dt

import pytest

from router.catalog import calendar_days
from router.errors import Invalid, NotFound
from tests.catalog.parts import ADMIN, DALI, KUNMING, NOW, Desk

FIRST = dt.date(2027, 1, 1)


def test_a_day_holds_for_its_city_until_it_is_cleared(desk: Desk) -> None:
    for working in (True, False):
        desk.do(
            lambda session, working=working: calendar_days.set_day(
                session, city=KUNMING, day=FIRST, working=working, note="元旦", actor=ADMIN, now=NOW
            )
        )
    assert desk.do(lambda session: calendar_days.load(session, KUNMING)) == {FIRST: False}
    assert desk.do(lambda session: calendar_days.load(session, DALI)) == {}
    kept = desk.do(lambda session: calendar_days.days(session, KUNMING, year=2027))
    assert [(one.day, one.note, one.by, one.at) for one in kept] == [(FIRST, "元旦", "admin", NOW)]
    assert desk.do(lambda session: calendar_days.days(session, KUNMING, year=2026)) == []
    desk.do(lambda session: calendar_days.clear_day(session, city=KUNMING, day=FIRST, actor=ADMIN, now=NOW))
    assert desk.do(lambda session: calendar_days.load(session, KUNMING)) == {}
    assert desk.journal(f"{KUNMING}:{FIRST}") == ["calendar.set", "calendar.set", "calendar.cleared"]
    assert desk.news("calendar.cleared") == [{"city": KUNMING, "day": "2027-01-01"}]


def test_wrong_days_are_refused(desk: Desk) -> None:
    for city, day, note in (("539999", FIRST, ""), (DALI, dt.date(1999, 1, 1), ""), (DALI, FIRST, "字" * 201)):
        with pytest.raises(Invalid):
            desk.do(
                lambda session, city=city, day=day, note=note: calendar_days.set_day(
                    session, city=city, day=day, working=True, note=note, actor=ADMIN, now=NOW
                )
            )
    with pytest.raises(NotFound):
        desk.do(lambda session: calendar_days.clear_day(session, city=DALI, day=FIRST, actor=ADMIN, now=NOW))
