"""Handoffs: offered, accepted, returned, expired, negotiated, fed back; by call, online, and from an agency."""

from __future__ import annotations

import pytest

from router import errors
from router.allocation.decision import Ticks
from router.casework import allocate, assignments, cases, handoffs, negotiation, orders, tickets, transfers
from router.casework.cases import Registered
from router.storage.casework import Assignment, Handoff, Notice, PoliceOrder
from router.supervision import orders as supervision
from telephony import contract
from tests.casework.parts import (
    LABOUR,
    OTHER_STATION,
    POLICE_BUREAU,
    STATION,
    SYSTEM,
    Desk,
    operator,
    police,
    unit,
)
from tests.casework.test_registration import WAGES


@pytest.fixture
def offered(desk: Desk) -> Registered:
    """12345 hands an online matter to 110."""
    found = desk.register(operator(), "有人在楼下聚众赌博", channel="web", origin="网站", origin_id="1", place="盘龙区北京路1号")
    assert found.handoffs and found.order is not None and found.ticket is not None
    return found


def test_the_loop_closes_only_with_feedback(desk: Desk, offered: Registered) -> None:
    handoff = offered.handoffs[0].id
    assert offered.order is not None and offered.ticket is not None
    desk.do(police(), handoffs.show, handoff)
    assert desk.handoff(offered.case.id).arrived_at == desk.now
    desk.do(police(), handoffs.accept, handoff)
    assert desk.order(offered.case.id).accepted_at == desk.now, "who accepts supervises and assesses"
    with pytest.raises(errors.Conflict):
        desk.do(operator(), tickets.close, offered.ticket.id)
    desk.do(police(), orders.dispatch, offered.order.id, STATION)
    desk.do(unit(STATION), orders.sign, offered.order.id)
    desk.wait(minutes=8)
    desk.do(unit(STATION), orders.arrive, offered.order.id)
    desk.do(unit(STATION), orders.feedback, offered.order.id, "当场查获三人", "民警已到场处置")
    assert desk.handoff(offered.case.id).state == "fed-back"
    ticket = desk.ticket(offered.case.id)
    assert (ticket.state, ticket.result) == ("feedback", "民警已到场处置"), "the caller's line gets what it may tell"
    desk.do(police(), orders.close, offered.order.id)
    desk.do(operator(), tickets.call_back, offered.ticket.id, reached=True, resolved=True)
    desk.do(operator(), tickets.close, offered.ticket.id)
    assert desk.case(offered.case.id).state == "closed"


def test_neither_face_closes_while_feedback_is_missing(desk: Desk, offered: Registered) -> None:
    assert offered.order is not None and offered.ticket is not None
    desk.do(police(), handoffs.accept, offered.handoffs[0].id)
    desk.do(police(), orders.answer, offered.order.id, "已电话劝离")
    assert desk.handoff(offered.case.id).state == "fed-back"
    desk.do(police(), orders.close, offered.order.id)
    assert desk.case(offered.case.id).state == "open", "12345 has not told the caller yet"


def test_a_return_needs_a_reason_then_the_two_negotiate_and_agree(desk: Desk, offered: Registered) -> None:
    handoff = offered.handoffs[0].id
    with pytest.raises(errors.Invalid, match="退回理由"):
        desk.do(police(), handoffs.return_, handoff, "")
    desk.do(police(), handoffs.return_, handoff, "系棋牌室噪声,不涉赌")
    desk.do(operator(), negotiation.negotiate, handoff)
    desk.wait(minutes=5)
    desk.do(operator(), negotiation.give_opinion, handoff, "110", "举报内容明确涉赌")
    with pytest.raises(errors.Conflict, match="双方"):
        desk.do(operator(), negotiation.fail, handoff, "谈不拢")
    desk.do(police(), negotiation.give_opinion, handoff, "110", "同意先去看")
    row = desk.handoff(offered.case.id)
    assert (row.state, row.owner, row.by_first_receiver) == ("settled", "110", False)
    assert desk.order(offered.case.id).accepted_at is not None
    settled = [one for one in desk.journal(offered.case.id) if one.action == "handoff.agree"][-1]
    assert settled.detail["seconds"] == 300, "who began, both opinions, the conclusion and how long it took are kept"


