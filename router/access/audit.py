"""Journals who was refused, who signed in, and who looked at what is guarded (应用审计)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import Actor
from router.journal import journal
from router.journal.journal import Note


async def refused(session: AsyncSession, actor: Actor, subject: str, what: Mapping[str, Any], now: dt.datetime) -> None:
    """Somebody tried what the role or the row does not allow (越权留痕); in the chain of that person."""
    await journal.write(session, journal.of_user(actor.id), actor, [Note("access.refused", subject, dict(what))], now)


async def looked(
    session: AsyncSession,
    actor: Actor,
    action: str,
    subject: str,
    now: dt.datetime,
    *,
    case: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Somebody read police data (``police.read``), a recording (``recording.read``) or an export (``export``): in the case's
    chain, or the person's when no single case is meant. ``detail`` holds no personal data."""
    chain = journal.of_case(case) if case else journal.of_user(actor.id)
    await journal.write(session, chain, actor, [Note(action, subject, dict(detail or {}))], now)


async def account(
    session: AsyncSession, by: Actor, account_id: str, action: str, now: dt.datetime, detail: Mapping[str, Any] | None = None
) -> None:
    """Something about an account: signed in, failed to, changed; in that account's chain."""
    await journal.write(session, journal.of_user(account_id), by, [Note(action, account_id, dict(detail or {}))], now)
