"""Handoffs (流转) between the two lines: offered, accepted or returned, negotiated, fed back.

An offer opens the other side's face and leaves the asker's waiting for feedback; neither is closed without it. How the two
agree whose it is stands in :mod:`router.casework.negotiation`, what a phone transfer adds in :mod:`router.casework.transfers`.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from router import ids
from router.access.actor import system
from router.allocation.decision import Decision, OrderPlan
from router.casework import assignments, faces, numbering
from router.casework.limits import catalog_of
from router.casework.machines import HANDOFF, ORDER, TICKET, Machine
from router.casework.work import Town, Work, born, fresh, move, need, operation, touch
from router.errors import Conflict, Invalid, NotFound
from router.storage.casework import Case, Handoff, PoliceOrder, Ticket
from router.supervision import deadlines, notices
from router.timers import timers
from router.timers.runner import Due, Handle

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


EXPIRE = "handoff.expire"


async def handoff(work: Work, id_: str) -> tuple[Case, Handoff]:
    """A handoff and its case, held against everybody else's changes."""
    row = await work.session.get(Handoff, id_)
    if row is None:
        raise NotFound("没有这张流转单", "请核对流转单号", handoff=id_)
    case = await work.hold(row.case_id)
    await work.session.refresh(row)
    return case, row


@operation
async def offer(
    work: Work,
    case: Case,
    *,
    to: str,
    mode: str,
    reason: str,
    basis: str | None = None,
    dangerous: bool = False,
    call: str | None = None,
    transfer: str | None = None,
    plan: Decision | None = None,
    asker: str | None = None,
) -> Handoff:
    """Offer a matter to a centre of the other side.

    The other side's face is opened there (dispatched at once if it is dangerous); the asker's waits for feedback, and is opened
    if there is none yet. Raise :class:`Conflict` if the case is under way to the same side already.
    """
    target = work.town.desk(to)
    from_centre = asker or (work.actor.desk if work.actor.desk in work.town.desks else case.first_centre)
    source = work.town.desk(from_centre)
    if source.side == target.side:
        raise Invalid("只能转给对方热线", "请选择对方的受理中心", field="to", allowed=_others(work, source.side))
    for other in await faces.handoffs(work.session, case.id):
        if other.state in ("offered", "negotiating", "accepted", "returned", "expired"):
            raise Conflict(f"流转单 {other.number} 尚未结束", "请先完成该流转", handoff=other.id, state=other.state)
    row = Handoff(
        id=ids.new(),
        rev=1,
        number=await numbering.next_number(work.session, "handoff", work.now),
        case_id=case.id,
        mode=mode,
        state="offered",
        from_centre=source.id,
        to_centre=target.id,
        reason=need(reason, "reason", "转交理由", 2000),
        basis=basis,
        dangerous=dangerous,
        call_id=call,
        transfer_id=transfer,
        by=work.actor.id,
        offered_at=work.now,
        by_first_receiver=False,
    )
    work.session.add(row)
    await work.session.flush()
    if case.id in born(work.session):
        born(work.session)[case.id].handoffs.append(row)
    work.note(
        case.id,
        "handoff.offered",
        row.id,
        number=row.number,
        mode=mode,
        to=target.id,
        **{"from": source.id},
        basis=basis,
        dangerous=dangerous,
        call=call,
        reason=row.reason,
    )
    await _open_faces(work, case, row, plan)
    catalog = await catalog_of(work, case)
    deadline = await deadlines.start(
        work, case, subject=row.id, duty="accept", unit=target.id, limit=catalog.limits.accept, share=catalog.limits.remind_share
    )
    row.expires_at = deadline.due_at
    await timers.set_(
        work.session, [timers.Plan(id=f"expire:{row.id}", kind=EXPIRE, due_at=deadline.due_at, subject=row.id)], work.now
    )
    await notices.raise_(
        work,
        unit=target.id,
        kind="handoff",
        text=f"{row.number} {work.town.names.get(source.id, source.id)}转来",
        level=notices.ALARM if dangerous else notices.URGENT,
        case=case.id,
    )
    work.tell(
        "handoff.offered",
        case.id,
        [source.id, target.id],
        handoff=row.id,
        number=row.number,
        mode=mode,
        to=target.id,
        dangerous=dangerous,
        call=call,
        **{"from": source.id},
    )
    return row


