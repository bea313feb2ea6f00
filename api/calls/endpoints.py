"""Endpoints that read calls: the list, one call, those in progress, the matter that a call opened."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends, Path, Query

from api.calls import control, core, schemas, service, views
from api.calls.core import Calls, Lines
from api.calls.schemas import CallDetail, CallView, CaseOfCall, LiveView
from api.kit import paging, routing
from api.kit.deps import Now, Pages, ReadSession, allowed
from api.kit.fields import Id, Moment, Phone
from api.kit.paging import Page
from router.access import fields
from router.access.actor import Actor
from router.calls_client import CallCoreError
from router.casework import faces
from router.storage import call_records
from router.storage.call_records import CallSummary
from router.storage.calls import Call
from telephony import contract

router = routing.router("/calls", "calls")
Reads = Annotated[Actor, allowed("call.read")]


def _wanted(
    centre: Annotated[Id | None, Query(description="呼叫的中心")] = None,
    caller: Annotated[Phone | None, Query(description="来电号码,精确;限话务员、接警员")] = None,
    seat: Annotated[schemas.Seat | None, Query(description="参与过的座席")] = None,
    case: Annotated[Id | None, Query(description="关联的事项")] = None,
    kind: Annotated[contract.CallKind | None, Query(description="通话种类")] = None,
    outcome: Annotated[schemas.Outcome | None, Query(description="结果")] = None,
    since: Annotated[Moment | None, Query(description="开始时间不早于")] = None,
    until: Annotated[Moment | None, Query(description="开始时间早于")] = None,
) -> service.Wanted:
    return service.Wanted(
        centre=centre, caller=caller, seat=seat, case=case, kind=kind, outcome=outcome, since=since, until=until
    )


@router.get("", summary="通话列表,新的在前 / list calls")
async def calls(
    actor: Reads,
    session: ReadSession,
    now: Now,
    where: Lines,
    wanted: Annotated[service.Wanted, Depends(_wanted)],
    pages: Pages,
) -> Page[CallView]:
    """所见范围:参与过的中心的通话;班长为本热线各中心。进行中的通话另见 `/calls/live`。"""
    query = service.query(actor, where, wanted)
    rows, following = await paging.fetch(session, query, pages, name="calls", keys=[Call.started_at, Call.id])
    cases = await service.cases_of(session, actor, [row[0].id for row in rows], now)
    return Page(items=[views.call(actor, _summary(row), cases.get(row[0].id, ())) for row in rows], next=following)


def _summary(row: tuple[Call, bool, bool]) -> CallSummary:
    call, abandoned, silent = row
    found = call_records.facts(CallSummary, call)
    return msgspec.structs.replace(found, abandoned=bool(abandoned), silent=bool(silent), live=call.ended_at is None)


@router.get("/live", summary="进行中的通话,先来的在前 / calls in progress", responses=core.RESPONSES)
async def live(
    actor: Reads,
    session: ReadSession,
    now: Now,
    where: Lines,
    client: Calls,
    centre: Annotated[Id | None, Query(description="涉及的中心")] = None,
    mine: Annotated[bool, Query(description="只看本人座席的通话")] = False,
) -> list[LiveView]:
    """含排队、振铃、通话中的各方。变化由 `/events` 的 call.changed、party.changed、transfer.changed 推送。"""
    try:
        going = await service.live(session, client, actor, where, centre)
    except CallCoreError as error:
        raise core.CoreTrouble(error) from error
    cases = await service.cases_of(session, actor, [one.call.id for one in going], now)
    shown = [views.live(actor, one, cases.get(one.call.id, ())) for one in going]
    return [one for one in shown if one.mine or not mine]


@router.get("/{call}", summary="一次通话:各方、转接、录音、事项 / one call")
async def one_call(
    call: Annotated[Id, Path(description="通话编号")],
    actor: Reads,
    session: ReadSession,
    now: Now,
    where: Lines,
    client: Calls,
) -> CallDetail:
    found = await service.record(session, client, actor, where, call)
    cases = await service.cases_of(session, actor, [call], now)
    playable = await service.playable(session, actor, where, call, now)
    return views.detail(actor, found, cases.get(call, ()), playable)


@router.get("/{call}/case", summary="通话的登记草稿或事项 / the matter that a call opened")
async def case_of(
    call: Annotated[Id, Path(description="通话编号")],
    actor: Reads,
    session: ReadSession,
    now: Now,
    where: Lines,
    client: Calls,
) -> CaseOfCall:
    """座席接通后即有草稿;还没有时为 404。"""
    await service.record(session, client, actor, where, call)
    case = await service.case_of(session, actor, call, now)
    known = await faces.handoffs(session, case.id)
    shown = CaseOfCall.model_validate({**_columns(case), "handoffs": known})
    shown.caller_number = fields.number(case.caller_number, fields.sight(actor, case.confidentiality).caller)
    return shown


def _columns(case: object) -> dict[str, object]:
    return {name: getattr(case, name) for name in CaseOfCall.model_fields if name != "handoffs"}


router.routes.extend(control.router.routes)
