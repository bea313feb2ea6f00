"""Endpoints of what is asked and ordered in an event: linkage requests and tasks."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Response
from sqlalchemy import select

from api.emergencies import schemas, views
from api.emergencies.endpoints import load
from api.kit import etag, paging, routing
from api.kit.casework import Looking, Working
from api.kit.deps import IfMatch, Pages, allowed
from router.access import rules
from router.access.actor import Actor
from router.linkage.emergency import tasks
from router.linkage.notifying import requests
from router.storage.emergencies import EventTask
from router.storage.notifying import LinkageRequest

router = routing.router("", "linkage")

Answerer = Annotated[Actor, allowed("request.answer")]


def _request(response: Response, row: LinkageRequest) -> views.RequestView:
    etag.put(response, row.rev)
    return views.request(row)


@router.get("/linkage-requests", summary="联动请求 / Linkage requests")
async def list_requests(
    work: Looking,
    pages: Pages,
    _: Annotated[Actor, allowed("request.read")],
    state: Annotated[list[str] | None, Query(max_length=9)] = None,
    unit: Annotated[str | None, Query(max_length=64)] = None,
) -> paging.Page[views.RequestView]:
    query = select(LinkageRequest).where(rules.visible_requests(work.actor, work.now))
    if state:
        query = query.where(LinkageRequest.state.in_(state))
    if unit is not None:
        query = query.where(LinkageRequest.unit == unit)
    keys: Any = [LinkageRequest.asked_at, LinkageRequest.id]
    rows, after = await paging.fetch(work.session, query, pages, name="linkage-requests", keys=keys)
    return paging.Page(items=[views.request(row) for row in rows], next=after)


@router.post("/emergencies/{event}/requests", status_code=201, summary="请某岗联动 / Ask a post")
async def ask(
    event: str, body: schemas.AskBody, work: Working, response: Response, _: Annotated[Actor, allowed("event.ask")]
) -> views.RequestView:
    await load(work, event)
    made = await requests.ask(work, event, body.post, body.task, part=body.part)
    response.headers["Location"] = f"{routing.PREFIX}/linkage-requests/{made.id}"
    return _request(response, made)


@router.get("/linkage-requests/{request}", summary="一个联动请求 / One request")
async def show_request(
    request: str, work: Looking, response: Response, _: Annotated[Actor, allowed("request.read")]
) -> views.RequestView:
    return _request(response, await rules.load(work.session, work.actor, LinkageRequest, request, work.now))


@router.post("/linkage-requests/{request}/accept", summary="签收 / Accept")
async def accept(request: str, work: Working, response: Response, actor: Answerer) -> views.RequestView:
    """先到者为准;之后的签收只记录。签收后所有呼叫立即停止。"""
    row = await rules.load(work.session, actor, LinkageRequest, request, work.now)
    requests.must_be_theirs(work, row)
    return _request(response, await requests.accept(work, request, via="desk", who=actor.id))


@router.post("/linkage-requests/{request}/refuse", summary="拒绝 / Refuse")
async def refuse(
    request: str, body: schemas.ReasonBody, rev: IfMatch, work: Working, response: Response, actor: Answerer
) -> views.RequestView:
    """理由必填;立即转上级。"""
    await rules.load(work.session, actor, LinkageRequest, request, work.now)
    return _request(response, await requests.refuse(work, request, body.reason, rev=rev))


@router.post("/linkage-requests/{request}/progress", summary="出动、到场、反馈 / Progress")
async def progress(
    request: str, body: schemas.RequestProgressBody, rev: IfMatch, work: Working, response: Response, actor: Answerer
) -> views.RequestView:
    await rules.load(work.session, actor, LinkageRequest, request, work.now)
    return _request(response, await requests.progress(work, request, body.step, at=body.at, text=body.text, rev=rev))


@router.post("/linkage-requests/{request}/cancel", summary="取消 / Cancel")
async def cancel(
    request: str,
    body: schemas.ReasonBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("event.ask")],
) -> views.RequestView:
    await rules.load(work.session, actor, LinkageRequest, request, work.now)
    return _request(response, await requests.cancel(work, request, body.reason, rev=rev))


# --- tasks


def _task(response: Response, row: EventTask) -> views.TaskView:
    etag.put(response, row.rev)
    return views.task(row)


@router.get("/event-tasks", summary="指令 / Tasks")
async def list_tasks(
    work: Looking,
    pages: Pages,
    _: Annotated[Actor, allowed("task.read")],
    state: Annotated[list[str] | None, Query(max_length=8)] = None,
) -> paging.Page[views.TaskView]:
    query = select(EventTask).where(rules.visible_tasks(work.actor, work.now))
    if state:
        query = query.where(EventTask.state.in_(state))
    rows, after = await paging.fetch(work.session, query, pages, name="event-tasks", keys=[EventTask.sent_at, EventTask.id])
    return paging.Page(items=[views.task(row) for row in rows], next=after)


@router.post("/emergencies/{event}/tasks", status_code=201, summary="下达指令 / Send a task")
async def send(
    event: str, body: schemas.TaskBody, work: Working, response: Response, _: Annotated[Actor, allowed("task.send")]
) -> views.TaskView:
    await load(work, event)
    made = await tasks.send(work, event, text=body.text, unit=body.unit, post=body.post, due=body.due_at)
    return _task(response, made)


@router.post("/event-tasks/{task}/steps", summary="签收、途中、到场、完成 / A step of a task")
async def step(
    task: str,
    body: schemas.TaskStepBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("task.answer")],
) -> views.TaskView:
    """到场可带定位;照片用附件接口上传。"""
    await rules.load(work.session, actor, EventTask, task, work.now)
    made = await tasks.step(
        work, task, body.step, text=body.text, latitude=body.latitude, longitude=body.longitude, accuracy=body.accuracy,
        at=body.at, rev=rev,
    )  # fmt: skip
    return _task(response, made)


@router.post("/event-tasks/{task}/cancel", summary="取消指令 / Cancel a task")
async def cancel_task(
    task: str,
    body: schemas.ReasonBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("task.cancel")],
) -> views.TaskView:
    await rules.load(work.session, actor, EventTask, task, work.now)
    return _task(response, await tasks.step(work, task, "cancel", text=body.reason, rev=rev))
