"""Emergencies of the city at work: one in each state, with whatever hangs on it, and the ids of all of it."""

from __future__ import annotations

from typing import Any

from tests.api import city as cities
from tests.api.parts import AGENCY
from tests.linkage.parts import PLAN

API = "/api/v1"
APPROVED = {"reason": "按预案处置", "approver": "值班主任"}
POST = {"unit": AGENCY, "name": "燃气抢修", "kind": "燃气", "main": "087163100001", "reserve": "087163100002"}


async def settle(city: cities.City) -> None:
    await _duty(city)
    await _events(city)
    await _resources(city)


async def _duty(city: cities.City) -> None:
    administrator = city.people["administrator"]
    for id_, more in (("gas", {}), ("fire", {"unit": "110", "kind": "119", "main": "119"}), ("power", {"kind": "供电"})):
        cities.good(await administrator.post(f"{API}/duty/posts", json={**POST, **more, "id": id_}))
        city.note("post", id_)
    for note in ("初版", "二版"):
        body = {"note": note, "content": {**PLAN, "answer": f"{note}口径"}}
        made = cities.good(await administrator.post(f"{API}/plans", json=body))
        city.note("linkage-papers.version", made["id"])
        city.note("plan", made["id"])


async def _events(city: cities.City) -> None:
    operator, supervisor, agency = (city.people[name] for name in ("operator", "supervisor", "agency"))
    for count in range(3):
        body = {
            "kind": "gas-leak", "title": f"第{count}处燃气泄漏", "place": "盘龙区人民东路88号", "facts": {"deaths": 3},
            "happened_at": city.stand.clock().isoformat(), "cases": city.ids["case"][:1],
        }  # fmt: skip
        event = cities.good(await operator.post(f"{API}/emergencies", json=body))
        city.note("event", event["id"])
        if count == 0:
            continue
        path = f"{API}/emergencies/{event['id']}"
        event = cities.good(await operator.post(f"{path}/start", json=APPROVED, headers=cities.seen(event)))
        task = cities.good(await operator.post(f"{path}/tasks", json={"text": "携带检测仪到场", "unit": AGENCY}))
        city.note("task", task["id"])
        cities.good(await agency.post(f"{API}/event-tasks/{task['id']}/steps", json={"step": "sign"}, headers=cities.seen(task)))
        whole: dict[str, Any] = cities.good(await operator.get(path))
        city.note("request", *(one["id"] for one in whole["requests"] if one["unit"] == AGENCY))
        city.note("report", *(one["id"] for one in whole["reports"]))
        city.note("emergencies.notice", *(one["id"] for one in whole["mutual"]))
        made = cities.good(await operator.post(f"{path}/files", files={"file": ("现场.png", cities.PNG)}))
        city.note("emergencies.file", made["id"])
        event = cities.good(await supervisor.get(path))["event"]
        cities.good(await supervisor.post(f"{path}/end", json=APPROVED, headers=cities.seen(event)))
        body = {"text": "更新值班电话", "unit": AGENCY, "due_on": "2027-01-10"}
        city.note("improvement", cities.good(await supervisor.post(f"{path}/improvements", json=body))["id"])


async def _resources(city: cities.City) -> None:
    body = {"sort": "抽排水", "name": "移动泵车", "owner": AGENCY, "place": "盘龙区人民东路1号", "amount": 3, "measure": "台"}
    for code in ("W1", "W2"):
        made = cities.good(await city.people["administrator"].put(f"{API}/resources/material/{code}", json=body), 201)
        city.note("resource", made["id"])
