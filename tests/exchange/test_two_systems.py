"""Two installations of our own against each other: a matter goes over, is worked on, and comes back; both see one truth."""

from __future__ import annotations

from typing import Any

import pytest

from router import errors
from router.casework import attachments, handoffs, negotiation, orders, tickets
from router.casework.work import Work
from router.exchange.errors import UnknownCase
from router.storage.casework import Attachment, Case, Handoff, Notice, SupervisionOrder
from router.supervision import orders as supervision
from tests.casework.parts import STATION, operator, police
from tests.exchange.parts import Installation, exchange

WORDS = "有人在楼下聚众赌博"
NUMBER = "13800001234"


async def offer(work: Work, case: str, to: str, dangerous: bool = False) -> Handoff:
    return await handoffs.offer(work, await work.hold(case), to=to, mode="online", reason="明确属于对方", dangerous=dangerous)


def register(one: Installation, actor: Any, to: str, *, dangerous: bool = False, **more: Any) -> Case:
    """A matter at one system, offered to the other."""
    given = {
        "channel": "web",
        "origin": "网站",
        "origin_id": "1",
        "place": "盘龙区北京路1号",
        "hand_over": False,
        "dispatch": False,
    }
    found = one.desk.register(actor, WORDS, caller_number="13800001234", caller_name="赵一一", **{**given, **more})
    one.desk.do(actor, offer, found.case.id, to, dangerous)
    return found.case


def mirrored(one: Installation) -> Case:
    """The case that came from the peer."""
    (found,) = one.desk.rows(Case, Case.channel == "web")
    return found


def test_a_matter_goes_over_is_handled_and_comes_back(hotline: Installation, police_line: Installation) -> None:
    case = register(hotline, operator(), "110")
    assert exchange(hotline, police_line)[0] == ("kunming-12345", "handoff")
    theirs = mirrored(police_line)
    assert (theirs.words, theirs.caller_number, theirs.caller_name, theirs.place) == (WORDS, NUMBER, "赵一一", case.place)
    assert (theirs.origin, theirs.origin_id, theirs.first_centre) == ("kunming-12345", case.number, "12345")
    (offered,) = police_line.desk.rows(Handoff)
    assert (offered.mode, offered.state, offered.to_centre) == ("peer", "offered", "110")

    police_line.desk.do(police(), handoffs.accept, offered.id)
    exchange(hotline, police_line)
    assert hotline.desk.handoff(case.id).state == "accepted"
    order = police_line.desk.order(theirs.id)
    police_line.desk.do(police(), orders.dispatch, order.id, STATION)
    police_line.desk.do(police(), orders.sign, order.id)
    police_line.wait(minutes=9)
    police_line.desk.do(police(), orders.arrive, order.id)
    exchange(hotline, police_line)
    mirror = hotline.desk.order(case.id)
    assert (mirror.state, mirror.unit) == ("arrived", STATION)

    police_line.desk.do(police(), orders.feedback, order.id, "查获三人,现场有线人", "民警已到场处置")
    exchange(hotline, police_line)
    assert hotline.desk.handoff(case.id).state == police_line.desk.handoff(theirs.id).state == "fed-back"
    ticket = hotline.desk.ticket(case.id)
    assert (ticket.state, ticket.result) == ("feedback", "民警已到场处置"), "what is for police only stays with the police"
    assert "线人" not in str(police_line.sent())

    police_line.desk.do(police(), orders.close, order.id)
    exchange(hotline, police_line)
    hotline.desk.do(operator(), tickets.call_back, ticket.id, reached=True, resolved=True)
    hotline.desk.do(operator(), tickets.close, ticket.id)
    assert hotline.desk.case(case.id).state == "closed"
    exchange(hotline, police_line)
    assert police_line.desk.case(theirs.id).state == "closed"


def test_the_other_direction_works_the_same(hotline: Installation, police_line: Installation) -> None:
    case = register(police_line, police(), "12345", origin_id="9")
    exchange(hotline, police_line)
    theirs = mirrored(hotline)
    assert theirs.first_centre == "110" and theirs.words == WORDS
    hotline.desk.do(operator(), handoffs.accept, hotline.desk.handoff(theirs.id).id)
    ticket = hotline.desk.ticket(theirs.id)
    hotline.desk.do(operator(), tickets.answer, ticket.id, "已答复诉求人")
    exchange(hotline, police_line)
    assert police_line.desk.handoff(case.id).state == "fed-back"
    assert police_line.desk.order(case.id).result_public == "已答复诉求人"


def test_danger_sends_police_at_once_whatever_else_is_undecided(hotline: Installation, police_line: Installation) -> None:
    from router.allocation.decision import Ticks

    case = register(hotline, operator(), "110", dangerous=True, ticks=Ticks(danger=True))
    assert case.urgency == "danger"
    exchange(hotline, police_line)
    theirs = mirrored(police_line)
    order = police_line.desk.order(theirs.id)
    assert order.state == "dispatched" and order.danger_by == "peer"
    assert police_line.desk.handoff(theirs.id).state == "offered", "the paper is signed afterwards"
    assert police_line.desk.handoff(theirs.id).dangerous


