"""A ticket's way: dispatch, sign, handle, pause, extend, return and dispute, joint handling, feedback, call-back, close."""

from __future__ import annotations

import datetime as dt

import pytest

from router import errors
from router.casework import assignments, cases, repeats, tickets
from router.casework.cases import Registered
from router.catalog.model import Limit
from router.storage.casework import Assignment, Deadline, Notice
from tests.casework.parts import HOUSING, LABOUR, TOWNSHIP, URBAN, Desk, operator, police, unit
from tests.casework.test_registration import WAGES


@pytest.fixture
def dispatched(desk: Desk) -> Registered:
    return desk.register(operator(), WAGES, kind="complaint", place="五华区人民中路1号", caller_number="13800138000")


def share(desk: Desk, found: Registered, agency: str = LABOUR) -> Assignment:
    rows = desk.rows(Assignment, Assignment.case_id == found.case.id, Assignment.agency == agency)
    return max(rows, key=lambda one: one.dispatched_at)


def duty(desk: Desk, subject: str, name: str) -> Deadline:
    rows = desk.rows(Deadline, Deadline.subject_id == subject, Deadline.duty == name)
    return max(rows, key=lambda one: one.id)


def test_the_whole_way_to_a_closed_ticket(desk: Desk, dispatched: Registered) -> None:
    assert dispatched.ticket is not None
    key, mine = dispatched.ticket.id, share(desk, dispatched).id
    desk.wait(minutes=10)
    desk.do(unit(LABOUR), assignments.sign, mine)
    desk.do(unit(LABOUR), assignments.handle, mine, "已联系用人单位")
    desk.do(unit(LABOUR), assignments.progress, mine, "双方约定周五面谈")
    desk.wait(hours=3)
    desk.do(unit(LABOUR), assignments.feedback, mine, "工资已足额支付")
    assert (desk.ticket(dispatched.case.id).state, desk.ticket(dispatched.case.id).result) == ("feedback", "工资已足额支付")
    desk.do(operator(), tickets.call_back, key, reached=False, note="无人接听")
    assert desk.ticket(dispatched.case.id).state == "feedback"
    desk.do(operator(), tickets.call_back, key, reached=True, resolved=True, satisfaction=5)
    desk.do(operator(), tickets.close, key)
    assert desk.ticket(dispatched.case.id).state == "closed" and desk.case(dispatched.case.id).state == "closed"
    assert all(one.ended_at for one in desk.rows(Deadline, Deadline.case_id == dispatched.case.id))
    steps = [one.action for one in desk.journal(dispatched.case.id)]
    assert [one for one in steps if one.startswith("ticket.")] == [
        "ticket.opened",
        "ticket.dispatch",
        "ticket.sign",
        "ticket.handle",
        "ticket.feedback",
        "ticket.call_back_missed",
        "ticket.call-back",
        "ticket.close",
    ]


def test_only_the_agency_that_has_it_signs(desk: Desk, dispatched: Registered) -> None:
    for other in (unit(URBAN), operator(), police()):
        with pytest.raises(errors.Forbidden):
            desk.do(other, assignments.sign, share(desk, dispatched).id)
    assert share(desk, dispatched).state == "dispatched"


def test_a_return_needs_a_reason_and_can_be_disputed(desk: Desk, dispatched: Registered) -> None:
    mine = share(desk, dispatched).id
    with pytest.raises(errors.Invalid, match="退单理由"):
        desk.do(unit(LABOUR), assignments.return_, mine, " ")
    desk.do(unit(LABOUR), assignments.return_, mine, "属于个人借贷,不归我单位")
    assert (desk.ticket(dispatched.case.id).state, desk.ticket(dispatched.case.id).returned) == ("returned", 1)
    desk.do(operator(), assignments.dispute, mine, "诉求人是你单位监管的农民工")
    assert desk.ticket(dispatched.case.id).state == "disputed"
    assert duty(desk, mine, "sign").ended_at is None, "the agency has to answer in time again"
    desk.do(unit(LABOUR), assignments.return_, mine, "坚持退回")
    assert desk.ticket(dispatched.case.id).returned == 2
    urgent = desk.rows(Notice, Notice.case_id == dispatched.case.id, Notice.kind == "returned")
    assert max(one.level for one in urgent) == 1, "returned again: no longer just a note"
    desk.do(operator(), tickets.dispatch, desk.ticket(dispatched.case.id).id, [HOUSING], None, None)
    assert (desk.ticket(dispatched.case.id).agency, share(desk, dispatched, HOUSING).state) == (HOUSING, "dispatched")
    assert share(desk, dispatched).state == "recalled"


