"""Writes the outbox: what others are told after the transaction is committed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from router import ids
from router.storage.base import table_of
from router.storage.journal import Outbox

OUTBOX = table_of(Outbox)


@dataclass(frozen=True, slots=True)
class News:
    """One event. ``body`` holds ids, numbers and states, no personal data."""

    topic: str
    """E.g. ``ticket.dispatched``, ``handoff.offered``."""
    body: Mapping[str, Any]
    case: str | None = None
    units: Sequence[str] = field(default_factory=tuple)
    """Centres and agencies whose people may see it. Supervisors and administrators see everything of their city."""
    users: Sequence[str] = field(default_factory=tuple)


async def write(session: AsyncSession, news: Sequence[News], now: dt.datetime) -> None:
    if not news:
        return
    rows = [
        {
            "id": ids.new(),
            "at": now,
            "topic": one.topic,
            "case_id": one.case,
            "audience": {"units": sorted(set(one.units)), "users": sorted(set(one.users))},
            "body": dict(one.body),
        }
        for one in news
    ]
    await session.execute(insert(OUTBOX), rows)
