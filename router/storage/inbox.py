"""What consumers have handled already, and what they could not handle."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from router.storage import calls, upsert
from router.storage.base import moment, seconds, table_of

LONGEST_REASON = 1000
"""Characters of a dead letter's reason."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that could not be handled."""

    entry: str
    """Id in the stream."""
    reason: str
    body: bytes


class StoredLetter(Letter, frozen=True, kw_only=True):
    consumer: str
    at: float


CONSUMED, DEAD = table_of(calls.ConsumedEvent), table_of(calls.DeadLetter)


async def remember(session: AsyncSession, consumer: str, events: Sequence[str], now: float) -> set[str]:
    """Note that these events are handled in this transaction; return the ids that were not handled before.

    Another transaction that handles one of them at this moment is waited for.
    """
    at = moment(now)
    rows = [{"consumer": consumer, "event_id": event, "consumed_at": at} for event in events]
    return await upsert.insert_new(session, CONSUMED, rows)


async def forget(session: AsyncSession, consumer: str, before: float) -> None:
    """Drop what was noted before this time: nothing that old comes again."""
    await session.execute(delete(CONSUMED).where(CONSUMED.c.consumer == consumer, CONSUMED.c.consumed_at < moment(before)))


async def bury(session: AsyncSession, consumer: str, letters: Sequence[Letter], now: float) -> None:
    """Keep entries that can't be handled, once each."""
    at = moment(now)
    rows = [
        {
            "id": hashlib.sha256(f"{consumer}\0{letter.entry}\0".encode() + letter.body).hexdigest(),
            "consumer": consumer,
            "entry_id": letter.entry,
            "at": at,
            "reason": letter.reason.replace("\0", "\\0")[:LONGEST_REASON],
            "body": letter.body,
        }
        for letter in letters
    ]
    await upsert.insert_new(session, DEAD, rows)


async def letters(session: AsyncSession, *, since: dt.datetime | None = None, limit: int = 100) -> list[StoredLetter]:
    """Dead letters, the newest first."""
    query = select(DEAD).order_by(DEAD.c.at.desc(), DEAD.c.id).limit(limit)
    if since is not None:
        query = query.where(DEAD.c.at >= since)
    return [
        StoredLetter(entry=r.entry_id, reason=r.reason, body=r.body, consumer=r.consumer, at=seconds(r.at))
        for r in await session.execute(query)
    ]
