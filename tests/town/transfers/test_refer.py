"""Transfers asked for by the phone itself (REFER): from a pjsip phone, and from baresip, which hangs up on any final NOTIFY."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from robots import tones
from robots.handset import Phone, answer, reject, ring
from robots.softphone import Softphone
from robots.town import SECRET
from telephony.machines import words
from tests.town.transfers.stage import Stage, party, transfer


def notified(phone: Phone) -> list[int]:
    """What the phone was told of its newest REFER, to the end; pjsua tells of the 202 as of a 100."""
    phone.wait_for("refer", final=True)
    told = [one["code"] for one in phone.seen("refer", call=phone.newest())]
    return [code for code, _ in itertools.groupby(told)]


def replied(phone: Phone) -> int:
    return int(phone.wait_for("reply", method="REFER")["code"])


def test_refer_to_110_is_told_step_by_step_and_ends_the_askers_leg(stage: Stage) -> None:
    citizen, operator, linkage = stage.citizen, stage.operator, stage.linkage
    stage.behave(linkage, answer(0.5))
    call = stage.talk()
    operator.refer("110")
    rang = stage.rings(linkage)
    stage.hears(citizen, operator)
    assert notified(operator) == [100, 180, 200]
    stage.ended(operator)
    stage.all_hear_all(citizen, linkage)
    stage.hangs_up(citizen, linkage)
    assert replied(operator) == 202
    assert (rang["caller"], rang["headers"]["X-Hotline-Asker"]) == (citizen.user, "8001")
    done = transfer(stage.record(call))
    assert (done.kind, done.by, done.outcome, done.to_centre) == ("one-key", "refer", "answered", "110")


def test_refer_to_a_seat(stage: Stage) -> None:
    stage.on_duty("8001", "9001")
    stage.behave(stage.police, answer())
    stage.talk()
    stage.operator.refer("9001")
    stage.told(stage.police, words.text("12345 转接"))
    stage.ended(stage.operator)
    stage.all_hear_all(stage.citizen, stage.police)
    stage.hangs_up(stage.citizen, stage.police)


def test_refer_to_an_outside_line_goes_through_its_trunk(stage: Stage) -> None:
    stage.behave(stage.outside, answer(0.2))
    call = stage.talk()
    stage.operator.refer("119")
    rang = stage.rings(stage.outside)
    stage.ended(stage.operator)
    stage.all_hear_all(stage.citizen, stage.outside)
    stage.hangs_up(stage.citizen, stage.outside)
    assert (rang["dialled"], rang["caller"]) == ("119", stage.citizen.user)
    assert not [name for name in rang["headers"] if name.startswith("X-Hotline")], "our own headers stay inside"
    assert transfer(stage.record(call)).answered_by == "119"


def test_refused_refer_leaves_the_asker_with_the_caller(stage: Stage) -> None:
    stage.behave(stage.linkage, reject(603, 0.2))
    call = stage.talk()
    stage.operator.refer("110")
    assert notified(stage.operator) == [100, 180, 603]
    stage.told(stage.operator, "transfer_refused")
    stage.all_hear_all(stage.citizen, stage.operator)
    stage.hangs_up(stage.citizen, stage.operator)
    assert transfer(stage.record(call)).went_back_to == "asker"


def test_refer_to_nobody_or_from_a_citizen_is_refused(stage: Stage) -> None:
    call = stage.talk()
    stage.operator.refer("16812345678")
    assert replied(stage.operator) == 404
    stage.citizen.refer(stage.town.number("110"))
    assert replied(stage.citizen) == 403
    stage.all_hear_all(stage.citizen, stage.operator)
    stage.hangs_up(stage.citizen, stage.operator)
    assert not stage.record(call).transfers


# --- baresip


@pytest.fixture
def baresip(stage: Stage) -> Iterator[Softphone]:
    """Seat 8003 is a baresip, the only operator on duty."""
    stage.on_duty("9101")
    with Softphone("8003", SECRET, registrar=stage.town.registrar, tone=tones.TONES[-1], auto_answer=True) as phone:
        phone.registered()
        stage.look.seat_is("8003", registered=True, status="available")
        yield phone
    stage.look.seat_is("8003", registered=False, state="idle")


def dials(stage: Stage, baresip: Softphone) -> str:
    stage.citizen.dial(stage.town.number("12345"))
    baresip.wait_for("answered")
    stage.citizen.hear(int(tones.TONES[-1]))
    return stage.look.live_call(stage.citizen.user).call.id


def test_baresip_hands_over_to_110(stage: Stage, baresip: Softphone) -> None:
    stage.behave(stage.linkage, answer(0.2))
    call = dials(stage, baresip)
    baresip.refer("110")
    stage.rings(stage.linkage)
    stage.all_hear_all(stage.citizen, stage.linkage)
    stage.hangs_up(stage.citizen, stage.linkage)
    done = transfer(stage.record(call))
    assert (done.by, done.outcome, done.asker_seat) == ("refer", "answered", "8003")


@pytest.mark.parametrize("how", ["refused", "unanswered"])
def test_caller_of_a_baresip_that_hung_up_on_a_failed_refer_is_answered_first(stage: Stage, baresip: Softphone, how: str) -> None:
    stage.behave(stage.linkage, reject(603, 0.2) if how == "refused" else ring())
    call = dials(stage, baresip)
    stage.second.dial(stage.town.number("12345"))
    stage.second.wait_for("answered")
    stage.look.status("8003", "paused")
    baresip.refer("110")
    baresip.wait_for("refer_failed")
    stage.told(stage.citizen, "returning")
    stage.behave(stage.colleague, answer())
    stage.status(stage.colleague, "available")
    came = stage.rings(stage.colleague)
    assert came["caller"] == stage.citizen.user, "the head of the queue, before one who waits longer"
    stage.told(stage.colleague, "tag_returned")
    stage.all_hear_all(stage.citizen, stage.colleague)
    stage.hangs_up(stage.citizen)
    stage.hangs_up(stage.second)
    record = stage.record(call)
    assert transfer(record).outcome == ("refused" if how == "refused" else "no_answer")
    assert party(record, "8002").end_cause == "left"
