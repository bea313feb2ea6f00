"""Which seat is rung, and when a seat is available: skills, unreachable phones, wrap-up, pauses, feature keys."""

from __future__ import annotations

import json

import pytest

from robots import ear
from robots.handset import Behaviour, Phone, answer, mute, ring
from robots.town import Town
from telephony import contract
from tests.town.look import Look
from tests.town.prompts import Prompts


@pytest.fixture(scope="module")
def installation(waiting_room: Town) -> Town:
    return waiting_room


def signed_in(town: Town, *seats: tuple[str, Behaviour]) -> list[Phone]:
    """Phones that sign in one after the other, so that the first has been free for longest."""
    found = []
    for seat, behaviour in seats:
        phone = town.seat(seat, behaviour)
        phone.ready().registered()
        found.append(phone)
    return found


def test_longest_idle_seat_is_rung_first_among_equals(town: Town, look: Look) -> None:
    seats = {seat: town.seat(seat, answer()) for seat in ("8001", "8002")}
    citizen = town.citizen("13800000201")
    town.everybody_ready()
    order = []
    for _ in range(3):
        call = citizen.dial(town.number("12345"))
        citizen.wait_for("answered", call=call)
        live = look.live_call(citizen.user).call.id
        town.until(lambda live=live: [one for one in look.live() if one.call.id == live and one.call.answered_by], "an answer")
        citizen.hang_up(call)
        record = look.ended(live).call
        assert record is not None
        order.append(record.answered_by)
        for seat in seats:
            look.seat_is(seat, status="available", state="idle")
    assert order[0] != order[1] and order[0] == order[2]


def test_seat_of_a_lower_skill_priority_waits_for_the_others_to_be_busy(town: Town, look: Look) -> None:
    linkage, ordinary = signed_in(town, ("8007", answer()), ("8001", answer()))
    first, second = town.citizen("13800000202"), town.citizen("13800000203")
    town.everybody_ready()
    look.seat_is("8001", status="available")
    first.dial(town.number("12345"))
    assert ordinary.wait_for("incoming")["caller"] == first.user
    second.dial(town.number("12345"))
    assert linkage.wait_for("incoming")["caller"] == second.user


def test_step_without_a_signed_in_seat_is_skipped_at_once(town: Town, look: Look) -> None:
    linkage = town.seat("9101", answer())
    citizen = town.citizen("13800000204")
    town.everybody_ready()
    citizen.dial(town.number("110"))
    linkage.wait_for("answered")
    citizen.hang_up()
    record = look.last(citizen.user).call
    assert record is not None and record.answered_by == "9101"
    assert record.waited is not None and record.waited < 50, "dispatchers have a minute for themselves"


def test_transfer_rings_the_linkage_seat_first_and_the_ordinary_queue_after_its_time(town: Town, look: Look) -> None:
    operator = town.seat("8001", answer())
    linkage, dispatcher = town.seat("9101", answer()), town.seat("9001", answer())
    citizen = town.citizen("13800000205")
    town.everybody_ready()
    look.seat_is("9101", status="available")
    look.status("9101", "paused", "meal")
    citizen.dial(town.number("12345"))
    citizen.hear(operator.tone)
    operator.keys("*1")
    dispatcher.wait_for("answered")
    citizen.hear(dispatcher.tone)
    citizen.hang_up()
    (transfer,) = look.last(citizen.user).transfers
    assert (transfer.step, transfer.answered_by) == (1, "9001")
    assert transfer.answered_at is not None and transfer.answered_at - transfer.started_at >= 1.9, "two seconds for 专席 alone"
    assert not linkage.seen("incoming")


def test_phone_that_does_not_react_is_passed_over_and_marked(town: Town, look: Look) -> None:
    dead, other, third = signed_in(town, ("8001", mute()), ("8002", answer()), ("8003", answer()))
    first, second = town.citizen("13800000206"), town.citizen("13800000207")
    town.everybody_ready()
    look.seat_is("8003", status="available")
    first.dial(town.number("12345"))
    assert dead.wait_for("ignored", method="INVITE")
    other.wait_for("answered")
    assert look.seat("8001").unreachable_at > 0
    first.hear(other.tone)
    second.dial(town.number("12345"))
    second.hear(third.tone)
    calls = {event["sip_call_id"] for event in dead.seen("ignored", method="INVITE")}
    assert len(calls) == 1, "the second caller does not wait for the dead phone"
    first.hang_up()
    second.hang_up()
    causes = {p.seat: p.end_cause for p in look.last(first.user).parties if p.seat}
    assert causes["8001"] == "unreachable"
    assert not ear.silences(first.finished_tape(), 1.5)


def test_phone_that_rings_in_vain_is_followed_by_the_next(town: Town, look: Look) -> None:
    absent, present = signed_in(town, ("8001", ring()), ("8002", answer()))
    citizen = town.citizen("13800000208")
    town.everybody_ready()
    look.seat_is("8002", status="available")
    citizen.dial(town.number("12345"))
    absent.wait_for("incoming")
    absent.wait_for("ended")
    citizen.hear(present.tone)
    citizen.hang_up()
    record = look.last(citizen.user)
    party = next(p for p in record.parties if p.seat == "8001")
    assert party.end_cause == "no_answer" and party.ringing_at is not None and party.left_at is not None
    assert party.left_at - party.ringing_at >= 2.5, "it was rung for three seconds"
    assert look.seat("8001").unreachable_at == 0


