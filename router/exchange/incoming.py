"""Takes a peer's messages: each once, in the order of its case, checked before anything is done.

A message that comes before its turn waits, no longer than :data:`PATIENCE`; an offer is carried out at once, for it may be about
danger and says everything itself. What casework refuses is kept as refused: the same message may be sent again later.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router import ids
from router.access.actor import Actor, Side
from router.errors import CaseworkError
from router.exchange import errors, message, validate, words
from router.exchange.casework import Casework, Visit
from router.journal import journal, routes
from router.journal.journal import Note
from router.storage import upsert
from router.storage.base import table_of
from router.storage.casework import Case, Handoff, PoliceOrder, SupervisionOrder, Ticket
from router.storage.exchange import ExchangeCase, ExchangeMessage, ExchangeNumber
from router.storage.journal import Delivery
from router.storage.organisation import Peer
from router.timers import timers

CASE, MESSAGE, NUMBER = table_of(ExchangeCase), table_of(ExchangeMessage), table_of(ExchangeNumber)
PATIENCE = dt.timedelta(minutes=2)
"""A message waits so long for those before it."""
GAP = "exchange.gap"
"""Kind of timers: messages have waited long enough."""
FILE, FILES = "peer-file", "#files"
"""Kind of deliveries that fetch an attachment, and what their receivers' names end in."""


@dataclass(frozen=True, slots=True)
class Local:
    """This installation, as peers know it."""

    system: str
    centres: frozenset[str]


@dataclass(frozen=True, slots=True)
class Received:
    """What to say to the sender. ``refusal`` is told after the transaction has been committed: that it came is kept."""

    receipt: message.Receipt | None
    refusal: CaseworkError | None = None


def actor_of(peer: Peer) -> Actor:
    """The peer as somebody who does something."""
    side: Side = "110" if peer.side == "110" else "12345"
    return Actor(
        id=peer.account,
        role="integration",
        unit=peer.centre,
        desk=peer.centre,
        side=side,
        name=peer.name,
        peer=peer.id,
    )


def body_hash(document: Mapping[str, Any]) -> str:
    """By which a repetition is known: of all members but ``sent_at``."""
    kept = {name: value for name, value in document.items() if name != "sent_at"}
    text = json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class _Desk:
    """One call of :func:`receive`, with what it needs all along."""

    session: AsyncSession
    peer: Peer
    local: Local
    casework: Casework
    now: dt.datetime


async def receive(
    session: AsyncSession, peer: Peer, document: bytes | str | Any, now: dt.datetime, *, local: Local, casework: Casework
) -> Received:
    """Take one message of a peer.

    Raise :class:`router.exchange.errors.Refused` for what is no message for us: nothing is kept of it.
    """
    try:
        parsed = validate.parse(document) if isinstance(document, bytes | str) else document
    except ValueError:
        raise errors.InvalidMessage(validate.validate(document)) from None
    found, problems = validate.read(parsed)
    if found is None:
        raise errors.InvalidMessage(problems)
    _addressed(found, peer, local)
    desk = _Desk(session, peer, local, casework, now)
    case = await _hold(session, peer.id, found.case)
    known = await _by_id(session, peer.id, found.id)
    digest = body_hash(parsed)
    if known is not None and known.body_hash != digest:
        raise errors.Changed(words.CHANGED.format(id=found.id), words.CHANGED_REMEDY, id=found.id)
    if known is not None and known.state != "refused":
        return Received(_repeated(known))
    row = known or await _keep(desk, found, parsed, digest)
    if not _in_turn(case, found):
        await _wait(desk, case, row)
        return Received(message.Receipt(message=found.id, status="waiting", at=now))
    result = await _carry_out(desk, case, row, found)
    await _go_on(desk, case)
    return result


