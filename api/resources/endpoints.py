"""Endpoints of emergency resources: what there is, who looks after it, what is near; numbers of phones are masked by role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Form, Header, Path, Query, Request, Response
from pydantic import Field
from sqlalchemy import select

from api.kit import document, etag, export, paging, routing, sheets, state, uploads
from api.kit.casework import Looking, Working, city_of, own_city
from api.kit.deps import IfMatch, LateSession, Pages, allowed
from api.kit.errors import PreconditionRequired
from api.kit.export import FormatQuery
from api.kit.fields import Division
from api.kit.fields import Id as IdText
from api.resources.schemas import (
    CellView,
    ImportedResources,
    NearView,
    RemindersView,
    ResourceBody,
    ResourceView,
    StockBody,
    StockedView,
    StockView,
)
from router.access import audit, fields
from router.access.actor import Actor
from router.casework.work import Work
from router.catalog.grid import MOST_ROWS
from router.errors import Invalid, NotFound
from router.linkage.resource import nearby, resource_table, resources
from router.linkage.resource.nearby import Point
from router.linkage.resource.resources import CODE, KINDS, REMINDERS, Details, Kind, Reminder
from router.storage.organisation import Agency
from router.storage.resources import Resource, StockChange

router = routing.router("/resources", "resources")

Reader = Annotated[Actor, allowed("resource.read")]
Editor = Annotated[Actor, allowed("resource.edit")]
Id = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$", description="应急资源 id")]
City = Annotated[Division | None, Query(description="州市代码,默认本市")]
OfKind = Annotated[Kind | None, Query(description="队伍、物资、专家、避难场所、隐患点、防护目标")]
OneSort = Annotated[str, Field(max_length=20)]
Owner = Annotated[IdText | None, Query(description="管理单位代码")]
REMINDED = 200
"""Resources of one list of reminders."""


async def views(work: Work, rows: Sequence[Resource]) -> list[ResourceView]:
    """Resources as the actor may see them."""
    codes = {row.owner for row in rows}
    found = await work.session.execute(select(Agency.code, Agency.name).where(Agency.code.in_(codes)))
    names = {row.code: row.name for row in found}
    return [_view(work, row, names.get(row.owner, "")) for row in rows]


def _view(work: Work, row: Resource, owner: str) -> ResourceView:
    """Agencies see their own people and numbers whole, those of others masked."""
    degree: fields.Degree = "masked" if work.actor.role == "agency" and row.owner != work.actor.desk else "whole"
    shown = {name: getattr(row, name) for name in ResourceView.model_fields if hasattr(row, name)}
    shown["contact"], shown["phone"] = fields.name(row.contact, degree), fields.number(row.phone, degree)
    return ResourceView(
        **shown,
        kind_name=KINDS[row.kind],  # type: ignore[index]
        owner_name=owner,
        stale=resources.is_stale(row, work.now),
        below_least=resources.is_below(row),
        expiring=resources.is_expiring(row, work.now),
        expired=resources.is_expired(row, work.now),
    )


def _city(work: Work, wanted: str | None) -> str:
    city = city_of(work, wanted)
    resources.must_see(work.actor, city)
    return city


async def _one(work: Work, row: Resource, response: Response) -> ResourceView:
    etag.put(response, row.rev)
    return (await views(work, [row]))[0]


async def _load(work: Work, resource: str) -> Resource:
    row = await work.session.scalar(select(Resource).where(Resource.id == resource, resources.visible(work.actor)))
    if row is None:
        raise NotFound("没有这项应急资源", "请刷新后重试", subject=resource[:64])
    return row


@router.get("", summary="应急资源列表 / Emergency resources")
async def list_resources(
    work: Looking,
    pages: Pages,
    _: Reader,
    kind: OfKind = None,
    sort: Annotated[str | None, Query(max_length=20, description="分类")] = None,
    code: Annotated[str | None, Query(max_length=40, description="编号")] = None,
    owner: Owner = None,
    division: Annotated[Division | None, Query(description="行政区划代码,包含下级")] = None,
    q: Annotated[str, Query(max_length=50, description="名称或地点中的文字")] = "",
    reminder: Annotated[Reminder | None, Query(description="stale 久未核对,below-least 低于下限,expiring 将到期")] = None,
    retired: Annotated[bool, Query(description="也列出已停用的")] = False,
    city: City = None,
) -> paging.Page[ResourceView]:
    """按类别和编号排列。"""
    query = select(Resource).where(Resource.city == _city(work, city))
    for column, value in (
        (Resource.kind, kind),
        (Resource.sort, sort),
        (Resource.code, code),
        (Resource.owner, owner),
        (Resource.active, None if retired else True),
    ):
        query = query if value is None else query.where(column == value)
    if division is not None:
        query = query.where(Resource.division.startswith(nearby.stem(division), autoescape=True))
    if q.strip():
        words = q.strip()
        query = query.where(Resource.name.contains(words, autoescape=True) | Resource.place.contains(words, autoescape=True))
    if reminder is not None:
        query = query.where(REMINDERS[reminder](work.now))
    keys = [Resource.kind, Resource.code]
    rows, after = await paging.fetch(work.session, query, pages, name="resources", keys=keys, descending=False)
    return paging.Page(items=await views(work, rows), next=after)


@router.get("/near", summary="附近的应急资源 / Resources near a place")
async def near(
    work: Looking,
    _: Reader,
    latitude: Annotated[float, Query(ge=-180, le=180, description="纬度,度,WGS 84")],
    longitude: Annotated[float, Query(ge=-180, le=180, description="经度,度,WGS 84")],
    kind: OfKind = None,
    sort: Annotated[list[OneSort] | None, Query(max_length=20, description="只要这些分类,可重复")] = None,
    within: Annotated[float, Query(ge=100, le=500_000, description="半径,米")] = 10_000,
    division: Annotated[Division | None, Query(description="所在区划;没有坐标的资源中,同一区划的在前")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="最多几条")] = 20,
    city: City = None,
) -> list[NearView]:
    """由近到远;没有坐标的排在最后。"""
    wrong = nearby.mistake(latitude, longitude)
    if wrong is not None:
        raise Invalid(wrong[1], wrong[2], field=wrong[0])
    found = await resources.near(
        work.session,
        _city(work, city),
        Point(latitude, longitude),
        kind=kind,
        sorts=sort or (),
        within=within,
        division=division,
        most=limit,
    )
    shown = await views(work, [one.row for one in found])
    return [NearView(**view.model_dump(), metres=one.metres) for view, one in zip(shown, found, strict=True)]


@router.get("/reminders", summary="需要处理的应急资源 / What must be looked at")
async def reminders(work: Looking, _: Reader, owner: Owner = None, city: City = None) -> RemindersView:
    """久未核对、低于下限、将到期和已过期的,各列前 200 条;承办单位只看自己的。"""
    where, whose = _city(work, city), work.actor.desk if work.actor.role == "agency" else owner
    lists = {
        name.replace("-", "_"): await views(
            work, await resources.reminders(work.session, where, name, work.now, owner=whose, limit=REMINDED)
        )
        for name in REMINDERS
    }
    return RemindersView(**lists)


@router.get(
    "/export",
    summary="导出应急资源 / Export resources",
    response_class=Response,
    responses=document.file(*sheets.MEDIA_TYPES.values()),
)
async def export_resources(
    request: Request, work: Looking, _: Reader, format_: FormatQuery, kind: OfKind = None, city: City = None
) -> Response:
    """含停用的;导出的表格可以原样导入。承办单位导出本单位的。导出留痕。"""
    where, own = _city(work, city), work.actor.desk if work.actor.role == "agency" else None
    query = select(Resource).where(Resource.city == where).order_by(Resource.kind, Resource.code).limit(MOST_ROWS + 1)
    for column, value in ((Resource.kind, kind), (Resource.owner, own)):
        query = query if value is None else query.where(column == value)
    rows = (await work.session.scalars(query)).all()
    if len(rows) > MOST_ROWS:
        raise Invalid(f"超过{MOST_ROWS}条", "请按类别分别导出", field="kind")
    data = await uploads.aside(lambda: resource_table.export(rows, format_))
    async with state.of(request).database.write() as session:
        detail = {"format": format_, "rows": len(rows), "filters": export.journalled(city=where, kind=kind, owner=own)}
        await audit.looked(session, work.actor, "export", "resources", work.now, detail=detail)
    disposition = f'attachment; filename="resources-{where}.{format_}"'
    return Response(data, media_type=sheets.MEDIA_TYPES[format_], headers={"Content-Disposition": disposition})


@router.post("/import", summary="导入应急资源 / Import resources")
async def import_resources(
    work: Looking,
    begin: LateSession,
    _: Editor,
    file: uploads.Table,
    city: Annotated[Division | None, Form()] = None,
    dry_run: Annotated[bool, Query(description="true:只校验,不保存")] = False,
) -> ImportedResources:
    """新增和修改表中的应急资源,表中没有的不变。每个填错的单元格都会指明,有一处错就什么也不保存。"""
    where = own_city(work, city)
    data, name = await uploads.take(file)
    table = await uploads.aside(lambda: resource_table.read(data, name))
    session = await begin()
    attempt = await session.begin_nested()
    found = await resource_table.take(Work(session, work.actor, work.now, work.town), table, city=where)
    await (attempt.rollback() if dry_run else attempt.commit())
    return ImportedResources(
        created=found.created,
        changed=found.changed,
        checked=found.checked,
        same=found.same,
        warnings=[CellView.model_validate(one) for one in found.warnings],
        dry_run=dry_run,
    )


Known = Annotated[
    str | None,
    Header(alias="If-Match", max_length=64, description='修改时必填:读取时得到的 ETag,如 `"3"`;新登记的不填'),
]


@router.put(
    "/{kind}/{code}",
    summary="登记或修改应急资源 / Keep a resource",
    responses={201: {"model": ResourceView, "description": "已登记 / made"}},
)
async def put(
    kind: Annotated[Kind, Path(description="类别")],
    code: Annotated[str, Path(max_length=40, pattern=f"^{CODE}$", description="管理单位自己的编号")],
    body: ResourceBody,
    work: Working,
    response: Response,
    _: Editor,
    known: Known = None,
    city: City = None,
) -> ResourceView:
    """按州市、类别、编号;修改即视为已核对,停用的重新启用。"""
    where = own_city(work, city)
    there = await resources.find(work.session, where, kind, code)
    if there is not None:
        resources.must_keep(work.actor, where, there.owner)
        if known is None:
            raise PreconditionRequired("etag.required")
    own = work.actor.desk if work.actor.role == "agency" else ""
    details = Details(**{**body.model_dump(), "owner": body.owner or own})
    seen = 0 if known is None else etag.if_match(known)
    row = await resources.put(work, kind, code, details, city=where, rev=seen)
    if there is None:
        response.status_code = 201
        response.headers["Location"] = f"{routing.PREFIX}/resources/{row.id}"
    return await _one(work, row, response)


@router.get("/{resource}", summary="一项应急资源 / One resource")
async def show(resource: Id, work: Looking, response: Response, _: Reader) -> ResourceView:
    return await _one(work, await _load(work, resource), response)


@router.post("/{resource}/check", summary="核对 / Somebody has looked, and all is right")
async def check(resource: Id, rev: IfMatch, work: Working, response: Response, _: Editor) -> ResourceView:
    await _load(work, resource)
    return await _one(work, await resources.check(work, resource, rev), response)


@router.post("/{resource}/retire", summary="停用 / It is found no more")
async def retire(resource: Id, rev: IfMatch, work: Working, response: Response, _: Editor) -> ResourceView:
    await _load(work, resource)
    return await _one(work, await resources.retire(work, resource, rev), response)


@router.post("/{resource}/stock", status_code=201, summary="出入库 / Material comes or goes")
async def stock(resource: Id, body: StockBody, work: Working, response: Response, _: Editor) -> StockedView:
    """库存不够的不收;低于下限时提醒管理单位。"""
    row = await _load(work, resource)
    change = await resources.stock(work, resource, body.amount, body.reason, event=body.event_id)
    return StockedView(change=StockView.model_validate(change), resource=await _one(work, row, response))


@router.get("/{resource}/stock", summary="出入库记录 / The book of a stock")
async def stock_changes(resource: Id, work: Looking, pages: Pages, _: Reader) -> paging.Page[StockView]:
    """最近的在前。"""
    await _load(work, resource)
    query = select(StockChange).where(StockChange.resource_id == resource)
    keys = [StockChange.at, StockChange.id]
    rows, after = await paging.fetch(work.session, query, pages, name="stock", keys=keys)
    return paging.Page(items=[StockView.model_validate(row) for row in rows], next=after)
