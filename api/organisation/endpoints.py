"""Endpoints of agencies, centres and divisions."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Path, Query, Response

from api.kit import etag, export, paging, routing, sheets, uploads
from api.kit.casework import Looking, Working, city_of, own_city
from api.kit.deps import AppSettings, IfMatch, LateSession, Pages, allowed
from api.kit.export import FormatQuery
from api.kit.fields import Division
from api.organisation.schemas import (
    AgencyBody,
    AgencyChange,
    AgencyView,
    CentreView,
    DivisionView,
    Imported,
    Level,
    PlaceView,
)
from router.access.actor import Actor
from router.casework.work import Work
from router.catalog import versions
from router.errors import NotFound
from router.organisation import agencies, agency_table, divisions
from router.organisation.agencies import Entry
from router.storage.organisation import Agency

router = routing.router("/organisation", "organisation")

Reader = Annotated[Actor, allowed("organisation.read")]
Editor = Annotated[Actor, allowed("organisation.edit")]
Code = Annotated[str, Path(max_length=18, pattern=r"^[0-9A-Za-z]{1,18}$", description="统一社会信用代码")]
City = Annotated[Division | None, Query(description="州市代码,默认本市")]
MOST = 10_000
"""Agencies of one export."""


async def kinds(work: Work, city: str) -> tuple[str, ...]:
    """Types of agency that the city's catalog in force knows; none: any."""
    try:
        return tuple((await versions.at(work.session, city, work.now)).agency_kinds)
    except versions.NoCatalog:
        return ()


def _view(row: Agency) -> AgencyView:
    return AgencyView.model_validate(row)


@router.get("/agencies", summary="承办单位列表 / Agencies")
async def list_agencies(
    work: Looking,
    pages: Pages,
    _: Reader,
    city: City = None,
    kind: Annotated[str | None, Query(max_length=40, description="承办类型")] = None,
    level: Level | None = None,
    active: Annotated[bool | None, Query(description="不填则含停用的")] = True,
    q: Annotated[str, Query(max_length=50, description="名称中的文字")] = "",
) -> paging.Page[AgencyView]:
    name = "agencies"
    after = pages.decode(name)
    rows = await agencies.listed(
        work.session,
        city_of(work, city),
        kind=kind,
        level=level,
        active=active,
        words=q,
        after=str(after[0]) if after else None,
        limit=pages.limit + 1,
    )
    shown = rows[: pages.limit]
    more = pages.encode(name, [shown[-1].code]) if len(rows) > pages.limit else None
    return paging.Page(items=[_view(row) for row in shown], next=more)


@router.get(
    "/agencies/export",
    summary="导出承办单位 / Export agencies",
    response_class=Response,
    responses=export.RESPONSES,
)
async def export_agencies(work: Looking, _: Reader, format_: FormatQuery, city: City = None) -> Response:
    """含停用的;导出的表格可以原样导入。"""
    where = city_of(work, city)
    rows = await agencies.listed(work.session, where, active=None, limit=MOST)
    data = await uploads.aside(lambda: agency_table.export(rows, format_))
    disposition = f'attachment; filename="agencies-{where}.{format_}"'
    return Response(data, media_type=sheets.MEDIA_TYPES[format_], headers={"Content-Disposition": disposition})


@router.post("/agencies/import", summary="导入承办单位 / Import agencies")
async def import_agencies(
    work: Looking,
    begin: LateSession,
    _: Editor,
    file: uploads.Table,
    city: Annotated[Division | None, Form()] = None,
    dry_run: Annotated[bool, Query(description="true:只校验,不保存")] = False,
) -> Imported:
    """新增和修改表中的单位,表中没有的不变。每个填错的单元格都会指明,有一处错就什么也不保存。"""
    where = own_city(work, city)
    data, name = await uploads.take(file)
    known = await kinds(work, where)
    session = await begin()
    attempt = await session.begin_nested()
    found = await agency_table.import_table(session, data, name, city=where, actor=work.actor, now=work.now, kinds=known)
    await (attempt.rollback() if dry_run else attempt.commit())
    return Imported(created=found.created, changed=found.changed, same=found.same, dry_run=dry_run)


