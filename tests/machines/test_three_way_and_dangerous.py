"""Three-way calls: all hear all, anyone can leave and the others go on. Dangerous matters: the asker stays until relieved."""

from __future__ import annotations

import pytest

from telephony import contract
from telephony.machines import effects, inputs
from tests.machines.world import World


def three() -> tuple[World, str, str]:
    world = World()
    asker = world.talk("8001")
    return world, asker, world.bring(asker, "*3", "9101")


def test_in_a_three_way_call_all_hear_all() -> None:
    world, asker, receiver = three()
    assert world.hears("caller") == {asker, receiver}
    assert world.hears(asker) == {"caller", receiver}
    assert world.hears(receiver) == {"caller", asker}
    assert world.transfer_fact().outcome == "answered"


def test_the_asker_can_leave_and_the_others_go_on() -> None:
    world, asker, receiver = three()
    world.hang_up(asker)
    assert world.hears("caller") == {receiver}
    assert not world.machine.ending
    assert world.transfer_fact().asker_left_at == world.now


def test_the_receiver_can_leave_and_the_others_go_on() -> None:
    world, asker, receiver = three()
    world.hang_up(receiver)
    assert world.hears("caller") == {asker}
    assert not world.machine.ending


def test_the_caller_can_leave_and_the_staff_go_on() -> None:
    world, asker, receiver = three()
    world.hang_up("caller")
    assert world.hears(asker) == {receiver}
    world.hang_up(receiver)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "caller_left")


def test_the_one_left_alone_with_the_caller_ends_the_call_by_hanging_up() -> None:
    world, asker, receiver = three()
    world.hang_up(receiver)
    world.hang_up(asker)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "staff_left")


@pytest.mark.parametrize("by", ["key", "command"])
def test_the_receiver_takes_over_and_the_asker_is_released(by: str) -> None:
    world, asker, receiver = three()
    if by == "key":
        world.press(receiver, "*1")
    else:
        assert world.ask(contract.TakeOver(id="x", call="c1", seat="9101")).ok
    world.settle()
    assert world.fact(asker).end_cause == "taken_over"
    assert world.hears("caller") == {receiver}


def test_the_askers_own_one_key_in_the_talk_leaves_it_to_the_receiver() -> None:
    world, asker, receiver = three()
    world.press(asker, "*1")
    world.settle()
    assert (world.fact(asker).end_cause, world.transfer_fact().asker_left_at) == ("left", world.now)
    assert world.hears("caller") == {receiver}
    assert len(world.call.transfers) == 1


def test_the_askers_one_key_brings_a_desk_that_is_not_in_the_talk() -> None:
    world = World()
    asker = world.talk()
    world.transfer("three-way", target="119")
    line = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(line))
    world.hear_out(line)
    receiver = world.bring(asker, "*1", "9001")
    world.settle()
    assert world.hears("caller") == {line, receiver}


def test_only_the_receiver_can_take_over() -> None:
    world, _, _ = three()
    assert world.ask(contract.TakeOver(id="x", call="c1", seat="8001")).code == "transfer.none"


def test_after_the_asker_has_left_the_receivers_one_key_hands_on() -> None:
    world, asker, receiver = three()
    world.hang_up(asker)
    world.press(receiver, "*1")
    assert world.last(effects.Seek).attempt.target.id == "12345"


def test_a_fourth_party_fits_a_fifth_does_not() -> None:
    world, asker, _ = three()
    world.bring(asker, "*3", "9001")
    world.press(asker, "*3")
    assert world.plays(asker) == "call_full"
    assert world.transfer("three-way", target="119", asker="8001").code == "call.full"
    assert world.ask(contract.Supervise(id="x", call="c1", seat="8090", mode="listen")).code == "call.full"


def test_a_dangerous_transfer_becomes_a_three_way_call() -> None:
    for kind in ("one-key", "blind", "consult"):
        world = World()
        asker = world.talk()
        assert world.transfer(kind, dangerous=True).ok
        assert world.plays(asker) == "dangerous_staying"
        assert world.hears("caller") == {asker}, "the caller is neither left nor put on hold"
        fact = world.transfer_fact()
        assert (fact.kind, fact.dangerous) == ("three-way", True)
        assert world.last(effects.Seek).attempt.rank == 1, "it ranks with direct callers"
        receiver = world.answer("9101")
        assert world.due(receiver) == ["dangerous", "12345 转接"]
        world.hear_out(receiver)
        world.hear_out(asker)
        assert world.hears("caller") == {asker, receiver}


def test_in_a_dangerous_matter_the_asker_stays_until_the_receiver_takes_over() -> None:
    world = World()
    asker = world.talk()
    world.transfer("one-key", dangerous=True)
    receiver = world.answer("9101")
    world.hear_out(receiver)
    world.hear_out(asker)
    world.press(asker, "*1")
    assert world.plays(asker) == "dangerous_staying"
    assert world.party(asker).up
    world.press(receiver, "*1")
    world.settle()
    assert world.fact(asker).end_cause == "taken_over"
    assert world.hears("caller") == {receiver}


def test_a_dangerous_transfer_that_nobody_takes_leaves_the_asker_with_the_caller() -> None:
    world = World()
    asker = world.talk()
    world.transfer("one-key", dangerous=True)
    world.pass_time(31)
    assert world.hears("caller") == {asker}
    assert world.transfer_fact().went_back_to == "asker"
