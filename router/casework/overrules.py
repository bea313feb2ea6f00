"""What the engine said of matters, and what people made of it: read from the decisions that are kept. Nothing is changed here.

A matter is *overruled* when a person chose another item, line or urgency than the engine had said, or gave it to another agency
than the decision did; what a person did not speak of is no word against the engine.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from router.storage.casework import Allocation, Assignment, Case, Handoff, PoliceOrder, Ticket

AT_ONCE = 300
"""Matters read at a time."""
_UNSETTLED = ("returned", "negotiating")
_LEADS = ("110", "119", "120", "122")


@dataclass(frozen=True, slots=True)
class Said:
    """The engine's word when the matter was first decided. ``item`` and ``agency`` may be empty."""

    item: str
    route: str
    urgent: bool
    confidence: float
    agency: str
    model: str
    """Version of the engine."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One matter: what the engine said, and what holds now."""

    case: str
    city: str
    words: str
    registered: dt.datetime
    decided: dt.datetime
    """When the decision that holds was made."""
    said: Said
    item: str
    route: str
    """Who led in the end, in the words of the labelling guide; empty: it can't be told."""
    urgent: bool | None
    """What a person said of it, or withdrew; None: nobody spoke of it."""
    agency: str
    """Code of the agency that handles it; empty for a matter of the police alone."""
    overruled: bool
    guarded: bool
    """Confidential, of social stability, a complaint about police, erased, or merged into another: its words are left alone."""
    closed: bool


@dataclass(frozen=True, slots=True)
class _History:
    """A matter's rows."""

    case: Any
    allocations: Sequence[Allocation]
    ticket: Ticket | None
    lead: Assignment | None
    """The newest share of the agency that leads."""
    order: PoliceOrder | None
    handoff: Handoff | None


async def settled(
    session: AsyncSession,
    *,
    cities: Collection[str] | None = None,
    registered_since: dt.datetime | None = None,
    decided_since: dt.datetime | None = None,
) -> AsyncIterator[list[Settled]]:
    """Matters that were decided about, in the order of their registration, a page at a time; memory does not grow with them.

    ``decided_since``: only those with a decision since then, whenever they were registered.
    """
    case = (Case.id, Case.city, Case.words, Case.created_at, Case.confidentiality, Case.merged_into)
    query = select(*case, Case.erased_at, Case.closed_at, Case.origin)
    query = query.where(Case.state != "draft").order_by(Case.created_at, Case.id).limit(AT_ONCE)
    if cities is not None:
        query = query.where(Case.city.in_(cities))
    if registered_since is not None:
        query = query.where(Case.created_at >= registered_since)
    if decided_since is not None:
        query = query.where(exists().where(Allocation.case_id == Case.id, Allocation.at >= decided_since).correlate(Case))
    after: tuple[dt.datetime, str] | None = None
    while True:
        page = query if after is None else query.where(tuple_(Case.created_at, Case.id) > after)
        cases = (await session.execute(page)).all()
        found = [_settled(one) for one in await _histories(session, cases)]
        session.expunge_all()
        await session.rollback()
        kept = [one for one in found if one is not None and (decided_since is None or one.decided >= decided_since)]
        if kept:
            yield kept
        if len(cases) < AT_ONCE:
            return
        after = (cases[-1].created_at, cases[-1].id)


async def _histories(session: AsyncSession, cases: Sequence[Any]) -> list[_History]:
    ids = [one.id for one in cases]
    decisions: dict[str, list[Allocation]] = defaultdict(list)
    for row in (await session.scalars(_of(Allocation, ids).order_by(Allocation.at, Allocation.id))).all():
        decisions[row.case_id].append(row)
    shares = _of(Assignment, ids).where(Assignment.lead).order_by(Assignment.dispatched_at, Assignment.id)
    leads = {row.case_id: row for row in (await session.scalars(shares)).all()}
    tickets = {row.case_id: row for row in (await session.scalars(_of(Ticket, ids))).all()}
    orders = {row.case_id: row for row in (await session.scalars(_of(PoliceOrder, ids))).all()}
    handoffs = {
        row.case_id: row for row in (await session.scalars(_of(Handoff, ids).order_by(Handoff.offered_at, Handoff.id))).all()
    }
    return [
        _History(
            case=one,
            allocations=decisions[one.id],
            ticket=tickets.get(one.id),
            lead=leads.get(one.id),
            order=orders.get(one.id),
            handoff=handoffs.get(one.id),
        )
        for one in cases
    ]


def _of(model: type[Any], ids: Sequence[str]) -> Select[Any]:
    return select(model).where(model.case_id.in_(ids))


