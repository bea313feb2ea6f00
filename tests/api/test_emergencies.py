"""Emergencies over HTTP: who may see and do what, two people on one row, files, reports, plans, drills."""

from __future__ import annotations

from typing import Any

from config.settings import Settings
from tests.api.emergencies import APPROVED, POST
from tests.api.matters import furnish
from tests.api.parts import AGENCY, OTHER_AGENCY, Person, Stand, run, standing
from tests.linkage.parts import PLAN

API = "/api/v1"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64


async def duty(stand: Stand) -> Person:
    administrator = await stand.sign_in("administrator")
    for id_, more in (("gas", {}), ("fire", {"unit": "110", "kind": "119", "main": "119"}), ("power", {"kind": "供电"})):
        made = await administrator.post(f"{API}/duty/posts", json={**POST, **more, "id": id_})
        assert made.status_code == 201, made.text
    assert (await administrator.post(f"{API}/plans", json={"note": "初版", "content": PLAN})).status_code == 201
    return administrator


def body(stand: Stand, **more: Any) -> dict[str, Any]:
    given = {"kind": "gas-leak", "title": "燃气泄漏", "place": "人民东路88号", "happened_at": stand.clock().isoformat()}
    return {**given, **more}


def tag(answer: Any) -> dict[str, str]:
    return {"If-Match": answer.headers["ETag"]}


