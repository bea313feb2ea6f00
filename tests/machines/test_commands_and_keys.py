"""What desks and phones may ask, when, and how a refusal is told."""

from __future__ import annotations

import pytest

from telephony import contract
from telephony.machines import effects, inputs
from tests.machines.world import World


@pytest.mark.parametrize(
    ("keys", "kind"),
    [("*1", "one-key"), ("*3", "three-way"), ("*7", "consult"), ("5*1", "one-key"), ("**3", "three-way")],
)
def test_a_key_sequence_begins_a_transfer(keys: str, kind: str) -> None:
    world = World()
    asker = world.talk()
    world.press(asker, keys)
    assert (world.call.transfers[-1].kind, world.call.transfers[-1].by) == (kind, "key")
    meant = world.last(effects.KeyMeant)
    assert (meant.leg, meant.meaning) == (asker, kind)


@pytest.mark.parametrize("keys", ["1", "11", "*9", "#1", "*", "1*", "*#1", "*21"])
def test_other_keys_mean_nothing(keys: str) -> None:
    world = World()
    asker = world.talk()
    world.press(asker, keys)
    assert not world.all(effects.KeyMeant)
    assert not world.call.transfers


def test_two_seconds_between_the_keys_are_enough_more_are_too_many() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*")
    world.now += 2.1
    world.press(asker, "1")
    assert not world.call.transfers
    world.press(asker, "*")
    world.now += 1.9
    world.press(asker, "1")
    assert world.call.transfers


def test_keys_of_two_seats_do_not_mix() -> None:
    world = World()
    asker = world.talk()
    other = world.bring(asker, "*3")
    world.press(asker, "*")
    world.press(other, "7")
    assert len(world.call.transfers) == 1


def test_a_callers_digits_command_nothing() -> None:
    world = World()
    world.talk()
    for keys in ("*1", "*3", "*7", "*0"):
        world.press("caller", keys)
    assert not world.call.transfers
    assert not world.all(effects.KeyMeant)


def test_a_citizen_who_calls_from_a_seats_phone_is_a_caller_all_the_same() -> None:
    world = World(origin="seat:8004")
    world.talk()
    world.press("caller", "*1")
    assert not world.call.transfers
    assert world.transfer("one-key", asker="8004").code == "party.unknown"


def test_an_outside_lines_digits_command_nothing() -> None:
    world = World()
    world.talk()
    world.transfer("three-way", target="119")
    line = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(line))
    world.hear_out(line)
    world.press(line, "*1")
    assert len(world.call.transfers) == 1


def test_a_duty_posts_digits_command_nothing() -> None:
    world = World()
    world.talk()
    world.transfer("three-way", target="seat:7001")
    world.grant()
    post = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(post))
    world.hear_out(post)
    world.press(post, "*1")
    assert not world.all(effects.KeyMeant)


def test_a_receiver_who_presses_cancel_during_the_tag_declines() -> None:
    world = World()
    asker = world.talk()
    world.press(asker, "*1")
    receiver = world.answer("9101")
    world.press(receiver, "*0")
    assert (world.transfer_fact().outcome, world.plays(asker)) == ("refused", "transfer_refused")
    assert world.party(receiver).leaving


def test_a_third_seat_can_not_cancel_anothers_transfer_unless_it_is_left_alone_with_it() -> None:
    world = World()
    asker = world.talk()
    third = world.bring(asker, "*3")
    world.transfer("one-key", target="119", asker="8001")
    world.press(third, "*0")
    assert world.plays(third) == "transfer_none"
    assert world.call.transfer is not None
    world.hear_out(third)
    world.hang_up(asker)
    world.press(third, "*0")
    assert world.call.transfer is None
    assert world.plays(third) == "transfer_cancelled"
    assert world.hears("caller") == {third}


def test_when_the_asker_has_left_those_who_stay_hear_why_the_transfer_failed() -> None:
    world = World()
    asker = world.talk()
    third = world.bring(asker, "*3")
    world.transfer("one-key", target="119", asker="8001")
    world.give(inputs.Reached(world.call.attempt.leg, ringing=True))  # type: ignore[union-attr]
    world.hang_up(asker)
    world.pass_time(31)
    assert world.plays(third) == "transfer_no_answer"
    assert world.hears("caller") == {third}
    assert world.call.stage == "talking"


@pytest.mark.parametrize("keys", ["*0", "*3", "*1", "*7"])
def test_keys_before_the_talk_are_answered_and_change_nothing(keys: str) -> None:
    world = World.callback("8001")
    world.grant()
    seat = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(seat))
    world.press(seat, keys)
    assert world.due(seat)[-1] == ("transfer_none" if keys == "*0" else "not_now")
    assert not world.call.transfers


