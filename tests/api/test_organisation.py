"""Agencies, centres, divisions and duty contacts over HTTP: who may change and see what."""

from __future__ import annotations

import csv
import io

from config.settings import Settings
from router.organisation import codes
from tests.api.matters import code, furnish
from tests.api.parts import AGENCY, OTHER_AGENCY, run, standing

ROOT = "/api/v1/organisation"
NEW = codes.make("530102", "EXAMPL01")


def test_an_agency_is_registered_changed_and_deactivated(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnish(stand)
            administrator, operator = await stand.sign_in("administrator"), await stand.sign_in("operator")
            body = {"code": NEW, "name": "华山街道办事处", "kind": "街道", "level": "township", "divisions": ["530102"]}
            assert (await operator.post(f"{ROOT}/agencies", json=body)).status_code == 403
            wrong = await administrator.post(f"{ROOT}/agencies", json={**body, "code": NEW[:-1] + "0", "divisions": ["99"]})
            assert wrong.status_code == 422 and [one["field"] for one in wrong.json()["fields"]] == [
                "body.code",
                "body.divisions.0",
            ]
            unknown = await administrator.post(f"{ROOT}/agencies", json={**body, "kind": "没有", "divisions": ["530199"]})
            assert [one["field"] for one in unknown.json()["facts"]["mistakes"]] == ["kind", "divisions"]
            made = await administrator.post(f"{ROOT}/agencies", json=body)
            assert (made.status_code, made.headers["ETag"]) == (201, '"1"'), made.text
            twice = await administrator.post(f"{ROOT}/agencies", json=body)
            assert (twice.status_code, code(twice)) == (409, "conflict")

            url = f"{ROOT}/agencies/{NEW}"
            assert (await administrator.patch(url, json={"name": "新名"})).status_code == 428
            changed = await administrator.patch(url, json={"name": "新名"}, headers={"If-Match": '"1"'})
            assert (changed.json()["name"], changed.headers["ETag"]) == ("新名", '"2"')
            assert (await administrator.patch(url, json={"name": "晚了"}, headers={"If-Match": '"1"'})).status_code == 412
            ended = await administrator.post(f"{url}/deactivate", headers={"If-Match": '"2"'})
            assert ended.json()["active"] is False
            assert {one["code"] for one in (await operator.get(f"{ROOT}/agencies")).json()["items"]} == {AGENCY, OTHER_AGENCY}
            every = (await operator.get(f"{ROOT}/agencies", params={"level": "township", "active": False})).json()["items"]
            assert [one["code"] for one in every] == [NEW]
            page = (await operator.get(f"{ROOT}/agencies", params={"limit": 1})).json()
            rest = (await operator.get(f"{ROOT}/agencies", params={"limit": 1, "cursor": page["next"]})).json()
            assert page["items"] != rest["items"] and rest["next"] is None

    run(go())


def test_a_table_of_agencies_is_tried_refused_and_taken(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnish(stand)
            administrator = await stand.sign_in("administrator")
            table = await administrator.get(f"{ROOT}/agencies/export", params={"format": "csv"})
            rows = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig"))))
            rows[1][1] = "改了名的局"
            rows.append([NEW, "新单位", "街道", "乡镇街道", "530102", "", "是"])
            tried = await administrator.post(f"{ROOT}/agencies/import?dry_run=true", files=upload(rows))
            assert tried.json() == {"created": 1, "changed": 1, "same": 1, "dry_run": True}, tried.text
            assert (await administrator.get(f"{ROOT}/agencies/{NEW}")).status_code == 404
            bad = [*rows[:-1], ["123", "", "街道", "乡镇街道", "999999", "", "也许"]]
            refused = await administrator.post(f"{ROOT}/agencies/import", files=upload(bad))
            assert (refused.status_code, code(refused)) == (422, "table.invalid")
            where = " ".join(one["where"] for one in refused.json()["facts"]["problems"])
            assert all(cell in where for cell in ("A4(代码)", "B4(名称)", "E4(服务区划)", "G4(启用)"))
            assert (await administrator.get(f"{ROOT}/agencies", params={"q": "改了名"})).json()["items"] == []
            taken = await administrator.post(f"{ROOT}/agencies/import", files=upload(rows))
            assert taken.json()["created"] == 1
            assert (await administrator.get(f"{ROOT}/agencies/{NEW}")).json()["name"] == "新单位"

    run(go())


def upload(rows: list[list[str]]) -> dict[str, tuple[str, bytes]]:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return {"file": ("agencies.csv", text.getvalue().encode("gb18030"))}


def test_centres_and_divisions_are_found(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            agency = await stand.sign_in("agency")
            centres = (await agency.get(f"{ROOT}/centres")).json()
            assert {"12345", "110"} <= {one["id"] for one in centres} and {one["city"] for one in centres} >= {"530100"}
            found = (await agency.get(f"{ROOT}/divisions", params={"q": "官渡", "within": "530100"})).json()
            assert [(one["code"], one["full_name"]) for one in found] == [("530111", "云南省昆明市官渡区")]
            place = (await agency.get(f"{ROOT}/divisions/parse", params={"text": "官渡区关上街道88号"})).json()
            assert (place["division"], place["town"]) == ("530111", "关上街道")
            assert "530111" in [one["code"] for one in (await agency.get(f"{ROOT}/divisions/530100/children")).json()]
            assert (await agency.get(f"{ROOT}/divisions/999999")).status_code == 404
            assert (await stand.client().get(f"{ROOT}/centres")).status_code == 401

    run(go())


def test_duty_contacts_are_kept_by_their_unit_and_masked_for_others(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await furnish(stand)
            ours, operator = await stand.sign_in("agency"), await stand.sign_in("operator")
            theirs = await stand.sign_in("agency", unit=OTHER_AGENCY)
            body = {"unit": AGENCY, "name": "李四光", "phone": "0871-63100000", "post": "值班室"}
            assert (await operator.post(f"{ROOT}/contacts", json=body)).status_code == 403
            assert (await theirs.post(f"{ROOT}/contacts", json=body)).status_code == 403
            assert (await ours.post(f"{ROOT}/contacts", json={**body, "phone": "不通"})).status_code == 422
            made = await ours.post(f"{ROOT}/contacts", json=body)
            assert made.status_code == 201 and made.json()["phone"] == "087163100000", made.text
            url = made.headers["Location"]
            seen = (await theirs.get(url)).json()
            assert (seen["name"], seen["phone"]) == ("李**", "087*****0000")
            assert (await operator.get(url)).json()["phone"] == "087163100000"
            stand.clock.move(100 * 86400)
            ours, theirs = await stand.sign_in("agency"), await stand.sign_in("agency", unit=OTHER_AGENCY)
            stale = (await theirs.get(f"{ROOT}/contacts", params={"stale": True})).json()["items"]
            assert [one["stale"] for one in stale] == [True]
            late = await ours.post(f"{url}/verify", headers={"If-Match": '"7"'})
            assert late.status_code == 412
            verified = await ours.post(f"{url}/verify", headers={"If-Match": '"1"'})
            assert verified.json()["stale"] is False and verified.headers["ETag"] == '"2"'
            details = {key: body[key] for key in ("name", "phone", "post")}
            assert (await theirs.put(url, json=details, headers={"If-Match": '"2"'})).status_code == 403
            assert (await theirs.delete(url)).status_code == 403
            assert (await ours.delete(url)).status_code == 204 and (await ours.get(url)).status_code == 404

    run(go())
