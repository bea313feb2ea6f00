"""Smart supervision (智能监管): what goes wrong is found by itself and listed, each entry with the case that shows it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from router.access import rules
from router.casework.work import Work
from router.storage.casework import Allocation, Case, CaseLink, Deadline, Handoff, PoliceOrder, Ticket

KINDS = {
    "unsigned": "超时未签收",
    "returned-again": "反复退回",
    "pushed-away": "首接推诿",
    "urgent-undispatched": "紧急未派警",
    "tracked-disputes": "矛盾纠纷跟踪",
    "overdue": "超期未办",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry of a list."""

    kind: str
    case: str
    number: str
    unit: str
    """Whose fault or duty it is."""
    since: dt.datetime
    detail: dict[str, Any] = field(default_factory=dict)


def _seen(work: Work) -> ColumnElement[bool]:
    """What the one who asks may see at all."""
    return rules.visible_cases(work.actor, work.now)


async def unsigned(work: Work, units: Sequence[str] | None, limit: int) -> list[Finding]:
    """Nobody signed in time: tickets, police orders and handoffs."""
    return await _overdue(work, units, ("sign", "accept"), "unsigned", limit)


async def overdue(work: Work, units: Sequence[str] | None, limit: int) -> list[Finding]:
    """Handling, feedback or an answer is over time."""
    duties = ("handle", "feedback", "answer", "dispatch", "call-back", "settle", "close", "confirm")
    return await _overdue(work, units, duties, "overdue", limit)


async def _overdue(work: Work, units: Sequence[str] | None, duties: Sequence[str], kind: str, limit: int) -> list[Finding]:
    query = (
        select(Deadline, Case.number)
        .join(Case, Case.id == Deadline.case_id)
        .where(Deadline.ended_at.is_(None), Deadline.due_at < work.now, Deadline.paused_at.is_(None), _seen(work))
        .where(Deadline.duty.in_(duties))
        .order_by(Deadline.due_at)
        .limit(limit)
    )
    if units is not None:
        query = query.where(Deadline.unit.in_(units))
    return [
        Finding(kind, row.case_id or "", number, row.unit, row.due_at, {"duty": row.duty, "allowed": row.allowed})
        for row, number in (await work.session.execute(query)).all()
    ]


async def returned_again(work: Work, units: Sequence[str] | None, limit: int, at_least: int = 2) -> list[Finding]:
    """Tickets that agencies sent back again and again."""
    query = (
        select(Ticket, Case.number)
        .join(Case, Case.id == Ticket.case_id)
        .where(Ticket.returned >= at_least, Ticket.state.not_in(("closed", "withdrawn")), _seen(work))
        .order_by(Ticket.returned.desc(), Ticket.created_at)
        .limit(limit)
    )
    if units is not None:
        query = query.where(or_(Ticket.platform.in_(units), Ticket.agency.in_(units)))
    return [
        Finding("returned-again", row.case_id, number, row.agency or row.platform, row.created_at, {"returned": row.returned})
        for row, number in (await work.session.execute(query)).all()
    ]


async def pushed_away(work: Work, units: Sequence[str] | None, limit: int, since: dt.datetime) -> list[Finding]:
    """The first receiver handed on what came back to it, or offered the same matter more than once (首接推诿)."""
    query = (
        select(
            Case.id,
            Case.number,
            Case.first_centre,
            func.count(Handoff.id).label("offers"),
            func.count(Handoff.returned_at).label("returned"),
            func.min(Handoff.offered_at).label("first"),
        )
        .join(Handoff, Handoff.case_id == Case.id)
        .where(Handoff.from_centre == Case.first_centre, Handoff.offered_at >= since, _seen(work))
        .group_by(Case.id, Case.number, Case.first_centre)
        .having(or_(func.count(Handoff.id) >= 2, func.max(Handoff.owner) == Case.first_centre))
        .order_by(func.count(Handoff.id).desc(), func.min(Handoff.offered_at))
        .limit(limit)
    )
    if units is not None:
        query = query.where(Case.first_centre.in_(units))
    return [
        Finding("pushed-away", row.id, row.number, row.first_centre, row.first, {"offers": row.offers, "returned": row.returned})
        for row in (await work.session.execute(query)).all()
    ]


