"""Runs due timers: each run once, in one transaction with what its handler does, whoever crashes and however many workers run.

A worker claims due timers under a lease, runs each handler, and in the handler's own transaction marks the timer as done, or
advances it. That mark is the guard: it fails if the lease has gone to another meanwhile or somebody has moved the timer, and then
everything that the handler wrote is rolled back. The mark comes last, so that rows are locked in the order of everybody else
(first the case, then its timers).

In one process, timers of one subject run one after the other in the order of their times; others run side by side.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router import job
from router.storage import errors
from router.storage.base import moment, table_of
from router.storage.engine import Database
from router.storage.journal import Timer
from router.timers import timers

log = structlog.get_logger()

TIMER = table_of(Timer)
BATCH = 50
LEASE_SECONDS = 90.0
"""After so long another worker takes over what a dead one has claimed."""
LONGEST_RUN = 60.0
"""A handler that takes longer is given up: it counts as failed."""
WIDTH = 4
"""Handlers at work at once in one process."""
TRIES = 8
LONGEST_WAIT = 600.0
LATE = 5.0
"""A timer that has not begun so many seconds after its time counts as late."""
KEEP_ENDED = 30 * 86400
TIDY_EVERY = 300.0
COUNT_EVERY = 15.0

RUNS = Counter("hotline_timer_runs", "Runs of timers, by what came of them", ["kind", "outcome"])
OVERDUE = Gauge("hotline_timers_late", f"Timers that should have begun more than {LATE:g} s ago")
FAILED = Gauge("hotline_timers_failed", "Timers that failed for good and a person must look at")


@dataclass(frozen=True, slots=True)
class Due:
    """A timer at its time."""

    id: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    due_at: dt.datetime
    every: float | None
    misfire: str
    grace: float
    attempts: int
    """Failed ones of this run."""


Handle = Callable[[AsyncSession, Due, dt.datetime], Awaitable[None]]
"""Does what a timer is for, in an open transaction that it must not end. What it raises undoes it; it is tried again. It may set
its own timer anew or cancel it, through :mod:`router.timers.timers`; else the timer is done, or comes again by its ``every``."""


@dataclass(slots=True)
class Handlers:
    """Who does what, by kind."""

    _known: dict[str, Handle] = field(default_factory=dict)

    def register(self, kind: str, handle: Handle) -> None:
        """Raise ValueError if the kind has a handler."""
        if kind in self._known:
            raise ValueError(f"timers of kind {kind!r} have a handler")
        self._known[kind] = handle

    def register_all(self, handlers: Mapping[str, Handle]) -> None:
        for kind, handle in handlers.items():
            self.register(kind, handle)

    def kinds(self) -> list[str]:
        return sorted(self._known)

    def __getitem__(self, kind: str) -> Handle:
        return self._known[kind]


@dataclass(slots=True)
class Runner(job.Looped):
    """The job. Timers of kinds that have no handler here wait for a process that has."""

    database: Database
    owner: str
    handlers: Handlers
    rules: job.Rules = field(default_factory=job.Rules)
    clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
    then: Sequence[asyncio.Event] = ()
    """Set after a run: it may have written news, or what other jobs wait for."""
    tries: int = TRIES
    width: int = WIDTH
    lease_seconds: float = LEASE_SECONDS
    longest_run: float = LONGEST_RUN
    name: str = "timers"
    runs: int = 0
    loop: job.Loop = field(init=False)
    _turn: asyncio.Semaphore = field(init=False)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _subjects: set[str] = field(default_factory=set)
    _outage: Exception | None = None
    _owed: list[Due] = field(default_factory=list)
    """Claimed and not run; given back at the next look."""
    _tidy_at: float = 0
    _count_at: float = 0

    def __post_init__(self) -> None:
        self.loop = job.Loop(self.name, self.once, self.rules)
        # On SQLite one writes at a time anyway, and those who wait for their turn there may give up.
        self._turn = asyncio.Semaphore(1 if self.database.engine.dialect.name == "sqlite" else self.width)

    async def run(self, stop: asyncio.Event) -> None:
        self._stop = stop
        try:
            await self.loop.run(stop)
            if self._tasks:
                await asyncio.wait(self._tasks)  # each ends the handler at hand
            if self._owed:
                with contextlib.suppress(*job.OUTAGES):  # then the leases run out by themselves
                    await self._give_back()
        finally:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def once(self) -> float:
        """Begin what is due; return the seconds until the next look, at most the poll's."""
        if self._outage is not None:
            outage, self._outage = self._outage, None
            raise outage
        if self._owed:
            await self._give_back()
        now = self.clock()
        for subject, found in _by_subject(await self._claim(now)):
            self._subjects.add(subject)
            task = asyncio.create_task(self._work(subject, found))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await self._tidy(now)
        return await self._pause(now)

    async def drained(self) -> None:
        """Wait until nothing is at work."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    # --- claiming

    async def _claim(self, now: float) -> list[Due]:
        places = self.width - len(self._tasks)
        if places <= 0:
            return []
        at = moment(now)
        busy = [one for one in self._subjects if one and not one.startswith("\0")]
        query = select(TIMER).where(self._due(at), TIMER.c.subject_id.not_in(busy))
        query = query.order_by(TIMER.c.due_at, TIMER.c.id).limit(BATCH)
        async with self.database.read() as session:  # looking costs no write
            if (await session.execute(query.limit(1))).first() is None:
                return []
        async with self.database.write() as session:
            rows = (await session.execute(query.with_for_update(skip_locked=True))).all()
            mine = _whole_subjects(rows, places)
            taken = update(TIMER).where(TIMER.c.id.in_([row.id for row in mine]))
            until = at + dt.timedelta(seconds=self.lease_seconds)
            await session.execute(taken.values(lease_owner=self.owner, lease_until=until))
        return [due(row) for row in mine]

    def _due(self, at: dt.datetime) -> ColumnElement[bool]:
        nobodys = or_(TIMER.c.lease_until.is_(None), TIMER.c.lease_until <= at)
        known = TIMER.c.kind.in_(self.handlers.kinds())
        return and_(TIMER.c.state == "pending", TIMER.c.due_at <= at, nobodys, known)

    async def _pause(self, now: float) -> float:
        if len(self._tasks) >= self.width:
            return self.rules.poll  # whoever ends wakes us
        query = select(func.min(TIMER.c.due_at)).where(TIMER.c.state == "pending", TIMER.c.due_at > moment(now))
        async with self.database.read() as session:
            soon = (await session.execute(query)).scalar()
        return self.rules.poll if soon is None else min(self.rules.poll, max(0.001, soon.timestamp() - self.clock()))

    # --- running

    async def _work(self, subject: str, found: list[Due]) -> None:
        safe_until = self.clock() + self.lease_seconds - self.longest_run
        try:
            while found:
                async with self._turn:
                    if self._stop.is_set() or self._outage is not None or self.clock() > safe_until:
                        break
                    await self._run(found[0])
                    found.pop(0)
        except Exception as error:
            self._outage = error
        finally:
            self._owed += found
            self._subjects.discard(subject)
            self.wake.set()

    async def _run(self, one: Due) -> None:
        now = moment(self.clock())
        if one.misfire == "skip" and (now - one.due_at).total_seconds() > one.grace:
            log.warning("timers.skipped", timer=one.id, kind=one.kind, late=round((now - one.due_at).total_seconds(), 1))
            return await self._end(one, now, "skipped", handle=None)
        return await self._end(one, now, "done", handle=self.handlers[one.kind])

    async def _end(self, one: Due, now: dt.datetime, outcome: str, handle: Handle | None) -> None:
        running = timers.Running(one.id, self.owner)
        try:
            async with asyncio.timeout(self.longest_run), self.database.write() as session:
                session.info[timers.RUNNING] = running
                if handle is not None:
                    await handle(session, one, now)
                await session.flush()  # what it changed is locked before the timer, as everybody does
                if not running.settled:
                    await timers.settle(session, running, after(one, now, outcome))
        except timers.LeaseLost:
            outcome = "lost"
            await self._lost(one)
        except Exception as error:
            if await job.is_outage(self.database, error):
                raise
            await self._fail(one, error)
            outcome = "error"
        self.runs += 1
        RUNS.labels(one.kind, outcome).inc()
        for each in self.then:
            each.set()

    async def _lost(self, one: Due) -> None:
        """What the handler did is rolled back. Usually somebody has moved, cancelled or run the timer meanwhile."""
        async with self.database.read() as session:
            still = (await session.execute(select(TIMER).where(self._mine(one), TIMER.c.due_at == one.due_at))).first()
        if still is None:
            log.info("timers.taken_over", timer=one.id, kind=one.kind, hint="moved, cancelled or run by another worker")
            return
        await self._fail(one, RuntimeError("the handler has changed the row of its own timer: use router.timers.timers"))

    def _mine(self, one: Due) -> ColumnElement[bool]:
        return and_(TIMER.c.id == one.id, TIMER.c.lease_owner == self.owner, TIMER.c.state == "pending")

    async def _fail(self, one: Due, error: Exception) -> None:
        now = moment(self.clock())
        words = f"{type(error).__name__}: {errors.reason(error)}"[:1000].replace("\0", "")
        attempts = one.attempts + 1
        facts = {"timer": one.id, "kind": one.kind, "subject": one.subject, "attempts": attempts}
        if attempts < self.tries:
            wait = backoff(attempts, self.chance())
            log.warning("timers.handler_failed", **facts, again_in=round(wait, 1), exc_info=error)
            values: dict[str, Any] = {"attempts": attempts, "lease_owner": None, "lease_until": now + dt.timedelta(seconds=wait)}
        elif one.every is None:
            log.error("timers.failed", **facts, exc_info=error, hint="it is kept as failed: see what is wrong, then set it anew")
            values = {"attempts": attempts, "state": "failed", "ended_at": now, "lease_owner": None, "lease_until": None}
        else:
            log.error("timers.run_given_up", **facts, exc_info=error, hint="it goes on with its next time")
            values = after(one, now, "done")
        async with self.database.write() as session:
            await session.execute(update(TIMER).where(self._mine(one)).values({**values, "last_error": words}))

    async def _give_back(self) -> None:
        """Leases of what was claimed and not run, so that nobody need wait for their end."""
        owed, self._owed = self._owed, []
        mine = and_(TIMER.c.id.in_([one.id for one in owed]), TIMER.c.lease_owner == self.owner, TIMER.c.state == "pending")
        try:
            async with self.database.write() as session:
                await session.execute(update(TIMER).where(mine).values(lease_owner=None, lease_until=None))
        except job.OUTAGES:
            self._owed += owed
            raise

    # --- now and then

    async def _tidy(self, now: float) -> None:
        if now >= self._count_at:
            self._count_at = now + COUNT_EVERY
            late = and_(TIMER.c.state == "pending", TIMER.c.due_at < moment(now - LATE))
            async with self.database.read() as session:
                OVERDUE.set((await session.execute(select(func.count()).select_from(TIMER).where(late))).scalar_one())
                failed = select(func.count()).select_from(TIMER).where(TIMER.c.state == "failed")
                FAILED.set((await session.execute(failed)).scalar_one())
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY_EVERY
            ended = TIMER.c.state.in_(("done", "skipped", "cancelled"))
            old = and_(ended, TIMER.c.due_at < moment(now - KEEP_ENDED), TIMER.c.ended_at < moment(now - KEEP_ENDED))
            async with self.database.read() as session:
                ids = (await session.execute(select(TIMER.c.id).where(old).limit(1000))).scalars().all()
            if ids:
                async with self.database.write() as session:
                    await session.execute(delete(TIMER).where(TIMER.c.id.in_(ids), old))


def due(row: Any) -> Due:
    return Due(
        id=row.id,
        kind=row.kind,
        subject=row.subject_id,
        payload=row.payload,
        due_at=row.due_at,
        every=row.every,
        misfire=row.misfire,
        grace=row.grace,
        attempts=row.attempts,
    )


def _key(row_subject: str, timer: str) -> str:
    """Timers of no subject are each for themselves."""
    return row_subject or f"\0{timer}"


def _whole_subjects(rows: Any, places: int) -> list[Any]:
    """The first rows, of at most so many subjects."""
    subjects: set[str] = set()
    mine = []
    for row in rows:
        key = _key(row.subject_id, row.id)
        if key not in subjects and len(subjects) == places:
            continue
        subjects.add(key)
        mine.append(row)
    return mine


def _by_subject(found: list[Due]) -> list[tuple[str, list[Due]]]:
    groups: dict[str, list[Due]] = {}
    for one in found:
        groups.setdefault(_key(one.subject, one.id), []).append(one)
    return list(groups.items())


def after(one: Due, now: dt.datetime, outcome: str) -> dict[str, Any]:
    """What a timer becomes after a run."""
    free = {"attempts": 0, "lease_owner": None, "lease_until": None, "last_error": None}
    if one.every is None:
        return {**free, "state": outcome, "ended_at": now}
    return {**free, "due_at": next_time(one.due_at, one.every, now)}


def next_time(due_at: dt.datetime, every: float, now: dt.datetime) -> dt.datetime:
    """The next of the times ``due_at + n · every`` after ``now``: no drift, and what was missed is not made up for."""
    missed = math.floor((now - due_at).total_seconds() / every)
    return due_at + dt.timedelta(seconds=every * max(1, missed + 1))


def backoff(attempts: int, chance: float) -> float:
    """Seconds until a run that failed ``attempts`` times is tried again; ``chance`` is between 0 and 1."""
    return min(LONGEST_WAIT, 2.0 ** min(attempts, 20)) * (0.5 + chance / 2)
