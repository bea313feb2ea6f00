"""Carries out what peers say by the services of casework. A peer acts as the centre that it stands for.

The peer's own face of a case (its ticket or order) is mirrored by the face that our case has at the peer's centre: its states are
followed forwards only, so that a late word takes nothing back.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

from sqlalchemy import select

from router.allocation.decision import Ticks
from router.casework import attachments, cases, faces, handoffs, negotiation, numbering, orders, tickets
from router.casework.machines import HANDOFF, ORDER, TICKET
from router.casework.work import Town, Work, operation
from router.catalog import versions
from router.errors import CaseworkError, Invalid, TooLarge
from router.exchange import message, words
from router.exchange.casework import Visit
from router.organisation import numbers
from router.storage import upsert
from router.storage.base import table_of
from router.storage.casework import Case, Handoff, PoliceOrder, SupervisionOrder, Ticket
from router.storage.exchange import ExchangeNumber
from router.storage.organisation import Agency
from router.supervision import deadlines, notices
from router.supervision import orders as supervision

NUMBER = table_of(ExchangeNumber)
_ORDER_RANK = {
    "awaiting": 0,
    "registered": 1,
    "waiting": 1,
    "dispatched": 2,
    "signed": 3,
    "arrived": 4,
    "feedback": 5,
    "closed": 6,
}


@dataclass(frozen=True, slots=True)
class Services:
    """:class:`router.exchange.casework.Casework` over the real services."""

    town: Town

    def work(self, visit: Visit) -> Work:
        return Work(visit.session, visit.actor, visit.now, self.town)

    async def register(self, visit: Visit, key: message.CaseKey, matter: message.Matter) -> str:
        work = self.work(visit)
        catalog = await versions.at(visit.session, self.town.city_of(visit.peer.centre), visit.now)
        item = matter.item.code if matter.item and catalog.item(matter.item.code) else None
        asked = dict(list(matter.asked.items())[: cases.LONGEST_ASKED - 1])
        if matter.item and item is None:
            asked.setdefault(words.THEIR_ITEM, f"{matter.item.code} {matter.item.name}")
        place = matter.place or message.Place()
        caller = matter.caller or message.Caller()
        theirs = visit.peer.side == "110"
        given = cases.Registration(
            channel=matter.channel,
            words=matter.words.strip() or words.CALL_WORDS,
            caller_number=None if caller.masked else _number(caller.number),
            caller_name=None if caller.masked else caller.name,
            place=place.text[: cases.LONGEST_PLACE] if place.text else None,
            division=place.division or matter.division,
            latitude=place.latitude,
            longitude=place.longitude,
            asked=asked,
            item=item,
            kind=matter.request_kind,
            confidentiality=matter.confidentiality,
            ticks=Ticks(
                # What a police line says is dangerous has its police already; ours are sent for what another line says.
                danger=True if matter.danger.flag and not theirs and matter.danger.by != "classifier" else None,
                danger_by="peer",
                item=item,
                kind=matter.request_kind,
                belongs="12345" if theirs else "110",
                stability=matter.confidentiality == "stability",
            ),
            centre=visit.peer.centre,
            first_centre=visit.peer.centre,
            first_answered_at=min(matter.first.at if matter.first else matter.received_at, visit.now),
            origin=key.system,
            origin_id=key.number,
            dispatch=False,
            hand_over=False,
        )
        return (await cases.register(work, given)).case.id

    async def offer(self, visit: Visit, case: str, handoff: message.Handoff) -> str:
        work = self.work(visit)
        row = await handoffs.offer(
            work,
            await work.hold(case),
            to=visit.to_centre,
            mode="peer",
            reason=handoff.reason.strip()[:2000] or words.REASON,
            basis=handoff.basis,
            dangerous=handoff.matter.danger.flag and handoff.matter.danger.by != "classifier",
            asker=visit.peer.centre,
        )
        return row.id

    async def accept(self, visit: Visit, handoff: str, body: message.Acceptance) -> None:
        if (await self._handoff(visit, handoff)).state != "accepted":
            await handoffs.accept(self.work(visit), handoff)

    async def return_(self, visit: Visit, handoff: str, body: message.Return) -> None:
        if (await self._handoff(visit, handoff)).state != "returned":
            await handoffs.return_(self.work(visit), handoff, body.reason[:2000])

    async def cancel(self, visit: Visit, handoff: str, body: message.Cancellation) -> None:
        if (await self._handoff(visit, handoff)).state != "cancelled":
            await handoffs.cancel(self.work(visit), handoff, body.reason[:1000])

    async def opinion(self, visit: Visit, handoff: str, body: message.Opinion) -> None:
        row = await self._handoff(visit, handoff)
        if HANDOFF.can(row.state, "negotiate"):
            await negotiation.negotiate(self.work(visit), handoff)
        await negotiation.give_opinion(self.work(visit), handoff, self._owner(row, body.owner), body.text[:2000])

    async def settle(self, visit: Visit, handoff: str, body: message.Settlement) -> None:
        row = await self._handoff(visit, handoff)
        owner = self._owner(row, body.owner)
        if row.settled_at is not None and row.owner == owner:
            return  # both of us have come to the same end
        if body.by_first_receiver:
            await negotiation.fail(self.work(visit), handoff, body.conclusion[:2000])
        elif row.state == "returned" and owner == row.from_centre == visit.peer.centre:
            await negotiation.concede(self.work(visit), handoff, body.conclusion[:2000])
        else:
            await self.opinion(
                visit, handoff, message.Opinion(handoff=body.handoff, at=body.settled_at, owner=body.owner, text=body.conclusion)
            )

    async def follow_ticket(self, visit: Visit, case: str, ticket: message.Ticket) -> None:
        work = self.work(visit)
        row, _ = await faces.of(visit.session, case)
        await _followed(work, case, "ticket", ticket.number, ticket.state, row.id if row else None)
        if row is None or row.platform != visit.peer.centre:
            return
        if ticket.state == "closed" and TICKET.can(row.state, "close"):
            await _try(visit, tickets.close(self.work(visit), row.id, without_call_back=words.REASON))
        elif ticket.state == "withdrawn" and TICKET.can(row.state, "withdraw"):
            await _try(visit, tickets.withdraw(self.work(visit), row.id, words.WITHDRAWN))

    async def follow_order(self, visit: Visit, case: str, order: message.Order) -> None:
        work = self.work(visit)
        _, row = await faces.of(visit.session, case)
        await _followed(work, case, "order", order.number, order.state, row.id if row else None)
        if row is None or row.platform != visit.peer.centre:
            return
        unit = await self._unit(visit, row, order.unit)
        rank = _ORDER_RANK.get(order.state, 0)
        if rank >= 2 and row.state in ("awaiting", "registered", "waiting") and ORDER.can(row.state, "dispatch"):
            await orders.dispatch(work, row.id, unit)
        if 3 <= rank <= 4 and row.state == "dispatched":
            await orders.sign(work, row.id)
        if rank == 4 and ORDER.can(row.state, "arrive"):
            await orders.arrive(work, row.id)
        if order.state == "closed" and ORDER.can(row.state, "close"):
            await _try(visit, orders.close(self.work(visit), row.id))
        if order.state == "withdrawn" and ORDER.can(row.state, "withdraw"):
            await orders.withdraw(work, row.id, words.WITHDRAWN)

    async def feedback(self, visit: Visit, case: str, handoff: str | None, body: message.Feedback) -> None:
        work = self.work(visit)
        centre = visit.peer.centre
        ticket, order = await faces.of(visit.session, case)
        face = ticket if body.face == "ticket" else order
        if face is None or face.platform != centre or not body.final:
            await _told(work, case, body)
            return
        for row in await faces.handoffs(visit.session, case):
            if row.to_centre == centre and HANDOFF.can(row.state, "accept") and (handoff is None or row.id == handoff):
                await handoffs.accept(work, row.id)  # who gives feedback has taken it
        text = body.result[:4000]
        if isinstance(face, Ticket):
            if TICKET.can(face.state, "answer"):
                await tickets.answer(work, face.id, text)
            else:
                await _told(work, case, body)
            if body.resolution:
                face.resolution = body.resolution[:2000]
        elif face.state in ("dispatched", "signed", "arrived", "waiting"):
            await orders.feedback(work, face.id, text, text)
        elif ORDER.can(face.state, "answer"):
            await orders.answer(work, face.id, text)
        else:
            await _told(work, case, body)

    async def supervise(self, visit: Visit, case: str, body: message.Supervision) -> str:
        return (await _supervised(self.work(visit), case, visit.peer.centre, visit.to_centre, body)).id

    async def answer(self, visit: Visit, supervision_: str, body: message.Answer) -> None:
        await supervision.answer(self.work(visit), supervision_, body.answer)

    async def attach(self, visit: Visit, case: str, attachment: message.Attachment, content: bytes) -> None:
        work = self.work(visit)
        try:
            await attachments.add(work, case, attachment.name, content, police_only=attachment.police_only)
        except (Invalid, TooLarge) as error:
            await _left_out(work, case, attachment.sha256, error.code)

    async def _handoff(self, visit: Visit, handoff: str) -> Handoff:
        return (await handoffs.handoff(self.work(visit), handoff))[1]

    def _owner(self, row: Handoff, side: message.Side) -> str:
        return row.from_centre if self.town.side(row.from_centre) == side else row.to_centre

    async def _unit(self, visit: Visit, order: PoliceOrder, unit: message.Unit | None) -> str | None:
        """The peer's unit if it is one of ours too, and not the one complained of."""
        if unit is None or unit.code == order.complained_of:
            return None
        found = await visit.session.get(Agency, unit.code)
        case = await visit.session.get(Case, order.case_id)
        fits = found is not None and case is not None and found.active and found.level == "police" and found.city == case.city
        return unit.code if fits else None


