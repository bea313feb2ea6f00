"""Requests that no good client sends: every one gets a typed 4xx, never a server error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import redis
from fastapi import APIRouter

from api.kit import limits, routing, strict
from api.kit.deps import WriteSession
from api.kit.errors import BodyErrors
from api.kit.fields import Body, Words
from api.kit.limits import Rates
from config.settings import Settings
from router.storage.casework import Counter
from router.worker import log_to_stderr
from tests.api.parts import Person, made, run, standing
from tests.storage.parts import Valkey


class Anything(Body):
    words: Words = ""
    value: int = 0
    more: Any = None


def sink() -> APIRouter:
    router = routing.router("/sink", "sink")

    @router.post("")
    async def take(session: WriteSession, body: Anything) -> dict[str, int]:
        session.add(Counter(name=body.words[:20] or "-", value=body.value))
        await session.flush()
        return {"length": len(body.words)}

    @router.get("/{key}")
    async def read(session: WriteSession, key: str, number: int = 0) -> str:
        session.add(Counter(name=key, value=number))
        await session.flush()
        return key

    return router


def typed(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in statuses, (answer.status_code, answer.text[:300])
    body: dict[str, Any] = answer.json()
    assert body["code"] and body["message"] and body["request_id"]
    return body


BODIES: list[tuple[bytes, str]] = [
    (b"", "missing"),
    (b"{", "json.syntax"),
    (b"\xff\xfe{}", "json.encoding"),
    (b'{"words": "\xc3\x28"}', "json.encoding"),
    (b'{"words": "a\\u0000b"}', "json.characters"),
    (b'{"words": "a\x00b"}', "json.syntax"),
    (b'{"words": "\\ud800"}', "json.characters"),
    (b'{"more": {"\\u0000": 1}}', "json.characters"),
    (b'{"words": "a", "words": "b"}', "json.duplicate"),
    (b'{"value": 99999999999999999999999999999999}', "json.number"),
    (b'{"value": -9223372036854775809}', "json.number"),
    (b'{"more": 1e999}', "json.number"),
    (b'{"more": NaN}', "json.number"),
    (b'{"more": -Infinity}', "json.number"),
    (b'{"value": ' + b"9" * 6000 + b"}", "json.number"),
    (b"[" * 100_000 + b"]" * 100_000, "json.depth"),
    (b'{"more": ' * 40 + b"1" + b"}" * 40, "json.depth"),
    (b"[]", "model_attributes_type"),
    (b"null", "model_attributes_type"),
    (b'"text"', "model_attributes_type"),
    (b'{"words": 5}', "string_type"),
    (b'{"words": ["a"]}', "string_type"),
    (b'{"value": "9"}x', "json.syntax"),
    (b'{"value": 1.5}', "int_from_float"),
    (b'{"words": null}', "string_type"),
    (b'{"__proto__": 1}', "extra_forbidden"),
    (b'{"words": "a\\u0007"}', "field.control"),
    (json.dumps({"words": "长" * 20_001}).encode(), "string_too_long"),
]


def test_bodies_that_are_not_clean_are_refused(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, extra=sink()) as stand:
            person = await stand.sign_in("operator")
            person.headers["content-type"] = "application/json"
            for body, code in BODIES:
                told = typed(await person.post("/api/v1/sink", content=body), 422)
                found = {one["code"] for one in told["fields"]}
                assert any(code in one for one in found), (body[:60], found)
            good = {"words": '引号"和\\以及😀\n\u2028', "value": 2**63 - 1, "more": [[["["]]]}
            assert (await person.post("/api/v1/sink", content=json.dumps(good))).status_code == 200

    run(go())


def test_requests_that_are_not_well_formed_are_refused(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings, extra=sink()) as stand:
            person = await stand.sign_in("operator")
            typed(await person.get("/api/v1/sink/a%00b"), 422)
            typed(await person.get("/api/v1/sink/a?number=%00"), 422)
            typed(await person.get("/api/v1/sink/a?number=" + "9" * 400), 422)
            typed(await person.get("/api/v1/sink/a?number=99999999999999999999"), 422)
            assert (await person.get("/api/v1/sink/%ED%A0%80%FF?number=%FF")).status_code < 500
            typed(await person.get("/api/v1/sink"), 405)
            typed(await person.request("BREW", "/api/v1/sink"), 405)
            typed(await person.get("/api/v1/" + "x" * 5000), 404)
            typed(await person.get("/api/v1/sink/../../etc/passwd"), 404)
            for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "x"):
                typed(await person.post("/api/v1/sink", content=b'{"words": "a"}', headers={"content-type": kind}), 415, 422)
            for header in ("X-Request-ID", "Idempotency-Key", "If-Match", "Last-Event-ID", "Authorization", "Cookie"):
                answer = await person.post("/api/v1/sink", json={}, headers={header: b"\x7f" + "é".encode() * 10 + b"'\";--"})
                assert answer.status_code < 500
            odd = await person.get("/healthz", headers={"X-Request-ID": "<script>" * 4})
            assert "script" not in odd.headers["x-request-id"]

    run(go())


def test_bodies_that_are_too_large_are_cut_off(sqlite_settings: Settings) -> None:
    async def pieces(count: int) -> AsyncIterator[bytes]:
        yield b'{"words": "'
        for _ in range(count):
            yield b"a" * 65536
        yield b'"}'

    async def go() -> None:
        async with standing(sqlite_settings, extra=sink()) as stand:
            person = await stand.sign_in("operator")
            head = {"content-type": "application/json"}
            told = typed(await person.post("/api/v1/sink", content=b"a" * (limits.BODY + 1), headers=head), 413)
            assert told["facts"] == {"limit": limits.BODY}
            typed(await person.post("/api/v1/sink", content=pieces(20), headers=head), 413)
            typed(await person.post("/api/v1/sink", content=b"{}", headers=head | {"content-length": "9" * 30}), 413)
            typed(await person.post("/api/v1/sink", content=pieces(3), headers=head), 422)

    run(go())


def test_too_many_requests_are_told_when_to_come_back(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, rates=Rates(account=3, address=100, sign_ins=2), extra=sink()) as stand:
            one, other = await stand.sign_in("operator"), await stand.sign_in("police")
            for _ in range(3):
                assert (await one.get("/api/v1/auth/me")).status_code == 200
            limited = await one.get("/api/v1/auth/me")
            assert typed(limited, 429)["facts"] == {"seconds": 60}
            assert limited.headers["retry-after"] == "60"
            assert (await other.get("/api/v1/auth/me")).status_code == 200
            stand.clock.move(60)
            assert (await one.get("/api/v1/auth/me")).status_code == 200
            async with stand.client("192.0.2.1") as stranger:
                tries = [await stranger.post("/api/v1/auth/sign-in", json={"username": "x", "password": "y"}) for _ in range(3)]
                assert [answer.status_code for answer in tries] == [401, 401, 429]
                flood = [(await stranger.get("/healthz")).status_code for _ in range(100)]
                assert (flood[0], flood[-1]) == (200, 429)

    run(go())


def test_limits_hold_in_each_process_while_redis_is_away(sqlite_settings: Settings, tmp_path: Any) -> None:
    lonely = made(tmp_path, sqlite_settings.database_url, f"unix://{tmp_path}/nobody.sock")

    async def go() -> None:
        async with standing(lonely, rates=Rates(account=3), extra=sink()) as stand:
            person = await stand.sign_in("operator")
            assert [(await person.post("/api/v1/sink", json={"words": str(n)})).status_code for n in range(4)] == [
                200,
                200,
                200,
                429,
            ]
            ready = await person.get("/readyz")
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
            wrong = {"username": "operator-12345", "password": "wrong horse battery"}
            async with stand.client("192.0.2.1") as stranger:
                tries = [(await stranger.post("/api/v1/auth/sign-in", json=wrong)).status_code for _ in range(6)]
                assert tries == [401] * 5 + [429]

    run(go())


def test_answers_carry_careful_headers(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand, stand.client() as client:
            for path in ("/api/v1/auth/options", "/nothing", "/openapi.json", "/docs", "/healthz"):
                said = (await client.get(path)).headers
                assert said["x-content-type-options"] == "nosniff"
                assert said["x-frame-options"] == "DENY"
                assert said["referrer-policy"] == "no-referrer"
                assert "frame-ancestors 'none'" in said["content-security-policy"]
                assert "default-src 'none'" in said["content-security-policy"]
                assert "server" not in said and "strict-transport-security" not in said
            assert (await client.get("/api/v1/auth/options")).headers["cache-control"] == "no-store"

    run(go())


def test_only_declared_proxies_speak_for_others(migrated_sqlite_url: str, redis_now: str, tmp_path: Any) -> None:
    declared = made(
        tmp_path, migrated_sqlite_url, redis_now, HOTLINE_PROXIES="198.51.100.0/24", HOTLINE_METRICS_FROM="203.0.113.9"
    )

    async def scrape(stand: Any, address: str, **headers: str) -> int:
        async with stand.client(address) as client:
            return int((await client.get("/metrics", headers={k.replace("_", "-"): v for k, v in headers.items()})).status_code)

    async def go() -> None:
        async with standing(declared) as stand:
            assert await scrape(stand, "127.0.0.1") == 200
            assert await scrape(stand, "127.0.0.1", x_forwarded_for="203.0.113.9") == 403  # an undeclared proxy on this machine
            assert await scrape(stand, "192.0.2.1", x_forwarded_for="127.0.0.1") == 403
            assert await scrape(stand, "198.51.100.7", x_forwarded_for="203.0.113.9") == 200
            assert await scrape(stand, "198.51.100.7", x_forwarded_for="203.0.113.9, 192.0.2.5") == 403
            assert await scrape(stand, "198.51.100.7", x_forwarded_for="203.0.113.9, 198.51.100.8") == 200
            assert await scrape(stand, "198.51.100.7", x_forwarded_for="nonsense") == 403
            assert await scrape(stand, "203.0.113.9") == 200
            async with stand.client("198.51.100.7") as client:
                told = (await client.get("/healthz", headers={"X-Forwarded-Proto": "https"})).headers
                assert "strict-transport-security" in told
            async with stand.client("192.0.2.1") as client:
                told = (await client.get("/healthz", headers={"X-Forwarded-Proto": "https"})).headers
                assert "strict-transport-security" not in told

    run(go())


def test_in_clear_a_production_service_answers_its_proxies_only(migrated_sqlite_url: str, redis_now: str, tmp_path: Any) -> None:
    env = {"HOTLINE_ENV": "production", "HOTLINE_ADVERTISE": "203.0.113.10", "HOTLINE_PROXIES": "198.51.100.7"}
    plain = made(tmp_path, migrated_sqlite_url, redis_now, **env)

    async def go() -> None:
        async with standing(plain) as stand:
            for address, status in (("198.51.100.7", 200), ("127.0.0.1", 200), ("192.0.2.1", 403)):
                async with stand.client(address) as client:
                    answer = await client.get("/healthz", headers={"X-Forwarded-For": "192.0.2.77"})
                    assert answer.status_code == status
                    if status == 403:
                        assert typed(answer, 403)["code"] == "request.proxy_only"

    run(go())


@pytest.mark.parametrize("text", ['{"a": "\\"[[[["}', '{"a": "{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{"}'])
def test_brackets_in_texts_are_no_depth(text: str) -> None:
    assert strict.parse(text.encode()) == json.loads(text)


def test_depth_is_counted_to_the_limit() -> None:
    assert strict.parse(b"[" * 32 + b"]" * 32)
    with pytest.raises(BodyErrors):
        strict.parse(b"[" * 33 + b"]" * 33)


def test_a_database_that_goes_away_is_a_503_and_comes_back(sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    async def go() -> None:
        async with standing(sqlite_settings, extra=sink()) as stand:
            person: Person = await stand.sign_in("operator")

            def broken(*_: Any, **__: Any) -> Any:
                raise OperationalError("SELECT secret", {"number": "13900139002"}, OSError("gone"))

            with monkeypatch.context() as patch:
                patch.setattr(stand.state.database, "read", broken)
                answer = await person.get("/api/v1/auth/me")
                assert typed(answer, 503)["code"] == "server.unavailable"
                assert answer.headers["retry-after"] and "secret" not in answer.text and "139" not in answer.text
            assert (await person.get("/api/v1/auth/me")).status_code == 200

    run(go())


def test_logs_hold_no_personal_data(sqlite_settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("info")

    async def go() -> None:
        async with standing(sqlite_settings, extra=sink()) as stand:
            person = await stand.sign_in("operator")
            await person.get("/api/v1/sink/13900139002?number=777", headers={"X-Request-ID": "request-one"})
            await person.post("/api/v1/sink", json={"words": "我叫李明"})

    run(go())
    said = capsys.readouterr().err
    assert '"path": "/api/v1/sink/{key}"' in said and '"request_id": "request-one"' in said
    assert "13900139002" not in said and "777" not in said and "李明" not in said


def test_redis_that_dies_in_between_is_no_fault(sqlite_settings: Settings, shared_valkey: Valkey) -> None:
    async def go() -> None:
        async with standing(sqlite_settings, extra=sink()) as stand:
            person = await stand.sign_in("operator")
            assert (await person.post("/api/v1/sink", json={"words": "a"})).status_code == 200
            shared_valkey.kill()
            answers = await asyncio.gather(*(person.post("/api/v1/sink", json={"words": f"b{n}"}) for n in range(4)))
            assert {answer.status_code for answer in answers} == {200}

    try:
        run(go())
    finally:
        shared_valkey.start()
        with redis.Redis.from_url(shared_valkey.url) as client:
            assert client.ping()
