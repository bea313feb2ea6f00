"""Endpoints of police orders."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import Depends, Query, Response
from pydantic import Field

from api.cases import views
from api.cases.endpoints import may_search
from api.kit import etag, paging, routing
from api.kit.casework import Looking, Working
from api.kit.deps import IfMatch, Pages, allowed
from api.kit.fields import MANY_LINES, Body, CreditCode, Id, Moment, Text, View
from router.access import audit, rules
from router.access.actor import Actor
from router.casework import listing, orders
from router.storage.casework import PoliceOrder

router = routing.router("/orders", "orders")


class OrderFilters:
    """Query parameters of the list of police orders."""

    def __init__(
        self,
        state: Annotated[list[str] | None, Query(max_length=10, description="状态,可多选")] = None,
        number: Annotated[str | None, Query(max_length=32)] = None,
        platform: Annotated[str | None, Query(max_length=64, description="110 台")] = None,
        unit: Annotated[str | None, Query(max_length=18, description="出警单位代码,仅公安")] = None,
        police_class: Annotated[str | None, Query(pattern=r"^[0-9]{2,6}$")] = None,
        kind: Annotated[str | None, Query(pattern=r"^(dispatch|assist|inform|complaint)$")] = None,
        danger: Annotated[bool | None, Query()] = None,
        item: Annotated[str | None, Query(max_length=64)] = None,
        division: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$")] = None,
        channel: Annotated[str | None, Query(max_length=20)] = None,
        since: Annotated[Moment | None, Query()] = None,
        until: Annotated[Moment | None, Query()] = None,
        overdue: Annotated[bool | None, Query()] = None,
        words: Annotated[str | None, Query(min_length=2, max_length=50)] = None,
        caller: Annotated[str | None, Query(max_length=32)] = None,
    ) -> None:
        self.filters = listing.Filters(
            states=state,
            number=number,
            agency=unit,
            platform=platform,
            police_class=police_class,
            police_kind=kind,
            danger=danger,
            item=item,
            division=division,
            channel=channel,
            since=since,
            until=until,
            overdue=overdue,
            words=words,
            caller=caller,
        )


class OrderRow(View):
    """列表中的一行"""

    order: views.OrderView
    case: views.CaseView


@router.get("", summary="警单列表 / List police orders")
async def list_(
    work: Looking, pages: Pages, actor: Annotated[Actor, allowed("order.read")], given: Annotated[OrderFilters, Depends()]
) -> paging.Page[OrderRow]:
    may_search(actor, given.filters)
    if given.filters.agency and not rules.sees_police_fields(actor):
        given.filters = replace(given.filters, agency=None)
    query = listing.orders(work.actor, work.now, given.filters)
    rows, after = await paging.fetch(work.session, query, pages, name="orders", keys=[PoliceOrder.created_at, PoliceOrder.id])
    return paging.Page(items=await _rows(work, rows), next=after)


async def _rows(work: Looking, rows: list[tuple[PoliceOrder, object]]) -> list[OrderRow]:
    seen = await views.sights(work, [case for _, case in rows])  # type: ignore[misc]
    return [
        OrderRow(order=views.order(order, seen[order.case_id].police), case=views.case(case, seen[order.case_id]))  # type: ignore[arg-type]
        for order, case in rows
    ]


@router.get("/urgent", summary="待确认与未处置的紧急警单 / What tops the desk")
async def urgent(work: Looking, actor: Annotated[Actor, allowed("order.dispatch")]) -> list[OrderRow]:
    """置顶列表:待确认的先列,上升次数多的先列,其次是危险未签收的。"""
    query = listing.urgent_orders(actor, work.now)
    return await _rows(work, [(row[0], row[1]) for row in (await work.session.execute(query)).all()])


@router.get("/{order}", summary="警单详情 / One police order")
async def show(order: str, work: Working, response: Response, actor: Annotated[Actor, allowed("order.read")]) -> views.OrderView:
    """公安查看警务字段留痕。"""
    row = await rules.load(work.session, actor, PoliceOrder, order, work.now)
    police = rules.sees_police_fields(actor)
    if police and (row.police_notes or row.result):
        await audit.looked(work.session, actor, "police.read", row.id, work.now, case=row.case_id)
    etag.put(response, row.rev)
    return views.order(row, police, whole=True)


async def _order(work: Working, actor: Actor, order: str) -> None:
    await rules.load(work.session, actor, PoliceOrder, order, work.now)


def _told(work: Working, response: Response, row: PoliceOrder) -> views.OrderView:
    etag.put(response, row.rev)
    return views.order(row, rules.sees_police_fields(work.actor))


class UnitBody(Body):
    """出警单位;不填由受理台处置。"""

    unit: CreditCode | None = None


class OrderDispatchBody(UnitBody):
    kind: Literal["dispatch", "assist", "inform", "complaint"] | None = Field(
        default=None, description="出警、协助、知会、投诉核查"
    )
    note: Annotated[str, Field(max_length=1000), MANY_LINES] = ""


class ReasonBody(Body):
    reason: Text


class TextBody(Body):
    text: Text


@router.post("/{order}/confirm", summary="一键确认派警 / Confirm with one key")
async def confirm(
    order: str,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("order.confirm")],
    body: UnitBody | None = None,
) -> views.OrderView:
    """分类器发现的危险:接警员确认后立即派警。不需要 If-Match:谁先确认都一样。"""
    await _order(work, actor, order)
    return _told(work, response, await orders.confirm(work, order, body.unit if body else None))


@router.post("/{order}/withdraw", summary="撤销 / Withdraw")
async def withdraw(
    order: str,
    body: ReasonBody,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("order.withdraw")],
) -> views.OrderView:
    """没有危险或重复登记,须写理由。"""
    await _order(work, actor, order)
    return _told(work, response, await orders.withdraw(work, order, body.reason))


@router.post("/{order}/dispatch", summary="派警 / Dispatch")
async def dispatch(
    order: str,
    body: OrderDispatchBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("order.dispatch")],
) -> views.OrderView:
    """警务投诉不会派给被投诉单位及其下属。"""
    await _order(work, actor, order)
    return _told(work, response, await orders.dispatch(work, order, body.unit, rev, kind=body.kind, note=body.note))


@router.post("/{order}/sign", summary="签收 / Sign")
async def sign(
    order: str, rev: IfMatch, work: Working, response: Response, actor: Annotated[Actor, allowed("order.sign")]
) -> views.OrderView:
    await _order(work, actor, order)
    return _told(work, response, await orders.sign(work, order, rev))


@router.post("/{order}/arrive", summary="到场 / Arrive")
async def arrive(
    order: str, rev: IfMatch, work: Working, response: Response, actor: Annotated[Actor, allowed("order.arrive")]
) -> views.OrderView:
    await _order(work, actor, order)
    return _told(work, response, await orders.arrive(work, order, rev))


class FeedbackBody(Body):
    """处警结果"""

    result: Text = Field(description="警务内部结果")
    public: Text = Field(description="可告知 12345 和诉求人的结果")


@router.post("/{order}/feedback", summary="反馈处警结果 / Feed back")
async def feedback(
    order: str,
    body: FeedbackBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("order.feedback")],
) -> views.OrderView:
    await _order(work, actor, order)
    return _told(work, response, await orders.feedback(work, order, body.result, body.public, rev))


@router.post("/{order}/notes", summary="警务记录 / Police-only notes")
async def notes(
    order: str,
    body: TextBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("order.notes")],
) -> views.OrderView:
    """只有公安可见,加密保存。"""
    await _order(work, actor, order)
    return _told(work, response, await orders.write_notes(work, order, body.text, rev))


@router.post("/{order}/answer", summary="当场答复 / Settle at the desk")
async def answer(
    order: str,
    body: TextBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("order.close")],
) -> views.OrderView:
    await _order(work, actor, order)
    return _told(work, response, await orders.answer(work, order, body.text, rev))


class GuideBody(Body):
    """引导解释:必须选标准话术或去处。"""

    guidance: Id
    note: Annotated[str, Field(max_length=1000), MANY_LINES] = ""


@router.post("/{order}/guide", summary="引导解释并办结 / Explain and close")
async def guide(
    order: str,
    body: GuideBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("order.close")],
) -> views.OrderView:
    await _order(work, actor, order)
    return _told(work, response, await orders.guide(work, order, body.guidance, body.note, rev))


@router.post("/{order}/close", summary="办结 / Close")
async def close(
    order: str, rev: IfMatch, work: Working, response: Response, actor: Annotated[Actor, allowed("order.close")]
) -> views.OrderView:
    """有流转未反馈时不能办结。"""
    await _order(work, actor, order)
    return _told(work, response, await orders.close(work, order, rev))


@router.post("/{order}/reopen", summary="重开 / Reopen")
async def reopen(
    order: str,
    body: ReasonBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("order.close")],
) -> views.OrderView:
    await _order(work, actor, order)
    return _told(work, response, await orders.reopen(work, order, body.reason, rev))
