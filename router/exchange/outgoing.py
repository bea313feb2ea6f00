"""Tells peers what happened to cases that are theirs too: finds what is to be told, writes the message once, and sends it.

A message is written in the transaction in which its event is published, and never changes: every attempt sends the same text
under the same id. Attempts, waits and order are those of :mod:`router.journal.deliver`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router import ids
from router.exchange import compose, message, shared, validate
from router.exchange.compose import Files, Sheet
from router.journal import routes, sending
from router.journal.news import Item
from router.journal.routes import Parcel
from router.journal.sending import Outcome, Sending
from router.storage import upsert
from router.storage.base import table_of
from router.storage.casework import Case, Handoff, Opinion, SupervisionOrder
from router.storage.engine import Database
from router.storage.exchange import ExchangeCase, ExchangeMessage
from router.storage.organisation import Peer

log = structlog.get_logger()

KIND = "peer"
CASE, MESSAGE, PEER = table_of(ExchangeCase), table_of(ExchangeMessage), table_of(Peer)
_PREFIXES = ("handoff.", "ticket.", "order.", "supervision.")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The route that the relay is given."""

    system: str
    """Our name."""
    files: Files | None = None
    url: str | None = None
    """Where peers find our interface, ending in ``/api/v1/exchange``."""

    async def route(self, session: AsyncSession, items: Sequence[Item]) -> list[Parcel]:
        """Deliveries for the peers that are concerned; the messages are written in this session."""
        wanted = [one for one in items if one.case and one.topic.startswith(_PREFIXES)]
        if not wanted:
            return []
        query = select(Peer).where(Peer.active).order_by(Peer.id)
        peers = (await session.scalars(query)).all()
        parcels = []
        for item in wanted:
            for peer in peers:
                parcels += await self._tell(session, item, peer)
        return parcels

    async def _tell(self, session: AsyncSession, item: Item, peer: Peer) -> list[Parcel]:
        case = await session.get(Case, item.case, populate_existing=True)
        if case is None or not await concerned(session, item, peer, case):
            return []
        one = await compose.sheet(session, peer, case, files=self.files, system=self.system, url=self.url)
        body = await write(one, item)
        if body is None:
            return []
        id_ = routes.key(peer.id, item.id)
        if not await self._keep(one, item, id_, *body):
            return []
        return [Parcel(KIND, peer.id, item, {"message": id_})] if peer.transport == "database" or peer.url else []

    async def _keep(self, one: Sheet, item: Item, id_: str, kind: str, centre: str, body: message.Record) -> bool:
        """Write the message; false: nothing new is in it."""
        session, peer, case = one.session, one.peer, one.case
        known = select(MESSAGE.c.id).where(MESSAGE.c.peer == peer.id, MESSAGE.c.direction == "out")
        if (await session.execute(known.where(MESSAGE.c.message_id == id_))).first() is not None:
            return True  # asked a second time about this event
        key = message.CaseKey(system=self.system, number=case.number)
        if case.origin == peer.id and case.origin_id:
            key = message.CaseKey(system=peer.id, number=case.origin_id)
        digest = hashlib.sha256(message.encode(body)).hexdigest()
        last = select(MESSAGE.c.body_hash).where(
            MESSAGE.c.peer == peer.id, MESSAGE.c.direction == "out", MESSAGE.c.case_id == case.id, MESSAGE.c.kind == kind
        )
        if (await session.execute(last.order_by(MESSAGE.c.sequence.desc()).limit(1))).scalar() == digest:
            return False
        sequence = await self._next(session, peer.id, key, case.id)
        made = message.KINDS[kind](
            format=message.FORMAT,
            id=id_,
            sent_at=item.at,
            from_=message.Address(system=self.system, centre=centre),
            to=message.Address(system=peer.id, centre=peer.centre),
            case=key,
            sequence=sequence,
            **cast(Any, {"body": body}),
        )
        text = message.encode(made).decode()
        problems = validate.validate(json.loads(text), "en")
        if problems:
            # Sent all the same: the receiver decides, and a person sees its refusal.
            log.error("exchange.unfit", peer=peer.id, message=id_, kind=kind, problems=[f"{p.path} {p.code}" for p in problems])
        row = {
            "id": ids.new(),
            "peer": peer.id,
            "direction": "out",
            "message_id": id_,
            "kind": kind,
            "system": key.system,
            "number": key.number,
            "sequence": sequence,
            "order": item.serial,
            "case_id": case.id,
            "at": item.at,
            "body_hash": digest,
            "document": text,
            "state": "ready",
        }
        await upsert.insert_new(session, MESSAGE, [row])
        return True

    async def _next(self, session: AsyncSession, peer: str, key: message.CaseKey, case: str) -> int:
        fresh = {"peer": peer, "system": key.system, "number": key.number, "received": 0, "sent": 0}
        await upsert.insert_new(session, CASE, [fresh])
        mine = (CASE.c.peer == peer, CASE.c.system == key.system, CASE.c.number == key.number)
        query = update(CASE).where(*mine).values(sent=CASE.c.sent + 1, case_id=case).returning(CASE.c.sent)
        return int((await session.execute(query)).scalar_one())


