"""Duty over HTTP: who may keep posts and rosters, what others see of them, gaps that show red, test calls."""

from __future__ import annotations

import csv
import io
import random
from typing import Any

from api import features
from api.features import Feature
from api.kit import casework
from config.settings import Settings
from router.casework.work import Work
from router.linkage.duty import dutytests
from tests.api.matters import code, furnish
from tests.api.parts import AGENCY, OTHER_AGENCY, Person, Stand, run, standing

ROOT = "/api/v1/duty"
MODULE = "api.duty.endpoints"
FEATURES = features.FEATURES
if MODULE not in {one.module for one in FEATURES}:
    FEATURES = (*FEATURES, Feature(MODULE, "duty", "值班:值班岗、排班、值守检查、拨测 / duty"))
GAS = {"id": "gas", "unit": AGENCY, "name": "燃气抢修", "kind": "燃气", "main": "63100001", "reserve": "13900000701"}


def good(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, (answer.status_code, answer.text)
    return answer.json()


def seen(row: dict[str, Any]) -> dict[str, str]:
    return {"If-Match": f'"{row["rev"]}"'}


async def person(administrator: Person, name: str, phone: str, unit: str = AGENCY) -> str:
    body = {"unit": unit, "name": name, "phone": phone, "post": "值班员"}
    made = good(await administrator.post("/api/v1/organisation/contacts", json=body), 201)
    return str(made["id"])


async def begin(stand: Stand) -> tuple[Person, Person, Person]:
    """Administrator, somebody of the post's unit, somebody of another; the post ``gas`` is there."""
    await furnish(stand)
    administrator, ours = await stand.sign_in("administrator"), await stand.sign_in("agency")
    good(await ours.post(f"{ROOT}/posts", json=GAS), 201)
    return administrator, ours, await stand.sign_in("agency", unit=OTHER_AGENCY)


def test_a_post_is_kept_by_its_unit_and_its_numbers_are_masked_for_others(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=FEATURES) as stand:
            _administrator, ours, theirs = await begin(stand)
            operator = await stand.sign_in("operator")
            assert (await operator.post(f"{ROOT}/posts", json={**GAS, "id": "b"})).status_code == 403
            assert (await theirs.post(f"{ROOT}/posts", json={**GAS, "id": "b"})).status_code == 403
            assert (await ours.post(f"{ROOT}/posts", json=GAS)).status_code == 409
            wrong = await ours.post(f"{ROOT}/posts", json={**GAS, "id": "b", "main": "00441234567890"})
            assert (wrong.status_code, wrong.json()["field"]) == (422, "main") and wrong.json()["remedy"]
            unfit = await ours.post(f"{ROOT}/posts", json={**GAS, "id": "b", "reserve": "找老王"})
            assert [one["field"] for one in unfit.json()["fields"]] == ["body.reserve"]

            url = f"{ROOT}/posts/gas"
            row = good(await operator.get(url))
            assert (row["main"], row["reserve"], row["stale"]) == ("087163100001", "13900000701", False)
            assert row["duty"]["rostered"] is False and row["duty"]["gap"] is False
            hidden = good(await theirs.get(url))
            assert (hidden["main"], hidden["reserve"]) == ("087*****0001", "139****0701")
            details = {name: value for name, value in GAS.items() if name != "id"}
            assert (await ours.put(url, json=details)).status_code == 428
            changed = good(await ours.put(url, json={**details, "name": "燃气抢修中心"}, headers=seen(row)))
            assert (await ours.put(url, json=details, headers=seen(row))).status_code == 412
            assert (await theirs.put(url, json=details, headers=seen(changed))).status_code == 403
            circle = await ours.put(url, json={**details, "leader": "gas"}, headers=seen(changed))
            assert (circle.status_code, circle.json()["field"]) == (422, "leader")

            stand.clock.move(70 * 86400)
            ours, operator = await stand.sign_in("agency"), await stand.sign_in("operator")
            (stale,) = good(await operator.get(f"{ROOT}/posts", params={"stale": True}))["items"]
            assert stale["stale"] is True
            assert [one["kind"] for one in good(await operator.get(f"{ROOT}/findings"))] == ["post-stale"]
            verified = good(await ours.post(f"{url}/verify"))
            assert verified["stale"] is False and good(await operator.get(f"{ROOT}/findings")) == []
            good(await ours.post(f"{url}/retire", headers=seen(verified)))
            assert good(await operator.get(f"{ROOT}/posts"))["items"] == []
            assert (await operator.get(f"{ROOT}/posts/none")).status_code == 404

    run(go())


def test_a_roster_shows_who_is_on_duty_and_where_nobody_is(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=FEATURES) as stand:
            administrator, ours, theirs = await begin(stand)
            first, second = (
                await person(administrator, "赵一平", "13900000101"),
                await person(administrator, "钱二", "13900000102"),
            )
            stranger = await person(administrator, "外人", "13900000103", OTHER_AGENCY)
            url = f"{ROOT}/posts/gas"
            turns = {"contacts": [first, second], "first_day": "2026-05-05", "last_day": "2026-05-07", "handovers": ["08:00"]}
            assert (await theirs.post(f"{url}/rotations", json=turns)).status_code == 403
            foreign = await ours.post(f"{url}/rotations", json={**turns, "contacts": [stranger]})
            assert (foreign.status_code, foreign.json()["field"]) == (422, "contacts")
            late = await ours.post(f"{url}/rotations", json={**turns, "last_day": "2026-05-01"})
            assert (late.status_code, late.json()["field"]) == (422, "last_day")
            made = good(await ours.post(f"{url}/rotations", json=turns), 201)
            assert made["names"] == ["赵一平", "钱二"]
            assert (await ours.post(f"{url}/rotations", json=turns)).status_code == 409

            now = good(await ours.get(url))["duty"]
            assert (now["name"], now["phone"], now["until"], now["kind"]) == (
                "钱二", "13900000102", "2026-05-07T00:00:00Z", "rotation",
            )  # fmt: skip
            masked = good(await theirs.get(url))["duty"]
            assert (masked["name"], masked["phone"]) == ("钱*", "139****0102")
            line = good(await ours.get(f"{url}/timeline", params={"until": "2026-05-10T00:00:00Z"}))
            assert [(one["name"], one["gap"]) for one in line["slices"]] == [("钱二", False), ("赵一平", False), (None, True)]
            (gap,) = good(await ours.get(f"{url}/gaps", params={"days": 5}))
            assert gap["since"] == "2026-05-08T00:00:00Z" and gap["gap"] is True
            for who in (ours, administrator):
                (finding,) = good(await who.get(f"{ROOT}/findings"))
                assert (finding["kind"], finding["post"], finding["urgent"]) == ("running-out", "gas", True)
            assert good(await theirs.get(f"{ROOT}/findings")) == []
            kinds = [one["kind"] for one in good(await ours.get("/api/v1/supervision/notices"))]
            assert kinds == ["duty-running-out"], "and the unit is told"

            shift = {"contact": first, "since": "2026-05-08T00:00:00Z", "until": "2026-06-07T00:00:00Z"}
            backwards = await ours.post(f"{url}/shifts", json={**shift, "until": "2026-05-07T00:00:00Z"})
            assert (backwards.status_code, backwards.json()["field"]) == (422, "until")
            good(await ours.post(f"{url}/shifts", json=shift), 201)
            overlap = await ours.post(f"{url}/shifts", json={**shift, "contact": second})
            assert overlap.status_code == 409 and "赵一平" in overlap.json()["message"]
            assert good(await ours.get(f"{ROOT}/findings")) == []
            assert good(await ours.get("/api/v1/supervision/notices")) == []

            good(await ours.post(f"{ROOT}/rotations/{made['id']}/end", json={"last_day": "2026-05-06"}, headers=seen(made)))
            assert [one["last_day"] for one in good(await theirs.get(f"{url}/rotations"))] == ["2026-05-06"]
            assert [one["kind"] for one in good(await ours.get(f"{ROOT}/findings"))] == ["running-out"]
            assert (await administrator.delete(f"/api/v1/organisation/contacts/{second}")).status_code == 204
            gone = good(await ours.get(url))["duty"]
            assert (gone["gap"], gone["name"]) == (True, None)
            found = {one["kind"]: one for one in good(await ours.get(f"{ROOT}/findings"))}
            assert found["contact-gone"]["contact"] == second and found["contact-gone"]["contact_name"] is None

    run(go())


def test_stand_ins_and_swaps_are_entered_and_taken_back(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=FEATURES) as stand:
            administrator, ours, theirs = await begin(stand)
            first, second = await person(administrator, "赵一", "13900000101"), await person(administrator, "钱二", "13900000102")
            url = f"{ROOT}/posts/gas"
            turns = {"contacts": [first, second], "first_day": "2026-05-05"}
            good(await ours.post(f"{url}/rotations", json=turns), 201)
            stand_in = {"kind": "override", "contact": first, "since": "2026-05-06T02:00:00Z", "until": "2026-05-06T04:00:00Z"}
            assert (await ours.post(f"{url}/shifts", json=stand_in)).json()["field"] == "reason"
            entered = good(await ours.post(f"{url}/shifts", json={**stand_in, "reason": "就医"}), 201)
            turn = {"contact": first, "since": "2026-05-07T00:00:00Z", "until": "2026-05-08T00:00:00Z"}
            swap = {
                "first": turn,
                "second": {"contact": second, "since": "2026-05-08T00:00:00Z", "until": "2026-05-09T00:00:00Z"},
                "reason": "探亲",
            }
            wrong = await ours.post(f"{url}/swaps", json={**swap, "first": {**turn, "contact": second}})
            assert (wrong.status_code, wrong.json()["field"]) == (422, "second")
            halves = good(await ours.post(f"{url}/swaps", json=swap), 201)
            assert [one["name"] for one in halves] == ["钱二", "赵一"]
            listed = good(await theirs.get(f"{url}/shifts", params={"limit": 2}))
            assert [(one["kind"], one["name"], one["reason"]) for one in listed["items"]] == [
                ("override", "赵*", None), ("swap", "钱*", None),
            ]  # fmt: skip
            assert listed["next"] is not None
            assert (await theirs.post(f"{ROOT}/shifts/{halves[0]['id']}/cancel")).status_code == 403
            undone = good(await ours.post(f"{ROOT}/shifts/{halves[0]['id']}/cancel"))
            assert {one["id"] for one in undone} == {one["id"] for one in halves}
            assert (await ours.post(f"{ROOT}/shifts/{halves[1]['id']}/cancel")).status_code == 409
            good(await administrator.post(f"{ROOT}/shifts/{entered['id']}/cancel"))
            assert good(await ours.get(f"{url}/shifts"))["items"] == []
            kept = good(await ours.get(f"{url}/shifts", params={"cancelled": True}))["items"]
            assert len(kept) == 3 and all(one["cancelled_at"] for one in kept)
            for wanted in ("shifts/none/cancel", "rotations/none/end"):
                answer = await ours.post(f"{ROOT}/{wanted}", json={}, headers={"If-Match": '"1"'})
                assert answer.status_code == 404

    run(go())


def upload(rows: list[list[str]]) -> dict[str, tuple[str, bytes]]:
    text = io.StringIO()
    csv.writer(text).writerows([["值班岗", "姓名", "开始", "结束"], *rows])
    return {"file": ("五月.csv", text.getvalue().encode("gb18030"))}


def test_a_months_roster_is_tried_refused_and_taken(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=FEATURES) as stand:
            administrator, ours, theirs = await begin(stand)
            await person(administrator, "赵一", "13900000101")
            rows = [
                ["gas", "赵一", "2026-05-07 08:00", "2026-05-07 20:00"],
                ["燃气抢修", "赵一", "2026-05-07 20:00", "2026-05-08 08:00"],
            ]
            month = {"month": "2026-05"}
            tried = await ours.post(f"{ROOT}/rosters/import?dry_run=true", files=upload(rows), data=month)
            assert good(tried) == {"created": 2, "same": 0, "dry_run": True}
            assert good(await ours.get(f"{ROOT}/posts/gas"))["duty"]["rostered"] is False
            bad = [
                *rows,
                ["gas", "钱二", "2026-05-08 08:00", "2026-05-08 07:00"],
                ["gas", "赵一", "2026-05-07 19:00", "2026-05-07 21:00"],
            ]
            refused = await ours.post(f"{ROOT}/rosters/import", files=upload(bad), data=month)
            assert (refused.status_code, code(refused)) == (422, "table.invalid")
            where = " ".join(one["where"] for one in refused.json()["facts"]["problems"])
            assert all(cell in where for cell in ("B4(姓名)", "D4(结束)", "C5(开始)"))
            assert (await theirs.post(f"{ROOT}/rosters/import", files=upload(rows), data=month)).status_code == 422
            operator = await stand.sign_in("operator")
            assert (await operator.post(f"{ROOT}/rosters/import", files=upload(rows), data=month)).status_code == 403
            assert good(await ours.post(f"{ROOT}/rosters/import", files=upload(rows), data=month))["created"] == 2
            assert good(await ours.post(f"{ROOT}/rosters/import", files=upload(rows), data=month))["same"] == 2

    run(go())


def test_supervisors_order_test_calls_and_units_see_their_own_results(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=FEATURES) as stand:
            _, ours, theirs = await begin(stand)
            supervisor = await stand.sign_in("supervisor")
            assert (await ours.post(f"{ROOT}/tests", json={"post": "gas"})).status_code == 403
            assert (await supervisor.post(f"{ROOT}/tests", json={"post": "none"})).status_code == 404
            made = good(await supervisor.post(f"{ROOT}/tests", json={"post": "gas"}), 201)
            assert (made["number"], made["ordered"], made["outcome"], made["month"]) == ("087163100001", True, None, "2026-05")
            assert (await supervisor.post(f"{ROOT}/tests", json={"post": "gas"})).status_code == 409
            await finish(stand, made["id"])
            (test,) = good(await ours.get(f"{ROOT}/tests", params={"month": "2026-05", "post": "gas"}))["items"]
            assert (test["outcome"], test["outcome_name"]) == ("no_answer", "无人接听")
            assert good(await theirs.get(f"{ROOT}/tests"))["items"] == []
            mine = good(await ours.get(f"{ROOT}/tests/results"))
            assert (mine["whole"]["made"], mine["whole"]["rate"], mine["posts"][0]["post"]) == (1, 0.0, "gas")
            others = good(await theirs.get(f"{ROOT}/tests/results", params={"month": "2026-05"}))
            assert others["posts"] == [] and others["whole"]["rate"] is None
            assert (await ours.get(f"{ROOT}/tests/results", params={"month": "2026-13"})).status_code == 422
            told = [one["kind"] for one in good(await supervisor.get("/api/v1/supervision/notices"))]
            assert told == ["duty-test"]

    run(go())


async def finish(stand: Stand, test: str) -> None:
    """The call of a test ends unanswered, as the call core tells it."""
    async with stand.state.database.write() as session:
        work = Work(session, dutytests.PLANNER, stand.clock(), casework.of_state(stand.state))
        await dutytests.finished(work, test, "no_answer", rang_at=stand.clock(), ended_at=stand.clock())


def test_a_test_that_is_still_to_come_is_hidden_from_those_who_are_tested(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=FEATURES) as stand:
            _, ours, _ = await begin(stand)
            async with stand.state.database.write() as session:
                work = Work(session, dutytests.PLANNER, stand.clock(), casework.of_state(stand.state))
                await dutytests.plan(work, "2026-05", random.Random(3))
            assert good(await ours.get(f"{ROOT}/tests"))["items"] == []
            assert good(await (await stand.sign_in("operator")).get(f"{ROOT}/tests"))["items"] == []
            (test,) = good(await (await stand.sign_in("supervisor")).get(f"{ROOT}/tests"))["items"]
            assert test["called_at"] is None and test["ordered"] is False

    run(go())


def test_another_citys_people_see_and_change_nothing(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, features=FEATURES) as stand:
            await begin(stand)
            for role, name in (("operator", "far-operator"), ("supervisor", "far-supervisor")):
                await stand.account(role, unit="12345", username=name, city="532900")
                far = await stand.sign_in(role, unit="12345", username=name)
                assert good(await far.get(f"{ROOT}/posts"))["items"] == []
                assert (await far.get(f"{ROOT}/posts/gas")).status_code == 404
                assert (await far.get(f"{ROOT}/findings", params={"city": "530100"})).status_code == 403
            assert (await far.post(f"{ROOT}/tests", json={"post": "gas"})).status_code == 404
            assert (await stand.client().get(f"{ROOT}/posts")).status_code == 401

    run(go())
