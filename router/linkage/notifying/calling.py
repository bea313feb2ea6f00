"""Rings the telephones that the engine has decided to ring: pages of the call core, one at a time for each telephone.

One process rings at a time, under a lease. What is to be rung is a row; it is marked with its page before the page is asked
for, and a page has the same id however often it is asked for, so nobody is rung twice for one decision. Several matters that
wait for one telephone are told in one call. Urgent ones go first; no more pages are on their way than the call core carries at
once, and that never takes a room that 110 needs.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from prometheus_client import Counter, Gauge
from redis.asyncio import Redis
from sqlalchemy import and_, func, or_, select, update

from router import ids, job
from router.calls_client import CallCoreError, CallsClient
from router.journal import lease
from router.journal.routes import Parcel
from router.journal.sending import Outcome, Sending
from router.linkage import words
from router.linkage.notifying import attempts, engine, requests
from router.storage.base import moment, table_of
from router.storage.emergencies import EmergencyEvent
from router.storage.engine import Database
from router.storage.notifying import LinkageAttempt, LinkageRequest
from telephony import contract

log = structlog.get_logger()

ATTEMPT = table_of(LinkageAttempt)
LEASE = "linkage.calling"
STOP = "page-stop"
"""Kind of the deliveries that end pages."""
ANSWER = 10.0
"""Seconds for the call core to say that it takes a page on; then it is asked again, under the same id."""
LOST = 240.0
"""Seconds after which a page that the call core took on and never ended counts as lost."""
QUIET = 15.0
"""Seconds of peace for a telephone after a call, unless the next one is urgent."""

PAGES = Counter("hotline_linkage_pages", "Pages asked of the call core", ["outcome"])
WAITING = Gauge("hotline_linkage_calls_waiting", "Telephones that are to be rung")


@dataclass(slots=True)
class Caller(job.Looped):
    """The job."""

    redis: Redis
    database: Database
    owner: str
    width: int
    """Pages on their way at once."""
    ring: float = 30
    """Seconds that a telephone rings."""
    repeats: int = 2
    rules: job.Rules = field(default_factory=job.Rules)
    clock: Callable[[], float] = time.time
    name: str = "calling"
    loop: job.Loop = field(init=False)
    _lease: lease.Holder = field(init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.loop = job.Loop(self.name, self.once, self.rules)
        self._lease = lease.Holder(self.database, LEASE, self.owner, clock=self.clock)

    async def run(self, stop: asyncio.Event) -> None:
        await self.loop.run(stop)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._lease.give_back()
        except job.OUTAGES:
            pass  # it ends by itself

    async def once(self) -> float:
        """Ask for the pages that may go now."""
        now = moment(self.clock())
        if not await self._anything(now) or not await self._lease.take():
            return self.rules.poll
        try:
            pages = await self._claim(now)
        except lease.Lost:
            return self.rules.poll
        for page in pages:
            task = asyncio.create_task(self._ask(page))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return self.rules.poll

    async def _anything(self, now: dt.datetime) -> bool:
        waiting = select(func.count()).select_from(ATTEMPT).where(_phone("queued"))
        async with self.database.read() as session:
            many = (await session.execute(waiting)).scalar_one()
            WAITING.set(many)
            return bool(many) or (await session.execute(select(ATTEMPT.c.id).where(_stuck(now)).limit(1))).first() is not None

    async def _claim(self, now: dt.datetime) -> list[contract.Page]:
        """Mark what is rung now with its page; also what was marked and never taken on, and what is lost."""
        async with self.database.write() as session:
            await self._give_up(session, now)
            again = (await session.execute(select(ATTEMPT).where(_unanswered(now)).order_by(ATTEMPT.c.at))).all()
            on_air = select(ATTEMPT.c.page_id).where(_phone("sent")).distinct()
            room = self.width - len((await session.execute(on_air)).all())
            busy = select(ATTEMPT.c.number_print).where(
                ATTEMPT.c.channel == "phone",
                or_(
                    ATTEMPT.c.state == "sent",
                    and_(ATTEMPT.c.ended_at > now - dt.timedelta(seconds=QUIET), ATTEMPT.c.page_id.is_not(None)),
                ),
            )
            ringing = select(ATTEMPT.c.number_print).where(_phone("sent"))
            free = or_(ATTEMPT.c.number_print.not_in(busy), and_(ATTEMPT.c.urgent, ATTEMPT.c.number_print.not_in(ringing)))
            query = (
                select(ATTEMPT, EmergencyEvent.drill_id)
                .outerjoin(EmergencyEvent, EmergencyEvent.id == ATTEMPT.c.event_id)
                .where(_phone("queued"), free)
                .order_by(ATTEMPT.c.urgent.desc(), ATTEMPT.c.at, ATTEMPT.c.id)
            )
            groups = _by_page(again)
            for one in _by_telephone((await session.execute(query.limit(20 * self.width))).all())[: max(0, room)]:
                groups[ids.new()] = one
            made = []
            for page, rows in groups.items():
                await session.execute(
                    update(ATTEMPT)
                    .where(ATTEMPT.c.id.in_([row.id for row in rows]))
                    .values(
                        state="sent",
                        page_id=page,
                        sent_at=func.coalesce(ATTEMPT.c.sent_at, now),
                        lease_until=now + dt.timedelta(seconds=2 * ANSWER),
                    )
                )
                made.append(contract.Page(
                    id=page,
                    by="linkage",
                    to=rows[0].number,
                    speech=(contract.Text(await self._words(session, rows)),),
                    ring=self.ring,
                    repeats=self.repeats,
                    urgent=any(row.urgent for row in rows),
                ))  # fmt: skip
            await self._lease.keep(session)
        return made

    async def _words(self, session: Any, rows: Sequence[Any]) -> str:
        if len(rows) == 1:
            return words.cut(str(rows[0].words), words.LONGEST)
        found = []
        for row in rows:
            request = await session.get(LinkageRequest, row.request_id) if row.request_id else None
            event = await session.get(EmergencyEvent, row.event_id) if request is not None else None
            if request is not None and event is not None:
                found.append(requests.matter(event, request))
        return (
            words.spoken(found) if len(found) == len(rows) else words.cut("".join(str(row.words) for row in rows), words.LONGEST)
        )

    async def _give_up(self, session: Any, now: dt.datetime) -> None:
        """Pages whose end was never told."""
        lost = update(ATTEMPT).where(_lost(now)).values(state="done", outcome="lost", ended_at=now)
        for row in (await session.execute(lost.returning(ATTEMPT.c.event_id))).all():
            PAGES.labels("lost").inc()
            if row.event_id is not None:
                await engine.wake(session, row.event_id, now)

    async def _ask(self, page: contract.Page) -> None:
        """Ask the call core; a refusal ends the attempts; silence, or a database that is away, has them asked for again."""
        try:
            await self._answer(page)
        except job.OUTAGES as error:
            log.warning("linkage.page_not_noted", page=page.id, error=type(error).__name__, hint="it is asked for again")

    async def _answer(self, page: contract.Page) -> None:
        try:
            done = await CallsClient(self.redis).send(page, within=ANSWER)
        except CallCoreError as error:
            log.warning("linkage.page_not_taken", page=page.id, error=error.code, hint="it is asked for again")
            PAGES.labels("silence").inc()
            return
        PAGES.labels("taken" if done.ok else "refused").inc()
        now = moment(self.clock())
        mine = and_(ATTEMPT.c.page_id == page.id, ATTEMPT.c.state == "sent")
        async with self.database.write() as session:
            if done.ok:
                await session.execute(update(ATTEMPT).where(mine).values(lease_until=None))
                return
            ended = {"state": "done", "outcome": "failed", "note": f"{done.code}: {done.message}"[:500], "ended_at": now}
            query = update(ATTEMPT).where(mine).values(**ended).returning(ATTEMPT.c.event_id)
            for row in (await session.execute(query)).all():
                if row.event_id is not None:
                    await engine.wake(session, row.event_id, now)


def _phone(state: str) -> Any:
    return and_(ATTEMPT.c.channel == "phone", ATTEMPT.c.state == state)


def _unanswered(now: dt.datetime) -> Any:
    """Marked with a page that the call core has not taken on in time."""
    return and_(_phone("sent"), ATTEMPT.c.lease_until <= now, ATTEMPT.c.sent_at > now - dt.timedelta(seconds=LOST))


def _lost(now: dt.datetime) -> Any:
    return and_(_phone("sent"), ATTEMPT.c.sent_at <= now - dt.timedelta(seconds=LOST))


def _stuck(now: dt.datetime) -> Any:
    return or_(_unanswered(now), _lost(now))


def _by_page(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.page_id, []).append(row)
    return found


def _by_telephone(rows: Sequence[Any]) -> list[list[Any]]:
    """What waits for each telephone, told in one call; those that have something urgent first, as the rows come.

    One key answers all that is told: what is meant goes first, and without a drill in the same breath; a drill waits for the
    next call, a test call for the one after, alone.
    """
    found: dict[str, list[Any]] = {}
    for row in sorted(rows, key=_earnest):
        there = found.setdefault(row.number_print, [])
        if not there or (row.test_id is None and _earnest(row) == _earnest(there[0])):
            there.append(row)
    return list(found.values())


def _earnest(row: Any) -> int:
    return 2 if row.test_id is not None else int(row.drill_id is not None)


# --- ending pages


async def route(_session: Any, items: Sequence[Any]) -> list[Parcel]:
    """The relay's route for pages that need not go on."""
    return [Parcel(STOP, item.body["page"], item, {"page": item.body["page"]}) for item in items if item.topic == attempts.STOP]


@dataclass(slots=True)
class Stopper:
    """Sends the end of a page to the call core; asked twice it does nothing twice."""

    redis: Redis
    width: int = 4
    strict: bool = False

    async def send(self, sending: Sending) -> Outcome:
        page = str(sending.body["page"])
        try:
            done = await CallsClient(self.redis).send(
                contract.StopPage(id=f"stop-{page}", by="linkage", page=page), within=ANSWER
            )
        except CallCoreError as error:
            return Outcome("away", error=error.code) if sending.attempts < 5 else Outcome("gone")
        return Outcome("taken") if done.ok else Outcome("gone", error=done.code)

    async def close(self) -> None:
        """Nothing is held."""
