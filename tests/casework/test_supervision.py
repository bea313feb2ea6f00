"""Consultations that become rules, and the lists of smart supervision."""

from __future__ import annotations

import datetime as dt

import pytest

from router import errors
from router.allocation.decision import Ticks
from router.casework import assignments, consultations, handoffs, negotiation, orders, repeats, tickets
from router.catalog import versions
from router.storage.casework import Assignment, Deadline
from router.supervision import deadlines, lists
from tests.casework.parts import HOUSING, KUNMING, LABOUR, SYSTEM, URBAN, Desk, operator, police, unit
from tests.casework.test_registration import WAGES

SINCE = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def listed(desk: Desk, kind: str) -> list[lists.Finding]:
    return desk.do(SYSTEM, lists.listed, kind)


def test_what_is_returned_again_and_again_is_listed_and_consulted_about(desk: Desk) -> None:
    found = desk.register(operator(), WAGES, kind="complaint", place="五华区")
    assert found.ticket is not None
    for agency in (LABOUR, HOUSING):
        if agency != LABOUR:
            desk.do(operator(), tickets.dispatch, found.ticket.id, [agency], None, None)
        [mine] = desk.rows(Assignment, Assignment.case_id == found.case.id, Assignment.state == "dispatched")
        desk.do(unit(agency), assignments.return_, mine.id, "不归我单位")
    assert [(one.number, one.detail["returned"]) for one in listed(desk, "returned-again")] == [(found.case.number, 2)]
    [disputed] = desk.do(operator(), consultations.disputed, KUNMING, SINCE)
    assert (disputed.item, disputed.returned, disputed.cases) == ("SX-001", 2, 1)

    row = desk.do(
        operator(), consultations.call_together, city=KUNMING, subject="欠薪由谁牵头", item="SX-001", agencies=[LABOUR, HOUSING]
    )
    desk.do(unit(LABOUR), consultations.say, row.id, "在建工地由住建牵头", HOUSING)
    with pytest.raises(errors.Forbidden):
        desk.do(unit(URBAN), consultations.say, row.id, "我没有被邀请")
    desk.do(operator(), consultations.write_minutes, row.id, "各方一致", None)
    desk.wait(minutes=1)
    row, version = desk.do(
        operator(), consultations.conclude, row.id, "在建工地欠薪由住建牵头", change={"agencies": ["住建", "人社"]}
    )
    assert version is not None and (row.state, row.catalog_version) == ("concluded", version.id)

    async def in_force(work):  # type: ignore[no-untyped-def]
        return await versions.at(work.session, KUNMING, work.now)

    catalog = desk.do(SYSTEM, in_force)
    assert catalog.version == version.id and catalog.items["SX-001"].agencies == ("住建", "人社")
    desk.wait(seconds=1)
    again = desk.register(operator(), WAGES, kind="complaint", place="五华区")
    assert again.ticket is not None and again.ticket.agency == HOUSING, "the conclusion is the rule"


def test_a_conclusion_that_breaks_the_catalog_changes_nothing(desk: Desk) -> None:
    row = desk.do(operator(), consultations.call_together, city=KUNMING, subject="试试", item="SX-001", agencies=[LABOUR])
    with pytest.raises(errors.CaseworkError):
        desk.do(operator(), consultations.conclude, row.id, "交给没有的部门", change={"agencies": ["不存在的部门"]})
    with pytest.raises(errors.CaseworkError):
        desk.do(operator(), consultations.conclude, row.id, "写错字段", change={"部门": ["住建"]})
    [still] = desk.rows(consultations.Consultation)
    assert still.state == "open" and still.catalog_version is None


def test_what_nobody_signed_in_time_is_listed(desk: Desk) -> None:
    found = desk.register(operator(), WAGES, kind="complaint", place="五华区")
    assert listed(desk, "unsigned") == []
    desk.wait(days=10)
    assert [(one.number, one.unit, one.detail["duty"]) for one in listed(desk, "unsigned")] == [
        (found.case.number, LABOUR, "sign")
    ]
    [mine] = desk.rows(Assignment, Assignment.case_id == found.case.id)
    desk.do(unit(LABOUR), assignments.sign, mine.id)
    assert listed(desk, "unsigned") == []
    desk.wait(days=20)
    assert [one.detail["duty"] for one in listed(desk, "overdue")] == ["handle"]


def test_danger_without_a_dispatch_is_listed_until_somebody_decides(desk: Desk) -> None:
    found = desk.register(operator(), "我不想活了,我现在站在楼顶上", place="五华区", hand_over=False)
    assert found.order is not None
    [one] = listed(desk, "urgent-undispatched")
    assert (one.number, one.unit, one.detail["state"]) == (found.case.number, "110", "awaiting")
    desk.do(police(), orders.confirm, found.order.id)
    assert listed(desk, "urgent-undispatched") == []


