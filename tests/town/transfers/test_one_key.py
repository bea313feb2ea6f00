"""One-key transfer (一键转接): the asker stays until the other side answers, then leaves; a failed one comes back."""

from __future__ import annotations

import time

import pytest

from robots import ear
from robots.handset import Behaviour, answer, reject, ring
from telephony.machines import words
from tests.town.transfers.stage import Stage, in_order, party, transfer


def test_one_key_brings_110_and_the_asker_leaves_when_110_has_answered(stage: Stage) -> None:
    citizen, operator, linkage = stage.citizen, stage.operator, stage.linkage
    call = stage.talk()
    pressed = time.monotonic()
    operator.keys("*1")
    rang = stage.rings(linkage)
    assert rang["t"] - pressed < 1, "the other side rings within a second of the key"
    stage.hears(citizen, operator)
    linkage.answer()
    stage.told(linkage, words.text("12345 转接"))
    stage.ended(operator)
    stage.all_hear_all(citizen, linkage)
    stage.told(citizen, words.seat_number("9101"))
    tape = stage.hangs_up(citizen, linkage)

    assert not ear.hears(tape[-4000:], operator.tone, 0.1)
    told = ear.timeline(linkage.finished_tape(), stage.town.tones())
    first = next(label for _, _, label in told if label != "silence")
    assert first == "prompt", f"the receiver hears the tag before anybody: {told}"

    assert rang["caller"] == citizen.user
    assert rang["display"] == f"{citizen.user} 12345 转接"
    own = {name: value for name, value in rang["headers"].items() if name.startswith("X-Hotline-")}
    assert own == {
        "X-Hotline-Call": call,
        "X-Hotline-Caller": citizen.user,
        "X-Hotline-Asker": "8001",
        "X-Hotline-Kind": "one-key",
    }

    record = stage.record(call, recording=True)
    assert record.call is not None and record.call.end_cause == "caller_left"
    assert record.call.answered_by == "8001", "who answered first does not change by a transfer"
    asked, received, caller = party(record, "8001"), party(record, "9101"), party(record, "caller")
    assert in_order(caller.joined_at, asked.joined_at, received.joined_at, asked.left_at, caller.left_at, received.left_at)
    assert (asked.role, received.role, received.centre) == ("operator", "police", "110")
    done = transfer(record)
    assert (done.kind, done.by, done.outcome, done.asker_seat, done.answered_by) == ("one-key", "key", "answered", "8001", "9101")
    assert (done.from_centre, done.to_centre, done.step, received.via_transfer) == ("12345", "110", 0, done.id)
    assert in_order(done.started_at, done.ringing_at, done.answered_at, done.asker_left_at)
    assert [note.detail["meaning"] for note in record.notes if note.kind == "DigitPressed"] == ["one-key"]


def test_receiver_who_hangs_up_after_the_hand_over_ends_the_call(stage: Stage) -> None:
    stage.behave(stage.linkage, answer())
    call = stage.talk()
    stage.operator.keys("*1")
    stage.ended(stage.operator)
    stage.hears(stage.citizen, stage.linkage)
    stage.linkage.hang_up()
    stage.ended(stage.citizen)
    stage.whole(stage.citizen)
    record = stage.record(call)
    assert record.call is not None and record.call.end_cause == "staff_left"


