"""Calls that no citizen began: seat to seat, seat to the outside, and calling a citizen back."""

from __future__ import annotations

import pytest

from telephony import contract
from telephony.machines import effects, inputs
from tests.machines.world import CITIZEN, World

# --- a seat dials


def test_a_seat_that_dials_a_seat_hears_it_ring_and_talks_when_it_answers() -> None:
    world = World.internal("8001", "8002")
    assert world.all(effects.Answer) == [effects.Answer("caller", 180)]
    world.grant()
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Reached(leg, ringing=True))
    assert not world.hears("caller")
    world.give(inputs.Up(leg))
    assert world.last(effects.Answer) == effects.Answer("caller")
    assert world.hears("caller") == {leg}
    assert world.call_fact().answered_by == "8002"


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_either_seat_ends_an_internal_call(who: str) -> None:
    world = World.internal("8001", "8002")
    world.grant()
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(leg))
    world.give(inputs.Up("caller"))
    world.hang_up("caller" if who == "caller" else leg)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "staff_left")
    assert {e.seat for e in world.released if e.talked} == {"8001", "8002"}


def test_a_seat_that_hangs_up_before_the_answer_stops_the_other_phone() -> None:
    world = World.internal("8001", "8002")
    world.grant()
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Reached(leg, ringing=True))
    world.hang_up("caller", 487)
    assert world.last(effects.HangUp).leg == leg
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "abandoned")
    assert not any(e.talked for e in world.released)


@pytest.mark.parametrize(("code", "told", "cause"), [(486, 486, "failed"), (603, 603, "refused"), (503, 480, "failed")])
def test_a_seat_hears_why_another_does_not_answer(code: int, told: int, cause: str) -> None:
    world = World.internal("8001", "8002")
    world.grant()
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    world.hang_up(leg, code)
    assert world.last(effects.HangUp) == effects.HangUp("caller", told)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, cause)


@pytest.mark.parametrize(
    ("why", "code", "cause"), [("busy", 486, "busy"), ("off", 480, "unreachable"), ("unreachable", 480, "unreachable")]
)
def test_a_seat_that_can_not_be_had_is_told_by_a_code(why: str, code: int, cause: str) -> None:
    world = World.internal("8001", "8002")
    world.deny(why)
    assert world.last(effects.HangUp) == effects.HangUp("caller", code)
    world.settle()
    assert (world.machine.over, world.fact("caller").end_cause) == (True, cause)


def test_a_supervisors_seat_calls_and_is_called_like_any_other() -> None:
    for one, other in (("8001", "8090"), ("8090", "8001")):
        world = World.internal(one, other)
        world.grant()
        leg = world.call.attempt.leg  # type: ignore[union-attr]
        world.give(inputs.Up(leg))
        world.give(inputs.Up("caller"))
        assert (world.hears("caller"), world.hears(leg)) == ({leg}, {"caller"})
        assert set(world.machine.scene().tape_caller + world.machine.scene().tape_staff) == {"caller", leg}


def test_a_seat_dials_a_citizen() -> None:
    world = World.internal("8001", CITIZEN)
    dial = world.last(effects.Dial)
    assert (dial.number, dial.caller, dial.line) == (CITIZEN, "12345", "")
    world.give(inputs.Up(dial.leg))
    world.give(inputs.Up("caller"))
    assert world.hears("caller") == {dial.leg}
    assert (world.fact(dial.leg).role, world.fact(dial.leg).joined_at) == ("caller", world.now)
    world.hang_up(dial.leg)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "caller_left")


def test_a_citizen_whom_a_seat_has_dialled_is_not_dropped_when_that_seat_is_lost() -> None:
    world = World.internal("8001", CITIZEN)
    leg = world.last(effects.Dial).leg
    world.give(inputs.Up(leg))
    world.give(inputs.Up("caller"))
    world.lose("caller")
    assert world.plays(leg) == "seat_lost"
    assert world.last(effects.Seek).attempt.target.id == "12345"


def test_a_seat_dials_the_fire_brigade() -> None:
    world = World.internal("8001", "119")
    dial = world.last(effects.Dial)
    assert (dial.line, dial.number) == ("119", "119")
    world.give(inputs.Up(dial.leg))
    assert world.call_fact().answered_by == "119"


