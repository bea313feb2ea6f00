"""Waiting for somebody who answers: greeting, music, position, order, overflow, on real phones."""

from __future__ import annotations

import pytest

from robots import ear
from robots.handset import Phone, answer, ring
from robots.town import Town
from telephony.speech import phrases
from tests.town.look import Look
from tests.town.prompts import Prompts


@pytest.fixture(scope="module")
def installation(waiting_room: Town) -> Town:
    return waiting_room


def waits(caller: Phone, town: Town, look: Look, number: str = "12345") -> str:
    """A caller dials and is in the queue; the id of the call."""
    caller.dial(town.number(number))
    caller.wait_for("answered")
    return look.live_call(caller.user).call.id


def test_free_seat_rings_while_the_greeting_plays(town: Town, prompts: Prompts) -> None:
    operator = town.seat("8001", ring())
    citizen = town.citizen("13800000101")
    town.everybody_ready()
    citizen.dial(town.number("12345"))
    rang = operator.wait_for("incoming")
    greeted = prompts.hear(citizen, "greeting_12345")
    assert citizen.on_tape(rang) - greeted < 2, "the phone rings long before the greeting is over"
    operator.answer()
    citizen.hear(operator.tone)
    numbered = prompts.hear(citizen, phrases.seat("8001"), seconds=1.5)
    citizen.hang_up()
    operator.wait_for("ended")
    tape = citizen.finished_tape()
    assert numbered > greeted
    assert not ear.silences(tape, 1.5)


def test_110_answers_with_a_short_phrase_only(prompts: Prompts) -> None:
    assert ear.duration(prompts.samples("greeting_110", 60)) < 6


def test_caller_without_a_seat_hears_so_and_is_answered_when_one_signs_in(town: Town, prompts: Prompts) -> None:
    citizen = town.citizen("13800000102")
    town.everybody_ready()
    citizen.dial(town.number("12345"))
    prompts.hear(citizen, "no_seats", patience=40)
    operator = town.seat("8001", answer())
    operator.wait_for("answered")
    citizen.hear(operator.tone)
    citizen.hang_up()
    operator.wait_for("ended")
    assert not ear.silences(citizen.finished_tape(), 1.5)


def test_waiting_callers_are_told_their_position_and_served_in_order(town: Town, look: Look, prompts: Prompts) -> None:
    operator = town.seat("8001", answer())
    first, second = town.citizen("13800000103"), town.citizen("13800000104")
    town.everybody_ready()
    look.seat_is("8001", status="available")
    look.status("8001", "paused", "meal")
    calls = [waits(first, town, look), waits(second, town, look)]
    prompts.hear(first, phrases.position(1), seconds=2.5, patience=40)
    prompts.hear(second, phrases.position(2), seconds=2.5, patience=40)
    look.status("8001", "available")
    first.hear(operator.tone)
    second.tape_reaches(second.on_tape(operator.wait_for("answered")) + 1)
    first.hang_up()
    second.hear(operator.tone)
    second.hang_up()
    records = [look.ended(call) for call in calls]
    for citizen in (first, second):
        tape = citizen.finished_tape()
        assert not ear.silences(tape, 1.5)
        assert ear.speech_like(tape), "music and prompts while waiting"
    one, two = (record.call for record in records)
    assert one is not None and two is not None and one.answered_at is not None and two.answered_at is not None
    assert one.answered_at < two.answered_at
    assert one.waited == pytest.approx(one.answered_at - (one.queued_at or 0), abs=0.01)


def test_direct_caller_to_110_goes_before_a_transfer_that_waited_longer(town: Town, look: Look) -> None:
    operator, police = town.seat("8001", answer()), town.seat("9001", answer())
    handed, direct = town.citizen("13800000105"), town.citizen("13800000106")
    town.everybody_ready()
    look.seat_is("9001", status="available")
    look.status("9001", "paused", "meal")
    call = waits(handed, town, look)
    handed.hear(operator.tone)
    operator.keys("*3")
    look.town.until(lambda: look.live_call(handed.user).transfers, "the transfer")
    waits(direct, town, look, "110")
    look.status("9001", "available")
    assert police.wait_for("incoming")["caller"] == direct.user
    direct.hear(police.tone)
    direct.hang_up()
    handed.hang_up()
    operator.hang_up()
    look.ended(call)


