"""Writes messages from the rows of a case, with no more in them than the receiver may know.

Never in a message: what is for police alone (notes, inner results, files marked so, unless the peer is a police line). A caller
who wants to stay unknown is masked for 12345 peers.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from router.catalog import versions
from router.errors import NotFound
from router.exchange import message, words
from router.organisation import codes, divisions
from router.storage.casework import Attachment, Case, Handoff, Opinion, PoliceOrder, SupervisionOrder, Ticket
from router.storage.exchange import ExchangeNumber
from router.storage.organisation import Agency, Peer

INLINE_REST = 256 * 1024
"""By REST a larger attachment is given by its address."""
INLINE_ALL = 2 * INLINE_REST
"""Attachments in one message together, by REST: a whole message stays below a megabyte, which HTTP servers take."""
INLINE_DATABASE = message.INLINE_BYTES
_TICKET_STATES = {"called-back": "feedback", "disputed": "returned"}
_LINES = ("110", "119", "120", "122", "utility")
_MASK = 3


class Files(Protocol):
    """Where attachments lie."""

    def read(self, sha256: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Sheet:
    """A case with all that messages about it are written from."""

    session: AsyncSession
    peer: Peer
    case: Case
    ticket: Ticket | None
    order: PoliceOrder | None
    files: Files | None
    system: str
    url: str | None
    """Where the peer finds our interface, for attachments: ends in ``/api/v1/exchange``."""


async def sheet(session: AsyncSession, peer: Peer, case: Case, *, files: Files | None, system: str, url: str | None) -> Sheet:
    ticket = (await session.scalars(select(Ticket).where(Ticket.case_id == case.id))).one_or_none()
    order = (await session.scalars(select(PoliceOrder).where(PoliceOrder.case_id == case.id))).one_or_none()
    return Sheet(session, peer, case, ticket, order, files, system, url)


def cut(text: str | None, longest: int = 4000, *, instead: str = "—") -> str:
    """A text that must not be empty, and not too long."""
    said = (text or "").strip()
    return said[:longest] or instead


async def matter(one: Sheet) -> message.Matter:
    case, order = one.case, one.order
    danger = case.urgency == "danger"
    by: Any = (order.danger_by if order else None) or ("person" if danger else None)
    services = cast(Any, [line for line in (order.services if order else []) if line in _LINES])
    return message.Matter(
        division=case.division if case.division and divisions.known(case.division) else case.city,
        channel=cast(Any, case.channel),
        received_at=case.created_at,
        first=message.First(system=one.system, centre=case.first_centre, at=case.first_answered_at),
        caller=caller(case, one.peer),
        place=_place(case),
        words=case.words[:20000],
        item=await item(one, case.item),
        request_kind=cast(Any, case.kind),
        urgency=cast(Any, case.urgency),
        danger=message.Danger(flag=danger, by=by if danger else None, services=services if danger else []),
        confidentiality=cast(Any, case.confidentiality),
        asked={name[:64]: str(answer)[:1000] for name, answer in list(case.asked.items())[:50]},
        attachments=await attachments(one),
    )


def caller(case: Case, peer: Peer) -> message.Caller | None:
    """The caller as the peer may know: whole to a police line; masked to others when the caller wants that."""
    number, name = case.caller_number, case.caller_name
    if number is None and not name:
        return None
    fits = number if number and 3 <= len(number) <= 32 else None
    if case.confidentiality == "open" or peer.side == "110":
        return message.Caller(number=fits, name=name[:64] if name else None)
    return message.Caller(number=masked(fits) if fits else None, name=f"{name[0]}**" if name else None, masked=True)


def masked(number: str) -> str:
    """A number of which the ends are left: ``138****5678``."""
    keep = 4 if len(number) >= 11 else 1
    head = _MASK if len(number) >= 11 else 1
    return number[:head] + "*" * max(1, len(number) - head - keep) + number[-keep:]


def _place(case: Case) -> message.Place | None:
    known = case.division if case.division and divisions.known(case.division) else None
    if not case.place and known is None:
        return None
    both = case.latitude is not None and case.longitude is not None
    return message.Place(
        text=case.place[:500] if case.place else None,
        division=known,
        latitude=case.latitude if both else None,
        longitude=case.longitude if both else None,
    )


async def item(one: Sheet, code: str | None) -> message.Item | None:
    if not code:
        return None
    try:
        catalog = await versions.at(one.session, one.case.city, one.case.created_at)
    except NotFound:
        return message.Item(code=code, name=code)
    found = catalog.item(code)
    return message.Item(code=code, name=cut(found.name if found else code, 200), catalog=catalog.version)


async def unit(session: AsyncSession, code: str | None) -> message.Unit | None:
    if not code or not codes.is_credit_code(code):
        return None
    found = await session.get(Agency, code)
    return message.Unit(code=code, name=cut(found.name if found else code, 200))


async def attachments(one: Sheet) -> list[message.Attachment]:
    query = select(Attachment).where(Attachment.case_id == one.case.id).order_by(Attachment.at, Attachment.id).limit(50)
    rows: Sequence[Attachment] = (await one.session.scalars(query)).all()
    database = one.peer.transport == "database"
    largest = INLINE_DATABASE if database else INLINE_REST
    left = INLINE_DATABASE if database else INLINE_ALL
    made = []
    for row in rows:
        if row.police_only and one.peer.side != "110":
            continue
        content = None
        if one.files is not None and row.size <= min(largest, left):
            content = await _content(one.files, row.sha256)
            left -= row.size if content else 0
        url = None
        if content is None and one.url and not database:
            url = f"{one.url}/attachments/{row.id}"
        made.append(
            message.Attachment(
                name=cut(row.name.replace("/", "_").replace("\\", "_"), 200),
                type=row.media_type,
                size=row.size,
                sha256=row.sha256,
                content=content,
                url=url,
                police_only=row.police_only,
            )
        )
    return made


async def _content(files: Files, sha256: str) -> str | None:
    """The bytes in base64; None if they are gone: the message goes all the same."""
    try:
        return base64.b64encode(await asyncio.to_thread(files.read, sha256)).decode()
    except Exception:
        return None


async def number(session: AsyncSession, peer: str, kind: str, ours: str, own: str) -> str:
    """The number by which both sides know a handoff or supervision order: the peer's if it gave one, else ours."""
    query = select(ExchangeNumber.theirs).where(
        ExchangeNumber.peer == peer, ExchangeNumber.kind == kind, ExchangeNumber.ours == ours
    )
    return (await session.scalars(query)).first() or own