def test_life_cycles_of_emergencies_are_told_as_data(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await furnish(stand)
            operator = await stand.sign_in("operator")
            found = {one["name"]: one for one in (await operator.get(f"{API}/cases/meta/machines")).json()}
            assert ["registered", "start", "responding"] in found["event"]["steps"]
            assert found["linkage_request"]["states"]["accepted"] == "已签收" and "ticket" in found

    run(go())


def test_a_whole_event_with_everybody_in_his_part(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnish(stand)
            await duty(stand)
            operator, police, agency = [await stand.sign_in(role) for role in ("operator", "police", "agency")]
            other = await stand.sign_in("agency", unit=OTHER_AGENCY)
            made = await operator.post(f"{API}/emergencies", json=body(stand, facts={"deaths": 3}))
            assert (made.status_code, made.json()["level_proposed"]) == (201, 3), made.text
            url = made.headers["Location"]
            assert (await agency.get(url)).status_code == 404, "nothing of it is theirs yet"
            started = await operator.post(f"{url}/start", json=APPROVED, headers=tag(made))
            assert started.json()["state"] == "responding"
            stale = await operator.post(f"{url}/end", json=APPROVED, headers=tag(made))
            assert stale.status_code == 412

            whole = (await agency.get(url)).json()
            assert {one["unit"] for one in whole["requests"]} == {AGENCY} and whole["reports"] == whole["mutual"] == []
            assert (await other.get(url)).status_code == 404
            mine = next(one for one in whole["requests"] if one["post_id"] == "gas")
            assert (await other.post(f"{API}/linkage-requests/{mine['id']}/accept")).status_code == 404
            taken = await agency.post(f"{API}/linkage-requests/{mine['id']}/accept")
            assert (taken.json()["state"], taken.json()["accepted_via"]) == ("accepted", "desk")
            again = await agency.post(f"{API}/linkage-requests/{mine['id']}/accept")
            assert again.json()["accepted_at"] == taken.json()["accepted_at"], "the first counts"
            stand.clock.move(60)
            step = {"step": "feed-back", "text": "已关阀"}
            done = await agency.post(f"{API}/linkage-requests/{mine['id']}/progress", json=step, headers=tag(again))
            assert done.json()["state"] == "fed-back"

            shown = (await police.get(url)).json()
            signed = await police.post(f"{API}/emergencies/notices/{shown['mutual'][0]['id']}/sign")
            assert signed.json()["state"] == "signed"
            assert (await operator.post(f"{API}/emergencies/notices/{shown['mutual'][0]['id']}/sign")).status_code == 403
            timeline = (await police.get(f"{url}/timeline")).json()
            assert [one["action"] for one in timeline][:2] == ["event.registered", "mutual_notice.sent"]
            assert (await agency.get(f"{url}/timeline")).status_code == 403

    run(go())


def test_tasks_are_taken_on_a_phone_with_place_and_photo(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnish(stand)
            await duty(stand)
            operator, agency = await stand.sign_in("operator"), await stand.sign_in("agency")
            made = await operator.post(f"{API}/emergencies", json=body(stand))
            url = made.headers["Location"]
            due = {"text": "到场检测", "unit": AGENCY}
            task = await operator.post(f"{url}/tasks", json=due)
            steps = f"{API}/event-tasks/{task.json()['id']}/steps"
            where = {"step": "arrive", "latitude": 25.04, "longitude": 102.7, "accuracy": 12}
            arrived = await agency.post(steps, json=where, headers=tag(task))
            assert arrived.json()["signed_at"] and arrived.json()["latitude"] == 25.04
            file = {"file": ("现场.png", PNG)}
            kept = await agency.post(f"{url}/files?task={task.json()['id']}", files=file)
            assert kept.status_code == 201, kept.text
            assert (await operator.get(f"{url}/files/{kept.json()['id']}")).content == PNG
            bad = await agency.post(f"{url}/files", files={"file": ("程序.exe", b"MZ")})
            assert bad.status_code == 422
            nowhere = await agency.post(steps, json={"step": "arrive", "latitude": 95}, headers=tag(arrived))
            assert nowhere.status_code == 422

    run(go())


def test_a_plan_with_mistakes_is_refused_by_place_and_nothing_is_kept(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnish(stand)
            administrator = await duty(stand)
            steps = [{**PLAN["steps"][0], "posts": ["燃气", "燃气"]}]
            bad = await administrator.post(f"{API}/plans", json={"note": "改", "content": {**PLAN, "steps": steps}})
            assert (bad.status_code, bad.json()["code"]) == (422, "plan.invalid")
            assert bad.json()["facts"]["problems"][0]["key"] == "steps[0].posts[0]"
            assert len((await administrator.get(f"{API}/plans?all_versions=true")).json()) == 1
            assert (await (await stand.sign_in("operator")).post(f"{API}/plans", json={})).status_code == 403

    run(go())


def test_events_of_drills_stand_in_a_list_of_their_own(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnish(stand)
            await duty(stand)
            supervisor, operator = await stand.sign_in("supervisor", unit=""), await stand.sign_in("operator")
            scripts = (await operator.get(f"{API}/drills/scripts")).json()
            assert [one["drill"] for one in scripts] == ["gas-leak"]
            refused = await supervisor.post(f"{API}/drills", json={"script": "gas-leak"})
            assert (refused.status_code, refused.json()["field"]) == (422, "telephones"), "posts of the script are missing"
            assert (await supervisor.post(f"{API}/drills", json={"script": "no-such"})).status_code == 404
            assert (await operator.post(f"{API}/drills", json={"script": "gas-leak"})).status_code == 403
            assert (await operator.get(f"{API}/emergencies?drill=true")).json()["items"] == []

    run(go())


def test_resources_around_the_place_are_found_by_kind_and_distance(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnish(stand)
            administrator = await duty(stand)
            operator = await stand.sign_in("operator")
            for code, latitude in (("N", 25.041), ("F", 25.06), ("X", 26.5)):
                resource = {"sort": "抽排水", "name": code, "owner": AGENCY, "place": "某处", "amount": 1, "measure": "台"}
                resource |= {"latitude": latitude, "longitude": 102.73}
                made = await administrator.put(f"{API}/resources/material/{code}", json=resource)
                assert made.status_code == 201, made.text
            event = await operator.post(f"{API}/emergencies", json=body(stand, latitude=25.04, longitude=102.73))
            found = (await operator.get(f"{event.headers['Location']}/resources")).json()
            assert [one["name"] for one in found] == ["N", "F"] and found[0]["metres"] < found[1]["metres"]

    run(go())
