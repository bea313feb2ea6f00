"""Supervisors: listen, whisper, barge; whom they stand beside; that they never keep a call open."""

from __future__ import annotations

import pytest

from telephony import contract
from telephony.machines import effects, inputs
from tests.machines.world import World


def supervise(mode: contract.SupervisionMode, seat: str = "8090") -> contract.Supervise:
    return contract.Supervise(id="x", call="c1", seat=seat, mode=mode)


def test_a_listener_hears_all_and_is_heard_by_nobody() -> None:
    world = World()
    seat = world.talk()
    chief = world.watch(mode="listen", beside=seat)
    assert world.hears(chief) == {"caller", seat}
    assert world.hears("caller") == {seat}
    assert world.hears(seat) == {"caller"}


def test_a_whisper_is_heard_by_the_seat_alone() -> None:
    world = World()
    seat = world.talk()
    receiver = world.bring(seat, "*3")
    chief = world.watch(mode="whisper", beside=seat)
    assert world.hears(seat) == {"caller", receiver, chief}
    assert chief not in world.hears("caller") | world.hears(receiver)
    assert world.hears(chief) == {"caller", seat, receiver}


def test_who_barges_in_is_heard_by_all() -> None:
    world = World()
    seat = world.talk()
    chief = world.watch(mode="barge", beside=seat)
    assert chief in world.hears("caller")
    assert chief in world.hears(seat)


def test_a_whisper_and_a_listener_are_not_on_the_tape_but_who_barges_in_is() -> None:
    for mode, taped in (("listen", False), ("whisper", False), ("barge", True)):
        world = World()
        seat = world.talk()
        chief = world.watch(mode=mode, beside=seat)  # type: ignore[arg-type]
        assert (chief in world.machine.scene().tape_staff) == taped
        assert world.machine.scene().tape_caller == ("caller",)


def test_during_a_consultation_the_supervisor_hears_the_staff_and_not_the_waiting_caller() -> None:
    world = World()
    asker = world.talk()
    chief = world.watch(mode="listen", beside=asker)
    receiver = world.bring(asker, "*7")
    assert world.hears(chief) == {asker, receiver}


def test_a_whisper_alone_is_no_person_for_who_waits_with_music() -> None:
    world = World()
    asker = world.talk()
    world.watch(mode="whisper", beside=asker)
    world.press(asker, "*7")
    world.ring("9101")
    assert world.plays(asker) == "ringback"


def test_a_supervisor_left_alone_does_not_keep_the_call() -> None:
    world = World()
    seat = world.talk()
    world.watch(mode="barge", beside=seat)
    world.hang_up(seat)
    world.settle()
    assert (world.machine.over, world.call_fact().end_cause) == (True, "staff_left")


def test_a_supervisor_who_leaves_changes_nothing() -> None:
    world = World()
    seat = world.talk()
    world.hang_up(world.watch(mode="barge", beside=seat))
    assert world.hears("caller") == {seat}
    assert world.call.stage == "talking"


@pytest.mark.parametrize("mode", ["listen", "whisper"])
def test_when_the_seat_hands_the_caller_over_a_hidden_supervisor_leaves_too(mode: contract.SupervisionMode) -> None:
    world = World()
    asker = world.talk("8001")
    chief = world.watch(mode=mode, beside=asker)
    receiver = world.bring(asker, "*1", "9101")
    world.settle()
    assert world.plays(chief) == "other_left"
    world.hear_out(chief)
    world.settle()
    assert world.party(chief).state == "gone"
    assert world.hears("caller") == {receiver}


def test_when_the_seat_leaves_a_whisper_goes_on_beside_another_of_its_centre() -> None:
    world = World()
    asker = world.talk("8001")
    chief = world.watch(mode="whisper", beside=asker)
    world.transfer("three-way", target="seat:8002", asker="8001")
    world.grant()
    colleague = world.call.attempt.leg  # type: ignore[union-attr]
    world.give(inputs.Up(colleague))
    world.hear_out(colleague)
    world.hang_up(asker)
    assert world.hears(colleague) == {"caller", chief}
    assert world.hears("caller") == {colleague}


def test_who_barged_in_stays_with_the_others() -> None:
    world = World()
    asker = world.talk("8001")
    chief = world.watch(mode="barge", beside=asker)
    receiver = world.bring(asker, "*1", "9101")
    world.settle()
    assert world.hears("caller") == {receiver, chief}


