"""Endpoints of seats from elsewhere."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response
from sqlalchemy import select

from api.kit import etag, paging, routing
from api.kit.casework import Looking, Working
from api.kit.deps import AppSettings, IfMatch, Pages, allowed
from api.kit.fields import Id as IdText
from api.reinforcements.schemas import (
    ApproveBody,
    CandidateView,
    DeclineBody,
    MeasuredView,
    ProposeBody,
    ReinforcementView,
    State,
    WholeReinforcement,
)
from router.access.actor import Actor
from router.casework.work import Work
from router.linkage.machines import REINFORCEMENT
from router.linkage.support import reinforcements
from router.organisation import divisions
from router.storage import call_records
from router.storage.resources import Reinforcement

router = routing.router("/reinforcements", "reinforcements")

Reader = Annotated[Actor, allowed("reinforcement.read")]
Decider = Annotated[Actor, allowed("reinforcement.decide")]
Id = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$", description="座席支援 id")]


def _view(work: Work, row: Reinforcement) -> ReinforcementView:
    shown = {name: getattr(row, name) for name in ReinforcementView.model_fields if hasattr(row, name) and name != "measured"}
    return ReinforcementView(
        **shown,
        centre_name=work.town.names.get(row.centre, row.centre),
        state_name=REINFORCEMENT.names[row.state],
        region_name=divisions.full_name(row.region) if row.region and divisions.known(row.region) else None,
        measured=MeasuredView(**row.measured) if row.measured else None,
    )


async def _whole(work: Work, row: Reinforcement, response: Response) -> WholeReinforcement:
    etag.put(response, row.rev)
    return WholeReinforcement(**_view(work, row).model_dump(), answered=await reinforcements.answered(work.session, row))


@router.get("", summary="异地座席支援列表 / Seats from elsewhere")
async def list_reinforcements(
    work: Looking,
    pages: Pages,
    _: Reader,
    state: Annotated[State | None, Query(description="建议、支援中、已撤回、不予支援")] = None,
    centre: Annotated[IdText | None, Query(description="被支援的中心")] = None,
) -> paging.Page[ReinforcementView]:
    """本市各中心的,最近的在前。"""
    query = select(Reinforcement).where(Reinforcement.centre.in_(reinforcements.visible(work)))
    for column, value in ((Reinforcement.state, state), (Reinforcement.centre, centre)):
        query = query if value is None else query.where(column == value)
    keys = [Reinforcement.proposed_at, Reinforcement.id]
    rows, after = await paging.fetch(work.session, query, pages, name="reinforcements", keys=keys)
    return paging.Page(items=[_view(work, row) for row in rows], next=after)


@router.get("/candidates", summary="可以支援的座席 / Seats that may help")
async def candidates(
    work: Looking, settings: AppSettings, _: Decider, centre: Annotated[IdText, Query(description="要支援的中心")]
) -> list[CandidateView]:
    """其他中心同类的接听座席,限本人有权调度的;空闲的在前。"""
    work.town.desk(centre)
    floor = reinforcements.of(settings)
    able = [one for one in floor.able(centre) if reinforcements.steers(work, one.centre or "")]
    known = await call_records.seats_now(work.session, [one.id for one in able])
    there = await reinforcements.open_at(work.session, centre)
    helping = there.seats if there is not None and there.state == "active" else []
    found = []
    for one in able:
        now, home = known.get(one.id), one.centre or ""
        found.append(
            CandidateView(
                seat=one.id,
                name=one.name,
                centre=home,
                centre_name=work.town.names.get(home, home),
                region=floor.region(one.id),
                free=now is not None and now.status == "available" and now.state == "idle",
                helps=one.id in helping,
            )
        )
    return sorted(found, key=lambda one: (not one.free, one.centre, one.seat))


@router.post("", status_code=201, summary="人工提出座席支援 / Ask for seats")
async def propose(body: ProposeBody, work: Working, response: Response, _: Decider) -> WholeReinforcement:
    """一个中心同时只有一条未结束的。"""
    row = await reinforcements.propose(work, body.centre, body.reason, event=body.event_id)
    response.headers["Location"] = f"{routing.PREFIX}/reinforcements/{row.id}"
    return await _whole(work, row, response)


@router.get("/{reinforcement}", summary="一条座席支援 / One reinforcement")
async def show(reinforcement: Id, work: Looking, response: Response, _: Reader) -> WholeReinforcement:
    return await _whole(work, await reinforcements.get(work, reinforcement), response)


@router.post("/{reinforcement}/approve", summary="批准并让座席加入队列 / Let seats join the queue")
async def approve(
    reinforcement: Id, body: ApproveBody, rev: IfMatch, work: Working, response: Response, settings: AppSettings, _: Decider
) -> WholeReinforcement:
    """支援座席继续接听本中心的电话;为被支援中心接听的,计入被支援中心。"""
    floor = reinforcements.of(settings)
    row = await reinforcements.approve(
        work, floor, reinforcement, body.seats, region=body.region, approver=body.approver, rev=rev
    )
    return await _whole(work, row, response)


@router.post("/{reinforcement}/seats", summary="增加支援座席 / More seats join")
async def add(
    reinforcement: Id, body: ApproveBody, rev: IfMatch, work: Working, response: Response, settings: AppSettings, _: Decider
) -> WholeReinforcement:
    """支援期间随时可以增加,须与已在支援的座席同一来源地区。"""
    floor = reinforcements.of(settings)
    row = await reinforcements.add(work, floor, reinforcement, body.seats, region=body.region, approver=body.approver, rev=rev)
    return await _whole(work, row, response)


@router.post("/{reinforcement}/decline", summary="不予支援 / Call in nobody")
async def decline(
    reinforcement: Id, body: DeclineBody, rev: IfMatch, work: Working, response: Response, _: Decider
) -> WholeReinforcement:
    """此后半小时内不再自动建议。"""
    row = await reinforcements.decline(work, reinforcement, body.reason, approver=body.approver, rev=rev)
    return await _whole(work, row, response)


@router.post("/{reinforcement}/withdraw", summary="一键撤回 / Send the seats home")
async def withdraw(reinforcement: Id, work: Working, response: Response, settings: AppSettings, _: Decider) -> WholeReinforcement:
    """不需要 If-Match;正在通话的打完为止。重复撤回不变。"""
    return await _whole(work, await reinforcements.withdraw(work, reinforcements.of(settings), reinforcement), response)