async def ticket(one: Sheet, *, whole: bool = False) -> message.Ticket | None:
    row = one.ticket
    if row is None:
        return None
    return message.Ticket(
        number=row.number,
        state=cast(Any, _TICKET_STATES.get(row.state, row.state)),
        agency=await unit(one.session, row.agency),
        item=await item(one, row.item),
        created_at=row.created_at,
        dispatched_at=row.dispatched_at,
        signed_at=row.signed_at,
        feedback_at=row.feedback_at,
        closed_at=row.closed_at,
        matter=await matter(one) if whole else None,
    )


async def order(one: Sheet, *, whole: bool = False) -> message.Order | None:
    row = one.order
    if row is None:
        return None
    return message.Order(
        number=row.number,
        state=cast(Any, row.state),
        kind=cast(Any, row.kind),
        police_class=row.police_class,
        lead=cast(Any, row.lead),
        services=cast(Any, [line for line in row.services if line in _LINES]),
        unit=await unit(one.session, row.unit),
        created_at=row.created_at,
        dispatched_at=row.dispatched_at,
        signed_at=row.signed_at,
        arrived_at=row.arrived_at,
        feedback_at=row.feedback_at,
        closed_at=row.closed_at,
        matter=await matter(one) if whole else None,
    )


async def handoff(one: Sheet, row: Handoff) -> message.Handoff:
    return message.Handoff(
        number=row.number,
        mode=cast(Any, row.mode if row.mode in ("call", "online", "agency") else "online"),
        reason=cut(row.reason),
        basis=row.basis[:200] if row.basis else None,
        offered_at=row.offered_at,
        answer_by=row.expires_at,
        matter=await matter(one),
        ticket=await ticket(one) if one.ticket and one.ticket.platform != one.peer.centre else None,
        order=await order(one) if one.order and one.order.platform != one.peer.centre else None,
    )


