"""Signing in by OpenID Connect, against a real provider on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from joserfc import jwk

from config.settings import Settings
from router.storage.organisation import Account
from tests.api import provider as providers
from tests.api.parts import Stand, made, run, standing
from tests.api.provider import Provider, query_of

START, CALLBACK = "/api/v1/auth/oidc/start", "/api/v1/auth/oidc/callback"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providers.running() as found:
        yield found


@pytest.fixture
def oidc_settings(migrated_sqlite_url: str, redis_now: str, tmp_path: Path, provider: Provider) -> Settings:
    env = {"ISSUER": provider.issuer, "CLIENT_ID": providers.CLIENT, "CLIENT_SECRET": providers.SECRET}
    return made(tmp_path, migrated_sqlite_url, redis_now, **{f"HOTLINE_OIDC_{name}": value for name, value in env.items()})


async def attempt(client: httpx.AsyncClient, provider: Provider, start: str = START) -> httpx.Response:
    """What a browser does: to the provider, signed in there, and back."""
    sent = await client.get(start)
    assert sent.status_code == 303, sent.text
    assert sent.headers["location"].startswith(f"{provider.issuer}/authorization?")
    back = provider.authorize(query_of(sent.headers["location"]))
    return await client.get(back.removeprefix("http://hotline.test"))


async def prepared(stand: Stand, provider: Provider, *, username: str = "zhang.wei", subject: str | None = None) -> Account:
    return await stand.account("operator", username=username, password=None, oidc_issuer=provider.issuer, oidc_subject=subject)


def test_a_prepared_account_is_bound_at_the_first_sign_in(oidc_settings: Settings, provider: Provider) -> None:
    async def go() -> None:
        async with standing(oidc_settings) as stand, stand.client() as client:
            account = await prepared(stand, provider)
            assert (await client.get("/api/v1/auth/options")).json() == {"password": True, "oidc": True}
            done = await attempt(client, provider)
            assert (done.status_code, done.headers["location"]) == (303, "/")
            cookies = {one.split("=")[0]: one for one in done.headers.get_list("set-cookie")}
            assert "HttpOnly" in cookies["hotline_session"] and "SameSite=strict" in cookies["hotline_session"]
            assert "code" not in done.headers["location"]
            told = (await client.get("/api/v1/auth/me")).json()
            assert (told["id"], told["kind"]) == (account.id, "browser")
            # from now on by the subject, whatever the person is called there
            provider.claims = {"sub": "u-1", "preferred_username": "somebody.else"}
            async with stand.client() as again:
                assert (await attempt(again, provider)).status_code == 303
                assert (await again.get("/api/v1/auth/me")).json()["id"] == account.id

    run(go())


def test_a_verified_mail_address_binds_and_an_unverified_one_does_not(oidc_settings: Settings, provider: Provider) -> None:
    async def go() -> None:
        async with standing(oidc_settings) as stand, stand.client() as client:
            await prepared(stand, provider, username="li.na@example.cn")
            provider.claims = {"sub": "u-2", "email": "Li.Na@example.cn", "email_verified": False}
            refused = await attempt(client, provider)
            assert (refused.status_code, refused.json()["code"]) == (403, "auth.oidc.unknown")
            provider.claims["email_verified"] = True
            assert (await attempt(client, provider)).status_code == 303

    run(go())


def test_nobody_gets_an_account_that_is_not_theirs(oidc_settings: Settings, provider: Provider) -> None:
    async def go() -> None:
        async with standing(oidc_settings) as stand, stand.client() as client:
            await stand.account("administrator", username="zhang.wei")  # signs in by password, not prepared for OIDC
            await prepared(stand, provider, username="wang.fang", subject="u-9")
            assert (await attempt(client, provider)).json()["code"] == "auth.oidc.unknown"
            provider.claims = {"sub": "u-8", "preferred_username": "wang.fang"}
            assert (await attempt(client, provider)).json()["code"] == "auth.oidc.unknown"

    run(go())


def test_answers_that_do_not_fit_are_refused(oidc_settings: Settings, provider: Provider) -> None:
    async def go() -> None:
        async with standing(oidc_settings) as stand:
            await prepared(stand, provider)

            async def failed(client: httpx.AsyncClient, url: str) -> None:
                answer = await client.get(url)
                assert (answer.status_code, answer.json()["code"]) == (400, "auth.oidc.failed"), answer.text
                assert not any("hotline_session" in one for one in answer.headers.get_list("set-cookie"))

            async with stand.client() as client, stand.client() as victim:
                await failed(client, CALLBACK)
                sent = await client.get(START)
                back = provider.authorize(query_of(sent.headers["location"])).removeprefix("http://hotline.test")
                await failed(victim, back)  # another browser has no such attempt
                await failed(client, back.replace("state=", "state=x"))
                await failed(client, f"{CALLBACK}?error=access_denied&state={query_of(sent.headers['location'])['state']}")
                provider.refuse = True
                await failed(client, back)
                provider.refuse = False
            for spoil in (
                {"nonce": "other"},
                {"aud": "other"},
                {"iss": "https://other.example"},
                {"exp": 1},
                {"aud": [providers.CLIENT, "other"], "azp": "other"},
            ):
                provider.spoil = spoil
                async with stand.client() as client:
                    answer = await attempt(client, provider)
                    assert (answer.status_code, answer.json()["code"]) == (400, "auth.oidc.failed"), spoil
            provider.spoil = {}
            provider.signing = jwk.RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256"})
            async with stand.client() as client:
                assert (await attempt(client, provider)).status_code == 400
                provider.key = provider.signing  # the provider has changed its keys: they are read anew
                assert (await attempt(client, provider)).status_code == 303

    run(go())


def test_a_provider_that_is_away_is_told(oidc_settings: Settings, provider: Provider) -> None:
    async def go() -> None:
        async with standing(oidc_settings) as stand, stand.client() as client:
            provider.stop()
            answer = await client.get(START)
            assert (answer.status_code, answer.json()["code"]) == (503, "auth.oidc.away")

    run(go())


def test_without_a_provider_there_is_no_such_way(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand, stand.client() as client:
            assert not (await client.get("/api/v1/auth/options")).json()["oidc"]
            assert (await client.get(START)).json()["code"] == "auth.oidc.off"
            assert (await client.get(CALLBACK)).json()["code"] == "auth.oidc.off"

    run(go())
