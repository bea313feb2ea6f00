"""Endpoints of duty (值班): posts, rosters, what is wrong with them, test calls."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import Form, Path, Query, Response
from sqlalchemy import ColumnElement, select, true

from api.duty import schemas, views
from api.kit import etag, paging, routing, uploads
from api.kit.casework import Looking, Working, own_city
from api.kit.deps import IfMatch, LateSession, Pages, allowed
from api.kit.fields import Division, Moment
from api.kit.fields import Id as IdText
from router.access import roles
from router.access.actor import Actor
from router.casework.work import Work
from router.errors import Conflict, NotFound
from router.linkage.duty import dutytests, posts, roster_table, rostering, watch
from router.linkage.duty.posts import Details
from router.linkage.duty.rostering import Turns
from router.storage.duty import DutyPost, DutyRotation, DutyShift, DutyTest

router = routing.router("/duty", "duty")

Reader = Annotated[Actor, allowed("post.read")]
Editor = Annotated[Actor, allowed("post.edit")]
Keeper = Annotated[Actor, allowed("roster.edit")]
Tester = Annotated[Actor, allowed("duty.test")]
_ID = r"^[A-Za-z0-9_.:-]+$"
PostId = Annotated[str, Path(max_length=64, pattern=_ID, description="值班岗编号")]
RotationId = Annotated[str, Path(max_length=64, pattern=_ID, description="轮班 id")]
ShiftId = Annotated[str, Path(max_length=64, pattern=_ID, description="班次 id")]
City = Annotated[Division | None, Query(description="州市代码,默认本市")]
MonthQuery = Annotated[schemas.Month | None, Query(description="月份,如 2026-12")]
WEEKS = dt.timedelta(days=14)


def _near(work: Work) -> ColumnElement[bool]:
    """Posts of the own city; administrators of the installation see all."""
    if not work.actor.city or (work.actor.role == "administrator" and not work.actor.unit):
        return true()
    return DutyPost.city == work.actor.city


def _own(work: Work) -> ColumnElement[bool]:
    """The same, and for agencies only what is theirs."""
    return _near(work) & (DutyPost.unit == work.actor.desk) if work.actor.role == "agency" else _near(work)


async def _load(work: Work, post: str) -> DutyPost:
    row = await work.session.scalar(select(DutyPost).where(DutyPost.id == post, _near(work)))
    if row is None:
        raise NotFound("没有这个值班岗", "请核对值班岗编号", post=post)
    return row


async def _mine(work: Work, post: str) -> DutyPost:
    """A post of a city that the actor may change; whose unit it is, the services ask."""
    row = await _load(work, post)
    own_city(work, row.city)
    return row


# --- posts


@router.get("/posts", summary="值班岗列表 / Duty posts")
async def list_posts(
    work: Looking,
    pages: Pages,
    _: Reader,
    unit: Annotated[IdText | None, Query(description="单位代码、受理中心或外部线路编号")] = None,
    kind: Annotated[str | None, Query(max_length=20, description="类别,如 燃气、119、领导")] = None,
    stale: Annotated[bool, Query(description="只列电话久未核实的")] = False,
    active: Annotated[bool | None, Query(description="不填则含停用的")] = True,
) -> paging.Page[schemas.PostView]:
    """每个岗都说明现在谁值班、值到何时;`duty.gap` 和 `stale` 应显示红色。"""
    query = select(DutyPost).where(_near(work))
    for column, value in ((DutyPost.unit, unit), (DutyPost.kind, kind), (DutyPost.active, active)):
        if value is not None:
            query = query.where(column == value)
    if stale:
        query = query.where(DutyPost.verified_at <= work.now - dt.timedelta(days=posts.STALE_DAYS))
    rows, after = await paging.fetch(work.session, query, pages, name="duty-posts", keys=[DutyPost.id], descending=False)
    return paging.Page(items=await views.posts_of(work, rows), next=after)


def _details(body: schemas.PostDetails) -> Details:
    return Details(**{name: getattr(body, name) for name in schemas.PostDetails.model_fields})


@router.post("/posts", status_code=201, summary="新增值班岗 / Add a post")
async def add_post(body: schemas.PostBody, work: Working, response: Response, _: Editor) -> schemas.PostView:
    """承办单位只能登记本单位的;号码须能拨打,新登记即视为已核实。"""
    city = own_city(work, body.city)
    if await work.session.get(DutyPost, body.id) is not None:
        raise Conflict(f"已有值班岗“{body.id}”", "请换一个编号", field="id")
    row = await posts.put(work, body.id, _details(body), city=city, rev=0)
    response.headers["Location"] = f"{routing.PREFIX}/duty/posts/{row.id}"
    etag.put(response, row.rev)
    return await views.post(work, row)


@router.get("/posts/{post}", summary="一个值班岗 / One post")
async def show_post(post: PostId, work: Looking, response: Response, _: Reader) -> schemas.PostView:
    row = await _load(work, post)
    etag.put(response, row.rev)
    return await views.post(work, row)


@router.put("/posts/{post}", summary="修改值班岗 / Change a post")
async def change_post(
    post: PostId, body: schemas.PostDetails, rev: IfMatch, work: Working, response: Response, _: Editor
) -> schemas.PostView:
    """修改即视为已核实;停用的重新启用。"""
    city = (await _mine(work, post)).city
    row = await posts.put(work, post, _details(body), city=city, rev=rev)
    etag.put(response, row.rev)
    return await views.post(work, row)


@router.post("/posts/{post}/verify", summary="核实 / Somebody has rung, and it is right")
async def verify_post(post: PostId, work: Working, response: Response, _: Editor) -> schemas.PostView:
    await _mine(work, post)
    row = await posts.verify(work, post)
    etag.put(response, row.rev)
    return await views.post(work, row)


@router.post("/posts/{post}/retire", summary="停用 / Retire a post")
async def retire_post(post: PostId, rev: IfMatch, work: Working, response: Response, _: Editor) -> schemas.PostView:
    """此后不再通知它;已发出的请求照常办完。"""
    await _mine(work, post)
    row = await posts.retire(work, post, rev)
    etag.put(response, row.rev)
    return await views.post(work, row)


# --- rosters


@router.get("/posts/{post}/timeline", summary="值班时间线 / Who has the post when")
async def timeline(
    post: PostId,
    work: Looking,
    _: Reader,
    since: Annotated[Moment | None, Query(description="默认现在")] = None,
    until: Annotated[Moment | None, Query(description="默认两周后,最长 400 天")] = None,
) -> schemas.TimelineView:
    """从头到尾没有遗漏:无人值班的时间也是一段,应显示红色。"""
    row = await _load(work, post)
    begin = since or work.now
    found = await rostering.timeline(work.session, row, begin, until or begin + WEEKS)
    rostered = bool(await posts.rostered(work.session, [row.id]))
    shown = views.slices(work, row, await views.people(work, row), found, rostered)
    return schemas.TimelineView(post=row.id, zone=row.zone, rostered=rostered, slices=shown)


@router.get("/posts/{post}/gaps", summary="无人值班的时间 / Gaps")
async def gaps(
    post: PostId, work: Looking, _: Reader, days: Annotated[int, Query(ge=1, le=366, description="今后多少天")] = 30
) -> list[schemas.SliceView]:
    row = await _load(work, post)
    found = await rostering.gaps(work.session, row, work.now, days)
    return views.slices(work, row, await views.people(work, row), found, True)


@router.get("/posts/{post}/rotations", summary="轮班列表 / Rotations")
async def list_rotations(post: PostId, work: Looking, _: Reader) -> list[schemas.RotationView]:
    row = await _load(work, post)
    query = select(DutyRotation).where(DutyRotation.post_id == row.id, DutyRotation.ended_at.is_(None))
    found = (await work.session.scalars(query.order_by(DutyRotation.first_day, DutyRotation.id))).all()
    known = await views.people(work, row)
    return [views.rotation(work, row, known, one) for one in found]


@router.post("/posts/{post}/rotations", status_code=201, summary="登记轮班 / Add a rotation")
async def add_rotation(
    post: PostId, body: schemas.RotationBody, work: Working, response: Response, _: Keeper
) -> schemas.RotationView:
    row = await _mine(work, post)
    handovers = [dt.time.fromisoformat(one) for one in body.handovers]
    kept = await rostering.add_rotation(work, post, Turns(body.contacts, body.first_day, body.last_day, handovers))
    etag.put(response, kept.rev)
    return views.rotation(work, row, await views.people(work, row), kept)


@router.post("/rotations/{rotation}/end", summary="结束轮班 / End a rotation")
async def end_rotation(
    rotation: RotationId, body: schemas.RotationEndBody, rev: IfMatch, work: Working, response: Response, _: Keeper
) -> schemas.RotationView:
    """设定最后一天;不填则值完正在值的班。值过的班保留原样。"""
    found = await work.session.get(DutyRotation, rotation)
    if found is None:
        raise NotFound("没有这个轮班", "请刷新后重试", rotation=rotation)
    row = await _mine(work, found.post_id)
    kept = await rostering.end_rotation(work, rotation, body.last_day, rev=rev)
    etag.put(response, kept.rev)
    return views.rotation(work, row, await views.people(work, row), kept)


@router.get("/posts/{post}/shifts", summary="班次、替班与换班列表 / Shifts, stand-ins and swaps")
async def list_shifts(
    post: PostId,
    work: Looking,
    pages: Pages,
    _: Reader,
    since: Annotated[Moment | None, Query(description="结束晚于此时的,默认现在")] = None,
    cancelled: Annotated[bool, Query(description="也列出已撤销的")] = False,
) -> paging.Page[schemas.ShiftView]:
    row = await _load(work, post)
    query = select(DutyShift).where(DutyShift.post_id == row.id, DutyShift.until > (since or work.now))
    if not cancelled:
        query = query.where(DutyShift.cancelled_at.is_(None))
    keys = [DutyShift.since, DutyShift.id]
    rows, after = await paging.fetch(work.session, query, pages, name="duty-shifts", keys=keys, descending=False)
    known = await views.people(work, row)
    return paging.Page(items=[views.shift(work, row, known, one) for one in rows], next=after)


@router.post("/posts/{post}/shifts", status_code=201, summary="登记班次或替班 / Add a shift or stand-in")
async def add_shift(post: PostId, body: schemas.ShiftBody, work: Working, _: Keeper) -> schemas.ShiftView:
    """班次不能重叠;替班优先于班次,班次优先于轮班。"""
    row = await _mine(work, post)
    if body.kind == "shift":
        kept = await rostering.add_shift(work, post, body.contact, body.since, body.until)
    else:
        kept = await rostering.add_override(work, post, body.contact, body.since, body.until, body.reason or "")
    return views.shift(work, row, await views.people(work, row), kept)


@router.post("/posts/{post}/swaps", status_code=201, summary="换班 / Two people swap")
async def swap(post: PostId, body: schemas.SwapBody, work: Working, _: Keeper) -> list[schemas.ShiftView]:
    """first、second 各写现有的一段值班,换班后由对方值。"""
    row = await _mine(work, post)
    first, second = ((one.contact, one.since, one.until) for one in (body.first, body.second))
    kept = await rostering.swap(work, post, first, second, body.reason)
    known = await views.people(work, row)
    return [views.shift(work, row, known, one) for one in kept]


@router.post("/shifts/{shift}/cancel", summary="撤销班次、替班或换班 / Cancel an entry")
async def cancel(shift: ShiftId, work: Working, _: Keeper) -> list[schemas.ShiftView]:
    """换班的两半一起撤销;正在值的班到此为止,值过的保留。"""
    found = await work.session.get(DutyShift, shift)
    if found is None:
        raise NotFound("没有这个班次", "请刷新后重试", shift=shift)
    row = await _mine(work, found.post_id)
    kept = await rostering.cancel(work, shift)
    known = await views.people(work, row)
    return [views.shift(work, row, known, one) for one in kept]


@router.post("/rosters/import", summary="导入一个月的值班表 / Import a month's roster")
async def import_roster(
    work: Looking,
    begin: LateSession,
    _: Keeper,
    file: uploads.Table,
    month: Annotated[schemas.Month, Form(description="月份,如 2026-12")],
    city: Annotated[Division | None, Form()] = None,
    dry_run: Annotated[bool, Query(description="true:只校验,不保存")] = False,
) -> schemas.RosterImported:
    """表头:值班岗、姓名、开始、结束。每个填错的单元格都会指明,有一处错就什么也不保存。"""
    where = own_city(work, city)
    data, name = await uploads.take(file)
    table = await uploads.aside(lambda: roster_table.read(data, name))
    session = await begin()
    attempt = await session.begin_nested()
    found = await roster_table.take(Work(session, work.actor, work.now, work.town), where, month, table)
    await (attempt.rollback() if dry_run else attempt.commit())
    return schemas.RosterImported(created=found.created, same=found.same, dry_run=dry_run)


@router.get("/findings", summary="值守检查:应显示红色的 / What is wrong now")
async def findings(
    work: Looking, _: Reader, city: City = None, unit: Annotated[IdText | None, Query(description="只看这个单位")] = None
) -> list[schemas.PostFindingView]:
    """无人值班、联系人已不在、轮班将尽、久未核实;最要紧的在前。承办单位只看本单位的。"""
    mine = work.actor.desk if work.actor.role == "agency" else unit
    return await views.findings(work, await watch.of_city(work.session, own_city(work, city), work.now, unit=mine))


# --- test calls


@router.get("/tests", summary="拨测列表 / Test calls")
async def list_tests(
    work: Looking,
    pages: Pages,
    actor: Reader,
    month: MonthQuery = None,
    post: Annotated[IdText | None, Query(description="值班岗编号")] = None,
) -> paging.Page[schemas.DutyTestView]:
    """尚未拨打的只有下达拨测的人能看到;承办单位只看本单位的。"""
    query = select(DutyTest, DutyPost).join(DutyPost, DutyPost.id == DutyTest.post_id).where(_own(work))
    if not roles.may(actor, "duty.test"):
        query = query.where(DutyTest.called_at.is_not(None))
    for column, value in ((DutyTest.month, month), (DutyTest.post_id, post)):
        if value is not None:
            query = query.where(column == value)
    rows, after = await paging.fetch(work.session, query, pages, name="duty-tests", keys=[DutyTest.due_at, DutyTest.id])
    return paging.Page(items=[views.test(work, row, test) for test, row in rows], next=after)


@router.get("/tests/results", summary="一个月的拨测结果 / Results of a month")
async def results(work: Looking, _: Reader, month: MonthQuery = None, city: City = None) -> schemas.TestResultsView:
    """默认本月;应答率按接听并按键确认计。承办单位只看本单位的。"""
    which = month or dutytests.month_of(work.now)
    unit = work.actor.desk if work.actor.role == "agency" else None
    whole, each = await dutytests.results(work.session, own_city(work, city), which, unit=unit)
    shown = [
        schemas.PostTallyView(**views.tally(one).model_dump(), post=row.id, post_name=row.name, unit=row.unit)
        for row, one in each
    ]
    return schemas.TestResultsView(month=which, whole=views.tally(whole), posts=shown)


@router.post("/tests", status_code=201, summary="现在拨测一个岗 / Test a post now")
async def order_test(body: schemas.TestBody, work: Working, _: Tester) -> schemas.DutyTestView:
    """每月随机一次之外的抽查。"""
    row = await _mine(work, body.post)
    return views.test(work, row, await dutytests.order(work, body.post))
