"""Several matters about one thing propose an event; later ones are gathered under it with one answer."""

from __future__ import annotations

import pytest

from router.linkage.emergency import events, gathering, likeness
from router.linkage.emergency.likeness import Told
from router.linkage.planning.plans import Gather
from router.storage.casework import Notice
from router.storage.emergencies import EmergencyEvent, EventCase
from router.timers import timers
from router.timers.runner import Handle
from tests.linkage.parts import APPROVED, CHIEF, PLAN, SYSTEM, Station, operator

RULE = {"words": ["煤气味", "臭鸡蛋味"], "classes": ["1501"], "count": 3, "within": 600, "radius": 500}


class Street(Station):
    """A station where matters are looked at as their news is published."""

    def handlers(self) -> dict[str, Handle]:
        return {**super().handlers(), **gathering.handlers(self.town)}

    def smells(self, place: str, words: str = "楼道里一股煤气味", **more: object) -> str:
        made = self.register(operator(), words, place=place, **more).case.id
        self.do(SYSTEM, lambda work: timers.set_(work.session, [plan(made, work.now)], work.now))
        self.ring()
        return made

    def events(self) -> list[EmergencyEvent]:
        return self.rows(EmergencyEvent)

    def cases(self, event: str) -> set[str]:
        return {one.case_id for one in self.rows(EventCase, EventCase.event_id == event)}


def plan(case: str, now: object) -> timers.Plan:
    return timers.Plan(id=f"gather:{case}", kind=gathering.TIMER, due_at=now, subject=f"gather:{case}")  # type: ignore[arg-type]


@pytest.fixture
def street(station: Station) -> Street:
    found = Street.__new__(Street)
    found.__dict__.update(station.__dict__)
    found.publish({**PLAN, "gather": RULE})
    return found


def test_enough_matters_in_one_street_propose_an_event_and_one_fewer_do_not(street: Street) -> None:
    first = street.smells("盘龙区人民东路88号", caller_number="13800000001")
    second = street.smells("昆明市盘龙区人民东路90号", caller_number="13800000002")
    assert street.events() == []
    third = street.smells("人民东路86号2单元", "一股臭鸡蛋味", caller_number="13800000003")
    event = street.events()[0]
    assert (event.state, event.kind) == ("proposed", "gas-leak")
    assert street.cases(event.id) == {first, second, third}
    assert event.number in street.notices("12345", "event-proposed")[0].text
    assert street.mutual(event.id) == [] and street.ringing() == [], "nobody is alarmed by a proposal"


def test_one_caller_who_calls_often_is_one(street: Street) -> None:
    for _ in range(4):
        street.smells("盘龙区人民东路88号", caller_number="13800000001")
    assert street.events() == []


def test_other_streets_and_other_hours_are_other_things(street: Street) -> None:
    street.smells("盘龙区人民东路88号", caller_number="13800000001")
    street.smells("西山区滇池路9号", caller_number="13800000002")
    street.later(minutes=11)
    street.smells("盘龙区人民东路90号", caller_number="13800000003")
    assert street.events() == []


def test_later_callers_are_gathered_and_their_operator_sees_the_answer(street: Street) -> None:
    event = street.register(place="昆明市盘龙区人民东路88号")
    street.do(CHIEF, events.start, event.id, APPROVED)
    case = street.smells("人民东路100号")
    assert street.cases(event.id) == {case}
    told = street.rows(Notice, Notice.kind == "event-case")
    assert [one.unit for one in told] == ["12345"] and str(PLAN["answer"]) in told[0].text
    street.smells("西山区滇池路9号")
    assert street.cases(event.id) == {case}


def test_confirming_the_proposal_tells_the_other_line(street: Street) -> None:
    for count in range(3):
        street.smells("盘龙区人民东路88号", caller_number=f"1380000000{count}")
    event = street.events()[0]
    street.do(CHIEF, events.confirm, event.id, APPROVED)
    assert [one.to_centre for one in street.mutual(event.id)] == ["110"]
    assert street.notices("12345", "event-proposed") == []


def test_coordinates_decide_where_both_have_them() -> None:
    near = Told("a", "", "人民东路", latitude=25.04, longitude=102.73)
    far = Told("b", "", "人民东路", latitude=25.14, longitude=102.73)
    assert not likeness.near(near, far, 500)
    assert likeness.near(near, Told("c", "", "不相干的地方", latitude=25.041, longitude=102.73), 500)


def test_no_place_is_near_nothing() -> None:
    rule = Gather(words=["煤气味"], count=2)
    told = [Told(str(at), "煤气味", "") for at in range(9)]
    assert likeness.together(rule, told[0], told) == []
