"""Decides where a case belongs (with :mod:`router.allocation`), keeps why, and opens the faces that the decision asks for."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from classifier.verdict import Verdict
from router import ids
from router.allocation import chain
from router.allocation.decision import Decision, Facts, Negotiation, OrderPlan, Ticks
from router.casework import faces, handoffs, orders, repeats, tickets
from router.casework.limits import catalog_of
from router.casework.work import Work, need, operation, touch
from router.catalog.model import Catalog
from router.errors import Conflict
from router.organisation import agencies
from router.storage.casework import Allocation, Case, PoliceOrder
from router.supervision import notices


def _judge(work: Work, case: Case, catalog: Catalog) -> Verdict:
    """Apart from the loop: a model that was just promoted is read first."""
    return work.town.engine(case.city, catalog).judge(case.words)


async def newest(session: AsyncSession, case: str) -> Allocation | None:
    query = select(Allocation).where(Allocation.case_id == case).order_by(Allocation.at.desc(), Allocation.id.desc()).limit(1)
    return (await session.scalars(query)).first()


async def history(session: AsyncSession, case: str) -> list[Allocation]:
    """All decisions about a case, the first one first."""
    query = select(Allocation).where(Allocation.case_id == case).order_by(Allocation.at, Allocation.id)
    return list((await session.scalars(query)).all())


async def preview(work: Work, case: Case, centre: str, ticks: Ticks, negotiation: Negotiation | None = None) -> Decision:
    """What the chain says of a case as it stands; nothing is kept."""
    catalog = await catalog_of(work, case)
    desk, first = work.town.desk(centre), work.town.desk(case.first_centre)
    _, order = await faces.of(work.session, case.id)
    said = replace(
        ticks,
        withdrawn=ticks.withdrawn or (order is not None and order.state == "withdrawn" and order.danger_by == "classifier"),
        item=ticks.item or (case.item if case.item_chosen else None),
        kind=ticks.kind or case.kind,
        stability=ticks.stability or case.confidentiality == "stability",
        repeat_disputes=max(ticks.repeat_disputes, await repeats.police_orders_of(work, case)),
    )
    facts = Facts(
        city=case.city,
        side=desk.side,
        centre=desk.id,
        first_side=first.side,
        first_centre=first.id,
        channel=case.channel,
        words=case.words,
        division=case.division,
        verdict=await asyncio.to_thread(_judge, work, case, catalog),
        ticks=said,
        negotiation=negotiation,
    )
    units = await agencies.units(work.session, case.city)
    return chain.decide(facts, catalog, units, work.town.desks_of(case.city))


async def decide(
    work: Work,
    case: Case,
    centre: str,
    ticks: Ticks,
    *,
    negotiation: Negotiation | None = None,
    overrules: str | None = None,
    reason: str | None = None,
) -> Allocation:
    """Decide, and keep the decision with everything that it was made on."""
    found = await preview(work, case, centre, ticks, negotiation)
    row = Allocation(
        id=ids.new(),
        case_id=case.id,
        at=work.now,
        by=work.actor.id,
        where=found.where,
        item=found.item,
        agency=found.ticket.agency if found.ticket else None,
        desk=found.order.desk if found.order else found.ticket.desk if found.ticket else None,
        urgency=found.urgency,
        catalog_version=found.catalog_version,
        engine_version=found.engine,
        decision=found.as_dict(),
        overrules=overrules,
        overrule_reason=reason,
    )
    work.session.add(row)
    work.made[row.id] = found
    case.item, case.kind, case.urgency = found.item or case.item, found.kind or case.kind, found.urgency
    if found.confidential and case.confidentiality == "open":
        case.confidentiality = "stability"
    work.note(
        case.id,
        "case.allocated" if overrules is None else "case.overruled",
        row.id,
        where=found.where,
        owner=found.owner,
        item=found.item,
        agency=row.agency,
        desk=row.desk,
        urgency=found.urgency,
        rules=[one.rule for one in found.reasons],
        catalog=found.catalog_version,
        engine=found.engine,
        **({"overrules": overrules, "reason": reason} if overrules else {}),
    )
    return row


async def carry_out(work: Work, case: Case, allocation: Allocation, *, dispatch: bool = True, hand_over: bool = True) -> None:
    """Open the faces that a decision asks for; those that are there are brought up to it, never down."""
    found = work.made[allocation.id]
    ticket, order = await faces.of(work.session, case.id)
    offered = found.handoff is not None and hand_over
    if found.order is not None:
        dangerous = found.order.state != "registered"
        if order is None and (dangerous or not offered or work.town.side(found.order.desk) == work.town.side(work.actor.desk)):
            order = await _open_order(work, case, found.order)
        elif order is not None and dangerous:
            await _raise_order(work, case, order, found.order)
    if found.ticket is not None and ticket is None and not (offered and found.owner == "12345" and _asks(work, "110")):
        ticket = await faces.open_ticket(work, case, found.ticket.desk)
        if dispatch and found.ticket.agency:
            await tickets.dispatch(
                work, ticket.id, [found.ticket.agency, *found.ticket.helpers], found.ticket.agency, None, by_allocation=True
            )
    elif found.ticket is not None and ticket is not None and ticket.state in ("registered", "returned"):
        ticket.item, ticket.kind = case.item, case.kind
        if dispatch and found.ticket.agency:
            await tickets.dispatch(
                work, ticket.id, [found.ticket.agency, *found.ticket.helpers], found.ticket.agency, None, by_allocation=True
            )
    if found.handoff is not None and offered and not await _under_way(work, case.id):
        await handoffs.offer(
            work,
            case,
            to=found.handoff.to_desk,
            mode="online" if found.handoff.mode == "online" else "call",
            reason=";".join(one.text for one in found.reasons)[:2000],
            basis=found.reasons[0].basis if found.reasons else None,
            dangerous=found.handoff.dangerous,
            plan=found,
        )
    elif found.order is not None and found.ticket is None and ticket is None and _asks(work, "12345"):
        # police are asked for, and nothing is handed over: the line that was called keeps its own face
        await faces.open_ticket(work, case, work.actor.desk)
    elif found.where == "guide" and ticket is None and order is None:
        await _open_own(work, case, found)
    await work.session.flush()


def _asks(work: Work, side: str) -> bool:
    return work.town.side(work.actor.desk) == side


async def _under_way(work: Work, case: str) -> bool:
    return any(one.state in ("offered", "negotiating", "accepted") for one in await faces.handoffs(work.session, case))


async def _open_own(work: Work, case: Case, found: Decision) -> None:
    """Guidance closes the face of the side that has the matter in hand."""
    desk = work.town.desk(work.actor.desk if work.actor.desk in work.town.desks else case.first_centre)
    if desk.side == "12345":
        await faces.open_ticket(work, case, desk.id)
    else:
        plan = OrderPlan("registered", "inform", "19", "110", ("110",), desk.id)
        await faces.open_order(work, case, plan)


async def _open_order(work: Work, case: Case, plan: OrderPlan) -> PoliceOrder:
    order = await faces.open_order(work, case, plan, accepted=plan.state != "awaiting-confirmation")
    if plan.state == "awaiting-confirmation":
        await orders.await_confirmation(work, case, order)
    elif plan.state == "dispatched":
        await orders.set_out(work, case, order)
    return order


async def _raise_order(work: Work, case: Case, order: PoliceOrder, plan: OrderPlan) -> None:
    """Danger was said of a case that has an order: it is dispatched if it is not, or awaits confirmation."""
    if order.state in ("dispatched", "signed", "arrived"):
        return
    if plan.state == "dispatched":
        order.danger_by = plan.danger_by or order.danger_by
        order.kind, order.lead, order.services = plan.kind, plan.lead, list(plan.services)
        await orders.dispatch_now(work, case, order, plan.unit)
    elif order.state == "registered":
        await notices.raise_(
            work,
            unit=order.platform,
            kind="confirm-danger",
            text=f"{order.number} 文字中有危险信号,请立即核实",
            level=notices.ALARM,
            case=case.id,
        )


@operation
async def overrule(
    work: Work, case: str, ticks: Ticks, reason: str, *, dispatch: bool = True, hand_over: bool = True
) -> Allocation:
    """A person decides otherwise (人工改判): the chain runs again on what they say, and both decisions are kept."""
    row = await work.hold(case)
    why = need(reason, "reason", "改判理由", 1000)
    if row.state == "closed":
        raise Conflict("事项已办结,不能改判", "请先重开", state=row.state)
    before = await newest(work.session, row.id)
    centre = work.actor.desk if work.actor.desk in work.town.desks else row.first_centre
    work.must_be(*work.town.desks)
    if ticks.item:
        row.item, row.item_chosen = ticks.item, True
    allocation = await decide(work, row, centre, ticks, overrules=before.id if before else None, reason=why)
    touch(work, row)
    await carry_out(work, row, allocation, dispatch=dispatch, hand_over=hand_over)
    return allocation