def _addressed(found: message.Message, peer: Peer, local: Local) -> None:
    """Raise :class:`router.exchange.errors.WrongAddress` unless it is from whom it says, and for us."""
    if found.from_.system != peer.id:
        raise errors.WrongAddress(
            words.WRONG_SENDER.format(given=found.from_.system, expected=peer.id), words.WRONG_SENDER_REMEDY, field="from.system"
        )
    if found.to.system != local.system or found.to.centre not in local.centres or found.to.centre == peer.centre:
        given = f"{found.to.system}/{found.to.centre}"
        raise errors.WrongAddress(
            words.WRONG_RECEIVER.format(given=given, expected=local.system), words.WRONG_RECEIVER_REMEDY, field="to"
        )
    if found.case.system not in (peer.id, local.system):
        raise errors.WrongAddress(words.WRONG_CASE.format(given=found.case.system), words.WRONG_CASE_REMEDY, field="case.system")
    if found.drill:
        raise errors.DrillRefused(words.DRILL, words.DRILL_REMEDY, field="drill")


async def _hold(session: AsyncSession, peer: str, key: message.CaseKey) -> ExchangeCase:
    """The case's row, with everybody else who has a message about it waiting."""
    fresh = {"peer": peer, "system": key.system, "number": key.number, "received": 0, "sent": 0}
    await upsert.insert_new(session, CASE, [fresh])
    query = select(ExchangeCase).where(
        ExchangeCase.peer == peer, ExchangeCase.system == key.system, ExchangeCase.number == key.number
    )
    return (await session.scalars(query.with_for_update().execution_options(populate_existing=True))).one()


async def _by_id(session: AsyncSession, peer: str, id_: str) -> ExchangeMessage | None:
    query = select(ExchangeMessage).where(
        ExchangeMessage.peer == peer, ExchangeMessage.direction == "in", ExchangeMessage.message_id == id_
    )
    return (await session.scalars(query)).one_or_none()


def _of_case(peer: str, system: str, number: str) -> Any:
    return (
        select(ExchangeMessage)
        .where(
            ExchangeMessage.peer == peer,
            ExchangeMessage.direction == "in",
            ExchangeMessage.system == system,
            ExchangeMessage.number == number,
        )
        .order_by(ExchangeMessage.sequence)
    )


def _repeated(row: ExchangeMessage) -> message.Receipt:
    said = row.receipt or {}
    status: Any = "waiting" if row.state == "waiting" else "repeated"
    return message.Receipt(
        message=row.message_id, status=status, at=row.done_at or row.at, case=said.get("case"), face=said.get("face")
    )


async def _keep(desk: _Desk, found: message.Message, parsed: Mapping[str, Any], digest: str) -> ExchangeMessage:
    query = _of_case(desk.peer.id, found.case.system, found.case.number)
    other = (await desk.session.scalars(query.where(ExchangeMessage.sequence == found.sequence))).first()
    if other is not None:
        raise errors.Changed(
            words.SEQUENCE.format(sequence=found.sequence, id=other.message_id), words.SEQUENCE_REMEDY, id=other.message_id
        )
    row = ExchangeMessage(
        id=ids.new(),
        peer=desk.peer.id,
        direction="in",
        message_id=found.id,
        kind=_kind(found),
        system=found.case.system,
        number=found.case.number,
        sequence=found.sequence,
        order=0,
        case_id=None,
        at=desk.now,
        body_hash=digest,
        document=json.dumps(parsed, ensure_ascii=False, separators=(",", ":")),
        state="waiting",
        receipt=None,
        done_at=None,
    )
    desk.session.add(row)
    await desk.session.flush()
    return row


def _kind(found: message.Envelope) -> str:
    return next(kind for kind, type_ in message.KINDS.items() if type_ is type(found))


def _in_turn(case: ExchangeCase, found: message.Message) -> bool:
    """Offers are never kept waiting: they may be about danger, and say everything themselves."""
    return found.sequence <= case.received + 1 or isinstance(found, message.HandoffMessage)


