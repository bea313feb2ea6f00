"""Lists of cases, tickets, police orders and handoffs: filters as queries, and rows streamed for export.

Row rules are those of :mod:`router.access.rules`; a filter never widens them. All lists are ordered by when a row began and its
id, newest first, which is what their indexes are made for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from router.access import rules
from router.access.actor import Actor
from router.casework import numbering
from router.errors import Invalid
from router.organisation import numbers
from router.storage import sealed
from router.storage.casework import Case, Deadline, Handoff, PoliceOrder, Ticket

AT_ONCE = 500
"""Rows fetched at a time while streaming."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What to list; None: not asked for. Lists mean any of."""

    states: Sequence[str] | None = None
    number: str | None = None
    agency: str | None = None
    platform: str | None = None
    item: str | None = None
    kind: str | None = None
    division: str | None = None
    """A code; one of a province or city (…00) means all below it."""
    urgency: str | None = None
    channel: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    overdue: bool | None = None
    words: str | None = None
    """Text that the citizen's words contain."""
    caller: str | None = None
    """A phone number, exact."""
    city: str | None = None
    police_class: str | None = None
    police_kind: str | None = None
    danger: bool | None = None
    to_centre: str | None = None
    from_centre: str | None = None
    mode: str | None = None


def cases(actor: Actor, now: dt.datetime, given: Filters) -> Select[Case]:
    """Cases that the actor may see."""
    query = select(Case).where(rules.visible_cases(actor, now))
    query = _common(query, given, Case, Case.created_at)
    if given.item:
        query = query.where(Case.item == given.item)
    if given.kind:
        query = query.where(Case.kind == given.kind)
    if given.urgency:
        query = query.where(Case.urgency == given.urgency)
    if given.division:
        query = query.where(_division(Case.division, given.division))
    narrowed: Select[Case] = _of_case(query, given)
    return narrowed


def tickets(actor: Actor, now: dt.datetime, given: Filters) -> Select[Ticket, Case]:
    """Tickets that the actor may see, with their cases."""
    query = select(Ticket, Case).join(Case, Case.id == Ticket.case_id).where(rules.visible_tickets(actor, now))
    query = _common(query, given, Ticket, Ticket.created_at)
    if given.agency:
        query = query.where(Ticket.case_id.in_(rules.assigned_cases(given.agency)))
    for column, value in ((Ticket.platform, given.platform), (Ticket.item, given.item), (Ticket.kind, given.kind)):
        if value:
            query = query.where(column == value)
    if given.urgency:
        query = query.where(Ticket.urgency == given.urgency)
    if given.division:
        query = query.where(_division(Ticket.division, given.division))
    if given.overdue is not None:
        query = query.where(_overdue(Ticket.case_id, now) if given.overdue else ~_overdue(Ticket.case_id, now))
    narrowed: Select[Ticket, Case] = _of_case(query, given)
    return narrowed


def orders(actor: Actor, now: dt.datetime, given: Filters) -> Select[PoliceOrder, Case]:
    """Police orders that the actor may see, with their cases."""
    query = select(PoliceOrder, Case).join(Case, Case.id == PoliceOrder.case_id).where(rules.visible_orders(actor, now))
    query = _common(query, given, PoliceOrder, PoliceOrder.created_at)
    if given.agency:
        query = query.where(PoliceOrder.unit == given.agency)
    if given.platform:
        query = query.where(PoliceOrder.platform == given.platform)
    if given.police_class:
        query = query.where(PoliceOrder.police_class.startswith(given.police_class, autoescape=True))
    if given.police_kind:
        query = query.where(PoliceOrder.kind == given.police_kind)
    if given.danger is not None:
        query = query.where(PoliceOrder.danger_by.is_not(None) if given.danger else PoliceOrder.danger_by.is_(None))
    if given.item:
        query = query.where(Case.item == given.item)
    if given.urgency:
        query = query.where(Case.urgency == given.urgency)
    if given.division:
        query = query.where(_division(Case.division, given.division))
    if given.overdue is not None:
        query = query.where(_overdue(PoliceOrder.case_id, now) if given.overdue else ~_overdue(PoliceOrder.case_id, now))
    narrowed: Select[PoliceOrder, Case] = _of_case(query, given)
    return narrowed


