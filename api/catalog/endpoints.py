"""Endpoints of the catalog: what is in force, what was, what is different, and how it becomes another."""

from __future__ import annotations

import io
from typing import Annotated, Any, Literal

from fastapi import Form, Path, Query, Request, Response
from ruamel.yaml import YAML
from sqlalchemy.ext.asyncio import AsyncSession

from api.catalog import schemas
from api.catalog.schemas import ChangeView, ItemHit, ItemView, Published, Scope, VersionView, WholeVersion
from api.kit import document, paging, routing, sheets, uploads
from api.kit.casework import Looking, city_of, own_city
from api.kit.deps import LateSession, Pages, allowed
from api.kit.fields import Division, Moment
from router.access.actor import Actor
from router.casework.work import Work
from router.catalog import files, plain, search, table, versions
from router.catalog.model import Catalog
from router.errors import Conflict, NotFound
from router.storage.organisation import CatalogVersion

router = routing.router("/catalog", "catalog")

Reader = Annotated[Actor, allowed("catalog.read")]
Publisher = Annotated[Actor, allowed("catalog.publish")]
City = Annotated[Division | None, Query(description="州市代码(GB/T 2260),默认本市")]
Version = Annotated[str, Path(max_length=32, pattern=r"^[0-9]{6}-[0-9]{1,9}$", description="如 530100-3")]
OfVersion = Annotated[str | None, Query(max_length=32, pattern=r"^[0-9]{6}-[0-9]{1,9}$", description="版本,默认现行")]
At = Annotated[Moment | None, Query(description="哪一时刻,默认现在")]
DryRun = Annotated[bool, Query(description="true:只校验并列出不同,不保存")]
DRY = {"model": Published, "description": "dry_run:内容正确,没有保存"}
Code = Annotated[str, Path(max_length=16, pattern=r"^[A-Za-z0-9-]{1,16}$")]


async def _catalog(work: Work, city: str | None, version: str | None, at: Any = None) -> Catalog:
    """A version by its name, or the one in force at a moment."""
    if version is not None:
        return await versions.load(work.session, version)
    return await versions.at(work.session, city_of(work, city), at or work.now)


async def _row(session: AsyncSession, version: str) -> CatalogVersion:
    row = await session.get(CatalogVersion, version)
    if row is None:
        raise NotFound(f"没有事项清单版本“{version}”", "请核对版本号", version=version)
    return row


@router.get("/versions", summary="清单版本列表 / Versions of a city's catalog")
async def list_versions(work: Looking, pages: Pages, _: Reader, city: City = None) -> paging.Page[VersionView]:
    """新的在前。"""
    where = city_of(work, city)
    after = pages.decode(f"versions {where}")
    before = int(after[0]) if after else None
    rows = await versions.history(work.session, where, before=before, limit=pages.limit + 1)
    shown = rows[: pages.limit]
    more = pages.encode(f"versions {where}", [shown[-1].serial]) if len(rows) > pages.limit else None
    return paging.Page(items=[schemas.version(row) for row in shown], next=more)


@router.get("/current", summary="某一时刻现行的版本 / The version in force at a moment")
async def current(work: Looking, _: Reader, city: City = None, at: At = None) -> VersionView:
    found = await versions.at(work.session, city_of(work, city), at or work.now)
    return schemas.version(await _row(work.session, found.version))


@router.get(
    "/versions/{version}", summary="一个版本的全部内容 / One version, whole", responses={304: {"description": "没有变化"}}
)
async def show(version: Version, request: Request, response: Response, work: Looking, _: Reader) -> WholeVersion:
    """ETag 是内容的摘要;带 `If-None-Match` 时,没有变化返回 304。"""
    row = await _row(work.session, version)
    tag = f'"{row.sha256}"'
    if tag in [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers={"ETag": tag})  # type: ignore[return-value]
    response.headers["ETag"] = tag
    return WholeVersion.model_validate(row)