async def _wait(desk: _Desk, case: ExchangeCase, row: ExchangeMessage) -> None:
    """Set the time at which waiting ends, by the first message that waits."""
    row.state = "waiting"
    query = _of_case(case.peer, case.system, case.number)
    query = query.where(ExchangeMessage.state == "waiting", ExchangeMessage.id != row.id)
    if (await desk.session.scalars(query.limit(1))).first() is not None:
        return
    name = hashlib.sha256(f"{case.peer}\0{case.system}\0{case.number}".encode()).hexdigest()[:32]
    plan = timers.Plan(
        id=f"gap:{name}",
        kind=GAP,
        due_at=desk.now + PATIENCE,
        subject=case.peer,
        payload={"peer": case.peer, "system": case.system, "number": case.number},
    )
    await timers.set_(desk.session, [plan], desk.now)


async def _go_on(desk: _Desk, case: ExchangeCase) -> None:
    """Carry out what waited for the message that has just been handled."""
    query = _of_case(case.peer, case.system, case.number)
    rows = (await desk.session.scalars(query.where(ExchangeMessage.sequence > case.received))).all()
    for row in rows:
        if row.sequence != case.received + 1:
            break
        if row.state == "waiting":
            await _carry_out(desk, case, row, message.decode(row.document or ""))
        else:
            case.received = row.sequence
    await desk.session.flush()


async def stop_waiting(
    session: AsyncSession, peer: Peer, key: message.CaseKey, now: dt.datetime, *, local: Local, casework: Casework
) -> int:
    """Carry out all that waits in a case, although something before it never came; return how many there were."""
    desk = _Desk(session, peer, local, casework, now)
    case = await _hold(session, peer.id, key)
    query = _of_case(case.peer, case.system, case.number).where(ExchangeMessage.state == "waiting")
    rows = (await session.scalars(query)).all()
    if rows:
        missing = f"{case.received + 1}-{rows[0].sequence - 1}"
        note = Note("exchange.gap", peer.id, {"system": case.system, "number": case.number, "missing": missing})
        await journal.write(session, journal.SYSTEM, actor_of(peer), [note], now)
    for row in rows:
        await _carry_out(desk, case, row, message.decode(row.document or ""))
        case.received = max(case.received, row.sequence)
    await session.flush()
    return len(rows)


async def _carry_out(desk: _Desk, case: ExchangeCase, row: ExchangeMessage, found: message.Message) -> Received:
    """Let casework do what the message says, all or nothing, and remember what came of it."""
    visit = Visit(desk.session, desk.peer, actor_of(desk.peer), desk.now, found.to.centre)
    refusal: CaseworkError | None = None
    try:
        async with desk.session.begin_nested():
            case_id = await _act(desk, visit, case, found)
    except CaseworkError as error:
        refusal, case_id = error, case.case_id
        await desk.session.refresh(case)
        await desk.session.refresh(row)
    case.case_id = row.case_id = case_id
    if found.sequence == case.received + 1:
        case.received = found.sequence
    row.done_at = desk.now
    if refusal is not None:
        row.state, row.receipt = "refused", {"code": refusal.code, "what": refusal.what}
        await _note(desk, visit, row, "exchange.refused", code=refusal.code)
        return Received(None, refusal)
    number, face = await _numbers(desk.session, case_id, found)
    row.state, row.receipt = "taken", {"case": number, "face": face}
    await _note(desk, visit, row, "exchange.received")
    return Received(message.Receipt(message=found.id, status="taken", at=desk.now, case=number, face=face))


async def _note(desk: _Desk, visit: Visit, row: ExchangeMessage, action: str, **more: Any) -> None:
    detail = {"peer": desk.peer.id, "kind": row.kind, "sequence": row.sequence, "hash": row.body_hash, **more}
    chain = journal.of_case(row.case_id) if row.case_id else journal.SYSTEM
    await journal.write(desk.session, chain, visit.actor, [Note(action, row.message_id, detail)], desk.now)