def urgent_orders(actor: Actor, now: dt.datetime, limit: int = 100) -> Select[PoliceOrder, Case]:
    """What tops a 110 desk: orders that await confirmation, those that climbed most first; then dangerous ones that nobody has
    signed."""
    awaiting = PoliceOrder.state == "awaiting"
    unsigned = and_(PoliceOrder.state.in_(("dispatched", "registered")), PoliceOrder.danger_by.is_not(None))
    return (
        select(PoliceOrder, Case)
        .join(Case, Case.id == PoliceOrder.case_id)
        .where(rules.visible_orders(actor, now), or_(awaiting, unsigned))
        .order_by(awaiting.desc(), PoliceOrder.climbs.desc(), PoliceOrder.created_at, PoliceOrder.id)
        .limit(limit)
    )


def handoffs(actor: Actor, now: dt.datetime, given: Filters) -> Select[Handoff, Case]:
    """Handoffs that the actor may see, with their cases."""
    query = select(Handoff, Case).join(Case, Case.id == Handoff.case_id).where(rules.visible_handoffs(actor, now))
    query = _common(query, given, Handoff, Handoff.offered_at)
    for column, value in (
        (Handoff.to_centre, given.to_centre),
        (Handoff.from_centre, given.from_centre),
        (Handoff.mode, given.mode),
    ):
        if value:
            query = query.where(column == value)
    if given.platform:
        query = query.where(or_(Handoff.to_centre == given.platform, Handoff.from_centre == given.platform))
    if given.danger is not None:
        query = query.where(Handoff.dangerous.is_(given.danger))
    if given.item:
        query = query.where(Case.item == given.item)
    narrowed: Select[Handoff, Case] = _of_case(query, given)
    return narrowed


def _common(query: Any, given: Filters, model: Any, began: Any) -> Any:
    if given.states:
        query = query.where(model.state.in_(given.states))
    if given.number:
        query = query.where(model.number == numbering.read(given.number))
    if given.since and given.until and given.since >= given.until:
        raise Invalid("起始时间不早于截止时间", "请调整时间范围", field="since")
    if given.since:
        query = query.where(began >= given.since)
    if given.until:
        query = query.where(began < given.until)
    return query


def _of_case(query: Any, given: Filters) -> Any:
    if given.channel:
        query = query.where(Case.channel == given.channel)
    if given.city:
        query = query.where(Case.city == given.city)
    if given.words:
        query = query.where(Case.words.contains(given.words, autoescape=True))
    if given.caller:
        number = numbers.normalise(given.caller)
        query = query.where(Case.caller_print == (sealed.fingerprint("number", number) if number else ""))
    return query


def _division(column: Any, code: str) -> ColumnElement[bool]:
    """The code or what lies below it. The bound is of digits, which every collation sorts alike."""
    stem = code
    while len(stem) > 2 and stem.endswith("00"):
        stem = stem[:-2]
    return column == code if len(stem) == 12 else and_(column >= stem, column <= stem.ljust(12, "9"))


def _overdue(case: Any, now: dt.datetime) -> ColumnElement[bool]:
    late = exists().where(
        Deadline.case_id == case, Deadline.ended_at.is_(None), Deadline.paused_at.is_(None), Deadline.due_at < now
    )
    return late.correlate(case.class_)


async def pages(session: AsyncSession, query: Any, began: Any, id_: Any) -> AsyncIterator[Sequence[Any]]:
    """All rows of a list, newest first, a page at a time: memory does not grow with their number, and while a page is used
    no transaction is open."""
    after: tuple[Any, Any] | None = None
    while True:
        page = query if after is None else query.where(tuple_(began, id_) < after)
        rows = (await session.execute(page.order_by(began.desc(), id_.desc()).limit(AT_ONCE))).all()
        session.expunge_all()
        await session.rollback()
        if rows:
            yield rows
        if len(rows) < AT_ONCE:
            return
        last = rows[-1][0]
        after = (getattr(last, began.key), last.id)
