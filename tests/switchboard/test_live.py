"""Snapshots of calls on a real Valkey that stops answering: a call that has ended is never shown as going on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import pytest_twisted
import redis.exceptions
import structlog
from redis.asyncio import Redis

from telephony import aio, contract
from telephony.machines import records
from telephony.queues import scripts
from telephony.switchboard.live import Live
from tests import servers

NOW = 1_800_000_000.0
test = pytest_twisted.ensureDeferred


@pytest.fixture
def server(tmp_path: Path) -> Iterator[servers.Valkey]:
    with servers.valkey(tmp_path) as running:
        yield running


@pytest.fixture
def client(server: servers.Valkey) -> Iterator[Redis]:
    client = scripts.connect(server.url, timeout=0.2)
    yield client
    pytest_twisted.blockon(aio.wait(client.aclose()))


def put(live: Live, call: str, rev: int = 1) -> None:
    facts = contract.CallFacts(id=call, rev=rev, kind="inbound", started_at=NOW)
    record = records.Call(
        id=call, kind="inbound", centre="12345", called="12345", caller_number=None, origin="trunk:t", started_at=NOW
    )
    live.put(record, {call: facts}, None)


async def until_shown(client: Redis, *calls: str) -> None:
    async def look() -> None:
        while True:
            with contextlib.suppress(redis.exceptions.RedisError):
                if {key.decode() for key in await client.hkeys(contract.LIVE)} == set(calls):
                    return
            await asyncio.sleep(0.02)

    await aio.wait(asyncio.wait_for(look(), 20))


async def until_it_failed() -> None:
    """Wait until a write was tried in vain."""
    with structlog.testing.capture_logs() as told:
        while not any(one["event"] == "live.away" for one in told):
            await aio.wait(asyncio.sleep(0.02))


async def until_idle(live: Live) -> None:
    while live.writing:
        await aio.wait(asyncio.sleep(0.02))


@test
async def test_a_call_that_ends_while_the_server_is_silent_is_not_shown_afterwards(server: servers.Valkey, client: Redis) -> None:
    live = Live(client, "n1", lambda: NOW)
    put(live, "ends")
    put(live, "stays")
    await until_shown(client, "ends", "stays")
    assert server.process is not None
    frozen = psutil.Process(server.process.pid)
    frozen.suspend()
    try:
        put(live, "ends", 2)
        await until_it_failed()  # and lies in the server's socket when the end is told
        live.drop("ends")
        await until_it_failed()
    finally:
        frozen.resume()
    await until_shown(client, "stays")
    await until_idle(live)
    await until_shown(client, "stays")


@test
async def test_a_call_that_ends_while_the_server_is_down_is_not_shown_afterwards(server: servers.Valkey, client: Redis) -> None:
    live = Live(client, "n1", lambda: NOW)
    put(live, "ends")
    await until_shown(client, "ends")
    server.kill()
    live.drop("ends")
    put(live, "begins")
    await until_it_failed()
    server.start()
    await until_shown(client, "begins")
