"""Who leaves, when, and what becomes of the others: hang-ups, lost seats, parties put out."""

from __future__ import annotations

import pytest

from telephony import contract
from telephony.machines import effects, inputs
from tests.machines.world import World


def test_a_member_of_staff_who_hangs_up_in_a_settled_call_ends_it() -> None:
    world = World()
    leg = world.talk()
    world.hang_up(leg)
    assert world.last(effects.HangUp).leg == "caller"
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "staff_left")


def test_a_caller_who_hangs_up_ends_the_call_and_the_seat_wraps_up() -> None:
    world = World()
    leg = world.talk()
    world.hang_up("caller")
    assert world.last(effects.HangUp).leg == leg
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "caller_left")
    assert world.released_seat("8001").talked


@pytest.mark.parametrize(
    ("number", "seat", "centre"), [("12345", "8001", "12345"), ("110", "9001", "110"), ("1101", "9201", "110-anning")]
)
def test_a_seat_that_is_lost_puts_the_caller_at_the_head_of_its_centres_queue(number: str, seat: str, centre: str) -> None:
    world = World(number)
    world.lose(world.talk(seat))
    assert world.plays("caller") == "seat_lost"
    seek = world.last(effects.Seek).attempt
    assert (seek.target.id, seek.rank) == (centre, 0)
    world.hear_out("caller")
    assert world.plays("caller") == "music"


def test_a_lost_receiver_counts_for_its_own_centre() -> None:
    world = World()
    receiver = world.bring(world.talk(), "*1", "9101")
    world.settle()
    world.lose(receiver)
    assert world.last(effects.Seek).attempt.target.id == "110"


def test_a_caller_on_hold_is_taken_off_it_when_the_seat_is_lost() -> None:
    world = World()
    leg = world.talk()
    world.ask(contract.HoldParty(id="x", call="c1", party="caller"))
    world.lose(leg)
    back = world.answer("8002")
    assert world.hears("caller") == {back}


def test_a_blind_transfer_goes_on_when_the_other_seat_of_the_talk_leaves_too() -> None:
    world = World()
    asker = world.talk("8001")
    other = world.bring(asker, "*3", "9101")
    world.transfer("blind", target="119", asker="8001")
    assert world.hears("caller") == {other}, "nobody needs a prompt yet"
    world.settle()
    world.hang_up(other)
    assert world.call.stage == "talking"
    assert world.due("caller")[-1] == "transferring"
    world.hear_out("caller")
    assert world.plays("caller") == "music"
    line = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(line))
    world.hear_out(line)
    assert world.hears("caller") == {line}


def test_after_the_receiver_has_left_the_first_centre_speaks_with_the_caller_again() -> None:
    world = World()
    asker = world.talk("8001")
    receiver = world.bring(asker, "*3", "9101")
    world.hang_up(receiver)
    world.lose(asker)
    assert world.last(effects.Seek).attempt.target.id == "12345"


def test_who_only_consulted_has_never_spoken_with_the_caller() -> None:
    world = World()
    asker = world.talk("8001")
    receiver = world.bring(asker, "*7", "9101")
    world.hang_up(receiver)
    world.lose(asker)
    assert world.last(effects.Seek).attempt.target.id == "12345"


def test_a_seat_lost_behind_an_outside_line_leaves_the_caller_to_the_centre_that_called_it() -> None:
    world = World()
    asker = world.talk()
    world.transfer("one-key", target="119")
    line = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(line))
    world.hear_out(line)
    world.settle()
    assert world.party(asker).state == "gone"
    world.lose(line)
    assert world.last(effects.Seek).attempt.target.id == "12345"


def test_one_of_two_lost_seats_is_made_up_for_by_the_other() -> None:
    world = World()
    asker = world.talk()
    receiver = world.bring(asker, "*3")
    world.lose(receiver)
    assert world.hears("caller") == {asker}
    assert world.call.stage == "talking"
    assert world.fact(receiver).end_cause == "error"


@pytest.mark.parametrize("how", ["hangs up", "is cut off"])
@pytest.mark.parametrize("keys", ["*1", "*3"])
def test_the_transfer_goes_on_without_its_asker(keys: str, how: str) -> None:
    world = World()
    asker = world.talk()
    world.press(asker, keys)
    leg = world.ring("9101")
    world.hang_up(asker) if how == "hangs up" else world.lose(asker)
    assert world.party(leg).state == "ringing"
    assert world.plays("caller") == "transferring"
    world.hear_out("caller")
    assert world.plays("caller") == "music"
    world.give(inputs.Up(leg))
    world.hear_out(leg)
    assert world.hears("caller") == {leg}
    assert world.transfer_fact().outcome == "answered"


