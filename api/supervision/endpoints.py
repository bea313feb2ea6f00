"""Endpoints of supervision: smart lists, demands, deadlines, notices."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Query, Response
from sqlalchemy import select

from api.kit import etag, paging, routing
from api.kit.casework import Looking, Working
from api.kit.deps import IfMatch, Pages, allowed
from api.supervision import schemas
from api.supervision.schemas import Duty, DutyView, FindingView, ListKind, ListName, NoticeView, SupervisionView
from router.access import rules
from router.access.actor import Actor
from router.casework.machines import SUPERVISION
from router.casework.work import Work
from router.errors import NotFound
from router.storage.casework import Case, Deadline, Notice, PoliceOrder, SupervisionOrder, Ticket
from router.supervision import deadlines, lists, notices, orders

router = routing.router("/supervision", "supervision")

Reader = Annotated[Actor, allowed("supervision.read")]
Id = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]


@router.get("/lists", summary="监管清单目录 / The smart lists")
async def list_names(_: Annotated[Actor, allowed("supervision.lists")]) -> list[ListName]:
    return [ListName(kind=kind, name=name) for kind, name in lists.KINDS.items()]


@router.get("/lists/{kind}", summary="一张监管清单 / One smart list")
async def smart_list(
    kind: ListKind,
    work: Looking,
    _: Annotated[Actor, allowed("supervision.lists")],
    unit: Annotated[str | None, Query(max_length=64, description="只看这个责任单位")] = None,
    days: Annotated[int, Query(ge=1, le=3660, description="首接推诿、紧急未派警:最近多少天")] = 30,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> list[FindingView]:
    """自动发现:超时未签收、超期未办、反复退回、首接推诿、紧急未派警、矛盾纠纷跟踪。最要紧的在前。"""
    found = await lists.listed(work, kind, units=None if unit is None else [unit], limit=limit, days=days)
    return [
        FindingView(kind=kind, case_id=one.case, number=one.number, unit=one.unit, since=one.since, detail=one.detail)
        for one in found
    ]


def _view(row: SupervisionOrder) -> SupervisionView:
    names = SupervisionView.model_fields
    plain = {name: getattr(row, name) for name in names if name not in ("state_name", "can")}
    return SupervisionView(**plain, state_name=SUPERVISION.names[row.state], can=SUPERVISION.allowed(row.state))


@router.post("/orders", status_code=201, summary="下达督办 / Demand an answer")
async def issue(
    body: schemas.IssueBody, work: Working, response: Response, actor: Annotated[Actor, allowed("supervision.issue")]
) -> SupervisionView:
    """由受理平台督办承办单位(谁受理、谁督办);有回复时限。"""
    face = await _face(work, actor, body.subject_id)
    row = await orders.issue(work, face, body.to_unit, body.demand)
    response.headers["Location"] = f"{routing.PREFIX}/supervision/orders/{row.id}"
    etag.put(response, row.rev)
    return _view(row)


async def _face(work: Work, actor: Actor, subject: str) -> Ticket | PoliceOrder:
    """The ticket or order, if the actor may see it."""
    if await work.session.get(Ticket, subject) is not None:
        return await rules.load(work.session, actor, Ticket, subject, work.now)
    if await work.session.get(PoliceOrder, subject) is not None:
        return await rules.load(work.session, actor, PoliceOrder, subject, work.now)
    raise NotFound("没有这张工单或警单", "请核对单号", subject=subject)


@router.get("/orders", summary="督办单列表 / Demands")
async def list_orders(
    work: Looking,
    pages: Pages,
    _: Reader,
    state: Annotated[Literal["issued", "answered", "closed"] | None, Query()] = None,
    unit: Annotated[str | None, Query(max_length=64, description="被督办单位")] = None,
    case: Annotated[str | None, Query(max_length=64, description="事项 id")] = None,
) -> paging.Page[SupervisionView]:
    """承办单位看到督办自己的。"""
    query = select(SupervisionOrder).where(rules.visible_supervisions(work.actor, work.now))
    for column, value in (
        (SupervisionOrder.state, state),
        (SupervisionOrder.to_unit, unit),
        (SupervisionOrder.case_id, case),
    ):
        if value is not None:
            query = query.where(column == value)
    keys = [SupervisionOrder.issued_at, SupervisionOrder.id]
    rows, after = await paging.fetch(work.session, query, pages, name="supervision", keys=keys)
    return paging.Page(items=[_view(row) for row in rows], next=after)


async def _load(work: Work, actor: Actor, supervision: str) -> SupervisionOrder:
    return await rules.load(work.session, actor, SupervisionOrder, supervision, work.now)


@router.get("/orders/{supervision}", summary="一张督办单 / One demand")
async def show(supervision: Id, work: Looking, response: Response, actor: Reader) -> SupervisionView:
    row = await _load(work, actor, supervision)
    etag.put(response, row.rev)
    return _view(row)


@router.post("/orders/{supervision}/answer", summary="回复督办 / Answer")
async def answer(
    supervision: Id,
    body: schemas.AnswerBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("supervision.answer")],
) -> SupervisionView:
    await _load(work, actor, supervision)
    row = await orders.answer(work, supervision, body.text, rev)
    etag.put(response, row.rev)
    return _view(row)


@router.post("/orders/{supervision}/insist", summary="再次督办 / The answer does not do")
async def insist(
    supervision: Id,
    body: schemas.InsistBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("supervision.urge")],
) -> SupervisionView:
    await _load(work, actor, supervision)
    row = await orders.insist(work, supervision, body.text, rev)
    etag.put(response, row.rev)
    return _view(row)


@router.post("/orders/{supervision}/close", summary="办结督办 / Close")
async def close(
    supervision: Id,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("supervision.close")],
) -> SupervisionView:
    await _load(work, actor, supervision)
    row = await orders.close(work, supervision, rev)
    etag.put(response, row.rev)
    return _view(row)


@router.get("/deadlines", summary="时限列表 / Deadlines")
async def list_deadlines(
    work: Looking,
    pages: Pages,
    _: Annotated[Actor, allowed("deadline.read")],
    unit: Annotated[str | None, Query(max_length=64, description="责任单位")] = None,
    case: Annotated[str | None, Query(max_length=64, description="事项 id")] = None,
    duty: Annotated[Duty | None, Query(description="哪一步")] = None,
    overdue: Annotated[bool | None, Query(description="true 已超时,false 未超时")] = None,
    ended: Annotated[bool, Query(description="也列出已完成的")] = False,
) -> paging.Page[DutyView]:
    """先到期的在前;承办单位只看自己的。"""
    query = select(Deadline, Case.number).outerjoin(Case, Case.id == Deadline.case_id)
    query = query.where(rules.visible_deadlines(work.actor, work.now))
    for column, value in ((Deadline.unit, unit), (Deadline.case_id, case), (Deadline.duty, duty)):
        if value is not None:
            query = query.where(column == value)
    if not ended:
        query = query.where(Deadline.ended_at.is_(None))
    if overdue is not None:
        query = query.where(Deadline.due_at < work.now if overdue else Deadline.due_at >= work.now)
        query = query.where(Deadline.paused_at.is_(None)) if overdue else query
    keys = [Deadline.due_at, Deadline.id]
    rows, after = await paging.fetch(work.session, query, pages, name="deadlines", keys=keys, descending=False)
    return paging.Page(items=[_duty(row, number, work) for row, number in rows], next=after)


def _duty(row: Deadline, number: str | None, work: Work) -> DutyView:
    reckoned = ("case_number", "duty_name", "overdue")
    plain = {name: getattr(row, name) for name in DutyView.model_fields if name not in reckoned}
    late = row.ended_at is None and row.paused_at is None and row.due_at < work.now
    return DutyView(**plain, case_number=number, duty_name=deadlines.DUTIES.get(row.duty, row.duty), overdue=late)


@router.get("/notices", summary="待处理的提醒 / Open notices")
async def list_notices(
    work: Looking,
    _: Annotated[Actor, allowed("notice.read")],
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[NoticeView]:
    """发给本单位、本角色而尚未处理的;最紧急、最新的在前。"""
    query = select(Notice).where(
        Notice.unit == work.actor.desk, Notice.done_at.is_(None), rules.visible_notices(work.actor, work.now)
    )
    rows = await work.session.scalars(query.order_by(Notice.level.desc(), Notice.at.desc(), Notice.id).limit(limit))
    return [NoticeView.model_validate(row) for row in rows.all()]


@router.post("/notices/{notice}/done", summary="提醒已处理 / Done")
async def done(notice: Id, work: Working, actor: Annotated[Actor, allowed("notice.done")]) -> NoticeView:
    """重复提交不改变第一次的处理人和时间。"""
    await rules.load(work.session, actor, Notice, notice, work.now)
    return NoticeView.model_validate(await notices.done(work, notice))
