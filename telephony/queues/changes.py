"""News of the board: which centre to look at again. Survives the loss of Redis."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import redis.exceptions
import structlog
from redis.asyncio import Redis
from twisted.internet.defer import Deferred

from telephony import aio

EVERY = "*"
"""Told after each (re)connection: something may have been missed, so look at all centres."""

_log = structlog.get_logger(__name__)


class Changes:
    """An endless iterator for a Twisted coroutine (``async for centre in changes``). A centre that changed several times
    before anybody looked is told once. Ends with :meth:`close`."""

    def __init__(self, client: Redis, channel: str, pause: float = 0.5) -> None:
        self._client = client
        self._channel = channel
        self._pause = pause
        self._news: deque[str] = deque()
        self._reader: Deferred[str | None] | None = None
        self._closed = False
        self._task = asyncio.ensure_future(self._listen())

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        if self._closed:
            raise StopAsyncIteration
        if self._news:
            return self._news.popleft()
        self._reader = Deferred(self._cancelled)
        news: str | None = await self._reader
        if news is None:
            raise StopAsyncIteration
        return news

    async def close(self) -> None:
        """Stop listening and let the reader end; a Twisted coroutine."""
        self._closed = True
        self._task.cancel()
        self._wake(None)
        await aio.wait(self._ended())

    async def _ended(self) -> None:
        await asyncio.wait([self._task])

    def _cancelled(self, _: Deferred[str | None]) -> None:
        self._reader = None

    def _wake(self, news: str | None) -> bool:
        reader, self._reader = self._reader, None
        if reader is None:
            return False
        reader.callback(news)
        return True

    def _tell(self, centre: str) -> None:
        if not self._wake(centre) and centre not in self._news:
            self._news.append(centre)

    async def _listen(self) -> None:
        while True:
            pubsub = self._client.pubsub(ignore_subscribe_messages=False)
            try:
                await pubsub.subscribe(self._channel)
                while True:
                    message = await pubsub.get_message(timeout=None)
                    if message is None:
                        continue
                    if message["type"] == "subscribe":
                        self._tell(EVERY)
                    elif message["type"] == "message":
                        data = message["data"]
                        self._tell(data.decode() if isinstance(data, bytes) else data)
            except (TimeoutError, redis.exceptions.RedisError, OSError) as error:
                _log.warning("queue.changes_lost", error=str(error), again_in=self._pause)
            finally:
                await _quietly(pubsub.aclose())  # type: ignore[no-untyped-call]
            await asyncio.sleep(self._pause)


async def _quietly(closing: object) -> None:
    try:
        await closing  # type: ignore[misc]
    except (redis.exceptions.RedisError, OSError):
        pass  # the connection is gone anyhow
