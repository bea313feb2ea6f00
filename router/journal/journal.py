"""Writes the journal: entries of one chain in a row, in the transaction of the change that they tell of."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import Actor
from router.journal import chain as links
from router.storage import upsert
from router.storage.base import table_of
from router.storage.journal import ChainHead, JournalEntry

HEAD, ENTRY = table_of(ChainHead), table_of(JournalEntry)
SYSTEM = "system"
"""Chain of what concerns no case and no user."""
ERASED = "case.erased"
"""Action of the note that a case's entries were deleted by law."""


def of_case(case: str) -> str:
    return f"case:{case}"


def of_user(account: str) -> str:
    return f"user:{account}"


@dataclass(frozen=True, slots=True)
class Note:
    """One entry to be written. ``detail`` holds no personal data (:mod:`router.journal.redact`): JSON of strings, numbers,
    lists."""

    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it was written."""

    chain: str
    seq: int
    at: dt.datetime
    actor: str
    unit: str
    desk: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    hash: str


async def lock(session: AsyncSession, chain: str) -> None:
    """Make everybody else who writes to this chain wait until this transaction ends; whoever is about to read a case in
    order to change it calls this first."""
    await _head(session, chain)


async def _head(session: AsyncSession, chain: str) -> tuple[int, str]:
    query = select(HEAD.c.seq, HEAD.c.hash).where(HEAD.c.chain == chain).with_for_update()
    row = (await session.execute(query)).first()
    if row is None:
        fresh = {"chain": chain, "seq": 0, "hash": links.FIRST, "unsealed": True}
        await upsert.insert_new(session, HEAD, [fresh])
        row = (await session.execute(query)).one()
    return row.seq, row.hash


async def write(
    session: AsyncSession, chain: str, actor: Actor, notes: Sequence[Note], now: dt.datetime, *, new: bool = False
) -> None:
    """Append ``notes`` to ``chain`` in their order. Raise ValueError or TypeError for a detail that JSON can't say.

    ``new``: this transaction begins the chain, and has written nothing to it yet.
    """
    if not notes:
        return
    seq, previous = (0, links.FIRST) if new else await _head(session, chain)
    rows = []
    for note in notes:
        seq += 1
        said: dict[str, Any] = {
            "chain": chain,
            "seq": seq,
            "at": now,
            "actor": actor.id,
            "unit": actor.unit,
            "desk": actor.desk,
            "action": note.action,
            "subject": note.subject,
            "detail": as_stored(note.detail),
            "previous": previous,
        }
        previous = links.link(**said)
        rows.append({**said, "hash": previous})
    await session.execute(insert(ENTRY), rows)
    if new:
        await session.execute(insert(HEAD), [{"chain": chain, "seq": seq, "hash": previous, "unsealed": True}])
        return
    await session.execute(update(HEAD).where(HEAD.c.chain == chain).values(seq=seq, hash=previous, unsealed=True))


def as_stored(detail: Mapping[str, Any]) -> dict[str, Any]:
    """What a database gives back of a detail (names are text, a tuple is a list): the hash is of that."""
    text = json.dumps(detail, allow_nan=False, ensure_ascii=False)
    text.encode()  # half a character (a lone surrogate) can't be stored
    stored: dict[str, Any] = json.loads(text)
    return stored


async def timeline(
    session: AsyncSession, chain: str, *, after: int = 0, limit: int = 200, newest_first: bool = False
) -> list[Entry]:
    """Entries of a chain in their order, at most ``limit``, from the one after ``after`` on; with ``newest_first`` backwards,
    from the one before ``after`` on (0: from the last)."""
    query = select(ENTRY).where(ENTRY.c.chain == chain).limit(limit)
    if newest_first:
        query = query.order_by(ENTRY.c.seq.desc())
        query = query.where(ENTRY.c.seq < after) if after else query
    else:
        query = query.order_by(ENTRY.c.seq).where(ENTRY.c.seq > after)
    return [
        Entry(row.chain, row.seq, row.at, row.actor, row.unit, row.desk, row.action, row.subject, row.detail, row.hash)
        for row in await session.execute(query)
    ]


async def erase(session: AsyncSession, case: str, actor: Actor, now: dt.datetime) -> None:
    """Delete a case's entries for the retention job, and note in the system's chain how far they went: so
    :mod:`router.journal.verify` knows that they are rightly gone. What is written about the case later goes on from there."""
    chain = of_case(case)
    seq, last = await _head(session, chain)
    note = Note(ERASED, case, {"chain": chain, "seq": seq, "hash": last})
    await write(session, SYSTEM, actor, [note], now)
    await session.execute(delete(ENTRY).where(ENTRY.c.chain == chain))
