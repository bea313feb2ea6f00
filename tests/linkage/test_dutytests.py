"""Test calls: at moments that nobody can foresee, once a month; what is answered counts, what is not is told."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from router.casework.work import Work
from router.errors import Conflict, Invalid, NotFound
from router.linkage import words
from router.linkage.duty import dutytests, posts
from router.linkage.duty.dutytests import Tally
from router.linkage.notifying import attempts, requests
from router.storage.casework import Notice
from router.storage.duty import DutyPost, DutyTest
from router.storage.notifying import LinkageAttempt
from tests.casework.parts import HOUSING, KUNMING, SYSTEM
from tests.linkage.dutyparts import DAY, OURS, Crew, at
from tests.linkage.parts import CHIEF, POSTS, Station

GAS, POWER = "087163100001", "087163100003"
BEGIN, END = at("12-01 00:00"), at("12-31 00:00")


@pytest.fixture
def crew(station: Station) -> Crew:
    return Crew.of(station)


# --- drawing


@given(st.integers(1, 60), st.integers(0, 1000))
def test_moments_are_spread_over_the_whole_time_one_to_each_part(many: int, seed: int) -> None:
    names = [f"p{place}" for place in range(many)]
    found = dutytests.moments(names, BEGIN, END, random.Random(seed))
    assert set(found) == set(names) and all(BEGIN <= one < END for one in found.values())
    part = (END - BEGIN) / many
    assert sorted(int((one - BEGIN) / part) for one in found.values()) == list(range(many))
    assert found == dutytests.moments(names[::-1], BEGIN, END, random.Random(seed)), "the seed alone decides"


def test_moments_fall_into_the_night_as_well_and_change_from_month_to_month() -> None:
    chance = random.Random(1)
    names = [f"p{place}" for place in range(100)]
    first, second = (dutytests.moments(names, BEGIN, END, chance) for _ in range(2))
    hours = [one.astimezone(words.HERE).hour for one in first.values()]
    assert 15 <= sum(hour < 6 for hour in hours) <= 35, "a quarter of the day is night"
    assert sum(abs(first[one] - second[one]) > 2 * DAY for one in names) > 60


def test_a_month_begins_and_ends_here_and_nonsense_is_refused() -> None:
    assert dutytests.bounds("2026-12") == (at("12-01 00:00"), at("12-01 00:00").replace(year=2027, month=1))
    assert dutytests.month_of(dt.datetime(2026, 11, 30, 16, tzinfo=dt.UTC)) == "2026-12"
    for wrong in ("2026-13", "2026-1", "26-12", "", "2026-00", "9999-12", "十二月"):
        with pytest.raises(Invalid):
            dutytests.bounds(wrong)


# --- a month's tests


def test_every_active_post_has_one_test_a_month_however_often_it_is_planned(crew: Crew) -> None:
    crew.do(OURS, posts.retire, "gas")
    crew.now = at("11-28 12:00")
    crew.arm(*dutytests.standing(crew.now))
    crew.later(days=0)
    assert crew.tests() == [], "the rest of this month is too short, the next still far"
    crew.later(days=1)
    found = crew.tests()
    assert sorted(one.post_id for one in found) == sorted(set(POSTS) - {"gas"})
    assert {one.month for one in found} == {"2026-12"} and all(BEGIN <= one.due_at < BEGIN + 31 * DAY for one in found)
    crew.now = found[0].due_at - dt.timedelta(hours=1)
    crew.put("gas")
    crew.later(days=1)
    mine = crew.tests("gas")
    assert [one.month for one in mine] == ["2026-12"] and mine[0].due_at >= crew.now - DAY
    assert len(crew.tests()) == len(POSTS)


def planned(crew: Crew, post: str = "gas") -> DutyTest:
    """The post's test of December, at its time."""
    crew.now = at("11-30 12:00")
    crew.arm(*dutytests.standing(crew.now))
    crew.later(days=0)
    (test,) = crew.tests(post)
    crew.now = test.due_at
    crew.ring()
    return crew.tests(post)[0]


def test_at_its_time_the_post_is_rung_and_an_answer_verifies_it(crew: Crew) -> None:
    crew.rotate("赵一")
    test = planned(crew)
    assert (test.called_at, test.number, test.contact_id) == (test.due_at, GAS, crew.people["赵一"])
    (attempt,) = crew.rows(LinkageAttempt, LinkageAttempt.test_id == test.id)
    assert not attempt.urgent and "拨测" in attempt.words and "请按1" in attempt.words and attempt.event_id is None
    page = crew.dial(GAS)[GAS]
    crew.now += dt.timedelta(seconds=20)
    crew.answer(GAS, "accepted", page)
    test = next(one for one in crew.tests("gas") if one.month == "2026-12")
    assert (test.outcome, test.ended_at, test.waited) == ("accepted", crew.now, 0)
    assert crew.post("gas").verified_at == crew.now
    assert {"post": "gas", "test": test.id, "outcome": "accepted"} in crew.told("duty.tested")
    assert not told(crew, HOUSING)
    crew.tell(page, GAS, "no_answer")
    crew.later(hours=2)
    assert crew.tests("gas")[0].outcome == "accepted" and GAS not in crew.ringing()


def told(crew: Crew, unit: str) -> list[Notice]:
    return crew.notices(unit, dutytests.NOTICE)