def test_time_stands_still_while_a_share_is_paused(desk: Desk, dispatched: Registered) -> None:
    mine = share(desk, dispatched).id
    desk.do(unit(LABOUR), assignments.sign, mine)
    desk.do(unit(LABOUR), assignments.handle, mine)
    before = duty(desk, mine, "handle").due_at
    desk.do(unit(LABOUR), assignments.pause, mine, "等待司法鉴定")
    desk.wait(days=30)
    assert desk.ring() == 0, "a paused deadline neither reminds nor runs out"
    desk.do(unit(LABOUR), assignments.resume, mine)
    after = duty(desk, mine, "handle")
    assert after.due_at > before + dt.timedelta(days=27) and after.overdue_at is None


def test_more_time_is_asked_for_and_granted_by_the_platform(desk: Desk, dispatched: Registered) -> None:
    mine = share(desk, dispatched).id
    desk.do(unit(LABOUR), assignments.sign, mine)
    before = duty(desk, mine, "handle").due_at
    with pytest.raises(errors.Conflict):
        desk.do(operator(), assignments.decide_extension, mine, True)
    desk.do(unit(LABOUR), assignments.ask_extension, mine, Limit(2, "working-days"), "用人单位在外地")
    with pytest.raises(errors.Forbidden):
        desk.do(unit(LABOUR), assignments.decide_extension, mine, True)
    desk.do(operator(), assignments.decide_extension, mine, True)
    assert duty(desk, mine, "handle").due_at >= before + dt.timedelta(days=2)
    assert share(desk, dispatched).extensions == 1


def test_reminded_before_and_told_after_the_time(desk: Desk, dispatched: Registered) -> None:
    mine = share(desk, dispatched).id
    sign = duty(desk, mine, "sign")
    desk.now = sign.started_at + (sign.due_at - sign.started_at) * 0.9
    desk.ring()
    kinds = {one.kind: one.unit for one in desk.rows(Notice, Notice.case_id == dispatched.case.id)}
    assert kinds.get("due-soon") == LABOUR and "overdue" not in kinds
    desk.now = sign.due_at + dt.timedelta(seconds=1)
    desk.ring()
    overdue = {(one.unit, one.role) for one in desk.rows(Notice, Notice.kind == "overdue")}
    assert overdue == {(LABOUR, None), ("12345", "supervisor")}
    assert duty(desk, mine, "sign").overdue_at == desk.now
    assert desk.ring() == 0, "told once"


def test_joint_handling_waits_for_all_and_has_one_that_leads(desk: Desk) -> None:
    found = desk.register(operator(), "小区物业和业主因为维修吵起来", dispatch=False, place="五华区")
    assert found.ticket is not None
    with pytest.raises(errors.Invalid, match="牵头"):
        desk.do(operator(), tickets.dispatch, found.ticket.id, [HOUSING, TOWNSHIP], URBAN, None)
    desk.do(operator(), tickets.dispatch, found.ticket.id, [HOUSING, TOWNSHIP], TOWNSHIP, None)
    lead, other = share(desk, found, TOWNSHIP), share(desk, found, HOUSING)
    assert (lead.lead, other.lead) == (True, False)
    for code, one in ((TOWNSHIP, lead), (HOUSING, other)):
        desk.do(unit(code), assignments.sign, one.id)
    desk.do(unit(TOWNSHIP), assignments.feedback, lead.id, "已调解")
    assert desk.ticket(found.case.id).state == "signed", "the other agency has not said anything yet"
    desk.do(unit(HOUSING), assignments.feedback, other.id, "已派人修")
    assert (desk.ticket(found.case.id).state, desk.ticket(found.case.id).result) == ("feedback", "已调解")


def test_not_resolved_goes_back_to_the_same_agency(desk: Desk, dispatched: Registered) -> None:
    assert dispatched.ticket is not None
    mine = share(desk, dispatched).id
    desk.do(unit(LABOUR), assignments.sign, mine)
    desk.do(unit(LABOUR), assignments.feedback, mine, "已答复")
    desk.do(operator(), tickets.call_back, dispatched.ticket.id, reached=True, resolved=False, note="还是没给钱")
    ticket = desk.ticket(dispatched.case.id)
    assert (ticket.state, ticket.reopened, share(desk, dispatched).state) == ("dispatched", 1, "dispatched")


