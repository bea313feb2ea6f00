"""An emergency on the whole stack: posts are rung by real calls, keys take it, what rings is hung up, a drill is played."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from robots.handset import answer, ring
from robots.matter import Desk
from robots.town import Town

APPROVED = {"reason": "处置", "approver": "值班主任"}


@pytest.fixture
def duty(town: Town) -> Any:
    """The furnished city, at an operator's and an administrator's screen."""
    town.hotline("seed", "--json")
    desks = {name: Desk(town, name) for name in ("operator8001", "admin")}
    yield desks
    for desk in desks.values():
        desk.close()


def at(admin: Desk, post: str, **numbers: str | None) -> None:
    """Have a post rung at other numbers."""
    there = admin.get(f"/duty/posts/{post}")
    names = ("unit", "name", "kind", "main", "reserve", "sms", "divisions", "leader", "fallback", "zone")
    admin.put(f"/duty/posts/{post}", {**{name: there[name] for name in names}, **numbers}, there)


def test_two_phones_ring_for_one_matter_and_the_other_falls_silent_when_it_is_taken(town: Town, duty: dict[str, Desk]) -> None:
    operator, admin = duty["operator8001"], duty["admin"]
    at(admin, "land", main="7001", reserve=None, leader=None)
    at(admin, "parks", main="7002", reserve=None, leader=None)
    first, second = town.seat("7001", answer(0.2)), town.seat("7002", ring())
    town.everybody_ready()
    plan = next(one for one in admin.get("/plans") if one["plan"] == "forest-fire")
    content = admin.get(f"/plans/{plan['id']}")["content"]
    step = {"key": "one", "name": "扑救", "posts": ["自然资源", "园林"], "part": "lead", "task": "带队扑救", "acks": 1}
    admin.post("/plans", {"note": "试验", "content": {**content, "steps": [step], "tasks": []}})
    body = {"kind": "forest-fire", "title": "西山山火", "place": "西山森林公园", "happened_at": now()}
    event = operator.post("/emergencies", body)
    operator.post(f"/emergencies/{event['id']}/start", APPROVED, event)
    second.wait_for("incoming", 20)
    call = first.wait_for("answered", 20)["call"]
    first.keys("1", call)
    second.wait_for("ended", 20)
    path = f"/emergencies/{event['id']}"

    def settled() -> Any:
        rows = {row["post_id"]: row["state"] for row in operator.get(path)["requests"]}
        return rows if rows["land"] == "accepted" else None

    assert town.until(settled, "the key to count") == {"land": "accepted", "parks": "cancelled"}
    outcomes = {one["post_id"]: one for one in operator.get(f"{path}/attempts") if one["channel"] == "phone"}
    assert outcomes["land"]["outcome"] == "accepted" and outcomes["parks"]["state"] == "cancelled"


def test_a_drill_is_played_on_robot_telephones_and_scored(town: Town, duty: dict[str, Desk], tmp_path: Path) -> None:
    script = {
        "drill": "short",
        "name": "短演练",
        "form": "live",
        "event": {"kind": "gas-leak", "title": "演练", "place": "人民东路88号"},
        "callers": [{"after": 0, "words": "好大的煤气味", "place": "人民东路88号"}],
        "telephones": {
            "gas": {"number": "7004", "does": "refuse"},
            "utility-chief": {"number": "7006", "does": "accept"},
        },
        "happenings": [{"after": 0.5, "do": "start", "level": 4}],
        "expect": [{"post": "gas", "state": "accepted", "within": 50}],
    }
    file = tmp_path / "short.yaml"
    with file.open("w", encoding="utf-8") as out:
        YAML(typ="safe").dump(script, out)
    host, port = town.registrar
    told = town.hotline("drill", "run", str(file), "--registrar", f"{host}:{port}", "--patience", "45", "--json")
    played = json.loads(told)
    assert played["share"] == 100.0, played
    operator = duty["operator8001"]
    assert operator.get("/emergencies?drill=true")["items"][0]["number"] == played["number"]
    assert played["number"] not in [one["number"] for one in operator.get("/emergencies")["items"]]
    attempts = operator.get(f"/emergencies/{played['event']}/attempts")
    rung = {one["post_id"] for one in attempts if one["channel"] == "phone"}
    assert rung == {"gas", "utility-chief"}, "nobody else is rung"


def now() -> str:
    import datetime as dt

    return dt.datetime.now(dt.UTC).isoformat()