def test_a_return_is_negotiated_between_the_systems(hotline: Installation, police_line: Installation) -> None:
    case = register(hotline, operator(), "110")
    exchange(hotline, police_line)
    theirs = mirrored(police_line)
    offered = police_line.desk.handoff(theirs.id)
    police_line.desk.do(police(), handoffs.return_, offered.id, "属长期噪声投诉")
    exchange(hotline, police_line)
    mine = hotline.desk.handoff(case.id)
    assert (mine.state, mine.return_reason) == ("returned", "属长期噪声投诉")

    hotline.desk.do(operator(), negotiation.negotiate, mine.id)
    hotline.desk.do(operator(), negotiation.give_opinion, mine.id, "110", "正在发生,劝阻不听")
    exchange(hotline, police_line)
    assert police_line.desk.handoff(theirs.id).state == "negotiating"
    police_line.desk.do(police(), negotiation.give_opinion, offered.id, "110", "同意先到场")
    exchange(hotline, police_line)
    ends = [one.desk.handoff(at).owner for one, at in ((hotline, case.id), (police_line, theirs.id))]
    states = {one.desk.handoff(at).state for one, at in ((hotline, case.id), (police_line, theirs.id))}
    assert ends == ["110", "110"] and states == {"settled"}


def test_without_agreement_both_come_to_the_first_receiver(hotline: Installation, police_line: Installation) -> None:
    case = register(hotline, operator(), "110")
    exchange(hotline, police_line)
    theirs = mirrored(police_line)
    police_line.desk.do(police(), handoffs.return_, police_line.desk.handoff(theirs.id).id, "不归110")
    exchange(hotline, police_line)
    mine = hotline.desk.handoff(case.id)
    hotline.desk.do(operator(), negotiation.negotiate, mine.id)
    hotline.desk.do(operator(), negotiation.give_opinion, mine.id, "110", "归110")
    exchange(hotline, police_line)
    police_line.desk.do(police(), negotiation.give_opinion, police_line.desk.handoff(theirs.id).id, "12345", "归12345")
    exchange(hotline, police_line)
    hotline.desk.do(operator(), negotiation.fail, mine.id, "双方坚持")
    exchange(hotline, police_line)
    for one, at in ((hotline, case.id), (police_line, theirs.id)):
        row = one.desk.handoff(at)
        assert (row.owner, row.by_first_receiver) == ("12345", True)
    assert hotline.desk.ticket(case.id).state == "registered" and police_line.desk.order(theirs.id).state == "withdrawn"


def test_the_asker_gives_way_or_takes_the_offer_back(hotline: Installation, police_line: Installation) -> None:
    case = register(hotline, operator(), "110")
    exchange(hotline, police_line)
    theirs = mirrored(police_line)
    police_line.desk.do(police(), handoffs.return_, police_line.desk.handoff(theirs.id).id, "不归110")
    exchange(hotline, police_line)
    hotline.desk.do(operator(), negotiation.concede, hotline.desk.handoff(case.id).id, "由12345办理")
    exchange(hotline, police_line)
    assert police_line.desk.handoff(theirs.id).owner == "12345"
    hotline.desk.do(operator(), offer, case.id, "110")
    exchange(hotline, police_line)
    hotline.desk.do(operator(), handoffs.cancel, sorted(hotline.desk.rows(Handoff), key=lambda h: h.id)[-1].id, "诉求人撤回")
    exchange(hotline, police_line)
    assert sorted(one.state for one in police_line.desk.rows(Handoff)) == ["cancelled", "fed-back"]


def test_attachments_travel_and_police_only_ones_stay(hotline: Installation, police_line: Installation) -> None:
    given = {
        "channel": "web",
        "origin": "网站",
        "origin_id": "1",
        "place": "盘龙区北京路1号",
        "hand_over": False,
        "dispatch": False,
    }
    case = police_line.desk.register(police(), WORDS, **given).case
    police_line.desk.do(police(), attachments.add, case.id, "说明.txt", "公开".encode())
    police_line.desk.do(police(), attachments.add, case.id, "内部.txt", "线索".encode(), police_only=True)
    police_line.desk.do(police(), offer, case.id, "12345")
    exchange(hotline, police_line)
    (came,) = hotline.desk.rows(Attachment)
    assert came.name == "说明.txt" and hotline.desk.town.attachments.read(came.sha256) == "公开".encode()


def test_a_caller_who_wants_to_stay_unknown_is_masked_for_the_hotline(hotline: Installation, police_line: Installation) -> None:
    register(police_line, police(), "12345", confidentiality="caller")
    exchange(hotline, police_line)
    came = mirrored(hotline)
    assert (came.caller_number, came.caller_name, came.confidentiality) == (None, None, "caller")
    said = police_line.sent()[0]["body"]["matter"]["caller"]
    assert said["masked"] is True and said["name"] == "赵**" and "0000" not in said["number"]