async def concerned(session: AsyncSession, item: Item, peer: Peer, case: Case) -> bool:
    """Whether the case is the peer's too: it was offered to or by its centre. Before the first offer it hears nothing."""
    if peer.centre in item.audience.get("units", ()) and item.topic.startswith(("handoff.", "supervision.")):
        return True
    query = select(CASE.c.peer).where(CASE.c.peer == peer.id, CASE.c.case_id == case.id)
    if (await session.execute(query.limit(1))).first() is None:
        return False
    centre = peer.centre
    handoffs = select(Handoff.id).where(
        Handoff.case_id == case.id, or_(Handoff.to_centre == centre, Handoff.from_centre == centre), Handoff.state != "cancelled"
    )
    return (await session.scalars(handoffs.limit(1))).first() is not None


Written = tuple[str, str, message.Record]
"""Kind, our centre that speaks, body."""


async def write(one: Sheet, item: Item) -> Written | None:
    """What an event means to the peer; None: nothing, or the peer said it itself."""
    topic, _, what = item.topic.partition(".")
    if topic == "handoff":
        row = await one.session.get(Handoff, str(item.body.get("handoff", "")), populate_existing=True)
        step = _HANDOFF.get(what)
        return await step(one, item, row) if row is not None and step is not None else None
    if topic == "supervision":
        return await _supervision(one, item, what)
    return await _face(one, topic)


async def _offered(one: Sheet, _item: Item, row: Handoff) -> Written | None:
    if row.to_centre != one.peer.centre:
        return None
    return "handoff", row.from_centre, await compose.handoff(one, row)


async def _accepted(one: Sheet, _item: Item, row: Handoff) -> Written | None:
    if row.from_centre != one.peer.centre:
        return None
    return "acceptance", row.to_centre, await compose.acceptance(one, row)


async def _returned(one: Sheet, _item: Item, row: Handoff) -> Written | None:
    if row.from_centre != one.peer.centre:
        return None
    return "return", row.to_centre, await compose.returned(one, row)


async def _cancelled(one: Sheet, _item: Item, row: Handoff) -> Written | None:
    if row.to_centre != one.peer.centre:
        return None
    return "cancellation", row.from_centre, await compose.cancellation(one, row)


def _ours(one: Sheet, row: Handoff) -> str | None:
    """The side of a handoff that is not the peer's; None if the peer has no part in it."""
    if one.peer.centre not in (row.from_centre, row.to_centre):
        return None
    return row.to_centre if row.from_centre == one.peer.centre else row.from_centre


def _side(one: Sheet, row: Handoff, owner: str) -> message.Side:
    """The side of a centre, from that of the peer's."""
    theirs: message.Side = "110" if one.peer.side == "110" else "12345"
    other: message.Side = "12345" if theirs == "110" else "110"
    return theirs if owner == one.peer.centre else other


async def _opinion(one: Sheet, item: Item, row: Handoff) -> Written | None:
    centre = _ours(one, row)
    if centre is None or item.body.get("unit") == one.peer.centre:
        return None
    query = select(Opinion).where(Opinion.subject_id == row.id, Opinion.unit == item.body.get("unit"))
    said = (await one.session.scalars(query.order_by(Opinion.at.desc(), Opinion.id.desc()).limit(1))).first()
    if said is None or said.owner is None:
        return None
    return "opinion", centre, await compose.opinion(one, row, said, _side(one, row, said.owner))


async def _settled(one: Sheet, _item: Item, row: Handoff) -> Written | None:
    centre = _ours(one, row)
    if centre is None or row.owner is None or row.settled_by == one.peer.account:
        return None
    return "settlement", centre, await compose.settlement(one, row, _side(one, row, row.owner))