@pytest.mark.parametrize("how", ["busy", "timeout", "no seats", "refused in the tag"])
def test_a_transfer_that_fails_after_the_asker_left_brings_the_caller_to_the_head_of_the_queue(how: str) -> None:
    world = World()
    asker = world.talk("8001")
    world.press(asker, "*1")
    leg = "" if how == "no seats" else world.answer("9101") if how == "refused in the tag" else world.ring("9101")
    world.hang_up(asker)
    match how:
        case "busy":
            world.hang_up(leg, 486)
            world.none_left("tried")
        case "timeout":
            world.pass_time(31)
        case "no seats":
            world.none_left("no_seats")
        case _:
            world.hang_up(leg)
    assert world.plays("caller") == "returning"
    seek = world.last(effects.Seek).attempt
    assert (seek.target.id, seek.rank) == ("12345", 0)
    assert world.transfer_fact().went_back_to == "queue"


def test_the_asker_leaving_while_the_receiver_hears_the_tag_changes_nothing_for_the_caller() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    leg = world.answer("9101")
    world.hang_up(asker)
    assert world.plays("caller") == "music"
    world.hear_out(leg)
    assert world.hears("caller") == {leg}


@pytest.mark.parametrize("stage", ["seeking", "ringing", "briefing"])
def test_a_caller_who_leaves_calls_a_one_key_transfer_off_and_the_asker_hears_so(stage: str) -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    leg = {"seeking": lambda: "", "ringing": lambda: world.ring("9101"), "briefing": lambda: world.answer("9101")}[stage]()
    world.hang_up("caller")
    if leg:
        assert world.party(leg).leaving
    assert world.plays(asker) == "caller_left"
    assert world.transfer_fact().went_back_to == "asker"
    world.settle()
    world.hear_out(asker)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause, world.transfer_fact().outcome) == (
        True,
        "caller_left",
        "caller_left",
    )
    assert world.released_seat("8001").talked
    assert not leg or not world.released_seat("9101").talked


def test_the_asker_who_hears_that_the_caller_left_can_start_nothing_new() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    world.hang_up("caller")
    world.press(asker, "*1")
    assert world.call.attempt is None
    world.hang_up(asker)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "caller_left")


def test_a_caller_who_leaves_while_the_asker_is_gone_ends_the_call() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*3")
    leg = world.ring("9101")
    world.hang_up(asker)
    world.hang_up("caller")
    assert world.party(leg).leaving
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "caller_left")


def test_a_caller_who_leaves_the_head_of_the_queue_has_not_abandoned_the_call() -> None:
    world = World()
    world.lose(world.talk())
    world.hang_up("caller")
    world.settle()
    assert world.call_fact().end_cause == "caller_left"


def test_dropping_the_only_seat_gives_the_caller_to_the_next() -> None:
    world = World()
    world.talk("8001")
    assert world.ask(contract.DropParty(id="x", call="c1", party="8001", by="8090")).ok
    assert world.plays("caller") == "transferring"
    world.settle()
    assert world.call.attempt is not None
    back = world.answer("8002")
    assert world.hears("caller") == {back}


def test_a_seat_that_drops_itself_hangs_up() -> None:
    world = World()
    world.talk("8001")
    assert world.ask(contract.DropParty(id="x", call="c1", party="8001", by="8001")).ok
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "staff_left")


def test_dropping_one_of_two_seats_lets_the_other_go_on() -> None:
    world = World()
    asker = world.talk("8001")
    receiver = world.bring(asker, "*3")
    assert world.ask(contract.DropParty(id="x", call="c1", party=receiver)).ok
    world.settle()
    assert world.hears("caller") == {asker}
    assert world.fact(receiver).end_cause == "dropped"


def test_dropping_the_caller_ends_a_talk_of_two() -> None:
    world = World()
    world.talk()
    assert world.ask(contract.DropParty(id="x", call="c1", party="caller")).ok
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause, world.fact("caller").end_cause) == (True, "completed", "dropped")


def test_hanging_up_the_call_ends_it_for_all() -> None:
    world = World()
    asker = world.talk()
    world.bring(asker, "*3")
    world.watch(beside=asker)
    assert world.ask(contract.HangUpCall(id="x", call="c1")).ok
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "completed")


@pytest.mark.parametrize("keys", ["", "*1", "*3", "*7"])
@pytest.mark.parametrize("stage", ["seeking", "ringing", "briefing", "settled"])
def test_hanging_up_the_call_at_any_stage_leaves_no_leg_and_no_seat(keys: str, stage: str) -> None:
    world = World()
    asker = world.talk()
    if keys:
        world.press(asker, keys)
        leg = "" if stage == "seeking" else world.ring("9101") if stage == "ringing" else world.answer("9101")
        if stage == "settled":
            world.hear_out(leg)
    world.ask(contract.HangUpCall(id="x", call="c1"))
    world.settle()
    assert world.machine.over
    assert not world.reserved
    assert not world.claims


def test_only_who_has_talked_wraps_up() -> None:
    world = World()
    asker = world.talk("8001")
    world.press(asker, "*1")
    world.hang_up(world.ring("9101"), 486)
    receiver = world.answer("9102")
    world.hear_out(receiver)
    world.settle()
    world.hang_up("caller")
    world.settle()
    assert {(e.seat, e.talked) for e in world.released} == {("9101", False), ("8001", True), ("9102", True)}
