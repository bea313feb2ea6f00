"""Supervision over HTTP: lists that find by themselves, demands with answers, deadlines, notices."""

from __future__ import annotations

from config.settings import Settings
from tests.api.matters import code, furnish, register
from tests.api.parts import AGENCY, OTHER_AGENCY, run, standing

ROOT = "/api/v1/supervision"
DAY = 86400


def test_what_nobody_signs_is_listed_for_those_who_may_see_it(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnish(stand)
            made = await register(await stand.sign_in("operator"))
            assert made["ticket"]["agency"] == AGENCY
            stand.clock.move(20 * DAY)
            supervisor, agency = await stand.sign_in("supervisor"), await stand.sign_in("agency")
            other = await stand.sign_in("agency", unit=OTHER_AGENCY)
            assert len((await supervisor.get(f"{ROOT}/lists")).json()) == 6
            found = (await supervisor.get(f"{ROOT}/lists/unsigned")).json()
            assert [(one["number"], one["unit"]) for one in found] == [(made["case"]["number"], AGENCY)]
            assert (await supervisor.get(f"{ROOT}/lists/unsigned", params={"unit": OTHER_AGENCY})).json() == []
            assert (await agency.get(f"{ROOT}/lists/unsigned")).status_code == 403
            assert (await supervisor.get(f"{ROOT}/lists/nothing")).status_code == 422
            for kind in ("overdue", "returned-again", "pushed-away", "urgent-undispatched", "tracked-disputes"):
                assert (await supervisor.get(f"{ROOT}/lists/{kind}")).status_code == 200
            mine = (await agency.get(f"{ROOT}/deadlines", params={"overdue": True})).json()["items"]
            assert {(one["duty"], one["overdue"]) for one in mine} >= {("sign", True)}
            assert {one["case_number"] for one in mine} == {made["case"]["number"]}
            assert (await other.get(f"{ROOT}/deadlines")).json()["items"] == []

    run(go())


def test_a_demand_is_issued_answered_insisted_on_and_closed(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnish(stand)
            operator, agency = await stand.sign_in("operator"), await stand.sign_in("agency")
            other = await stand.sign_in("agency", unit=OTHER_AGENCY)
            made = await register(operator)
            body = {"subject_id": made["ticket"]["id"], "demand": "请三日内回复"}
            assert (await agency.post(f"{ROOT}/orders", json=body)).status_code == 403
            wrong = await operator.post(f"{ROOT}/orders", json={**body, "to_unit": OTHER_AGENCY})
            assert (wrong.status_code, wrong.json()["field"]) == (422, "to_unit")
            issued = await operator.post(f"{ROOT}/orders", json=body, headers={"Idempotency-Key": "k"})
            again = await operator.post(f"{ROOT}/orders", json=body, headers={"Idempotency-Key": "k"})
            assert issued.status_code == 201 and again.json() == issued.json()
            url = issued.headers["Location"]
            assert (await other.get(url)).status_code == 404
            assert len((await operator.get(f"{ROOT}/orders", params={"state": "issued"})).json()["items"]) == 1
            told = (await agency.get(f"{ROOT}/notices")).json()
            assert "supervision" in [one["kind"] for one in told]

            no_tag = await agency.post(f"{url}/answer", json={"text": "正在办理"})
            stale = await agency.post(f"{url}/answer", json={"text": "正在办理"}, headers={"If-Match": '"9"'})
            assert (no_tag.status_code, stale.status_code) == (428, 412)
            answered = await agency.post(f"{url}/answer", json={"text": "正在办理"}, headers={"If-Match": issued.headers["ETag"]})
            assert answered.json()["state"] == "answered", answered.text
            insisted = await operator.post(
                f"{url}/insist", json={"text": "说清楚"}, headers={"If-Match": answered.headers["ETag"]}
            )
            assert insisted.json()["state"] == "issued"
            closed = await operator.post(f"{url}/close", headers={"If-Match": insisted.headers["ETag"]})
            assert closed.json()["state"] == "closed"
            late = await agency.post(f"{url}/answer", json={"text": "晚了"}, headers={"If-Match": closed.headers["ETag"]})
            assert (late.status_code, code(late)) == (409, "transition.impossible")

    run(go())


def test_a_notice_is_done_once_and_by_its_own_people(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await furnish(stand)
            operator, agency = await stand.sign_in("operator"), await stand.sign_in("agency")
            other = await stand.sign_in("agency", unit=OTHER_AGENCY)
            made = await register(operator)
            await operator.post(f"{ROOT}/orders", json={"subject_id": made["ticket"]["id"], "demand": "请回复"})
            notice = next(one for one in (await agency.get(f"{ROOT}/notices")).json() if one["kind"] == "supervision")
            assert (await other.post(f"{ROOT}/notices/{notice['id']}/done")).status_code == 404
            first = (await agency.post(f"{ROOT}/notices/{notice['id']}/done")).json()
            stand.clock.move(60)
            again = (await agency.post(f"{ROOT}/notices/{notice['id']}/done")).json()
            assert first["done_at"] == again["done_at"] is not None
            assert notice["id"] not in [one["id"] for one in (await agency.get(f"{ROOT}/notices")).json()]

    run(go())
