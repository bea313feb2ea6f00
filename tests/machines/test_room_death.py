"""A room that dies: its caller is rung back at once, an unanswered caller goes on elsewhere, seats are free."""

from __future__ import annotations

from telephony.machines import effects, inputs
from tests.machines.world import CITIZEN, World


def test_a_caller_in_a_talk_is_rung_back_for_the_same_seat() -> None:
    world = World()
    leg = world.talk("8001")
    world.give(inputs.RoomLost())
    assert world.ringing_back == [effects.RingBack(CITIZEN, "12345", "8001", "", "trunk:pstn")]
    assert (world.machine.over, world.call_fact().end_cause) == (True, "room_lost")
    assert {world.fact("caller").end_cause, world.fact(leg).end_cause} == {"room_lost"}
    assert not world.released_seat("8001").talked, "no wrap-up: the seat is to be free for this caller"


def test_a_caller_with_110_goes_back_to_110() -> None:
    world = World()
    world.bring(world.talk("8001"), "*1", "9101")
    world.settle()
    world.give(inputs.RoomLost())
    ring = world.ringing_back[0]
    assert (ring.centre, ring.seat) == ("110", "9101")


def test_a_caller_in_a_three_way_call_goes_back_to_the_one_who_came_in_last() -> None:
    world = World()
    asker = world.talk("8001")
    world.now += 10
    world.bring(asker, "*3", "9101")
    world.give(inputs.RoomLost())
    ring = world.ringing_back[0]
    assert (ring.centre, ring.seat) == ("110", "9101")


def test_a_caller_whose_receiver_had_left_goes_back_to_the_one_who_stayed() -> None:
    world = World()
    asker = world.talk("8001")
    world.hang_up(world.bring(asker, "*3", "9101"))
    world.give(inputs.RoomLost())
    ring = world.ringing_back[0]
    assert (ring.centre, ring.seat) == ("12345", "8001")


def test_a_caller_who_was_waiting_is_rung_back_for_the_queue() -> None:
    world = World("110")
    world.arrive()
    ringing = world.ring("9001")
    world.give(inputs.RoomLost())
    ring = world.ringing_back[0]
    assert (ring.centre, ring.seat) == ("110", "")
    assert world.fact(ringing).end_cause == "room_lost"
    assert not world.reserved


def test_the_case_comes_along() -> None:
    world = World()
    world.talk()
    world.call.case = "k1"
    world.give(inputs.RoomLost())
    assert world.ringing_back[0].case == "k1"


def test_an_anonymous_caller_can_not_be_rung_back() -> None:
    world = World(caller=None)
    world.talk()
    world.give(inputs.RoomLost())
    assert not world.ringing_back
    assert (world.machine.over, world.call_fact().end_cause) == (True, "room_lost")


def test_a_caller_at_a_seat_is_rung_there() -> None:
    world = World(origin="seat:8004", caller=None)
    world.talk()
    world.give(inputs.RoomLost())
    assert world.ringing_back[0].origin == "seat:8004"


def test_a_citizen_whom_a_seat_had_called_is_rung_and_not_that_seat() -> None:
    world = World.callback("8001")
    world.grant()
    world.give(inputs.Up(world.call.attempt.leg))  # type: ignore[union-attr]
    world.give(inputs.Up(world.last(effects.Dial).leg))
    world.give(inputs.RoomLost())
    ring = world.ringing_back[0]
    assert (ring.number, ring.seat, ring.origin) == (CITIZEN, "8001", "")


def test_a_room_that_dies_when_the_caller_has_left_rings_nobody() -> None:
    world = World()
    world.bring(world.talk(), "*3")
    world.hang_up("caller")
    world.give(inputs.RoomLost())
    assert not world.ringing_back
    assert (world.machine.over, world.call_fact().end_cause) == (True, "caller_left")


def test_a_room_that_dies_while_the_call_ends_finishes_it() -> None:
    world = World()
    world.talk()
    world.hang_up("caller")
    world.give(inputs.RoomLost())
    assert (world.machine.over, world.call_fact().end_cause) == (True, "caller_left")
    assert not world.reserved


def test_a_transfer_in_flight_is_closed_with_the_room() -> None:
    world = World()
    world.press(world.talk(), "*1")
    world.ring("9101")
    world.give(inputs.RoomLost())
    fact = world.transfer_fact()
    assert (fact.outcome, fact.went_back_to, fact.ended_at) == ("failed", "nobody", world.now)


# --- ring-back


def test_the_caller_is_rung_greeted_and_put_at_the_head_of_the_queue() -> None:
    world = World.ringback()
    dial = world.last(effects.Dial)
    assert (dial.number, dial.caller) == (CITIZEN, "12345")
    world.give(inputs.Up(dial.leg))
    assert world.plays(dial.leg) == "reconnecting"
    seek = world.last(effects.Seek).attempt
    assert (seek.target.id, seek.rank) == ("12345", 0)
    back = world.answer("8002")
    assert world.hears(dial.leg) == {back}
    assert world.plays(back) == "tag_lost"