async def _numbers(session: AsyncSession, case_id: str | None, found: message.Message) -> tuple[str | None, str | None]:
    """Our number of the case, and of the face that the receiver of the message keeps."""
    if case_id is None:
        return None, None
    number = (await session.scalars(select(Case.number).where(Case.id == case_id))).one_or_none()
    for model in (Ticket, PoliceOrder):
        query = select(model.number).where(model.case_id == case_id, model.platform == found.to.centre)
        face = (await session.scalars(query)).first()
        if face is not None:
            return number, face
    return number, None


async def _act(desk: _Desk, visit: Visit, case: ExchangeCase, found: message.Message) -> str | None:
    """One message; return the id of our case."""
    case_id = case.case_id or await case_of(desk.session, desk.peer, case.system, case.number, desk.local)
    body = found.body
    matter = getattr(body, "matter", None)
    if case_id is None and matter is not None and case.system == desk.peer.id:
        case_id = await desk.casework.register(visit, found.case, matter)
        await _attachments(desk, visit, case_id, matter.attachments)
    if case_id is None:
        raise errors.UnknownCase(words.NO_CASE, words.NO_CASE_REMEDY, field="case")
    match body:
        case message.Handoff():
            await _offered(desk, visit, case_id, body)
        case message.Acceptance():
            handoff = await _handoff(desk, case_id, body.handoff)
            await desk.casework.accept(visit, handoff, body)
            await _remember(desk, body.face, body.number, await _face(desk.session, case_id, body.face))
        case message.Return():
            await desk.casework.return_(visit, await _handoff(desk, case_id, body.handoff), body)
        case message.Cancellation():
            await desk.casework.cancel(visit, await _handoff(desk, case_id, body.handoff), body)
        case message.Opinion():
            await desk.casework.opinion(visit, await _handoff(desk, case_id, body.handoff), body)
        case message.Settlement():
            await desk.casework.settle(visit, await _handoff(desk, case_id, body.handoff), body)
        case message.Ticket():
            await _remember(desk, "ticket", body.number, await _face(desk.session, case_id, "ticket"))
            await desk.casework.follow_ticket(visit, case_id, body)
        case message.Order():
            await _remember(desk, "order", body.number, await _face(desk.session, case_id, "order"))
            await desk.casework.follow_order(visit, case_id, body)
        case message.Feedback():
            handoff_id = await _handoff(desk, case_id, body.handoff) if body.handoff else None
            await desk.casework.feedback(visit, case_id, handoff_id, body)
            await _attachments(desk, visit, case_id, body.attachments)
        case message.Supervision():
            ours = await desk.casework.supervise(visit, case_id, body)
            await _remember(desk, "supervision", body.number, ours)
        case message.Answer():
            await desk.casework.answer(visit, await _supervision(desk, case_id, body.number), body)
    return case_id


async def case_of(session: AsyncSession, peer: Peer, system: str, number: str, local: Local) -> str | None:
    """The id of the case of a key: the peer's own by origin; ours by its number, if the peer's centre has to do with it."""
    centre = peer.centre
    if system == peer.id:
        query = select(Case.id).where(Case.origin == system, Case.origin_id == number)
        return (await session.scalars(query)).one_or_none()
    if system != local.system:
        return None
    found = (await session.scalars(select(Case.id).where(Case.number == number))).one_or_none()
    if found is None:
        return None
    concerned = (
        select(Handoff.id).where(Handoff.case_id == found, or_(Handoff.to_centre == centre, Handoff.from_centre == centre)),
        select(Ticket.id).where(Ticket.case_id == found, Ticket.platform == centre),
        select(PoliceOrder.id).where(PoliceOrder.case_id == found, PoliceOrder.platform == centre),
    )
    for query in concerned:
        if (await session.scalars(query.limit(1))).first() is not None:
            return found
    return None


