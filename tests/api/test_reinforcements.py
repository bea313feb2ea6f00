"""Seats from elsewhere over HTTP: what is proposed, who may help, approval, withdrawal in one step."""

from __future__ import annotations

from typing import Any

import httpx
from sqlalchemy import select

from api.features import FEATURES, Feature
from config.settings import Settings
from router.access.actor import system
from router.casework import town
from router.casework.work import Work
from router.linkage.support import reinforcements
from router.storage import call_records
from router.storage.journal import JournalEntry, Outbox
from telephony import contract
from tests.api.matters import code
from tests.api.parts import Person, Stand, run, standing
from tests.storage import facts

ROOT = "/api/v1/reinforcements"
ANNING = "110-anning"
OWN = Feature("api.reinforcements.endpoints", "reinforcements", "异地座席支援 / seats from elsewhere")
ALL = FEATURES if OWN.module in [one.module for one in FEATURES] else (*FEATURES, OWN)
ASK: dict[str, Any] = {"centre": ANNING, "reason": "暴雨,话务激增"}


def tag(rev: int) -> dict[str, str]:
    return {"If-Match": f'"{rev}"'}


async def asked(boss: httpx.AsyncClient, **more: Any) -> str:
    answer = await boss.post(ROOT, json={**ASK, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


async def boss_of(stand: Stand, unit: str = "110") -> Person:
    return await stand.sign_in("supervisor", unit=unit)


async def news(stand: Stand, topic: str) -> list[dict[str, Any]]:
    async with stand.state.database.read() as session:
        return [one.body for one in await session.scalars(select(Outbox).where(Outbox.topic == topic).order_by(Outbox.serial))]


def test_seats_are_asked_for_let_in_and_withdrawn(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, features=ALL) as stand:
            boss = await boss_of(stand)
            url = await asked(boss)
            made = await boss.get(url)
            seen = made.json()
            assert (made.headers["ETag"], seen["state"], seen["state_name"], seen["seats"]) == ('"1"', "proposed", "建议支援", [])
            assert (seen["measured"], seen["centre_name"]) == (None, "安宁市公安局110指挥中心")
            body = {"seats": ["9002", "9001"], "approver": "王局长"}
            assert (await boss.post(f"{url}/approve", json=body)).status_code == 428
            assert (await boss.post(f"{url}/approve", json=body, headers=tag(7))).status_code == 412
            active = (await boss.post(f"{url}/approve", json=body, headers=tag(1))).json()
            assert (active["state"], active["seats"], active["decided_by"]) == ("active", ["9001", "9002"], "王局长")
            assert (active["region"], active["region_name"]) == ("530100", "云南省昆明市")
            assert [one["seat"] for one in await news(stand, reinforcements.JOIN)] == ["9001", "9002"]
            assert (await boss.post(ROOT, json=ASK)).status_code == 409

            more = await boss.post(f"{url}/seats", json={"seats": ["9003", "9001"]}, headers=tag(2))
            assert (more.status_code, more.json()["seats"], more.json()["rev"]) == (200, ["9001", "9002", "9003"], 3)
            assert [one["seat"] for one in await news(stand, reinforcements.JOIN)] == ["9001", "9002", "9003"], "each once"
            again = await boss.post(f"{url}/seats", json={"seats": ["9003"]}, headers=tag(3))
            assert (again.status_code, again.json()["field"]) == (422, "seats"), "nobody new"
            other = await boss.post(f"{url}/seats", json={"seats": ["9301"]}, headers=tag(3))
            assert (other.status_code, other.json()["field"]) == (422, "region")

            for _ in range(2):
                gone = await boss.post(f"{url}/withdraw")
                assert (gone.status_code, gone.json()["state"], gone.json()["rev"]) == (200, "withdrawn", 4)
            assert gone.json()["withdrawn_by"] == boss.account.id
            assert [one["seat"] for one in await news(stand, reinforcements.LEAVE)] == ["9001", "9002", "9003"], "told once"
            assert (await boss.post(f"{url}/seats", json=body, headers=tag(4))).status_code == 409
            late = await boss.post(f"{url}/approve", json=body, headers=tag(4))
            assert (late.status_code, code(late)) == (409, "transition.impossible")

    run(go())


def test_what_was_measured_is_shown_with_a_proposal(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, features=ALL) as stand:
            figures = reinforcements.Figures(waiting=14, longest=150.5, abandoned_share=0.25, seats_free=0)
            async with stand.state.database.write() as session:
                work = Work(session, system("linkage"), stand.clock(), town.of(sqlite_settings))
                await reinforcements.suggest(work, ANNING, figures, ["排队14人,超过10人"])
            boss = await boss_of(stand)
            (one,) = (await boss.get(ROOT, params={"state": "proposed"})).json()["items"]
            assert one["measured"] == {"waiting": 14, "longest": 150.5, "abandoned_share": 0.25, "seats_free": 0}
            assert one["reason"] == "排队14人,超过10人"
            declined = await boss.post(f"{ROOT}/{one['id']}/decline", json={"reason": "已增派"}, headers=tag(1))
            assert (declined.json()["state"], declined.json()["decided_by"]) == ("declined", "张伟")
            assert (await boss.get(ROOT, params={"state": "proposed"})).json()["items"] == []
            assert len((await boss.get(ROOT, params={"centre": ANNING})).json()["items"]) == 1

    run(go())


def test_everybody_of_the_lines_sees_and_only_supervisors_of_the_line_decide(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, features=ALL) as stand:
            url = await asked(await boss_of(stand))
            for role in ("operator", "police", "administrator"):
                person = await stand.sign_in(role)
                assert (await person.get(url)).status_code == 200
                assert (await person.post(f"{url}/withdraw")).status_code == 403
                assert (await person.get(f"{ROOT}/candidates", params={"centre": ANNING})).status_code == 403
            assert (await (await stand.sign_in("agency")).get(ROOT)).status_code == 403
            hotline = await boss_of(stand, "12345")
            refused = await hotline.post(f"{url}/approve", json={"seats": ["9001"]}, headers=tag(1))
            assert (refused.status_code, code(refused)) == (403, "forbidden")
            assert (await hotline.post(ROOT, json=ASK)).status_code == 403
            await stand.account("supervisor", unit="", username="dali", city="532900")
            elsewhere = await stand.sign_in("supervisor", unit="", username="dali")
            assert (await elsewhere.get(url)).status_code == 404
            assert (await elsewhere.get(ROOT)).json()["items"] == []

    run(go())


def test_seats_that_may_help_are_listed_the_free_ones_first(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, features=ALL) as stand:
            boss = await boss_of(stand)
            change: dict[str, Any] = {"seat": "9101", "centre": "110", "status": "available", "state": "idle", "reason": ""}
            async with stand.state.database.write() as session:
                await call_records.apply_all(session, [facts.event(contract.SeatChanged, "", **change)])
            found = (await boss.get(f"{ROOT}/candidates", params={"centre": ANNING})).json()
            assert (found[0]["seat"], found[0]["free"], found[0]["region"]) == ("9101", True, "530100")
            seats = {one["seat"] for one in found}
            assert {"9001", "9301"} <= seats and not seats & {"9201", "9090", "8001", "7001"}
            url = await asked(boss)
            assert (await boss.post(f"{url}/approve", json={"seats": ["9301"]}, headers=tag(1))).status_code == 200
            found = (await boss.get(f"{ROOT}/candidates", params={"centre": ANNING})).json()
            assert [one["seat"] for one in found if one["helps"]] == ["9301"]
            assert (await boss.get(f"{ROOT}/candidates", params={"centre": "nowhere"})).status_code == 422
            hotline = await boss_of(stand, "12345")
            assert (await hotline.get(f"{ROOT}/candidates", params={"centre": ANNING})).json() == [], "not its seats to lend"

    run(go())


def test_faults_are_named_by_field(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, features=ALL) as stand:
            boss = await boss_of(stand)
            url = await asked(boss)
            for body, field in (
                ({"seats": []}, "body.seats"),
                ({"seats": ["8001"]}, "seats"),
                ({"seats": ["9001"], "region": "999999"}, "region"),
                ({"seats": ["9001"], "approver": " "}, "body.approver"),
            ):
                bad = await boss.post(f"{url}/approve", json=body, headers=tag(1))
                assert (bad.status_code, bad.json()["field"]) == (422, field), bad.text
            assert (await boss.post(f"{url}/decline", json={"reason": " "}, headers=tag(1))).json()["field"] == "body.reason"
            assert (await boss.post(ROOT, json={**ASK, "centre": "nowhere"})).json()["field"] == "centre"
            assert (await boss.post(ROOT, json={**ASK, "centre": "110", "event_id": "none"})).status_code == 404
            assert (await boss.get(f"{ROOT}/nothing")).status_code == 404
            assert (await boss.get(url)).json()["state"] == "proposed"
            async with stand.state.database.read() as session:
                query = select(JournalEntry.action).where(JournalEntry.action.startswith("reinforcement."))
                assert (await session.scalars(query)).all() == ["reinforcement.propose"]

    run(go())