def test_a_first_receiver_that_pushes_away_is_listed(desk: Desk) -> None:
    found = desk.register(operator(), "有人在楼下聚众赌博", channel="web", origin="网站", origin_id="1", place="盘龙区")
    desk.do(police(), handoffs.return_, found.handoffs[0].id, "不涉赌")
    desk.do(operator(), negotiation.concede, found.handoffs[0].id)
    [one] = listed(desk, "pushed-away")
    assert (one.number, one.unit, one.detail["offers"]) == (found.case.number, "12345", 1)


def test_a_dispute_with_two_police_orders_is_tracked_and_needs_its_resolution(desk: Desk) -> None:
    first = desk.register(police(), "邻居打架", ticks=Ticks(danger=True), place="五华区")
    ticket = desk.register(operator(), "和邻居因为漏水一直吵", dispatch=False, place="五华区")
    second = desk.register(police(), "邻居又打架", ticks=Ticks(danger=True), place="五华区")
    for one in (first, second):
        desk.do(operator(), repeats.link, ticket.case.id, one.case.id, "related")
    tracked = {one.number: one.detail["orders"] for one in listed(desk, "tracked-disputes")}
    assert tracked[ticket.case.number] == 2
    assert ticket.ticket is not None
    desk.do(operator(), tickets.answer, ticket.ticket.id, "已上门调解")
    with pytest.raises(errors.Invalid, match="化解结果"):
        desk.do(operator(), tickets.close, ticket.ticket.id, without_call_back="当场答复")
    desk.do(operator(), tickets.close, ticket.ticket.id, without_call_back="当场答复", resolution="双方签了调解书")
    assert ticket.case.number not in {one.number for one in listed(desk, "tracked-disputes")}


def test_a_deadline_beyond_the_known_calendar_is_provisional_and_reckoned_anew(desk: Desk) -> None:
    from router.catalog import calendar, calendar_days

    year = calendar.last_known_year()
    desk.now = dt.datetime(year, 12, 30, 2, 0, tzinfo=dt.UTC)
    desk.register(operator(), WAGES, kind="complaint", place="五华区")
    [mine] = desk.rows(Assignment)
    desk.do(unit(LABOUR), assignments.sign, mine.id)
    [handle] = desk.rows(Deadline, Deadline.duty == "handle")
    assert handle.provisional and handle.due_at.year == year + 1

    async def announce(work):  # type: ignore[no-untyped-def]
        day = dt.date(year + 1, 1, 1)
        while day < dt.date(year + 1, 1, 31):
            working = day.weekday() < 5 and day.day > 3
            await calendar_days.set_day(
                work.session, city=KUNMING, day=day, working=working, note="放假安排", actor=SYSTEM, now=work.now
            )
            day += dt.timedelta(days=1)
        return await deadlines.recompute(work)

    assert desk.do(SYSTEM, announce) == 1
    [after] = desk.rows(Deadline, Deadline.duty == "handle")
    assert not after.provisional and after.due_at >= handle.due_at
    assert "deadline.recomputed" in [one.action for one in desk.journal(mine.case_id)]


def test_a_consultation_about_a_matter_in_hand_stands_in_its_timeline_and_becomes_tasks(desk: Desk) -> None:
    found = desk.register(operator(), "小区物业和业主因为维修吵起来", dispatch=False, place="五华区")
    invited = [HOUSING, LABOUR]
    row = desk.do(
        operator(),
        consultations.call_together,
        city=KUNMING,
        subject="现场处置",
        item=None,
        agencies=invited,
        case=found.case.id,
    )
    desk.do(operator(), consultations.write_minutes, row.id, "住建牵头,人社配合", None)
    desk.do(operator(), consultations.conclude, row.id, "分头处置", change=None, tasks=invited)
    shares = {one.agency: one.lead for one in desk.rows(Assignment, Assignment.case_id == found.case.id)}
    assert shares == {HOUSING: True, LABOUR: False}
    told = [one.action for one in desk.journal(found.case.id) if one.action.startswith("consultation.")]
    assert told == ["consultation.opened", "consultation.minutes", "consultation.concluded"]
    other = desk.do(operator(), consultations.call_together, city=KUNMING, subject="没有事项", item=None, agencies=invited)
    with pytest.raises(errors.Invalid, match="任务"):
        desk.do(operator(), consultations.conclude, other.id, "派出去", change=None, tasks=invited)