def test_a_supervisor_who_is_rung_joins_when_it_answers() -> None:
    world = World()
    seat = world.talk()
    world.give(inputs.Asked(supervise("listen")))
    assert (world.claims[-1].seat, world.claims[-1].force) == ("8090", True)
    world.grant()
    reply = world.last(effects.Reply)
    assert reply.ok
    leg = reply.result["party"]
    world.give(inputs.Reached(leg, ringing=True))
    assert world.hears(seat) == {"caller"}
    world.give(inputs.Up(leg))
    assert world.hears(leg) == {"caller", seat}
    assert (world.fact(leg).role, world.fact(leg).mode, world.fact(leg).joined_at) == ("supervisor", "listen", world.now)


def test_a_supervisors_phone_that_rings_is_no_ringback_for_the_staff() -> None:
    world = World()
    seat = world.talk()
    world.ask(contract.HoldParty(id="h", call="c1", party="caller"))
    world.give(inputs.Asked(supervise("listen")))
    world.grant()
    assert world.plays(seat) == "music"


def test_a_supervisor_who_does_not_answer_is_forgotten() -> None:
    world = World()
    seat = world.talk()
    world.give(inputs.Asked(supervise("barge")))
    world.grant()
    leg = world.last(effects.Dial).leg
    world.pass_time(16)
    assert world.fact(leg).end_cause == "no_answer"
    assert world.hears("caller") == {seat}


def test_a_supervisor_whose_seat_is_busy_can_not_be_rung() -> None:
    world = World()
    world.talk()
    world.give(inputs.Asked(supervise("listen")))
    world.deny("busy")
    assert (world.last(effects.Reply).ok, world.last(effects.Reply).code) == (False, "seat.busy")
    assert not world.call.full


def test_the_board_speaking_after_the_end_gives_the_supervisors_seat_back() -> None:
    world = World()
    world.talk()
    world.give(inputs.Asked(supervise("listen")))
    claim = world.claims[-1]
    world.hang_up("caller")
    world.settle()
    assert world.machine.over
    assert (world.last(effects.Reply).command, world.last(effects.Reply).ok) == ("x", False)
    late = world.machine.handle(inputs.Offered(claim.attempt, claim.seat), world.now)
    assert late == [effects.SeatRelease("8090", claim.attempt)]


@pytest.mark.parametrize(("seat", "code"), [("8002", "seat.role"), ("0000", "seat.role")])
def test_only_supervisors_supervise(seat: str, code: str) -> None:
    world = World()
    world.talk()
    assert world.ask(supervise("listen", seat)).code == code


def test_nobody_supervises_twice_or_a_call_that_nobody_has_answered() -> None:
    world = World()
    world.arrive()
    assert world.ask(supervise("listen")).code == "call.not_talking"
    seat = world.answer("8001")
    world.watch("8090", beside=seat)
    assert world.ask(supervise("listen")).code == "party.present"


def test_a_call_with_four_parties_takes_no_supervisor() -> None:
    world = World()
    seat = world.talk()
    world.bring(seat, "*3", "9101")
    world.bring(seat, "*3", "9001")
    world.give(inputs.SupervisorComes("s", "8090", "listen", seat))
    assert world.give(inputs.Arrived("s")) == [effects.HangUp("s", 480)]


def test_the_phone_that_a_transfer_is_going_to_ring_keeps_its_place() -> None:
    world = World()
    seat = world.talk()
    world.bring(seat, "*3", "9101")
    world.press(seat, "*3")
    assert world.ask(supervise("listen")).code == "call.full"
    world.answer("9001")
    assert world.ask(supervise("listen")).code == "call.full"


def test_a_supervisor_who_rings_counts_as_a_party() -> None:
    world = World()
    seat = world.talk()
    world.bring(seat, "*3", "9101")
    world.give(inputs.Asked(supervise("listen")))
    world.grant()
    world.press(seat, "*3")
    assert world.plays(seat) == "call_full"


def test_a_supervisors_keys_command_nothing() -> None:
    world = World()
    seat = world.talk()
    world.press(world.watch(mode="barge", beside=seat), "*1")
    assert world.call.attempt is None
    assert not world.all(effects.KeyMeant)
