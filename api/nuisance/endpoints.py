"""Endpoints of nuisance marks."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import StreamingResponse

from api.kit import export, paging, routing
from api.kit.casework import Looking, Working
from api.kit.deps import Pages, allowed
from api.kit.fields import MANY_LINES, NOT_BLANK, Body, Phone, View
from api.kit.fields import Id as IdText
from api.kit.sheets import Cell
from router.access import fields, rules
from router.access.actor import Actor
from router.casework import nuisance
from router.casework.nuisance import Clue
from router.casework.work import Work
from router.organisation import numbers
from router.storage import sealed
from router.storage.casework import Case, NuisanceMark

router = routing.router("/nuisance", "nuisance")

Reader = Annotated[Actor, allowed("nuisance.read")]
Id = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]
Reason = Annotated[str, Field(max_length=500), MANY_LINES, NOT_BLANK]
AtLeast = Annotated[int, Query(ge=1, le=1000, description="至少被标记几次")]
Days = Annotated[int, Query(ge=1, le=3660, description="最近多少天")]
TITLES = ("号码", "标记次数", "标记平台", "首次", "最近", "说明")
MOST = 10_000
"""Numbers of one export."""


class MarkBody(Body):
    number: Phone
    note: Reason = Field(description="说明")
    case_id: IdText | None = Field(default=None, description="在哪个事项中")
    call_id: IdText | None = Field(default=None, description="在哪次通话中")


class WithdrawBody(Body):
    reason: Reason


class MarkView(View):
    """骚扰标识"""

    id: str
    number: str | None = Field(description="督办人员看到的是脱敏的")
    centre: str
    case_id: str | None
    call_id: str | None
    note: str
    at: dt.datetime
    by: str
    withdrawn_at: dt.datetime | None
    withdrawn_by: str | None


class ClueView(View):
    """一个号码的全部标识"""

    number: str | None
    marks: int
    centres: list[str]
    first: dt.datetime
    last: dt.datetime
    notes: list[str] = Field(description="最近十条")


def _degree(actor: Actor) -> fields.Degree:
    return "masked" if actor.role == "supervisor" else "whole"


def _view(row: NuisanceMark, actor: Actor) -> MarkView:
    plain = {name: getattr(row, name) for name in MarkView.model_fields if name != "number"}
    return MarkView(number=fields.number(row.number, _degree(actor)), **plain)


@router.post("", status_code=201, summary="标记骚扰号码 / Mark a number")
async def mark(body: MarkBody, work: Working, actor: Annotated[Actor, allowed("nuisance.mark")]) -> MarkView:
    """只作标记,不拦截来电。"""
    if body.case_id is not None:
        await rules.load(work.session, actor, Case, body.case_id, work.now)
    return _view(await nuisance.mark(work, number=body.number, note=body.note, case=body.case_id, call=body.call_id), actor)


@router.get("", summary="标识列表 / Marks")
async def list_(
    work: Looking,
    pages: Pages,
    actor: Reader,
    number: Annotated[str | None, Query(max_length=32, description="号码,精确")] = None,
    withdrawn: Annotated[bool, Query(description="也列出已撤销的")] = False,
) -> paging.Page[MarkView]:
    query = select(NuisanceMark).where(rules.visible_nuisance(actor, work.now))
    if number is not None:
        canonical = numbers.normalise(number)
        query = query.where(NuisanceMark.number_print == (sealed.fingerprint("number", canonical) if canonical else ""))
    if not withdrawn:
        query = query.where(NuisanceMark.withdrawn_at.is_(None))
    keys = [NuisanceMark.at, NuisanceMark.id]
    rows, after = await paging.fetch(work.session, query, pages, name="nuisance", keys=keys)
    return paging.Page(items=[_view(row, actor) for row in rows], next=after)


@router.post("/{mark_id}/withdraw", summary="撤销标识 / Withdraw a mark")
async def withdraw(
    mark_id: Id, body: WithdrawBody, work: Working, actor: Annotated[Actor, allowed("nuisance.withdraw")]
) -> MarkView:
    """撤销后不再计数,记录保留。"""
    await rules.load(work.session, actor, NuisanceMark, mark_id, work.now)
    return _view(await nuisance.withdraw(work, mark_id, body.reason), actor)


@router.get("/clues", summary="骚扰线索 / Numbers with their marks")
async def clues(
    work: Looking,
    actor: Reader,
    at_least: AtLeast = 3,
    days: Days = 90,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[ClueView]:
    """被多次标记的号码,次数多的在前。"""
    found = await nuisance.clues(work, at_least=at_least, since=work.now - dt.timedelta(days=days), limit=limit)
    degree = _degree(actor)
    return [
        ClueView(
            number=fields.number(one.number, degree),
            marks=one.marks,
            centres=list(one.centres),
            first=one.first,
            last=one.last,
            notes=list(one.notes),
        )
        for one in found
    ]


@router.get("/clues/export", summary="导出线索 / Export the clues", responses=export.RESPONSES, response_class=StreamingResponse)
async def export_clues(
    request: Request,
    work: Looking,
    actor: Annotated[Actor, allowed("nuisance.export")],
    format_: export.FormatQuery,
    at_least: AtLeast = 3,
    days: Days = 90,
) -> StreamingResponse:
    """移交公安的线索,号码完整;导出留痕。"""
    since = work.now - dt.timedelta(days=days)

    async def rows(session: AsyncSession) -> AsyncIterator[Sequence[Sequence[Cell]]]:
        aside = Work(session, actor, work.now, work.town)
        yield [_row(one) for one in await nuisance.clues(aside, at_least=at_least, since=since, limit=MOST)]

    wanted = export.Export("骚扰线索", TITLES, rows, "nuisance", {"at_least": at_least, "days": days})
    return await export.stream(request, actor, wanted, format_, work.now)


def _row(one: Clue) -> list[Cell]:
    return [one.number, one.marks, "、".join(one.centres), one.first, one.last, "\n".join(one.notes)]
