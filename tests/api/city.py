"""A city at work for tests of the whole interface: people of every role, matters in every state, and the ids of all of it.

async with standing(settings) as stand:
    city = await settle(stand)
    await city.people["operator"].get(f"/api/v1/cases/{city.ids['case'][0]}")
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import update

from router.access.actor import system
from router.catalog import files, versions
from router.organisation import codes
from router.storage.call_records import apply_all
from router.storage.casework import Case
from router.storage.organisation import Agency
from telephony import contract
from tests.api import calls, emergencies
from tests.api.matters import shipped
from tests.api.parts import AGENCY, OTHER_AGENCY, POLICE_UNIT, Person, Stand
from tests.storage import facts

__all__ = ["ROLES", "SPARE", "City", "good", "settle"]

API = "/api/v1"
ROLES = ("operator", "police", "agency", "supervisor", "administrator", "integration")
OTHER_POLICE_UNIT, SPARE = codes.make("530100", "TE5T0071"), codes.make("530100", "TE5T0072")
"""An agency that has nothing to do and may be switched off."""
OTHER_CITY = "532900"
FAR = codes.make(OTHER_CITY, "TE5T0073")
"""An agency of another city."""
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
AUDIO = bytes(range(256)) * 20


@dataclass
class City:
    stand: Stand
    people: dict[str, Person] = field(default_factory=dict)
    """By role; and ``other-agency``, ``police-unit``, ``police-supervisor``, ``peer``, ``far-agency``, ``far-operator``."""
    ids: dict[str, list[str]] = field(default_factory=dict)
    """By the name of a parameter or field; ``x.y``: parameter y of operations tagged x."""

    def note(self, name: str, *values: str) -> None:
        known = self.ids.setdefault(name, [])
        known += [value for value in values if value not in known]


def good(answer: httpx.Response, *statuses: int) -> Any:
    assert answer.status_code in (statuses or (200, 201, 204)), (answer.status_code, answer.text[:500])
    return answer.json() if answer.content else None


def seen(row: dict[str, Any]) -> dict[str, str]:
    return {"If-Match": f'"{row["rev"]}"'}


async def settle(stand: Stand) -> City:
    city = City(stand)
    await _furnish(city)
    await _people(city)
    await _tickets(city)
    await _orders(city)
    await _around(city)
    await _calls(city)
    await _rules(city)
    await emergencies.settle(city)
    return city


async def _furnish(city: City) -> None:
    stand = city.stand
    async with stand.state.database.write() as session:
        await versions.publish(
            session,
            shipped("530100"),
            city="530100",
            effective_at=files.FIRST,
            actor=system("test"),
            note="初始",
            now=stand.clock(),
        )
    for code, kind, name in ((AGENCY, "人社", "市人社局"), (OTHER_AGENCY, "城管", "市城管局"), (SPARE, "住建", "市住建局")):
        await stand.agency(code, kind=kind, name=name)
    async with stand.state.database.write() as session:
        names = {"name": "大理州人社局", "kind": "人社", "level": "department", "divisions": [OTHER_CITY]}
        times = {"created_at": stand.clock(), "updated_at": stand.clock()}
        session.add(Agency(code=FAR, city=OTHER_CITY, parent=None, active=True, **names, **times))
    await stand.agency(POLICE_UNIT, level="police", kind="公安", name="华山派出所")
    await stand.agency(OTHER_POLICE_UNIT, level="police", kind="公安", name="大观派出所")
    city.note("code", AGENCY, OTHER_AGENCY, SPARE, POLICE_UNIT)
    city.note("unit", "12345", "110", AGENCY, POLICE_UNIT)
    city.note("city", "530100", OTHER_CITY)
    city.note("version", "530100-1")
    content = shipped("530100")
    city.note("item", *list(content["items"])[:6])
    city.note("guidance", *list(content["guidance"])[:3])


async def _people(city: City) -> None:
    stand = city.stand
    for role in ROLES:
        unit = {"integration": "12345"}.get(role)
        city.people[role] = await stand.sign_in(role, unit=unit)
    city.people["other-agency"] = await stand.sign_in("agency", unit=OTHER_AGENCY)
    city.people["police-unit"] = await stand.sign_in("police", unit=POLICE_UNIT)
    city.people["police-supervisor"] = await stand.sign_in("supervisor", unit="110", username="supervisor-110")
    await stand.account("operator", username="spare-operator")
    await stand.account("agency", unit=SPARE, username="spare-agency")
    far = await stand.account("operator", username="far-operator", city=OTHER_CITY)
    for name, role, unit, where in (
        ("far-supervisor", "supervisor", "12345", OTHER_CITY),
        ("other-police-unit", "police", OTHER_POLICE_UNIT, "530100"),
        ("other-program", "integration", "110", "530100"),
    ):
        await stand.account(role, unit=unit, username=name, city=where)
        city.people[name] = await stand.sign_in(role, unit=unit, username=name)
    city.people["far-operator"] = await stand.sign_in("operator", username=far.username)
    city.note("account_id", *(stand.made[name].id for name in ("spare-operator", "spare-agency")))
    city.note("account", stand.made["integration-12345"].id, stand.made["spare-agency"].id)
    administrator = city.people["administrator"]
    posting = {"unit": "110", "role": "police", "since": stand.clock().isoformat(), "until": _in(stand, days=3)}
    for name in ("spare-operator",):
        made = good(await administrator.post(f"{API}/accounts/{stand.made[name].id}/postings", json=posting))
        city.note("posting_id", made["id"])
    peer = await stand.account("integration", unit="110-anning", username="peer-anning")
    city.people["peer"] = await stand.sign_in("integration", unit="110-anning", username="peer-anning")
    body = {
        "id": "anning.example",
        "name": "对端",
        "centre": "110-anning",
        "transport": "rest",
        "account": peer.id,
        "url": None,
        "active": True,
    }
    good(await administrator.post(f"{API}/peers", json=body))
    city.note("peer", "anning.example")
    hook = {"name": "市局", "url": "http://127.0.0.1:9/hook", "topics": ["ticket.*"]}
    for _ in range(2):
        city.note("webhook", good(await administrator.post(f"{API}/webhooks", json=hook))["id"])


def _in(stand: Stand, **time: float) -> str:
    return (stand.clock() + dt.timedelta(**time)).isoformat()


async def register(city: City, role: str, words: str, **more: Any) -> dict[str, Any]:
    body = {
        "words": words,
        "caller_number": "13900139001",
        "caller_name": "张三丰",
        "place": "昆明市五华区华山西路12号",
        "channel": "other-hotline",
        **more,
    }
    made: dict[str, Any] = good(await city.people[role].post(f"{API}/cases", json=body))
    city.note("case", made["case"]["id"])
    city.note("number", made["case"]["number"])
    if made["ticket"]:
        city.note("ticket", made["ticket"]["id"])
        city.note("number", made["ticket"]["number"])
    if made["order"]:
        city.note("order", made["order"]["id"])
    city.note("assignment", *(one["id"] for one in made["assignments"]))
    city.note("handoff", *(one["id"] for one in made["handoffs"]))
    return made


async def _tickets(city: City) -> None:
    """Shares in each state."""
    operator, agency = city.people["operator"], city.people["agency"]
    mine = {"ticks": {"belongs": "12345", "agency": AGENCY}}

    async def share(made: dict[str, Any], *steps: tuple[str, Any]) -> None:
        row = made["assignments"][0]
        for name, body in steps:
            row = good(await agency.post(f"{API}/assignments/{row['id']}/{name}", json=body, headers=seen(row)))

    words = "公司拖欠我三个月工资,请求帮助追讨"
    await register(city, "operator", words, **mine)
    await share(await register(city, "operator", words + "一", **mine), ("sign", None))
    await share(await register(city, "operator", words + "二", **mine), ("sign", None), ("handle", {"note": "已联系"}))
    await share(
        await register(city, "operator", words + "三", **mine), ("sign", None), ("handle", {}), ("pause", {"reason": "等证据"})
    )
    await share(await register(city, "operator", words + "四", **mine), ("return", {"reason": "不归我们管"}))
    done = await register(city, "operator", words + "五", **mine)
    await share(done, ("sign", None), ("handle", {}), ("feedback", {"text": "已支付"}))
    row = good(await operator.get(f"{API}/tickets/{done['ticket']['id']}"))
    called = {"reached": True, "resolved": True, "satisfaction": 5}
    row = good(await operator.post(f"{API}/tickets/{row['id']}/call-back", json=called, headers=seen(row)))
    good(await operator.post(f"{API}/tickets/{row['id']}/close", json={}, headers=seen(row)))
    theirs = await register(city, "operator", "小区垃圾无人清运", ticks={"belongs": "12345", "agency": OTHER_AGENCY})
    city.note("others.assignment", theirs["assignments"][0]["id"])
    city.note("others.ticket", theirs["ticket"]["id"])
    city.note("others.case", theirs["case"]["id"])
    ask = {"amount": 3, "unit": "working-days", "reason": "材料较多"}
    await agency.post(f"{API}/assignments/{city.ids['assignment'][2]}/ask-extension", json=ask)
    for kind, name, police in ((PNG, "图.png", False), (b"text", "说明.txt", False)):
        made = good(
            await operator.post(
                f"{API}/cases/{city.ids['case'][0]}/attachments", files={"file": (name, kind)}, params={"police_only": police}
            )
        )
        city.note("attachment", made["id"])


async def _orders(city: City) -> None:
    """Handoffs and police orders in each state."""
    police, unit = city.people["police"], city.people["police-unit"]
    for number in range(4):
        made = await register(city, "operator", f"有人在楼下聚众赌博,第{number}次", place="盘龙区北京路1号")
        row = made["handoffs"][0]
        if number == 0:
            continue
        row = good(await police.get(f"{API}/handoffs/{row['id']}"))
        if number == 1:
            good(await police.post(f"{API}/handoffs/{row['id']}/return", json={"reason": "不归我们"}, headers=seen(row)))
            continue
        row = good(await police.post(f"{API}/handoffs/{row['id']}/accept", headers=seen(row)))
        if number == 2:
            continue
        order = good(await police.get(f"{API}/orders/{made['order']['id']}"))
        order = good(await police.post(f"{API}/orders/{order['id']}/dispatch", json={"unit": POLICE_UNIT}, headers=seen(order)))
        order = good(await unit.post(f"{API}/orders/{order['id']}/sign", headers=seen(order)))
        good(await unit.post(f"{API}/orders/{order['id']}/notes", json={"text": "线人提供"}, headers=seen(order)))
        secret = {"file": ("现场.png", PNG)}
        kept = good(
            await police.post(f"{API}/cases/{made['case']['id']}/attachments", files=secret, params={"police_only": True})
        )
        city.note("police.case", made["case"]["id"])
        city.note("police.attachment", kept["id"])
        city.note("police.order", order["id"])
    await register(city, "operator", "有人持刀砍人,正在流血", place="盘龙区北京路2号", ticks={"danger": True})
    await register(city, "operator", "有人持刀要砍人,快来救命", place="盘龙区北京路3号")
    await register(city, "police", "邻居装修噪音扰民", place="盘龙区北京路4号")
    far = await register(city, "far-operator", "公园路灯不亮", place="曲靖市麒麟区南宁西路1号", division="530302")
    async with city.stand.state.database.write() as session:  # as if a centre of the other city had taken it
        await session.execute(update(Case).where(Case.id == far["case"]["id"]).values(city=OTHER_CITY))
    city.note("far.case", far["case"]["id"])
    city.note("far.ticket", far["ticket"]["id"])


async def _around(city: City) -> None:
    """What stands around matters: demands, consultations, marks, contacts, grants, inbound texts."""
    stand, people = city.stand, city.people
    demand = {"subject_id": city.ids["ticket"][0], "demand": "请三日内回复"}
    for _ in range(2):
        city.note("supervision", good(await people["supervisor"].post(f"{API}/supervision/orders", json=demand))["id"])
    city.note("notice", *(one["id"] for one in good(await people["agency"].get(f"{API}/supervision/notices"))))
    for role in ("operator", "police", "supervisor"):
        city.note("notice", *(one["id"] for one in good(await people[role].get(f"{API}/supervision/notices"))))
    for _ in range(2):
        body = {"subject": "归谁办", "item": city.ids["item"][0], "agencies": [AGENCY]}
        made = good(await people["supervisor"].post(f"{API}/consultations", json=body))
        city.note("consultation", made["id"])
    good(await people["agency"].post(f"{API}/consultations/{made['id']}/opinions", json={"text": "归我们", "owner": AGENCY}))
    for role in ("operator", "police"):
        body = {"number": "13900139002", "note": "辱骂话务员"}
        city.note("mark_id", good(await people[role].post(f"{API}/nuisance", json=body))["id"])
    for unit in (AGENCY, OTHER_AGENCY, "110"):
        body = {"unit": unit, "name": "李四", "phone": "0871-63166666", "post": "值班室"}
        city.note("contact", good(await people["administrator"].post(f"{API}/organisation/contacts", json=body))["id"])
    grant = {
        "from_unit": "12345",
        "to_unit": SPARE,
        "case_id": city.ids["case"][0],
        "fields": ["words"],
        "purpose": "协查",
        "since": stand.clock().isoformat(),
        "until": _in(stand, days=2),
    }
    for case in city.ids["case"][:2]:
        made = good(await people["supervisor"].post(f"{API}/grants", json={**grant, "case_id": case}))
        city.note("grant_id", made["id"])
    text = {"channel": "web", "origin": "gate", "origin_id": "m1", "words": "路灯坏了三天", "place": "昆明市五华区"}
    made = good(await people["integration"].post(f"{API}/inbound/messages", json=text), 201)
    city.note("case", made["case"])
    day = {"working": False, "note": "停工一天"}
    good(await people["administrator"].put(f"{API}/catalog/calendar/days/2026-05-07", json=day))


async def _calls(city: City) -> None:
    """A call that goes on, one that is over, and their recordings."""
    stand = city.stand
    now = stand.clock().timestamp()
    for call, seats in (("c1", ("8001",)), ("c2", ("8002", "9101"))):
        live = calls.talk(call, *seats, now=now)
        if call == "c1":
            await stand.state.redis.hset(contract.LIVE, call, contract.encode(live))
        changed = [facts.event(contract.CallChanged, call, facts=live.call)]
        changed += [facts.event(contract.PartyChanged, call, facts=party) for party in live.parties]
        name = f"r-{call}"
        folder = stand.state.settings.recordings_dir / "2026/05/06"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.wav").write_bytes(AUDIO)
        path = f"recordings/2026/05/06/{name}.wav"
        digest = hashlib.sha256(AUDIO).hexdigest()
        changed.append(
            facts.event(
                contract.RecordingReady,
                call,
                recording=name,
                sha256=digest,
                path=path,
                size=len(AUDIO),
                started_at=now - 50,
                seconds=1.0,
            )
        )
        async with stand.state.database.write() as session:
            await apply_all(session, changed)
        city.note("call", call)
        city.note("recording", name)
        city.note("party", *(party.id for party in live.parties), "caller", *seats)
    city.note("seat", "8001", "8002", "9101")
    case = city.ids["case"][0]
    good(await city.people["operator"].post(f"{API}/cases/{case}/calls", json={"call": "c1"}))


async def _rules(city: City) -> None:
    city.note("year", "2026")
    city.note("day", "2026-05-07", "2026-10-01")
    city.note("items.code", *city.ids["item"])
    city.note("divisions.code", "530100", "530102")
