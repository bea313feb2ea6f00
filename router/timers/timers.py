"""Sets and cancels timers, in the transaction of whoever needs them; :mod:`router.timers.runner` runs them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import or_, update
from sqlalchemy.ext.asyncio import AsyncSession

from router.storage import upsert
from router.storage.base import table_of
from router.storage.journal import Timer

TIMER = table_of(Timer)
RUNNING = "timer"
"""Where a session's ``info`` says which timer's handler it belongs to."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A timer to be set."""

    id: str
    kind: str
    """Name under which a handler is registered."""
    due_at: dt.datetime
    subject: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)
    every: float | None = None
    """Seconds between runs."""
    misfire: Literal["run", "skip"] = "run"
    """However late, ``run`` runs once; ``skip`` does not if it is more than ``grace`` seconds late."""
    grace: float = 0


class LeaseLost(Exception):
    """Another process runs this timer now; what its handler did here is rolled back."""


@dataclass(slots=True)
class Running:
    """The timer whose handler is at work in a session."""

    id: str
    owner: str
    settled: bool = False
    """The handler itself has set it anew or cancelled it."""


async def set_(session: AsyncSession, plans: Sequence[Plan], now: dt.datetime) -> None:
    """Set timers. One whose id is there takes the new one's place; if it is being run at this moment by somebody else, that
    run is undone. A handler may set its own timer anew."""
    running: Running | None = session.info.get(RUNNING)
    for plan in sorted(plans, key=lambda one: one.id):
        row = _row(plan, now)
        if running is not None and running.id == plan.id:
            await settle(session, running, row)
        elif not await upsert.insert_new(session, TIMER, [row]):
            await session.execute(update(TIMER).where(TIMER.c.id == plan.id).values(row))


async def ensure(session: AsyncSession, plans: Sequence[Plan], now: dt.datetime) -> None:
    """Set recurring timers at a start: one that is there goes on at its own time, unless its ``every`` has changed."""
    for plan in sorted(plans, key=lambda one: one.id):
        row = _row(plan, now)
        if await upsert.insert_new(session, TIMER, [row]):
            continue
        same = {name: row[name] for name in ("kind", "subject_id", "payload", "misfire", "grace")}
        await session.execute(update(TIMER).where(TIMER.c.id == plan.id).values(same))
        other = or_(TIMER.c.every.is_distinct_from(plan.every), TIMER.c.state != "pending")
        await session.execute(update(TIMER).where(TIMER.c.id == plan.id, other).values(row))


async def cancel(session: AsyncSession, subject: str, now: dt.datetime, *, kinds: Sequence[str] = ()) -> None:
    """Cancel what is pending for a subject; a handler may cancel its own timer."""
    query = update(TIMER).where(TIMER.c.subject_id == subject, TIMER.c.state == "pending")
    if kinds:
        query = query.where(TIMER.c.kind.in_(kinds))
    values = {"state": "cancelled", "ended_at": now, "lease_owner": None, "lease_until": None}
    running: Running | None = session.info.get(RUNNING)
    if running is None or running.settled:
        await session.execute(query.values(values))
        return
    mine = await session.execute(query.where(TIMER.c.id == running.id).values(lease_until=now).returning(TIMER.c.id))
    await session.execute(query.where(TIMER.c.id != running.id).values(values))
    if mine.scalar() is not None:
        await settle(session, running, values)


async def settle(session: AsyncSession, running: Running, values: Mapping[str, Any]) -> None:
    """Write what becomes of the timer at work; raise :class:`LeaseLost` if it is no longer this session's."""
    query = update(TIMER).where(TIMER.c.id == running.id)
    if not running.settled:
        query = query.where(TIMER.c.lease_owner == running.owner, TIMER.c.state == "pending")
    if (await session.execute(query.values(dict(values)).returning(TIMER.c.id))).scalar() is None:
        raise LeaseLost(running.id)
    running.settled = True


def _row(plan: Plan, now: dt.datetime) -> dict[str, Any]:
    return {
        "id": plan.id,
        "kind": plan.kind,
        "subject_id": plan.subject,
        "payload": dict(plan.payload),
        "state": "pending",
        "due_at": plan.due_at,
        "every": plan.every,
        "misfire": plan.misfire,
        "grace": plan.grace,
        "attempts": 0,
        "lease_owner": None,
        "lease_until": None,
        "last_error": None,
        "created_at": now,
        "ended_at": None,
    }
