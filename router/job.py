"""What a job of the worker is, and the loop that jobs run in: woken or after a while, through outages, until told to stop."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import redis.exceptions
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from router.storage import errors
from router.storage.engine import Database

log = structlog.get_logger()

OUTAGES = (redis.exceptions.RedisError, SQLAlchemyError, errors.StorageError, OSError)


class Job(Protocol):
    """Something that the worker does for as long as it runs."""

    @property
    def name(self) -> str: ...

    @property
    def running(self) -> asyncio.Event:
        """Set as soon as it works for the first time."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; what is at hand is finished. Outages are waited out."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Times in seconds."""

    poll: float = 1.0
    """A job looks so often without being woken."""
    block: float = 0.5
    """A read from Redis waits so long; a stop is noticed after it."""
    first_wait: float = 0.1
    longest_wait: float = 5
    """Pauses between attempts in an outage grow from the first to the longest."""


async def until(stop: asyncio.Event, seconds: float) -> None:
    """Wait, but no longer than until somebody wants us to stop."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        pass


async def either(stop: asyncio.Event, wake: asyncio.Event, seconds: float) -> None:
    """Wait until one of the two is set, or for so long."""
    if stop.is_set() or wake.is_set():
        return
    waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(wake.wait())]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()


@dataclass(slots=True)
class Loop:
    """Runs ``once`` again and again. ``once`` does what there is to do and returns the seconds until it wants to look
    again."""

    name: str
    once: Callable[[], Awaitable[float]]
    rules: Rules = field(default_factory=Rules)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    running: asyncio.Event = field(default_factory=asyncio.Event)
    _failure: str = ""
    _since: float = 0
    _attempts: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self.wake.clear()
            try:
                pause = await self.once()
            except Exception as error:
                await until(stop, self._failed(error))
                continue
            self._well()
            await either(stop, self.wake, pause)

    def _well(self) -> None:
        if self._failure:
            log.info(f"{self.name}.goes_on", after=self._failure, seconds=round(time.monotonic() - self._since, 1))
            self._failure, self._attempts = "", 0
        self.running.set()

    def _failed(self, error: Exception) -> float:
        """Tell a failure once for as long as it lasts; return how long to wait."""
        what = _kind(error)
        if what != self._failure:
            if what == "failed":  # ours to mend; the other jobs go on all the same
                log.error(f"{self.name}.failed", error=type(error).__name__, exc_info=error, hint="it is tried again")
            else:
                words = f"{type(error).__name__}: {errors.reason(error)}"
                log.warning(f"{self.name}.{what}_lost", error=words, hint=f"it goes on by itself when the {what} is back")
            self._since = self._since if self._failure else time.monotonic()
            self._failure = what
        self._attempts += 1
        longest = min(self.rules.longest_wait, self.rules.first_wait * 2.0 ** min(self._attempts - 1, 16))
        return longest * random.uniform(0.5, 1)


class Looped:
    """What a job whose work is one :class:`Loop` has in common with the others: ``loop`` is its own."""

    __slots__ = ()
    loop: Loop

    @property
    def running(self) -> asyncio.Event:
        return self.loop.running

    @property
    def wake(self) -> asyncio.Event:
        return self.loop.wake


_PASSING = ("40001", "40P01", "55P03", "57014")
"""PostgreSQL: serialization failure, deadlock, lock not available, statement cancelled."""


async def is_outage(database: Database, error: BaseException) -> bool:
    """Whether work failed because the database is away or busy, not for what was to be done: then the same work is good
    later. A wrong statement looks the same as an outage to the driver, so the database is asked."""
    if isinstance(error, redis.exceptions.RedisError):
        return True
    if not isinstance(error, OUTAGES) or errors.is_about_the_data(error):
        return False
    raw = getattr(error, "orig", None)
    if getattr(raw, "sqlstate", None) in _PASSING or "database is locked" in str(raw):
        return True
    try:
        async with database.read() as session:
            await session.execute(text("SELECT 1"))
    except OUTAGES:
        return True
    return False


def _kind(error: Exception) -> str:
    if isinstance(error, redis.exceptions.RedisError):
        return "redis"
    if isinstance(error, OUTAGES) and not errors.is_about_the_data(error):
        return "database"
    return "failed"