def _others(work: Work, side: str) -> list[str]:
    return sorted(one.id for one in work.town.desks.values() if one.side != side)


async def _open_faces(work: Work, case: Case, row: Handoff, plan: Decision | None) -> None:
    """The receiver's face, not accepted yet; the asker's, waiting. Faces that are at work already stay as they are."""
    from router.casework import orders

    ticket, order = await faces.of(work.session, case.id)
    to_police = work.town.side(row.to_centre) == "110"
    if to_police:
        if order is None:
            wanted = plan.order if plan is not None and plan.order is not None else None
            order_plan = wanted or OrderPlan(
                "dispatched" if row.dangerous else "registered",
                "dispatch",
                "17" if row.dangerous else "19",
                "110",
                ("110",),
                row.to_centre,
                danger_by="person" if row.dangerous else None,
            )
            order = await faces.open_order(work, case, order_plan, accepted=order_plan.state == "dispatched")
            order.platform = row.to_centre
            if order.state == "dispatched":
                await orders.set_out(work, case, order)
            elif order.state == "awaiting":
                await orders.await_confirmation(work, case, order)
        elif order.state in ("withdrawn", "closed"):
            move(work, ORDER, order, "reopen")
            order.platform, order.accepted_at, order.closed_at = row.to_centre, None, None
        said = row.dangerous and not (plan is not None and plan.order is not None and plan.order.danger_by == "classifier")
        if said and ORDER.can(order.state, "dispatch") and order.state not in ("dispatched", "signed", "arrived"):
            order.danger_by = "person"
            await orders.dispatch_now(work, case, order, None)
        if ticket is None:
            await faces.open_ticket(work, case, row.from_centre, state="waiting", accepted=False)
        elif TICKET.can(ticket.state, "hand-over") and not _both(plan):
            move(work, TICKET, ticket, "hand-over", handoff=row.number)
            ticket.accepted_at = None
    else:
        if ticket is None:
            await faces.open_ticket(work, case, row.to_centre, accepted=False)
        elif ticket.state in ("withdrawn", "closed"):
            move(work, TICKET, ticket, "reopen")
            ticket.platform, ticket.accepted_at, ticket.closed_at = row.to_centre, None, None
        if order is None:
            await faces.open_order(
                work,
                case,
                OrderPlan("registered", "inform", "19", "110", ("110",), row.from_centre),
                state="waiting",
                accepted=False,
            )
        elif ORDER.can(order.state, "hand-over"):
            move(work, ORDER, order, "hand-over", handoff=row.number)
            order.accepted_at = None


def _both(plan: Decision | None) -> bool:
    """The decision wants both faces at work (D1): the asker's does not merely wait."""
    return plan is not None and plan.ticket is not None and plan.order is not None


async def sides(work: Work, row: Handoff) -> tuple[Ticket | PoliceOrder | None, Ticket | PoliceOrder | None]:
    """Asker's face and receiver's face."""
    ticket, order = await faces.of(work.session, row.case_id)
    return (ticket, order) if work.town.side(row.to_centre) == "110" else (order, ticket)


async def stop_clock(work: Work, row: Handoff) -> None:
    await deadlines.end(work, row.id, "accept")
    await timers.cancel(work.session, row.id, work.now, kinds=[EXPIRE])
    await notices.settle(work, row.case_id, ["handoff", "handoff-expired"])


@operation
async def show(work: Work, handoff_id: str) -> Handoff:
    """The receiver's desk shows it for the first time (到达)."""
    case, row = await handoff(work, handoff_id)
    if row.arrived_at is None and work.actor.desk == row.to_centre:
        row.arrived_at = work.now
        touch(work, row)
        work.note(case.id, "handoff.arrived", row.id, at=row.to_centre)
        work.tell("handoff.arrived", case.id, [row.from_centre, row.to_centre], handoff=row.id)
    return row


@operation
async def accept(work: Work, handoff_id: str, rev: int | None = None) -> Handoff:
    """The other side takes it (签收): from now on it supervises and assesses its face (谁受理、谁督办、谁考核)."""
    case, row = await handoff(work, handoff_id)
    fresh(row, rev)
    work.must_be(row.to_centre)
    move(work, HANDOFF, row, "accept", by=row.to_centre)
    row.accepted_at, row.accepted_by, row.owner = work.now, work.actor.id, row.to_centre
    row.arrived_at = row.arrived_at or work.now
    await stop_clock(work, row)
    await taken_over(work, case, row)
    work.tell("handoff.accepted", case.id, [row.from_centre, row.to_centre], handoff=row.id, number=row.number)
    return row


