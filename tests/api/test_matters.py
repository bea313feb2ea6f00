"""Matters over HTTP: each role does its part, sees its part, and nobody does another's."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from config import settings as configuration
from config.settings import Settings
from router.catalog import versions
from router.journal import journal
from router.storage.casework import Case
from router.storage.journal import JournalEntry
from tests.api.parts import AGENCY, OTHER_AGENCY, POLICE_UNIT, Person, Stand, run, standing

API = "/api/v1"
WAGES = {
    "words": "工地老板拖欠工资三个月,一共两万块",
    "caller_number": "138-0013-8000",
    "caller_name": "欧阳明月",
    "place": "昆明市五华区人民中路1号",
    "kind": "complaint",
}
GAMBLING = {"words": "有人在楼下聚众赌博", "place": "盘龙区北京路1号"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


async def furnished(stand: Stand) -> None:
    async with stand.state.database.write() as session:
        await versions.ensure_first(session, configuration.DEFAULT_FOLDER / "catalog", "530100", stand.clock())
    await stand.agency(AGENCY)
    await stand.agency(OTHER_AGENCY, kind="城管", name="市城管局")
    await stand.agency(POLICE_UNIT, level="police", kind="公安", name="华山派出所")


def good(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    return answer.json() if answer.content else None


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    body: dict[str, Any] = answer.json()
    assert body["code"] == code and body["message"] and body["request_id"]
    return body


def seen(row: dict[str, Any]) -> dict[str, str]:
    return {"If-Match": f'"{row["rev"]}"'}


async def step(person: Person, path: str, row: dict[str, Any], body: Any = None, status: int = 200) -> Any:
    return good(await person.post(f"{API}{path}", json=body, headers=seen(row)), status)


def test_a_matter_goes_its_way_through_all_hands(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnished(stand)
            operator, agency, police = [await stand.sign_in(role) for role in ("operator", "agency", "police")]
            answer = await operator.post(f"{API}/cases", json=WAGES)
            matter = good(answer, 201)
            assert answer.headers["Location"] == f"{API}/cases/{matter['case']['id']}" and answer.headers["ETag"]
            assert matter["ticket"]["agency"] == AGENCY and matter["order"] is None
            assert [one["rule"] for one in matter["allocation"]["reasons"]]
            key, ticket, share = matter["case"]["id"], matter["ticket"]["id"], matter["assignments"][0]

            mine = good(await agency.get(f"{API}/tickets", params={"state": "dispatched"}))["items"]
            assert [one["ticket"]["id"] for one in mine] == [ticket]
            assert mine[0]["case"]["caller_number"] == "13800138000", "who handles it may ring the caller"
            share = await step(agency, f"/assignments/{share['id']}/sign", share)
            share = await step(agency, f"/assignments/{share['id']}/handle", share, {"note": "已联系"})
            share = await step(agency, f"/assignments/{share['id']}/feedback", share, {"text": "已支付"})
            row = good(await operator.get(f"{API}/tickets/{ticket}"))
            row = await step(
                operator, f"/tickets/{ticket}/call-back", row, {"reached": True, "resolved": True, "satisfaction": 5}
            )
            row = await step(operator, f"/tickets/{ticket}/close", row, {})
            assert row["state"] == "closed" and row["can"] == ["reopen"]

            found = good(await operator.get(f"{API}/cases/by-number/{row['number'].lower().replace('-', ' ')}"))
            assert found["case"]["id"] == key and found["case"]["state"] == "closed"
            timeline = good(await operator.get(f"{API}/cases/{key}/timeline"))["items"]
            assert [one["seq"] for one in timeline] == list(range(1, len(timeline) + 1))
            assert timeline[0]["action"] == "case.registered" and timeline[-1]["action"] == "case.closed"
            told = good(await agency.get(f"{API}/cases/{key}/timeline"))["items"]
            assert 0 < len(told) < len(timeline) and not any("caller" in one["detail"] for one in told)
            refused(await police.get(f"{API}/cases/{key}"), 404, "not_found")

    run(go())


def test_a_handoff_and_its_feedback_between_the_two_lines(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnished(stand)
            operator, police = await stand.sign_in("operator"), await stand.sign_in("police")
            unit = await stand.sign_in("police", unit=POLICE_UNIT)
            matter = good(await operator.post(f"{API}/cases", json={**GAMBLING, "channel": "other-hotline"}), 201)
            key, order, handoff = matter["case"]["id"], matter["order"], matter["handoffs"][0]
            assert (matter["ticket"]["state"], handoff["state"], handoff["to_centre"]) == ("waiting", "offered", "110")

            listed = good(await police.get(f"{API}/handoffs", params={"state": "offered", "to_centre": "110"}))["items"]
            assert [one["handoff"]["id"] for one in listed] == [handoff["id"]]
            handoff = good(await police.get(f"{API}/handoffs/{handoff['id']}"))
            assert handoff["arrived_at"], "the desk has shown it"
            refused(await operator.post(f"{API}/handoffs/{handoff['id']}/accept", headers=seen(handoff)), 403, "forbidden")
            handoff = await step(police, f"/handoffs/{handoff['id']}/accept", handoff)
            stale = {**handoff, "rev": 1}
            answer = await police.post(f"{API}/handoffs/{handoff['id']}/return", json={"reason": "不归我"}, headers=seen(stale))
            refused(answer, 412, "stale")

            order = good(await police.get(f"{API}/orders/{order['id']}"))
            order = await step(police, f"/orders/{order['id']}/dispatch", order, {"unit": POLICE_UNIT})
            refused(await operator.post(f"{API}/orders/{order['id']}/sign", headers=seen(order)), 403, "forbidden")
            order = await step(unit, f"/orders/{order['id']}/sign", order)
            order = await step(unit, f"/orders/{order['id']}/notes", order, {"text": "线人提供"})
            order = await step(unit, f"/orders/{order['id']}/feedback", order, {"result": "查获三人", "public": "民警已处置"})

            theirs = good(await operator.get(f"{API}/cases/{key}"))
            assert theirs["ticket"]["state"] == "feedback" and theirs["ticket"]["result"] == "民警已处置"
            seen_order = good(await operator.get(f"{API}/orders/{order['id']}"))
            assert seen_order["result_public"] == "民警已处置"
            assert (seen_order["police_notes"], seen_order["result"], seen_order["unit"]) == (None, None, None)
            ours = good(await police.get(f"{API}/orders/{order['id']}"))
            assert (ours["police_notes"], ours["result"], ours["unit"]) == ("线人提供", "查获三人", POLICE_UNIT)
            async with stand.state.database.read() as session:
                reads = select(func.count()).select_from(JournalEntry).where(JournalEntry.action == "police.read")
                assert await session.scalar(reads), "looking at police data leaves a trace"

    run(go())


def test_danger_in_a_text_tops_the_desk_until_one_key_confirms_it(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnished(stand)
            gateway = await stand.sign_in("integration", unit="12345", username="gateway")
            police, operator = await stand.sign_in("police"), await stand.sign_in("operator")
            body = {
                "channel": "web",
                "origin": "web",
                "origin_id": "1",
                "words": "我不想活了,我现在站在楼顶上",
                "place": "五华区",
            }
            first = good(await gateway.post(f"{API}/inbound/messages", json=body), 201)
            again = good(await gateway.post(f"{API}/inbound/messages", json=body))
            assert again["case"] == first["case"] and again["again"] and first["call_back"]
            [top] = good(await police.get(f"{API}/orders/urgent"))
            assert top["order"]["state"] == "awaiting" and top["case"]["channel"] == "web"
            refused(await operator.post(f"{API}/orders/{top['order']['id']}/confirm"), 403, "forbidden")
            done = good(await police.post(f"{API}/orders/{top['order']['id']}/confirm"))
            assert done["state"] == "dispatched"
            answer = await police.post(f"{API}/orders/{top['order']['id']}/withdraw", json={"reason": "晚了"})
            assert refused(answer, 409, "transition.impossible")["facts"]["allowed"]

    run(go())


def test_files_come_with_a_text_and_go_to_those_who_may_have_them(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await furnished(stand)
            gateway = await stand.sign_in("integration", unit="12345", username="gateway")
            operator, police, agency = [await stand.sign_in(role) for role in ("operator", "police", "agency")]
            data = '{"channel":"web","origin":"web","origin_id":"1","words":"工地老板拖欠工资三个月","place":"五华区"}'
            path = f"{API}/inbound/messages/with-files"
            bad = [("files", ("好.png", PNG)), ("files", ("程序.exe", b"MZ\x90"))]
            refused(await gateway.post(path, data={"data": data}, files=bad), 422, "invalid")
            assert good(await operator.get(f"{API}/cases"))["items"] == [], "nothing half done"
            sent = good(await gateway.post(path, data={"data": data}, files=[("files", ("工资条.png", PNG))]), 201)
            [file] = good(await operator.get(f"{API}/cases/{sent['case']}/attachments"))
            got = await operator.get(f"{API}/cases/{sent['case']}/attachments/{file['id']}")
            assert got.content == PNG and got.headers["content-disposition"].startswith("attachment;")
            assert got.headers["x-content-type-options"] == "nosniff"
            for other in (police, agency):
                refused(await other.get(f"{API}/cases/{sent['case']}/attachments/{file['id']}"), 404, "not_found")
            refused(await gateway.post(path, data={"data": "{"}, files=[("files", ("好.png", PNG))]), 422, "request.invalid")

    run(go())


def test_the_same_submission_twice_makes_one_matter(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnished(stand)
            operator = await stand.sign_in("operator")
            key = {"Idempotency-Key": "form-1"}
            first = await operator.post(f"{API}/cases", json=WAGES, headers=key)
            again = await operator.post(f"{API}/cases", json=WAGES, headers=key)
            assert good(first, 201) == good(again, 201) and again.headers["Idempotency-Replayed"] == "true"
            other = await operator.post(f"{API}/cases", json={**WAGES, "words": "另一件事"}, headers=key)
            assert other.status_code == 422
            at_once = {"Idempotency-Key": "form-2"}
            answers = await asyncio.gather(*(operator.post(f"{API}/cases", json=WAGES, headers=at_once) for _ in range(4)))
            assert {one.status_code for one in answers} <= {201, 409}
            assert len({one.json()["case"]["id"] for one in answers if one.status_code == 201}) == 1
            async with stand.state.database.read() as session:
                assert await session.scalar(select(func.count()).select_from(Case)) == 2

    run(go())


def test_two_people_who_edit_the_same_matter_do_not_overwrite_one_another(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await furnished(stand)
            operator = await stand.sign_in("operator")
            case = good(await operator.post(f"{API}/cases", json={**WAGES, "dispatch": False}), 201)["case"]
            path = f"{API}/cases/{case['id']}"
            refused(await operator.patch(path, json={"place": "盘龙区"}), 428, "etag.required")
            good(await operator.patch(path, json={"place": "盘龙区"}, headers=seen(case)))
            refused(await operator.patch(path, json={"place": "官渡区"}, headers=seen(case)), 412, "stale")
            now = good(await operator.get(path))["case"]
            assert (now["place"], now["division"]) == ("盘龙区", "530103")

    run(go())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"words": ""}, "body.words"),
        ({"words": "a\u0000b"}, None),
        ({"caller_number": "不是号码"}, "body.caller_number"),
        ({"item": "SX-999"}, "item"),
        ({"division": "999999"}, "division"),
        ({"latitude": 91, "longitude": 0}, "body.latitude"),
        ({"kind": "吵架"}, "body.kind"),
        ({"ticks": {"agency": "115301000151130229"}}, "body.ticks.agency"),
        ({"ticks": {"危险": True}}, "body.ticks.危险"),
        ({"asked": [1, 2]}, "body.asked"),
        ({"unknown": 1}, "body.unknown"),
    ],
)
def test_what_is_wrong_with_a_registration_is_named(sqlite_settings: Settings, change: dict[str, Any], field: str | None) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await furnished(stand)
            operator = await stand.sign_in("operator")
            answer = await operator.post(f"{API}/cases", json={**WAGES, **change})
            assert answer.status_code == 422, answer.text
            body = answer.json()
            named = [body["field"], *(one["field"] for one in body["fields"])]
            assert field is None or field in named, body
            assert good(await operator.get(f"{API}/cases"))["items"] == []

    run(go())


def test_each_role_does_its_own_part_only(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await furnished(stand)
            people = {role: await stand.sign_in(role) for role in ("operator", "police", "agency", "supervisor", "administrator")}
            may = {role: (await person.post(f"{API}/cases", json=WAGES)).status_code for role, person in people.items()}
            assert may == {"operator": 201, "police": 201, "agency": 403, "supervisor": 403, "administrator": 403}
            [row] = [one for one in good(await people["operator"].get(f"{API}/cases"))["items"] if one["first_centre"] == "12345"]
            looks = {role: (await person.get(f"{API}/cases/{row['id']}")).status_code for role, person in people.items()}
            assert looks == {"operator": 200, "police": 404, "agency": 200, "supervisor": 200, "administrator": 403}
            theirs = good(await people["supervisor"].get(f"{API}/cases/{row['id']}"))["case"]
            assert theirs["caller_number"] == "138****8000" and theirs["caller_name"] == "欧***"
            answer = await people["supervisor"].get(f"{API}/cases", params={"caller": "13800138000"})
            refused(answer, 403, "forbidden")
            async with stand.state.database.read() as session:
                chain = journal.of_user(people["administrator"].account.id)
                entries = await journal.timeline(session, chain)
            assert "access.refused" in [one.action for one in entries]

    run(go())


def test_a_long_list_is_paged_without_gaps_or_repeats(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnished(stand)
            operator = await stand.sign_in("operator")
            for count in range(7):
                stand.clock.move(1)
                good(await operator.post(f"{API}/cases", json={**WAGES, "words": f"第{count}件", "dispatch": False}), 201)
            found, cursor = [], None
            while True:
                params = {"limit": 3, **({"cursor": cursor} if cursor else {})}
                page = good(await operator.get(f"{API}/tickets", params=params))
                found += [one["case"]["words"] for one in page["items"]]
                cursor = page["next"]
                if cursor is None:
                    break
                good(await operator.post(f"{API}/cases", json={**WAGES, "words": "新来的", "dispatch": False}), 201)
            assert found == [f"第{count}件" for count in range(6, -1, -1)], "what is added meanwhile doesn't shift the pages"

    run(go())