def test_without_agreement_whoever_answered_first_takes_it(desk: Desk, offered: Registered) -> None:
    handoff = offered.handoffs[0].id
    desk.do(police(), handoffs.return_, handoff, "不归110")
    desk.do(police(), negotiation.negotiate, handoff)
    desk.do(operator(), negotiation.give_opinion, handoff, "110", "归110")
    desk.do(police(), negotiation.give_opinion, handoff, "12345", "归12345")
    desk.do(operator(), negotiation.fail, handoff, "双方坚持")
    row = desk.handoff(offered.case.id)
    assert (row.owner, row.by_first_receiver, row.state) == ("12345", True, "fed-back")
    assert desk.ticket(offered.case.id).state == "registered" and desk.ticket(offered.case.id).accepted_at is not None
    assert desk.order(offered.case.id).state == "withdrawn"


def test_an_opinion_names_one_of_the_two(desk: Desk, offered: Registered) -> None:
    handoff = offered.handoffs[0].id
    desk.do(police(), handoffs.return_, handoff, "不归110")
    desk.do(operator(), negotiation.negotiate, handoff)
    with pytest.raises(errors.Invalid):
        desk.do(operator(), negotiation.give_opinion, handoff, "110-anning", "归安宁")
    with pytest.raises(errors.Forbidden):
        desk.do(police("110-anning"), negotiation.give_opinion, handoff, "110", "我看看")


def test_nobody_signs_and_both_sides_hear_of_it(desk: Desk, offered: Registered) -> None:
    expires = desk.handoff(offered.case.id).expires_at
    assert expires is not None
    desk.now = expires
    desk.ring()
    assert desk.handoff(offered.case.id).state == "expired"
    told = {one.unit for one in desk.rows(Notice, Notice.kind == "handoff-expired")}
    assert told == {"12345", "110"}
    desk.do(police(), handoffs.accept, offered.handoffs[0].id)
    assert desk.handoff(offered.case.id).state == "accepted", "late is better than never"
    desk.wait(days=1)
    desk.ring()
    assert desk.handoff(offered.case.id).state == "accepted", "a late timer moves nothing back"


def test_the_asker_gives_way(desk: Desk, offered: Registered) -> None:
    handoff = offered.handoffs[0].id
    desk.do(police(), handoffs.return_, handoff, "不涉赌")
    desk.do(operator(), negotiation.concede, handoff, "由12345派城管")
    assert desk.handoff(offered.case.id).owner == "12345"
    assert (desk.ticket(offered.case.id).state, desk.order(offered.case.id).state) == ("registered", "withdrawn")


def test_two_people_at_once_get_one_result(desk: Desk, offered: Registered) -> None:
    handoff = offered.handoffs[0]
    desk.do(police(), handoffs.accept, handoff.id, handoff.rev)
    with pytest.raises(errors.Stale):
        desk.do(police(), handoffs.return_, handoff.id, "不归我们", handoff.rev)
    assert desk.handoff(offered.case.id).state == "accepted"


def test_the_other_side_s_face_is_not_answered_by_the_asker(desk: Desk, offered: Registered) -> None:
    for step in (handoffs.accept, orders_dispatch):
        with pytest.raises(errors.Forbidden):
            desk.do(operator(), step, offered.handoffs[0].id if step is handoffs.accept else offered.order.id)  # type: ignore[union-attr]


async def orders_dispatch(work, order):  # type: ignore[no-untyped-def]
    return await orders.dispatch(work, order, None)


def test_a_matter_is_not_offered_twice_at_once(desk: Desk, offered: Registered) -> None:
    async def again(work):  # type: ignore[no-untyped-def]
        case = await work.hold(offered.case.id)
        return await handoffs.offer(work, case, to="110-anning", mode="online", reason="再转一次")

    with pytest.raises(errors.Conflict, match="尚未结束"):
        desk.do(operator(), again)


def test_an_agency_that_finds_danger_gets_police_with_the_ticket_s_contents(desk: Desk) -> None:
    found = desk.register(operator(), WAGES, kind="complaint", place="五华区人民中路1号")
    assert found.ticket is not None
    [mine] = desk.rows(Assignment, Assignment.case_id == found.case.id)
    desk.do(unit(LABOUR), assignments.sign, mine.id)
    desk.do(unit(LABOUR), assignments.handle, mine.id)
    row = desk.do(unit(LABOUR), handoffs.ask_police, found.ticket.id, "工人爬上塔吊")
    assert (row.mode, row.dangerous, row.to_centre) == ("agency", True, "110")
    order = desk.order(found.case.id)
    assert order.state == "dispatched" and order.danger_by == "person"
    assert desk.ticket(found.case.id).state == "handling", "the agency goes on"
    desk.do(unit(LABOUR), handoffs.ask_police, found.ticket.id, "又来了一批人")
    assert len(desk.rows(Handoff, Handoff.case_id == found.case.id)) == 1
    desk.do(unit(LABOUR), assignments.feedback, mine.id, "已调解")
    with pytest.raises(errors.Conflict, match="反馈"):
        desk.do(operator(), tickets.close, found.ticket.id, without_call_back="试试")


