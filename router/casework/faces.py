"""The two faces of a case: finding them, opening them, and when they may be closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from router import ids
from router.casework import machines, numbering
from router.casework.work import born
from router.errors import Conflict, NotFound
from router.storage.casework import Case, Handoff, PoliceOrder, Ticket

if TYPE_CHECKING:
    from router.allocation.decision import OrderPlan
    from router.casework.work import Work

OPEN_HANDOFFS = ("offered", "returned", "expired", "negotiating", "accepted", "settled")


async def of(session: AsyncSession, case: str) -> tuple[Ticket | None, PoliceOrder | None]:
    """Ticket and police order of a case."""
    new = born(session).get(case)
    if new is not None:
        return new.ticket, new.order
    ticket = (await session.scalars(select(Ticket).where(Ticket.case_id == case))).one_or_none()
    order = (await session.scalars(select(PoliceOrder).where(PoliceOrder.case_id == case))).one_or_none()
    return ticket, order


async def ticket(work: Work, id_: str) -> tuple[Case, Ticket]:
    """A ticket and its case, held against everybody else's changes."""
    row = await work.session.get(Ticket, id_)
    if row is None:
        raise NotFound("没有这张工单", "请核对工单号", ticket=id_)
    case = await work.hold(row.case_id)
    if case.id not in born(work.session):
        await work.session.refresh(row)
    return case, row


async def order(work: Work, id_: str) -> tuple[Case, PoliceOrder]:
    """A police order and its case, held against everybody else's changes."""
    row = await work.session.get(PoliceOrder, id_)
    if row is None:
        raise NotFound("没有这张警单", "请核对警单号", order=id_)
    case = await work.hold(row.case_id)
    if case.id not in born(work.session):
        await work.session.refresh(row)
    return case, row


async def open_ticket(work: Work, case: Case, platform: str, *, state: str = "registered", accepted: bool = True) -> Ticket:
    """The 12345 face of a case, opened at a centre."""
    row = Ticket(
        id=ids.new(),
        rev=1,
        number=numbering.face("ticket", case.number),
        case_id=case.id,
        state=state,
        platform=platform,
        agency=None,
        item=case.item,
        kind=case.kind,
        division=case.division,
        urgency=case.urgency,
        created_at=work.now,
        accepted_at=work.now if accepted else None,
        updated_at=work.now,
    )
    work.session.add(row)
    work.moved[row.id] = row
    if case.id in born(work.session):
        born(work.session)[case.id].ticket = row
    work.note(case.id, "ticket.opened", row.id, number=row.number, platform=platform, state=state, item=case.item)
    work.tell("ticket.opened", case.id, [platform], ticket=row.id, number=row.number, state=state)
    return row


async def open_order(work: Work, case: Case, plan: OrderPlan, *, state: str | None = None, accepted: bool = True) -> PoliceOrder:
    """The 110 face of a case, opened at the desk that the plan names."""
    begin = state or {"dispatched": "dispatched", "awaiting-confirmation": "awaiting", "registered": "registered"}[plan.state]
    row = PoliceOrder(
        id=ids.new(),
        rev=1,
        number=numbering.face("order", case.number),
        case_id=case.id,
        state=begin,
        platform=plan.desk,
        kind=plan.kind,
        police_class=plan.police_class,
        lead=plan.lead,
        services=list(plan.services),
        unit=plan.unit,
        complained_of=plan.complained_of,
        danger_by=plan.danger_by,
        created_at=work.now,
        accepted_at=work.now if accepted else None,
        dispatched_at=work.now if begin == "dispatched" else None,
        updated_at=work.now,
    )
    work.session.add(row)
    work.moved[row.id] = row
    if case.id in born(work.session):
        born(work.session)[case.id].order = row
    work.note(
        case.id,
        "police_order.opened",
        row.id,
        number=row.number,
        platform=plan.desk,
        state=begin,
        kind=plan.kind,
        police_class=plan.police_class,
        lead=plan.lead,
        services=list(plan.services),
        danger_by=plan.danger_by,
    )
    work.tell(
        "order.opened",
        case.id,
        [plan.desk],
        order=row.id,
        number=row.number,
        state=begin,
        kind=plan.kind,
        danger_by=plan.danger_by,
    )
    return row


async def handoffs(session: AsyncSession, case: str) -> list[Handoff]:
    """All handoffs of a case, the first one first."""
    new = born(session).get(case)
    if new is not None:
        return list(new.handoffs)
    query = select(Handoff).where(Handoff.case_id == case).order_by(Handoff.offered_at, Handoff.id)
    return list((await session.scalars(query)).all())


async def may_close(work: Work, case: str) -> None:
    """Raise :class:`Conflict` while a handoff of the case waits for feedback: neither face is closed without it."""
    waiting = [one for one in await handoffs(work.session, case) if one.state in OPEN_HANDOFFS]
    if waiting:
        raise Conflict(
            f"流转单 {waiting[0].number} 还没有反馈,不能办结",
            "等对方反馈后再办结,或先完成协商",
            handoffs=[one.number for one in waiting],
        )


async def settle_case(work: Work, case: Case) -> None:
    """Close the case when all its faces are final."""
    found = [face for face in await of(work.session, case.id) if face is not None]
    final = machines.TICKET.final | machines.ORDER.final
    if found and all(face.state in final for face in found):
        if case.state != "closed":
            case.state, case.closed_at, case.updated_at = "closed", work.now, work.now
            case.rev += 1
            work.note(case.id, "case.closed", case.id)
            work.tell("case.closed", case.id, [face.platform for face in found], case=case.id, number=case.number)
    elif case.state == "closed":
        case.state, case.closed_at, case.updated_at = "open", None, work.now
        case.rev += 1
        work.note(case.id, "case.reopened", case.id)
