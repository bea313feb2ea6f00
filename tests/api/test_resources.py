"""Emergency resources over HTTP: who keeps what, whose numbers are masked, stock, tables, what is near, what must be seen to."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
from sqlalchemy import select

from api.features import FEATURES, Feature
from config.settings import Settings
from router.linkage.resource.resource_table import HEADINGS
from router.storage.journal import JournalEntry
from tests.api.matters import code, furnish
from tests.api.parts import AGENCY, OTHER_AGENCY, Stand, run, standing

ROOT = "/api/v1/resources"
DAY = 86400
OWN = Feature("api.resources.endpoints", "resources", "应急资源 / emergency resources")
ALL = FEATURES if OWN.module in [one.module for one in FEATURES] else (*FEATURES, OWN)
TENTS: dict[str, Any] = {
    "sort": "帐篷", "name": "单帐篷", "owner": AGENCY, "place": "官渡区关上", "division": "530111", "latitude": 25.0103,
    "longitude": 102.7441, "contact": "李建国", "phone": "0871-63109001", "amount": 100, "measure": "顶", "least": 40,
}  # fmt: skip


def tag(rev: int) -> dict[str, str]:
    return {"If-Match": f'"{rev}"'}


async def put(person: httpx.AsyncClient, number: str = "A1", kind: str = "material", **more: Any) -> dict[str, Any]:
    answer = await person.put(f"{ROOT}/{kind}/{number}", json={**TENTS, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def codes(answer: httpx.Response) -> list[str]:
    body = answer.json()
    return [one["code"] for one in (body["items"] if isinstance(body, dict) else body)]


def upload(*rows: dict[str, str]) -> dict[str, tuple[str, bytes]]:
    text = io.StringIO()
    csv.writer(text).writerows([list(HEADINGS), *([row.get(heading, "") for heading in HEADINGS] for row in rows)])
    return {"file": ("资源.csv", text.getvalue().encode("gb18030"))}


ROW = {"类别": "物资", "编号": "W1", "分类": "发电", "名称": "发电机", "管理单位": AGENCY, "数量": "4", "计量单位": "台"}


def test_a_resource_is_kept_changed_checked_and_retired(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=ALL) as stand:
            await furnish(stand)
            agency, administrator = await stand.sign_in("agency"), await stand.sign_in("administrator")
            made = await agency.put(f"{ROOT}/material/A1", json={**TENTS, "owner": None})
            assert (made.status_code, made.headers["ETag"]) == (201, '"1"'), made.text
            url, seen = made.headers["Location"], made.json()
            assert (seen["owner"], seen["owner_name"], seen["kind_name"]) == (AGENCY, "市人社局", "物资")
            assert (seen["phone"], seen["stale"], seen["below_least"], seen["expired"]) == ("087163109001", False, False, False)

            body = {**TENTS, "amount": 10, "expires_on": "2026-05-05"}
            assert (await administrator.put(f"{ROOT}/material/A1", json=body)).status_code == 428
            assert (await administrator.put(f"{ROOT}/material/A1", json=body, headers=tag(7))).status_code == 412
            assert (await administrator.put(f"{ROOT}/material/A2", json=body, headers=tag(1))).status_code == 412
            changed = await administrator.put(f"{ROOT}/material/A1", json=body, headers=tag(1))
            assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
            assert (changed.json()["expired"], changed.json()["below_least"]) == (True, True), "the past is shown, not refused"

            stand.clock.move(90 * DAY)
            agency = await stand.sign_in("agency")
            assert (await agency.get(url)).json()["stale"] is True
            assert (await agency.post(f"{url}/check")).status_code == 428
            checked = await agency.post(f"{url}/check", headers=tag(2))
            assert (checked.json()["stale"], checked.json()["checked_by"]) == (False, agency.account.id)
            gone = await agency.post(f"{url}/retire", headers=tag(3))
            assert gone.json()["active"] is False
            assert codes(await agency.get(ROOT)) == []
            assert codes(await agency.get(ROOT, params={"retired": True})) == ["A1"]

    run(go())


def test_only_owners_and_administrators_change_and_numbers_of_others_are_masked(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=ALL) as stand:
            await furnish(stand)
            ours, theirs = await stand.sign_in("agency"), await stand.sign_in("agency", unit=OTHER_AGENCY)
            url = f"{ROOT}/{(await put(ours))['id']}"
            assert (await theirs.put(f"{ROOT}/material/A1", json={**TENTS, "owner": OTHER_AGENCY})).status_code == 403
            assert (await theirs.put(f"{ROOT}/material/A2", json=TENTS)).status_code == 403
            assert (
                await ours.put(f"{ROOT}/material/A1", json={**TENTS, "owner": OTHER_AGENCY}, headers=tag(1))
            ).status_code == 403
            for step in ("check", "retire"):
                assert (await theirs.post(f"{url}/{step}", headers=tag(1))).status_code == 403
            assert (await theirs.post(f"{url}/stock", json={"amount": -1, "reason": "借用"})).status_code == 403
            masked = (await theirs.get(url)).json()
            assert (masked["contact"], masked["phone"], masked["name"]) == ("李**", "087*****9001", "单帐篷")
            for role in ("operator", "police", "supervisor", "administrator"):
                person = await stand.sign_in(role)
                assert (await person.get(url)).json()["phone"] == "087163109001", role
                found = (await person.get(f"{ROOT}/near", params={"latitude": 25.01, "longitude": 102.74})).json()
                assert [one["contact"] for one in found] == ["李建国"]
            near = (await theirs.get(f"{ROOT}/near", params={"latitude": 25.01, "longitude": 102.74})).json()
            assert [one["phone"] for one in near] == ["087*****9001"]
            for role in ("operator", "police", "supervisor"):
                person = await stand.sign_in(role)
                assert (await person.put(f"{ROOT}/material/B1", json=TENTS)).status_code == 403
                assert (await person.post(f"{url}/check", headers=tag(1))).status_code == 403
                assert (await person.post(f"{ROOT}/import", files=upload(ROW))).status_code == 403
            assert (await (await stand.sign_in("integration")).get(ROOT)).status_code == 403
            assert (await stand.client().get(ROOT)).status_code == 401

    run(go())


def test_another_city_sees_and_changes_nothing(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, features=ALL) as stand:
            await furnish(stand)
            url = f"{ROOT}/{(await put(await stand.sign_in('administrator')))['id']}"
            await stand.account("administrator", unit="12345", username="dali", city="532900")
            dali = await stand.sign_in("administrator", unit="12345", username="dali")
            assert codes(await dali.get(ROOT)) == []
            assert (await dali.get(url)).status_code == (await dali.post(f"{url}/check", headers=tag(1))).status_code == 404
            for path in ("", "/near?latitude=25&longitude=102.7&city=530100", "/reminders", "/export?format=csv"):
                answer = await dali.get(f"{ROOT}{path}", params=None if "city" in path else {"city": "530100", "format": "csv"})
                assert (answer.status_code, code(answer)) == (403, "forbidden"), path
            put_there = await dali.put(f"{ROOT}/material/A9?city=530100", json=TENTS)
            assert put_there.status_code == 403

    run(go())


def test_what_is_wrong_is_told_by_its_field(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, features=ALL) as stand:
            await furnish(stand)
            administrator = await stand.sign_in("administrator")

            async def wrong(path: str = "material/A1", **change: Any) -> tuple[int, str]:
                answer = await administrator.put(f"{ROOT}/{path}", json={**TENTS, **change})
                return answer.status_code, answer.json()["field"] or answer.json()["fields"][0]["field"]

            assert await wrong(latitude=102.7441, longitude=25.0103) == (422, "latitude")
            assert await wrong(amount=-1) == (422, "body.amount")
            assert await wrong(owner=None) == (422, "owner")
            assert await wrong(owner="91530100EXAMP0000X") == (422, "owner")
            assert await wrong(expires_on="明年") == (422, "body.expires_on")
            assert await wrong(expires_on="0001-01-01") == (422, "body.expires_on")
            assert await wrong("shelter/B1", sort="地铁站") == (422, "sort")
            assert await wrong("weapon/B1") == (422, "path.kind")
            assert await wrong("material/A%20B") == (422, "path.code")
            swapped = await administrator.get(f"{ROOT}/near", params={"latitude": 102.7, "longitude": 25.0})
            assert swapped.status_code == 422 and "写反" in swapped.json()["message"]
            assert codes(await administrator.get(ROOT)) == []

    run(go())


def test_lists_are_filtered_and_paged(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=ALL) as stand:
            await furnish(stand)
            administrator, operator = await stand.sign_in("administrator"), await stand.sign_in("operator")
            await put(administrator, "A1")
            await put(administrator, "A2", sort="发电", name="发电机", amount=3, measure="台", least=4, owner=OTHER_AGENCY)
            await put(
                administrator, "中-3", "shelter", sort="公园", name="百花公园", division="530102", place="五华区", least=None
            )

            async def found(**wanted: Any) -> list[str]:
                return codes(await operator.get(ROOT, params=wanted))

            assert await found() == ["A1", "A2", "中-3"]
            assert (
                await found(kind="shelter")
                == await found(sort="公园")
                == await found(q="百花")
                == await found(code="中-3")
                == ["中-3"]
            )
            assert await found(owner=OTHER_AGENCY) == await found(reminder="below-least") == ["A2"]
            assert await found(division="530111") == ["A1", "A2"] and len(await found(division="530100")) == 3
            assert await found(q="五华") == ["中-3"] and await found(q="%") == []
            page = (await operator.get(ROOT, params={"limit": 2})).json()
            rest = await operator.get(ROOT, params={"limit": 2, "cursor": page["next"]})
            assert codes(rest) == ["中-3"] and rest.json()["next"] is None

    run(go())


def test_stock_comes_and_goes_but_never_below_zero(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=ALL) as stand:
            await furnish(stand)
            agency, operator = await stand.sign_in("agency"), await stand.sign_in("operator")
            url = f"{ROOT}/{(await put(agency))['id']}/stock"
            body, key = {"amount": -70, "reason": "发往安置点"}, {"Idempotency-Key": "truck-1"}
            stand.clock.move(1)
            went = await agency.post(url, json=body, headers=key)
            again = await agency.post(url, json=body, headers=key)
            assert went.status_code == 201 and again.json() == went.json()
            assert (went.json()["change"]["left"], went.json()["resource"]["below_least"]) == (30, True)
            assert went.headers["ETag"] == '"2"'
            short = await agency.post(url, json={"amount": -31, "reason": "再发"})
            assert (short.status_code, short.json()["facts"]["current"]) == (409, 30)
            assert (await agency.post(url, json={"amount": 0, "reason": "无"})).status_code == 422
            assert (await agency.post(url, json={"amount": 1, "reason": "无", "event_id": "nothing"})).status_code == 404
            book = (await operator.get(url)).json()["items"]
            assert [(one["amount"], one["left"], one["reason"]) for one in book] == [
                (-70, 30, "发往安置点"),
                (100, 100, "首次登记"),
            ]
            told = (await agency.get("/api/v1/supervision/notices")).json()
            assert [one["text"] for one in told if one["kind"] == "stock-low"] == ["单帐篷(A1)剩30顶,低于下限40顶"]
            shelter = await put(agency, "B1", "shelter", sort="公园")
            refused = await agency.post(f"{ROOT}/{shelter['id']}/stock", json={"amount": 1, "reason": "无"})
            assert refused.status_code == 409

    run(go())


def test_the_nearest_is_offered_first_within_the_radius(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=ALL) as stand:
            await furnish(stand)
            administrator, police = await stand.sign_in("administrator"), await stand.sign_in("police")
            await put(administrator, "near", latitude=25.02)
            await put(administrator, "nearest", latitude=25.011)
            await put(administrator, "far", latitude=25.3)
            await put(administrator, "lost", latitude=None, longitude=None)
            await put(administrator, "pump", sort="抽排水")
            await put(administrator, "team", "team", sort="专业")
            place = {"latitude": 25.0103, "longitude": 102.7441, "kind": "material", "sort": ["帐篷", "发电"]}

            async def found(**wanted: Any) -> list[str]:
                return codes(await police.get(f"{ROOT}/near", params={**place, **wanted}))

            assert await found() == ["nearest", "near", "lost"]
            assert await found(within=500) == ["nearest", "lost"] and await found(within=50_000, limit=3) == [
                "nearest",
                "near",
                "far",
            ]
            seen = (await police.get(f"{ROOT}/near", params=place)).json()
            assert [one["metres"] if one["metres"] is None else round(one["metres"]) for one in seen] == [78, 1079, None]
            assert (await police.get(f"{ROOT}/near", params={"latitude": 25})).status_code == 422

    run(go())


def test_reminders_are_for_the_city_and_for_an_agency_its_own(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=ALL) as stand:
            await furnish(stand)
            administrator = await stand.sign_in("administrator")
            await put(administrator, "old")
            await put(administrator, "theirs", owner=OTHER_AGENCY, amount=1)
            stand.clock.move(90 * DAY)
            administrator, agency = await stand.sign_in("administrator"), await stand.sign_in("agency")
            await put(administrator, "ending", expires_on="2026-08-20")

            async def told(person: httpx.AsyncClient, **wanted: str) -> dict[str, list[str]]:
                found = (await person.get(f"{ROOT}/reminders", params=wanted)).json()
                return {name: sorted(one["code"] for one in rows) for name, rows in found.items()}

            everything = {"stale": ["old", "theirs"], "below_least": ["theirs"], "expiring": ["ending"]}
            assert await told(administrator) == await told(await stand.sign_in("supervisor")) == everything
            assert await told(administrator, owner=OTHER_AGENCY) == {
                "stale": ["theirs"],
                "below_least": ["theirs"],
                "expiring": [],
            }
            own = {"stale": ["old"], "below_least": [], "expiring": ["ending"]}
            assert await told(agency) == await told(agency, owner=OTHER_AGENCY) == own

    run(go())


def test_a_table_is_tried_refused_and_taken(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=ALL) as stand:
            await furnish(stand)
            administrator, agency = await stand.sign_in("administrator"), await stand.sign_in("agency")
            two = {**ROW, "编号": "W2", "有效期至": "2026-01-31"}
            tried = await administrator.post(f"{ROOT}/import?dry_run=true", files=upload(ROW, two))
            assert tried.status_code == 200, tried.text
            (warning,) = tried.json().pop("warnings")
            assert "O3(有效期至)" in warning["where"] and warning["what"] == "已于2026-01-31过期"
            assert (tried.json()["created"], tried.json()["dry_run"]) == (2, True)
            assert codes(await administrator.get(ROOT)) == []
            bad = [{**ROW, "数量": "-4"}, {**ROW, "纬度": "102.7", "经度": "25.0", "管理单位": "没有"}]
            refused = await administrator.post(f"{ROOT}/import", files=upload(*bad))
            assert (refused.status_code, code(refused)) == (422, "table.invalid")
            where = " ".join(one["where"] for one in refused.json()["facts"]["problems"])
            assert all(cell in where for cell in ("L2(数量)", "H3(纬度)", "E3(管理单位)", "B3(编号)"))
            taken = await administrator.post(f"{ROOT}/import", files=upload(ROW, two))
            assert taken.json()["created"] == 2 and codes(await administrator.get(ROOT)) == ["W1", "W2"]
            again = await agency.post(f"{ROOT}/import", files=upload({**ROW, "名称": "发电车", "管理单位": ""}, two))
            assert {name: again.json()[name] for name in ("created", "changed", "checked", "same")} == {
                "created": 0, "changed": 1, "checked": 0, "same": 1,
            }, again.text  # fmt: skip
            other = await stand.sign_in("agency", unit=OTHER_AGENCY)
            assert (await other.post(f"{ROOT}/import", files=upload(two))).json()["facts"]["problems"][0][
                "what"
            ] == "属于其他单位"

    run(go())


def test_an_export_is_journalled_and_an_agency_gets_its_own(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=ALL) as stand:
            await furnish(stand)
            administrator, agency = await stand.sign_in("administrator"), await stand.sign_in("agency")
            await put(administrator, "A1")
            await put(administrator, "A2", owner=OTHER_AGENCY, phone="0871-63109002")
            await put(administrator, "B1", "shelter", sort="公园")
            supervisor = await stand.sign_in("supervisor")
            whole = await supervisor.get(f"{ROOT}/export", params={"format": "csv", "kind": "material"})
            rows = list(csv.DictReader(io.StringIO(whole.content.decode("utf-8-sig"))))
            assert [(row["编号"], row["电话"]) for row in rows] == [("A1", "087163109001"), ("A2", "087163109002")]
            assert 'filename="resources-530100.csv"' in whole.headers["Content-Disposition"]
            own = await agency.get(f"{ROOT}/export", params={"format": "xlsx"})
            back = await agency.post(f"{ROOT}/import", files={"file": ("a.xlsx", own.content)})
            assert (back.json()["created"], back.json()["changed"], back.json()["same"]) == (0, 0, 2), back.text
            assert await exports(stand, supervisor.account.id) == [("resources", 2)]
            assert await exports(stand, agency.account.id) == [("resources", 2)]

    run(go())


async def exports(stand: Stand, account: str) -> list[tuple[str, int]]:
    query = select(JournalEntry).where(JournalEntry.actor == account, JournalEntry.action == "export")
    async with stand.state.database.read() as session:
        return [(one.subject, one.detail["rows"]) for one in await session.scalars(query)]
