"""Plain calls through the whole stack: answered, refused, unknown, abandoned."""

from __future__ import annotations

import json
from typing import Any

from robots import ear
from robots.handset import answer, reject, ring
from robots.town import Town
from tests.town.conftest import last_call


def test_caller_and_operator_hear_each_other_and_the_call_is_on_record(town: Town) -> None:
    operator = town.seat("8001", answer(0.2))
    citizen = town.citizen("13800000001")
    town.everybody_ready()
    citizen.dial(town.number("12345"))
    rang = operator.wait_for("incoming")
    citizen.hear(operator.tone)
    operator.hear(citizen.tone)
    citizen.hang_up()
    operator.wait_for("ended")
    assert rang["caller"] == "13800000001"
    assert rang["headers"]["X-Hotline-Kind"] == "direct"
    assert not ear.silences(citizen.finished_tape(), 1.5)
    shown = last_call(town, citizen)
    assert shown["call"]["end_cause"] == "caller_left"
    assert shown["call"]["answered_by"] == "8001"
    assert {p["role"] for p in shown["parties"]} == {"caller", "operator"}


def test_number_with_country_code_is_recorded_in_one_form(town: Town) -> None:
    operator = town.seat("8001", answer())
    citizen = town.citizen("+8613800000002")
    town.everybody_ready()
    citizen.dial(town.number("12345"))
    assert operator.wait_for("incoming")["caller"] == "13800000002"
    citizen.hang_up()


def test_seat_that_refuses_is_passed_over_for_the_next(town: Town) -> None:
    busy = town.seat("8001", reject(486))
    other = town.seat("8002", answer())
    citizen = town.citizen("13800000003")
    town.everybody_ready()
    citizen.dial(town.number("12345"))
    other.wait_for("answered")
    citizen.hear(other.tone)
    citizen.hang_up()
    shown = last_call(town, citizen)
    causes = {p["seat"]: p["end_cause"] for p in shown["parties"] if p["seat"]}
    if busy.seen("incoming"):
        assert causes["8001"] == "busy"
    assert shown["call"]["answered_by"] == "8002"


def test_caller_who_gives_up_waiting_is_listed_as_abandoned(town: Town) -> None:
    seat = town.seat("9001", ring())
    citizen = town.citizen("13800000004")
    town.everybody_ready()
    citizen.dial(town.number("110"))
    seat.wait_for("incoming")
    citizen.hang_up()
    seat.wait_for("ended")
    shown = last_call(town, citizen)
    assert shown["call"]["end_cause"] == "abandoned"
    listed = town.calls("list", "--abandoned", "--centre", "110")["calls"]
    assert shown["call"]["id"] in [one["id"] for one in listed]


def test_unknown_number_from_the_trunk_is_refused(town: Town) -> None:
    citizen = town.citizen("13800000005")
    town.everybody_ready()
    citizen.dial(town.number("16812345678"))
    assert citizen.wait_for("ended")["code"] == 404


def test_wrong_password_does_not_register(town: Town) -> None:
    stranger = town.seat("8003", secret="not the password", name="stranger")
    stranger.ready()
    assert stranger.wait_for("registration_failed")["code"] in (401, 403)


def test_command_line_shows_what_each_seat_is_doing(town: Town) -> None:
    town.seat("8001", answer(0.1))
    paused = town.seat("8002")
    citizen = town.citizen("13800000006")
    town.everybody_ready()
    town.hotline("calls", "seat", "8002", "paused", "--reason", "meal")
    citizen.dial(town.number("12345"))
    town.until(lambda: _seat(town, "8001")["state"] == "talking", "seat 8001 to talk")
    assert _seat(town, "8002") | {"since": 0} == {
        "seat": "8002",
        "centre": "12345",
        "status": "paused",
        "reason": "meal",
        "since": 0,
        "phone": "registered",
        "state": "idle",
        "call": "",
        "helps": [],
    }
    assert not paused.seen("incoming")
    citizen.hang_up()
    town.hotline("calls", "seat", "8002", "available")


def _seat(town: Town, seat: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = json.loads(town.hotline("seats", "status", "--json"))
    return next(row for row in rows if row["seat"] == seat)
