"""Administrators keep accounts, postings and grants; nobody else does."""

from __future__ import annotations

import datetime as dt
from typing import Any

from config.settings import Settings
from tests.access import world
from tests.api.parts import AGENCY, OTHER_AGENCY, PASSWORD, POLICE_UNIT, T0, run, standing

ACCOUNTS = "/api/v1/accounts"
NEW: dict[str, Any] = {"username": "li.na", "name": "李娜", "role": "operator", "unit": "12345", "password": PASSWORD}


def test_an_account_is_made_changed_and_shut_out(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand, stand.client() as stranger:
            admin = await stand.sign_in("administrator")
            made = await admin.post(ACCOUNTS, json=NEW, headers={"Idempotency-Key": "li-na"})
            assert made.status_code == 201, made.text
            again = await admin.post(ACCOUNTS, json=NEW, headers={"Idempotency-Key": "li-na"})
            assert again.content == made.content
            told = made.json()
            assert (told["city"], told["must_change"], told["has_password"]) == ("530100", True, True)
            assert PASSWORD not in made.text
            url = made.headers["location"]
            sign_in = {"username": "li.na", "password": PASSWORD}
            assert (await stranger.post("/api/v1/auth/sign-in", json=sign_in)).json()["must_change"]
            taken = await admin.post(ACCOUNTS, json=NEW)
            assert (taken.status_code, taken.json()["field"]) == (409, "username")
            body = {"name": "李娜", "role": "operator", "unit": "12345", "seat": "8002"}
            changed = await admin.put(url, json=body, headers={"If-Match": made.headers["etag"]})
            assert (changed.status_code, changed.json()["seat"]) == (200, "8002")
            stale = await admin.put(url, json=body, headers={"If-Match": made.headers["etag"]})
            assert stale.status_code == 412
            assert (await stranger.get("/api/v1/auth/me")).status_code == 200  # a seat does not end a session
            moved = body | {"role": "supervisor"}
            tag = (await admin.get(url)).headers["etag"]
            assert (await admin.put(url, json=moved, headers={"If-Match": tag})).status_code == 200
            assert (await stranger.get("/api/v1/auth/me")).status_code == 401
            assert (await admin.post(f"{url}/password", json={"password": "another horse battery"})).status_code == 204
            sign_in["password"] = "another horse battery"
            assert (await stranger.post("/api/v1/auth/sign-in", json=sign_in)).status_code == 200
            assert (await admin.delete(f"{url}/sessions")).status_code == 204
            assert (await stranger.get("/api/v1/auth/me")).status_code == 401

    run(go())


BAD: list[tuple[dict[str, Any], str]] = [
    ({"username": "Li Na"}, "body.username"),
    ({"username": "x"}, "body.username"),
    ({"name": "  "}, "body.name"),
    ({"role": "root"}, "body.role"),
    ({"unit": "999"}, "unit"),
    ({"unit": ""}, "unit"),
    ({"unit": "110"}, "unit"),
    ({"role": "police", "unit": AGENCY}, "unit"),
    ({"role": "agency", "unit": "12345"}, "unit"),
    ({"role": "agency", "unit": OTHER_AGENCY}, "unit"),
    ({"seat": "9999999"}, "seat"),
    ({"city": "53"}, "body.city"),
    ({"password": "short"}, "password"),
    ({"password": "li.na is the best"}, "password"),
    ({"oidc_subject": "x"}, "oidc_issuer"),
    ({"admin": True}, "body.admin"),
]


def test_accounts_that_cannot_be_are_refused(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            admin = await stand.sign_in("administrator")
            await stand.agency(AGENCY)
            for change, field in BAD:
                answer = await admin.post(ACCOUNTS, json=NEW | change)
                assert (answer.status_code, answer.json()["field"]) == (422, field), (change, answer.text)
            await stand.agency(POLICE_UNIT, level="police", kind="公安", name="派出所")
            for good in (
                {"role": "police", "unit": POLICE_UNIT},
                {"role": "agency", "unit": AGENCY},
                {"role": "supervisor", "unit": ""},
            ):
                name = f"good-{good['role']}"
                assert (await admin.post(ACCOUNTS, json=NEW | good | {"username": name})).status_code == 201

    run(go())


def test_an_administrator_does_not_lock_the_door_behind(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            admin = await stand.sign_in("administrator")
            url = f"{ACCOUNTS}/{admin.account.id}"
            tag = {"If-Match": (await admin.get(url)).headers["etag"]}
            for change in ({"active": False}, {"role": "supervisor"}):
                answer = await admin.put(url, json={"name": "张伟", "role": "administrator"} | change, headers=tag)
                assert answer.status_code == 409

    run(go())


def test_nobody_else_keeps_accounts(sqlite_settings: Settings) -> None:
    posting = {"unit": "110", "role": "police", "since": T0.isoformat(), "until": "2027-01-01T00:00:00Z"}

    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            for role in ("operator", "police", "agency", "supervisor", "integration"):
                person = await stand.sign_in(role)
                url = f"{ACCOUNTS}/{person.account.id}"
                answers = [
                    await person.get(ACCOUNTS),
                    await person.post(ACCOUNTS, json=NEW),
                    await person.get(url),
                    await person.put(url, json={"name": "x", "role": "administrator"}, headers={"If-Match": '"1"'}),
                    await person.post(f"{url}/password", json={"password": "another horse battery"}),
                    await person.post(f"{url}/postings", json=posting),
                ]
                assert {answer.status_code for answer in answers} == {403}, role
            async with stand.client() as stranger:
                assert (await stranger.get(ACCOUNTS)).status_code == 401

    run(go())


def test_lists_are_filtered_and_paged(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            admin = await stand.sign_in("administrator")
            for number in range(4):
                await stand.account("operator", username=f"op_{number}", active=number != 2)
            await stand.account("police", username="op%")

            async def names(query: str) -> list[str]:
                found: list[str] = []
                url = f"{ACCOUNTS}?limit=2&{query}"
                cursor = ""
                while True:
                    page = (await admin.get(url + cursor)).json()
                    found += [one["username"] for one in page["items"]]
                    if page["next"] is None:
                        return sorted(found)
                    cursor = f"&cursor={page['next']}"

            assert await names("role=operator") == ["op_0", "op_1", "op_2", "op_3"]
            assert await names("role=operator&active=true") == ["op_0", "op_1", "op_3"]
            assert await names("username=OP_") == ["op_0", "op_1", "op_2", "op_3"]
            assert await names("unit=110") == ["op%"]

    run(go())


def test_people_are_posted_and_called_back(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            admin = await stand.sign_in("administrator")
            person = await stand.account("operator")
            url = f"{ACCOUNTS}/{person.id}/postings"
            until = (T0 + dt.timedelta(days=30)).isoformat()
            body = {"unit": "110", "role": "police", "since": T0.isoformat(), "until": until}
            made = await admin.post(url, json=body)
            assert made.status_code == 201, made.text
            for change, status in (
                ({}, 409),
                ({"unit": "12345"}, 422),
                ({"unit": "110-anning", "role": "administrator"}, 422),
                ({"unit": "110-anning", "until": T0.isoformat()}, 422),
                ({"unit": "nowhere"}, 422),
            ):
                assert (await admin.post(url, json=body | change)).status_code == status, change
            there = await stand.sign_in("operator", desk="110")
            told = (await there.get("/api/v1/auth/me")).json()
            assert (told["desk"], told["role"], told["unit"]) == ("110", "police", "12345")
            assert (await admin.delete(f"/api/v1/postings/{made.json()['id']}")).status_code == 204
            assert (await there.get("/api/v1/auth/me")).status_code == 401
            (kept,) = (await admin.get(url)).json()
            assert kept["revoked_at"] is not None

    run(go())


def test_grants_are_given_for_a_time_and_taken_back(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            admin, supervisor = await stand.sign_in("administrator"), await stand.sign_in("supervisor")
            operator = await stand.sign_in("operator")
            await stand.agency(AGENCY)
            async with stand.state.database.write() as session:
                session.add(world.case("one", created_at=T0))
                session.add(world.case("police", first_centre="110", created_at=T0))
            url = "/api/v1/grants"
            body: dict[str, Any] = {
                "from_unit": "12345",
                "to_unit": AGENCY,
                "case_id": "one",
                "fields": ["caller", "place"],
                "purpose": "联合调处",
                "since": T0.isoformat(),
                "until": (T0 + dt.timedelta(hours=2)).isoformat(),
            }
            made = await supervisor.post(url, json=body)
            assert made.status_code == 201, made.text
            assert made.json()["live"]
            for change, status in (
                ({"from_unit": "110", "case_id": None}, 403),
                ({"case_id": "police"}, 404),
                ({"case_id": "nothing"}, 404),
                ({"to_unit": "12345"}, 422),
                ({"to_unit": OTHER_AGENCY}, 422),
                ({"fields": ["everything"]}, 422),
                ({"until": T0.isoformat()}, 422),
                ({"until": "2029-01-01T00:00:00Z"}, 422),
                ({"purpose": " "}, 422),
            ):
                assert (await supervisor.post(url, json=body | change)).status_code == status, change
            assert (await operator.post(url, json=body)).status_code == 403
            whole = await admin.post(url, json=body | {"from_unit": "110", "case_id": None})
            assert whole.status_code == 201
            assert [one["from_unit"] for one in (await supervisor.get(url)).json()["items"]] == ["12345"]
            assert (await supervisor.delete(f"{url}/{whole.json()['id']}")).status_code == 403
            assert (await admin.delete(f"{url}/{whole.json()['id']}")).status_code == 204
            assert len((await admin.get(f"{url}?live=true")).json()["items"]) == 1
            stand.clock.move(2 * 3600)
            assert (await admin.get(f"{url}?live=true")).json()["items"] == []

    run(go())
