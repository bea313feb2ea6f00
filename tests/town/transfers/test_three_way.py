"""Three-way calls (三方通话): all hear all; anyone can leave, the others go on; the receiver may take over; four are full."""

from __future__ import annotations

from robots import ear
from robots.handset import Phone, answer
from telephony import contract
from tests.town.transfers.stage import Stage, in_order, party, transfer


def together(stage: Stage) -> str:
    """Caller, operator and linkage seat in one talk; returns the call's id."""
    stage.behave(stage.linkage, answer())
    call = stage.talk()
    stage.operator.keys("*3")
    stage.rings(stage.linkage)
    stage.all_hear_all(stage.citizen, stage.operator, stage.linkage)
    return call


def went_on(stage: Stage, listener: Phone, speaker: Phone, since: float) -> None:
    """After somebody left, a talk goes on without a gap."""
    stage.all_hear_all(listener, speaker)
    gaps = [gap for gap in ear.gaps(listener.tape(), speaker.tone, 0.1) if gap[1] > since]
    assert not gaps, f"{listener} missed {speaker} at {gaps}"


def test_all_three_hear_each_other_and_the_asker_may_leave(stage: Stage) -> None:
    call = together(stage)
    since = stage.now(stage.citizen)
    stage.operator.hang_up()
    stage.operator.wait_for("ended")
    went_on(stage, stage.citizen, stage.linkage, since)
    stage.deaf_to(stage.citizen, stage.operator)
    stage.hangs_up(stage.citizen, stage.linkage)
    record = stage.record(call)
    done = transfer(record)
    assert (done.kind, done.outcome, done.answered_by) == ("three-way", "answered", "9101")
    assert in_order(done.answered_at, done.asker_left_at, party(record, "9101").left_at)
    assert party(record, "8001").end_cause == "left"


def test_receiver_may_leave_and_the_asker_goes_on_with_the_caller(stage: Stage) -> None:
    together(stage)
    since = stage.now(stage.citizen)
    stage.linkage.hang_up()
    went_on(stage, stage.citizen, stage.operator, since)
    stage.deaf_to(stage.operator, stage.linkage)
    stage.operator.hang_up()
    stage.ended(stage.citizen)
    stage.whole(stage.citizen)


def test_caller_may_leave_and_the_staff_go_on(stage: Stage) -> None:
    call = together(stage)
    since = stage.now(stage.operator)
    stage.hangs_up(stage.citizen)
    went_on(stage, stage.operator, stage.linkage, since)
    stage.linkage.hang_up()
    stage.ended(stage.operator)
    record = stage.record(call)
    assert in_order(party(record, "caller").left_at, party(record, "9101").left_at)


def test_receiver_takes_over_with_star_one(stage: Stage) -> None:
    call = together(stage)
    stage.linkage.keys("*1")
    stage.ended(stage.operator)
    stage.all_hear_all(stage.citizen, stage.linkage)
    stage.hangs_up(stage.citizen, stage.linkage)
    assert party(stage.record(call), "8001").end_cause == "taken_over"


def test_fifth_party_is_refused_clearly(stage: Stage) -> None:
    stage.on_duty("8001", "9101", "9201")
    call = together(stage)
    stage.behave(stage.county, answer())
    stage.do(contract.StartTransfer, call=call, kind="three-way", target="seat:9201", asker="9101")
    stage.rings(stage.county)
    stage.all_hear_all(stage.citizen, stage.operator, stage.linkage, stage.county)

    refused = stage.look.do(contract.StartTransfer, call=call, kind="three-way", target="seat:9001", asker="8001")
    assert (refused.ok, refused.code) == (False, "call.full")
    since = stage.now(stage.operator)
    stage.operator.keys("*3")
    stage.told(stage.operator, "call_full", since=since)
    refused = stage.look.do(contract.Supervise, call=call, seat="8090", mode="listen")
    assert refused.code == "call.full"
    stage.supervisor.dial("*218001")
    stage.told(stage.supervisor, "full")

    stage.all_hear_all(stage.citizen, stage.operator, stage.linkage, stage.county)
    assert not stage.police.seen("incoming", t=lambda t: t > stage.began)
    assert len(stage.look.live_call(stage.citizen.user).transfers) == 2
    stage.do(contract.HangUpCall, call=call)
    stage.ended(stage.citizen)
    stage.whole(stage.citizen)
