"""Writes the journal: entries of one chain in a row, in the transaction of the change that they tell of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import Actor
from router.journal import chain as links
from router.storage import upsert
from router.storage.base import table_of
from router.storage.journal import ChainHead, JournalEntry

HEAD, ENTRY = table_of(ChainHead), table_of(JournalEntry)
SYSTEM = "system"
"""Chain of what concerns no case and no user."""


def of_case(case: str) -> str:
    return f"case:{case}"


def of_user(account: str) -> str:
    return f"user:{account}"


@dataclass(frozen=True, slots=True)
class Note:
    """One entry to be written. ``detail`` holds no personal data: JSON of strings, numbers, lists."""

    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)


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


async def write(session: AsyncSession, chain: str, actor: Actor, notes: Sequence[Note], now: dt.datetime) -> None:
    """Append ``notes`` to ``chain`` in their order."""
    if not notes:
        return
    seq, previous = await _head(session, chain)
    rows = []
    for note in notes:
        seq += 1
        said = {
            "chain": chain,
            "seq": seq,
            "at": now,
            "actor": actor.id,
            "unit": actor.unit,
            "desk": actor.desk,
            "action": note.action,
            "subject": note.subject,
            "detail": dict(note.detail),
            "previous": previous,
        }
        previous = links.link(**said)
        rows.append({**said, "hash": previous})
    await session.execute(insert(ENTRY), rows)
    await session.execute(update(HEAD).where(HEAD.c.chain == chain).values(seq=seq, hash=previous, unsealed=True))