@router.get("/agencies/{code}", summary="一个承办单位 / One agency")
async def show(code: Code, work: Looking, response: Response, _: Reader) -> AgencyView:
    row = await agencies.get(work.session, code)
    etag.put(response, row.rev)
    return _view(row)


@router.post("/agencies", status_code=201, summary="登记承办单位 / Register an agency")
async def create(body: AgencyBody, work: Working, response: Response, _: Editor) -> AgencyView:
    """代码、区划、承办类型和上级都会校验。"""
    city = own_city(work, body.city)
    entry = Entry(body.code, body.name.strip(), body.kind.strip(), body.level, tuple(body.divisions), body.parent)
    row = await agencies.create(work.session, entry, city=city, actor=work.actor, now=work.now, kinds=await kinds(work, city))
    response.headers["Location"] = f"{routing.PREFIX}/organisation/agencies/{row.code}"
    etag.put(response, row.rev)
    return _view(row)


@router.patch("/agencies/{code}", summary="修改承办单位 / Change an agency")
async def change(code: Code, body: AgencyChange, rev: IfMatch, work: Working, response: Response, _: Editor) -> AgencyView:
    return await _change(work, response, code, body.changes(), rev)


@router.post("/agencies/{code}/deactivate", summary="停用承办单位 / Deactivate an agency")
async def deactivate(code: Code, rev: IfMatch, work: Working, response: Response, _: Editor) -> AgencyView:
    """停用后不再分派给它;已派的单照常办完。"""
    return await _change(work, response, code, {"active": False}, rev)


async def _change(work: Work, response: Response, code: str, changes: dict[str, object], rev: int) -> AgencyView:
    city = own_city(work, (await agencies.get(work.session, code)).city)
    row = await agencies.update(
        work.session, code, changes, actor=work.actor, now=work.now, rev=rev, kinds=await kinds(work, city)
    )
    etag.put(response, row.rev)
    return _view(row)


@router.get("/centres", summary="受理中心 / Centres")
async def centres(settings: AppSettings, work: Looking, _: Reader) -> list[CentreView]:
    """来自安装配置:一个 12345,若干 110。"""
    return [
        CentreView(
            id=one.id,
            kind=one.kind,
            name=one.name,
            city=work.town.city_of(one.id),
            numbers=list(one.numbers),
            divisions=list(one.divisions),
            default=one.default,
        )
        for one in settings.installation.centres
    ]


def _division(code: str) -> DivisionView:
    return DivisionView(
        code=code,
        name=divisions.name(code),
        full_name=divisions.full_name(code),
        parent=divisions.parent(code),
        has_children=bool(divisions.children(code)),
    )


@router.get("/divisions", summary="查找行政区划 / Find divisions")
async def find_divisions(
    _: Reader,
    q: Annotated[str, Query(min_length=1, max_length=30, description="名称中的文字,或代码的开头")],
    within: Annotated[Division | None, Query(description="只在此区划内")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[DivisionView]:
    return [_division(code) for code in divisions.search(q, within or "", limit)]


@router.get("/divisions/parse", summary="从地点文字解析区划 / The division of a place")
async def parse_place(
    work: Looking,
    _: Reader,
    text: Annotated[str, Query(min_length=1, max_length=300, description="地点的文字")],
    city: City = None,
) -> PlaceView:
    return PlaceView.model_validate(divisions.parse_place(text, city_of(work, city)))


@router.get("/divisions/{code}", summary="一个行政区划 / One division")
async def division(code: Annotated[str, Path(pattern=r"^[0-9]{6,12}$")], _: Reader) -> DivisionView:
    if not divisions.known(code):
        raise NotFound(f"没有行政区划代码“{code}”", "请核对 GB/T 2260 代码", code=code)
    return _division(code)


@router.get("/divisions/{code}/children", summary="下级区划 / Divisions below")
async def children(code: Annotated[str, Path(pattern=r"^[0-9]{6,12}$")], _: Reader) -> list[DivisionView]:
    if not divisions.known(code):
        raise NotFound(f"没有行政区划代码“{code}”", "请核对 GB/T 2260 代码", code=code)
    return [_division(one) for one in divisions.children(code)]
