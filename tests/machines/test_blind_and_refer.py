"""Blind transfers, and REFER from a plain phone, which some phones follow by hanging up whatever came of it."""

from __future__ import annotations

import pytest

from telephony.machines import effects, inputs, phones
from tests.machines.world import World


def test_a_blind_transfer_lets_the_asker_go_at_once() -> None:
    world = World()
    asker = world.talk()
    assert world.transfer("blind").ok
    world.settle()
    assert world.party(asker).state == "gone"
    assert world.plays("caller") == "transferring"
    world.hear_out("caller")
    assert world.plays("caller") == "music"
    receiver = world.answer("9101")
    world.hear_out(receiver)
    assert world.hears("caller") == {receiver}
    assert world.transfer_fact().asker_left_at == world.now


def test_a_blind_transfer_that_fails_puts_the_caller_at_the_head_of_the_queue_it_came_from() -> None:
    world = World()
    world.talk("8001")
    world.transfer("blind")
    world.settle()
    world.ring("9101")
    world.pass_time(31)
    seek = world.last(effects.Seek).attempt
    assert (seek.target.id, seek.rank, seek.purpose, seek.steps) == ("12345", 0, "return", "direct")
    assert world.plays("caller") == "returning"
    fact = world.transfer_fact()
    assert (fact.outcome, fact.went_back_to) == ("no_answer", "queue")
    back = world.answer("8002")
    assert world.hears("caller") == {back}
    assert world.plays(back) == "tag_returned"
    assert world.due("caller") == ["seat_prefix"]
    assert world.call_fact().answered_by == "8001", "who answered first stays on record"


def test_a_blind_transfer_ends_with_the_caller() -> None:
    world = World()
    world.talk()
    world.transfer("blind")
    world.settle()
    world.ring("9101")
    world.hang_up("caller")
    world.settle()
    fact = world.transfer_fact()
    assert (world.machine.over, fact.outcome, fact.went_back_to) == (True, "caller_left", "nobody")
    assert world.call_fact().end_cause == "caller_left"


def refer(world: World, leg: str, to: str = "110") -> None:
    world.give(inputs.Referred(leg, world.plan.target(to, "12345")))


def test_a_phone_that_refers_is_told_how_it_goes() -> None:
    world = World()
    asker = world.talk()
    refer(world, asker)
    receiver = world.answer("9101")
    world.hear_out(receiver)
    assert world.notified() == ["100 Trying", "180 Ringing", "200 OK."]
    assert world.party(asker).leaving, "a phone that does not hang up by itself is hung up"
    assert world.transfer_fact().by == "refer"


@pytest.mark.parametrize(
    ("code", "status"),
    [(486, "486 Busy Here."), (603, "603 Decline."), (480, "480 Temporarily Unavailable."), (503, "503 Service Unavailable.")],
)
def test_a_refused_refer_says_why(code: int, status: str) -> None:
    world = World()
    asker = world.talk()
    refer(world, asker, "9001")
    world.grant()
    leg = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Reached(leg, ringing=True))
    world.hang_up(leg, code)
    assert world.notified()[-1] == status
    assert world.hears("caller") == {asker}, "a phone that stays goes on talking"


def test_a_phone_that_hangs_up_because_its_refer_failed_does_not_drop_the_caller() -> None:
    world = World()
    asker = world.talk("8001")
    refer(world, asker)
    world.hang_up(world.ring("9101"), 486)
    world.none_left("tried")
    world.now += 0.02
    world.hang_up(asker)
    assert not world.machine.ending
    assert world.plays("caller") == "returning"
    seek = world.last(effects.Seek).attempt
    assert (seek.target.id, seek.rank) == ("12345", 0)


def test_a_person_who_hangs_up_long_after_a_failed_refer_ends_the_call() -> None:
    world = World()
    asker = world.talk("8001")
    refer(world, asker)
    world.none_left("no_seats")
    world.now += phones.REFER_GRACE + 60
    world.hang_up(asker)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "staff_left")


def test_a_phone_that_hangs_up_right_after_its_refer_was_taken_is_an_asker_who_left() -> None:
    world = World()
    asker = world.talk()
    refer(world, asker)
    world.hang_up(asker)
    receiver = world.answer("9101")
    world.hear_out(receiver)
    assert world.notified() == ["100 Trying"], "a phone that is gone is told nothing"
    assert world.hears("caller") == {receiver}


def test_a_cancelled_refer_is_told_and_comes_back() -> None:
    world = World()
    asker = world.talk()
    refer(world, asker)
    world.ring("9101")
    world.press(asker, "*0")
    assert world.notified()[-1] == "487 Request Terminated."
    world.settle()
    world.hang_up(asker)
    assert world.plays("caller") == "returning"


def test_when_the_caller_leaves_the_referring_phone_is_told() -> None:
    world = World()
    asker = world.talk()
    refer(world, asker)
    world.ring("9101")
    world.hang_up("caller")
    assert world.notified()[-1] == "487 Request Terminated."
    assert world.plays(asker) == "caller_left"
    world.hang_up(asker)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "caller_left")


def test_a_refer_to_nobody_is_refused_and_the_caller_is_safe_if_the_phone_hangs_up() -> None:
    world = World()
    asker = world.talk()
    world.give(inputs.Referred(asker, None))
    assert world.notified() == ["404 Not Found."]
    assert world.plays(asker) == "unknown_target"
    world.hang_up(asker)
    assert world.plays("caller") == "returning"


def test_a_refer_during_another_transfer_is_refused_and_does_not_stop_it() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    leg = world.ring("9101")
    refer(world, asker, "119")
    assert world.notified() == ["503 Service Unavailable."]
    world.hang_up(asker)
    assert world.party(leg).state == "ringing"
    world.give(inputs.Up(leg))
    world.hear_out(leg)
    assert world.hears("caller") == {leg}


def test_a_refer_of_somebody_who_has_left_does_nothing() -> None:
    world = World()
    asker = world.talk()
    world.hang_up(asker)
    refer(world, asker)
    assert not world.all(effects.Notify)
