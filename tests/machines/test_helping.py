"""Seats that help another centre: who may, and whose matter it is what they answer."""

from __future__ import annotations

from typing import Any

import pytest

from telephony import contract
from telephony.machines import effects, helping, inputs
from telephony.machines.errors import Refused
from tests.machines.world import CITIZEN, World, installation

HELPING: dict[str, Any] = {"helps": "110", "home": "530181"}


def dialled(world: World, leg: str) -> effects.Dial:
    return next(e for e in world.wanted if isinstance(e, effects.Dial) and e.leg == leg)


def test_a_helper_takes_part_for_the_centre_that_it_helps() -> None:
    world = World("110")
    world.arrive()
    leg = world.answer("9201", **HELPING)
    assert dialled(world, leg).display == f"{CITIZEN} 昆明市公安局110指挥中心", "it has to answer by that name"
    row, call = world.fact(leg), world.call_fact()
    assert (row.role, row.seat, row.centre, row.home) == ("police", "9201", "110", "530181")
    assert (call.centre, call.answered_by) == ("110", "9201")


def test_the_same_seat_answers_its_own_centres_callers_without_a_home() -> None:
    world = World("1101")
    world.arrive()
    leg = world.answer("9201")
    assert dialled(world, leg).display == CITIZEN
    assert (world.fact(leg).centre, world.fact(leg).home) == ("110-anning", "")


def test_a_helper_that_receives_a_transfer_sees_whom_it_helps_and_who_hands_over() -> None:
    world = World()
    asker = world.talk("8001")
    world.press(asker, "*3")
    leg = world.answer("9201", **HELPING)
    assert dialled(world, leg).display == f"{CITIZEN} 昆明市公安局110指挥中心 12345 转接"
    assert world.transfer_fact().to_centre == world.fact(leg).centre == "110"


def test_what_a_helper_hands_over_comes_from_the_helped_centre() -> None:
    world = World("110")
    world.arrive()
    leg = world.answer("9201", **HELPING)
    assert world.transfer("one-key").ok
    transfer = world.transfer_fact()
    assert (transfer.from_centre, transfer.to_centre, transfer.asker_seat) == ("110", "12345", "9201")
    assert world.party(leg).up


def test_a_caller_who_loses_a_helper_goes_to_the_head_of_the_helped_queue() -> None:
    world = World("110")
    world.arrive()
    leg = world.answer("9201", **HELPING)
    world.lose(leg)
    attempt = world.call.attempt
    assert attempt is not None
    assert (attempt.target.id, attempt.rank) == ("110", 0)


def test_a_supervisor_of_the_helped_centre_stands_beside_the_helper() -> None:
    world = World("110")
    world.arrive()
    leg = world.answer("9201", **HELPING)
    world.give(inputs.Asked(contract.Supervise(id="x", call="c1", seat="9090", mode="listen")))
    world.grant()
    assert next(p.beside for p in world.call.parties.values() if p.seat == "9090") == leg


@pytest.mark.parametrize(
    ("seat", "centre", "groups"),
    [
        ("9201", "110", ("dispatch",)),
        ("9201", "110", ("dispatch", "linkage")),
        ("9301", "110-anning", ("dispatch",)),
        ("9101", "110-yiliang", ("dispatch",)),
    ],
)
def test_seats_that_answer_callers_may_help_others_of_their_kind(seat: str, centre: str, groups: tuple[str, ...]) -> None:
    helping.check(installation(), seat, centre, groups)


@pytest.mark.parametrize(
    ("seat", "centre", "groups", "code"),
    [
        ("9999", "110", ("dispatch",), "seat.unknown"),
        ("9201", "119", ("dispatch",), "queue.unknown"),
        ("7001", "110", ("dispatch",), "seat.role"),
        ("9090", "110-anning", ("dispatch",), "seat.role"),
        ("9001", "110", ("linkage",), "queue.own"),
        ("8001", "110", ("dispatch",), "queue.kind"),
        ("9201", "12345", ("general",), "queue.kind"),
        ("9201", "110", ("general",), "queue.group"),
        ("9201", "110", ("dispatch", "general"), "queue.group"),
        ("9001", "110-anning", ("linkage",), "queue.group"),
        ("9201", "110", (), "queue.group"),
    ],
)
def test_who_may_not_help_hears_why(seat: str, centre: str, groups: tuple[str, ...], code: str) -> None:
    with pytest.raises(Refused) as refused:
        helping.check(installation(), seat, centre, groups)
    assert refused.value.code == code