@pytest.mark.parametrize("outcome", ["no_answer", "no_key"])
def test_a_test_that_nobody_takes_is_told_to_the_unit_and_to_supervisors_of_both_lines(crew: Crew, outcome: str) -> None:
    test = planned(crew)
    before = crew.post("gas").verified_at
    crew.answer(GAS, outcome)
    assert crew.tests("gas")[0].outcome == outcome and crew.post("gas").verified_at == before
    assert [one.role for unit in (HOUSING, "12345", "110") for one in told(crew, unit)] == [None, "supervisor", "supervisor"]
    (notice,) = told(crew, HOUSING)
    assert "燃气抢修" in notice.text and words.OUTCOMES[outcome] in notice.text
    assert f"{test.due_at.astimezone(words.HERE):%m-%d %H:%M}" in notice.text
    crew.do(CHIEF, dutytests.order, "gas")
    crew.answer(GAS, "accepted")
    assert not any(told(crew, unit) for unit in (HOUSING, "12345", "110")), "an answer settles it"


def lose(crew: Crew, outcome: str = "lost") -> None:
    """Calls end without the call core ever saying so."""

    async def go(work: Work) -> None:
        change = update(attempts.ATTEMPT).where(attempts.ATTEMPT.c.state.in_(attempts.AT_WORK))
        await work.session.execute(change.values(state="done", outcome=outcome, ended_at=work.now))

    crew.do(SYSTEM, go)


def test_a_call_that_we_could_not_make_is_tried_again_and_the_unit_is_not_blamed(crew: Crew) -> None:
    planned(crew)
    for tried in (1, 2, 3):
        assert GAS in crew.ringing(), tried
        lose(crew, "failed")
        crew.later(minutes=10)
        assert GAS not in crew.ringing()
        crew.later(hours=1)
    assert GAS not in crew.ringing(), "three times are enough"
    assert crew.tests("gas")[0].outcome == "failed"
    assert not told(crew, HOUSING) and "未能完成" in told(crew, "12345")[0].text


def test_a_call_that_waits_for_the_call_core_is_waited_for(crew: Crew) -> None:
    test = planned(crew)
    crew.later(hours=5)
    assert crew.tests("gas")[0].ended_at is None and crew.ringing().count(GAS) == 1
    crew.answer(GAS, "accepted")
    assert crew.tests("gas")[0].outcome == "accepted"
    assert test.called_at is not None


def test_a_post_that_has_an_emergency_in_hand_is_left_alone_until_it_has_not(crew: Crew) -> None:
    crew.now = at("11-30 12:00")
    crew.arm(*dutytests.standing(crew.now))
    crew.later(days=0)
    (test,) = crew.tests("gas")
    crew.now = test.due_at - dt.timedelta(minutes=1)
    event = crew.started(happened_at=crew.now - dt.timedelta(minutes=5))
    crew.answer(GAS, "accepted")
    crew.later(minutes=2)
    assert crew.tests("gas")[0].called_at is None
    with pytest.raises(Conflict, match="突发事件"):
        crew.do(CHIEF, dutytests.order, "gas")
    crew.do(OURS, requests.progress, crew.request(event.id, "gas").id, "feed-back", text="已处置")
    crew.later(hours=1)
    assert crew.tests("gas")[0].called_at is not None


def test_a_post_that_was_retired_meanwhile_is_not_rung(crew: Crew) -> None:
    crew.now = at("11-30 12:00")
    crew.arm(*dutytests.standing(crew.now))
    crew.later(days=0)
    crew.do(OURS, posts.retire, "gas")
    (test,) = crew.tests("gas")
    crew.now = test.due_at
    crew.ring()
    (test,) = crew.tests("gas")
    assert test.ended_at == crew.now and test.outcome is None and GAS not in crew.ringing()


def test_supervisors_order_a_test_now_but_not_two_at_once(crew: Crew) -> None:
    test = crew.do(CHIEF, dutytests.order, "power")
    assert (test.by, test.month, test.called_at) == (CHIEF.id, "2026-11", crew.now)
    assert POWER in crew.ringing()
    with pytest.raises(Conflict, match="正在拨测"):
        crew.do(CHIEF, dutytests.order, "power")
    crew.answer(POWER, "busy")
    crew.do(CHIEF, dutytests.order, "power")
    crew.do(OURS, posts.retire, "gas")
    with pytest.raises(Conflict, match="停用"):
        crew.do(CHIEF, dutytests.order, "gas")
    with pytest.raises(NotFound):
        crew.do(CHIEF, dutytests.order, "none")


def test_an_ordered_test_does_not_stand_in_for_the_monthly_one(crew: Crew) -> None:
    crew.now = at("12-01 09:00")
    crew.do(CHIEF, dutytests.order, "power")
    crew.arm(*dutytests.standing(crew.now))
    crew.later(days=0)
    assert [one.by for one in crew.tests("power")] == [CHIEF.id, dutytests.PLANNER.id]


def test_results_of_a_month_count_what_was_answered(crew: Crew) -> None:
    for outcome in ("accepted", "no_answer", "accepted", "no_key"):
        crew.do(CHIEF, dutytests.order, "gas")
        crew.answer(GAS, outcome)
    crew.do(CHIEF, dutytests.order, "power")
    lose(crew)
    for _ in range(3):
        crew.later(minutes=70)
        lose(crew)

    async def look(work: Work) -> tuple[Tally, list[tuple[DutyPost, Tally]]]:
        return await dutytests.results(work.session, KUNMING, "2026-11")

    whole, each = crew.do(SYSTEM, look)
    assert (whole.made, whole.rate) == (4, 0.5)
    by_post = {post.id: tally for post, tally in each}
    assert set(by_post) == set(POSTS), "those without a test are listed too"
    assert by_post["gas"].outcomes == {"accepted": 2, "no_answer": 1, "no_key": 1} and by_post["gas"].waited == 0
    assert (by_post["power"].made, by_post["power"].rate, by_post["fire"].rate) == (0, None, None)