def test_nothing_to_cancel_is_said() -> None:
    world = World()
    seat = world.talk()
    world.press(seat, "*0")
    assert world.plays(seat) == "transfer_none"
    assert world.ask(contract.CancelTransfer(id="x", call="c1")).code == "transfer.none"


@pytest.mark.parametrize("target", ["4711", "seat:4711", "line:4711", "*10"])
def test_an_unknown_target_is_refused(target: str) -> None:
    world = World()
    world.talk()
    assert world.transfer("one-key", target=target).code == "transfer.target"
    assert world.call.attempt is None


def test_nobody_transfers_to_a_seat_that_is_in_the_call() -> None:
    world = World()
    asker = world.talk()
    world.bring(asker, "*3", "9101")
    assert world.transfer("one-key", target="seat:9101", asker="8001").code == "transfer.self"
    assert world.transfer("one-key", target="seat:8001", asker="8001").code == "transfer.self"


def test_with_two_seats_in_the_call_the_asker_must_be_named() -> None:
    world = World()
    asker = world.talk()
    world.bring(asker, "*3", "9101")
    assert world.transfer("one-key", target="119").code == "transfer.asker"
    assert world.transfer("one-key", target="119", asker="9101").ok
    assert world.call.transfers[-1].asker_seat == "9101"


def test_a_seat_that_is_not_in_the_call_asks_for_nothing() -> None:
    world = World()
    world.talk()
    assert world.transfer("one-key", asker="8002").code == "party.unknown"


def test_a_waiting_call_can_not_be_transferred() -> None:
    world = World()
    world.arrive()
    assert world.transfer("one-key").code == "transfer.asker"


def test_a_muted_party_is_not_heard_and_the_caller_is_not_left_in_silence() -> None:
    world = World()
    seat = world.talk()
    world.ask(contract.MuteParty(id="x", call="c1", party="8001"))
    assert (world.hears("caller"), world.plays("caller")) == (set(), "music")
    assert world.hears(seat) == {"caller"}
    world.ask(contract.MuteParty(id="y", call="c1", party="8001", on=False))
    assert (world.hears("caller"), world.plays("caller")) == ({seat}, "")


def test_a_party_on_hold_hears_music_and_so_does_who_stays_alone() -> None:
    world = World()
    seat = world.talk()
    world.ask(contract.HoldParty(id="x", call="c1", party="caller"))
    assert (world.plays("caller"), world.plays(seat)) == ("music", "music")
    world.ask(contract.HoldParty(id="y", call="c1", party="caller", on=False))
    assert world.hears("caller") == {seat}


def test_the_hold_key_of_a_seats_phone_gives_the_caller_music() -> None:
    world = World()
    seat = world.talk()
    world.give(inputs.PhoneHeld(seat, True))
    assert world.plays("caller") == "music"
    assert world.plays(seat) == "", "nothing is played into a phone that is on hold"
    world.give(inputs.PhoneHeld(seat, False))
    assert world.hears("caller") == {seat}


@pytest.mark.parametrize(
    "command",
    [
        contract.MuteParty(id="x", call="c1", party="9001"),
        contract.HoldParty(id="x", call="c1", party="nobody"),
        contract.DropParty(id="x", call="c1", party="c1.l99"),
        contract.TakeOver(id="x", call="c1", seat="9001"),
    ],
)
def test_who_is_not_on_the_line_can_not_be_steered(command: contract.AnyCommand) -> None:
    world = World()
    world.talk()
    assert world.ask(command).code == "party.unknown"


def test_a_command_that_is_not_about_a_call_is_refused() -> None:
    world = World()
    world.talk()
    assert world.ask(contract.SetSeatStatus(id="x", seat="8001", status="off")).code == "command.unknown"


def test_every_command_is_answered_exactly_once() -> None:
    world = World()
    world.talk()
    commands: list[contract.AnyCommand] = [
        contract.StartTransfer(id="1", call="c1", kind="one-key"),
        contract.CancelTransfer(id="2", call="c1"),
        contract.JoinTransfer(id="3", call="c1"),
        contract.Supervise(id="4", call="c1", seat="8090", mode="listen"),
        contract.PickWaiting(id="5", call="c1", seat="8003"),
        contract.HangUpCall(id="6", call="c1"),
        contract.HangUpCall(id="7", call="c1"),
    ]
    for command in commands:
        world.give(inputs.Asked(command))
    assert sorted(reply.command for reply in world.all(effects.Reply)) == ["1", "2", "3", "4", "5", "6", "7"]
