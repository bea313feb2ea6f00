"""Where a transfer may go: a county's desk, a given seat, an outside line; and what the asker hears when it can't be had."""

from __future__ import annotations

import pytest

from robots.handset import answer, mute, reject, ring
from telephony import contract
from tests.town.transfers.stage import Stage, party, transfer


def comes_back(stage: Stage, call: str, target: str, outcome: str) -> contract.TransferFacts:
    """A three-way to a target fails, and the asker hears why."""
    stage.do(contract.StartTransfer, call=call, kind="one-key", target=target)
    stage.told(stage.operator, f"transfer_{outcome}")
    stage.all_hear_all(stage.citizen, stage.operator)
    stage.hangs_up(stage.citizen, stage.operator)
    done = transfer(stage.record(call))
    assert (done.outcome, done.went_back_to) == (outcome, "asker")
    return done


def test_county_desk(stage: Stage) -> None:
    stage.on_duty("8001", "9101", "9201")
    stage.behave(stage.county, answer())
    call = stage.talk()
    stage.town.calls("transfer", call, "--to", "110-anning")
    stage.ended(stage.operator)
    stage.all_hear_all(stage.citizen, stage.county)
    stage.hangs_up(stage.citizen, stage.county)
    record = stage.record(call)
    assert (transfer(record).to_centre, transfer(record).answered_by) == ("110-anning", "9201")
    assert party(record, "9201").centre == "110-anning"


def test_seat_that_is_talking_is_busy_and_not_rung(stage: Stage) -> None:
    stage.on_duty("8001", "9001")
    stage.talk("110", caller=stage.second, staff=stage.police)
    call = stage.talk()
    comes_back(stage, call, "seat:9001", "busy")
    assert not [p for p in stage.record(call).parties if p.seat == "9001"]
    stage.hangs_up(stage.second, stage.police)


def test_seat_that_refuses(stage: Stage) -> None:
    stage.on_duty("8001", "9001")
    stage.behave(stage.police, reject(603))
    comes_back(stage, stage.talk(), "seat:9001", "refused")


def test_seat_without_a_phone(stage: Stage) -> None:
    comes_back(stage, stage.talk(), "seat:9006", "unreachable")


def test_seat_whose_phone_does_not_react(stage: Stage) -> None:
    stage.on_duty("8001", "9001")
    stage.behave(stage.police, mute())
    comes_back(stage, stage.talk(), "seat:9001", "unreachable")
    stage.behave(stage.police, ring())
    stage.police.unregister()
    stage.police.wait_for("unregistered")
    stage.police.register()
    stage.police.registered()
    stage.look.seat_is("9001", unreachable_at=0)


@pytest.mark.parametrize(
    ("line", "code", "outcome"),
    [("119", 486, "busy"), ("120", 603, "refused"), ("122", 0, "unreachable")],
    ids=["busy", "refused", "trunk down"],
)
def test_outside_line_that_can_not_be_had(stage: Stage, line: str, code: int, outcome: str) -> None:
    if code:
        stage.behave(stage.outside, reject(code, 0.2))
    comes_back(stage, stage.talk(), f"line:{line}", outcome)


def test_outside_line_that_nobody_answers_rings_as_long_as_the_attempt(stage: Stage) -> None:
    done = comes_back(stage, stage.talk(), "line:119", "no_answer")
    assert done.ended_at is not None and 6.5 < done.ended_at - done.started_at < 8


def test_outside_line_in_a_three_way_call(stage: Stage) -> None:
    stage.behave(stage.outside, answer())
    call = stage.talk()
    stage.do(contract.StartTransfer, call=call, kind="three-way", target="line:120")
    stage.all_hear_all(stage.citizen, stage.operator, stage.outside)
    stage.outside.hang_up()
    stage.all_hear_all(stage.citizen, stage.operator)
    stage.hangs_up(stage.citizen, stage.operator)
    assert party(stage.record(call), "outside").number == "120"
