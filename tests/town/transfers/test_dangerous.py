"""Dangerous transfers (涉险): three-way, the asker stays until the receiver takes over, ranked with direct calls to 110."""

from __future__ import annotations

from robots.handset import answer
from telephony import contract
from tests.town.transfers.stage import Stage, party, transfer


def test_asker_stays_until_the_receiver_takes_over(stage: Stage) -> None:
    stage.behave(stage.linkage, answer())
    call = stage.talk()
    stage.town.calls("transfer", call, "--kind", "one-key", "--dangerous")
    stage.told(stage.operator, "dangerous_staying")
    stage.told(stage.linkage, "dangerous")
    stage.all_hear_all(stage.citizen, stage.operator, stage.linkage)
    stage.operator.keys("*1")
    stage.listen(stage.operator, 0.5)
    stage.all_hear_all(stage.citizen, stage.operator, stage.linkage)
    stage.do(contract.TakeOver, call=call, seat="9101")
    stage.ended(stage.operator)
    stage.all_hear_all(stage.citizen, stage.linkage)
    stage.hangs_up(stage.citizen, stage.linkage)
    record = stage.record(call)
    done = transfer(record)
    assert (done.kind, done.dangerous, done.outcome) == ("three-way", True, "answered")
    assert party(record, "8001").end_cause == "taken_over", "the asker's own key did not let it go"
    assert [note.detail["digits"] for note in record.notes if note.kind == "DigitPressed"] == ["*1"]


def test_dangerous_transfer_passes_an_ordinary_one_that_waits_longer(stage: Stage) -> None:
    stage.on_duty("8001", "8002", "9101")
    stage.talk("110", caller=stage.third, staff=stage.linkage)
    stage.linkage.forget()
    stage.behave(stage.operator, answer())
    stage.behave(stage.colleague, answer())
    calls = {}
    for caller in (stage.citizen, stage.second):
        caller.dial(stage.town.number("12345"))
        calls[caller] = stage.look.live_call(caller.user).call.id
        caller.wait_for("answered")
    for phone in (stage.operator, stage.colleague):
        phone.wait_for("answered")
    stage.do(contract.StartTransfer, call=calls[stage.citizen], kind="one-key")
    stage.do(contract.StartTransfer, call=calls[stage.second], kind="three-way", dangerous=True)
    stage.hangs_up(stage.third)
    first = stage.rings(stage.linkage)
    assert first["caller"] == stage.second.user
    stage.hears(stage.second, stage.linkage)
    stage.hangs_up(stage.second)
    stage.hangs_up(stage.citizen)


def test_direct_call_to_110_passes_an_ordinary_transfer_that_waits_longer(stage: Stage) -> None:
    stage.talk("110", caller=stage.third, staff=stage.linkage)
    stage.linkage.forget()
    call = stage.talk()
    stage.do(contract.StartTransfer, call=call, kind="one-key")
    stage.second.dial(stage.town.number("110"))
    stage.second.wait_for("answered")
    stage.hangs_up(stage.third)
    assert stage.rings(stage.linkage)["caller"] == stage.second.user
    stage.hears(stage.second, stage.linkage)
    stage.hangs_up(stage.second)
    assert stage.rings(stage.linkage)["caller"] == stage.citizen.user, "the transfer is next"
    stage.hangs_up(stage.citizen)
