"""Looks at what the service needs: database, schema, keys, Redis, workers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError, ResponseError
from sqlalchemy import text

from api.health import metrics
from api.kit.state import State
from router.storage import migrations, sealed
from router.storage.sealed import KeysMissing
from telephony import contract

SECONDS = 3.0
"""For all looks together."""
STALE = 60.0
"""Seconds without a sign of life after which a worker counts as gone."""


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    needed: bool
    """Without it nothing can be served; otherwise the service goes on with less."""
    detail: str = ""


async def all_checks(state: State) -> list[Check]:
    looks = (_database(state), _schema(state), _keys(state), _redis(state), _workers(state))
    found = await asyncio.gather(*(_within(look) for look in looks))
    for one in found:
        metrics.UP.labels(one.name).set(one.ok)
    return list(found)


async def _within(look: Any) -> Check:
    found: Check = await look
    return found


async def _database(state: State) -> Check:
    try:
        async with asyncio.timeout(SECONDS), state.database.read() as session:
            await session.execute(text("SELECT 1"))
    except Exception as error:
        return Check("database", False, True, type(error).__name__)
    return Check("database", True, True)


async def _schema(state: State) -> Check:
    if not state.migrated.is_set():
        return Check("schema", False, True, "waiting" if "fault" not in state.parts else "refused")
    return Check("schema", True, True, migrations.head())


async def _keys(state: State) -> Check:
    try:
        sealed.ring()
    except KeysMissing:
        return Check("keys", False, True, "not opened")
    return Check("keys", True, True)


async def _redis(state: State) -> Check:
    try:
        async with asyncio.timeout(SECONDS):
            pong: Any = state.redis.ping()
            await pong
    except (RedisError, OSError, TimeoutError) as error:
        return Check("redis", False, False, type(error).__name__)
    return Check("redis", True, False)


async def _workers(state: State) -> Check:
    """When each group of consumers of the call core's events was last heard of."""
    try:
        async with asyncio.timeout(SECONDS):
            ages = await _ages(state)
    except ResponseError:
        ages = {}
    except (RedisError, OSError, TimeoutError) as error:
        return Check("workers", False, False, type(error).__name__)
    for group, age in ages.items():
        metrics.WORKER_AGE.labels(group).set(age)
    late = sorted(group for group, age in ages.items() if age > STALE)
    if not ages or late:
        return Check("workers", False, False, f"not heard of: {', '.join(late)}" if late else "none yet")
    return Check("workers", True, False, ", ".join(f"{group} {age:.0f} s" for group, age in sorted(ages.items())))


async def _ages(state: State) -> dict[str, float]:
    groups: Any = await state.redis.xinfo_groups(contract.EVENTS)
    found = {}
    for group in groups:
        name = group["name"]
        consumers: Any = await state.redis.xinfo_consumers(contract.EVENTS, name)
        idle = [consumer["idle"] for consumer in consumers]
        text_name = name.decode() if isinstance(name, bytes) else str(name)
        found[text_name] = min(idle) / 1000 if idle else float("inf")
    return found
