"""Seals the journal: every minute the heads of all chains that changed go into a signed line outside SQL.

Seals are incremental: a line names only the chains that changed since they were last sealed, so the newest line that mentions a
chain holds its sealed head, and every older mention binds an earlier link of it. Whoever can rewrite the database can't rewrite
the lines (:mod:`router.journal.book`), nor make new hashes fit them; :mod:`router.journal.verify` compares.

First the line is on disk, then the database forgets that the chains were unsealed. A crash in between seals the same heads once
more, which is harmless. What was written since the last seal is protected from the next one on.
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
from prometheus_client import Gauge
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router import job
from router.journal import lease
from router.journal.book import Book, BookUnwritable, Mark
from router.storage import upsert
from router.storage.base import moment, table_of
from router.storage.engine import Database
from router.storage.journal import ChainHead, CheckpointBook

log = structlog.get_logger()

HEAD, MARK = table_of(ChainHead), table_of(CheckpointBook)
LEASE = "journal.seal"
EVERY = 60.0
AT_ONCE = 10_000
"""Heads in one line; a journal that could not be sealed for long makes several lines."""
CLEAR_AT_ONCE = 500

AGE = Gauge("hotline_checkpoint_age_seconds", "Seconds since the journal was last found sealed or was sealed")
UNSEALED = Gauge("hotline_checkpoint_unsealed_chains", "Chains that have changed since the last checkpoint")


def folder_of(data_dir: Path) -> Path:
    return data_dir / "journal"


def book_of(data_dir: Path) -> Book:
    """The book of a data folder."""
    return Book(folder_of(data_dir), data_dir / "secrets" / "journal.key")


async def seal(database: Database, book: Book, now: dt.datetime) -> int:
    """Seal everything that changed; return how many chains. Raise :class:`BookUnwritable`; then nothing is lost."""
    sealed = 0
    while True:
        async with database.read() as session:
            heads = await _unsealed(session)
            totals = await _totals(session) if heads else {}
        named = {row.chain: (row.seq, row.hash) for row in heads if row.seq}
        if named:
            torn = book.repaired
            mark = await asyncio.to_thread(book.append, named, totals, now)
            if book.repaired > torn:
                hint = "a power cut or crash in the middle of writing; what it held is sealed again"
                log.warning("journal.torn_checkpoint_cut_off", book=mark.book, number=mark.number, hint=hint)
            await _remember(database, mark)
        await _clear(database, heads)
        sealed += len(named)
        if len(heads) < AT_ONCE:
            return sealed


async def _unsealed(session: AsyncSession) -> Sequence[Any]:
    query = select(HEAD.c.chain, HEAD.c.seq, HEAD.c.hash).where(HEAD.c.unsealed).order_by(HEAD.c.chain).limit(AT_ONCE)
    return (await session.execute(query)).all()


async def _totals(session: AsyncSession) -> dict[str, int]:
    query = select(func.count(), func.coalesce(func.sum(HEAD.c.seq), 0)).where(HEAD.c.seq > 0)
    chains, entries = (await session.execute(query)).one()
    return {"chains": int(chains), "entries": int(entries)}


async def _remember(database: Database, mark: Mark) -> None:
    row = {"id": mark.book, "number": mark.number, "hash": mark.hash, "key": mark.key, "at": mark.at}
    async with database.write() as session:
        await upsert.replace_older(session, MARK, [row], newer_by="number")


async def _clear(database: Database, heads: Sequence[Any]) -> None:
    """These heads are sealed, unless they have moved on meanwhile."""
    same = update(HEAD).where(HEAD.c.chain == bindparam("of"), HEAD.c.seq == bindparam("at")).values(unsealed=False)
    for start in range(0, len(heads), CLEAR_AT_ONCE):
        some = [{"of": row.chain, "at": row.seq} for row in heads[start : start + CLEAR_AT_ONCE]]
        async with database.write() as session:
            await (await session.connection()).execute(same, some)


@dataclass(slots=True)
class Sealer(job.Looped):
    """The job: one process at a time seals, every minute."""

    database: Database
    book: Book
    owner: str
    rules: job.Rules = field(default_factory=job.Rules)
    clock: Callable[[], float] = time.time
    every: float = EVERY
    name: str = "checkpoint"
    loop: job.Loop = field(init=False)
    _lease: lease.Holder = field(init=False)
    _next: float = 0
    _well_at: float = 0
    _told: str = ""

    def __post_init__(self) -> None:
        self.loop = job.Loop(self.name, self.once, self.rules)
        self._lease = lease.Holder(self.database, LEASE, self.owner, seconds=2 * self.every, clock=self.clock)
        self._well_at = self.clock()

    async def run(self, stop: asyncio.Event) -> None:
        await self.loop.run(stop)
        try:
            await self._lease.give_back()
        except job.OUTAGES:
            pass  # it runs out by itself

    async def once(self) -> float:
        """Seal if it is time; return the seconds until the next look."""
        now = self.clock()
        AGE.set(now - self._well_at)
        if now < self._next:
            return min(self.rules.poll, self._next - now)
        self._next = now + self.every
        async with self.database.read() as session:
            waiting = (await session.execute(select(func.count()).where(HEAD.c.unsealed))).scalar_one()
            newest = (await session.execute(select(func.max(MARK.c.at)))).scalar()
        UNSEALED.set(waiting)
        if waiting and await self._lease.take():
            await self._seal(now)
        elif not waiting:
            self._well(now)
        elif newest is not None:  # another worker seals
            self._well_at = max(self._well_at, newest.timestamp())
        return self.rules.poll

    async def _seal(self, now: float) -> None:
        try:
            sealed = await seal(self.database, self.book, moment(now))
        except BookUnwritable as error:
            if str(error) != self._told:
                log.error(error.code, error=str(error), hint="make room or give the folder back; sealing goes on by itself")
                self._told = str(error)
            return
        if self._told:
            log.info("journal.checkpoints_go_on", chains=sealed)
            self._told = ""
        log.debug("journal.sealed", chains=sealed)
        self._well(now)

    def _well(self, now: float) -> None:
        self._well_at = now
        AGE.set(0)