@router.get("/items", summary="查找事项 / Find items")
async def items(
    work: Looking,
    pages: Pages,
    _: Reader,
    q: Annotated[str, Query(max_length=50, description="编码、名称或群众用语,可不完全一致")] = "",
    scope: Scope | None = None,
    field: Annotated[str | None, Query(max_length=20, description="领域")] = None,
    agency_kind: Annotated[str | None, Query(max_length=40, description="承办类型")] = None,
    kind: Annotated[str | None, Query(max_length=20, description="诉求类型")] = None,
    retired: Annotated[bool, Query(description="也列出已被替代的事项")] = False,
    city: City = None,
    version: OfVersion = None,
    at: At = None,
) -> paging.Page[ItemHit]:
    """有查询词时按符合程度排列,否则按清单顺序。"""
    catalog = await _catalog(work, city, version, at)
    content = _plain(catalog)
    hits = [
        one
        for one in search.search(catalog, q)
        if (scope is None or one.item.scope == scope)
        and (field is None or one.item.field == field)
        and (agency_kind is None or agency_kind in one.item.agencies)
        and (kind is None or kind in one.item.kinds)
        and (retired or not one.item.replaced_by)
    ]
    name = f"items {catalog.version}"
    after = pages.decode(name)
    start = int(after[0]) if after else 0
    shown = hits[start : start + pages.limit]
    more = pages.encode(name, [start + pages.limit]) if len(hits) > start + pages.limit else None
    made = [
        ItemHit(**schemas.item(catalog, one.item.code, content[one.item.code]).model_dump(), score=one.score) for one in shown
    ]
    return paging.Page(items=made, next=more)


def _plain(catalog: Catalog) -> dict[str, Any]:
    """Items as plain data."""
    found: dict[str, Any] = plain.dump(catalog)["items"]
    return found


@router.get("/items/{code}", summary="一个事项 / One item")
async def one_item(code: Code, work: Looking, _: Reader, city: City = None, version: OfVersion = None, at: At = None) -> ItemView:
    """已被替代的编码返回替代它的事项。"""
    catalog = await _catalog(work, city, version, at)
    found = catalog.item(code)
    if found is None:
        raise NotFound(f"事项清单中没有“{code}”", "请核对编码", code=code)
    return schemas.item(catalog, found.code, _plain(catalog)[found.code])


@router.get("/sections/{section}", summary="清单的其他部分 / Other sections")
async def section(
    section: Literal["classes", "rules", "limits", "guidance", "agency_kinds"],
    work: Looking,
    _: Reader,
    city: City = None,
    version: OfVersion = None,
    at: At = None,
) -> dict[str, Any]:
    """警情类别、交叉事项判定、通用时限、引导话术、承办类型:编码到内容。"""
    found: dict[str, Any] = plain.dump(await _catalog(work, city, version, at))[section]
    return found


@router.get("/diff", summary="两版的不同 / What is different between two versions")
async def diff(
    work: Looking,
    _: Reader,
    before: Annotated[str, Query(max_length=32, pattern=r"^[0-9]{6}-[0-9]{1,9}$", description="较早的版本")],
    after: Annotated[str, Query(max_length=32, pattern=r"^[0-9]{6}-[0-9]{1,9}$", description="较新的版本")],
) -> list[ChangeView]:
    old, new = await versions.load(work.session, before), await versions.load(work.session, after)
    return _changes(old, new)


def _changes(old: Catalog | None, new: Catalog) -> list[ChangeView]:
    return [] if old is None else [ChangeView.model_validate(one) for one in versions.diff(old, new)]


@router.post("/versions", status_code=201, summary="发布新版本 / Publish a version", responses={200: DRY})
async def publish(
    body: schemas.PublishBody, work: Looking, begin: LateSession, _: Publisher, response: Response, dry_run: DryRun = False
) -> Published:
    """内容须完整,每处错误都会指明;新登记的事项从生效时间起用新版,已有事项仍用原版。"""
    city = own_city(work, body.city)
    return await _publish(work, begin, response, body.content, city=city, since=body.effective_at, note=body.note, dry=dry_run)


