"""What each worker tells of itself in Redis, for the health page and for metrics: a hash of name to facts, which ends with them.

Workers listen on nothing, so this is how others see them. Facts older than :data:`FRESH` seconds are of a worker that is gone.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry
from redis.asyncio import Redis

from router import job
from telephony import contract

KEY = f"{contract.STREAM_PREFIX}:worker"
EVERY = 5.0
FRESH = 20.0
KEEP = 3600
"""Seconds until Redis forgets all of it when no worker tells anything."""
PREFIX = "hotline_"


@dataclass(slots=True)
class Heartbeat(job.Looped):
    """The job. ``facts`` is asked at each look, and told every few seconds or when its ``jobs`` changed."""

    redis: Redis
    owner: str
    facts: Callable[[], Mapping[str, Any]]
    rules: job.Rules = field(default_factory=job.Rules)
    clock: Callable[[], float] = time.time
    name: str = "heartbeat"
    loop: job.Loop = field(init=False)
    _next: float = 0
    _told: Any = None

    def __post_init__(self) -> None:
        self.loop = job.Loop(self.name, self.once, self.rules)

    async def run(self, stop: asyncio.Event) -> None:
        await self.loop.run(stop)
        try:
            await self.redis.hdel(KEY, self.owner)
        except job.OUTAGES:
            pass  # it grows old by itself

    async def once(self) -> float:
        now = self.clock()
        facts = dict(self.facts())
        if now < self._next and facts.get("jobs") == self._told:
            return min(self.rules.poll, self._next - now)
        gone = [name for name, said in (await _all(self.redis)).items() if now - said.get("at", 0) > KEEP]
        async with self.redis.pipeline(transaction=True) as pipe:
            if gone:
                pipe.hdel(KEY, *gone)
            pipe.hset(KEY, self.owner, json.dumps({"at": now, **facts}))
            pipe.expire(KEY, KEEP)
            await pipe.execute()
        self._next, self._told = now + EVERY, facts.get("jobs")
        return self.rules.poll


async def read(redis: Redis, now: float) -> dict[str, dict[str, Any]]:
    """Facts of the workers that are there now, by name; ``at`` in each is when it was told (seconds since 1970)."""
    return {name: said for name, said in (await _all(redis)).items() if now - said.get("at", 0) <= FRESH}


async def _all(redis: Redis) -> dict[str, dict[str, Any]]:
    found = {}
    told: dict[bytes, bytes] = await redis.hgetall(KEY)  # type: ignore[assignment]
    for name, text in told.items():
        try:
            said = json.loads(text)
        except ValueError:
            continue
        if isinstance(said, dict):
            found[name.decode()] = said
    return found


def measured(registry: CollectorRegistry = REGISTRY) -> list[dict[str, Any]]:
    """This process's own metrics as plain data: name, labels, value."""
    return [
        {"name": sample.name, "labels": dict(sample.labels), "value": sample.value}
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name.startswith(PREFIX) and not sample.name.endswith("_created")
    ]
