"""Events: registered, told to the other line, levelled, started, raised, ended, reviewed; reports that are due."""

from __future__ import annotations

import datetime as dt

import pytest

from router import errors
from router.linkage.emergency import events, mutual, reporting
from router.linkage.emergency.events import Approval
from router.linkage.planning import plan_versions, plans
from router.linkage.review import reviews
from tests.casework.parts import HOUSING, KUNMING, unit
from tests.linkage.parts import ADMIN, APPROVED, CHIEF, PLAN, Station, draft, operator, police

FIRST = {
    "received_at": "2026年11月25日09时58分", "source": "12345来电", "happened_at": "2026年11月25日09时55分",
    "place": "人民路12号", "nature": "燃气泄漏", "extent": "一栋居民楼", "loss": "暂无伤亡", "trend": "可控",
    "leaders": "副区长到场", "measures": "关阀疏散",
}  # fmt: skip


# --- mutual notice


def test_what_12345_registers_appears_at_110_at_once_and_the_other_way_round(station: Station) -> None:
    event = station.register()
    assert [(one.to_centre, one.state) for one in station.mutual(event.id)] == [("110", "sent")]
    assert event.number in station.notices("110", "event-notice")[0].text
    other = station.register(police(), title="另一处")
    assert [one.to_centre for one in station.mutual(other.id)] == ["12345"]


def test_a_county_with_a_desk_of_its_own_is_told_as_well(station: Station) -> None:
    event = station.register(division="530181")
    assert {one.to_centre for one in station.mutual(event.id)} == {"110", "110-anning"}


def test_unsigned_notice_climbs_by_phone_and_signing_ends_it(station: Station) -> None:
    event = station.register()
    station.later(minutes=2)
    assert station.ringing() == []
    station.later(minutes=1, seconds=1)
    assert station.ringing() == ["087163100005"], "the duty post of 110"
    assert station.mutual(event.id)[0].climbs == 1
    assert [one.role for one in station.notices("110", "event-notice")] == [None, "supervisor"]
    station.do(police(), mutual.sign, station.mutual(event.id)[0].id)
    assert station.ringing() == [] and station.notices("110", "event-notice") == []
    station.later(hours=1)
    assert station.mutual(event.id)[0].climbs == 1


def test_a_key_on_the_phone_signs_the_notice(station: Station) -> None:
    event = station.register()
    station.later(minutes=4)
    station.answer("087163100005", "accepted")
    assert station.mutual(event.id)[0].state == "signed"


def test_only_the_line_that_was_told_signs(station: Station) -> None:
    notice = station.mutual(station.register().id)[0].id
    with pytest.raises(errors.Forbidden):
        station.do(operator(), mutual.sign, notice)


# --- level


def test_level_is_proposed_from_facts_and_another_needs_a_reason(station: Station) -> None:
    event = station.register(facts={"deaths": 4})
    assert (event.level, event.level_proposed) == (3, 3)
    with pytest.raises(errors.Invalid, match="理由"):
        station.register(facts={"deaths": 4}, level=2)
    lifted = station.register(facts={"deaths": 4}, level=2, level_reason="学校附近")
    assert (lifted.level, lifted.level_reason) == (2, "学校附近")


