"""Probes and figures."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import redis

from api import app as application
from config.settings import Settings
from router import heartbeat
from router.storage import errors, migrations
from telephony import contract
from tests.api.parts import Clock, made, run, standing


def checks(answer: Any) -> dict[str, bool]:
    return {one["name"]: one["ok"] for one in answer.json()["checks"]}


def test_a_service_that_has_all_is_ready(settings: Settings) -> None:
    with redis.Redis.from_url(settings.redis_url) as client:
        client.xgroup_create(contract.EVENTS, "call-records", mkstream=True)
        client.xgroup_createconsumer(contract.EVENTS, "call-records", "worker-1")

    async def go() -> None:
        async with standing(settings) as stand, stand.client("192.0.2.1") as client:
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["status"]) == (200, "ok")
            assert set(checks(ready)) == {"database", "schema", "keys", "redis", "workers"}
            assert (await client.get("/metrics")).status_code == 403
            operator, admin = await stand.sign_in("operator"), await stand.sign_in("administrator")
            operator._transport = client._transport
            assert (await operator.get("/metrics")).status_code == 403
            admin._transport = client._transport
            figures = [{"name": "hotline_outbox_lag_seconds", "labels": {}, "value": 0.25}]
            fact = {"at": stand.clock().timestamp(), "metrics": figures}
            await stand.state.redis.hset(heartbeat.KEY, "w-1", json.dumps(fact))  # type: ignore[misc]
            told = await admin.get("/metrics")
            assert 'hotline_outbox_lag_seconds{worker="w-1"} 0.25' in told.text
            assert told.status_code == 200
            assert 'hotline_up{part="database"} 1.0' in told.text
            assert 'hotline_worker_heard_seconds{group="call-records"}' in told.text
            assert 'hotline_http_requests_total{method="GET",path="/readyz",status="200"}' in told.text

    run(go())


def test_without_workers_or_redis_it_goes_on_with_less(sqlite_settings: Settings, tmp_path: Path) -> None:
    lonely = made(tmp_path, sqlite_settings.database_url, f"unix://{tmp_path}/nobody.sock")

    async def go() -> None:
        async with standing(sqlite_settings) as stand, stand.client() as client:
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
            assert [name for name, ok in checks(ready).items() if not ok] == ["workers"]
        async with standing(lonely) as stand, stand.client() as client:
            ready = await client.get("/readyz")
            assert (ready.status_code, checks(ready)["redis"], checks(ready)["database"]) == (200, False, True)

    run(go())


def test_until_the_database_is_there_it_waits_and_says_503(sqlite_settings: Settings, monkeypatch: Any) -> None:
    upgrade = migrations.upgrade
    away = True

    def fails(url: str) -> str:
        if away:
            raise errors.Unreachable("the database can't be reached")
        return upgrade(url)

    monkeypatch.setattr(migrations, "upgrade", fails)
    monkeypatch.setattr(application, "FIRST_WAIT", 0.01)

    async def go() -> None:
        nonlocal away
        app = application.create(sqlite_settings, clock=Clock())
        async with app.router.lifespan_context(app):
            import httpx

            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://hotline.test") as client:
                assert (await client.get("/healthz")).status_code == 200
                ready = await client.get("/readyz")
                assert (ready.status_code, checks(ready)["schema"]) == (503, False)
                body = {"username": "x", "password": "y"}
                refused = await client.post("/api/v1/auth/sign-in", json=body)
                assert (refused.status_code, refused.json()["code"]) == (503, "server.unavailable")
                token = await client.get("/api/v1/auth/me", headers={"Cookie": "hotline_session=abc"})
                assert token.status_code == 503
                away = False
                await asyncio.wait_for(app.state.hotline.migrated.wait(), 20)
                assert (await client.get("/readyz")).status_code == 200
                assert (await client.post("/api/v1/auth/sign-in", json=body)).status_code == 401

    run(go())
