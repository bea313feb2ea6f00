"""The one place that says who may see which rows (数据范围); who may do what is in :mod:`router.access.roles`.

``visible_…`` are WHERE clauses for a person. What of a visible row is shown is in
:mod:`router.access.fields`. The service itself (role ``system``) may do and see everything.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, false, or_, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import Actor, Shared
from router.errors import NotFound
from router.storage.casework import (
    Allocation,
    Assignment,
    Attachment,
    Case,
    Consultation,
    Deadline,
    Handoff,
    Notice,
    NuisanceMark,
    Opinion,
    PoliceOrder,
    SupervisionOrder,
    Ticket,
)
from router.storage.emergencies import EmergencyEvent, EventTask, Improvement, MutualNotice, SituationReport
from router.storage.notifying import LinkageRequest
from router.storage.organisation import Grant


class Foreign(NotFound):
    """The row is there, but not for this person: told as if it were not there, and journalled."""

    foreign = True


# --- which rows a person may see -------------------------------------------------------------------------------------


def visible_cases(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`Case`."""
    if actor.is_system:
        return true()
    seen = and_(_rows(actor, now), not_secret(actor, now))
    return and_(seen, not_complained(actor)) if actor.role in ("police", "supervisor") else seen


def _rows(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    desk = actor.desk
    if actor.role == "operator":
        return _own_or_granted(actor, now, Case.city == actor.city, or_(Case.first_centre == desk, _has_ticket(), _handed(desk)))
    if actor.role == "police":
        if actor.side is None:  # a police unit, not a 110 desk: what it was sent to
            return _own_or_granted(actor, now, Case.id.in_(_sent_to(desk)))
        ours = or_(Case.first_centre == desk, _order(true()), _handed(desk))
        return _own_or_granted(actor, now, Case.city == actor.city, ours)
    if actor.role == "agency":
        return Case.id.in_(agency_cases(actor, now))
    if actor.role == "supervisor":
        if actor.side is None:
            return Case.city == actor.city if actor.city else true()
        face = _has_ticket() if actor.side == "12345" else _order(true())
        return _own_or_granted(actor, now, Case.city == actor.city, or_(Case.first_centre == desk, face, _handed(desk)))
    if actor.role == "integration":
        return Case.id.in_(_of_program(actor, now))
    return false()  # administrators keep accounts and rules, and see no matters


def _own_or_granted(actor: Actor, now: dt.datetime, *own: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(and_(*own), _granted_row(actor, now)) if _may_share(actor) else and_(*own)


def agency_cases(actor: Actor, now: dt.datetime) -> Any:
    """Ids of the cases that an agency may see (it was given whatever it is supervised for): one list, so that a database with
    a million matters can begin at the agency's own."""
    mine = assigned_cases(actor.desk)
    return union_all(mine, *_granted(actor, now)) if _may_share(actor) else mine


def _of_program(actor: Actor, now: dt.datetime) -> Any:
    """Ids of the cases that a program brought, or that its peer system has to do with."""
    ids: list[Select[Any]] = [select(Case.id).where(Case.created_by == actor.id)]
    if actor.peer:
        ids.append(select(Case.id).where(Case.origin == actor.peer))
        ids += [select(Handoff.case_id).where(end == actor.desk) for end in (Handoff.to_centre, Handoff.from_centre)]
    return union_all(*ids, *(_granted(actor, now) if _may_share(actor) else ()))


def not_secret(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """Clues about social stability (稳定线索): police, supervisors, whoever took it, and units granted that very case."""
    if actor.role in ("police", "supervisor"):
        return true()
    seen = or_(Case.confidentiality != "stability", Case.created_by == actor.id)
    return or_(seen, _named_row(actor, now)) if _may_share(actor) else seen


def _one_of_case(query: Select[Any]) -> ColumnElement[bool]:
    """Whether a query that hangs on :class:`Case` finds a row. It is asked case by case, by an index; an EXISTS beside an OR
    would have PostgreSQL read the whole other table first, for a page of 50."""
    return query.correlate(Case).limit(1).scalar_subquery().is_not(None)


def _has_ticket() -> ColumnElement[bool]:
    return _one_of_case(select(Ticket.case_id).where(Ticket.case_id == Case.id))


def _order(more: ColumnElement[bool]) -> ColumnElement[bool]:
    return _one_of_case(select(PoliceOrder.case_id).where(PoliceOrder.case_id == Case.id, more))


def _handed(desk: str) -> ColumnElement[bool]:
    at = or_(Handoff.to_centre == desk, Handoff.from_centre == desk)
    return _one_of_case(select(Handoff.case_id).where(Handoff.case_id == Case.id, at))


def not_complained(actor: Actor) -> ColumnElement[bool]:
    """Nobody sees a complaint about the own unit (回避)."""
    return ~_order(PoliceOrder.complained_of.in_([actor.unit, actor.desk]))


def assigned_cases(agency: str) -> Select[Any]:
    """Ids of the cases that an agency was given, also those that it has given back."""
    return select(Assignment.case_id).where(Assignment.agency == agency)


def _sent_to(unit: str) -> Select[Any]:
    return select(PoliceOrder.case_id).where(PoliceOrder.unit == unit)


def live_grants(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`Grant`: what the actor's desk may see of others' at this moment."""
    return and_(Grant.to_unit == actor.desk, Grant.since <= now, Grant.until > now, Grant.revoked_at.is_(None))


def _granted_row(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """Whether a grant opens a row of :class:`Case`: it names the case, or its unit accepted or first took it."""
    unit = Grant.from_unit
    ticket = exists().where(Ticket.case_id == Case.id, or_(Ticket.platform == unit, Ticket.agency == unit))
    order = exists().where(PoliceOrder.case_id == Case.id, PoliceOrder.platform == unit)
    whole = or_(unit == Case.first_centre, ticket.correlate(Case, Grant), order.correlate(Case, Grant))
    opens = or_(Grant.case_id == Case.id, and_(Grant.case_id.is_(None), whole))
    return exists().where(live_grants(actor, now), opens).correlate(Case)


def _named_row(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    return exists().where(live_grants(actor, now), Grant.case_id == Case.id).correlate(Case)


def _granted(actor: Actor, now: dt.datetime) -> list[Select[Any]]:
    """Ids of the cases that a grant opens, in several queries that begin at the grants, which are few."""
    units = ((Case.id, Case.first_centre), (Ticket.case_id, Ticket.platform), (Ticket.case_id, Ticket.agency))
    columns = (*units, (PoliceOrder.case_id, PoliceOrder.platform))
    if actor.shared is not None:  # named, a planner knows how much is theirs
        named: list[Select[Any]] = [select(Case.id).where(Case.id.in_(actor.shared.cases))] if actor.shared.cases else []
        return named + [select(id_).where(unit.in_(actor.shared.units)) for id_, unit in columns if actor.shared.units]
    live = live_grants(actor, now)
    whole = and_(live, Grant.case_id.is_(None))
    named = [select(Grant.case_id).where(live, Grant.case_id.is_not(None))]
    return named + [select(id_).join(Grant, Grant.from_unit == unit).where(whole) for id_, unit in columns]


def _may_share(actor: Actor) -> bool:
    return actor.shared is None or bool(actor.shared)


async def look_for_grants(session: AsyncSession, actor: Actor, now: dt.datetime) -> Actor:
    """The actor that knows what is shared with the desk at this moment: for lists, which else ask it of every row."""
    if actor.is_system:
        return actor
    rows = (await session.execute(select(Grant.case_id, Grant.from_unit).where(live_grants(actor, now)).distinct())).all()
    cases = tuple(row.case_id for row in rows if row.case_id is not None)
    return dataclasses.replace(actor, shared=Shared(cases, tuple(row.from_unit for row in rows if row.case_id is None)))


def _of_visible_case(column: Any, actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    if actor.is_system:
        return true()
    return exists().where(Case.id == column, visible_cases(actor, now)).correlate(column.class_)


def visible_tickets(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`Ticket`."""
    if actor.role == "agency":
        return and_(Ticket.case_id.in_(agency_cases(actor, now)), _open_case(Ticket.case_id, actor, now))
    return _of_visible_case(Ticket.case_id, actor, now)


def _open_case(column: Any, actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    return exists().where(Case.id == column, not_secret(actor, now)).correlate(column.class_)


def visible_orders(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`PoliceOrder`. Agencies see none: an order is between the two lines."""
    if actor.role == "agency":
        return false()
    if actor.role == "police" and actor.side is None:
        return and_(
            PoliceOrder.unit == actor.desk,
            or_(PoliceOrder.complained_of.is_(None), PoliceOrder.complained_of.not_in([actor.unit, actor.desk])),
        )
    return _of_visible_case(PoliceOrder.case_id, actor, now)


def visible_handoffs(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`Handoff`: both sides see one truth. An agency sees those that agencies began."""
    seen = _of_visible_case(Handoff.case_id, actor, now)
    return and_(Handoff.mode == "agency", seen) if actor.role == "agency" else seen


def visible_assignments(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    return _of_visible_case(Assignment.case_id, actor, now)


def visible_allocations(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    return _of_visible_case(Allocation.case_id, actor, now)


def visible_attachments(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`Attachment`; police-only ones for those who see police fields."""
    seen = _of_visible_case(Attachment.case_id, actor, now)
    return seen if sees_police_fields(actor) else and_(Attachment.police_only.is_(False), seen)


def visible_supervisions(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`SupervisionOrder`: agencies see those to them."""
    if actor.role == "agency":
        return SupervisionOrder.to_unit == actor.desk
    return _of_visible_case(SupervisionOrder.case_id, actor, now)


def visible_deadlines(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`Deadline`: agencies see their own duties."""
    if actor.role == "agency":
        return Deadline.unit == actor.desk
    if actor.is_system:
        return true()
    return or_(Deadline.unit == actor.desk, _of_visible_case(Deadline.case_id, actor, now))


def visible_notices(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`Notice`: those to one's desk, and to one's role if they name one."""
    if actor.is_system:
        return true()
    role = or_(Notice.role.is_(None), Notice.role == actor.role)
    if actor.role == "supervisor":
        return or_(and_(Notice.unit == actor.desk, role), _of_visible_case(Notice.case_id, actor, now))
    return and_(Notice.unit == actor.desk, role)


def visible_consultations(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`Consultation`: those of the city; agencies those that they have spoken in or whose invitation
    :func:`router.access.rules.invited` finds (the list of agencies is JSON)."""
    if actor.is_system:
        return true()
    city = Consultation.city == actor.city if actor.city else true()
    if actor.role == "agency":
        return and_(city, or_(invited(actor.desk), spoke(actor.desk)))
    return city if actor.role in ("operator", "police", "supervisor") else false()


def invited(agency: str) -> ColumnElement[bool]:
    """The agency is in the JSON list; codes have 18 letters and digits, so one can't be part of another."""
    return cast(Consultation.agencies, Text).contains(f'"{agency}"', autoescape=True)


def spoke(unit: str) -> ColumnElement[bool]:
    return exists().where(Opinion.subject_id == Consultation.id, Opinion.unit == unit).correlate(Consultation)


def visible_events(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`EmergencyEvent`: those of the city; agencies those in which they are asked something."""
    if actor.is_system:
        return true()
    city = EmergencyEvent.city == actor.city if actor.city else true()
    if actor.role == "agency" or (actor.role == "police" and actor.side is None):
        asked = exists().where(LinkageRequest.event_id == EmergencyEvent.id, LinkageRequest.unit == actor.desk)
        ordered = exists().where(EventTask.event_id == EmergencyEvent.id, EventTask.unit == actor.desk)
        improves = exists().where(Improvement.event_id == EmergencyEvent.id, Improvement.unit == actor.desk)
        return or_(*(one.correlate(EmergencyEvent) for one in (asked, ordered, improves)))
    return city if actor.role in ("operator", "police", "supervisor") else false()


def _of_visible_event(column: Any, actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """Rows of an event: agencies see their own."""
    if actor.is_system:
        return true()
    if actor.role == "agency" or (actor.role == "police" and actor.side is None):
        mine: ColumnElement[bool] = column.class_.unit == actor.desk
        return mine
    return exists().where(EmergencyEvent.id == column, visible_events(actor, now)).correlate(column.class_)


def visible_requests(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`LinkageRequest`."""
    return _of_visible_event(LinkageRequest.event_id, actor, now)


def visible_tasks(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`EventTask`."""
    return _of_visible_event(EventTask.event_id, actor, now)


def visible_improvements(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`Improvement`."""
    return _of_visible_event(Improvement.event_id, actor, now)


def visible_mutual_notices(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`MutualNotice`: between the two lines, so no agency sees them."""
    if actor.role == "agency":
        return false()
    return exists().where(EmergencyEvent.id == MutualNotice.event_id, visible_events(actor, now)).correlate(MutualNotice)


def visible_reports(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`SituationReport`: no agency sees them."""
    if actor.role == "agency":
        return false()
    return exists().where(EmergencyEvent.id == SituationReport.event_id, visible_events(actor, now)).correlate(SituationReport)


def visible_nuisance(actor: Actor, now: dt.datetime) -> ColumnElement[bool]:
    """WHERE clause over :class:`NuisanceMark`: the two lines' people and supervisors."""
    return true() if actor.is_system or actor.role in ("operator", "police", "supervisor") else false()


def sees_police_fields(actor: Actor) -> bool:
    """Police at work for 110, supervisors of the police, and the service itself."""
    return actor.is_system or actor.role == "police" or (actor.role == "supervisor" and actor.side == "110")


VISIBLE: dict[type[Any], Any] = {
    Case: visible_cases,
    Ticket: visible_tickets,
    PoliceOrder: visible_orders,
    Handoff: visible_handoffs,
    Assignment: visible_assignments,
    Allocation: visible_allocations,
    Attachment: visible_attachments,
    SupervisionOrder: visible_supervisions,
    Deadline: visible_deadlines,
    Notice: visible_notices,
    Consultation: visible_consultations,
    NuisanceMark: visible_nuisance,
    EmergencyEvent: visible_events,
    LinkageRequest: visible_requests,
    EventTask: visible_tasks,
    Improvement: visible_improvements,
    MutualNotice: visible_mutual_notices,
    SituationReport: visible_reports,
}

Row = TypeVar("Row")


async def load(session: AsyncSession, actor: Actor, model: type[Row], key: str, now: dt.datetime, *, lock: bool = False) -> Row:
    """The row with this id, if the actor may see it; raise :class:`router.errors.NotFound`, or :class:`Foreign` (also a 404,
    and journalled) when it is there for others. ``lock``: FOR UPDATE."""
    column = next(iter(model.__table__.primary_key))  # type: ignore[attr-defined]
    query = select(model).where(column == key, VISIBLE[model](actor, now))
    found = await session.scalar(query.with_for_update() if lock else query)
    if found is not None:
        return found
    there = await session.scalar(select(exists().where(column == key)))
    kind = Foreign if there else NotFound
    raise kind("没有这条记录,或不在您的可见范围", "检查编号", subject=key[:64])