def test_only_who_has_the_ticket_asks_for_police(desk: Desk) -> None:
    found = desk.register(operator(), WAGES, kind="complaint", place="五华区")
    assert found.ticket is not None
    with pytest.raises(errors.Forbidden):
        desk.do(unit(OTHER_STATION), handoffs.ask_police, found.ticket.id, "我也要")


def test_a_confirmed_danger_is_dispatched_and_a_withdrawn_one_says_why(desk: Desk) -> None:
    words = "我不想活了,我现在站在楼顶上"
    first = desk.register(operator(), words, place="五华区", hand_over=False)
    second = desk.register(operator(), words, place="五华区", hand_over=False)
    assert first.order is not None and second.order is not None
    with pytest.raises(errors.Forbidden):
        desk.do(operator(), orders.confirm, first.order.id)
    desk.do(police(), orders.confirm, first.order.id)
    assert desk.order(first.case.id).state == "dispatched" and desk.order(first.case.id).confirmed_by == police().id
    with pytest.raises(errors.Invalid, match="撤销理由"):
        desk.do(police(), orders.withdraw, second.order.id, " ")
    desk.do(police(), orders.withdraw, second.order.id, "已电话核实,是玩笑")
    assert desk.order(second.case.id).withdrawn_reason == "已电话核实,是玩笑"
    desk.wait(minutes=5)
    desk.ring()
    assert desk.order(first.case.id).climbs == 0 and desk.order(second.case.id).climbs == 0


def test_danger_of_the_classifier_alone_is_handed_over_unconfirmed_and_comes_back_when_withdrawn(desk: Desk) -> None:
    found = desk.register(operator(), "我不想活了,我现在站在楼顶上", place="五华区")
    assert found.handoffs and found.handoffs[0].dangerous
    assert found.order is not None and (found.order.state, found.order.danger_by) == ("awaiting", "classifier")
    desk.do(police(), handoffs.accept, found.handoffs[0].id)
    assert desk.order(found.case.id).state == "awaiting", "signing the paper is not confirming the danger"
    desk.do(police(), orders.withdraw, found.order.id, "已电话核实,没有危险")
    row = desk.handoff(found.case.id)
    assert (row.state, row.return_reason) == ("returned", "已电话核实,没有危险")
    desk.do(operator(), negotiation.concede, row.id)
    assert desk.ticket(found.case.id).state == "registered" and desk.ticket(found.case.id).accepted_at is not None


def test_a_complaint_about_police_never_goes_to_the_unit_complained_of(desk: Desk) -> None:
    ticks = Ticks(police_complaint="ongoing", complained_of=POLICE_BUREAU)
    found = desk.register(police(), "民警现在就在我家门口骂人", ticks=ticks, place="五华区")
    assert found.order is not None and found.order.kind == "complaint"
    for below in (POLICE_BUREAU, STATION, OTHER_STATION):
        with pytest.raises(errors.Conflict, match="被投诉"):
            desk.do(police(), orders.dispatch, found.order.id, below)
    sideways = desk.register(
        police(), "民警态度恶劣", ticks=Ticks(police_complaint="ongoing", complained_of=STATION), place="五华区"
    )
    assert sideways.order is not None
    with pytest.raises(errors.Conflict):
        desk.do(police(), orders.dispatch, sideways.order.id, STATION)
    desk.do(police(), orders.dispatch, sideways.order.id, OTHER_STATION)
    assert desk.order(sideways.case.id).unit == OTHER_STATION


def test_supervision_is_the_accepting_platform_s_and_needs_an_answer(desk: Desk, offered: Registered) -> None:
    async def issue(work, face, demand):  # type: ignore[no-untyped-def]
        return await supervision.issue(work, await supervision.face_of(work, face), None, demand)

    assert offered.order is not None and offered.ticket is not None
    with pytest.raises(errors.Forbidden, match="受理"):
        desk.do(police(), issue, offered.order.id, "请尽快")
    desk.do(police(), handoffs.accept, offered.handoffs[0].id)
    with pytest.raises(errors.Forbidden):
        desk.do(operator(), issue, offered.order.id, "请尽快")
    desk.do(police(), orders.dispatch, offered.order.id, STATION)
    row = desk.do(police(), issue, offered.order.id, "请一小时内反馈")
    with pytest.raises(errors.Forbidden):
        desk.do(unit(OTHER_STATION), supervision.answer, row.id, "不是我")
    answered = desk.do(unit(STATION), supervision.answer, row.id, "正在处置")
    assert answered.state == "answered"
    assert desk.do(police(), supervision.insist, row.id, "请说明结果").state == "issued"
    desk.do(unit(STATION), supervision.answer, row.id, "已处置完毕")
    assert desk.do(police(), supervision.close, row.id).state == "closed"


