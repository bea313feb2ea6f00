"""The catalog and the calendar over HTTP: who may, what is refused, what is different, and that a dry run keeps nothing."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import func, select

from config.settings import Settings
from router.storage.journal import JournalEntry
from router.storage.organisation import CatalogVersion
from tests.api.matters import code, furnish
from tests.api.parts import Stand, run, standing

ROOT = "/api/v1/catalog"


async def count(stand: Stand) -> int:
    async with stand.state.database.read() as session:
        return int((await session.scalar(select(func.count()).select_from(CatalogVersion))) or 0)


def test_a_version_is_published_shown_by_its_digest_and_compared(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            content = await furnish(stand)
            administrator, operator = await stand.sign_in("administrator"), await stand.sign_in("operator")
            content["items"]["SX-001"]["answer"] = "请到窗口办理。"
            body = {"content": content, "note": "改一处"}
            refused = await operator.post(f"{ROOT}/versions", json=body)
            assert (refused.status_code, code(refused)) == (403, "forbidden")
            tried = await administrator.post(f"{ROOT}/versions?dry_run=true", json=body)
            assert tried.status_code == 200, tried.text
            assert tried.json()["version"] is None
            assert [(one["code"], one["field"]) for one in tried.json()["changes"]] == [("SX-001", "answer")]
            assert await count(stand) == 1
            made = await administrator.post(f"{ROOT}/versions", json=body, headers={"Idempotency-Key": "one"})
            again = await administrator.post(f"{ROOT}/versions", json=body, headers={"Idempotency-Key": "one"})
            assert made.status_code == again.status_code == 201
            assert again.headers["Idempotency-Replayed"] == "true" and again.json() == made.json()
            assert made.json()["version"]["id"] == "530100-2" and await count(stand) == 2
            same = await administrator.post(f"{ROOT}/versions", json=body)
            assert (same.status_code, code(same)) == (409, "catalog.same")

            whole = await operator.get(made.headers["Location"])
            assert whole.json()["content"] == content and whole.headers["ETag"] == made.headers["ETag"]
            kept = await operator.get(made.headers["Location"], headers={"If-None-Match": whole.headers["ETag"]})
            assert kept.status_code == 304 and not kept.content
            changes = await operator.get(f"{ROOT}/diff", params={"before": "530100-1", "after": "530100-2"})
            assert [one["after"] for one in changes.json()] == ["请到窗口办理。"]
            listed = (await operator.get(f"{ROOT}/versions", params={"limit": 1})).json()
            assert [one["id"] for one in listed["items"]] == ["530100-2"]
            older = (await operator.get(f"{ROOT}/versions", params={"limit": 1, "cursor": listed["next"]})).json()
            assert [one["id"] for one in older["items"]] == ["530100-1"] and older["next"] is None
            at = {"at": "2026-01-01T00:00:00Z"}
            assert (await operator.get(f"{ROOT}/current", params=at)).json()["id"] == "530100-1"
            assert (await operator.get(f"{ROOT}/current")).json()["id"] == "530100-2"

    run(go())


def test_wrong_content_is_refused_with_every_mistake_named(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            content = await furnish(stand)
            supervisor = await stand.sign_in("supervisor")
            content["items"]["SX-001"]["scope"] = "nobody"
            content["items"]["SX-002"]["deadline"] = {"weeks": 1}
            answer = await supervisor.post(f"{ROOT}/versions", json={"content": content})
            assert (answer.status_code, code(answer)) == (422, "catalog.invalid")
            keys = [one["key"] for one in answer.json()["facts"]["problems"]]
            assert "items.SX-001.scope" in keys and "items.SX-002.deadline" in keys
            foreign = await supervisor.post(f"{ROOT}/versions", json={"city": "532900", "content": content})
            assert (foreign.status_code, code(foreign)) == (403, "forbidden")
            assert await count(stand) == 1

    run(go())


def test_items_go_out_as_a_table_and_come_back(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await furnish(stand)
            administrator = await stand.sign_in("administrator")
            table = await administrator.get(f"{ROOT}/versions/530100-1/export", params={"format": "csv"})
            rows = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig"))))
            answer = rows[0].index("标准答复")
            rows[1][answer] = "新的答复"
            good = upload(rows)
            tried = await administrator.post(f"{ROOT}/items/import?dry_run=true", files=good)
            assert tried.status_code == 200, tried.text
            assert [(one["field"], one["after"]) for one in tried.json()["changes"]] == [("answer", "新的答复")]
            rows[1][rows[0].index("归属")] = "没有的"
            rows[2][rows[0].index("办理时限")] = "很快"
            bad = await administrator.post(f"{ROOT}/items/import", files=upload(rows))
            assert (bad.status_code, code(bad)) == (422, "table.invalid")
            where = " ".join(one["where"] for one in bad.json()["facts"]["problems"])
            assert "C2(归属)" in where and "3(办理时限)" in where
            assert await count(stand) == 1
            made = await administrator.post(f"{ROOT}/items/import", files=good, data={"note": "表格"})
            assert made.status_code == 201 and made.json()["version"]["note"] == "表格"
            no_table = await administrator.post(f"{ROOT}/items/import", files={"file": ("x.xlsx", b"PK\x03\x04nonsense")})
            assert (no_table.status_code, code(no_table)) == (422, "table.unreadable")

            whole = await administrator.get(f"{ROOT}/versions/530100-2/export", params={"format": "yaml"})
            same = await administrator.post(f"{ROOT}/versions/yaml", files={"file": ("c.yaml", whole.content)})
            assert (same.status_code, code(same)) == (409, "catalog.same")

    run(go())


def upload(rows: list[list[str]]) -> dict[str, tuple[str, bytes]]:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return {"file": ("items.csv", text.getvalue().encode())}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("items:\n  SX-001: &a [x]\n  SX-002: *a\n", "alias"),
        ("items: [1\n", "not valid YAML"),
        ("items: " + "[" * 40 + "]" * 40, "nested deeper"),
        ("items: 3\n", "不是键值表"),
    ],
)
def test_hostile_yaml_is_refused(sqlite_settings: Settings, text: str, told: str) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            administrator = await stand.sign_in("administrator")
            answer = await administrator.post(f"{ROOT}/versions/yaml", files={"file": ("c.yaml", text.encode())})
            assert (answer.status_code, code(answer)) == (422, "catalog.invalid")
            assert told in str(answer.json()["facts"]["problems"])

    run(go())


def test_items_are_found_by_words_that_are_nearly_right(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            content = await furnish(stand)
            agency = await stand.sign_in("agency")
            name = content["items"]["SX-010"]["name"]
            for asked in (name, "SX-010", "sx-010", name[:3]):
                found = (await agency.get(f"{ROOT}/items", params={"q": asked})).json()["items"]
                assert "SX-010" in [one["code"] for one in found], asked
            word = next(word for word in content["items"]["SX-010"]["words"] if len(word) > 2)
            assert (await agency.get(f"{ROOT}/items", params={"q": word})).json()["items"][0]["score"] >= 85
            police = (await agency.get(f"{ROOT}/items", params={"scope": "110", "limit": 200})).json()["items"]
            assert police and {one["scope"] for one in police} == {"110"}
            page = (await agency.get(f"{ROOT}/items", params={"limit": 5})).json()
            rest = (await agency.get(f"{ROOT}/items", params={"limit": 5, "cursor": page["next"]})).json()
            assert not {one["code"] for one in page["items"]} & {one["code"] for one in rest["items"]}
            guided = next(one for one in content["items"] if content["items"][one]["guidance"])
            assert (await agency.get(f"{ROOT}/items/{guided}")).json()["guidance_text"]
            assert (await agency.get(f"{ROOT}/items/SX-999")).status_code == 404
            assert (await agency.get(f"{ROOT}/sections/guidance")).json() == content["guidance"]
            assert (await agency.get(f"{ROOT}/items", params={"version": "530100-9"})).status_code == 404
            assert (await agency.get(f"{ROOT}/items", params={"city": "532900"})).status_code == 404

    run(go())


def test_a_day_is_set_and_moves_a_deadline(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            operator, supervisor = await stand.sign_in("operator"), await stand.sign_in("supervisor")
            asked = {"start": "2026-06-12T02:00:00Z", "limit": "1 working-days"}
            monday = (await operator.get(f"{ROOT}/deadline", params=asked)).json()
            refused = await operator.put(f"{ROOT}/calendar/days/2026-06-15", json={"working": False})
            assert refused.status_code == 403
            made = await supervisor.put(f"{ROOT}/calendar/days/2026-06-15", json={"working": False, "note": "市庆"})
            assert made.json() == {"day": "2026-06-15", "working": False, "certain": True, "override": True, "note": "市庆"}
            tuesday = (await operator.get(f"{ROOT}/deadline", params=asked)).json()
            assert (monday["due_at"][:10], tuesday["due_at"][:10]) == ("2026-06-15", "2026-06-16")
            year = (await operator.get(f"{ROOT}/calendar/2026")).json()
            assert len(year["days"]) == 365 and year["days"][165]["override"] is True
            beyond = (await operator.get(f"{ROOT}/calendar/2150")).json()
            assert not any(day["certain"] for day in beyond["days"])
            assert (await operator.get(f"{ROOT}/deadline", params={**asked, "limit": "1 week"})).status_code == 422
            assert (await supervisor.delete(f"{ROOT}/calendar/days/2026-06-15")).status_code == 204
            assert (await supervisor.delete(f"{ROOT}/calendar/days/2026-06-15")).status_code == 404
            elsewhere = await supervisor.put(f"{ROOT}/calendar/days/2026-06-15?city=532900", json={"working": False})
            assert elsewhere.status_code == 403
            async with stand.state.database.read() as session:
                notes = await session.scalars(select(JournalEntry.action).where(JournalEntry.action.like("calendar.%")))
                assert sorted(notes.all()) == ["calendar.cleared", "calendar.set"]

    run(go())
