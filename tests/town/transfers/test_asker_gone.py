"""Somebody leaves while a transfer is under way: the asker, the caller, or a phone that dies."""

from __future__ import annotations

from robots.handset import Phone, answer, reject
from robots.town import SECRET
from telephony.machines import words
from tests.town.transfers.stage import Stage, in_order, party, transfer


def test_transfer_goes_on_when_the_asker_hangs_up(stage: Stage) -> None:
    call = stage.talk()
    stage.operator.keys("*1")
    stage.rings(stage.linkage)
    stage.operator.hang_up()
    stage.told(stage.citizen, "transferring")
    stage.linkage.answer()
    stage.told(stage.linkage, words.text("12345 转接"))
    stage.all_hear_all(stage.citizen, stage.linkage)
    stage.hangs_up(stage.citizen, stage.linkage)
    done = transfer(stage.record(call))
    assert (done.outcome, done.went_back_to) == ("answered", "")
    assert in_order(done.started_at, done.asker_left_at, done.answered_at)


def test_caller_goes_to_the_head_of_the_queue_when_it_then_fails(stage: Stage) -> None:
    stage.behave(stage.linkage, reject(603, 1.0))
    stage.behave(stage.colleague, answer())
    call = stage.talk()
    stage.second.dial(stage.town.number("12345"))
    stage.second.wait_for("answered")
    stage.operator.keys("*1")
    stage.rings(stage.linkage)
    stage.status(stage.operator, "paused")
    stage.operator.hang_up()
    stage.told(stage.citizen, "returning")
    stage.status(stage.colleague, "available")
    came = stage.rings(stage.colleague)
    assert came["caller"] == stage.citizen.user, "before one who waits longer"
    assert came["headers"]["X-Hotline-Kind"] == "return"
    stage.told(stage.colleague, "tag_returned")
    stage.all_hear_all(stage.citizen, stage.colleague)
    stage.hangs_up(stage.citizen)
    stage.hangs_up(stage.second)
    record = stage.record(call)
    assert (transfer(record).outcome, transfer(record).went_back_to) == ("refused", "queue")
    assert record.call is not None and record.call.answered_by == "8001"
    assert in_order(party(record, "8001").left_at, party(record, "8002").joined_at)


def test_receiver_stops_ringing_and_the_asker_is_told_when_the_caller_hangs_up(stage: Stage) -> None:
    call = stage.talk()
    stage.operator.keys("*1")
    stage.rings(stage.linkage)
    stage.citizen.hang_up()
    stage.ended(stage.linkage)
    stage.told(stage.operator, "caller_left")
    stage.ended(stage.operator)
    stage.whole(stage.citizen)
    record = stage.record(call)
    assert (transfer(record).outcome, transfer(record).went_back_to) == ("caller_left", "asker")
    assert record.call is not None and record.call.end_cause == "caller_left"


def test_caller_of_a_seat_that_is_lost_is_answered_by_another(stage: Stage) -> None:
    """The phone's process is killed: no BYE, no more packets."""
    stage.on_duty()
    with Phone("8004", SECRET, registrar=stage.town.registrar, behaviour=answer(), tone=3450) as doomed:
        doomed.registered()
        stage.look.seat_is("8004", registered=True, status="available")
        stage.citizen.dial(stage.town.number("12345"))
        call = doomed.wait_for("incoming")["headers"]["X-Hotline-Call"]
        stage.citizen.hear(doomed.tone)
        stage.status(stage.colleague, "available")
        doomed.kill()
    stage.told(stage.citizen, "seat_lost")
    stage.rings(stage.colleague)
    stage.colleague.answer()
    stage.all_hear_all(stage.citizen, stage.colleague)
    stage.hangs_up(stage.citizen, stage.colleague)
    record = stage.record(call)
    assert party(record, "8004").end_cause == "error"
    assert record.call is not None and record.call.end_cause == "caller_left"
    stage.look.status("8004", "off")
