"""Consultations over HTTP: from what is fought over to a new version of the catalog in one step."""

from __future__ import annotations

from config.settings import Settings
from tests.api.matters import code, furnish, register
from tests.api.parts import AGENCY, OTHER_AGENCY, run, standing

ROOT = "/api/v1/consultations"


def test_a_conclusion_becomes_a_version(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            content = await furnish(stand)
            supervisor, agency = await stand.sign_in("supervisor"), await stand.sign_in("agency")
            outsider = await stand.sign_in("agency", unit=OTHER_AGENCY)
            item = next(one for one in content["items"] if content["items"][one]["scope"] == "12345")
            body = {"subject": "归谁办", "item": item, "agencies": [AGENCY]}
            assert (await agency.post(ROOT, json=body)).status_code == 403
            nobody = await supervisor.post(ROOT, json={**body, "agencies": ["没有"]})
            assert nobody.status_code == 422
            unknown = await supervisor.post(ROOT, json={**body, "item": "SX-999"})
            assert (unknown.status_code, unknown.json()["field"]) == (422, "item")
            opened = await supervisor.post(ROOT, json=body)
            assert opened.status_code == 201, opened.text
            url = opened.headers["Location"]
            assert (await outsider.get(url)).status_code == 404 and (await outsider.get(ROOT)).json()["items"] == []
            said = await agency.post(f"{url}/opinions", json={"text": "归我们", "owner": AGENCY})
            assert said.status_code == 201, said.text
            seen = await supervisor.get(url)
            assert [one["unit"] for one in seen.json()["opinions"]] == [AGENCY]
            stale = await supervisor.put(f"{url}/minutes", json={"minutes": "旧"}, headers={"If-Match": '"1"'})
            assert stale.status_code == 412
            noted = await supervisor.put(f"{url}/minutes", json={"minutes": "纪要"}, headers={"If-Match": seen.headers["ETag"]})
            assert noted.json()["minutes"] == "纪要"

            tag = {"If-Match": noted.headers["ETag"]}
            wrong = {"conclusion": "定了", "change": {"scope": "都不管"}}
            refused = await supervisor.post(f"{url}/conclude", json=wrong, headers=tag)
            assert (refused.status_code, code(refused)) == (422, "catalog.invalid")
            assert (await supervisor.get(url)).json()["state"] == "open"
            right = {"conclusion": "定了", "change": {"answer": "请到市人社局办理。"}}
            assert (await agency.post(f"{url}/conclude", json=right, headers=tag)).status_code == 403
            done = await supervisor.post(f"{url}/conclude", json=right, headers=tag)
            assert (done.json()["state"], done.json()["catalog_version"]) == ("concluded", "530100-2"), done.text
            now = (await agency.get(f"/api/v1/catalog/items/{item}")).json()
            assert now["answer"] == "请到市人社局办理。"
            after = await agency.post(f"{url}/opinions", json={"text": "再说一句"})
            assert (after.status_code, code(after)) == (409, "conflict")
            late = await supervisor.post(f"{url}/cancel", json={"reason": "算了"}, headers={"If-Match": done.headers["ETag"]})
            assert late.status_code == 409

    run(go())


def test_disputed_items_are_listed_by_themselves(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            content = await furnish(stand)
            operator, agency = await stand.sign_in("operator"), await stand.sign_in("agency")
            item = next(one for one in content["items"] if content["items"][one]["scope"] == "12345")
            made = await register(operator, item=item)
            share = (await agency.get(f"/api/v1/tickets/{made['ticket']['id']}/assignments")).json()[0]
            returned = await agency.post(
                f"/api/v1/assignments/{share['id']}/return",
                json={"reason": "不归我们管"},
                headers={"If-Match": f'"{share["rev"]}"'},
            )
            assert returned.status_code == 200, returned.text
            found = (await operator.get(f"{ROOT}/disputed", params={"at_least": 1})).json()
            assert [(one["item"], one["returned"]) for one in found] == [(item, 1)] and found[0]["item_name"]
            assert (await operator.get(f"{ROOT}/disputed", params={"at_least": 2})).json() == []
            assert (await agency.get(f"{ROOT}/disputed")).status_code == 403

    run(go())
