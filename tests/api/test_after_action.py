"""The after-action report over HTTP: page, file and figures; who may have it; journalled when it is taken."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from api.emergencies import after_action
from api.features import FEATURES, Feature
from config.settings import Settings
from router.storage.journal import JournalEntry
from tests.api.matters import code
from tests.api.parts import Person, Stand, run, standing

MODULE = "api.emergencies.after_action"
WITH_IT = [*(one for one in FEATURES if one.module != MODULE), Feature(MODULE, "after-action", "复盘报告 / after-action report")]


async def registered(person: Person, **more: Any) -> dict[str, Any]:
    """An event that runs, and its address."""
    body = {
        "kind": "gas-leak",
        "title": "人民路燃气泄漏",
        "place": "盘龙区人民路12号",
        "happened_at": "2026-05-06T00:55:00Z",
        "situation": "联系人13812345678",
        "facts": {"deaths": 3},
        **more,
    }
    answer = await person.post("/api/v1/emergencies", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return {**made, "url": f"/api/v1/emergencies/{made['id']}/after-action"}


async def taken(stand: Stand) -> list[JournalEntry]:
    async with stand.state.database.read() as session:
        query = select(JournalEntry).where(JournalEntry.action.like("after\\_action.%", escape="\\")).order_by(JournalEntry.seq)
        return list((await session.scalars(query)).all())


def test_page_file_and_figures_of_one_event(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=WITH_IT) as stand:
            operator, supervisor = await stand.sign_in("operator"), await stand.sign_in("supervisor")
            event = await registered(operator)
            stand.clock.move(3600)

            shown = await supervisor.get(event["url"])
            assert shown.status_code == 200, shown.text
            assert shown.headers["Content-Type"] == "text/html; charset=utf-8" and shown.text.startswith("<!DOCTYPE html>")
            assert "阶段性报告" in shown.text and event["number"] in shown.text and "13812345678" not in shown.text
            policy = shown.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "script-src" not in policy and "frame-ancestors 'none'" in policy
            assert shown.headers["X-Content-Type-Options"] == "nosniff" and shown.headers["Cache-Control"] == "no-store"
            assert shown.headers["Content-Disposition"].startswith("inline;")

            file = await supervisor.get(event["url"], params={"format": "docx"})
            assert file.headers["Content-Type"] == after_action.DOCX
            named = file.headers["Content-Disposition"]
            assert named.startswith(f"attachment; filename=\"after-action-{event['number']}.docx\"; filename*=UTF-8''")
            assert named.endswith(f"%E5%A4%8D%E7%9B%98%E6%8A%A5%E5%91%8A-{event['number']}.docx")
            assert "人民路燃气泄漏" in zipfile.ZipFile(io.BytesIO(file.content)).read("word/document.xml").decode()

            figures = (await supervisor.get(event["url"], params={"format": "json"})).json()
            assert (figures["number"], figures["interim"], figures["drill"]) == (event["number"], True, False)
            assert [(one["duty"], one["verdict"], one["over"]) for one in figures["reports"][0]["limits"]] == [
                ("phone", "missed", 2100.0),
                ("written", "open", 0.0),
            ]
            assert figures["notices_signed"] == {"kept": 0, "of": 1, "share": 0.0}
            assert figures["totals"]["to_sign"] == {"count": 0, "median": None, "p90": None}

            entries = await taken(stand)
            assert [(one.action, one.actor, one.subject) for one in entries] == [
                ("after_action.read", supervisor.account.id, event["id"]),
                ("after_action.export", supervisor.account.id, event["id"]),
            ]
            assert entries[1].detail == {"format": "docx", "number": event["number"], "interim": True}

    run(go())


def test_only_those_who_review_and_see_the_event_have_its_report(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, features=WITH_IT) as stand:
            event = await registered(await stand.sign_in("operator"))
            answers: dict[str, httpx.Response] = {}
            for role in ("agency", "administrator", "integration"):
                answers[role] = await (await stand.sign_in(role)).get(event["url"])
            assert {role: (one.status_code, code(one)) for role, one in answers.items()} == dict.fromkeys(
                answers, (403, "forbidden")
            )
            await stand.account("supervisor", username="far", city="532900")
            far = await (await stand.sign_in("supervisor", username="far")).get(event["url"])
            assert far.status_code == 404, "another city's"
            nobody = await stand.client().get(event["url"])
            assert nobody.status_code == 401
            police = await stand.sign_in("police")
            assert (await police.get(event["url"])).status_code == 200, "the other line"
            assert (await police.get(event["url"], params={"format": "pdf"})).status_code == 422
            assert (await police.get("/api/v1/emergencies/nowhere/after-action")).status_code == 404
            assert [one.actor for one in await taken(stand)] == [police.account.id], "who was refused has taken nothing"

    run(go())


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "html"),
        ("*/*", "html"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "html"),
        ("application/json", "json"),
        ("application/json;q=0.5, text/html;q=0.4", "json"),
        ("application/json;q=0, text/html;q=0.1", "html"),
        ("application/json;q=0", "html"),
        (f"{after_action.DOCX}, application/json;q=0.9", "docx"),
        ("application/json;q=nonsense, text/html", "html"),
        ("image/png", "html"),
        (";;,,q=", "html"),
    ],
)
def test_the_form_that_a_client_likes_best(accept: str, form: str) -> None:
    assert after_action.preferred(accept) == form


def test_programs_get_figures_by_asking_for_json(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, features=WITH_IT) as stand:
            supervisor = await stand.sign_in("supervisor")
            event = await registered(await stand.sign_in("operator"))
            answer = await supervisor.get(event["url"], headers={"Accept": "application/json"})
            assert answer.json()["event_id"] == event["id"]
            assert (await taken(stand)) == [], "figures are no paper"
            word = await supervisor.get(event["url"], params={"format": "html"}, headers={"Accept": "application/json"})
            assert word.headers["Content-Type"].startswith("text/html"), "what the address says goes first"
            document = stand.app.openapi()["paths"]["/api/v1/emergencies/{event}/after-action"]["get"]
            assert set(document["responses"]["200"]["content"]) == {"application/json", "text/html", after_action.DOCX}

    run(go())