def test_one_key_from_110_brings_12345(stage: Stage) -> None:
    citizen, police, operator = stage.citizen, stage.police, stage.operator
    stage.on_duty("8001", "9001")
    stage.behave(operator, answer())
    call = stage.talk("110", staff=police)
    police.keys("*1", method="info")
    rang = stage.rings(operator)
    stage.told(operator, words.text("110 转接"))
    stage.ended(police)
    stage.all_hear_all(citizen, operator)
    stage.hangs_up(citizen, operator)
    assert rang["headers"]["X-Hotline-Asker"] == "9001"
    done = transfer(stage.record(call))
    assert (done.from_centre, done.to_centre, done.by, done.answered_by) == ("110", "12345", "key", "8001")


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [(reject(603, 0.3), "refused"), (reject(486), "busy"), (ring(), "no_answer")],
    ids=["refused", "busy", "unanswered"],
)
def test_transfer_that_fails_returns_to_the_asker_who_hears_why(stage: Stage, behaviour: Behaviour, outcome: str) -> None:
    citizen, operator = stage.citizen, stage.operator
    stage.behave(stage.linkage, behaviour)
    call = stage.talk()
    operator.keys("*1")
    stage.rings(stage.linkage)
    stage.ended(stage.linkage) if outcome == "no_answer" else stage.linkage.wait_for("ended")
    stage.told(operator, f"transfer_{outcome}")
    stage.all_hear_all(citizen, operator)
    tape = stage.hangs_up(citizen, operator)
    assert not ear.gaps(tape, operator.tone, 0.3), "the caller heard the operator all the time"
    record = stage.record(call)
    done = transfer(record)
    assert (done.outcome, done.went_back_to) == (outcome, "asker")
    assert party(record, "9101").end_cause == outcome
    assert party(record, "9101").joined_at is None


def test_seat_that_refuses_is_passed_over_for_the_ordinary_queue(stage: Stage) -> None:
    stage.on_duty("8001", "9101", "9001")
    stage.behave(stage.linkage, reject(603, 0.2))
    stage.behave(stage.police, answer())
    call = stage.talk()
    stage.operator.keys("*1")
    first = stage.rings(stage.linkage)
    second = stage.rings(stage.police)
    assert first["t"] < second["t"], "linkage seats come first"
    stage.ended(stage.operator)
    stage.hears(stage.citizen, stage.police)
    stage.hangs_up(stage.citizen, stage.police)
    done = transfer(stage.record(call))
    assert (done.answered_by, done.step) == ("9001", 1)


def test_asker_cancels_with_star_zero(stage: Stage) -> None:
    call = stage.talk()
    stage.operator.keys("*1")
    stage.rings(stage.linkage)
    stage.operator.keys("*0")
    stage.ended(stage.linkage)
    stage.told(stage.operator, "transfer_cancelled")
    stage.all_hear_all(stage.citizen, stage.operator)
    stage.hangs_up(stage.citizen, stage.operator)
    done = transfer(stage.record(call))
    assert (done.outcome, done.went_back_to) == ("cancelled", "asker")


def test_asker_is_told_at_once_when_nobody_is_signed_in_on_the_other_side(stage: Stage) -> None:
    stage.on_duty("8001")
    call = stage.talk()
    pressed = stage.now(stage.operator)
    stage.operator.keys("*1")
    told = stage.told(stage.operator, "transfer_no_seats")
    assert told - pressed < 1.5
    stage.hangs_up(stage.citizen, stage.operator)
    assert transfer(stage.record(call)).outcome == "no_seats"


def test_asker_hears_the_position_while_all_are_busy_and_may_cancel(stage: Stage) -> None:
    citizen, operator, second, linkage = stage.citizen, stage.operator, stage.second, stage.linkage
    stage.on_duty("8001", "9101")
    stage.talk("110", caller=second, staff=linkage)
    call = stage.talk()
    operator.keys("*1")
    stage.told(operator, words.transfer_position(1))
    stage.hears(citizen, operator)
    operator.keys("*0")
    stage.told(operator, "transfer_cancelled")
    stage.hangs_up(citizen, operator)
    stage.hangs_up(second, linkage)
    record = stage.record(call)
    assert transfer(record).outcome == "cancelled"
    assert not [p for p in record.parties if p.seat == "9101"], "nobody was rung"


def test_transfer_in_the_queue_is_answered_when_a_seat_becomes_free(stage: Stage) -> None:
    citizen, operator, second, linkage = stage.citizen, stage.operator, stage.second, stage.linkage
    stage.talk("110", caller=second, staff=linkage)
    stage.talk()
    linkage.forget()
    operator.keys("*1")
    stage.told(operator, words.transfer_position(1))
    stage.hangs_up(second)
    rang = stage.rings(linkage)
    assert rang["caller"] == citizen.user
    stage.ended(operator)
    stage.hears(citizen, linkage)
    stage.hangs_up(citizen)
