"""What a call leaves on record: who, from when to when, waited how long, answered by whom, why it ended."""

from __future__ import annotations

from telephony import contract
from telephony.machines import facts, inputs
from tests.machines.world import CITIZEN, World

CALL_ENDS = {"caller_left", "staff_left", "abandoned", "no_seats", "overflow", "refused", "failed", "room_lost", "completed"}
PARTY_ENDS = {"left", "dropped", "no_answer", "busy", "refused", "unreachable", "cancelled", "taken_over", "room_lost", "error"}


def test_a_plain_call() -> None:
    world = World()
    begun = world.now
    world.arrive()
    world.now += 2
    leg = world.offer("8001")
    world.now += 1

    world.give(inputs.Reached(leg, ringing=True))
    world.now += 4
    world.give(inputs.Up(leg))
    world.now += 60
    world.hang_up("caller")
    world.settle()
    call = world.call_fact()
    assert (call.started_at, call.queued_at, call.answered_at, call.ended_at) == (begun, begun, begun + 7, begun + 67)
    assert (call.caller, call.called, call.centre, call.answered_by, call.waited) == (CITIZEN, "12345", "12345", "8001", 7)
    assert call.end_cause == "caller_left"
    caller, seat = world.fact("caller"), world.fact(leg)
    assert (caller.invited_at, caller.joined_at, caller.left_at) == (begun, begun + 7, begun + 67)
    assert (seat.invited_at, seat.ringing_at, seat.joined_at, seat.left_at) == (begun + 2, begun + 3, begun + 7, begun + 67)
    assert (seat.role, seat.seat, seat.centre) == ("operator", "8001", "12345")


def test_talk_time_after_a_transfer_belongs_to_the_right_seat() -> None:
    world = World()
    asker = world.talk("8001")
    joined = world.now
    world.now += 30
    world.press(asker, "*1")
    world.now += 5
    receiver = world.answer("9101")
    world.now += 1
    world.hear_out(receiver)
    world.now += 0.1
    world.settle()
    world.now += 100
    world.hang_up("caller")
    world.settle()
    first, second = world.fact(asker), world.fact(receiver)
    assert (first.joined_at, first.left_at) == (joined, joined + 36.1)
    assert (second.joined_at, round((second.left_at or 0) - (second.joined_at or 0), 3)) == (joined + 36, 100.1)
    assert second.via_transfer == world.call.transfers[0].id
    assert first.via_transfer == ""
    transfer = world.transfer_fact()
    assert (transfer.started_at, transfer.ringing_at, transfer.answered_at) == (joined + 30, joined + 35, joined + 35)
    assert (transfer.ended_at, transfer.asker_left_at) == (joined + 36, joined + 36)
    assert (transfer.asker_seat, transfer.from_centre, transfer.to_centre, transfer.answered_by) == (
        "8001",
        "12345",
        "110",
        "9101",
    )


def test_a_seat_that_rang_in_vain_has_a_row_and_no_talk_time() -> None:
    world = World()
    world.arrive()
    first = world.ring("8001")
    world.pass_time(10)
    world.answer("8002")
    row = world.fact(first)
    assert (row.joined_at, row.end_cause, row.sip_code) == (None, "no_answer", 408)


def test_holds_of_every_kind_are_added_up() -> None:
    world = World()
    world.talk()

    for seconds in (5, 7):
        world.ask(contract.HoldParty(id="x", call="c1", party="caller"))
        world.now += seconds
        world.ask(contract.HoldParty(id="x", call="c1", party="caller", on=False))
        world.now += 1
    world.give(inputs.PhoneHeld("caller", True))
    world.ask(contract.HoldParty(id="x", call="c1", party="caller"))
    world.now += 3
    world.give(inputs.PhoneHeld("caller", False))
    world.now += 2
    world.hang_up("caller")
    assert world.fact("caller").held_seconds == 17


def test_a_return_to_the_queue_changes_neither_who_answered_first_nor_the_wait() -> None:
    world = World()
    world.arrive()
    world.now += 8
    leg = world.answer("8001")
    world.lose(leg)
    world.now += 20
    world.answer("8002")
    call = world.call_fact()
    assert (call.answered_by, call.waited) == ("8001", 8)


def test_who_gives_up_has_waited_until_then_and_not_until_the_phones_confirmed() -> None:
    world = World()
    world.arrive()
    world.ring("8001")
    world.now += 9
    world.hang_up("caller")
    world.pass_time(5)
    call = world.call_fact()
    assert (call.waited, call.end_cause, call.ended_at) == (9, "abandoned", world.now)


def test_causes_are_told_only_when_it_is_over() -> None:
    world = World()
    asker = world.talk()
    world.bring(asker, "*3")
    world.hang_up("caller")
    assert world.call_fact().end_cause == ""
    assert world.fact(asker).end_cause == ""


def test_every_cause_is_one_of_the_contracts() -> None:
    for ending in ("caller", "staff", "lost", "room", "command"):
        world = World()
        asker = world.talk()
        world.press(asker, "*3")
        world.hang_up(world.ring("9101"), 503)
        world.ring("9102")

        match ending:
            case "caller":
                world.hang_up("caller")
            case "staff":
                world.hang_up(asker)
            case "lost":
                world.lose(asker)
            case "room":
                world.give(inputs.RoomLost())
            case _:
                world.ask(contract.HangUpCall(id="x", call="c1"))
        world.settle()
        world.pass_time(31)
        for leg in [p.id for p in world.call.parties.values() if p.state != "gone"]:
            world.hang_up(leg)
        assert world.machine.over
        for fact in facts.of_call(world.call):
            if isinstance(fact, contract.CallFacts):
                assert fact.end_cause in CALL_ENDS
            elif isinstance(fact, contract.PartyFacts):
                assert fact.end_cause in PARTY_ENDS
            else:
                assert fact.outcome
