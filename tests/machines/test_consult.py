"""Consultation: the caller waits with music while two members of staff speak; then back, together, or handed over."""

from __future__ import annotations

import pytest

from telephony import contract
from telephony.machines import inputs
from tests.machines.world import World


def consulting() -> tuple[World, str, str]:
    world = World()
    asker = world.talk("8001")
    return world, asker, world.bring(asker, "*7", "9101")


def test_the_caller_hears_music_and_the_asker_hears_the_phone_ring() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*7")
    world.ring("9101")
    assert (world.plays("caller"), world.plays(asker)) == ("music", "ringback")
    assert not world.hears("caller")


def test_the_two_speak_and_the_caller_hears_nothing_of_it() -> None:
    world, asker, receiver = consulting()
    assert world.hears(asker) == {receiver}
    assert world.hears(receiver) == {asker}
    assert (world.hears("caller"), world.plays("caller")) == (set(), "music")


def test_cancelling_lets_the_receiver_go_and_brings_the_caller_back() -> None:
    world, asker, receiver = consulting()
    world.press(asker, "*0")
    world.settle()
    assert world.hears("caller") == {asker}
    assert world.fact(receiver).end_cause == "cancelled"
    assert world.released_seat("9101").talked


def test_three_way_brings_the_caller_in_and_tells_who_is_new() -> None:
    world, asker, receiver = consulting()
    world.press(asker, "*3")
    assert world.hears("caller") == {asker, receiver}
    assert world.due("caller") == ["seat_prefix"]


def test_the_desk_can_join_too() -> None:
    world, asker, receiver = consulting()
    assert world.ask(contract.JoinTransfer(id="x", call="c1")).ok
    assert world.hears("caller") == {asker, receiver}
    assert world.ask(contract.JoinTransfer(id="y", call="c1")).code == "transfer.none"


@pytest.mark.parametrize("who", ["asker by key", "asker hangs up", "receiver by key", "receiver by command", "asker cut off"])
def test_the_receiver_can_get_the_caller(who: str) -> None:
    world, asker, receiver = consulting()
    match who:
        case "asker by key":
            world.press(asker, "*1")
        case "asker hangs up":
            world.hang_up(asker)
        case "receiver by key":
            world.press(receiver, "*1")
        case "receiver by command":
            world.ask(contract.TakeOver(id="x", call="c1", seat="9101"))
        case _:
            world.lose(asker)
    world.settle()
    assert world.party(asker).state == "gone"
    assert world.hears("caller") == {receiver}
    assert world.due("caller") == ["seat_prefix"]
    assert not world.machine.ending


def test_the_receiver_who_leaves_gives_the_caller_back() -> None:
    world, asker, receiver = consulting()
    world.hang_up(receiver)
    assert world.hears("caller") == {asker}


def test_a_consultation_nobody_answers_gives_the_caller_back_and_says_why() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*7")
    world.ring("9101")
    world.pass_time(31)
    assert world.hears("caller") == {asker}
    assert world.plays(asker) == "transfer_no_answer"


def test_when_the_caller_leaves_the_two_hear_so_and_go_on() -> None:
    world, asker, receiver = consulting()
    world.hang_up("caller")
    assert (world.plays(asker), world.plays(receiver)) == ("caller_left", "caller_left")
    assert world.hears(asker) == {receiver}
    world.hang_up(asker)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "caller_left")


def test_when_the_caller_leaves_before_an_answer_the_consultation_still_comes_about() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*7")
    leg = world.ring("9101")
    world.hang_up("caller")
    assert world.plays(asker) == "caller_left"
    assert not world.machine.ending
    world.give(inputs.Up(leg))
    world.hear_out(leg)
    world.hear_out(asker)
    assert world.hears(asker) == {leg}


def test_when_the_caller_has_left_and_nobody_answers_the_asker_hears_why_before_the_call_ends() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*7")
    world.ring("9101")
    world.hang_up("caller")
    world.hear_out(asker)
    world.pass_time(31)
    assert world.plays(asker) == "transfer_no_answer"
    assert not world.machine.ending
    world.hear_out(asker)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "caller_left")


def test_the_caller_waits_until_the_consultation_ends() -> None:
    world, _, _ = consulting()
    assert world.ask(contract.HoldParty(id="x", call="c1", party="caller", on=False)).code == "transfer.consulting"
    assert world.plays("caller") == "music"


def test_the_record_knows_how_long_the_caller_was_on_hold() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*7")
    world.now += 12.5
    world.press(asker, "*0")
    assert world.fact("caller").held_seconds == 12.5


def test_the_asker_can_leave_while_the_other_phone_rings() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*7")
    leg = world.ring("9101")
    world.hang_up(asker)
    assert world.plays("caller") == "transferring"
    world.give(inputs.Up(leg))
    world.hear_out(leg)
    assert world.hears("caller") == {leg}