def test_an_internal_call_can_be_transferred_and_survives_its_asker() -> None:
    world = World.internal("8001", "8002")
    world.grant()
    asker = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(asker))
    world.give(inputs.Up("caller"))
    world.press(asker, "*1")
    leg = world.ring("9101")
    world.hang_up(asker)
    assert (world.party(leg).state, world.plays("caller")) == ("ringing", "ringback")
    world.give(inputs.Up(leg))
    world.hear_out(leg)
    assert world.hears("caller") == {leg}


# --- call-back


def answered_callback() -> tuple[World, str, str]:
    world = World.callback("8001")
    world.grant()
    seat = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(seat))
    return world, seat, world.last(effects.Dial).leg


def test_a_call_back_rings_the_seat_first_and_then_the_citizen() -> None:
    world = World.callback("8001")
    assert (world.claims[-1].seat, world.claims[-1].force) == ("8001", True)
    world.grant()
    assert world.last(effects.Dial).seat == "8001"
    world.give(inputs.Up(world.call.attempt.leg))  # type: ignore[union-attr]
    dial = world.last(effects.Dial)
    assert (dial.number, dial.caller) == (CITIZEN, "12345")


def test_the_seat_hears_that_the_citizen_is_being_called() -> None:
    world, seat, _ = answered_callback()
    assert world.plays(seat) == "callback_connecting"
    world.hear_out(seat)
    assert world.plays(seat) == "ringback"


def test_when_the_citizen_answers_the_two_talk() -> None:
    world, seat, citizen = answered_callback()
    world.give(inputs.Up(citizen))
    assert world.hears(citizen) == {seat}
    assert world.plays(citizen) == "callback_intro"
    fact = world.call_fact()
    assert (fact.answered_by, fact.answered_at) == ("8001", world.now)


def test_a_trunk_that_says_nothing_is_not_waited_for() -> None:
    world, seat, citizen = answered_callback()
    began = world.now
    world.run_out(f"reach:{citizen}")
    assert world.now - began < 5
    assert world.plays(seat) == "callback_failed"


@pytest.mark.parametrize("code", [486, 603, 503, 480])
def test_a_citizen_who_is_not_to_be_had_ends_the_call_back_after_the_seat_was_told(code: int) -> None:
    world, seat, citizen = answered_callback()
    world.hang_up(citizen, code)
    assert world.plays(seat) == "callback_failed"
    world.hear_out(seat)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "failed")
    assert not world.released_seat("8001").talked


def test_a_citizen_who_does_not_answer_rings_no_longer_than_set() -> None:
    world, seat, citizen = answered_callback()
    world.give(inputs.Reached(citizen, ringing=True))
    world.pass_time(46)
    assert world.fact(citizen).end_cause == "no_answer"
    assert world.due(seat)[-1] == "callback_failed"


@pytest.mark.parametrize("how", ["hangs up", "is cut off"])
def test_a_seat_that_leaves_before_the_citizen_answers_stops_the_citizens_phone(how: str) -> None:
    world, seat, citizen = answered_callback()
    world.give(inputs.Reached(citizen, ringing=True))
    world.hang_up(seat) if how == "hangs up" else world.lose(seat)
    assert world.last(effects.HangUp).leg == citizen
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "staff_left")


def test_a_seat_that_hangs_up_while_it_is_told_of_the_failure_ends_it() -> None:
    world, seat, citizen = answered_callback()
    world.hang_up(citizen, 486)
    world.hang_up(seat)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "failed")


def test_a_seat_that_can_not_be_had_ends_the_call_back() -> None:
    world = World.callback("8001")
    world.deny("busy")
    assert (world.machine.over, world.call_fact().end_cause) == (True, "failed")


def test_a_seat_that_refuses_the_call_back_ends_it() -> None:
    world = World.callback("8001")
    world.grant()
    world.hang_up(world.call.attempt.leg, 603)  # type: ignore[union-attr]
    assert (world.machine.over, world.call_fact().end_cause) == (True, "refused")


def test_a_citizen_called_back_is_not_dropped_when_the_seat_is_lost() -> None:
    world, seat, citizen = answered_callback()
    world.give(inputs.Up(citizen))
    world.lose(seat)
    assert world.plays(citizen) == "seat_lost"
    assert world.last(effects.Seek).attempt.target.id == "12345"
    world.answer("8002")
    assert world.call.stage == "talking"


def test_a_call_back_can_be_hung_up_before_anybody_answered() -> None:
    world = World.callback("8001")
    assert world.ask(contract.HangUpCall(id="x", call="c1")).ok
    assert world.machine.over
    assert world.machine.handle(inputs.Offered("c1.a1", "8001"), world.now) == [effects.SeatRelease("8001", "c1.a1")]
