"""Journals who listens to which recording: once for each listening, however many pieces a player fetches."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from router.access import audit
from router.access.actor import Actor
from router.journal import journal
from router.storage.casework import CaseCall
from router.storage.engine import Database
from router.storage.journal import JournalEntry

SAME = dt.timedelta(minutes=10)
"""What one session fetches of a recording within this time is one listening."""
READ, EXPORT = "recording.read", "recording.export"


async def note(
    database: Database, actor: Actor, session_id: str, recording: str, call: str, action: str, now: dt.datetime
) -> None:
    """Have it in the journal, committed, before a byte is sent."""
    print_ = hashlib.sha256(session_id.encode()).hexdigest()[:16]
    async with database.read() as session:
        case = await _case(session, call)
        if await _noted(session, actor, print_, recording, action, now):
            return
    async with database.write() as session:
        await journal.lock(session, journal.of_case(case) if case else journal.of_user(actor.id))
        if not await _noted(session, actor, print_, recording, action, now):
            detail = {"call": call, "session": print_}
            await audit.looked(session, actor, action, recording, now, case=case, detail=detail)


async def _case(session: AsyncSession, call: str) -> str | None:
    query = select(CaseCall.case_id).where(CaseCall.call_id == call).order_by(CaseCall.at, CaseCall.case_id).limit(1)
    return (await session.scalars(query)).first()


async def _noted(session: AsyncSession, actor: Actor, print_: str, recording: str, action: str, now: dt.datetime) -> bool:
    query = select(JournalEntry.detail).where(
        JournalEntry.actor == actor.id,
        JournalEntry.at > now - SAME,
        JournalEntry.action == action,
        JournalEntry.subject == recording,
    )
    details: list[dict[str, Any]] = list((await session.scalars(query)).all())
    return any(one.get("session") == print_ for one in details)
