"""Duty posts: numbers that can be rung, ladders that end, and whom an emergency reaches when the roster has a gap."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from router.errors import Conflict, Forbidden, Invalid, Stale
from router.linkage.duty import posts, rostering
from router.storage.duty import DutyPost, DutyShift
from tests.casework.parts import HOUSING, LABOUR, unit
from tests.linkage.dutyparts import OURS, PHONES, Crew, at
from tests.linkage.parts import ADMIN, Station

GAS, RESERVE, CHIEF = "087163100001", "087163100002", "13900000008"
POWER = "087163100003"


@pytest.fixture
def crew(station: Station) -> Crew:
    return Crew.of(station)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"main": "不知道"}, "main"),
    ({"main": "13"}, "main"),
    ({"main": "16812345678"}, "main"),
    ({"main": "+441234567890"}, "main"),
    ({"main": " "}, "main"),
    ({"reserve": "00441234567890"}, "reserve"),
    ({"sms": "匿名"}, "sms"),
    ({"reserve": "0871-63100009"}, "reserve"),
    ({"unit": "nobody"}, "unit"),
    ({"zone": "Asia/Kunming"}, "zone"),
    ({"divisions": ["530199"]}, "divisions"),
    ({"leader": "none"}, "leader"),
    ({"fallback": "none"}, "fallback"),
    ({"name": ""}, "name"),
]


def test_numbers_that_cannot_be_dialled_and_what_else_cannot_be_are_refused_with_place_and_remedy(crew: Crew) -> None:
    for more, field in WRONG:
        with pytest.raises(Invalid) as told:
            crew.put("gas-2", **{"main": "63100009", **more})
        assert told.value.facts["field"] == field and told.value.what and told.value.remedy, more
    assert not crew.rows(DutyPost, DutyPost.id == "gas-2"), "nothing of it was kept"


def test_a_number_gets_its_one_form_and_the_area_code_of_the_city(crew: Crew) -> None:
    row = crew.put("gas-2", main="6310 0009", reserve="+86 139 0000 0777")
    assert (row.main, row.reserve) == ("087163100009", "13900000777")


def test_leaders_that_lead_back_are_refused(crew: Crew) -> None:
    crew.put("gas-2", main="63100009", leader="gas", fallback="gas")
    for field in ("leader", "fallback"):
        with pytest.raises(Invalid, match="绕回") as told:
            crew.put("gas", ADMIN, **{field: "gas"})
        assert told.value.facts["field"] == field
    with pytest.raises(Invalid, match="绕回"):
        crew.put("gas-chief", leader="gas-2")
    with pytest.raises(Invalid, match="绕回"):
        crew.put("gas", fallback="gas-2")
    assert crew.rungs("gas-2")[0] == [["087163100009"], [GAS, RESERVE], [CHIEF]]


def test_agencies_keep_their_own_posts_only(crew: Crew) -> None:
    assert crew.put("gas-2", OURS, main="63100009").unit == HOUSING
    with pytest.raises(Forbidden):
        crew.put("gas-2", unit(LABOUR), main="63100008")
    with pytest.raises(Forbidden):
        crew.put("gas-2", OURS, unit=LABOUR, main="63100009")
    for service in (posts.verify, posts.retire):
        with pytest.raises(Forbidden):
            crew.do(unit(LABOUR), service, "gas-2")
    assert crew.post("gas-2").active


def test_two_people_who_edit_a_post_do_not_overwrite_each_other(crew: Crew) -> None:
    rev = crew.post("gas").rev
    crew.do(OURS, posts.retire, "gas", rev)
    with pytest.raises(Stale):
        crew.do(OURS, posts.retire, "gas", rev)


def test_a_post_that_others_lean_on_is_not_retired(crew: Crew) -> None:
    with pytest.raises(Conflict, match="燃气抢修"):
        crew.do(ADMIN, posts.retire, "gas-chief")
    crew.put("gas", leader=None)
    assert not crew.do(ADMIN, posts.retire, "gas-chief").active


def test_whoever_is_on_duty_is_rung_first_then_the_post_then_what_is_held_in_reserve(crew: Crew) -> None:
    crew.rotate("赵一", "钱二", first="2026-11-24")
    assert crew.rungs() == ([[PHONES["钱二"], GAS, RESERVE], [CHIEF]], set())


def test_a_post_without_a_roster_has_no_gap(crew: Crew) -> None:
    crew.put("gas", fallback="power")
    assert crew.rungs() == ([[GAS, RESERVE], [CHIEF]], set())


def test_fallback_is_rung_in_a_gap_after_the_post_itself(crew: Crew) -> None:
    crew.put("gas", fallback="power")
    crew.shift("赵一", at("11-25 20:00"), at("11-26 08:00"))
    assert crew.rungs() == ([[GAS, RESERVE, POWER], [CHIEF]], {"gas"})
    crew.now = at("11-25 20:00")
    assert crew.rungs() == ([[PHONES["赵一"], GAS, RESERVE], [CHIEF]], set())


def test_a_roster_of_single_shifts_that_has_run_out_is_a_gap(crew: Crew) -> None:
    crew.put("gas", fallback="power")
    crew.shift("赵一", at("11-25 08:00"), at("11-25 20:00"))
    crew.now = at("12-20 12:00")
    assert crew.rungs() == ([[GAS, RESERVE, POWER], [CHIEF]], {"gas"})
    assert crew.on_duty().gap
    (gap,) = crew.gaps(3)
    assert (gap.since, gap.until) == (crew.now, crew.now + dt.timedelta(days=3))


def test_an_entry_that_was_taken_back_makes_no_roster(crew: Crew) -> None:
    crew.do(OURS, rostering.cancel, crew.shift("赵一", at("11-26 08:00"), at("11-26 20:00")))
    assert crew.rungs()[1] == set() and not crew.on_duty().rostered
    assert crew.rows(DutyShift), "it is kept all the same"


def test_a_contact_that_is_gone_is_a_gap(crew: Crew) -> None:
    crew.put("gas", fallback="power")
    crew.rotate("赵一")
    assert crew.rungs()[1] == set()
    crew.remove("赵一")
    assert crew.rungs() == ([[GAS, RESERVE, POWER], [CHIEF]], {"gas"})
    now = crew.on_duty()
    assert now.gap and now.until == at("11-26 08:00")


def test_people_of_the_unit_that_had_the_post_before_are_not_rung_any_more(crew: Crew) -> None:
    crew.rotate("赵一")
    crew.put("gas", unit=LABOUR)
    rungs, gaps = crew.rungs()
    assert PHONES["赵一"] not in rungs[0] and gaps == {"gas"}


def test_a_retired_fallback_is_not_rung(crew: Crew) -> None:
    crew.put("gas", fallback="power")
    crew.shift("赵一", at("11-25 20:00"), at("11-26 08:00"))

    async def close(work: Any) -> None:  # as a release before this one may have left it
        (await posts.get(work.session, "power")).active = False

    crew.do(ADMIN, close)
    assert crew.rungs() == ([[GAS, RESERVE], [CHIEF]], {"gas"})


def test_an_emergency_in_a_gap_rings_the_fallback(crew: Crew) -> None:
    crew.put("gas", fallback="power", reserve=None, leader=None)
    crew.shift("赵一", at("11-26 08:00"), at("11-26 20:00"))
    event = crew.started()
    crew.answer(GAS, "no_answer")
    crew.answer(POWER, "accepted")
    assert crew.request(event.id, "gas").state == "accepted"


def test_numbers_that_nobody_has_verified_for_two_months_are_stale_until_somebody_does(crew: Crew) -> None:
    crew.wait(days=61)
    assert not posts.is_stale(crew.post("gas"), crew.now)
    crew.wait(days=1)
    assert posts.is_stale(crew.post("gas"), crew.now)
    crew.do(OURS, posts.verify, "gas")
    assert not posts.is_stale(crew.post("gas"), crew.now)
