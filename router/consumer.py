"""Takes the call core's events from the stream into SQL: each exactly once, through outages, crashes and bad entries.

A *group* is one consumer of all events (the call records are the first); any number of workers share its work. A batch of
events, the ids of those events and whatever a handler makes of them are one SQL transaction; the stream is told afterwards.
An event that comes again (killed in between, claimed from a worker that only was slow) is known by its id.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import redis.exceptions
import structlog
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from router.journal import kick
from router.storage import errors, inbox
from router.storage.engine import Database
from telephony import contract

log = structlog.get_logger()

Handle = Callable[[AsyncSession, Sequence[contract.AnyEvent]], Awaitable[None]]
Entry = tuple[bytes, dict[bytes, bytes] | None]
Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Group:
    """One consumer of all events. ``handle`` gets events in the order of the stream, never one twice, and an open
    transaction that it must not end. What it raises about the data (ValueError and the like) makes a dead letter; an
    outage (SQLAlchemy's OperationalError, OSError) is waited out."""

    name: str
    handle: Handle
    tells: bool = False
    """Leaves news in the outbox: the relay is woken after each batch."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Times in seconds."""

    batch: int = 200
    block: float = 0.5
    """A read waits so long for something new; a stop is noticed after it."""
    gather: float = 0.1
    """After a batch that was not full, so long for others to come: a transaction costs as much for one event as for ten."""
    claim_after: float = 5
    """What a consumer has not acknowledged for so long is taken over."""
    trim_every: float = 30
    keep: float = 3600
    """Entries stay in the stream so long at least, for those who follow it without a group."""
    remember: float = 7 * 86400
    """Ids of handled events are kept so long."""
    first_wait: float = 0.1
    longest_wait: float = 5
    """Pauses between attempts in an outage grow from the first to the longest."""
    forget_consumer: float = 3600
    """An idle consumer without work is struck off after so long."""


@dataclass(slots=True)
class _Outage:
    what: str
    since: float
    attempts: int = 1


def own_name() -> str:
    """A consumer name that no other process has or will have."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


@dataclass(slots=True)
class Consumer:
    """One group's consumer in this process."""

    redis: Redis
    database: Database
    group: Group
    rules: Rules = field(default_factory=Rules)
    name: str = field(default_factory=own_name)
    clock: Callable[[], float] = time.time
    consuming: asyncio.Event = field(default_factory=asyncio.Event)
    """Set as soon as events are taken for the first time."""
    handled: int = 0
    _outage: _Outage | None = None
    _claim_at: float = 0
    _tidy_at: float = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set; the batch at hand is finished. Outages are waited out."""
        while not stop.is_set():
            try:
                await self._consume(stop)
            except (redis.exceptions.RedisError, SQLAlchemyError, errors.StorageError, OSError) as error:
                await self._wait_out(error, stop)
        await self._leave()

    async def _consume(self, stop: asyncio.Event) -> None:
        await self._ensure_group()
        unfinished = True  # our own entries from before a failure come first
        while not stop.is_set():
            entries = await self._unfinished() if unfinished else await self._next()
            if entries:
                await self._take(entries)
                if len(entries) < self.rules.batch and not unfinished:
                    await _until(stop, self.rules.gather)
            elif unfinished:
                unfinished = False
                continue
            self._well()
            await self._tidy()

    async def _ensure_group(self) -> None:
        try:
            await self.redis.xgroup_create(contract.EVENTS, self.group.name, id="0", mkstream=True)
        except redis.exceptions.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _unfinished(self) -> list[Entry]:
        return self._entries(
            await self.redis.xreadgroup(self.group.name, self.name, {contract.EVENTS: "0"}, count=self.rules.batch)
        )

    async def _next(self) -> list[Entry]:
        now = self.clock()
        if now >= self._claim_at:
            answer = await self.redis.xautoclaim(
                contract.EVENTS,
                self.group.name,
                self.name,
                min_idle_time=int(self.rules.claim_after * 1000),
                count=self.rules.batch,
            )
            if answer[1]:
                log.info("consumer.claimed", group=self.group.name, entries=len(answer[1]))
                return list(answer[1])
            self._claim_at = now + self.rules.claim_after
        return self._entries(
            await self.redis.xreadgroup(
                self.group.name,
                self.name,
                {contract.EVENTS: ">"},
                count=self.rules.batch,
                block=max(1, int(self.rules.block * 1000)),
            )
        )

    @staticmethod
    def _entries(answer: Any) -> list[Entry]:
        return list(answer[0][1]) if answer else []

    async def _take(self, entries: list[Entry]) -> None:
        events, dead = read(entries)
        try:
            await self._store(events, dead, one_by_one=False)
        except Exception as error:
            if not errors.is_about_the_data(error):
                raise
            await self._store(events, dead, one_by_one=True)
        if self.group.tells:
            await kick.kick(self.redis)
        await self.redis.xack(contract.EVENTS, self.group.name, *(entry for entry, _ in entries))
        self.handled += len(entries)

    async def _store(
        self, events: dict[str, tuple[contract.AnyEvent, Entry]], dead: list[inbox.Letter], *, one_by_one: bool
    ) -> None:
        """One transaction: what is new of ``events`` is handled and remembered, ``dead`` is kept.

        ``one_by_one`` finds the event that spoils a batch: each has a savepoint, and who fails becomes a dead letter.
        """
        letters = list(dead)
        async with self.database.write() as session:
            fresh = await inbox.remember(session, self.group.name, list(events), self.clock()) if events else set()
            new = [(event, entry) for key, (event, entry) in events.items() if key in fresh]
            if new and not one_by_one:
                await self.group.handle(session, [event for event, _ in new])
            elif one_by_one:
                for event, entry in new:
                    try:
                        async with session.begin_nested():
                            await self.group.handle(session, [event])
                    except Exception as error:
                        if not errors.is_about_the_data(error):
                            raise
                        letters.append(letter(entry, f"{type(error).__name__}: {errors.reason(error)}"))
            if letters:
                await inbox.bury(session, self.group.name, letters, self.clock())
        for one in letters:
            log.error("consumer.dead_letter", group=self.group.name, entry=one.entry, reason=one.reason)

    def _well(self) -> None:
        if self._outage:
            lasted = round(self.clock() - self._outage.since, 1)
            log.info(f"consumer.{self._outage.what}_back", group=self.group.name, seconds=lasted)
            self._outage = None
        self.consuming.set()

    async def _wait_out(self, error: Exception, stop: asyncio.Event) -> None:
        what = "redis" if isinstance(error, redis.exceptions.RedisError) else "database"
        if self._outage is None or self._outage.what != what:
            log.warning(
                f"consumer.{what}_lost",
                group=self.group.name,
                error=f"{type(error).__name__}: {errors.reason(error)}",
                hint=f"consuming goes on by itself when the {what} is back",
            )
            self._outage = _Outage(what, self._outage.since if self._outage else self.clock())
        else:
            self._outage.attempts += 1
        longest = min(self.rules.longest_wait, self.rules.first_wait * 2 ** min(self._outage.attempts - 1, 16))
        await _until(stop, longest * random.uniform(0.5, 1))

    async def _tidy(self) -> None:
        now = self.clock()
        if now < self._tidy_at:
            return
        self._tidy_at = now + self.rules.trim_every
        async with self.database.write() as session:
            await inbox.forget(session, self.group.name, now - self.rules.remember)
        removed = await trim(self.redis, self.rules.keep)
        if removed:
            log.debug("consumer.trimmed", entries=removed)
        for consumer in await self.redis.xinfo_consumers(contract.EVENTS, self.group.name):
            if consumer["pending"] == 0 and consumer["idle"] > self.rules.forget_consumer * 1000:
                await self.redis.xgroup_delconsumer(contract.EVENTS, self.group.name, consumer["name"])

    async def _leave(self) -> None:
        """Strike this consumer off, unless it leaves something unfinished that another must find."""
        try:
            for consumer in await self.redis.xinfo_consumers(contract.EVENTS, self.group.name):
                if consumer["name"] == self.name.encode() and consumer["pending"] == 0:
                    await self.redis.xgroup_delconsumer(contract.EVENTS, self.group.name, self.name)
        except (redis.exceptions.RedisError, OSError):
            pass  # the server is away: another consumer strikes us off later


async def _until(stop: asyncio.Event, seconds: float) -> None:
    """Wait, but no longer than until somebody wants us to stop."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        pass


def letter(entry: Entry, reason: str) -> inbox.Letter:
    key, fields = entry
    body = (fields or {}).get(contract.FIELD.encode())
    if body is None:
        body = msgspec.json.encode({repr(name): repr(value) for name, value in (fields or {}).items()})
    return inbox.Letter(entry=key.decode(), reason=reason, body=body)


def read(entries: Sequence[Entry]) -> tuple[dict[str, tuple[contract.AnyEvent, Entry]], list[inbox.Letter]]:
    """Decode entries: events by id (the first of equals), and letters for what can't be understood."""
    events: dict[str, tuple[contract.AnyEvent, Entry]] = {}
    dead: list[inbox.Letter] = []
    for entry in entries:
        fields = entry[1]
        if not fields:
            dead.append(letter(entry, "the entry was removed from the stream before it was handled"))
            continue
        body = fields.get(contract.FIELD.encode())
        if body is None:
            dead.append(letter(entry, f"the entry has no field {contract.FIELD!r}"))
            continue
        try:
            event = contract.decode_event(body)
            if not event.id:
                raise ValueError("the event has no id")
        except (msgspec.MsgspecError, ValueError) as error:
            dead.append(letter(entry, f"{type(error).__name__}: {error}"))
            continue
        events.setdefault(event.id, (event, entry))
    return events, dead


def position(key: bytes | str) -> Position:
    """A stream entry's id as numbers: milliseconds, and the count within them."""
    text = key.decode() if isinstance(key, bytes) else key
    milliseconds, _, count = text.partition("-")
    return int(milliseconds), int(count or 0)


async def trim(client: Redis, keep: float) -> int:
    """Drop entries of the event stream that every group has acknowledged and that are older than ``keep`` seconds; return
    how many. Nothing is dropped without groups, nor before a group that stands still."""
    groups = await client.xinfo_groups(contract.EVENTS)
    if not groups:
        return 0
    now, _ = await client.time()
    limit: Position = (int((now - keep) * 1000), 0)
    for group in groups:
        done = position(group["last-delivered-id"])
        if group["pending"]:
            oldest = (await client.xpending(contract.EVENTS, group["name"]))["min"]
            # None: acknowledged since we looked.
            done = min(done, position(oldest)) if oldest else done
        limit = min(limit, done)
    if limit <= (0, 0):
        return 0
    return int(await client.xtrim(contract.EVENTS, minid=f"{limit[0]}-{limit[1]}", approximate=False))
