"""Sets and cancels timers, in the transaction of whoever needs them; :mod:`router.timers.runner` runs them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from router.storage import upsert
from router.storage.base import table_of
from router.storage.journal import Timer

TIMER = table_of(Timer)


@dataclass(frozen=True, slots=True)
class Plan:
    """A timer to be set. A second one with the same ``id`` takes the place of the first if that is not being run."""

    id: str
    kind: str
    """Name under which a handler is registered."""
    due_at: dt.datetime
    subject: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)
    every: float | None = None
    """Seconds between runs."""
    misfire: Literal["run", "skip"] = "run"
    grace: float = 0


async def set_(session: AsyncSession, plans: Sequence[Plan], now: dt.datetime) -> None:
    """Set timers, or move those that are there."""
    for plan in sorted(plans, key=lambda one: one.id):
        row = {
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
        if not await upsert.insert_new(session, TIMER, [row]):
            await session.execute(update(TIMER).where(TIMER.c.id == plan.id).values(row))


async def cancel(session: AsyncSession, subject: str, now: dt.datetime, *, kinds: Sequence[str] = ()) -> None:
    """Cancel what is pending for a subject."""
    query = update(TIMER).where(TIMER.c.subject_id == subject, TIMER.c.state == "pending")
    if kinds:
        query = query.where(TIMER.c.kind.in_(kinds))
    await session.execute(query.values(state="cancelled", ended_at=now, lease_owner=None, lease_until=None))
