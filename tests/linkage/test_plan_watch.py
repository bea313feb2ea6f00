"""Plans whose review is due: told in time, once, to those who answer for the city, and settled by a new version."""

from __future__ import annotations

from typing import Any

import pytest

from router.linkage.planning import plan_watch
from router.storage.casework import Notice
from tests.linkage.parts import PLAN, SYSTEM, Station


@pytest.fixture
def plans(station: Station) -> Station:
    """One plan, whose review is due on the 30th of December, five weeks from now."""
    station.publish({**PLAN, "review_by": "2026-12-30"})
    return station


def told(station: Station, **only: Any) -> list[Notice]:
    return [
        one for one in station.rows(Notice, Notice.kind == plan_watch.NOTICE) if only.get("open") is None or one.done_at is None
    ]


def look(station: Station) -> None:
    station.do(SYSTEM, plan_watch.look)


def test_a_review_is_told_a_month_before_and_once(plans: Station) -> None:
    look(plans)
    assert told(plans) == [], "five weeks are time enough"
    plans.wait(days=6)
    for _ in range(3):
        look(plans)
        plans.wait(days=1)
    assert sorted((one.unit, one.role) for one in told(plans)) == [("110", "supervisor"), ("12345", "supervisor")]
    assert "燃气泄漏预案" in told(plans)[0].text and "2026年12月30日" in told(plans)[0].text


def test_a_review_that_is_over_says_so(plans: Station) -> None:
    plans.wait(days=60)
    look(plans)
    assert "评审期限已过" in told(plans)[0].text


def test_a_new_version_settles_what_the_old_one_asked_for(plans: Station) -> None:
    plans.wait(days=20)
    look(plans)
    assert len(told(plans, open=True)) == 2
    plans.publish({**PLAN, "review_by": "2027-12-30"})
    look(plans)
    assert told(plans, open=True) == [] and len(told(plans)) == 2