async def taken_over(work: Work, case: Case, row: Handoff) -> None:
    _, face = await sides(work, row)
    if face is not None:
        face.platform, face.accepted_at = row.to_centre, face.accepted_at or work.now
        touch(work, face)
        if face.state in ("feedback", "called-back", "closed"):
            # it was done before the paper was signed: a dangerous order is
            await fed_back(work, case, row.to_centre, _public(face))


def _public(face: Ticket | PoliceOrder) -> str:
    return (face.result_public if isinstance(face, PoliceOrder) else face.result) or ""


@operation
async def return_(work: Work, handoff_id: str, reason: str, rev: int | None = None) -> Handoff:
    """The other side does not take it (退回): a reason is required; then the two negotiate, or the asker gives way."""
    case, row = await handoff(work, handoff_id)
    fresh(row, rev)
    work.must_be(row.to_centre)
    _, face = await sides(work, row)
    if row.state == "accepted" and face is not None and face.state not in ("registered", "waiting", "awaiting", "withdrawn"):
        raise Conflict("已开始处置,不能再退回", "请办理完毕后反馈", state=face.state)
    row.return_reason = need(reason, "reason", "退回理由", 2000)
    move(work, HANDOFF, row, "return", by=row.to_centre, reason=row.return_reason)
    row.returned_at, row.returned_by = work.now, work.actor.id
    row.arrived_at = row.arrived_at or work.now
    await stop_clock(work, row)
    await _tell_return(work, case, row)
    return row


async def not_ours(work: Work, case: Case, platform: str, reason: str) -> None:
    """A platform has withdrawn its face: what it had been handed goes back to the asker, with the same reason."""
    for row in await faces.handoffs(work.session, case.id):
        if row.to_centre == platform and HANDOFF.can(row.state, "return"):
            row.return_reason = reason
            move(work, HANDOFF, row, "return", by=platform, reason=reason)
            row.returned_at, row.returned_by = work.now, work.actor.id
            await stop_clock(work, row)
            await _tell_return(work, case, row)


async def _tell_return(work: Work, case: Case, row: Handoff) -> None:
    await notices.raise_(
        work,
        unit=row.from_centre,
        kind="handoff-returned",
        text=f"{row.number} 被退回,请协商或自行受理",
        level=notices.URGENT,
        case=case.id,
    )
    work.tell("handoff.returned", case.id, [row.from_centre, row.to_centre], handoff=row.id, number=row.number)


@operation
async def expire(work: Work, handoff_id: str) -> Handoff | None:
    """Nobody has signed in time: both sides are told; it may still be accepted, returned or negotiated."""
    case, row = await handoff(work, handoff_id)
    if row.state != "offered":
        return None
    if row.expires_at is not None and work.now < row.expires_at:
        return None
    move(work, HANDOFF, row, "expire")
    for unit in (row.from_centre, row.to_centre):
        await notices.raise_(
            work,
            unit=unit,
            kind="handoff-expired",
            text=f"{row.number} 超时未签收",
            level=notices.ALARM if row.dangerous else notices.URGENT,
            case=case.id,
        )
    work.tell("handoff.expired", case.id, [row.from_centre, row.to_centre], handoff=row.id, number=row.number)
    return row


@operation
async def cancel(work: Work, handoff_id: str, reason: str, rev: int | None = None) -> Handoff:
    """The asker takes the offer back before anybody has signed it; police who were sent stay sent."""
    case, row = await handoff(work, handoff_id)
    fresh(row, rev)
    work.must_be(row.from_centre)
    move(work, HANDOFF, row, "cancel", reason=need(reason, "reason", "取消理由", 1000))
    await stop_clock(work, row)
    await to_asker(work, case, row)
    work.tell("handoff.cancelled", case.id, [row.from_centre, row.to_centre], handoff=row.id, number=row.number)
    return row


