"""Endpoints of cases."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, File, Query, Response, UploadFile
from pydantic import Field
from sqlalchemy import select

from api.calls.core import Lines
from api.cases import schemas, views
from api.kit import document, etag, paging, routing
from api.kit.casework import Looking, Working
from api.kit.deps import IfMatch, Pages, allowed
from api.kit.fields import Moment, View
from router.access import audit, rules
from router.access import calls as reach
from router.access.actor import Actor
from router.casework import allocate, attachments, cases, listing, machines, repeats
from router.casework.work import Work
from router.errors import Forbidden, TooLarge
from router.journal import journal
from router.linkage import machines as emergencies
from router.storage.casework import Attachment, Case, CaseCall, Deadline

router = routing.router("/cases", "cases")


class CaseFilters:
    """Query parameters of the list of cases."""

    def __init__(
        self,
        state: Annotated[list[str] | None, Query(description="draft、open、closed,可多选", max_length=5)] = None,
        number: Annotated[str | None, Query(max_length=32, description="事项号")] = None,
        item: Annotated[str | None, Query(max_length=64)] = None,
        kind: Annotated[str | None, Query(max_length=20)] = None,
        division: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$")] = None,
        urgency: Annotated[str | None, Query(pattern=r"^(normal|urgent|danger)$")] = None,
        channel: Annotated[str | None, Query(max_length=20)] = None,
        since: Annotated[Moment | None, Query()] = None,
        until: Annotated[Moment | None, Query()] = None,
        words: Annotated[str | None, Query(min_length=2, max_length=50, description="诉求内容包含的文字")] = None,
        caller: Annotated[str | None, Query(max_length=32, description="来电号码,精确")] = None,
    ) -> None:
        self.filters = listing.Filters(
            states=state,
            number=number,
            item=item,
            kind=kind,
            division=division,
            urgency=urgency,
            channel=channel,
            since=since,
            until=until,
            words=words,
            caller=caller,
        )


def may_search(actor: Actor, given: listing.Filters) -> None:
    """Only those who see whole numbers search by number."""
    if given.caller and actor.role not in ("operator", "police", "integration"):
        raise Forbidden("您的角色不能按号码查询", "请由话务员或接警员查询", action="search.caller")


@router.post("", status_code=201, summary="登记事项并判定归属 / Register a matter")
async def register(
    body: schemas.RegisterBody,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("case.create")],
    where: Lines,
) -> views.Matter:
    """登记一件诉求:判定归属,生成工单或警单,必要时立即派警、派单或向对方发起流转;应答给出每条理由。"""
    if body.call:
        await reach.check_link(work.session, actor, where, body.call, None, work.now)
    found = await cases.register(
        work,
        cases.Registration(
            channel=body.channel,
            dispatch=body.dispatch,
            hand_over=body.hand_over,
            call=body.call,
            **facts(body),
        ),
    )
    response.headers["Location"] = f"{routing.PREFIX}/cases/{found.case.id}"
    etag.put(response, found.case.rev)
    return await views.matter(work, found.case, found=found)


def facts(body: schemas.Facts) -> dict[str, Any]:
    """The facts of a body as arguments of :class:`router.casework.cases.Registration`."""
    return {
        "words": body.words,
        "caller_number": body.caller_number,
        "caller_name": body.caller_name,
        "place": body.place,
        "division": body.division,
        "latitude": body.latitude,
        "longitude": body.longitude,
        "asked": body.asked,
        "item": body.item,
        "kind": body.kind,
        "confidentiality": body.confidentiality,
        "ticks": body.ticks.ticks(body.item, body.kind),
    }


@router.post("/preview", summary="试算归属 / What the chain would say")
async def preview(body: schemas.RegisterBody, work: Looking, _: Annotated[Actor, allowed("case.create")]) -> dict[str, Any]:
    """边输入边试算:返回判定和理由,不保存任何内容。"""
    decision = await cases.preview(work, cases.Registration(channel=body.channel, call=body.call, **facts(body)))
    return decision.as_dict()


@router.get("", summary="事项列表 / List cases")
async def list_(
    work: Looking, pages: Pages, actor: Annotated[Actor, allowed("case.read")], given: Annotated[CaseFilters, Depends()]
) -> paging.Page[views.CaseView]:
    may_search(actor, given.filters)
    query = listing.cases(work.actor, work.now, given.filters)
    rows, after = await paging.fetch(work.session, query, pages, name="cases", keys=[Case.created_at, Case.id])
    seen = await views.sights(work, rows)
    return paging.Page(items=[views.case(row, seen[row.id]) for row in rows], next=after)


class LikeView(View):
    """可能是同一件事"""

    case: views.CaseView
    same_number: bool
    same_place: bool
    ticket_state: str | None
    order_state: str | None


@router.get("/like", summary="同号码、同地点的事项 / Same number or place")
async def like(
    work: Looking,
    actor: Annotated[Actor, allowed("case.create")],
    number: Annotated[str | None, Query(max_length=32)] = None,
    place: Annotated[str | None, Query(max_length=300)] = None,
    days: Annotated[int, Query(ge=1, le=3660, description="最近多少天")] = 365,
) -> list[LikeView]:
    """边输入边提示:同一号码或同一地点近来的事项,供关联或合并。"""
    found = await repeats.like(work, number=number, place=place, since=work.now - dt.timedelta(days=days))
    return await _likes(work, found)


async def _likes(work: Work, found: list[repeats.Like]) -> list[LikeView]:
    seen = await views.sights(work, [one.case for one in found])
    return [
        LikeView(
            case=views.case(one.case, seen[one.case.id]),
            same_number=one.same_number,
            same_place=one.same_place,
            ticket_state=one.ticket,
            order_state=one.order,
        )
        for one in found
    ]


@router.get("/by-number/{number}", summary="按单号查找 / Find by any number")
async def by_number(
    number: str, work: Looking, response: Response, actor: Annotated[Actor, allowed("case.read")]
) -> views.Matter:
    """事项号、工单号、警单号、流转单号都可以;空格、大小写、缺少的横线不影响,校验位不对会提示。"""
    row = await cases.by_number(work, number)
    row = await rules.load(work.session, actor, Case, row.id, work.now)
    etag.put(response, row.rev)
    return await views.matter(work, row)


@router.get("/{case}", summary="事项详情 / One matter")
async def show(case: str, work: Looking, response: Response, actor: Annotated[Actor, allowed("case.read")]) -> views.Matter:
    row = await rules.load(work.session, actor, Case, case, work.now)
    etag.put(response, row.rev)
    return await views.matter(work, row)


@router.patch("/{case}", summary="修改要素 / Change what is known")
async def edit(
    case: str,
    body: schemas.EditBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("case.edit")],
) -> views.Matter:
    await rules.load(work.session, actor, Case, case, work.now)
    row = await cases.edit(work, case, cases.Change(**body.model_dump(exclude_unset=True)), rev)
    etag.put(response, row.rev)
    return await views.matter(work, row)


@router.post("/{case}/overrule", summary="人工改判 / Decide otherwise")
async def overrule(
    case: str, body: schemas.OverruleBody, work: Working, response: Response, actor: Annotated[Actor, allowed("case.overrule")]
) -> views.Matter:
    """按新的勾选重新判定;原判定、改判人和理由都保留。勾选危险即派警。"""
    row = await rules.load(work.session, actor, Case, case, work.now)
    await allocate.overrule(
        work, case, body.ticks.ticks(body.item, body.kind), body.reason, dispatch=body.dispatch, hand_over=body.hand_over
    )
    await work.session.refresh(row)
    etag.put(response, row.rev)
    return await views.matter(work, row)


@router.get("/{case}/allocations", summary="为什么给这边 / Why it went there")
async def allocations(case: str, work: Looking, actor: Annotated[Actor, allowed("case.read")]) -> list[views.AllocationView]:
    """每一次判定:命中的规则、清单版本、证据、人工改判及理由。"""
    await rules.load(work.session, actor, Case, case, work.now)
    if actor.role == "agency":
        raise Forbidden("承办单位不查看判定依据", "请联系受理平台", action="case.allocations")
    return [views.allocation(one) for one in await allocate.history(work.session, case)]


class TimelineEntry(View):
    """时间线的一条"""

    seq: int
    at: dt.datetime
    actor: str
    unit: str = Field(description="归属单位")
    desk: str = Field(description="当时所在平台")
    action: str
    subject: str
    detail: dict[str, Any]


class Timeline(View):
    items: list[TimelineEntry]
    next: int | None = Field(description="下一页的 after")


@router.get("/{case}/timeline", summary="时间线 / Timeline from the journal")
async def timeline(
    case: str,
    work: Looking,
    actor: Annotated[Actor, allowed("timeline.read")],
    after: Annotated[int, Query(ge=0, le=2**53, description="上一页的 next;从头取为 0")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> Timeline:
    """不可改的操作日志,按先后排列。"""
    await rules.load(work.session, actor, Case, case, work.now)
    entries = await journal.timeline(work.session, journal.of_case(case), after=after, limit=limit)
    shown = [_entry(one, actor) for one in entries]
    more = entries[-1].seq if len(entries) == limit else None
    return Timeline(items=[one for one in shown if one is not None], next=more)


_FOR_AGENCIES = ("ticket.", "assignment.", "supervision_order.", "deadline.", "attachment.", "case.registered", "case.closed")
_NOT_FOR_AGENCIES = ("caller", "desk", "danger_by")
_POLICE = ("unit", "complained_of", "text", "reason")


def _entry(row: Any, actor: Actor) -> TimelineEntry | None:
    """An entry as far as the actor may see it."""
    detail = dict(row.detail)
    if actor.role == "agency":
        if not row.action.startswith(_FOR_AGENCIES):
            return None
        detail = {key: value for key, value in detail.items() if key not in _NOT_FOR_AGENCIES}
    if row.action.startswith("police_order.") and not rules.sees_police_fields(actor):
        detail = {key: value for key, value in detail.items() if key not in _POLICE}
    return TimelineEntry(
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        unit=row.unit,
        desk=row.desk,
        action=row.action,
        subject=row.subject,
        detail=detail,
    )


@router.get("/{case}/deadlines", summary="时限 / Deadlines")
async def deadlines(case: str, work: Looking, actor: Annotated[Actor, allowed("deadline.read")]) -> list[views.DeadlineView]:
    await rules.load(work.session, actor, Case, case, work.now)
    query = select(Deadline).where(Deadline.case_id == case, rules.visible_deadlines(actor, work.now))
    return [views.deadline(one) for one in (await work.session.scalars(query.order_by(Deadline.started_at))).all()]


class CountsView(View):
    """重复计数"""

    same_number: int
    same_place: int
    police_orders: int = Field(description="本事项及关联事项的警单数;2 次以上列入纠纷跟踪")


@router.get("/{case}/counts", summary="重复次数 / How often it came")
async def counts(case: str, work: Looking, actor: Annotated[Actor, allowed("case.read")]) -> CountsView:
    row = await rules.load(work.session, actor, Case, case, work.now)
    found = await repeats.counts(work, row)
    return CountsView(**found, police_orders=await repeats.police_orders_of(work, row))


@router.get("/{case}/year-at-address", summary="同址近一年 / A year at the same address")
async def year(case: str, work: Looking, actor: Annotated[Actor, allowed("order.read")]) -> list[LikeView]:
    """同一地址近一年的警情与诉求,供出警参考。"""
    row = await rules.load(work.session, actor, Case, case, work.now)
    found = await repeats.year_at(work, row)
    visible = set()
    if found:
        ids = [one.case.id for one in found]
        query = select(Case.id).where(Case.id.in_(ids), rules.visible_cases(actor, work.now))
        visible = set((await work.session.scalars(query)).all())
    return await _likes(work, [one for one in found if one.case.id in visible])


class LinkView(View):
    kind: str
    at: dt.datetime
    case: views.CaseView


@router.get("/{case}/links", summary="关联事项 / Linked cases")
async def links(case: str, work: Looking, actor: Annotated[Actor, allowed("case.read")]) -> list[LinkView]:
    await rules.load(work.session, actor, Case, case, work.now)
    found = await repeats.links(work, case)
    seen = await views.sights(work, [other for _, other in found])
    return [LinkView(kind=link.kind, at=link.at, case=views.case(other, seen[other.id])) for link, other in found]


@router.post("/{case}/links", status_code=204, summary="关联 / Link two cases")
async def link(case: str, body: schemas.LinkBody, work: Working, actor: Annotated[Actor, allowed("case.link")]) -> None:
    for one in (case, body.other):
        await rules.load(work.session, actor, Case, one, work.now)
    await repeats.link(work, case, body.other, body.kind)


@router.post("/{case}/merge", summary="合并重复登记 / Merge a duplicate")
async def merge(
    case: str, body: schemas.MergeBody, work: Working, actor: Annotated[Actor, allowed("case.merge")]
) -> views.Matter:
    for one in (case, body.into):
        await rules.load(work.session, actor, Case, one, work.now)
    target = await repeats.merge(work, case, body.into, body.reason)
    return await views.matter(work, target)


@router.post("/{case}/hold", summary="法律保全 / Legal hold")
async def hold(
    case: str, body: schemas.HoldBody, work: Working, response: Response, actor: Annotated[Actor, allowed("case.hold")]
) -> views.CaseView:
    """保全期间,到期清理不会删除该事项的任何内容。"""
    await rules.load(work.session, actor, Case, case, work.now)
    row = await cases.hold(work, case, body.on, body.reason)
    etag.put(response, row.rev)
    return views.case(row, (await views.sights(work, [row]))[row.id])


@router.get("/{case}/calls", summary="关联通话 / Calls of a case")
async def calls(case: str, work: Looking, actor: Annotated[Actor, allowed("call.read")]) -> list[str]:
    """通话号;录音由通话查询。"""
    await rules.load(work.session, actor, Case, case, work.now)
    query = select(CaseCall.call_id).where(CaseCall.case_id == case).order_by(CaseCall.at)
    return list((await work.session.scalars(query)).all())


@router.post("/{case}/calls", status_code=204, summary="关联通话 / Link a call")
async def add_call(
    case: str, body: schemas.CallLinkBody, work: Working, actor: Annotated[Actor, allowed("case.edit")], where: Lines
) -> None:
    await rules.load(work.session, actor, Case, case, work.now)
    await reach.check_link(work.session, actor, where, body.call, case, work.now)
    await cases.add_call(work, case, body.call)


@router.get("/{case}/attachments", summary="附件列表 / Attachments")
async def files(case: str, work: Looking, actor: Annotated[Actor, allowed("case.read")]) -> list[views.AttachmentView]:
    row = await rules.load(work.session, actor, Case, case, work.now)
    if not (await views.sights(work, [row]))[row.id].attachments:
        return []
    query = select(Attachment).where(Attachment.case_id == case, rules.visible_attachments(actor, work.now))
    return [views.attachment(one) for one in (await work.session.scalars(query.order_by(Attachment.at))).all()]


@router.post("/{case}/attachments", status_code=201, summary="上传附件 / Add a file")
async def attach(
    case: str,
    work: Working,
    actor: Annotated[Actor, allowed("case.attach")],
    file: Annotated[UploadFile, File(description="图片、录音、视频、PDF 或文本,20MB 以内")],
    police_only: Annotated[bool, Query(description="仅公安可见;限公安上传")] = False,
) -> views.AttachmentView:
    await rules.load(work.session, actor, Case, case, work.now)
    if police_only and not rules.sees_police_fields(actor):
        raise Forbidden("只有公安可以上传警务附件", "去掉“仅公安可见”", action="case.attach")
    content = await read(file)
    return views.attachment(await attachments.add(work, case, file.filename or "附件", content, police_only=police_only))


async def read(file: UploadFile) -> bytes:
    """The bytes of an upload, not one more than a file may have."""
    content = await file.read(attachments.LARGEST + 1)
    if len(content) > attachments.LARGEST:
        raise TooLarge("附件超过 20MB", "请压缩或分开上传", field="file", limit=attachments.LARGEST)
    return content


@router.get(
    "/{case}/attachments/{attachment}",
    summary="下载附件 / Fetch a file",
    response_class=Response,
    responses=document.file(*attachments.KINDS),
)
async def fetch(case: str, attachment: str, work: Working, actor: Annotated[Actor, allowed("case.read")]) -> Response:
    """以下载方式返回,不在浏览器中打开;查看留痕。"""
    row = await rules.load(work.session, actor, Case, case, work.now)
    if not (await views.sights(work, [row]))[row.id].attachments:
        raise Forbidden("附件未向您的单位开放", "请申请授权", action="attachment.read")
    await rules.load(work.session, actor, Attachment, attachment, work.now)
    found, content = await attachments.content(work, case, attachment)
    await audit.looked(work.session, actor, "attachment.read", found.id, work.now, case=case)
    return Response(
        content,
        media_type=found.media_type,
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name)}",
            "Cache-Control": "private, no-store",
            "ETag": f'"{found.sha256}"',
        },
    )


class MachineView(View):
    """一种生命周期"""

    name: str
    states: dict[str, str]
    steps: list[tuple[str, str, str]] = Field(description="(状态, 步骤, 之后的状态)")


@router.get("/meta/machines", summary="生命周期 / Life cycles")
async def life_cycles(_: Annotated[Actor, allowed("catalog.read")]) -> list[MachineView]:
    """各单据的状态和允许的步骤,供界面显示。"""
    return [
        MachineView(name=one.name, states=dict(one.names), steps=[(at, step, after) for (at, step), after in one.steps.items()])
        for one in (*machines.MACHINES.values(), *emergencies.MACHINES.values())
    ]
