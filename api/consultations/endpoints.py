"""Endpoints of consultations."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import Path, Query, Response
from sqlalchemy import select

from api.cases import views
from api.consultations import schemas
from api.consultations.schemas import ConsultationView, DisputedView, WholeConsultation
from api.kit import etag, paging, routing
from api.kit.casework import Looking, Working, city_of, own_city
from api.kit.deps import IfMatch, Pages, allowed
from api.kit.fields import Division
from router.access import rules
from router.access.actor import Actor
from router.casework import consultations
from router.casework.machines import CONSULTATION
from router.casework.work import Work
from router.catalog import versions
from router.storage.casework import Case, Consultation

router = routing.router("/consultations", "consultations")

Reader = Annotated[Actor, allowed("consultation.read")]
Opener = Annotated[Actor, allowed("consultation.open")]
Speaker = Annotated[Actor, allowed("consultation.speak")]
Concluder = Annotated[Actor, allowed("consultation.conclude")]
Id = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]


def _view(row: Consultation) -> ConsultationView:
    plain = {name: getattr(row, name) for name in ConsultationView.model_fields if name != "state_name"}
    return ConsultationView(**plain, state_name=CONSULTATION.names[row.state])


async def _whole(work: Work, row: Consultation) -> WholeConsultation:
    said = await consultations.opinions(work.session, row.id)
    return WholeConsultation(**_view(row).model_dump(), opinions=[views.opinion(one) for one in said])


async def _load(work: Work, actor: Actor, consultation: str) -> Consultation:
    return await rules.load(work.session, actor, Consultation, consultation, work.now)


@router.get("/disputed", summary="有争议的事项 / Items that are fought over")
async def disputed(
    work: Looking,
    _: Opener,
    city: Annotated[Division | None, Query(description="州市代码,默认本市")] = None,
    days: Annotated[int, Query(ge=1, le=3660, description="最近多少天")] = 90,
    at_least: Annotated[int, Query(ge=1, le=100_000, description="争议次数至少")] = 2,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[DisputedView]:
    """退单、流转退回和协商自动汇总,争议最多的在前:会商该议什么。"""
    where = city_of(work, city)
    since = work.now - dt.timedelta(days=days)
    found = await consultations.disputed(work, where, since, at_least=at_least, limit=limit)
    catalog = await versions.newest(work.session, where)
    names = {code: item.name for code, item in catalog.items.items()} if catalog else {}
    return [
        DisputedView(
            item=one.item,
            item_name=names.get(one.item, ""),
            cases=one.cases,
            returned=one.returned,
            handoffs_returned=one.handoffs_returned,
            negotiated=one.negotiated,
            overruled=one.overruled,
        )
        for one in found
    ]


@router.get("", summary="会商列表 / Consultations")
async def list_(
    work: Looking,
    pages: Pages,
    actor: Reader,
    state: Annotated[Literal["open", "concluded", "cancelled"] | None, Query()] = None,
    item: Annotated[str | None, Query(max_length=64)] = None,
) -> paging.Page[ConsultationView]:
    """承办单位只看到受邀的。"""
    query = select(Consultation).where(rules.visible_consultations(actor, work.now))
    if state is not None:
        query = query.where(Consultation.state == state)
    if item is not None:
        query = query.where(Consultation.item == item)
    keys = [Consultation.created_at, Consultation.id]
    rows, after = await paging.fetch(work.session, query, pages, name="consultations", keys=keys)
    return paging.Page(items=[_view(row) for row in rows], next=after)


@router.post("", status_code=201, summary="发起会商 / Call together")
async def call_together(body: schemas.ConsultationBody, work: Working, response: Response, actor: Opener) -> ConsultationView:
    """就一个事项的归属,或就一件正在处置的诉求。"""
    if body.case is not None:
        await rules.load(work.session, actor, Case, body.case, work.now)
    row = await consultations.call_together(
        work,
        city=own_city(work, body.city),
        subject=body.subject,
        item=body.item,
        agencies=body.agencies,
        case=body.case,
    )
    response.headers["Location"] = f"{routing.PREFIX}/consultations/{row.id}"
    etag.put(response, row.rev)
    return _view(row)


@router.get("/{consultation}", summary="会商及意见 / A consultation with its opinions")
async def show(consultation: Id, work: Looking, response: Response, actor: Reader) -> WholeConsultation:
    row = await _load(work, actor, consultation)
    etag.put(response, row.rev)
    return await _whole(work, row)


@router.post("/{consultation}/opinions", status_code=201, summary="发表意见 / Say an opinion")
async def say(consultation: Id, body: schemas.ConsultationOpinionBody, work: Working, actor: Speaker) -> views.OpinionView:
    """受邀单位和各中心。"""
    await _load(work, actor, consultation)
    return views.opinion(await consultations.say(work, consultation, body.text, body.owner))


@router.put("/{consultation}/minutes", summary="写纪要 / Write the minutes")
async def minutes(
    consultation: Id, body: schemas.MinutesBody, rev: IfMatch, work: Working, response: Response, actor: Opener
) -> ConsultationView:
    await _load(work, actor, consultation)
    row = await consultations.write_minutes(work, consultation, body.minutes, rev)
    etag.put(response, row.rev)
    return _view(row)


@router.post("/{consultation}/conclude", summary="形成结论 / Conclude")
async def conclude(
    consultation: Id, body: schemas.ConcludeBody, rev: IfMatch, work: Working, response: Response, actor: Concluder
) -> ConsultationView:
    """填写 change 时,结论同时成为新版清单;填写 tasks 时,结论转为派单:一步完成,要么都成,要么都不成。"""
    await _load(work, actor, consultation)
    row, _ = await consultations.conclude(
        work,
        consultation,
        body.conclusion,
        change=body.change,
        effective_at=body.effective_at,
        tasks=body.tasks,
        rev=rev,
    )
    etag.put(response, row.rev)
    return _view(row)


@router.post("/{consultation}/cancel", summary="取消会商 / Cancel")
async def cancel(
    consultation: Id, body: schemas.CancelBody, rev: IfMatch, work: Working, response: Response, actor: Opener
) -> ConsultationView:
    await _load(work, actor, consultation)
    row = await consultations.cancel(work, consultation, body.reason, rev)
    etag.put(response, row.rev)
    return _view(row)