@router.post("/versions/yaml", status_code=201, summary="上传 YAML 发布 / Publish a YAML file", responses={200: DRY})
async def publish_yaml(
    work: Looking,
    begin: LateSession,
    _: Publisher,
    response: Response,
    file: uploads.Document,
    city: Annotated[Division | None, Form()] = None,
    effective_at: Annotated[Moment | None, Form()] = None,
    note: Annotated[schemas.Note, Form()] = "",
    dry_run: DryRun = False,
) -> Published:
    """一个文件含全部内容;错误指明行号和键。"""
    where = own_city(work, city)
    data, name = await uploads.take(file, files.LARGEST)
    content = await uploads.aside(lambda: files.read_upload(data, name))
    return await _publish(work, begin, response, content, city=where, since=effective_at, note=note, dry=dry_run)


@router.post("/items/import", status_code=201, summary="从表格导入事项并发布 / Items from a table", responses={200: DRY})
async def import_items(
    work: Looking,
    begin: LateSession,
    _: Publisher,
    response: Response,
    file: uploads.Table,
    city: Annotated[Division | None, Form()] = None,
    effective_at: Annotated[Moment | None, Form()] = None,
    note: Annotated[schemas.Note, Form()] = "",
    dry_run: DryRun = False,
) -> Published:
    """表格取代最新版本的全部事项(其他部分不变)。每个填错的单元格都会指明,有一处错就什么也不保存。"""
    where = own_city(work, city)
    data, name = await uploads.take(file)
    newest = await versions.newest(work.session, where)
    if newest is None:
        raise Conflict("该州市还没有事项清单", "请先发布完整的清单", city=where)
    content = await uploads.aside(lambda: table.read(data, name, plain.dump(newest)))
    return await _publish(work, begin, response, content, city=where, since=effective_at, note=note, dry=dry_run)


async def _publish(
    work: Work, begin: Any, response: Response, content: dict[str, Any], *, city: str, since: Any, note: str, dry: bool
) -> Published:
    old = await versions.newest(work.session, city)
    if dry:
        response.status_code = 200
        parsed = plain.parse(content, version=f"{city}-0", city=city, effective_at=since or work.now)
        return Published(version=None, changes=_changes(old, parsed))
    session = await begin()
    row = await versions.publish(session, content, city=city, effective_at=since, actor=work.actor, note=note, now=work.now)
    response.headers["Location"] = f"{routing.PREFIX}/catalog/versions/{row.id}"
    response.headers["ETag"] = f'"{row.sha256}"'
    return Published(version=schemas.version(row), changes=_changes(old, await versions.load(session, row.id)))


@router.get(
    "/versions/{version}/export",
    summary="导出一个版本 / Export a version",
    response_class=Response,
    responses=document.file(*sheets.MEDIA_TYPES.values(), "application/yaml"),
)
async def export(
    version: Version,
    work: Looking,
    _: Reader,
    format_: Annotated[Literal["csv", "xlsx", "yaml"], Query(alias="format", description="csv、xlsx 只含事项;yaml 含全部内容")],
) -> Response:
    """导出的表格和 YAML 都可以原样导入。"""
    catalog = await versions.load(work.session, version)
    if format_ == "yaml":
        data, kind = await uploads.aside(lambda: _yaml(catalog)), "application/yaml; charset=utf-8"
    else:
        chosen: Literal["csv", "xlsx"] = format_
        data, kind = await uploads.aside(lambda: table.export(catalog, chosen)), sheets.MEDIA_TYPES[chosen]
    return Response(data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="catalog-{version}.{format_}"'})


def _yaml(catalog: Catalog) -> bytes:
    writer = YAML(pure=True)  # keeps the order of what it is given
    writer.width = 120
    into = io.BytesIO()
    writer.dump(plain.dump(catalog), into)
    return into.getvalue()
