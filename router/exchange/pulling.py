"""What a peer reads of us: messages that wait for it, how a case stands, the attachments that our messages name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router.errors import NotFound
from router.exchange import compose, errors, incoming, message, words
from router.exchange.compose import Files
from router.exchange.incoming import Local
from router.storage.base import table_of
from router.storage.casework import Attachment, Case, Handoff
from router.storage.exchange import ExchangeMessage
from router.storage.organisation import Peer

MESSAGE = table_of(ExchangeMessage)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a case that is shared with a peer stands at ours."""

    key: message.CaseKey
    case: Case
    ticket: message.Ticket | None
    order: message.Order | None
    handoffs: Sequence[tuple[str, Handoff]]
    """Each with the number by which both sides know it."""


async def waiting(session: AsyncSession, peer: Peer, after: int, limit: int) -> Sequence[ExchangeMessage]:
    """Our messages for the peer with a higher cursor, in their order; those erased since are left out."""
    query = (
        select(ExchangeMessage)
        .where(
            ExchangeMessage.peer == peer.id,
            ExchangeMessage.direction == "out",
            ExchangeMessage.order > after,
            ExchangeMessage.document.is_not(None),
        )
        .order_by(ExchangeMessage.order)
        .limit(limit)
    )
    return (await session.scalars(query)).all()


async def taken(session: AsyncSession, peer: Peer, upto: int, now: dt.datetime) -> None:
    """The peer asks for what follows ``upto``: so it has what came before."""
    mine = (MESSAGE.c.peer == peer.id, MESSAGE.c.direction == "out", MESSAGE.c.state == "ready", MESSAGE.c.order <= upto)
    await session.execute(update(MESSAGE).where(*mine).values(state="taken", done_at=now))


async def standing(session: AsyncSession, peer: Peer, system: str, number: str, *, local: Local, files: Files | None) -> Standing:
    """Raise :class:`router.exchange.errors.UnknownCase` for a case that is none, or not the peer's too."""
    case = await _case(session, peer, system, number, local)
    one = await compose.sheet(session, peer, case, files=files, system=local.system, url=None)
    rows = (await session.scalars(select(Handoff).where(Handoff.case_id == case.id).order_by(Handoff.offered_at))).all()
    known = [
        (await compose.number(session, peer.id, "handoff", row.id, row.number), row)
        for row in rows
        if peer.centre in (row.from_centre, row.to_centre)
    ]
    key = message.CaseKey(system=system, number=number)
    return Standing(key, case, await compose.ticket(one), await compose.order(one), known)


async def attachment(session: AsyncSession, peer: Peer, id_: str, *, local: Local) -> Attachment:
    """An attachment that the peer may have; raise :class:`router.errors.NotFound`."""
    row = await session.get(Attachment, id_)
    if row is not None and not (row.police_only and peer.side != "110"):
        case = await session.get(Case, row.case_id)
        if case is not None and await incoming.case_of(session, peer, local.system, case.number, local) == case.id:
            return row
        if case is not None and case.origin == peer.id:
            return row
    raise NotFound(words.NO_ATTACHMENT, words.NO_ATTACHMENT_REMEDY, attachment=id_)


async def _case(session: AsyncSession, peer: Peer, system: str, number: str, local: Local) -> Case:
    found = await incoming.case_of(session, peer, system, number, local)
    case = await session.get(Case, found) if found is not None else None
    if case is None:
        raise errors.UnknownCase(words.NO_CASE, words.NO_CASE_REMEDY, field="number")
    return case
