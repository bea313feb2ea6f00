"""Endpoints of emergency events: their life, and everything that hangs on one."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from fastapi import Query, Response
from sqlalchemy import select

from api.emergencies import schemas, views
from api.kit import etag, paging, routing
from api.kit.casework import Looking, Working, city_of
from api.kit.deps import IfMatch, Pages, allowed
from api.kit.fields import Moment
from api.resources import endpoints as stores
from api.resources.schemas import NearView
from router.access import rules
from router.access.actor import Actor
from router.casework.work import Work
from router.errors import Forbidden
from router.journal import journal
from router.linkage.emergency import events, kinds, mutual, reporting, tasks
from router.linkage.emergency.events import Approval, Draft
from router.linkage.notifying import attempts, requests
from router.linkage.planning import plan_versions, plans
from router.linkage.resource import nearby, resources
from router.storage.casework import Case
from router.storage.emergencies import EmergencyEvent, MutualNotice

router = routing.router("/emergencies", "emergencies")

Reader = Annotated[Actor, allowed("event.read")]
Responder = Annotated[Actor, allowed("event.respond")]


async def load(work: Work, event: str) -> EmergencyEvent:
    """The event, if whoever asks may see it."""
    return await rules.load(work.session, work.actor, EmergencyEvent, event, work.now)


def told(response: Response, row: EmergencyEvent) -> views.EventView:
    etag.put(response, row.rev)
    return views.event(row)


def draft(body: schemas.EventBody) -> Draft:
    names = {field.name for field in dataclasses.fields(Draft)}
    return Draft(**{name: value for name, value in body if name in names})


def approval(body: schemas.ApprovalBody) -> Approval:
    return Approval(body.reason, body.approver)


@router.get("/kinds", summary="事件类型与定级数据 / Types of events")
async def list_kinds(work: Looking, _: Reader) -> schemas.KindsView:
    city = city_of(work, None)
    plans = {kind: row.id for row in await plan_versions.listed(work.session, city) for kind in row.content["kinds"]}
    found = [
        views.KindView(
            name=name, label=one.name, category=one.category, category_name=kinds.CATEGORIES[one.category], plan=plans.get(name)
        )
        for name, one in kinds.KINDS.items()
    ]
    return schemas.KindsView(kinds=found, facts=views.facts())


@router.get("", summary="突发事件列表 / Events")
async def list_events(
    work: Looking,
    pages: Pages,
    _: Reader,
    state: Annotated[list[str] | None, Query(max_length=8, description="状态,可多选")] = None,
    kind: Annotated[str | None, Query(max_length=40)] = None,
    drill: Annotated[bool, Query(description="true:只列演练;默认只列真实事件")] = False,
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
) -> paging.Page[views.EventView]:
    query = select(EmergencyEvent).where(rules.visible_events(work.actor, work.now))
    query = query.where(EmergencyEvent.drill_id.is_not(None) if drill else EmergencyEvent.drill_id.is_(None))
    for column, value in ((EmergencyEvent.kind, kind),):
        query = query if value is None else query.where(column == value)
    if state:
        query = query.where(EmergencyEvent.state.in_(state))
    if since is not None:
        query = query.where(EmergencyEvent.registered_at >= since)
    if until is not None:
        query = query.where(EmergencyEvent.registered_at < until)
    keys: Any = [EmergencyEvent.registered_at, EmergencyEvent.id]
    rows, after = await paging.fetch(work.session, query, pages, name="events", keys=keys)
    return paging.Page(items=[views.event(row) for row in rows], next=after)


@router.post("", status_code=201, summary="登记突发事件 / Register an event")
async def register(
    body: schemas.EventRegisterBody, work: Working, response: Response, actor: Annotated[Actor, allowed("event.register")]
) -> views.EventView:
    """另一条热线即时收到通报并须签收;够级别的自动开始报送倒计时。"""
    city = city_of(work, body.city)
    if actor.city and city != actor.city:
        raise Forbidden("只能登记本州市的事件", "请由该州市登记", action="event.register", city=city)
    for case in body.cases:
        await rules.load(work.session, actor, Case, case, work.now)
    centre = actor.desk if actor.desk in work.town.desks else work.town.default(city, "12345").id
    made = await events.register(work, draft(body), city=city, centre=centre, cases=body.cases, parent=body.parent)
    response.headers["Location"] = f"{routing.PREFIX}/emergencies/{made.id}"
    return told(response, made)


@router.get("/{event}", summary="事件全貌 / An event and all that hangs on it")
async def show(event: str, work: Looking, response: Response, actor: Reader) -> schemas.WholeEvent:
    """承办单位只看到与本单位有关的请求和指令。"""
    row = await load(work, event)
    etag.put(response, row.rev)
    agency = actor.role == "agency"
    mine = [one for one in await requests.of_event(work, row.id) if not agency or one.unit == actor.desk]
    orders = [one for one in await tasks.of_event(work, row.id) if not agency or one.unit == actor.desk]
    below = select(EmergencyEvent).where(EmergencyEvent.parent_id == row.id, rules.visible_events(work.actor, work.now))
    return schemas.WholeEvent(
        event=views.event(row),
        steps=[schemas.StepView.model_validate(one) for one in await events.steps_of(work, row.id)],
        requests=[views.request(one) for one in mine],
        mutual=[] if agency else [views.mutual(one) for one in await mutual.of_event(work, row.id)],
        tasks=[views.task(one) for one in orders],
        reports=[] if agency else [views.report(one, reporting.prefilled(row)) for one in await reporting.of_event(work, row.id)],
        cases=[] if agency else [one.case_id for one in await events.cases_of(work, row.id)],
        secondary=[views.event(one) for one in (await work.session.scalars(below)).all()],
    )


@router.put("/{event}", summary="更新事件要素 / Amend")
async def amend(
    event: str,
    body: schemas.EventBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    _: Annotated[Actor, allowed("event.register")],
) -> views.EventView:
    await load(work, event)
    return told(response, await events.amend(work, event, draft(body), rev))


@router.post("/{event}/confirm", summary="确认建议的事件 / Confirm")
async def confirm(
    event: str, body: schemas.ApprovalBody, rev: IfMatch, work: Working, response: Response, _: Responder
) -> views.EventView:
    await load(work, event)
    return told(response, await events.confirm(work, event, approval(body), rev))


@router.post("/{event}/dismiss", summary="排除 / Dismiss")
async def dismiss(
    event: str, body: schemas.ApprovalBody, rev: IfMatch, work: Working, response: Response, _: Responder
) -> views.EventView:
    await load(work, event)
    return told(response, await events.dismiss(work, event, approval(body), rev))


@router.post("/{event}/start", summary="启动响应 / Start the response")
async def start(
    event: str, body: schemas.StartBody, rev: IfMatch, work: Working, response: Response, _: Responder
) -> views.EventView:
    """预案随即固定在事件中;各值班岗立即收到通知。终止后再次启动也用它。"""
    await load(work, event)
    made = await events.start(work, event, approval(body), plan=body.plan, level=body.level, rev=rev)
    return told(response, made)


@router.post("/{event}/response", summary="调整响应级别 / Raise or lower the response")
async def change_response(
    event: str, body: schemas.ResponseBody, rev: IfMatch, work: Working, response: Response, _: Responder
) -> views.EventView:
    await load(work, event)
    return told(response, await events.change_response(work, event, body.level, approval(body), rev))


@router.post("/{event}/end", summary="终止响应 / End the response")
async def end(
    event: str, body: schemas.ApprovalBody, rev: IfMatch, work: Working, response: Response, _: Responder
) -> views.EventView:
    await load(work, event)
    return told(response, await events.end(work, event, approval(body), rev))


@router.post("/{event}/cases", summary="归集事项 / Put matters under the event")
async def add_cases(
    event: str, body: schemas.CasesBody, work: Working, actor: Annotated[Actor, allowed("event.attach")]
) -> list[str]:
    """返回新归集的事项。"""
    await load(work, event)
    for case in body.cases:
        await rules.load(work.session, actor, Case, case, work.now)
    return await events.add_cases(work, event, body.cases)


@router.get("/{event}/attempts", summary="通知记录 / Who was told when")
async def list_attempts(event: str, work: Looking, _: Annotated[Actor, allowed("event.respond")]) -> list[views.AttemptView]:
    await load(work, event)
    return [views.attempt(one) for one in await attempts.of_event(work, event)]


@router.get("/{event}/timeline", summary="全过程记录 / The event's journal")
async def timeline(
    event: str,
    work: Looking,
    _: Annotated[Actor, allowed("event.respond")],
    after: Annotated[int, Query(ge=0, le=2_147_483_647)] = 0,
) -> list[schemas.MoveView]:
    await load(work, event)
    found = await journal.timeline(work.session, events.chain(event), after=after)
    return [schemas.MoveView.model_validate(one) for one in found]


@router.get("/{event}/resources", summary="附近的应急资源 / Resources around the place")
async def around(event: str, work: Looking, _: Responder) -> list[NearView]:
    """按预案要找的种类和距离;没有预案时列出最近的。"""
    row = await load(work, event)
    here = None if row.latitude is None or row.longitude is None else nearby.Point(row.latitude, row.longitude)
    wanted = plans.parse(row.plan).resources if row.plan else []
    found: dict[str, resources.Near] = {}
    for find in wanted or [plans.Find(kind=kind) for kind in resources.KINDS]:
        for one in await resources.near(
            work.session,
            row.city,
            here,
            kind=find.kind,
            sorts=find.sorts,
            within=find.within,
            division=row.division,
            most=find.most,
        ):
            found.setdefault(one.row.id, one)
    shown = await stores.views(work, [one.row for one in found.values()])
    return [NearView(**dict(view), metres=one.metres) for view, one in zip(shown, found.values(), strict=True)]


@router.post("/notices/{notice}/sign", summary="签收通报 / Sign a mutual notice")
async def sign(notice: str, work: Working, _: Annotated[Actor, allowed("mutual.sign")]) -> views.MutualView:
    await rules.load(work.session, work.actor, MutualNotice, notice, work.now)
    return views.mutual(await mutual.sign(work, notice))