# --- by call ---------------------------------------------------------------------------------------------------------


def transfer(**more: object) -> contract.TransferFacts:
    facts: dict[str, object] = {
        "id": "t-1",
        "call": "c-1",
        "rev": 1,
        "kind": "one-key",
        "by": "key",
        "asker": "p-1",
        "asker_seat": "8001",
        "from_centre": "12345",
        "target": "110",
        "to_centre": "110",
        "started_at": 1_795_572_000.0,
    }
    return contract.TransferFacts(**{**facts, **more})  # type: ignore[arg-type]


def test_a_transfer_by_keys_makes_the_handoff_of_the_call_s_draft(desk: Desk) -> None:
    draft = desk.do(SYSTEM, cases.open_draft, call="c-1", centre="12345", caller="13800138000", answered_at=desk.now, seat="8001")
    desk.do(SYSTEM, transfers.follow, transfer())
    desk.do(SYSTEM, transfers.follow, transfer(rev=2, ringing_at=1_795_572_002.0))
    facts = transfer(
        rev=3,
        ringing_at=1_795_572_002.0,
        answered_at=1_795_572_005.0,
        answered_by="9001",
        outcome="answered",
        ended_at=1_795_572_005.0,
    )
    desk.do(SYSTEM, transfers.follow, facts)
    desk.do(SYSTEM, transfers.follow, transfer(rev=2, ringing_at=1_795_572_002.0))
    [row] = desk.rows(Handoff)
    assert (row.case_id, row.mode, row.transfer_id) == (draft.id, "call", "t-1")
    assert row.rung_at is not None and row.answered_at is not None
    assert (row.answered_at - row.rung_at).total_seconds() == 3
    assert row.arrived_at == row.answered_at
    assert desk.order(draft.id).state == "registered"


def test_a_transfer_that_nobody_answers_leaves_the_offer_to_be_taken_online(desk: Desk) -> None:
    desk.do(SYSTEM, cases.open_draft, call="c-1", centre="12345", caller=None, answered_at=desk.now)
    desk.do(SYSTEM, transfers.follow, transfer(outcome="no_answer", ended_at=1_795_572_015.0, went_back_to="asker", rev=2))
    [row] = desk.rows(Handoff)
    assert row.state == "offered" and row.answered_at is None
    noted = [one for one in desk.journal(row.case_id) if one.action == "handoff.transfer"][-1]
    assert noted.detail["outcome"] == "no_answer" and noted.detail["went_back_to"] == "asker"


def test_a_dangerous_transfer_has_its_police_order_before_anybody_answers(desk: Desk) -> None:
    draft = desk.do(SYSTEM, cases.open_draft, call="c-1", centre="12345", caller=None, answered_at=desk.now)
    desk.do(SYSTEM, transfers.follow, transfer(dangerous=True))
    [order] = desk.rows(PoliceOrder, PoliceOrder.case_id == draft.id)
    assert order.state == "dispatched"


def test_registering_during_the_call_uses_the_handoff_of_the_transfer(desk: Desk) -> None:
    desk.do(SYSTEM, cases.open_draft, call="c-1", centre="12345", caller=None, answered_at=desk.now)
    found = desk.register(operator(), "有人在楼下聚众赌博", call="c-1", place="盘龙区")
    desk.do(SYSTEM, transfers.follow, transfer())
    [row] = desk.rows(Handoff)
    assert row.case_id == found.case.id and row.transfer_id == "t-1" and row.mode == "call"


def test_a_danger_that_a_dispatcher_has_withdrawn_is_not_found_again_by_the_same_words(desk: Desk) -> None:
    found = desk.register(operator(), "我不想活了,我现在站在楼顶上", place="五华区", hand_over=False)
    assert found.order is not None
    desk.do(police(), orders.withdraw, found.order.id, "已电话核实,没有危险")
    desk.do(operator(), allocate.overrule, found.case.id, Ticks(belongs="12345"), "诉求人要求心理援助")
    assert desk.order(found.case.id).state == "withdrawn"
    desk.do(operator(), allocate.overrule, found.case.id, Ticks(danger=True), "又说要跳")
    assert desk.order(found.case.id).state == "dispatched", "a person who says danger is heard at any time"