async def to_asker(work: Work, case: Case, row: Handoff) -> None:
    """The asker's face goes on by itself; the receiver's, if nobody has set out, is withdrawn."""
    asker, other = await sides(work, row)
    if asker is not None and machine_of(asker).can(asker.state, "take-back"):
        move(work, machine_of(asker), asker, "take-back", handoff=row.number)
        asker.accepted_at = work.now
    if other is not None and other.state == "registered":
        move(work, machine_of(other), other, "withdraw", handoff=row.number)
        other.closed_at = work.now
        if isinstance(other, PoliceOrder):
            other.withdrawn_reason = f"{row.number} 由转出方受理"
    await faces.settle_case(work, case)


def machine_of(face: Ticket | PoliceOrder) -> Machine:
    return TICKET if isinstance(face, Ticket) else ORDER


async def fed_back(work: Work, case: Case, platform: str, text: str) -> None:
    """A platform's face has its result: whoever handed it the case gets it, and can tell the caller."""
    for row in await faces.handoffs(work.session, case.id):
        if row.owner != platform or row.to_centre != platform or not HANDOFF.can(row.state, "feedback"):
            continue
        move(work, HANDOFF, row, "feedback", by=platform)
        row.feedback_at, row.feedback = work.now, text
        asker, _ = await sides(work, row)
        if asker is not None and asker.state == "waiting":
            move(work, machine_of(asker), asker, "feedback", handoff=row.number)
            asker.feedback_at = work.now
            if isinstance(asker, Ticket):
                asker.result = text
            else:
                asker.result = asker.result_public = text
        await notices.raise_(
            work, unit=row.from_centre, kind="feedback", text=f"{row.number} 对方已反馈,请回复诉求人", case=case.id
        )
        work.tell("handoff.fed-back", case.id, [row.from_centre, row.to_centre], handoff=row.id, number=row.number)


@operation
async def ask_police(work: Work, ticket: str, reason: str) -> Handoff:
    """An agency finds danger, or a crime, while handling (D4): 110 sends police, with the ticket's contents."""
    case, row = await faces.ticket(work, ticket)

    shares = [one.agency for one in await assignments.of_ticket(work, row.id) if one.state != "recalled"]
    work.must_be(row.platform, *shares)
    why = need(reason, "reason", "请求110的理由", 2000)
    _, order = await faces.of(work.session, case.id)
    for other in await faces.handoffs(work.session, case.id):
        if other.state in ("offered", "negotiating", "accepted", "returned", "expired") and order is not None:
            return await danger_again(work, case, other, order, why)
    to = _police_desk(work.town, case.city, case.division)
    case.urgency = "danger"
    touch(work, case)
    return await offer(
        work, case, to=to, mode="agency", reason=why, basis="云政办发〔2022〕73号 三(二)", dangerous=True, asker=row.platform
    )


async def danger_again(work: Work, case: Case, row: Handoff, order: PoliceOrder, why: str) -> Handoff:
    """Danger in a case that is under way already: police are sent, no second handoff is made."""
    from router.casework import orders

    work.note(case.id, "handoff.danger", row.id, text=why)
    row.dangerous = True
    touch(work, row)
    if order.state not in ("dispatched", "signed", "arrived") and ORDER.can(order.state, "dispatch"):
        order.danger_by = "person"
        await orders.dispatch_now(work, case, order, None)
    return row


def other_side(work: Work, case: Case) -> str:
    """The centre that a handoff of this case goes to by default: the other line's, 110 by the case's county."""
    asks = work.actor.desk if work.town.side(work.actor.desk) else case.first_centre
    return desk_opposite(work.town, asks, case)


def desk_opposite(town: Town, centre: str, case: Case | None) -> str:
    """The centre of the other line that a centre hands over to by default."""
    if town.desk(centre).side == "110":
        return town.default(case.city if case else town.city_of(centre), "12345").id
    return _police_desk(town, case.city if case else town.city_of(centre), case.division if case else None)


def _police_desk(town: Town, city: str, division: str | None) -> str:
    """The 110 desk of the matter's county, else the city's default."""
    mine = [one for one in town.desks_of(city) if one.side == "110"]
    here = next((one for one in mine if division and division[:6] in one.divisions), None)
    return here.id if here else town.default(city, "110").id


def handlers(town: Town) -> dict[str, Handle]:
    """What timers of handoffs do: an offer that nobody has signed expires."""

    async def on_expire(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        await expire(Work(session, system("handoffs"), now, town), timer.subject)

    return {EXPIRE: on_expire}
