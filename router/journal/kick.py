"""Wakes the workers at once when something was committed; without it they look every second.

A kick is a hint and may be lost: nothing depends on it but speed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import redis.exceptions
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from router.job import Rules, until
from telephony import contract

log = structlog.get_logger()

CHANNEL = f"{contract.STREAM_PREFIX}:kick"
AT_MOST = 0.25
"""Seconds that a writer waits for a server that is away."""


async def kick(client: Redis) -> None:
    """Say after a commit that there is news, or a timer that is due soon. Never fails."""
    with contextlib.suppress(redis.exceptions.RedisError, OSError, TimeoutError):
        async with asyncio.timeout(AT_MOST):
            await client.publish(CHANNEL, b"1")


@dataclass(slots=True)
class Listener:
    """Sets the events of the jobs of this process at each kick."""

    redis: Redis
    wakes: Sequence[asyncio.Event]
    rules: Rules
    name: str = "kicks"
    running: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stop: asyncio.Event) -> None:
        self.running.set()  # nothing waits for kicks
        while not stop.is_set():
            pubsub = self.redis.pubsub(ignore_subscribe_messages=True)
            try:
                await pubsub.subscribe(CHANNEL)
                self._wake()  # what came while nobody listened
                await self._listen(pubsub, stop)
            except (redis.exceptions.RedisError, OSError) as error:
                log.debug("kicks.redis_lost", error=str(error))
                await until(stop, self.rules.longest_wait / 2)
            finally:
                with contextlib.suppress(redis.exceptions.RedisError, OSError):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _listen(self, pubsub: PubSub, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if await pubsub.get_message(timeout=self.rules.block) is not None:
                self._wake()

    def _wake(self) -> None:
        for each in self.wakes:
            each.set()