async def urgent_undispatched(work: Work, units: Sequence[str] | None, limit: int, since: dt.datetime) -> list[Finding]:
    """Danger was named or found, and nobody has set out: no order, or one that is not dispatched and not withdrawn."""
    dangerous = select(Allocation.case_id).where(Allocation.urgency == "danger", Allocation.at >= since)
    query = (
        select(Case, PoliceOrder)
        .outerjoin(PoliceOrder, PoliceOrder.case_id == Case.id)
        .where(Case.id.in_(dangerous), Case.state != "closed", _seen(work))
        .where(or_(PoliceOrder.id.is_(None), PoliceOrder.state.in_(("awaiting", "registered", "waiting"))))
        .order_by(Case.created_at)
        .limit(limit)
    )
    if units is not None:
        query = query.where(or_(PoliceOrder.platform.in_(units), Case.first_centre.in_(units)))
    return [
        Finding(
            "urgent-undispatched",
            case.id,
            case.number,
            order.platform if order else case.first_centre,
            case.created_at,
            {"order": order.number, "state": order.state, "climbs": order.climbs} if order else {"order": None},
        )
        for case, order in (await work.session.execute(query)).all()
    ]


async def tracked_disputes(work: Work, units: Sequence[str] | None, limit: int, at_least: int = 2) -> list[Finding]:
    """Disputes with two police orders or more among linked cases (持续跟踪直到源头化解), until their ticket is closed."""
    linked = (
        select(CaseLink.case_id, func.count(PoliceOrder.id).label("n"))
        .join(PoliceOrder, PoliceOrder.case_id == CaseLink.other_id)
        .where(PoliceOrder.state != "withdrawn")
        .group_by(CaseLink.case_id)
        .subquery()
    )
    own = select(PoliceOrder.case_id).where(PoliceOrder.state != "withdrawn")
    query = (
        select(Case.id, Case.number, Case.first_centre, Case.created_at, linked.c.n, Case.id.in_(own).label("own"), Ticket)
        .join(linked, linked.c.case_id == Case.id)
        .outerjoin(Ticket, Ticket.case_id == Case.id)
        .where(or_(Ticket.id.is_(None), Ticket.state.not_in(("closed", "withdrawn"))), _seen(work))
        .order_by(linked.c.n.desc(), Case.created_at)
        .limit(limit * 2)
    )
    if units is not None:
        query = query.where(or_(Ticket.platform.in_(units), Case.first_centre.in_(units)))
    found = []
    for row in (await work.session.execute(query)).all():
        orders = int(row.n) + (1 if row.own else 0)
        if orders >= at_least:
            unit = row.Ticket.platform if row.Ticket else row.first_centre
            found.append(Finding("tracked-disputes", row.id, row.number, unit, row.created_at, {"orders": orders}))
    return found[:limit]


async def listed(work: Work, kind: str, *, units: Sequence[str] | None = None, limit: int = 200, days: int = 30) -> list[Finding]:
    """One list; ``units`` narrows it to those whose duty it is (None: all)."""
    since = work.now - dt.timedelta(days=days)
    if kind == "unsigned":
        return await unsigned(work, units, limit)
    if kind == "overdue":
        return await overdue(work, units, limit)
    if kind == "returned-again":
        return await returned_again(work, units, limit)
    if kind == "pushed-away":
        return await pushed_away(work, units, limit, since)
    if kind == "urgent-undispatched":
        return await urgent_undispatched(work, units, limit, since)
    if kind == "tracked-disputes":
        return await tracked_disputes(work, units, limit)
    raise ValueError(f"no list {kind!r}")