def test_supervision_gets_its_answer_across_the_systems(hotline: Installation, police_line: Installation) -> None:
    from router.exchange.casework import Visit
    from router.exchange.incoming import actor_of
    from router.exchange.message import Supervision

    case = register(hotline, operator(), "110")
    exchange(hotline, police_line)
    theirs = mirrored(police_line)
    police_line.desk.do(police(), handoffs.accept, police_line.desk.handoff(theirs.id).id)
    exchange(hotline, police_line)
    demand = Supervision(number="D1", face="order", about="J1", demand="请反馈进展", issued_at=hotline.desk.now)

    async def step(work: Work) -> str:
        visit = Visit(work.session, police_line.peer(), actor_of(police_line.peer()), work.now, "110")
        return await police_line.services.supervise(visit, theirs.id, demand)

    made = police_line.desk.do(police(), step)
    assert police_line.desk.rows(Notice, Notice.kind == "supervision")
    police_line.desk.do(police(), supervision.answer, made, "已到场,正在处置")
    police_line.publish()
    answer = police_line.sent()[-1]
    assert answer["kind"] == "answer" and answer["body"]["number"] == "D1"
    result = hotline.take(answer)
    assert isinstance(result.refusal, UnknownCase), "12345 has no supervision order of that number"
    assert hotline.desk.rows(SupervisionOrder) == [] and case.id


def test_both_systems_work_on_while_the_line_is_down_and_catch_up(hotline: Installation, police_line: Installation) -> None:
    first = register(hotline, operator(), "110")
    second = register(hotline, operator(), "110", origin_id="2")
    other = register(police_line, police(), "12345", origin_id="3")
    hotline.desk.do(operator(), handoffs.cancel, hotline.desk.handoff(second.id).id, "重复登记")
    told = exchange(hotline, police_line)
    assert [kind for system, kind in told if system == "kunming-12345"][:3] == ["handoff", "handoff", "cancellation"]
    assert {one.origin_id for one in police_line.desk.rows(Case, Case.origin == "kunming-12345")} == {first.number, second.number}
    assert {one.origin_id for one in hotline.desk.rows(Case, Case.origin == "kunming-110")} == {other.number}


def test_messages_go_out_only_to_whom_they_concern(hotline: Installation, police_line: Installation) -> None:
    given = {"channel": "web", "origin": "网站", "place": "盘龙区北京路1号", "hand_over": False, "dispatch": False}
    alone = hotline.desk.register(operator(), "请问社保怎么交", origin_id="7", **given)
    hotline.desk.do(operator(), offer, alone.case.id, "110-anning")
    hotline.publish()
    assert hotline.sent() == [], "another desk's matter"


def test_a_confused_peer_can_do_nothing_to_cases_that_are_not_its_own(hotline: Installation, police_line: Installation) -> None:
    secret = hotline.desk.register(operator(), "请问社保怎么交", channel="web", origin="网站", origin_id="7", hand_over=False)
    case = register(hotline, operator(), "110", origin_id="8")
    exchange(hotline, police_line)
    police_line.desk.do(police(), handoffs.accept, police_line.desk.handoff(mirrored(police_line).id).id)
    police_line.publish()
    document = next(one for one in police_line.sent() if one["kind"] == "acceptance")
    document["case"] = {"system": "kunming-12345", "number": secret.case.number}
    document["sequence"], document["id"] = 1, "forged"
    result = hotline.take(document)
    assert isinstance(result.refusal, UnknownCase)
    assert hotline.desk.handoff(case.id).state == "offered"


def test_what_our_rules_forbid_is_refused_with_their_code(hotline: Installation, police_line: Installation) -> None:
    case = register(hotline, operator(), "110")
    exchange(hotline, police_line)
    offered = police_line.desk.handoff(mirrored(police_line).id)
    police_line.desk.do(police(), handoffs.accept, offered.id)
    hotline.desk.do(operator(), handoffs.cancel, hotline.desk.handoff(case.id).id, "刚好同时取消")
    police_line.publish()
    document = next(one for one in police_line.sent() if one["kind"] == "acceptance")
    first = next(one for one in police_line.sent() if one["sequence"] == 1)
    assert first["id"] == document["id"] or hotline.take(first).refusal is None
    result = hotline.take(document)
    assert isinstance(result.refusal, errors.ImpossibleTransition)
    assert hotline.desk.handoff(case.id).state == "cancelled"


@pytest.mark.parametrize("times", [2, 3])
def test_a_repeated_push_makes_no_second_case(hotline: Installation, police_line: Installation, times: int) -> None:
    register(hotline, operator(), "110")
    hotline.publish()
    for document in hotline.sent():
        for number in range(times):
            result = police_line.take({**document, "sent_at": f"2026-11-25T10:0{number}:00+08:00"})
            assert result.receipt is not None and result.receipt.status == ("repeated" if number else "taken")
            assert result.receipt.case is not None
    assert len(police_line.desk.rows(Case)) == len(police_line.desk.rows(Handoff)) == 1