async def _fed_back(one: Sheet, _item: Item, row: Handoff) -> Written | None:
    if row.from_centre != one.peer.centre:
        return None
    return "feedback", row.to_centre, await compose.feedback(one, row)


_HANDOFF: dict[str, Callable[[Sheet, Item, Handoff], Awaitable[Written | None]]] = {
    "offered": _offered,
    "accepted": _accepted,
    "returned": _returned,
    "cancelled": _cancelled,
    "opinion": _opinion,
    "settled": _settled,
    "fed-back": _fed_back,
}


async def _supervision(one: Sheet, item: Item, what: str) -> Written | None:
    row = await one.session.get(SupervisionOrder, str(item.body.get("supervision", "")), populate_existing=True)
    if row is None:
        return None
    centre = one.peer.centre
    if what == "issued" and row.to_unit == centre:
        return "supervision", row.platform, await compose.supervision(one, row)
    if what == "answered" and row.platform == centre:
        return "answer", _centre(one), await compose.answer(one, row)
    return None


def _centre(one: Sheet) -> str:
    """Our centre that has to do with the case."""
    for face in (one.ticket, one.order):
        if face is not None and face.platform != one.peer.centre:
            return face.platform
    return one.case.first_centre


async def _face(one: Sheet, topic: str) -> Written | None:
    """The state of our own face; the mirror of the peer's is not told back."""
    if topic == "ticket" and one.ticket is not None and one.ticket.platform != one.peer.centre:
        ticket = await compose.ticket(one)
        return ("ticket", one.ticket.platform, ticket) if ticket else None
    if topic == "order" and one.order is not None and one.order.platform != one.peer.centre:
        order = await compose.order(one)
        return ("order", one.order.platform, order) if order else None
    return None


@dataclass(slots=True)
class Sender:
    """Sends messages to peers: by REST, or into the database that is shared with them."""

    database: Database
    shared: shared.Pool
    http: httpx.AsyncClient = field(default_factory=sending.client)
    width: int = 4
    strict: bool = False
    """A message that a peer refuses holds up nothing: what follows may be about danger."""

    async def send(self, one: Sending) -> Outcome:
        async with self.database.read() as session:
            peer = await session.get(Peer, one.receiver)
            query = select(ExchangeMessage).where(
                ExchangeMessage.peer == one.receiver,
                ExchangeMessage.direction == "out",
                ExchangeMessage.message_id == str(one.body.get("message")),
            )
            row = (await session.scalars(query)).one_or_none()
        if peer is None or row is None or row.document is None:
            return Outcome("gone")
        if not peer.active:
            return Outcome("held", error="the peer rests")
        if peer.transport == "database":
            outcome = await self._put(peer, row)
        elif peer.url:
            outcome = await self._post(peer, row)
        else:
            return Outcome("gone")
        if outcome.verdict in ("taken", "refused"):
            await self._mark(row, outcome, database=peer.transport == "database")
        return outcome

    async def _post(self, peer: Peer, row: ExchangeMessage) -> Outcome:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {peer.token or ''}"}
        url = f"{(peer.url or '').rstrip('/')}/messages"
        outcome = await sending.post(self.http, url, (row.document or "").encode(), headers)
        if outcome.status in (401, 403) and '"exchange.' not in outcome.error:
            # A token that ran out is not the message's fault: nothing is lost while it is renewed.
            return Outcome("away", outcome.status, outcome.error, outcome.wait)
        if outcome.status == 409:
            return Outcome("refused", outcome.status, outcome.error)
        return outcome

    async def _put(self, peer: Peer, row: ExchangeMessage) -> Outcome:
        try:
            await asyncio.wait_for(self.shared.put(peer, row), sending.TIMEOUT)
        except shared.Away as error:
            return Outcome("away", error=str(error)[:500])
        except TimeoutError:
            return Outcome("away", error="the shared database does not answer")
        except shared.Other as error:
            return Outcome("refused", error=str(error))
        return Outcome("taken")

    async def _mark(self, row: ExchangeMessage, outcome: Outcome, *, database: bool) -> None:
        """In a shared database the receiver's word comes later, by the poll."""
        state = "refused" if outcome.verdict == "refused" else "sent" if database else "taken"
        values = {"state": state, "receipt": {"status": outcome.status}, "done_at": dt.datetime.now(dt.UTC)}
        async with self.database.write() as session:
            await session.execute(update(MESSAGE).where(MESSAGE.c.id == row.id).values(**values))

    async def close(self) -> None:
        await self.http.aclose()
        await self.shared.close()
