"""Whose keys command what: those of a seat in its talk, at most two seconds between the digits; nobody else's."""

from __future__ import annotations

from robots.handset import Phone, answer
from telephony import contract
from tests.town.transfers.stage import Stage, transfer


def press_everything(phone: Phone, method: str = "rfc4733") -> None:
    for keys in ("*1", "*3", "*7", "*0"):
        phone.keys(keys, method=method)


def nothing_happened(stage: Stage, call: str) -> None:
    """After the keys of somebody who may not, those of the operator are the first that do something."""
    live = stage.look.live_call(stage.citizen.user)
    assert (live.call.id, live.transfers) == (call, ())
    assert not stage.linkage.seen("incoming", t=lambda t: t > stage.began)
    stage.behave(stage.linkage, answer())
    stage.operator.keys("*1")
    stage.ended(stage.operator)
    stage.hears(stage.citizen, stage.linkage)
    stage.hangs_up(stage.citizen)
    record = stage.record(call)
    assert transfer(record).asker_seat == "8001"
    assert len([note for note in record.notes if note.kind == "DigitPressed"]) == 1


def test_keys_of_a_citizen_command_nothing(stage: Stage) -> None:
    call = stage.talk()
    press_everything(stage.citizen, "rfc4733")
    press_everything(stage.citizen, "info")
    stage.listen(stage.operator, 1.0)
    nothing_happened(stage, call)


def test_keys_of_a_waiting_citizen_command_nothing(stage: Stage) -> None:
    stage.citizen.dial(stage.town.number("12345"))
    came = stage.rings(stage.operator)
    stage.citizen.wait_for("answered")
    press_everything(stage.citizen)
    stage.listen(stage.citizen, 1.0)
    stage.operator.answer()
    stage.hears(stage.citizen, stage.operator)
    nothing_happened(stage, came["headers"]["X-Hotline-Call"])


def test_keys_of_a_supervisor_who_barged_in_command_nothing(stage: Stage) -> None:
    call = stage.talk()
    stage.supervisor.dial("*238001")
    stage.hears(stage.operator, stage.supervisor)
    press_everything(stage.supervisor)
    stage.listen(stage.operator, 1.0)
    stage.supervisor.hang_up()
    nothing_happened(stage, call)


def test_keys_of_duty_posts_and_outside_lines_command_nothing(stage: Stage) -> None:
    stage.behave(stage.duty, answer())
    stage.behave(stage.outside, answer())
    call = stage.talk()
    for target, phone in (("seat:7001", stage.duty), ("line:119", stage.outside)):
        stage.do(contract.StartTransfer, call=call, kind="three-way", target=target, asker="8001")
        stage.hears(stage.citizen, phone)
        press_everything(phone)
        stage.listen(stage.citizen, 0.8)
    assert not [t for t in stage.look.live_call(stage.citizen.user).transfers if t.by == "key"]
    stage.hears(stage.citizen, stage.operator, stage.duty, stage.outside)
    stage.do(contract.HangUpCall, call=call)
    assert not [note for note in stage.record(call).notes if note.kind == "DigitPressed"]


def test_digits_more_than_two_seconds_apart_command_nothing(stage: Stage) -> None:
    call = stage.talk()
    stage.operator.keys("*")
    stage.listen(stage.operator, 2.0)
    stage.operator.keys("1")
    stage.listen(stage.operator, 0.4)
    nothing_happened(stage, call)


def test_key_that_means_nothing_now_is_said_so(stage: Stage) -> None:
    stage.talk()
    stage.operator.keys("*0")
    stage.told(stage.operator, "transfer_none")
    since = stage.now(stage.operator)
    stage.operator.keys("*1")
    stage.rings(stage.linkage)
    stage.operator.keys("*3")
    stage.told(stage.operator, "transfer_pending", since=since)
    stage.hangs_up(stage.citizen, stage.linkage)
