"""Takes deliveries to their receivers: claimed under a lease, each tried until it is taken, none lost.

A delivery is a row, so attempts outlive every crash, and what is tried again is a row that waits; a retry library serves only to
note what came of an attempt. One that fails waits longer each time, up to an hour. A receiver that takes nothing (no connection,
no answer, 502–504, 429) rests as a whole, a minute at most, and one delivery tries it again; when it takes that, all that failed
for the same reason go at once. Receivers don't wait for each other. About one case, the earlier event goes first. What was
refused is tried every few hours, and shown to a person.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import stamina
import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router import job
from router.journal.sending import TIMEOUT, Outcome, Sender, Sending
from router.storage.base import moment, table_of
from router.storage.engine import Database
from router.storage.journal import Delivery

log = structlog.get_logger()

DELIVERY = table_of(Delivery)
LEASE_SECONDS = 3 * TIMEOUT
"""A delivery that a dead process was sending is taken over after so long."""
LONGEST_WAIT = 3600.0
REFUSED_WAIT = 6 * 3600.0
LONGEST_REST = 60.0
HELD_REST = 15.0
COUNT_EVERY = 15.0
_PASSING = (429, 502, 503, 504)

SENT = Counter("hotline_deliveries_sent", "Attempts to deliver, by what came of them", ["kind", "verdict"])
PENDING = Gauge("hotline_deliveries_pending", "Deliveries that wait to be taken")
REFUSED = Gauge("hotline_deliveries_refused", "Deliveries that a receiver refused and a person must look at")
OLDEST = Gauge("hotline_deliveries_oldest_seconds", "Age of the oldest delivery that waits")


@dataclass(slots=True)
class _Receiver:
    """What this process knows of a receiver."""

    busy: int = 0
    failures: int = 0
    """In a row, of the receiver as a whole."""
    rests_until: float = 0


@dataclass(slots=True)
class Deliverer(job.Looped):
    """The job. ``senders`` by kind; what has no sender here waits for a process that has."""

    database: Database
    owner: str
    senders: Mapping[str, Sender]
    rules: job.Rules = field(default_factory=job.Rules)
    clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
    name: str = "deliver"
    loop: job.Loop = field(init=False)
    _receivers: dict[str, _Receiver] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _count_at: float = 0

    def __post_init__(self) -> None:
        self.loop = job.Loop(self.name, self.once, self.rules)

    async def run(self, stop: asyncio.Event) -> None:
        try:
            await self.loop.run(stop)
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=TIMEOUT)
        finally:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for sender in self.senders.values():
                await sender.close()

    async def once(self) -> float:
        """Start sending what is due; return the seconds until the next look."""
        now = self.clock()
        async with self.database.read() as session:
            waiting = await due_receivers(session, moment(now))
        for receiver, kind in waiting:
            known = self._receivers.setdefault(receiver, _Receiver())
            sender = self.senders.get(kind)
            if sender is None or known.rests_until > now:
                continue
            width = 1 if known.failures else sender.width
            for one in await self._claim(receiver, sender, width - known.busy, now):
                known.busy += 1
                task = asyncio.create_task(self._send(sender, one, known))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        self._forget({receiver for receiver, _ in waiting})
        await self._count(now)
        return self.rules.poll

    def _forget(self, waiting: set[str]) -> None:
        for receiver in [name for name, one in self._receivers.items() if name not in waiting and not one.busy]:
            if not self._receivers[receiver].failures:
                del self._receivers[receiver]

    # --- claiming

    async def _claim(self, receiver: str, sender: Sender, places: int, now: float) -> list[Sending]:
        if places <= 0:
            return []
        at = moment(now)
        query = select(DELIVERY).where(_free(at), DELIVERY.c.receiver == receiver, ~_earlier(strict=sender.strict))
        query = query.order_by(DELIVERY.c.next_at, DELIVERY.c.order).limit(places)
        async with self.database.read() as session:  # looking costs no write
            if (await session.execute(query)).first() is None:
                return []
        async with self.database.write() as session:
            rows = (await session.execute(query.with_for_update(skip_locked=True))).all()
            taken = update(DELIVERY).where(DELIVERY.c.id.in_([row.id for row in rows]))
            until = at + dt.timedelta(seconds=LEASE_SECONDS)
            await session.execute(taken.values(lease_owner=self.owner, lease_until=until))
        return [
            Sending(
                id=row.id,
                kind=row.kind,
                receiver=row.receiver,
                topic=row.topic,
                case=row.case_id,
                order=row.order,
                body=row.body,
                attempts=row.attempts,
            )
            for row in rows
        ]

    # --- sending

    async def _send(self, sender: Sender, one: Sending, known: _Receiver) -> None:
        try:
            outcome = await self._try(sender, one)
            SENT.labels(one.kind, outcome.verdict).inc()
            now = self.clock()
            was_away = self._mark(known, one, outcome, now)
            async for attempt in stamina.retry_context(on=job.OUTAGES, attempts=10, timeout=LEASE_SECONDS / 3):
                with attempt:
                    await self._settle(one, self._after(one, outcome, now), now, wake_others=was_away)
        except job.OUTAGES as error:
            # The lease ends by itself, and the delivery is tried again: taken twice rather than not at all.
            log.warning("deliver.not_noted", delivery=one.id, receiver=one.receiver, error=type(error).__name__)
        finally:
            known.busy -= 1
            self.wake.set()

    async def _try(self, sender: Sender, one: Sending) -> Outcome:
        try:
            return await sender.send(one)
        except job.OUTAGES:
            raise
        except Exception as error:
            log.error("deliver.sender_failed", kind=one.kind, receiver=one.receiver, delivery=one.id, exc_info=error)
            return Outcome("later", error=f"{type(error).__name__}: {error}"[:500])

    async def _settle(self, one: Sending, values: Mapping[str, Any], now: float, *, wake_others: bool) -> None:
        mine = and_(DELIVERY.c.id == one.id, DELIVERY.c.lease_owner == self.owner, DELIVERY.c.done_at.is_(None))
        async with self.database.write() as session:
            await session.execute(update(DELIVERY).where(mine).values(lease_owner=None, lease_until=None, **values))
            if wake_others:
                await session.execute(_those_that_found_nobody(one.receiver).values(next_at=moment(now)))

    def _after(self, one: Sending, outcome: Outcome, now: float) -> dict[str, Any]:
        """What changes in the row."""
        at = moment(now)
        told = {"last_status": outcome.status, "last_error": outcome.error or None}
        if outcome.verdict in ("taken", "gone"):
            return {**told, "done_at": at, "refused": False, "attempts": one.attempts + (outcome.verdict == "taken")}
        if outcome.verdict == "held":
            return {"next_at": at + dt.timedelta(seconds=HELD_REST), "last_error": outcome.error or None}
        refused = outcome.verdict == "refused"
        wait = backoff(one.attempts, self.chance(), asked=outcome.wait, refused=refused)
        return {**told, "refused": refused, "attempts": one.attempts + 1, "next_at": at + dt.timedelta(seconds=wait)}

    def _mark(self, known: _Receiver, one: Sending, outcome: Outcome, now: float) -> bool:
        """Remember how the receiver is; true: it was away and takes again."""
        if outcome.verdict == "away":
            if not known.failures:
                words = outcome.error or f"HTTP {outcome.status}"
                log.warning("deliver.receiver_away", kind=one.kind, receiver=one.receiver, error=words)
            known.failures += 1
            known.rests_until = now + rest(known.failures, self.chance(), asked=outcome.wait)
            return False
        if outcome.verdict == "held":
            known.rests_until = now + HELD_REST
            return False
        was_away, known.failures = known.failures > 0, 0
        if was_away:
            log.info("deliver.receiver_back", kind=one.kind, receiver=one.receiver)
        if outcome.verdict == "refused":
            log.error("deliver.refused", kind=one.kind, receiver=one.receiver, delivery=one.id, status=outcome.status)
        return was_away

    async def _count(self, now: float) -> None:
        if now < self._count_at:
            return
        self._count_at = now + COUNT_EVERY
        waiting = DELIVERY.c.done_at.is_(None)
        query = select(func.count(), func.min(DELIVERY.c.created_at)).where(waiting)
        async with self.database.read() as session:
            count, oldest = (await session.execute(query)).one()
            refused = (await session.execute(select(func.count()).where(waiting, DELIVERY.c.refused))).scalar_one()
        PENDING.set(count)
        REFUSED.set(refused)
        OLDEST.set(max(0.0, now - oldest.timestamp()) if oldest else 0)


async def due_receivers(session: AsyncSession, now: dt.datetime) -> list[tuple[str, str]]:
    """Receivers (with their kind) for which something is due, found by a step per receiver and not per delivery."""
    found: list[tuple[str, str]] = []
    last = ""
    waiting = DELIVERY.c.done_at.is_(None)
    while True:
        query = select(func.min(DELIVERY.c.receiver)).where(waiting, DELIVERY.c.receiver > last)
        last = (await session.execute(query)).scalar()
        if last is None:
            return found
        due = select(DELIVERY.c.kind).where(waiting, DELIVERY.c.receiver == last, DELIVERY.c.next_at <= now).limit(1)
        kind = (await session.execute(due)).scalar()
        if kind is not None:
            found.append((last, kind))


def _free(now: dt.datetime) -> ColumnElement[bool]:
    nobodys = or_(DELIVERY.c.lease_until.is_(None), DELIVERY.c.lease_until < now)
    return and_(DELIVERY.c.done_at.is_(None), DELIVERY.c.next_at <= now, nobodys)


def _earlier(*, strict: bool) -> ColumnElement[bool]:
    """Whether something earlier about the same case has yet to be taken by the same receiver."""
    other = DELIVERY.alias()
    before = and_(
        other.c.receiver == DELIVERY.c.receiver,
        other.c.case_id == DELIVERY.c.case_id,
        other.c.order < DELIVERY.c.order,
        other.c.done_at.is_(None),
    )
    return exists().where(before if strict else and_(before, other.c.refused.is_(False)))


def _those_that_found_nobody(receiver: str) -> Any:
    passing = or_(DELIVERY.c.last_status.is_(None), DELIVERY.c.last_status.in_(_PASSING))
    return update(DELIVERY).where(DELIVERY.c.receiver == receiver, DELIVERY.c.done_at.is_(None), DELIVERY.c.attempts > 0, passing)


def backoff(attempts: int, chance: float, *, asked: float | None = None, refused: bool = False) -> float:
    """Seconds until a delivery that failed ``attempts`` times before is tried again; ``chance`` is between 0 and 1."""
    if refused:
        return REFUSED_WAIT * (0.5 + chance / 2)
    wait = min(LONGEST_WAIT, 2.0 ** min(attempts, 20)) * (0.5 + chance / 2)
    return max(wait, min(asked or 0, LONGEST_WAIT))


def rest(failures: int, chance: float, *, asked: float | None = None) -> float:
    """Seconds that a receiver is left alone after so many failures in a row."""
    wait = min(LONGEST_REST, 0.5 * 2.0 ** min(failures, 10)) * (0.5 + chance / 2)
    return max(wait, min(asked or 0, LONGEST_WAIT))
