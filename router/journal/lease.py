"""Leases: jobs that one process at a time does, as rows. They end by themselves when their holder dies.

On PostgreSQL the server's clock counts, so machines whose clocks differ agree; on SQLite all processes share one machine and the
caller's clock. A lease is asked for only when there is something to do: an idle service writes nothing.

A lease can run out while its holder is stopped in the middle of its work. So the last statement of a unit of work under a lease
is :func:`renew`, in the transaction of that work: if it is lost, everything is rolled back. Outside SQL, what is done under a
lease must be idempotent.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from router.storage.base import moment, table_of
from router.storage.engine import Database
from router.storage.journal import Lease

LEASE = table_of(Lease)
SECONDS = 4.0
"""How long a lease lasts unless it is renewed: so long may work stand still after a crash."""


class Lost(Exception):
    """Somebody else holds the lease now; what was done under it is rolled back."""


def _now(session: AsyncSession, clock: Callable[[], float]) -> Any:
    return moment(clock()) if session.get_bind().dialect.name == "sqlite" else func.clock_timestamp()


async def acquire(
    session: AsyncSession, name: str, owner: str, *, seconds: float = SECONDS, clock: Callable[[], float] = time.time
) -> bool:
    """Take or keep a lease; False: another holds it."""
    now = _now(session, clock)
    insert: Any = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    until = now + dt.timedelta(seconds=seconds)
    query = insert(LEASE).values(name=name, owner=owner, until=until)
    query = query.on_conflict_do_update(
        index_elements=["name"],
        set_={"owner": query.excluded.owner, "until": query.excluded.until},
        where=or_(LEASE.c.owner == owner, LEASE.c.until < now),
    ).returning(LEASE.c.owner)
    return (await session.execute(query)).scalar() is not None


async def renew(
    session: AsyncSession, name: str, owner: str, *, seconds: float = SECONDS, clock: Callable[[], float] = time.time
) -> None:
    """Keep a lease; raise :class:`Lost`. Until the transaction ends nobody else can take it."""
    until = _now(session, clock) + dt.timedelta(seconds=seconds)
    query = update(LEASE).where(LEASE.c.name == name, LEASE.c.owner == owner).values(until=until).returning(LEASE.c.owner)
    if (await session.execute(query)).scalar() is None:
        raise Lost(name)


async def release(session: AsyncSession, name: str, owner: str) -> None:
    """Give a lease back, so that another process need not wait for its end."""
    await session.execute(delete(LEASE).where(LEASE.c.name == name, LEASE.c.owner == owner))


@dataclass(slots=True)
class Holder:
    """One process's side of a lease: asks the database only when its own certainty runs out."""

    database: Database
    name: str
    owner: str
    seconds: float = SECONDS
    clock: Callable[[], float] = time.time
    elapsed: Callable[[], float] = time.monotonic
    _sure_until: float = field(default=0.0)

    @property
    def sure(self) -> bool:
        """Held for at least half its time more: nobody else can have it."""
        return self.elapsed() < self._sure_until

    async def take(self) -> bool:
        """Whether this process holds the lease now."""
        if self.sure:
            return True
        asked = self.elapsed()
        async with self.database.write() as session:
            held = await acquire(session, self.name, self.owner, seconds=self.seconds, clock=self.clock)
        self._sure_until = asked + self.seconds / 2 if held else 0
        return held

    async def keep(self, session: AsyncSession) -> None:
        """Guard a unit of work; raise :class:`Lost`."""
        asked = self.elapsed()
        try:
            await renew(session, self.name, self.owner, seconds=self.seconds, clock=self.clock)
        except Lost:
            self._sure_until = 0
            raise
        self._sure_until = asked + self.seconds / 2

    async def give_back(self) -> None:
        """Release it if it may be ours; the caller decides what a database that is away means."""
        if self._sure_until:
            self._sure_until = 0
            async with self.database.write() as session:
                await release(session, self.name, self.owner)
