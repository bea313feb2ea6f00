"""Consultation: the caller hears music while the asker asks; then back, all together, or handed over."""

from __future__ import annotations

from robots.handset import answer, reject
from telephony import contract
from telephony.machines import words
from tests.town.transfers.stage import Stage, in_order, party, transfer


def consulting(stage: Stage) -> str:
    """The operator asks 110 while the caller hears music; returns the call's id."""
    stage.behave(stage.linkage, answer())
    call = stage.talk()
    stage.operator.keys("*7")
    stage.rings(stage.linkage)
    stage.all_hear_all(stage.operator, stage.linkage)
    stage.hears_music(stage.citizen, stage.operator, stage.linkage)
    return call


def test_caller_hears_music_and_is_taken_back_with_star_zero(stage: Stage) -> None:
    call = consulting(stage)
    stage.deaf_to(stage.operator, stage.citizen)
    stage.operator.keys("*0")
    stage.ended(stage.linkage)
    stage.all_hear_all(stage.citizen, stage.operator)
    stage.hangs_up(stage.citizen, stage.operator)
    record = stage.record(call)
    done = transfer(record)
    assert (done.kind, done.outcome) == ("consult", "answered")
    assert party(record, "caller").held_seconds > 1.5
    assert party(record, "9101").end_cause == "cancelled"


def test_consultation_becomes_a_three_way_call_with_star_three(stage: Stage) -> None:
    consulting(stage)
    stage.operator.keys("*3")
    stage.all_hear_all(stage.citizen, stage.operator, stage.linkage)
    stage.hangs_up(stage.citizen)
    stage.all_hear_all(stage.operator, stage.linkage)


def test_asker_who_hangs_up_hands_the_caller_over(stage: Stage) -> None:
    call = consulting(stage)
    stage.operator.hang_up()
    stage.told(stage.citizen, words.seat_number("9101"))
    stage.all_hear_all(stage.citizen, stage.linkage)
    stage.hangs_up(stage.citizen, stage.linkage)
    record = stage.record(call)
    assert in_order(transfer(record).answered_at, transfer(record).asker_left_at, party(record, "9101").left_at)


def test_staff_go_on_when_the_caller_hangs_up_meanwhile(stage: Stage) -> None:
    call = consulting(stage)
    stage.hangs_up(stage.citizen)
    stage.all_hear_all(stage.operator, stage.linkage)
    stage.operator.hang_up()
    stage.ended(stage.linkage)
    record = stage.record(call)
    assert record.call is not None and record.call.end_cause == "caller_left"


def test_caller_is_back_with_the_asker_when_the_one_consulted_hangs_up(stage: Stage) -> None:
    consulting(stage)
    stage.linkage.hang_up()
    stage.all_hear_all(stage.citizen, stage.operator)
    stage.hangs_up(stage.citizen, stage.operator)


def test_refused_consultation_gives_the_caller_back(stage: Stage) -> None:
    stage.behave(stage.linkage, reject(603, 1.5))
    call = stage.talk()
    stage.operator.keys("*7")
    stage.rings(stage.linkage)
    stage.hears_music(stage.citizen, stage.operator)
    stage.told(stage.operator, "transfer_refused")
    stage.all_hear_all(stage.citizen, stage.operator)
    stage.hangs_up(stage.citizen, stage.operator)
    assert transfer(stage.record(call)).went_back_to == "asker"


def test_duty_post_is_consulted_by_command(stage: Stage) -> None:
    stage.behave(stage.duty, answer())
    call = stage.talk()
    stage.do(contract.StartTransfer, call=call, kind="consult", target="seat:7001", case="K-17")
    assert stage.rings(stage.duty)["headers"]["X-Hotline-Case"] == "K-17"
    stage.hears(stage.duty, stage.operator)
    stage.hears_music(stage.citizen, stage.operator, stage.duty)
    stage.do(contract.JoinTransfer, call=call)
    stage.all_hear_all(stage.citizen, stage.operator, stage.duty)
    stage.hangs_up(stage.citizen)
    stage.operator.hang_up()
    assert transfer(stage.record(call)).case == "K-17"


def test_hold_key_of_a_seat_gives_the_caller_music(stage: Stage) -> None:
    call = stage.talk()
    stage.operator.hold()
    stage.hears_music(stage.citizen, stage.operator)
    stage.operator.unhold()
    stage.all_hear_all(stage.citizen, stage.operator)
    stage.hangs_up(stage.citizen, stage.operator)
    assert party(stage.record(call), "8001").held_seconds > 0.8