def test_a_ticket_is_not_closed_past_its_call_back(desk: Desk, dispatched: Registered) -> None:
    assert dispatched.ticket is not None
    mine = share(desk, dispatched).id
    with pytest.raises(errors.ImpossibleTransition):
        desk.do(operator(), tickets.close, dispatched.ticket.id)
    desk.do(unit(LABOUR), assignments.sign, mine)
    desk.do(unit(LABOUR), assignments.feedback, mine, "已答复")
    with pytest.raises(errors.Invalid, match="不回访的理由"):
        desk.do(operator(), tickets.close, dispatched.ticket.id)
    desk.do(operator(), tickets.close, dispatched.ticket.id, without_call_back="诉求人要求不回访")
    assert desk.ticket(dispatched.case.id).state == "closed"


def test_guidance_needs_a_standard_answer_and_dispatches_nothing(desk: Desk) -> None:
    found = desk.register(operator(), "帮我开一下门锁,钥匙忘带了", dispatch=False, place="五华区")
    assert found.ticket is not None
    with pytest.raises(errors.Invalid) as told:
        desk.do(operator(), tickets.guide, found.ticket.id, "没有这条")
    code = told.value.facts["allowed"][0]
    desk.do(operator(), tickets.guide, found.ticket.id, code)
    ticket = desk.ticket(found.case.id)
    assert ticket.state == "closed" and ticket.guidance == code and ticket.result
    assert not desk.rows(Assignment, Assignment.case_id == found.case.id)


def test_answered_on_the_spot(desk: Desk) -> None:
    found = desk.register(operator(), "医保异地报销需要什么材料", kind="consult", dispatch=False)
    assert found.ticket is not None
    desk.do(operator(), tickets.answer, found.ticket.id, "带身份证和发票到窗口办理")
    desk.do(operator(), tickets.close, found.ticket.id, without_call_back="当场答复")
    assert desk.case(found.case.id).state == "closed"


def test_the_same_number_and_place_are_offered_counted_and_linked(desk: Desk, dispatched: Registered) -> None:
    desk.wait(days=3)
    again = desk.register(
        operator(), "工资还是没给", caller_number="+86 13800138000", place="五华区 人民中路1号 附近", dispatch=False
    )

    async def offered(work):  # type: ignore[no-untyped-def]
        return await repeats.like(work, number="138-0013-8000", place="五华区人民中路1号"), await repeats.counts(work, again.case)

    found, counted = desk.do(operator(), offered)
    assert {one.case.id for one in found} == {dispatched.case.id, again.case.id}
    assert all(one.same_number and one.same_place for one in found)
    assert counted == {"same_number": 1, "same_place": 1}
    desk.do(operator(), repeats.link, again.case.id, dispatched.case.id, "repeat")
    desk.do(operator(), repeats.link, again.case.id, dispatched.case.id, "repeat")
    for key, other in ((again.case.id, dispatched.case.id), (dispatched.case.id, again.case.id)):
        linked = [one for one in desk.journal(key) if one.action == "case.linked"]
        assert [one.detail["other"] for one in linked] == [other]


def test_a_duplicate_is_merged_and_nothing_is_deleted(desk: Desk, dispatched: Registered) -> None:
    twice = desk.register(operator(), WAGES, kind="complaint", place="五华区人民中路1号")
    desk.do(operator(), repeats.merge, twice.case.id, dispatched.case.id, "同一人重复来电")
    case = desk.case(twice.case.id)
    assert (case.merged_into, case.state, desk.ticket(twice.case.id).state) == (dispatched.case.id, "closed", "withdrawn")
    assert share(desk, twice).state == "recalled"
    assert desk.ticket(dispatched.case.id).state == "dispatched"
    with pytest.raises(errors.Conflict):
        desk.do(operator(), repeats.merge, dispatched.case.id, twice.case.id, "反过来")


def test_what_is_handled_already_is_not_merged_away(desk: Desk, dispatched: Registered) -> None:
    other = desk.register(operator(), WAGES, kind="complaint", dispatch=False)
    desk.do(unit(LABOUR), assignments.sign, share(desk, dispatched).id)
    with pytest.raises(errors.Conflict, match="办理"):
        desk.do(operator(), repeats.merge, dispatched.case.id, other.case.id, "试试")


def test_a_closed_matter_is_not_edited_but_reopened(desk: Desk) -> None:
    found = desk.register(operator(), "咨询医保", kind="consult", dispatch=False)
    assert found.ticket is not None
    desk.do(operator(), tickets.answer, found.ticket.id, "已答复")
    desk.do(operator(), tickets.close, found.ticket.id, without_call_back="当场答复")
    with pytest.raises(errors.Conflict):
        desk.do(operator(), cases.edit, found.case.id, cases.Change(words="改一下"), None)
    desk.do(operator(), tickets.reopen, found.ticket.id, "诉求人补充")
    assert (desk.case(found.case.id).state, desk.ticket(found.case.id).state) == ("open", "registered")
