"""Events out: on disk first, then to the Redis stream, so that none is lost while Redis is away."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import redis.asyncio
import redis.exceptions
import structlog
from twisted.internet.defer import Deferred

from telephony import contract
from telephony.aio import wait

log = structlog.get_logger()

BATCH = 200
GATHER = 0.01
"""Seconds that an event (safe on disk by then) waits for others to go with it."""
RETRY = 1.0
"""Seconds until the next try when Redis is away."""


class Spool:
    """Events that Redis does not have yet, in order, in one SQLite file (write-ahead log, survives a kill)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("CREATE TABLE IF NOT EXISTS event (n INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT, data BLOB)")

    def add(self, stream: str, data: bytes) -> None:
        self._db.execute("INSERT INTO event (stream, data) VALUES (?, ?)", (stream, data))

    def first(self, count: int) -> list[tuple[int, str, bytes]]:
        return self._db.execute("SELECT n, stream, data FROM event ORDER BY n LIMIT ?", (count,)).fetchall()

    def drop(self, through: int) -> None:
        self._db.execute("DELETE FROM event WHERE n <= ?", (through,))

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM event").fetchone()[0])

    def close(self) -> None:
        self._db.close()


class Relay:
    """Sends events in the order they were told, at least once. A disk that is full is worked around in memory."""

    def __init__(self, reactor: Any, client: redis.asyncio.Redis, spool: Spool) -> None:
        self._reactor = reactor
        self._redis = client
        self._spool = spool
        self._sending = False
        self._away = False
        self._unspooled: list[tuple[str, bytes]] = []
        self._idle: list[Deferred[None]] = []

    def tell(self, event: contract.Event) -> None:
        data = contract.encode(event)
        try:
            for stream, waiting in self._unspooled:
                self._spool.add(stream, waiting)
            self._unspooled.clear()
            self._spool.add(contract.EVENTS, data)
        except sqlite3.Error as problem:
            log.error("spool.unwritable", error=str(problem), remedy="free space in the data folder")
            self._unspooled.append((contract.EVENTS, data))
        self.wake()

    def wake(self) -> None:
        if not self._sending:
            self._sending = True
            Deferred.fromCoroutine(self._send()).addErrback(self._broken)

    def _broken(self, failure: Any) -> None:
        self._sending = False
        log.error("relay.failed", error=failure.getTraceback())
        self._reactor.callLater(RETRY, self.wake)

    async def _send(self) -> None:
        await wait(asyncio.sleep(GATHER))
        while True:
            batch = self._spool.first(BATCH)
            memory = not batch and bool(self._unspooled)
            if memory:
                batch = [(0, stream, data) for stream, data in self._unspooled[:BATCH]]
            if not batch:
                break
            try:
                await wait(self._push(batch))
            except (redis.exceptions.RedisError, OSError) as problem:
                if not self._away:
                    log.error("redis.away", error=str(problem), waiting=len(self._spool))
                self._away = True
                self._sending = False
                self._reactor.callLater(RETRY, self.wake)
                return
            if self._away:
                log.info("redis.back")
            self._away = False
            if memory:
                del self._unspooled[: len(batch)]
            else:
                self._spool.drop(batch[-1][0])
        self._sending = False
        idle, self._idle = self._idle, []
        for waiter in idle:
            waiter.callback(None)

    async def _push(self, batch: list[tuple[int, str, bytes]]) -> None:
        """An asyncio coroutine: one round trip for the whole batch."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for _, stream, data in batch:
                pipe.xadd(stream, {contract.FIELD: data})
            await pipe.execute()

    async def drained(self) -> None:
        """Everything told so far is with Redis."""
        self.wake()
        if self._sending:
            waiter: Deferred[None] = Deferred()
            self._idle.append(waiter)
            await waiter
