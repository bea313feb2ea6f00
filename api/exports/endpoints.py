"""Endpoints of exports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import StreamingResponse

from api.cases import views
from api.cases.endpoints import CaseFilters, may_search
from api.exports import columns
from api.exports.columns import Column, Line, Names
from api.handoffs.endpoints import HandoffFilters
from api.kit import export, routing
from api.kit.casework import Looking
from api.kit.deps import allowed
from api.kit.sheets import Cell
from api.orders.endpoints import OrderFilters
from api.tickets.endpoints import TicketFilters
from router.access import rules
from router.access.actor import Actor
from router.casework import listing
from router.casework.listing import Filters
from router.casework.work import Work
from router.catalog import versions
from router.journal import redact
from router.organisation import numbers
from router.storage.casework import Case, Handoff, PoliceOrder, Ticket
from router.storage.organisation import Agency

router = routing.router("/exports", "exports", responses=export.RESPONSES)


@router.get("/tickets", summary="导出工单 / Export tickets", response_class=StreamingResponse)
async def tickets(
    request: Request,
    work: Looking,
    actor: Annotated[Actor, allowed("ticket.export")],
    given: Annotated[TicketFilters, Depends()],
    format_: export.FormatQuery,
) -> StreamingResponse:
    """条件同工单列表,不限条数,新的在前。号码和姓名按角色脱敏;导出的条件和条数留痕。"""
    may_search(actor, given.filters)
    query = listing.tickets(work.actor, work.now, given.filters)
    wanted = await _export(work, "工单", "tickets", columns.TICKETS, query, Ticket.created_at, Ticket.id, given.filters)
    return await export.stream(request, actor, wanted, format_, work.now)


@router.get("/orders", summary="导出警单 / Export police orders", response_class=StreamingResponse)
async def orders(
    request: Request,
    work: Looking,
    actor: Annotated[Actor, allowed("order.export")],
    given: Annotated[OrderFilters, Depends()],
    format_: export.FormatQuery,
) -> StreamingResponse:
    """条件同警单列表。警务字段只给公安一侧。"""
    may_search(actor, given.filters)
    filters = given.filters if rules.sees_police_fields(actor) else replace(given.filters, agency=None)
    query = listing.orders(work.actor, work.now, filters)
    wanted = await _export(work, "警单", "orders", columns.ORDERS, query, PoliceOrder.created_at, PoliceOrder.id, filters)
    return await export.stream(request, actor, wanted, format_, work.now)


@router.get("/handoffs", summary="导出流转 / Export handoffs", response_class=StreamingResponse)
async def handoffs(
    request: Request,
    work: Looking,
    actor: Annotated[Actor, allowed("handoff.export")],
    given: Annotated[HandoffFilters, Depends()],
    format_: export.FormatQuery,
) -> StreamingResponse:
    """条件同流转列表。"""
    query = listing.handoffs(work.actor, work.now, given.filters)
    wanted = await _export(work, "流转", "handoffs", columns.HANDOFFS, query, Handoff.offered_at, Handoff.id, given.filters)
    return await export.stream(request, actor, wanted, format_, work.now)


@router.get("/cases", summary="导出事项 / Export cases", response_class=StreamingResponse)
async def cases(
    request: Request,
    work: Looking,
    actor: Annotated[Actor, allowed("case.export")],
    given: Annotated[CaseFilters, Depends()],
    format_: export.FormatQuery,
) -> StreamingResponse:
    """条件同事项列表。"""
    may_search(actor, given.filters)
    query = listing.cases(work.actor, work.now, given.filters)
    wanted = await _export(work, "事项", "cases", columns.CASES, query, Case.created_at, Case.id, given.filters)
    return await export.stream(request, actor, wanted, format_, work.now)


async def _export(
    work: Work, name: str, what: str, shown: Sequence[Column], query: Any, began: Any, id_: Any, filters: Filters
) -> export.Export:
    names = await _names(work)

    async def rows(session: AsyncSession) -> AsyncIterator[Sequence[Sequence[Cell]]]:
        aside = Work(session, work.actor, work.now, work.town)
        async for page in listing.pages(session, query, began, id_):
            pairs = [(row[0], row[-1]) for row in page]
            seen = await views.sights(aside, [case for _, case in pairs])
            yield [columns.cells(shown, Line(row, case, seen[case.id], names)) for row, case in pairs]

    return export.Export(name, columns.titles(shown), rows, what, _journalled(filters))


async def _names(work: Work) -> Names:
    """Names of units and items, as they are now."""
    agencies = {row.code: row.name for row in await work.session.execute(select(Agency.code, Agency.name))}
    items: dict[str, str] = {}
    for city in await versions.cities(work.session):
        catalog = await versions.newest(work.session, city)
        items |= {code: item.name for code, item in catalog.items.items()} if catalog else {}
    return Names({**work.town.names, **agencies}, items)


def _journalled(filters: Filters) -> dict[str, object]:
    """The filters as the journal may hold them: a number or words of a citizen by their hash only."""
    said = asdict(filters)
    number = numbers.normalise(filters.caller) if filters.caller else None
    said["caller"] = redact.ref("number", number) if number else None
    said["words"] = redact.ref("words", filters.words) if filters.words else None
    return export.journalled(**said)
