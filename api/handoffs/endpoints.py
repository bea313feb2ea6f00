"""Endpoints of handoffs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Response
from pydantic import Field

from api.cases import views
from api.kit import etag, paging, routing
from api.kit.casework import Looking, Working
from api.kit.deps import IfMatch, Pages, allowed
from api.kit.fields import MANY_LINES, ONE_LINE, Body, Id, Moment, Text, View
from router.access import rules
from router.access.actor import Actor
from router.casework import handoffs, listing, negotiation
from router.storage.casework import Case, Handoff

router = routing.router("", "handoffs")


class HandoffFilters:
    """Query parameters of the list of handoffs."""

    def __init__(
        self,
        state: Annotated[list[str] | None, Query(max_length=8, description="状态,可多选")] = None,
        number: Annotated[str | None, Query(max_length=32)] = None,
        to_centre: Annotated[str | None, Query(max_length=64)] = None,
        from_centre: Annotated[str | None, Query(max_length=64)] = None,
        mode: Annotated[str | None, Query(pattern=r"^(call|online|agency|peer)$")] = None,
        danger: Annotated[bool | None, Query()] = None,
        item: Annotated[str | None, Query(max_length=64)] = None,
        since: Annotated[Moment | None, Query()] = None,
        until: Annotated[Moment | None, Query()] = None,
    ) -> None:
        self.filters = listing.Filters(
            states=state,
            number=number,
            to_centre=to_centre,
            from_centre=from_centre,
            mode=mode,
            danger=danger,
            item=item,
            since=since,
            until=until,
        )


class HandoffRow(View):
    """列表中的一行"""

    handoff: views.HandoffView
    case: views.CaseView


@router.get("/handoffs", summary="流转列表 / List handoffs")
async def list_(
    work: Looking, pages: Pages, actor: Annotated[Actor, allowed("handoff.read")], given: Annotated[HandoffFilters, Depends()]
) -> paging.Page[HandoffRow]:
    query = listing.handoffs(work.actor, work.now, given.filters)
    rows, after = await paging.fetch(work.session, query, pages, name="handoffs", keys=[Handoff.offered_at, Handoff.id])
    seen = await views.sights(work, [case for _, case in rows])
    return paging.Page(
        items=[HandoffRow(handoff=views.handoff(row), case=views.case(case, seen[case.id])) for row, case in rows], next=after
    )


class OfferBody(Body):
    """转交对方"""

    to: Id | None = Field(default=None, description="对方受理中心;不填按地点选台")
    reason: Text
    dangerous: bool = Field(default=False, description="危及安全:对方立即派警")
    basis: Annotated[str, Field(max_length=64), ONE_LINE] | None = Field(default=None, description="依据的清单条目")


@router.post("/cases/{case}/handoffs", status_code=201, summary="在线转交 / Hand over online")
async def offer(
    case: str, body: OfferBody, work: Working, response: Response, actor: Annotated[Actor, allowed("handoff.offer")]
) -> views.HandoffView:
    """文字诉求一键转交对方,含原文与附件;电话转接由通话接口发起,流转单自动生成。"""
    row = await rules.load(work.session, actor, Case, case, work.now)
    await work.hold(row.id)
    to = body.to or handoffs.other_side(work, row)
    made = await handoffs.offer(work, row, to=to, mode="online", reason=body.reason, basis=body.basis, dangerous=body.dangerous)
    return _told(response, made)


@router.get("/handoffs/{handoff}", summary="流转详情 / One handoff")
async def show(
    handoff: str, work: Working, response: Response, actor: Annotated[Actor, allowed("handoff.read")]
) -> views.HandoffView:
    """接收方第一次打开时记下到达时间。"""
    await rules.load(work.session, actor, Handoff, handoff, work.now)
    return _told(response, await handoffs.show(work, handoff))


def _told(response: Response, row: Handoff) -> views.HandoffView:
    etag.put(response, row.rev)
    return views.handoff(row)


async def _handoff(work: Working, actor: Actor, handoff: str) -> None:
    await rules.load(work.session, actor, Handoff, handoff, work.now)


class ReasonBody(Body):
    reason: Text


@router.post("/handoffs/{handoff}/accept", summary="签收 / Accept")
async def accept(
    handoff: str, rev: IfMatch, work: Working, response: Response, actor: Annotated[Actor, allowed("handoff.accept")]
) -> views.HandoffView:
    """谁受理、谁督办、谁考核。"""
    await _handoff(work, actor, handoff)
    return _told(response, await handoffs.accept(work, handoff, rev))


@router.post("/handoffs/{handoff}/return", summary="退回 / Return")
async def return_(
    handoff: str,
    body: ReasonBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("handoff.return")],
) -> views.HandoffView:
    """理由必填;之后协商,或由转出方自行受理。"""
    await _handoff(work, actor, handoff)
    return _told(response, await handoffs.return_(work, handoff, body.reason, rev))


@router.post("/handoffs/{handoff}/cancel", summary="取消 / Cancel")
async def cancel(
    handoff: str,
    body: ReasonBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("handoff.offer")],
) -> views.HandoffView:
    await _handoff(work, actor, handoff)
    return _told(response, await handoffs.cancel(work, handoff, body.reason, rev))


@router.post("/handoffs/{handoff}/negotiate", summary="发起协商 / Negotiate")
async def negotiate(
    handoff: str, rev: IfMatch, work: Working, response: Response, actor: Annotated[Actor, allowed("handoff.negotiate")]
) -> views.HandoffView:
    await _handoff(work, actor, handoff)
    return _told(response, await negotiation.negotiate(work, handoff, rev))


class OpinionBody(Body):
    """协商意见"""

    owner: Id = Field(description="认为应由哪个中心受理")
    text: Text


@router.post("/handoffs/{handoff}/opinions", summary="填写协商意见 / Give an opinion")
async def opinion(
    handoff: str, body: OpinionBody, work: Working, response: Response, actor: Annotated[Actor, allowed("handoff.negotiate")]
) -> views.HandoffView:
    """双方意见一致即定下受理平台。"""
    await _handoff(work, actor, handoff)
    return _told(response, await negotiation.give_opinion(work, handoff, body.owner, body.text))


@router.get("/handoffs/{handoff}/opinions", summary="协商意见 / Opinions")
async def opinions(handoff: str, work: Looking, actor: Annotated[Actor, allowed("handoff.read")]) -> list[views.OpinionView]:
    await rules.load(work.session, actor, Handoff, handoff, work.now)
    return [views.opinion(one) for one in await negotiation.opinions(work.session, handoff)]


@router.post("/handoffs/{handoff}/fail", summary="协商未达成,首接受理 / No agreement")
async def fail(
    handoff: str,
    body: ReasonBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("handoff.settle")],
) -> views.HandoffView:
    """双方都填写意见后才能执行;由最先接通的平台受理。"""
    await _handoff(work, actor, handoff)
    return _told(response, await negotiation.fail(work, handoff, body.reason, rev))


class ConcedeBody(Body):
    note: Annotated[str, Field(max_length=2000), MANY_LINES] = ""


@router.post("/handoffs/{handoff}/concede", summary="转出方自行受理 / Keep it")
async def concede(
    handoff: str,
    body: ConcedeBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("handoff.settle")],
) -> views.HandoffView:
    await _handoff(work, actor, handoff)
    return _told(response, await negotiation.concede(work, handoff, body.note, rev))