async def _offered(desk: _Desk, visit: Visit, case_id: str, body: message.Handoff) -> None:
    if await _ours(desk, "handoff", body.number) is not None:
        raise errors.KnownHandoff(words.KNOWN_HANDOFF.format(number=body.number), words.KNOWN_HANDOFF_REMEDY, field="body.number")
    await _remember(desk, "handoff", body.number, await desk.casework.offer(visit, case_id, body))
    for kind, face in (("ticket", body.ticket), ("order", body.order)):
        if face is not None:
            await _remember(desk, kind, face.number, await _face(desk.session, case_id, kind))
    if body.order is not None:
        await desk.casework.follow_order(visit, case_id, body.order)
    if body.ticket is not None:
        await desk.casework.follow_ticket(visit, case_id, body.ticket)


async def _handoff(desk: _Desk, case_id: str, number: str) -> str:
    """Our handoff of a number, the peer's own or ours; raise :class:`router.exchange.errors.UnknownCase`."""
    found = await _ours(desk, "handoff", number)
    query = select(Handoff.id).where(Handoff.case_id == case_id)
    query = query.where(Handoff.id == found) if found else query.where(Handoff.number == number)
    row = (await desk.session.scalars(query)).one_or_none()
    if row is None:
        raise errors.UnknownCase(words.NO_HANDOFF.format(number=number), words.NO_HANDOFF_REMEDY, field="body.handoff")
    return row


async def _supervision(desk: _Desk, case_id: str, number: str) -> str:
    query = select(SupervisionOrder.id).where(SupervisionOrder.case_id == case_id, SupervisionOrder.number == number)
    row = (await desk.session.scalars(query)).one_or_none()
    if row is None:
        raise errors.UnknownCase(words.NO_SUPERVISION.format(number=number), words.NO_SUPERVISION_REMEDY, field="body.number")
    return row


async def _face(session: AsyncSession, case_id: str, kind: str) -> str | None:
    model: Any = Ticket if kind == "ticket" else PoliceOrder
    found: str | None = (await session.scalars(select(model.id).where(model.case_id == case_id))).one_or_none()
    return found


async def _ours(desk: _Desk, kind: str, number: str) -> str | None:
    query = select(NUMBER.c.ours).where(NUMBER.c.peer == desk.peer.id, NUMBER.c.kind == kind, NUMBER.c.theirs == number)
    found: str | None = (await desk.session.execute(query)).scalar()
    return found


async def _remember(desk: _Desk, kind: str, theirs: str, ours: str | None) -> None:
    """Keep which number of the peer's is which row of ours."""
    if ours is None:
        return
    row = {"peer": desk.peer.id, "kind": kind, "theirs": theirs, "ours": ours}
    if not await upsert.insert_new(desk.session, NUMBER, [row]):
        same = (NUMBER.c.peer == desk.peer.id, NUMBER.c.kind == kind, NUMBER.c.theirs == theirs)
        await desk.session.execute(update(NUMBER).where(*same).values(ours=ours))


async def _attachments(desk: _Desk, visit: Visit, case_id: str, attached: list[message.Attachment]) -> None:
    """Keep what came with the message; what lies at the peer's is fetched by :class:`router.exchange.fetch.Fetcher`."""
    rows = []
    for one in attached:
        if one.content is not None:
            await desk.casework.attach(visit, case_id, one, base64.b64decode(one.content))
        elif one.url is not None:
            body = {"peer": desk.peer.id, "case": case_id, "centre": visit.to_centre, "attachment": message.plain(one)}
            rows.append(
                {
                    "id": routes.key(f"{desk.peer.id}{FILES}", f"{case_id}{one.sha256}{one.police_only}"),
                    "kind": FILE,
                    "receiver": f"{desk.peer.id}{FILES}",
                    "topic": "exchange.file",
                    "case_id": case_id,
                    "order": 0,
                    "body": body,
                    "created_at": desk.now,
                    "next_at": desk.now,
                    "attempts": 0,
                    "refused": False,
                }
            )
    if rows:
        await upsert.insert_new(desk.session, table_of(Delivery), rows)
