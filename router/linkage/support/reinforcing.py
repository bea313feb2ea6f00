"""Watches the queues, proposes seats from elsewhere where one is too long, and tells the call core which seats help.

The queues are looked at by one process at a time, under a lease. The call core is always told what the decisions say at that
moment: a word that comes late, twice, or after its opposite never leaves a seat where it should not be.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from redis.asyncio import Redis
from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from router import calls_now, job
from router.access.actor import system
from router.calls_client import CallCoreError, CallsClient
from router.casework.work import Town, Work
from router.journal import lease
from router.journal.routes import Parcel
from router.journal.sending import Outcome, Sending
from router.linkage.support import reinforcements
from router.linkage.support.reinforcements import Figures, Floor
from router.storage import call_records
from router.storage.base import moment
from router.storage.call_records import CALL, SeatNow
from router.storage.engine import Database
from telephony import contract

if TYPE_CHECKING:
    from router.jobs import Parts
    from router.journal.news import Item
    from router.journal.sending import Sender

log = structlog.get_logger()

KIND = "seat-help"
"""Kind of the deliveries that tell the call core."""
WATCH = "linkage.queues"
EVERY = 30.0
"""Seconds between two looks at the queues."""
BACK = dt.timedelta(minutes=15)
"""Time over which abandoned calls are counted."""
LONGEST_CALL = dt.timedelta(hours=1)
"""Callers who have waited longer when they hang up are not counted: so the table is read from a near time on."""
LEAST_CALLS = 10
"""Of fewer calls a share says nothing: one who hangs up at night is no emergency."""
ANSWER = 10.0
"""Seconds for the call core to do a command."""


# --- measuring


async def measure(session: AsyncSession, floor: Floor, live: Sequence[contract.LiveCall], now: dt.datetime) -> dict[str, Figures]:
    """How the queue of each centre is."""
    going = await calls_now.still_going(session, live)
    known = await call_records.seats_now(session, list(floor.seats))
    shares = await abandoned(session, now)
    return {centre: _figures(floor, centre, going, known, shares.get(centre, 0.0), now) for centre in floor.centres}


def _figures(
    floor: Floor,
    centre: str,
    live: Sequence[contract.LiveCall],
    known: Mapping[str, SeatNow],
    share: float,
    now: dt.datetime,
) -> Figures:
    since = [at for one in live for at in _waits(one, centre)]
    mine = [known.get(one.id) for one in floor.seats.values() if one.centre == centre and one.role in reinforcements.ANSWERING]
    free = sum(1 for one in mine if one is not None and one.status == "available" and one.state == "idle")
    longest = max(0.0, round(now.timestamp() - min(since), 1)) if since else 0.0
    return Figures(len(since), longest, share, free)


def _waits(one: contract.LiveCall, centre: str) -> list[float]:
    """Since when a call waits for somebody of a centre: as a caller, or to be handed over."""
    facts = one.call
    here = facts.answered_at is None and facts.ended_at is None and (facts.overflowed_to or facts.centre) == centre
    found = [facts.queued_at] if here and facts.queued_at is not None else []
    for each in one.transfers:
        asks = each.answered_at is None and each.ended_at is None and not each.target.startswith(("seat:", "line:"))
        if asks and each.to_centre == centre:
            found.append(each.started_at)
    return found


async def abandoned(session: AsyncSession, now: dt.datetime) -> dict[str, float]:
    """Share of a centre's callers of the last 15 minutes who hung up before anybody answered; by centre, from 0 to 1."""
    centre = func.coalesce(func.nullif(CALL.c.overflowed_to, ""), CALL.c.centre)
    settled = func.coalesce(CALL.c.answered_at, CALL.c.ended_at)
    gone = call_records.is_abandoned()
    query = (
        select(centre.label("centre"), func.count().label("calls"), func.sum(case((gone, 1), else_=0)).label("gone"))
        .where(
            CALL.c.started_at > now - BACK - LONGEST_CALL,
            CALL.c.started_at <= now,
            CALL.c.queued_at.is_not(None),
            settled > now - BACK,
            gone | CALL.c.answered_at.is_not(None),
        )
        .group_by(centre)
    )
    return {row.centre: row.gone / row.calls for row in await session.execute(query) if row.calls >= LEAST_CALLS}