def test_the_same_seat_is_asked_first() -> None:
    world = World.ringback(last_seat="8001")
    world.give(inputs.Up(world.last(effects.Dial).leg))
    assert not world.all(effects.Seek)
    assert (world.claims[-1].seat, world.claims[-1].force) == ("8001", False)
    world.grant()
    world.give(inputs.Up(world.call.attempt.leg))  # type: ignore[union-attr]
    assert world.call_fact().answered_by == "8001"


def test_if_the_same_seat_is_not_free_the_queue_serves() -> None:
    world = World.ringback(last_seat="8001")
    caller = world.last(effects.Dial).leg
    world.give(inputs.Up(caller))
    world.deny("busy")
    assert world.last(effects.Seek).attempt.rank == 0
    assert world.plays(caller) == "reconnecting"
    world.answer("8002")
    assert world.call_fact().answered_by == "8002"


def test_if_the_same_seat_does_not_answer_the_queue_serves() -> None:
    world = World.ringback(last_seat="8001")
    world.give(inputs.Up(world.last(effects.Dial).leg))
    world.grant()
    world.give(inputs.Reached(world.call.attempt.leg, ringing=True))  # type: ignore[union-attr]
    world.pass_time(11)
    seek = world.last(effects.Seek).attempt
    assert (seek.rank, seek.tried, seek.prefer) == (0, ["8001"], "")


def test_a_caller_who_does_not_answer_is_rung_once_more() -> None:
    world = World.ringback()
    first = world.last(effects.Dial).leg
    world.hang_up(first, 486)
    world.pass_time(5)
    second = world.last(effects.Dial).leg
    assert second != first
    world.hang_up(second, 486)
    assert (world.machine.over, world.call_fact().end_cause) == (True, "failed")
    assert "redial" not in world.timers


def test_a_caller_who_refuses_is_left_alone() -> None:
    world = World.ringback()
    world.hang_up(world.last(effects.Dial).leg, 603)
    assert (world.machine.over, world.call_fact().end_cause) == (True, "failed")


def test_a_caller_at_a_seat_is_rung_through_the_board_so_that_no_other_call_rings_there() -> None:
    world = World.ringback("seat:8004")
    assert (world.claims[-1].seat, world.claims[-1].force) == ("8004", True)
    assert not world.all(effects.Dial)
    world.grant()
    dial = world.last(effects.Dial)
    assert dial.seat == "8004"
    world.give(inputs.Up(dial.leg))
    assert world.plays(dial.leg) == "reconnecting"
    world.hang_up(dial.leg)
    assert world.machine.over
    assert not world.reserved


def test_a_callers_seat_that_is_busy_is_tried_once_more() -> None:
    world = World.ringback("seat:8004")
    world.deny("busy")
    world.pass_time(5)
    assert world.claims[-1].seat == "8004"
    world.deny("busy")
    assert (world.machine.over, world.call_fact().end_cause) == (True, "failed")


def test_a_room_that_dies_while_it_rings_the_caller_back_is_replaced_too() -> None:
    world = World.ringback(last_seat="8001")
    world.give(inputs.RoomLost())
    assert world.ringing_back == [effects.RingBack(CITIZEN, "12345", "8001", "", "trunk:pstn")]


def test_without_a_room_a_ring_back_ends() -> None:
    world = World("12345", kind="ringback")
    world.give(inputs.RoomLost())
    assert (world.machine.over, world.call_fact().end_cause) == (True, "room_lost")


# --- an unanswered caller moves


def test_an_unanswered_caller_goes_on_in_another_room_and_keeps_its_place() -> None:
    world = World()
    world.give(inputs.Arrived("caller"))
    queued = world.now
    ringing = world.ring("8001")
    world.now += 3
    world.give(inputs.Moved())
    assert world.fact(ringing).end_cause == "room_lost"
    assert not world.reserved
    world.give(inputs.Arrived("caller"))
    world.give(inputs.Up("caller"))
    seek = world.last(effects.Seek).attempt
    assert (seek.since, world.call_fact().queued_at) == (queued, queued)
    assert world.due("caller") == ["greeting_12345"]
    leg = world.answer("8001")
    assert world.hears("caller") == {leg}


def test_a_seat_that_dials_a_seat_goes_on_in_another_room() -> None:
    world = World.internal("8001", "8002")
    world.grant()
    world.give(inputs.Reached(world.call.attempt.leg, ringing=True))  # type: ignore[union-attr]
    world.give(inputs.Moved())
    assert ("8001", "caller") in world.reserved
    world.give(inputs.Arrived("caller"))
    world.grant()
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(leg))
    assert world.hears("caller") == {leg}


def test_a_call_that_was_ending_does_not_come_to_life_in_another_room() -> None:
    world = World.internal("8001", "8002")
    world.deny("busy")
    assert world.call.stage == "ending"
    world.give(inputs.Moved())
    assert world.machine.over