def test_two_callers_at_once_never_win_the_same_seat(town: Town, look: Look) -> None:
    seats = [town.seat(seat, answer()) for seat in ("8001", "8002")]
    citizens = [town.citizen(f"1380000011{n}") for n in range(3)]
    town.everybody_ready()
    calls = [citizen.dial(town.number("12345")) for citizen in citizens]
    for citizen, call in zip(citizens, calls, strict=True):
        citizen.wait_for("answered", call=call)
    for seat in seats:
        seat.wait_for("answered")
    by_number = {citizen.user: citizen for citizen in citizens}

    def answered() -> dict[str, Phone] | None:
        found = {one.call.answered_by: by_number[one.call.caller or ""] for one in look.live() if one.call.answered_by}
        return found if len(found) == 2 else None

    served = town.until(answered, "two of three callers to be answered")
    assert set(served) == {"8001", "8002"}
    for seat in seats:
        served[seat.user].hear(seat.tone)
    third = next(c for c in citizens if c not in served.values())
    served["8001"].hang_up()
    third.hear(seats[0].tone)
    for citizen in (third, served["8002"]):
        citizen.hang_up()
    for seat in seats:
        _one_at_a_time(seat)


def _one_at_a_time(seat: Phone) -> None:
    """No phone ever rings while it has a call."""
    busy: set[int] = set()
    for event in seat.history:
        if event["event"] == "incoming":
            assert not busy, f"{seat.name} was rung twice"
            busy.add(event["call"])
        elif event["event"] == "ended":
            busy.discard(event["call"])


def test_long_wait_overflows_to_the_next_centre(town: Town, look: Look, prompts: Prompts) -> None:
    county, city = town.seat("9201", ring()), town.seat("9001", ring())
    citizen = town.citizen("13800000107")
    town.everybody_ready()
    look.seat_is("9201", status="available")
    look.status("9201", "paused", "meal")
    call = waits(citizen, town, look, "1101")
    city.wait_for("incoming", 30)
    prompts.hear(citizen, "overflowing", seconds=0.8)
    city.answer()
    citizen.hear(city.tone)
    citizen.hang_up()
    record = look.ended(call).call
    assert record is not None
    assert (record.centre, record.overflowed_to, record.answered_by) == ("110-anning", "110", "9001")
    assert not county.seen("incoming")
    assert record.waited is not None and record.waited >= 3.9
    assert not ear.silences(citizen.finished_tape(), 1.5)


def test_county_without_any_seat_overflows_at_once(town: Town, look: Look) -> None:
    city = town.seat("9001", answer())
    citizen = town.citizen("13800000108")
    town.everybody_ready()
    call = waits(citizen, town, look, "1102")
    citizen.hear(city.tone)
    citizen.hang_up()
    record = look.ended(call).call
    assert record is not None and record.overflowed_to == "110"
    assert record.waited is not None and record.waited < 30, "the longest wait at Yiliang is a minute"


def test_caller_picked_by_hand_goes_out_of_turn(town: Town, look: Look) -> None:
    operator = town.seat("8002", answer())
    first, second = town.citizen("13800000121"), town.citizen("13800000122")
    town.everybody_ready()
    look.seat_is("8002", status="available")
    look.status("8002", "paused", "meal")
    waits(first, town, look)
    call = waits(second, town, look)
    assert "unreachable" in town.hotline("calls", "pick", call, "8001", ok=False), "8001 has no phone"
    town.calls("pick", call, "8002")
    assert operator.wait_for("incoming")["caller"] == second.user
    second.hear(operator.tone)
    second.hang_up()
    first.hang_up()
    record = look.ended(call).call
    assert record is not None and record.answered_by == "8002"
    assert look.last(first.user).call.end_cause == "abandoned"  # type: ignore[union-attr]