def _number(number: str | None) -> str | None:
    """A number that casework can keep, or none: what a peer writes there never costs a case."""
    try:
        return numbers.normalise(number) if number else None
    except Invalid:
        return None


async def _try(visit: Visit, step: Awaitable[object]) -> None:
    """The mirror follows if it can: what our own rules forbid (an open handoff) stays as it is with us."""
    try:
        async with visit.session.begin_nested():
            await step
    except CaseworkError:
        pass


@operation
async def _followed(work: Work, case: str, face: str, number: str, state: str, row: str | None) -> None:
    await work.hold(case)
    work.note(case, f"exchange.{face}", row or case, number=number, state=state)
    work.tell("exchange.followed", case, [], face=face, number=number, state=state)


@operation
async def _told(work: Work, case: str, body: message.Feedback) -> None:
    """Words from the peer that close nothing here: kept in the timeline, and shown to those who wait."""
    row = await work.hold(case)
    work.note(case, "exchange.feedback", case, face=body.face, number=body.number, final=body.final, text=body.result[:2000])
    ticket, order = await faces.of(work.session, case)
    units = {face.platform for face in (ticket, order) if face is not None and face.platform != work.actor.desk}
    for unit in sorted(units or {row.first_centre}):
        await notices.raise_(work, unit=unit, kind="feedback", text=f"{row.number} 对方系统来件", case=case)