def test_wrap_up_survives_a_transfer_and_is_ended_by_key_or_command(town: Town, look: Look, prompts: Prompts) -> None:
    operator, police = town.seat("8005", answer()), town.seat("9101", answer())
    citizen, next_one = town.citizen("13800000209"), town.citizen("13800000210")
    town.everybody_ready()
    citizen.dial(town.number("12345"))
    citizen.hear(operator.tone)
    operator.keys("*1")
    citizen.hear(police.tone)
    look.seat_is("8005", status="wrap-up", state="idle")
    citizen.hang_up()
    look.last(citizen.user)
    assert look.seat("8005").status == "wrap-up", "the end of the call that was handed over changes nothing"
    next_one.dial(town.number("12345"))
    next_one.wait_for("answered")
    operator.forget()
    asked = operator.dial("*12")
    prompts.hear(operator, "wrap_up_ended", call=asked, seconds=1)
    rang = operator.wait_for("incoming")
    assert rang["caller"] == next_one.user
    next_one.hear(operator.tone)
    next_one.hang_up()
    look.seat_is("8005", status="wrap-up")
    town.hotline("calls", "seat", "8005", "available")
    look.seat_is("8005", status="available")


def test_dialled_keys_pause_a_seat_and_make_it_available_again(town: Town, look: Look, prompts: Prompts) -> None:
    operator = town.seat("8001", answer())
    citizen = town.citizen("13800000211")
    town.everybody_ready()
    paused = operator.dial("*11")
    prompts.hear(operator, "paused", call=paused, seconds=0.8)
    look.seat_is("8001", status="paused")
    citizen.dial(town.number("12345"))
    citizen.wait_for("answered")
    operator.wait_for("ended", call=paused)
    assert not operator.seen("incoming")
    ready = operator.dial("*10")
    prompts.hear(operator, "available", call=ready, seconds=0.8)
    citizen.hear(operator.tone)
    unknown = operator.dial("*99")
    prompts.hear(operator, "unknown_key", call=unknown, seconds=0.8)


def test_pause_has_a_reason_of_the_configuration_and_is_on_record(town: Town, look: Look) -> None:
    town.seat("8002", ring())
    town.everybody_ready()
    look.seat_is("8002", status="available")
    town.hotline("calls", "seat", "8002", "paused", "--reason", "training")
    assert look.seat("8002").reason == "training"
    told = town.hotline("calls", "seat", "8002", "paused", "--reason", "golf", ok=False)
    assert "golf" in told and "training" in told, "the error names the reasons there are"
    history = town.until(lambda: look.seat_history("8002"), "the seat's history")
    town.until(lambda: [h for h in look.seat_history("8002") if h.reason == "training"], f"the pause in {history}")


def test_registering_makes_a_seat_available_and_unregistering_signs_it_off(town: Town, look: Look) -> None:
    phone = town.seat("8003", ring())
    town.everybody_ready()
    look.seat_is("8003", registered=True, status="available")
    phone.unregister()
    phone.wait_for("unregistered")
    look.seat_is("8003", registered=False, status="off")
    phone.register()
    look.seat_is("8003", registered=True, status="available")


def test_seat_of_another_centre_helps_and_is_withdrawn_in_mid_call(town: Town, look: Look) -> None:
    helper = town.seat("9201", answer())
    city, county, late = (town.citizen(f"1380000021{n}") for n in range(3))
    town.everybody_ready()
    look.seat_is("9201", status="available")
    assert look.do(contract.JoinQueue, seat="9201", centre="110", groups=("linkage",), home="530181").ok
    assert look.do(contract.JoinQueue, seat="9201", centre="110", groups=("dispatch",), home="530181").ok, "said otherwise"
    refused = look.do(contract.JoinQueue, seat="9201", centre="12345", groups=("general",), home="530181")
    assert (refused.ok, refused.code) == (False, "queue.kind")
    county.dial(town.number("1101"))
    county.hear(helper.tone)
    own = look.party(look.live_call(county.user).call.id, "9201")
    assert (own.centre, own.home) == ("110-anning", ""), "its own centre's callers are not forgotten"
    county.hang_up()
    look.seat_is("9201", status="available", state="idle")

    city.dial(town.number("110"))
    city.hear(helper.tone)
    assert "昆明市公安局110指挥中心" in helper.seen("incoming")[-1]["display"]
    call = look.live_call(city.user).call.id
    party = look.party(call, "9201")
    assert (party.role, party.centre, party.home) == ("police", "110", "530181")
    shown = {one["seat"]: one for one in json.loads(town.hotline("seats", "status", "--centre", "110", "--json"))}
    assert [one["home"] for one in shown["9201"]["helps"]] == ["530181"] and shown["9201"]["state"] == "talking"
    assert not shown["9001"]["helps"] and "9202" not in shown
    assert look.do(contract.LeaveQueue, seat="9201", centre="110").ok
    assert look.do(contract.LeaveQueue, seat="9201", centre="110").ok, "twice is no harm"
    assert look.party(call, "9201").left_at is None, "the call goes on"
    city.hang_up()
    look.seat_is("9201", status="available", state="idle")
    record = look.ended(call).call
    assert record is not None
    assert (record.centre, record.overflowed_to, record.answered_by) == ("110", "", "9201")

    late.dial(town.number("110"))
    late.wait_for("answered")
    town.until(lambda: look.live_call(late.user).call.queued_at, "the caller to wait")
    late.tape_reaches(2)
    late.hang_up()
    assert [one["caller"] for one in helper.seen("incoming")] == [county.user, city.user]
