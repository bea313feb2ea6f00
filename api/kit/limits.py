"""Limits of how much is asked: requests per account and address, growing pauses after wrong passwords, sizes of bodies.

Counts lie in Redis, so that all processes share them. While Redis is away each process counts for itself: less exact, and the
service goes on.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from api.kit.errors import TooManyRequests
from telephony.contract import STREAM_PREFIX

log = structlog.get_logger()
T = TypeVar("T")

BODY = 1 << 20
"""Bytes of a request's body."""
UPLOAD = 40 << 20
"""Bytes of a multipart body."""
MINUTE = 60.0
AWAY = 5.0
"""Seconds for which Redis is not asked after it has failed."""
FREE_FAILURES = 5
"""Wrong passwords of one account from one address before pauses begin."""
LONGEST_PAUSE = 900.0
KNOWN = 30 * 86400
"""Seconds for which an address counts as one that the account has signed in from."""
_LOCAL_KEYS = 50_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests per minute."""

    account: int = 6000
    address: int = 30000
    sign_ins: int = 300
    """Attempts to sign in of one address: a centre behind one address changes shifts within it."""


def pause_after(failures: int) -> float:
    """Seconds to wait after so many wrong passwords in a row: none for the first few, then twice as long each time."""
    return 0.0 if failures < FREE_FAILURES else min(2.0 ** (failures - FREE_FAILURES), LONGEST_PAUSE)


def fold(value: str) -> str:
    """A key that gives neither address nor name away."""
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()[:24]


class Limiter:
    """``clock`` gives seconds since 1970."""

    def __init__(self, client: redis.asyncio.Redis, rates: Rates | None = None, clock: Callable[[], float] = time.time) -> None:
        self._redis: Any = client
        self._rates = rates or Rates()
        self._clock = clock
        self._local: dict[str, tuple[float, float]] = {}
        """Key to value and the time it ends, for while Redis is away."""
        self._away_until = 0.0

    async def account(self, account: str) -> None:
        """Count a request; raise :class:`TooManyRequests`."""
        await self._hit("account", account, self._rates.account)

    async def address(self, address: str) -> None:
        await self._hit("address", fold(address), self._rates.address)

    async def sign_in(self, address: str) -> None:
        await self._hit("sign-in", fold(address), self._rates.sign_ins)

    async def _hit(self, kind: str, key: str, most: int) -> None:
        now = self._clock()
        window = int(now // MINUTE)
        name = f"{STREAM_PREFIX}:limit:{kind}:{key}:{window}"

        async def there() -> int:
            async with self._redis.pipeline(transaction=False) as pipe:
                count, _ = await pipe.incr(name).expire(name, int(MINUTE) * 2).execute()
            return int(count)

        count = await self._ask(there)
        if count is None:
            count = int(self._get(name)) + 1
            self._put(name, count, (window + 1) * MINUTE)
        if count > most:
            raise TooManyRequests("request.limited", (window + 1) * MINUTE - now)

    # --- pauses after wrong passwords

    async def check_pause(self, account: str, address: str) -> None:
        """Raise :class:`TooManyRequests` while this account must wait at this address."""
        name = self._pause_name(account, address)

        async def there() -> float:
            return float(await self._redis.get(f"{name}:until") or 0)

        until = await self._ask(there)
        until = self._get(f"{name}:until") if until is None else until
        left = until - self._clock()
        if left > 0:
            raise TooManyRequests("auth.paused", left)

    async def failed(self, account: str, address: str) -> None:
        """Count a wrong password."""
        name = self._pause_name(account, address)
        keep = int(LONGEST_PAUSE) * 2

        async def there() -> int:
            async with self._redis.pipeline(transaction=False) as pipe:
                count, _ = await pipe.incr(name).expire(name, keep).execute()
            pause = pause_after(int(count))
            if pause:
                await self._redis.set(f"{name}:until", self._clock() + pause, ex=int(pause) + 1)
            return int(count)

        if await self._ask(there) is None:
            count = int(self._get(name)) + 1
            self._put(name, count, self._clock() + keep)
            pause = pause_after(count)
            if pause:
                self._put(f"{name}:until", self._clock() + pause, self._clock() + pause)

    async def succeeded(self, account: str, address: str) -> None:
        """The right password: forget the wrong ones, and know the address."""
        name = self._pause_name(account, address)
        self._local.pop(name, None)
        self._local.pop(f"{name}:until", None)

        async def there() -> bool:
            async with self._redis.pipeline(transaction=False) as pipe:
                await pipe.delete(name, f"{name}:until").set(f"{name}:known", 1, ex=KNOWN).execute()
            return True

        await self._ask(there)

    async def knows(self, account: str, address: str) -> bool:
        """Whether the account has signed in from this address lately."""
        name = self._pause_name(account, address)

        async def there() -> bool:
            return bool(await self._redis.exists(f"{name}:known"))

        return bool(await self._ask(there))

    def _pause_name(self, account: str, address: str) -> str:
        return f"{STREAM_PREFIX}:limit:password:{fold(account + chr(0) + address)}"

    # --- Redis, or this process alone

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """What Redis says; None while it is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            return await call()
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = time.monotonic() + AWAY
            log.warning("api.limits_local", error=type(error).__name__, hint="each process counts for itself while Redis is away")
            return None

    def _get(self, name: str) -> float:
        value, ends = self._local.get(name, (0.0, 0.0))
        return value if ends > self._clock() else 0.0

    def _put(self, name: str, value: float, ends: float) -> None:
        if len(self._local) >= _LOCAL_KEYS:
            now = self._clock()
            self._local = {key: kept for key, kept in self._local.items() if kept[1] > now}
            if len(self._local) >= _LOCAL_KEYS:
                self._local.clear()
        self._local[name] = (value, ends)