@dataclass(slots=True)
class Watcher(job.Looped):
    """The job that looks at the queues."""

    redis: Redis
    database: Database
    owner: str
    town: Town
    floor: Floor
    rules: job.Rules = field(default_factory=job.Rules)
    clock: Callable[[], float] = time.time
    name: str = "queues"
    loop: job.Loop = field(init=False)
    _lease: lease.Holder = field(init=False)
    _next: float = 0

    def __post_init__(self) -> None:
        self.loop = job.Loop(self.name, self.once, self.rules)
        self._lease = lease.Holder(self.database, WATCH, self.owner, seconds=2 * EVERY, clock=self.clock)

    async def run(self, stop: asyncio.Event) -> None:
        await self.loop.run(stop)
        try:
            await self._lease.give_back()
        except job.OUTAGES:
            pass  # it ends by itself

    async def once(self) -> float:
        """Look at the queues if it is time, and propose; return the seconds until the next look."""
        now = self.clock()
        if now < self._next:
            return self._next - now
        if await self._lease.take():
            await self._look(moment(now))
        self._next = now + EVERY
        return EVERY

    async def _look(self, now: dt.datetime) -> None:
        try:
            live = await CallsClient(self.redis).live_calls()
        except CallCoreError as error:
            log.warning("linkage.queues_not_seen", error=error.code, hint="nothing is proposed until they are")
            return
        async with self.database.read() as session:
            found = await measure(session, self.floor, live, now)
            short = {
                centre: (one, reasons)
                for centre, one in found.items()
                if (reasons := _reasons(one, self.floor)) and not await reinforcements.in_peace(session, centre, now)
            }
        for centre, (one, reasons) in short.items():
            async with self.database.write() as session:
                await reinforcements.suggest(Work(session, system("linkage"), now, self.town), centre, one, reasons)


def _reasons(one: Figures, floor: Floor) -> tuple[str, ...]:
    return reinforcements.needed(one.waiting, one.longest, one.abandoned_share, one.seats_free, floor.rules)


# --- telling the call core


async def route(_session: AsyncSession, items: Sequence[Item]) -> list[Parcel]:
    """The relay's route of joining and leaving. Each seat is a receiver: what is told of one goes one after the other."""
    topics = (reinforcements.JOIN, reinforcements.LEAVE)
    return [Parcel(KIND, f"{KIND}:{one.body['seat']}", one, dict(one.body)) for one in items if one.topic in topics]


@dataclass(slots=True)
class Helper:
    """Has a seat help a centre, or not, as the decisions say when it is sent; asked twice it does nothing twice."""

    redis: Redis
    database: Database
    town: Town
    clock: Callable[[], float] = time.time
    width: int = 1
    strict: bool = False

    async def send(self, sending: Sending) -> Outcome:
        seat, centre = str(sending.body["seat"]), str(sending.body["centre"])
        before = await self._decision(seat, centre)
        try:
            done = await CallsClient(self.redis).send(_command(sending, before), within=ANSWER)
        except CallCoreError as error:
            return Outcome("away", error=error.code)
        if not done.ok:
            log.error("linkage.seat_refused", seat=seat, centre=centre, code=done.code)
            if before is not None:
                await self._tell(before[0], seat, done.code)
            return Outcome("gone", error=done.code)
        if await self._decision(seat, centre) != before:
            return Outcome("later", error="decided otherwise meanwhile")
        return Outcome("taken")

    async def _decision(self, seat: str, centre: str) -> tuple[str, str] | None:
        """The reinforcement by which the seat helps there, and its home."""
        async with self.database.read() as session:
            row = await reinforcements.active(session, seat, centre)
            return None if row is None else (row.id, row.region or "")

    async def _tell(self, reinforcement: str, seat: str, code: str) -> None:
        async with self.database.write() as session:
            work = Work(session, system("linkage"), moment(self.clock()), self.town)
            await reinforcements.not_taken(work, reinforcement, seat, code)

    async def close(self) -> None:
        """Nothing is held."""


def _command(sending: Sending, decision: tuple[str, str] | None) -> contract.JoinQueue | contract.LeaveQueue:
    seat, centre = str(sending.body["seat"]), str(sending.body["centre"])
    if decision is None:
        return contract.LeaveQueue(id=f"leave-{sending.id}", by="linkage", seat=seat, centre=centre)
    groups = tuple(str(one) for one in sending.body["groups"])
    return contract.JoinQueue(id=f"join-{sending.id}", by="linkage", seat=seat, centre=centre, groups=groups, home=decision[1])


# --- for the worker


def senders(town: Town) -> dict[str, Callable[[Parts], Sender]]:
    """By kind of delivery."""
    return {KIND: lambda parts: Helper(parts.redis, parts.database, town)}


def watcher(town: Town, floor: Floor, rules: job.Rules) -> Callable[[Parts], Watcher]:
    """Makes the job that looks at the queues."""
    return lambda parts: Watcher(parts.redis, parts.database, parts.owner, town, floor, rules)