async def acceptance(one: Sheet, row: Handoff) -> message.Acceptance:
    police = one.order is not None and one.order.platform == row.to_centre
    face = one.order if police else one.ticket
    agency = (one.order.unit if police and one.order else one.ticket.agency if one.ticket else None) if face else None
    return message.Acceptance(
        handoff=await number(one.session, one.peer.id, "handoff", row.id, row.number),
        accepted_at=row.accepted_at or row.offered_at,
        face="order" if police else "ticket",
        number=face.number if face else row.number,
        unit=await unit(one.session, agency),
    )


async def returned(one: Sheet, row: Handoff) -> message.Return:
    return message.Return(
        handoff=await number(one.session, one.peer.id, "handoff", row.id, row.number),
        returned_at=row.returned_at or row.offered_at,
        reason=cut(row.return_reason),
    )


async def cancellation(one: Sheet, row: Handoff) -> message.Cancellation:
    return message.Cancellation(
        handoff=await number(one.session, one.peer.id, "handoff", row.id, row.number),
        cancelled_at=one.case.updated_at,
        reason=words.CANCELLED,
    )


async def opinion(one: Sheet, row: Handoff, said: Opinion, owner: message.Side) -> message.Opinion:
    return message.Opinion(
        handoff=await number(one.session, one.peer.id, "handoff", row.id, row.number),
        at=said.at,
        owner=owner,
        text=cut(said.text),
    )


async def settlement(one: Sheet, row: Handoff, owner: message.Side) -> message.Settlement:
    return message.Settlement(
        handoff=await number(one.session, one.peer.id, "handoff", row.id, row.number),
        settled_at=row.settled_at or one.case.updated_at,
        owner=owner,
        by_first_receiver=row.by_first_receiver,
        conclusion=cut(row.conclusion),
    )


async def feedback(one: Sheet, row: Handoff) -> message.Feedback:
    police = one.order is not None and one.order.platform == row.to_centre
    face = one.order if police else one.ticket
    agency = one.order.unit if police and one.order else one.ticket.agency if one.ticket else None
    return message.Feedback(
        face="order" if police else "ticket",
        number=face.number if face else row.number,
        handoff=await number(one.session, one.peer.id, "handoff", row.id, row.number),
        at=row.feedback_at or one.case.updated_at,
        unit=await unit(one.session, agency),
        result=cut(row.feedback, 8000),
        resolution=cut(one.ticket.resolution) if not police and one.ticket and one.ticket.resolution else None,
        satisfaction=one.ticket.satisfaction if not police and one.ticket else None,
    )


async def supervision(one: Sheet, row: SupervisionOrder) -> message.Supervision:
    police = one.order is not None and one.order.id == row.subject_id
    face = one.order if police else one.ticket
    about = row.number
    if face is not None:
        about = await number(one.session, one.peer.id, "order" if police else "ticket", face.id, face.number)
    return message.Supervision(
        number=row.number, face="order" if police else "ticket", about=about, demand=cut(row.demand), issued_at=row.issued_at
    )


async def answer(one: Sheet, row: SupervisionOrder) -> message.Answer:
    return message.Answer(
        number=await number(one.session, one.peer.id, "supervision", row.id, row.number),
        answer=cut(row.answer),
        answered_at=row.answered_at or row.issued_at,
        unit=await unit(one.session, row.to_unit),
    )
