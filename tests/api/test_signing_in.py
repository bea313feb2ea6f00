"""Signing in with a password, browser sessions and their CSRF tokens, programs' tokens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import argon2
import httpx
import jwt
from sqlalchemy import select

from config.settings import Settings
from router.access import passwords
from router.storage.journal import JournalEntry
from router.storage.organisation import Account, SignIn
from tests.api.parts import AGENCY, PASSWORD, Stand, run, standing

ME = "/api/v1/auth/me"


async def journal(stand: Stand, chain: str) -> list[str]:
    async with stand.state.database.read() as session:
        query = select(JournalEntry.action).where(JournalEntry.chain == chain).order_by(JournalEntry.seq)
        return list((await session.scalars(query)).all())


@asynccontextmanager
async def signed(
    stand: Stand, username: str, *, base: str = "http://hotline.test"
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.Response]]:
    async with stand.client(base=base) as client:
        answer = await client.post("/api/v1/auth/sign-in", json={"username": username, "password": PASSWORD})
        yield client, answer


def test_a_person_signs_in_works_and_signs_out(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            account = await stand.account("operator")
            async with signed(stand, "Operator-12345 ") as (client, answer):
                assert answer.status_code == 200, answer.text
                told = answer.json()
                assert (told["role"], told["unit"], told["desk"], told["side"]) == ("operator", "12345", "12345", "12345")
                assert "case.create" in told["actions"] and "account.manage" not in told["actions"]
                cookies = answer.headers.get_list("set-cookie")
                (session,) = [cookie for cookie in cookies if cookie.startswith("hotline_session=")]
                assert "HttpOnly" in session and "SameSite=strict" in session and "Path=/" in session
                assert told["csrf"] == client.cookies["hotline_csrf"]
                assert (await client.get(ME)).json()["id"] == account.id
                # a write without the token of this session is refused
                for header in ({}, {"X-CSRF-Token": "0" * 64}):
                    refused = await client.post("/api/v1/auth/sign-out", headers=header)
                    assert (refused.status_code, refused.json()["code"]) == (403, "auth.csrf")
                done = await client.post("/api/v1/auth/sign-out", headers={"X-CSRF-Token": told["csrf"]})
                assert done.status_code == 204
                client.cookies.set("hotline_session", session.split("=")[1].split(";")[0])
                assert (await client.get(ME)).json()["code"] == "auth.expired"
            assert await journal(stand, f"user:{account.id}") == ["signin.ok", "signin.ended"]

    run(go())


def test_the_token_of_one_session_is_not_that_of_another(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            one, other = await stand.sign_in("operator"), await stand.sign_in("operator")
            one.headers["X-CSRF-Token"] = other.headers["X-CSRF-Token"]
            assert (await one.post("/api/v1/auth/sign-out")).json()["code"] == "auth.csrf"

    run(go())


def test_over_https_the_cookie_is_bound_to_the_host(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await stand.account("operator")
            async with signed(stand, "operator-12345", base="https://hotline.test") as (client, answer):
                (session,) = [one for one in answer.headers.get_list("set-cookie") if "hotline_session" in one]
                assert session.startswith("__Host-hotline_session=") and "Secure" in session
                assert answer.headers["strict-transport-security"].startswith("max-age=")
                assert (await client.get(ME)).status_code == 200

    run(go())


def test_wrong_passwords_and_unknown_names_are_told_alike_and_journalled(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            account = await stand.account("operator")
            async with stand.client() as client:
                said = []
                for name, password in (("operator-12345", "wrong horse battery"), ("nobody-at-all", PASSWORD)):
                    answer = await client.post("/api/v1/auth/sign-in", json={"username": name, "password": password})
                    said.append((answer.status_code, {**answer.json(), "request_id": ""}))
            assert said[0] == said[1] and said[0][0] == 401
            assert await journal(stand, f"user:{account.id}") == ["signin.failed"]
            assert await journal(stand, "system") == ["signin.unknown"]
            async with stand.state.database.read() as session:
                details = (await session.scalars(select(JournalEntry.detail))).all()
            assert "127.0.0.1" not in json.dumps([*details]) and "nobody" not in json.dumps([*details])

    run(go())


def test_wrong_passwords_bring_growing_pauses_at_that_address_only(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await stand.account("operator")
            right = {"username": "operator-12345", "password": PASSWORD}
            wrong = right | {"password": "wrong horse battery"}
            async with stand.client("192.0.2.7") as attacker, stand.client("192.0.2.8") as colleague:
                for _ in range(5):
                    assert (await attacker.post("/api/v1/auth/sign-in", json=wrong)).status_code == 401
                paused = await attacker.post("/api/v1/auth/sign-in", json=right)
                assert (paused.status_code, paused.json()["code"], paused.headers["retry-after"]) == (429, "auth.paused", "1")
                assert (await colleague.post("/api/v1/auth/sign-in", json=right)).status_code == 200
                stand.clock.move(1.1)
                assert (await attacker.post("/api/v1/auth/sign-in", json=wrong)).status_code == 401
                assert (await attacker.post("/api/v1/auth/sign-in", json=wrong)).headers["retry-after"] == "2"
                stand.clock.move(2.1)
                assert (await attacker.post("/api/v1/auth/sign-in", json=right)).status_code == 200
                assert (await attacker.post("/api/v1/auth/sign-in", json=wrong)).status_code == 401

    run(go())


def test_many_failures_from_everywhere_slow_strangers_but_not_known_desks(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            account = await stand.account("operator")
            right = {"username": "operator-12345", "password": PASSWORD}
            async with stand.client("192.0.2.8") as desk, stand.client("192.0.2.9") as stranger:
                assert (await desk.post("/api/v1/auth/sign-in", json=right)).status_code == 200
                async with stand.state.database.write() as session:
                    stored = await session.get(Account, account.id)
                    assert stored is not None
                    stored.failures, stored.locked_until = 30, stand.clock()
                wrong = right | {"password": "wrong horse battery"}
                assert (await stranger.post("/api/v1/auth/sign-in", json=wrong)).status_code == 401
                assert (await stranger.post("/api/v1/auth/sign-in", json=right)).status_code == 429
                assert (await desk.post("/api/v1/auth/sign-in", json=right)).status_code == 200

    run(go())


def test_a_password_of_older_parameters_is_hashed_anew(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            older = argon2.PasswordHasher(time_cost=2, memory_cost=64, parallelism=1).hash(PASSWORD)
            assert passwords.outdated(older)
            await stand.account("operator", password=older)
            async with signed(stand, "operator-12345") as (_, answer):
                assert answer.status_code == 200
            async with stand.state.database.read() as session:
                stored = await session.scalar(select(Account.password))
            assert stored is not None and not passwords.outdated(stored) and passwords.fits(stored, PASSWORD)

    run(go())


def test_a_password_is_changed_and_other_sessions_end(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            account = await stand.account("operator", must_change=True)
            other = await stand.sign_in("operator")
            async with signed(stand, "operator-12345") as (client, answer):
                client.headers["X-CSRF-Token"] = answer.json()["csrf"]
                assert answer.json()["must_change"]
                assert (await client.get("/api/v1/events")).json()["code"] == "auth.must_change"

                async def change(current: str, new: str) -> httpx.Response:
                    return await client.post("/api/v1/auth/password", json={"current": current, "new": new})

                assert (await change("wrong horse battery", "another horse battery")).status_code == 403
                for bad in ("short", "aaaaaaaaaaaa", "x-operator-12345-x", "with\x07bell and more"):
                    refused = await change(PASSWORD, bad)
                    assert refused.status_code == 422, refused.text
                assert (await change(PASSWORD, "another horse battery")).status_code == 204
                assert not (await client.get(ME)).json()["must_change"]
            assert (await other.get(ME)).status_code == 401
            assert "account.password_set" in await journal(stand, f"user:{account.id}")

    run(go())


def test_a_deactivated_account_is_out_at_once(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await stand.account("integration")
            admin, operator = await stand.sign_in("administrator"), await stand.sign_in("operator")
            async with stand.client() as client:
                given = await client.post("/api/v1/auth/token", json={"username": "integration-all", "password": PASSWORD})
                program = {"Authorization": f"Bearer {given.json()['access_token']}"}
                assert (await client.get(ME, headers=program)).status_code == 200
                for account in (stand.made["integration-all"], operator.account):
                    shown = await admin.get(f"/api/v1/accounts/{account.id}")
                    body = {key: shown.json()[key] for key in ("name", "role", "unit", "city", "seat")} | {"active": False}
                    done = await admin.put(
                        f"/api/v1/accounts/{account.id}", json=body, headers={"If-Match": shown.headers["etag"]}
                    )
                    assert done.status_code == 200, done.text
                assert (await client.get(ME, headers=program)).status_code == 401
                assert (await operator.get(ME)).status_code == 401
                again = await client.post("/api/v1/auth/sign-in", json={"username": "operator-12345", "password": PASSWORD})
                assert (again.status_code, again.json()["code"]) == (403, "auth.inactive")

    run(go())


def test_a_program_rotates_its_tokens_and_a_stolen_one_ends_them_all(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            account = await stand.account("integration")
            async with stand.client() as client:
                url = "/api/v1/auth/token"
                first = (await client.post(url, json={"username": "integration-all", "password": PASSWORD})).json()
                assert (first["token_type"], first["expires_in"]) == ("Bearer", 600)

                async def works(pair: dict[str, str]) -> int:
                    told = await client.get(ME, headers={"Authorization": f"Bearer {pair['access_token']}"})
                    return told.status_code

                async def refreshed(pair: dict[str, str]) -> httpx.Response:
                    return await client.post(f"{url}/refresh", json={"refresh_token": pair["refresh_token"]})

                stand.clock.move(601)
                assert await works(first) == 401
                second = (await refreshed(first)).json()
                assert await works(second) == 200
                reused = await refreshed(first)
                assert (reused.status_code, reused.json()["code"]) == (401, "auth.reuse")
                assert await works(second) == 401
                assert (await refreshed(second)).json()["code"] == "auth.refresh"
                third = (await client.post(url, json={"username": "integration-all", "password": PASSWORD})).json()
                assert await works(third) == 200
                for _ in range(2):
                    gone = await client.post(f"{url}/revoke", json={"refresh_token": third["refresh_token"]})
                    assert gone.status_code == 204
                assert await works(third) == 401
            assert "token.reused" in await journal(stand, f"user:{account.id}")

    run(go())


def test_a_forged_token_is_nobody(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand, stand.client() as client:
            account = await stand.account("integration")
            claims = {"iss": "hotline", "aud": "hotline", "sub": account.id, "fam": "f", "exp": 4_000_000_000}
            unsigned, foreign = jwt.encode(claims, None, "none"), jwt.encode(claims, "k" * 32, "HS256")
            for token in ("x", "a.b.c", "", unsigned, foreign):
                for header in (f"Bearer {token}", f"Basic {token}"):
                    answer = await client.get(ME, headers={"Authorization": header})
                    assert answer.status_code == 401
                    assert answer.headers["www-authenticate"] == "Bearer"
                assert (await client.get(f"{ME}?access_token={token}&token={token}")).status_code == 401

    run(go())


def test_people_and_programs_sign_in_their_own_way(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand, stand.client() as client:
            await stand.account("integration")
            await stand.account("operator", must_change=True)
            browser = await client.post("/api/v1/auth/sign-in", json={"username": "integration-all", "password": PASSWORD})
            assert (browser.status_code, browser.json()["code"]) == (403, "auth.kind")
            program = await client.post("/api/v1/auth/token", json={"username": "operator-12345", "password": PASSWORD})
            assert program.json()["code"] == "auth.must_change"

    run(go())


def test_staff_posted_elsewhere_choose_their_desk(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand, stand.client() as client:
            account = await stand.account("operator")
            body = {"username": "operator-12345", "password": PASSWORD, "desk": "110"}
            assert (await client.post("/api/v1/auth/sign-in", json=body)).json()["code"] == "auth.desk"
            await stand.posting(account, "110", "police")
            told = (await client.post("/api/v1/auth/sign-in", json=body)).json()
            assert (told["role"], told["unit"], told["desk"], told["side"]) == ("police", "12345", "110", "110")
            assert [(one["unit"], one["role"]) for one in told["desks"]] == [("12345", "operator"), ("110", "police")]
            assert (await client.get(ME)).status_code == 200
            stand.clock.move(3601)  # the posting has ended, and with it the session
            assert (await client.get(ME)).status_code == 401

    run(go())


def test_sessions_are_listed_and_ended(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            one, other = await stand.sign_in("operator"), await stand.sign_in("operator")
            stranger = await stand.sign_in("police")
            listed = (await one.get("/api/v1/auth/sessions")).json()
            assert sorted(session["current"] for session in listed) == [False, True]
            (there,) = [session["id"] for session in listed if not session["current"]]
            await stranger.delete(f"/api/v1/auth/sessions/{there}")
            assert (await other.get(ME)).status_code == 200
            assert (await one.delete(f"/api/v1/auth/sessions/{there}")).status_code == 204
            assert (await other.get(ME)).status_code == 401
            stand.clock.move(12 * 3600)
            assert (await one.get(ME)).status_code == 401
            async with stand.state.database.read() as session:
                assert len((await session.scalars(select(SignIn.id))).all()) == 3

    run(go())


def test_agency_people_have_no_side(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            person = await stand.sign_in("agency")
            told = (await person.get(ME)).json()
            assert (told["unit"], told["side"]) == (AGENCY, None)

    run(go())