@operation
async def _left_out(work: Work, case: str, sha256: str, code: str) -> None:
    await work.hold(case)
    work.note(case, "exchange.attachment_left", case, sha256=sha256, code=code)


@operation
async def _supervised(work: Work, case: str, from_centre: str, to_centre: str, body: message.Supervision) -> SupervisionOrder:
    """A demand of the peer's about our face: it is our duty to answer."""
    from router import ids
    from router.casework.limits import catalog_of
    from router.casework.work import need

    row = await work.hold(case)
    ticket, order = await faces.of(work.session, case)
    face = ticket if body.face == "ticket" else order
    to_unit = face.platform if face is not None and face.platform != from_centre else to_centre
    known = select(NUMBER.c.ours).where(
        NUMBER.c.peer == work.actor.peer, NUMBER.c.kind == "supervision", NUMBER.c.theirs == body.number
    )
    before = (await work.session.execute(known)).scalar()
    if before is not None:
        found = await work.session.get(SupervisionOrder, before)
        if found is not None:
            await supervision.insist(work, found.id, body.demand[:2000])
            return found
    made = SupervisionOrder(
        id=ids.new(),
        rev=1,
        number=await numbering.next_number(work.session, "supervision", work.now),
        case_id=case,
        subject_id=face.id if face is not None else case,
        platform=from_centre,
        to_unit=to_unit,
        demand=need(body.demand, "demand", "督办要求", 4000),
        state="issued",
        issued_at=work.now,
        issued_by=work.actor.id,
    )
    work.session.add(made)
    await work.session.flush()
    await upsert.insert_new(
        work.session, NUMBER, [{"peer": work.actor.peer, "kind": "supervision", "theirs": body.number, "ours": made.id}]
    )
    work.note(case, "supervision_order.issued", made.id, number=made.number, to=to_unit, theirs=body.number, text=made.demand)
    limits = (await catalog_of(work, row)).limits
    await deadlines.start(work, row, subject=made.id, duty="answer", unit=to_unit, limit=limits.answer, share=limits.remind_share)
    await notices.raise_(
        work, unit=to_unit, kind="supervision", text=f"{made.number} 对方督办,请回复", level=notices.URGENT, case=case
    )
    work.tell("supervision.issued", case, [from_centre, to_unit], supervision=made.id, number=made.number, to=to_unit)
    return made