def test_only_social_security_events_go_without_a_level(station: Station) -> None:
    crowd = station.register(kind="crowd", facts={"people": 60})
    assert crowd.level is None
    with pytest.raises(errors.Invalid, match="社会安全"):
        station.register(without_level=True)
    with pytest.raises(errors.Invalid, match="矛盾"):
        station.register(kind="crowd", level=3, without_level=True, level_reason="研判")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "dragon"}, "kind"),
        ({"happened_at": dt.datetime(2027, 1, 1, tzinfo=dt.UTC)}, "happened_at"),
        ({"happened_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, "happened_at"),
        ({"division": "999999"}, "division"),
        ({"facts": {"deaths": -1}}, "deaths"),
        ({"facts": {"dragons": 1}}, "facts"),
        ({"sensitive": ["moon"]}, "sensitive"),
        ({"title": " "}, "title"),
        ({"level": 5, "level_reason": "x"}, "level"),
    ],
)
def test_what_can_not_be_is_refused_with_its_field_and_nothing_is_kept(station: Station, given: dict, field: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        station.register(**given)
    assert refused.value.facts["field"] == field
    assert station.told("event.registered") == [] and station.notices("110", "event-notice") == []


# --- response


def test_response_is_started_raised_lowered_and_ended_by_name_and_reason(station: Station) -> None:
    event = station.started()
    assert station.event(event.id).response == 4
    station.do(CHIEF, events.change_response, event.id, 2, Approval("扩大", "市长"))
    station.later(minutes=1)
    station.do(CHIEF, events.change_response, event.id, 3, Approval("缓和", "市长"))
    station.do(CHIEF, events.end, event.id, APPROVED)
    steps = station.do(CHIEF, events.steps_of, event.id)
    assert [(one.step, one.level, one.approver) for one in steps] == [
        ("start", 4, "值班主任"), ("raise", 2, "市长"), ("lower", 3, "市长"), ("end", 3, "值班主任"),
    ]  # fmt: skip
    with pytest.raises(errors.ImpossibleTransition):
        station.do(CHIEF, events.change_response, event.id, 1, APPROVED)


def test_graver_steps_begin_when_the_response_is_raised(station: Station) -> None:
    grave = {"key": "mayor", "name": "指挥长", "posts": ["指挥长"], "part": "lead", "task": "到指挥部", "level": 2}
    station.publish({**PLAN, "steps": [*PLAN["steps"], grave]})
    event = station.started()
    assert "13900000009" not in station.ringing(event.id)
    station.do(CHIEF, events.change_response, event.id, 2, APPROVED)
    assert "13900000009" in station.ringing(event.id)


def test_no_step_without_reason_and_approver(station: Station) -> None:
    event = station.register()
    for approval, field in ((Approval(" ", "主任"), "reason"), (Approval("处置", ""), "approver")):
        with pytest.raises(errors.Invalid) as refused:
            station.do(CHIEF, events.start, event.id, approval)
        assert refused.value.facts["field"] == field
    assert station.event(event.id).state == "registered" and station.requests(event.id) == {}, "nothing half started"


def test_type_without_a_plan_is_told(station: Station) -> None:
    event = station.register(kind="fire")
    with pytest.raises(plan_versions.NoPlan):
        station.start(event.id)
    assert station.event(event.id).state == "registered"


def test_plan_that_names_an_unknown_post_is_refused_with_its_place(station: Station) -> None:
    step = {**PLAN["steps"][0], "posts": ["燃气", "热气球"]}
    with pytest.raises(errors.Invalid, match=r"steps\[0\]\(lead\):热气球"):
        station.do(ADMIN, plan_versions.publish, plans.parse({**PLAN, "steps": [step]}), city=KUNMING, note="修订")


def test_two_plans_for_one_type_are_refused(station: Station) -> None:
    with pytest.raises(errors.Conflict, match="燃气泄漏预案"):
        station.do(ADMIN, plan_versions.publish, plans.parse({**PLAN, "plan": "other"}), city=KUNMING, note="另一个")


def test_secondary_event_hangs_on_its_origin(station: Station) -> None:
    first = station.register()
    second = station.do(
        operator(), events.register, draft(kind="fire", title="爆燃"), city=KUNMING, centre="12345", parent=first.id
    )
    assert second.parent_id == first.id
    with pytest.raises(errors.Invalid, match="原生事件"):
        station.do(operator(), events.register, draft(), city=KUNMING, centre="12345", parent="nowhere")


def test_dismissed_event_asks_for_nothing_any_more(station: Station) -> None:
    event = station.register(facts={"deaths": 3})
    assert station.reports(event.id)
    station.do(CHIEF, events.dismiss, event.id, Approval("误报", "主任"))
    station.later(hours=5)
    assert station.ringing() == [] and [one.state for one in station.reports(event.id)] == ["void"]
    assert station.notices("12345", "report-late") == []


# --- reports


def test_report_is_due_two_hours_after_it_happened_and_missing_ones_are_found(station: Station) -> None:
    event = station.register(facts={"deaths": 3})
    report = station.reports(event.id)[0]
    assert report.kind == "first" and report.due_at == event.happened_at + dt.timedelta(hours=2)
    assert report.phone_by == event.happened_at + dt.timedelta(minutes=30)
    assert report.receivers == ["省人民政府应急办"] and report.copies == ["应急管理部门", "消防救援队伍"]
    station.later(minutes=26)
    assert station.reports(event.id)[0].late == ["phone"]
    station.later(hours=2)
    assert station.reports(event.id)[0].late == ["phone", "written"]
    assert [one.role for one in station.notices("12345", "report-late")] == [None, "supervisor"] * 2


def test_phoned_then_written_in_time_is_not_late_and_a_follow_up_comes_due(station: Station) -> None:
    event = station.started(facts={"deaths": 3})
    first = station.reports(event.id)[0].id
    station.do(operator(), reporting.phone, first, to="省应急办 李处")
    station.later(hours=1)
    station.do(operator(), reporting.submit, first, FIRST)
    done, follow = station.reports(event.id)
    assert (done.state, done.late) == ("submitted", []) and "省人民政府应急办" in str(done.text)
    assert (follow.kind, follow.serial, follow.due_at) == ("follow-up", 1, station.now + dt.timedelta(hours=4))
    station.do(operator(), reporting.submit, follow.id, {"progress": "已堵漏"})
    assert "续报一" in str(station.reports(event.id)[1].text)
    station.do(CHIEF, events.end, event.id, APPROVED)
    assert [(one.kind, one.serial, one.state) for one in station.reports(event.id)] == [
        ("first", 0, "submitted"), ("follow-up", 1, "submitted"), ("follow-up", 2, "void"), ("final", 0, "due"),
    ]  # fmt: skip


def test_report_with_a_missing_field_is_refused_by_name(station: Station) -> None:
    event = station.register(facts={"deaths": 3})
    with pytest.raises(errors.Invalid, match="发展趋势"):
        station.do(operator(), reporting.submit, station.reports(event.id)[0].id, {**FIRST, "trend": " "})


def test_small_events_are_reported_only_if_something_is_sensitive(station: Station) -> None:
    event = station.register()
    assert station.reports(event.id) == []
    station.do(operator(), events.amend, event.id, draft(sensitive=["place"]))
    assert [one.state for one in station.reports(event.id)] == ["due"]
    station.do(operator(), events.amend, event.id, draft())
    assert [one.state for one in station.reports(event.id)] == ["void"]


def test_a_county_may_report_past_the_city(station: Station) -> None:
    event = station.register(division="530181", facts={"deaths": 12})
    assert station.reports(event.id)[0].receivers == ["市(州)人民政府应急办", "省人民政府应急办"]


# --- review


def test_review_is_written_concluded_and_its_improvements_followed(station: Station) -> None:
    event = station.started()
    with pytest.raises(errors.NotFound):
        station.do(CHIEF, reviews.write, event.id, "太早")
    station.do(CHIEF, events.end, event.id, APPROVED)
    with pytest.raises(errors.Invalid):
        station.do(CHIEF, reviews.conclude, event.id)
    station.do(CHIEF, reviews.write, event.id, "联动及时,备用电话过期")
    made = station.do(CHIEF, reviews.improve, event.id, text="更新值班电话", unit=HOUSING, due_on=dt.date(2026, 12, 10))
    station.do(CHIEF, reviews.conclude, event.id)
    assert station.event(event.id).state == "reviewed"
    done = station.do(unit(HOUSING), reviews.improvement_step, made.id, "finish", "已更新")
    assert (done.state, done.result) == ("done", "已更新")
