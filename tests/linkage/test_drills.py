"""Drills: the code of an emergency on a marked event; real posts are never rung unless the drill says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config import settings as configuration
from router import errors
from router.linkage.drill import drills, rehearsal
from router.linkage.emergency import events
from router.linkage.notifying import requests
from router.linkage.planning.plans import BadPlan
from tests.casework.parts import HOUSING, KUNMING, unit
from tests.linkage.parts import APPROVED, CHIEF, Station

SCRIPT: dict[str, Any] = {
    "drill": "gas",
    "name": "燃气演练",
    "form": "live",
    "event": {"kind": "gas-leak", "title": "演练", "place": "人民东路88号"},
    "telephones": {"gas": {"number": "7001"}, "gas-chief": {"number": "7002", "does": "ring"}},
    "expect": [
        {"post": "gas", "state": "accepted", "within": 60, "points": 30},
        {"post": "gas", "state": "arrived", "within": 600, "points": 10},
        {"post": "fire", "state": "accepted", "within": 60, "points": 10},
    ],
}


def begin(station: Station, **more: Any) -> tuple[str, str]:
    script = rehearsal.parse({**SCRIPT, **more})
    drill = station.do(CHIEF, drills.prepare, script, city=KUNMING).id
    event = station.do(CHIEF, drills.begin, drill, script, centre="12345").id
    station.do(CHIEF, events.start, event, APPROVED)
    return drill, event


def test_only_the_drills_telephones_ring_and_nobody_gets_a_message(station: Station) -> None:
    _, event = begin(station)
    assert station.ringing(event) == ["7001"]
    assert station.attempts(event, "sms") == []
    assert "这是演练" in station.attempts(event)[0].words
    station.later(minutes=30)
    assert set(station.ringing(event)) <= {"7001", "7002"}, "however high it climbs"


def test_a_drill_that_says_so_rings_real_posts_and_says_that_it_is_one(station: Station) -> None:
    _, event = begin(station, telephones={}, real=True)
    assert "087163100001" in station.ringing(event)
    assert all("这是演练" in one.words for one in station.attempts(event))


def test_desks_show_that_it_is_a_drill(station: Station) -> None:
    begin(station)
    assert station.notices(HOUSING, "linkage")[0].text.startswith("【演练】")


def test_it_is_scored_by_what_was_done_in_time(station: Station) -> None:
    drill, event = begin(station)
    station.later(seconds=20)
    station.answer("7001", "accepted")
    station.later(minutes=5)
    station.do(unit(HOUSING), requests.progress, station.request(event, "gas").id, "arrive")
    done = station.do(CHIEF, drills.finish, drill, rehearsal.parse(SCRIPT))
    ran = station.do(CHIEF, drills.of_plan, KUNMING, "gas-leak")
    assert [(one.id, one.score["share"]) for one in ran] == [(drill, done.score["share"])], "the plan's test run"
    assert done.state == "ended" and station.event(event).state == "ended"
    assert done.score["share"] == 80.0
    assert [one["kept"] for one in done.score["marks"]] == [True, True, False]
    judged = station.do(CHIEF, drills.judge, drill, "消防未参演", {"指挥": 8})
    assert (judged.state, judged.note) == ("scored", "消防未参演")


def test_later_states_count_for_earlier_ones(station: Station) -> None:
    drill, event = begin(station)
    station.do(unit(HOUSING), requests.progress, station.request(event, "gas").id, "arrive")
    marks = station.do(CHIEF, drills.finish, drill, rehearsal.parse(SCRIPT)).score["marks"]
    assert marks[0]["kept"] and marks[1]["kept"]


def test_posts_that_are_not_there_are_refused_before_anything_begins(station: Station) -> None:
    script = rehearsal.parse({**SCRIPT, "telephones": {"balloon": {"number": "7001"}}})
    with pytest.raises(errors.Invalid, match="balloon"):
        station.do(CHIEF, drills.prepare, script, city=KUNMING)


def test_a_drill_is_played_once(station: Station) -> None:
    drill, _ = begin(station)
    with pytest.raises(errors.ImpossibleTransition):
        station.do(CHIEF, drills.begin, drill, rehearsal.parse(SCRIPT), centre="12345")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"event": {**SCRIPT["event"], "kind": "gas-leek"}}, "gas-leek"),
        ({"real": True}, "矛盾"),
        ({"happenings": [{"after": 1, "do": "arrive"}]}, "没有说明是哪个值班岗"),
        ({"happenings": [{"after": 1, "do": "raise", "post": "gas"}]}, "没有说明调整到几级"),
        ({"form": "theatre"}, "form"),
    ],
)
def test_a_script_that_can_not_be_played_is_told_by_place(change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadPlan, match=told):
        rehearsal.parse({**SCRIPT, **change})


@pytest.mark.parametrize("file", sorted((configuration.DEFAULT_FOLDER / "drills").glob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_scripts_can_be_played(file: Path) -> None:
    assert rehearsal.load(file).drill == file.stem
