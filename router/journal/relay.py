"""Publishes the outbox: each event once into the stream of news, and as deliveries to whoever subscribed.

One process relays at a time, under a lease. It reads what is not published, adds it to the stream (a script that knows events it
has seen, so that a crash before the next step doubles nothing), and then in one transaction marks it as published and writes the
deliveries. No transaction is open while Redis is asked.

Events of one case keep their order: whoever changes a case holds its chain's lock, so serials of one case are committed in order.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import Counter, Gauge
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router import job
from router.journal import lease, news, routes
from router.journal.news import Item
from router.storage.base import moment, table_of
from router.storage.engine import Database
from router.storage.journal import Delivery, Outbox

log = structlog.get_logger()

OUTBOX, DELIVERY = table_of(Outbox), table_of(Delivery)
LEASE = "relay"
BATCH = 200
KEEP_PUBLISHED = 7 * 86400
"""Seconds that published rows stay, so that a receiver can be sent them again."""
KEEP_DELIVERED = 30 * 86400
TIDY_EVERY = 60.0
TIDY_BATCH = 2000
"""Rows deleted in one transaction."""

PUBLISHED = Counter("hotline_outbox_published", "Events put into the stream of news")
LAG = Gauge("hotline_outbox_lag_seconds", "Age of the oldest event that is not published yet")
STUCK = Gauge("hotline_outbox_stuck", "Events for which a route fails")


def script(client: Redis) -> AsyncScript:
    text = (Path(__file__).parent / "publish.lua").read_text(encoding="utf-8")
    registered: AsyncScript = client.register_script(text)
    return registered


@dataclass(slots=True)
class Relay(job.Looped):
    """The job. ``then`` is set when deliveries were written."""

    redis: Redis
    database: Database
    owner: str
    routes: Sequence[routes.Route] = (routes.to_webhooks,)
    rules: job.Rules = field(default_factory=job.Rules)
    clock: Callable[[], float] = time.time
    then: asyncio.Event = field(default_factory=asyncio.Event)
    name: str = LEASE
    seconds: float = lease.SECONDS
    published: int = 0
    loop: job.Loop = field(init=False)
    _lease: lease.Holder = field(init=False)
    _script: AsyncScript = field(init=False)
    _tidy_at: float = 0
    _stuck: dict[int, float] = field(default_factory=dict)
    """Serials of events for which a route failed, and when they are tried again."""

    def __post_init__(self) -> None:
        self.loop = job.Loop(self.name, self.once, self.rules)
        self._lease = lease.Holder(self.database, LEASE, self.owner, seconds=self.seconds, clock=self.clock)
        self._script = script(self.redis)

    async def run(self, stop: asyncio.Event) -> None:
        await self.loop.run(stop)
        try:
            await self._lease.give_back()
        except job.OUTAGES:
            pass  # it runs out by itself

    async def once(self) -> float:
        """Publish what there is; return the seconds until the next look."""
        while items := await self._unpublished():
            LAG.set(max(0.0, self.clock() - items[0].at.timestamp()))
            was_sure = self._lease.sure
            if not await self._lease.take():
                return self.rules.poll
            if was_sure or (items := await self._unpublished()):
                try:
                    await self._publish(items)
                except lease.Lost:
                    return self.rules.poll
            if len(items) < BATCH:
                break
        LAG.set(0)
        await self._tidy()
        return self.rules.poll

    async def _unpublished(self) -> list[Item]:
        now = self.clock()
        resting = [serial for serial, again in self._stuck.items() if again > now]
        query = select(OUTBOX).where(OUTBOX.c.published_at.is_(None), OUTBOX.c.serial.not_in(resting))
        async with self.database.read() as session:
            rows = (await session.execute(query.order_by(OUTBOX.c.serial).limit(BATCH))).all()
        return [item(row) for row in rows]

    async def _publish(self, items: Sequence[Item]) -> None:
        added = await self._add(items)
        PUBLISHED.inc(added)
        self.published += added
        try:
            await self._mark(items)
        except Exception as error:
            if isinstance(error, lease.Lost) or await job.is_outage(self.database, error):
                raise
            await self._mark_one_by_one(items)

    async def _add(self, items: Sequence[Item]) -> int:
        """To the stream what it has not got; return how many."""
        encoded = [news.encode(one) for one in items]
        names = list(encoded[0])
        values = [fields[name] for fields in encoded for name in names]
        keys = [news.STREAM, *(f"{news.SEEN}{one.id}" for one in items)]
        return int(await self._script(keys=keys, args=[news.SEEN_SECONDS, len(names), *names, *values]))

    async def _mark(self, items: Sequence[Item]) -> None:
        now = moment(self.clock())
        async with self.database.write() as session:
            written = await self._deliver(session, items, now)
            serials = [one.serial for one in items]
            mark = update(OUTBOX).where(OUTBOX.c.serial.in_(serials), OUTBOX.c.published_at.is_(None))
            await session.execute(mark.values(published_at=now))
            await self._lease.keep(session)
        for serial in serials:
            self._stuck.pop(serial, None)
        STUCK.set(len(self._stuck))
        if written:
            self.then.set()

    async def _deliver(self, session: AsyncSession, items: Sequence[Item], now: dt.datetime) -> int:
        written = 0
        for route in self.routes:
            written += await routes.write(session, await route(session, items), now)
        return written

    async def _mark_one_by_one(self, items: Sequence[Item]) -> None:
        """Some route failed: find the event that it fails for. It rests, and later ones go on."""
        for one in items:
            try:
                await self._mark([one])
            except Exception as error:
                if isinstance(error, lease.Lost) or await job.is_outage(self.database, error):
                    raise
                if one.serial not in self._stuck:
                    hint = "the event is in the stream; its deliveries are tried again every minute"
                    log.error("relay.route_failed", event_id=one.id, topic=one.topic, exc_info=error, hint=hint)
                self._stuck[one.serial] = self.clock() + 60
        STUCK.set(len(self._stuck))

    async def _tidy(self) -> None:
        """Now and then: drop old entries of the stream, old published rows and old deliveries."""
        now = self.clock()
        if now < self._tidy_at or not await self._lease.take():
            return
        self._tidy_at = now + TIDY_EVERY
        seconds, _ = await self.redis.time()
        await self.redis.xtrim(news.STREAM, minid=f"{int((seconds - news.KEEP_SECONDS) * 1000)}-0", approximate=True)
        await self._drop(OUTBOX, OUTBOX.c.serial, OUTBOX.c.published_at, now - KEEP_PUBLISHED)
        await self._drop(DELIVERY, DELIVERY.c.id, DELIVERY.c.done_at, now - KEEP_DELIVERED)

    async def _drop(self, table: Any, key: Any, at: Any, before: float) -> None:
        while True:
            old = select(key).where(at < moment(before)).limit(TIDY_BATCH)
            async with self.database.read() as session:
                keys = (await session.execute(old)).scalars().all()
            if keys:
                async with self.database.write() as session:
                    await session.execute(delete(table).where(key.in_(keys)))
            if len(keys) < TIDY_BATCH:
                return


def item(row: Any) -> Item:
    """A row of the outbox as it is published."""
    return Item(id=row.id, serial=row.serial, at=row.at, topic=row.topic, case=row.case_id, audience=row.audience, body=row.body)
