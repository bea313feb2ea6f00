"""Emergency resources (应急资源): teams, materials and their stock, experts, shelters, hazards, protected objects.

Each is known by its city, its kind and its owner's own number of it. Its owner looks after it: what nobody has looked at for
long, what runs short and what expires is listed (:data:`REMINDERS`).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from router import ids
from router.access import roles
from router.access.actor import Actor
from router.casework.work import Work, fresh, need, operation
from router.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from router.journal import journal
from router.linkage import words
from router.linkage.resource import nearby
from router.linkage.resource.nearby import Point, Spot
from router.organisation import divisions, numbers
from router.organisation.agencies import Mistake
from router.storage.organisation import Agency
from router.storage.resources import Resource, StockChange
from router.supervision import notices

Kind = Literal["team", "material", "expert", "shelter", "hazard", "protected"]
KINDS: dict[Kind, str] = {
    "team": "队伍", "material": "物资", "expert": "专家", "shelter": "避难场所", "hazard": "隐患点", "protected": "防护目标",
}  # fmt: skip
SHELTERS = ("广场", "公园", "校园", "体育场馆", "文旅设施", "人防", "专门", "其他")
"""The eight kinds of shelter."""
STALE_DAYS = 90
"""What nobody has looked at for so long is shown in red."""
EXPIRING_DAYS = 30
MOST = 1e9
"""Of anything."""
CODE = r"[0-9A-Za-z\u4e00-\u9fff][0-9A-Za-z\u4e00-\u9fff._-]{0,39}"
"""Form of an owner's number."""
_TEXTS = {
    "sort": ("分类", 20), "name": ("名称", 100), "place": ("地点", 200), "contact": ("联系人", 50), "measure": ("计量单位", 10),
    "note": ("备注", 2000),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Details:
    """What is kept of a resource; names as in :class:`router.storage.resources.Resource`. A material has an amount, its stock."""

    sort: str
    name: str
    owner: str
    division: str | None = None
    place: str = ""
    latitude: float | None = None
    longitude: float | None = None
    contact: str | None = None
    phone: str | None = None
    amount: float | None = None
    measure: str | None = None
    least: float | None = None
    expires_on: dt.date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A checked resource that is to be kept; ``row``: what is kept under its number so far."""

    kind: Kind
    code: str
    details: Details
    row: Resource | None
    checked_at: dt.datetime
    active: bool = True


@dataclass(frozen=True, slots=True)
class Near:
    """A resource and how far away it is in metres; None: not known."""

    row: Resource
    metres: float | None


# --- what may be kept


def checked(kind: Kind, code: str, details: Details, *, city: str, owners: Collection[str]) -> tuple[Details, list[Mistake]]:
    """The details in their one form, and all that is wrong with them. ``owners``: codes of agencies that may keep it."""
    found: list[Mistake] = []
    if not re.fullmatch(CODE, code):
        found.append(Mistake("code", "编号为空、过长或者含有空格、斜杠等字符", "用字母、数字、汉字和 . _ -,至多40个"))
    good = _texts(details, found)
    if kind == "shelter" and good.sort and good.sort not in SHELTERS:
        found.append(Mistake("sort", f"没有避难场所分类“{good.sort}”", f"可选:{'、'.join(SHELTERS)}"))
    if good.owner not in owners:
        what = f"没有承办单位“{good.owner[:40]}”" if good.owner else "缺少管理单位"
        found.append(Mistake("owner", what, "填写本市在用承办单位的统一社会信用代码"))
    if good.division is not None and not divisions.known(good.division):
        found.append(Mistake("division", f"没有行政区划代码“{good.division[:12]}”", "填写 GB/T 2260 的代码"))
    elif good.division is not None and not divisions.within(good.division, city):
        found.append(Mistake("division", f"{good.division} 不在{divisions.name(city)}", "填写本市的区划代码"))
    wrong = nearby.mistake(good.latitude, good.longitude)
    if wrong is not None:
        found.append(Mistake(*wrong))
    try:
        good = dataclasses.replace(good, phone=numbers.normalise(good.phone, city=city) if good.phone else None)
    except numbers.BadNumber as error:
        found.append(Mistake("phone", error.what, error.remedy))
    return _amounts(kind, good, found), found


def _texts(details: Details, found: list[Mistake]) -> Details:
    said: dict[str, Any] = {"owner": details.owner.strip(), "division": (details.division or "").strip() or None}
    for name, (label, longest) in _TEXTS.items():
        text = (getattr(details, name) or "").strip()
        if not text and name in ("sort", "name"):
            found.append(Mistake(name, f"缺少{label}", f"写1至{longest}个字"))
        if len(text) > longest:
            found.append(Mistake(name, f"{label}有{len(text)}个字", f"不超过{longest}个字"))
        if not (text.replace("\n", "") if name == "note" else text).isprintable():
            found.append(Mistake(name, f"{label}含有控制字符", "删除换行和看不见的字符"))
        said[name] = text or (None if name in ("contact", "measure") else "")
    for name in ("latitude", "longitude"):
        said[name] = None if (degrees := getattr(details, name)) is None else round(degrees, 6)
    return dataclasses.replace(details, **said)


def _amounts(kind: Kind, good: Details, found: list[Mistake]) -> Details:
    fine: dict[str, Any] = {}
    for name, label in (("amount", "数量"), ("least", "下限")):
        value: float | None = getattr(good, name)
        if value is not None and (math.isnan(value) or not 0 <= value <= MOST):
            found.append(Mistake(name, f"{label}是负数或者过大", "写0到10亿之间的数"))
        elif value is not None:
            fine[name] = round(value, 3) + 0.0
    if good.amount is None and kind == "material":
        found.append(Mistake("amount", "物资没有数量", "填写现有库存,没有库存写0"))
    elif good.amount is None and good.least is not None:
        found.append(Mistake("amount", "有下限而没有数量", "填写数量,或者不填下限"))
    measure = good.measure or ("人" if kind in ("team", "shelter") and good.amount is not None else None)
    if good.amount is not None and measure is None:
        found.append(Mistake("measure", "缺少计量单位", "如 顶、台、吨"))
    return dataclasses.replace(good, measure=measure, **fine)


async def owners(session: AsyncSession, city: str) -> set[str]:
    """Codes of the agencies that may keep resources of a city."""
    return set((await session.scalars(select(Agency.code).where(Agency.city == city, Agency.active))).all())


def visible(actor: Actor) -> ColumnElement[bool]:
    """WHERE clause over :class:`Resource`: those of the own city."""
    return true() if _everywhere(actor) else Resource.city == actor.city


def must_see(actor: Actor, city: str) -> None:
    """Raise :class:`Forbidden` for whoever belongs to another city."""
    if city != actor.city and not _everywhere(actor):
        raise Forbidden("只能查看本州市的应急资源", "请联系该州市", action="resource.read", city=city)


def _everywhere(actor: Actor) -> bool:
    return actor.is_system or not actor.city or (actor.role == "administrator" and not actor.unit)


def must_keep(actor: Actor, city: str, *units: str) -> None:
    """Raise :class:`Forbidden` unless it is an administrator of the city, or somebody of the one agency that owns it all."""
    roles.require(actor, "resource.edit")
    if actor.role == "agency" and any(unit != actor.desk for unit in units):
        raise Forbidden("只能维护本单位的应急资源", "请由该单位或管理员办理", action="resource.edit", unit=units[-1])
    if city != actor.city and not _everywhere(actor):
        raise Forbidden("只能维护本州市的应急资源", "请由该州市的管理员办理", action="resource.edit", city=city)


# --- keeping


async def find(session: AsyncSession, city: str, kind: Kind, code: str) -> Resource | None:
    query = select(Resource).where(Resource.city == city, Resource.kind == kind, Resource.code == code)
    return (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()


@operation
async def put(work: Work, kind: Kind, code: str, details: Details, *, city: str, rev: int | None = None) -> Resource:
    """Keep a resource under its owner's number, new or changed; somebody has looked at it now.

    ``rev``: only if it is still at that revision; 0: only if it is new. Raise :class:`Invalid` with all ``mistakes``,
    :class:`Forbidden` for what belongs to others.
    """
    await journal.lock(work.session, journal.SYSTEM)
    row = await find(work.session, city, kind, code)
    must_keep(work.actor, city, *([row.owner] if row else []), details.owner)
    if row is not None:
        fresh(row, rev)
    elif rev:
        raise Stale("没有这项应急资源,或者编号已经改变", "请刷新后重试", given=rev)
    may = await owners(work.session, city) | ({row.owner} if row else set())  # who is switched off meanwhile may stay
    good, wrong = checked(kind, code, details, city=city, owners=may)
    if wrong:
        raise Invalid(wrong[0].what, wrong[0].remedy, field=wrong[0].field, mistakes=[asdict(one) for one in wrong])
    units = {good.owner, row.owner if row else good.owner}
    (kept,) = await keep(work, city, [Entry(kind, code, good, row, work.now)])
    work.tell("resource.kept", None, sorted(units), resource=kept.id, city=city, kind=kind, rev=kept.rev)
    return kept


async def keep(work: Work, city: str, entries: Sequence[Entry]) -> list[Resource]:
    """Write checked entries and the journal of them; a material whose stock was counted anew has it in its book."""
    rows, before = [], []
    for one in entries:
        row = one.row or Resource(id=ids.new(), rev=0, city=city, kind=one.kind, code=one.code)
        rows.append(row)
        before.append(row.amount)
        for name, value in asdict(one.details).items():
            setattr(row, name, value)
        row.rev += 1
        row.active, row.updated_at = one.active, work.now
        row.checked_at, row.checked_by = one.checked_at, work.actor.id
    work.session.add_all(rows)
    await work.session.flush()
    for row, amount in zip(rows, before, strict=True):
        if row.kind == "material" and row.amount != (amount or 0):
            await _book(work, row, amount or 0, "首次登记" if amount is None else "盘点更正")
        note(work, "resource.kept", row)
    return rows


@operation
async def check(work: Work, resource: str, rev: int | None = None) -> Resource:
    """Somebody has looked, and all is as it is written."""
    row = await _mine(work, resource, rev)
    row.checked_at, row.checked_by = work.now, work.actor.id
    row.rev += 1
    _tell(work, "resource.checked", row)
    return row


@operation
async def retire(work: Work, resource: str, rev: int | None = None) -> Resource:
    """It is found no more; keeping it under its number again brings it back."""
    row = await _mine(work, resource, rev)
    row.active, row.updated_at = False, work.now
    row.rev += 1
    _tell(work, "resource.retired", row)
    return row


@operation
async def stock(work: Work, resource: str, amount: float, reason: str, *, event: str | None = None) -> StockChange:
    """Material came (``amount`` above zero) or went (below), for an event if one is named.

    Raise :class:`Conflict` if there is not so much, or for what has no stock.
    """
    from router.linkage.emergency import events

    why = need(reason, "reason", "事由", 500)
    change = 0.0 if math.isnan(amount) or abs(amount) > MOST else round(amount, 3)
    if change == 0:
        raise Invalid("出入库数量为零或者过大", "入库写正数,出库写负数", field="amount")
    cause = await events.hold(work, event) if event else None  # before the lock of what concerns no event
    row = await _mine(work, resource)
    if row.kind != "material":
        raise Conflict(f"{KINDS[row.kind]}没有库存", "只有物资可以出入库", kind=row.kind)  # type: ignore[index]
    if cause is not None and cause.city != row.city:
        raise Invalid("没有这个突发事件", "请选择本市的突发事件", field="event_id")
    before = row.amount or 0.0
    if before + change < 0 or before + change > MOST:
        there = f"{row.name}库存只有{plain(before)}{row.measure or ''}"
        raise Conflict(f"{there},不能出库{plain(-change)}" if change < 0 else "库存过大", "请核对数量", current=before)
    row.amount = round(before + change, 3)
    row.rev += 1
    row.updated_at = work.now
    booked = await _book(work, row, before, why, event)
    _tell(work, "resource.stock", row, amount=change, left=row.amount)
    if event:
        events.note(work, event, "resource.stock", row.id, amount=change, left=row.amount)
    return booked


async def _book(work: Work, row: Resource, before: float, reason: str, event: str | None = None) -> StockChange:
    """Write a change of the stock down; its owner is reminded when it falls below the least."""
    left = row.amount or 0.0
    booked = StockChange(id=ids.new(), resource_id=row.id, event_id=event, amount=round(left - before, 3), left=left)
    booked.reason, booked.at, booked.by = reason, work.now, work.actor.id
    work.session.add(booked)
    if row.least is not None and left < row.least <= before:
        text = f"{row.name}({row.code})剩{plain(left)}{row.measure},低于下限{plain(row.least)}{row.measure}"
        await notices.raise_(work, unit=row.owner, kind="stock-low", text=text, event=event, subject=row.id)
    return booked


async def _mine(work: Work, resource: str, rev: int | None = None) -> Resource:
    await journal.lock(work.session, journal.SYSTEM)
    row = await work.session.get(Resource, resource, populate_existing=True)
    if row is None:
        raise NotFound("没有这项应急资源", "请刷新后重试", resource=resource[:64])
    must_keep(work.actor, row.city, row.owner)
    fresh(row, rev)
    return row


def _tell(work: Work, action: str, row: Resource, **detail: float) -> None:
    note(work, action, row, **detail)
    work.tell(action, None, [row.owner], resource=row.id, city=row.city, kind=row.kind, rev=row.rev, **detail)


def note(work: Work, action: str, row: Resource, **detail: float) -> None:
    work.note_in(journal.SYSTEM, action, row.id, kind=row.kind, code=row.code, owner=row.owner, rev=row.rev, **detail)


def plain(amount: float) -> str:
    """An amount without idle zeros, e.g. ``12.5``."""
    return f"{amount:.3f}".rstrip("0").rstrip(".")


# --- what must be looked at


def today(now: dt.datetime) -> dt.date:
    return now.astimezone(words.HERE).date()


def is_stale(row: Resource, now: dt.datetime) -> bool:
    return row.checked_at <= now - dt.timedelta(days=STALE_DAYS)


def is_below(row: Resource) -> bool:
    return row.least is not None and (row.amount or 0.0) < row.least


def is_expiring(row: Resource, now: dt.datetime) -> bool:
    """Within :data:`EXPIRING_DAYS`, or already expired."""
    return row.expires_on is not None and row.expires_on <= today(now) + dt.timedelta(days=EXPIRING_DAYS)


def is_expired(row: Resource, now: dt.datetime) -> bool:
    """It is good on its last day."""
    return row.expires_on is not None and row.expires_on < today(now)


Reminder = Literal["stale", "below-least", "expiring"]
REMINDERS: dict[Reminder, Callable[[dt.datetime], ColumnElement[bool]]] = {
    "stale": lambda now: Resource.checked_at <= now - dt.timedelta(days=STALE_DAYS),
    "below-least": lambda now: Resource.amount < Resource.least,
    "expiring": lambda now: Resource.expires_on <= today(now) + dt.timedelta(days=EXPIRING_DAYS),
}
"""WHERE clauses over :class:`Resource` of what somebody is reminded of."""
_FIRST = {"stale": Resource.checked_at, "below-least": Resource.code, "expiring": Resource.expires_on}


async def reminders(
    session: AsyncSession, city: str, reminder: Reminder, now: dt.datetime, *, owner: str | None = None, limit: int = 200
) -> Sequence[Resource]:
    """Resources of a city that somebody should see to, the longest overdue first; ``owner``: only that agency's."""
    query = select(Resource).where(Resource.city == city, Resource.active, REMINDERS[reminder](now))
    query = query.where(Resource.owner == owner) if owner is not None else query
    return (await session.scalars(query.order_by(_FIRST[reminder], Resource.id).limit(limit))).all()


async def near(
    session: AsyncSession,
    city: str,
    centre: Point | None,
    *,
    kind: Kind | None = None,
    sorts: Collection[str] = (),
    within: float = 10_000,
    division: str | None = None,
    most: int = 20,
) -> list[Near]:
    """Active resources of a city within a distance (metres) of a place, the nearest first; then those that nobody has
    located, the same division first. ``sorts``: only these; empty: any.
    """
    columns = (Resource.id, Resource.latitude, Resource.longitude, Resource.division)
    query = select(*columns).where(Resource.city == city, Resource.active)
    query = query.where(Resource.kind == kind) if kind is not None else query
    query = query.where(Resource.sort.in_(sorts)) if sorts else query
    if centre is not None:
        box = nearby.box(centre, within)
        inside = and_(Resource.latitude.between(box.south, box.north), Resource.longitude.between(box.west, box.east))
        query = query.where(or_(Resource.latitude.is_(None), inside))
    spots = [
        Spot(row.id, None if row.latitude is None else Point(row.latitude, row.longitude), row.division)
        for row in await session.execute(query)
    ]
    found = nearby.rank(spots, centre, within=within, division=division, most=most)
    rows = {row.id: row for row in await session.scalars(select(Resource).where(Resource.id.in_([one.id for one in found])))}
    return [Near(rows[one.id], one.metres) for one in found]