def _settled(history: _History) -> Settled | None:
    """What is known of a matter; None if it was never decided about."""
    if not history.allocations:
        return None
    case, first, last = history.case, history.allocations[0], history.allocations[-1]
    said, route, urgent = _said(first), _route(history), _urgent(history)
    order, agency = history.order, _agency(history)
    return Settled(
        case=case.id,
        city=case.city,
        words=case.words,
        registered=case.created_at,
        decided=last.at,
        said=said,
        item=last.item or "",
        route=route,
        urgent=urgent,
        agency=agency,
        overruled=_overruled(history, said, route, urgent, agency),
        guarded=(
            case.confidentiality != "open"
            or case.erased_at is not None
            or case.merged_into is not None
            or (order is not None and order.kind == "complaint")
            or any(_ticks(row).get("stability") or _ticks(row).get("police_complaint") for row in history.allocations)
        ),
        closed=case.closed_at is not None,
    )


def _agency(history: _History) -> str:
    """Who handles it: whom it was sent to by hand after the decision that holds, else whom that decision names."""
    last, lead = history.allocations[-1], history.lead
    if lead is not None and (lead.dispatched_at > last.at or not last.agency):
        return lead.agency
    return last.agency or ""


def _said(row: Allocation) -> Said:
    verdict = _inputs(row).get("verdict") or {}
    items, agencies = verdict.get("items") or (), verdict.get("agencies") or ()
    return Said(
        item=str(items[0]["item"]) if items else "",
        route=str(verdict.get("route", "unsure")),
        urgent=bool(verdict.get("urgent")),
        confidence=float(verdict.get("confidence") or 0.0),
        agency=str(agencies[0]["agency"]) if agencies else "",
        model=row.engine_version,
    )


def _inputs(row: Allocation) -> Mapping[str, Any]:
    found: Mapping[str, Any] = row.decision.get("inputs") or {}
    return found


def _ticks(row: Allocation) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _inputs(row).get("ticks") or {}
    return found


def _by_person(history: _History, row: Allocation) -> bool:
    """Whether what is ticked in a decision is an operator's word: what another system brought along is not."""
    return row.overrules is not None or history.case.origin is None


def _route(history: _History) -> str:
    """Who led in the end; empty while it is open between the lines, or if nobody decided it."""
    last, order, ticket, handoff = history.allocations[-1], history.order, history.ticket, history.handoff
    owner = last.decision.get("owner")
    if last.where == "guide":
        return "guide"
    if last.where == "first-receiver" or owner is None:
        return ""
    if handoff is not None and handoff.state in _UNSETTLED:
        return ""
    if owner == "110" and order is not None and order.state == "withdrawn":
        return "12345" if ticket is not None and ticket.accepted_at is not None and ticket.state != "withdrawn" else ""
    face = ticket if owner == "12345" else order
    if face is None or face.accepted_at is None or face.state == "withdrawn":
        return ""
    return order.lead if owner == "110" and order is not None and order.lead in _LEADS else str(owner)


def _urgent(history: _History) -> bool | None:
    """The last word of a person: a tick, a dispatcher's confirmation, or a withdrawal."""
    words: list[tuple[dt.datetime, bool]] = []
    for row in history.allocations:
        ticks = _ticks(row)
        if not _by_person(history, row):
            continue
        if ticks.get("danger") is not None and ticks.get("danger_by", "person") == "person":
            words.append((row.at, bool(ticks["danger"])))
        elif ticks.get("escalating"):
            words.append((row.at, True))
    order = history.order
    if order is not None and order.confirmed_at is not None:
        words.append((order.confirmed_at, True))
    if order is not None and order.state == "withdrawn" and order.danger_by == "classifier" and order.closed_at is not None:
        words.append((order.closed_at, False))
    return max(words, key=lambda one: one[0])[1] if words else None


def _overruled(history: _History, said: Said, route: str, urgent: bool | None, agency: str) -> bool:
    first, last = history.allocations[0], history.allocations[-1]
    chosen = next(
        (str(item) for row in reversed(history.allocations) if _by_person(history, row) and (item := _ticks(row).get("item"))), ""
    )
    if chosen and chosen != said.item:
        return True
    if urgent is not None and urgent != said.urgent:
        return True
    spoke = (
        last.overrules is not None
        or urgent is not None
        or (_by_person(history, last) and (chosen or _ticks(last).get("belongs") is not None))
    )
    if route and spoke and route != said.route:
        return True
    return bool(first.agency and agency and agency != first.agency)
