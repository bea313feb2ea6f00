"""Blind transfers: the asker leaves at once; one that fails brings the caller to the head of the queue."""

from __future__ import annotations

from robots.handset import reject, ring
from telephony import contract
from tests.town.transfers.stage import Stage, transfer


def test_asker_leaves_at_once_and_the_caller_hears_a_prompt_until_110_answers(stage: Stage) -> None:
    call = stage.talk()
    answered = stage.town.calls("transfer", call, "--kind", "blind", "--case", "K-9")
    assert answered["ok"] and answered["result"]["transfer"]
    stage.ended(stage.operator)
    came = stage.rings(stage.linkage)
    assert (came["headers"]["X-Hotline-Kind"], came["headers"]["X-Hotline-Case"]) == ("blind", "K-9")
    stage.told(stage.citizen, "transferring")
    stage.linkage.answer()
    stage.all_hear_all(stage.citizen, stage.linkage)
    stage.hangs_up(stage.citizen, stage.linkage)
    done = transfer(stage.record(call))
    assert (done.kind, done.by, done.outcome, done.case) == ("blind", "command", "answered", "K-9")


def test_caller_comes_back_to_the_queue_when_it_fails(stage: Stage) -> None:
    stage.behave(stage.linkage, reject(486, 0.5))
    call = stage.talk()
    stage.operator.forget()
    stage.behave(stage.operator, ring())
    stage.do(contract.StartTransfer, call=call, kind="blind")
    came = stage.rings(stage.operator)
    stage.told(stage.citizen, "returning")
    stage.operator.answer()
    assert came["headers"]["X-Hotline-Kind"] == "return"
    stage.all_hear_all(stage.citizen, stage.operator)
    stage.hangs_up(stage.citizen, stage.operator)
    done = transfer(stage.record(call))
    assert (done.outcome, done.went_back_to) == ("busy", "queue")


def test_receiver_stops_ringing_when_the_caller_hangs_up(stage: Stage) -> None:
    call = stage.talk()
    stage.do(contract.StartTransfer, call=call, kind="blind")
    stage.rings(stage.linkage)
    stage.ended(stage.operator)
    stage.citizen.hang_up()
    stage.ended(stage.linkage)
    stage.whole(stage.citizen)
    done = transfer(stage.record(call))
    assert (done.outcome, done.went_back_to) == ("caller_left", "nobody")
