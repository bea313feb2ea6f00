"""Agencies 承办单位: registered, changed, imported from a table, and as the decision chain needs them."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import Actor
from router.allocation.decision import Unit
from router.errors import Conflict, Invalid, NotFound, Stale
from router.journal import journal, outbox
from router.journal.journal import Note
from router.journal.outbox import News
from router.organisation import codes, divisions
from router.storage.base import table_of
from router.storage.organisation import Agency

AGENCY = table_of(Agency)
LEVELS = {"department": "部门", "township": "乡镇街道", "front-line": "一线单位", "police": "公安单位"}
LONGEST_NAME = 100
_DEEPEST = 10
"""Levels of units below one another."""
_KEPT = 64
_units: OrderedDict[tuple[str, int, int, dt.datetime], tuple[Unit, ...]] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Entry:
    """An agency as it is registered."""

    code: str
    name: str
    kind: str
    level: str
    divisions: tuple[str, ...]
    parent: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with an entry."""

    field: str
    what: str
    remedy: str


def mistakes(entry: Entry, *, city: str, kinds: Collection[str] = ()) -> list[Mistake]:
    """What is wrong with an entry by itself. ``kinds``: the types of agency that the city's catalog knows; empty: any."""
    found: list[Mistake] = []
    try:
        if codes.check(entry.code) != entry.code:
            found.append(Mistake("code", f"代码“{entry.code}”有小写字母或者空格", "写成大写,不留空格"))
    except codes.BadCreditCode as error:
        found.append(Mistake("code", error.what, error.remedy))
    if not 0 < len(entry.name.strip()) <= LONGEST_NAME or entry.name != entry.name.strip() or not entry.name.isprintable():
        found.append(Mistake("name", "名称为空、过长或者含有多余空白", f"写1至{LONGEST_NAME}个字"))
    if not entry.kind or (kinds and entry.kind not in kinds):
        found.append(
            Mistake("kind", f"没有承办类型“{entry.kind}”", f"可选:{'、'.join(sorted(kinds))}" if kinds else "填写承办类型")
        )
    if entry.level not in LEVELS:
        found.append(Mistake("level", f"没有层级“{entry.level}”", f"可选:{'、'.join(LEVELS)}"))
    if not entry.divisions:
        found.append(Mistake("divisions", "没有服务区划", "至少写一个区划代码"))
    for division in entry.divisions:
        if not divisions.known(division):
            found.append(Mistake("divisions", f"没有行政区划代码“{division}”", "填写 GB/T 2260 的代码"))
        elif not divisions.within(division, city):
            found.append(Mistake("divisions", f"{division} 不在{divisions.name(city)}", "填写本市的区划代码"))
    if entry.parent == entry.code:
        found.append(Mistake("parent", "上级单位是它自己", "改为上级单位的代码,或者不填"))
    return found


async def create(
    session: AsyncSession, entry: Entry, *, city: str, actor: Actor, now: dt.datetime, kinds: Collection[str] = ()
) -> Agency:
    """Register an agency; raise :class:`Invalid` or :class:`Conflict`."""
    _raise(mistakes(entry, city=city, kinds=kinds))
    await journal.lock(session, journal.SYSTEM)
    if await session.get(Agency, entry.code) is not None:
        raise Conflict(f"代码 {entry.code} 已经登记", "请核对代码,或者修改已有的单位", code=entry.code)
    await _check_parents(session, {entry.code: entry.parent}, city)
    row = new_row(entry, city, now)
    session.add(row)
    await session.flush()
    await tell(session, "agency.created", [row], actor, now)
    return row


def new_row(entry: Entry, city: str, now: dt.datetime) -> Agency:
    """The row of a checked entry."""
    return Agency(
        code=entry.code,
        rev=1,
        city=city,
        name=entry.name,
        kind=entry.kind,
        level=entry.level,
        divisions=list(entry.divisions),
        parent=entry.parent,
        active=entry.active,
        created_at=now,
        updated_at=now,
    )


async def update(
    session: AsyncSession,
    code: str,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
    now: dt.datetime,
    rev: int | None = None,
    kinds: Collection[str] = (),
) -> Agency:
    """Change fields of an agency (all but its code); ``rev``: only if nobody has changed it since, else :class:`Stale`."""
    await journal.lock(session, journal.SYSTEM)
    row = await get(session, code)
    if rev is not None and rev != row.rev:
        raise Stale("单位信息已被他人修改", "请刷新后重试", current=row.rev)
    unknown = [key for key in changes if key == "code" or key not in _FIELDS]
    if unknown:
        raise Invalid(f"不能修改 {'、'.join(unknown)}", f"可修改:{'、'.join(sorted(_FIELDS - {'code'}))}", field=unknown[0])
    before = entry_of(row)
    after = Entry(**{**asdict(before), **changes, "divisions": tuple(changes.get("divisions", before.divisions))})
    if after == before:
        return row
    _raise(mistakes(after, city=row.city, kinds=kinds if after.kind != before.kind else ()))
    if after.parent != before.parent:
        await _check_parents(session, {code: after.parent}, row.city)
    set_row(row, after, now)
    await session.flush()
    await tell(session, "agency.changed", [row], actor, now, fields=sorted(_changed(before, after)))
    return row


_FIELDS = {field.name for field in fields(Entry)}


def _changed(before: Entry, after: Entry) -> set[str]:
    return {name for name in _FIELDS if getattr(before, name) != getattr(after, name)}


def set_row(row: Agency, entry: Entry, now: dt.datetime) -> None:
    """Make a row say what a checked entry says."""
    row.name, row.kind, row.level, row.divisions = entry.name, entry.kind, entry.level, list(entry.divisions)
    row.parent, row.active = entry.parent, entry.active
    row.rev += 1
    row.updated_at = now


def entry_of(row: Agency) -> Entry:
    return Entry(row.code, row.name, row.kind, row.level, tuple(row.divisions), row.parent, row.active)


def _raise(found: Sequence[Mistake]) -> None:
    if found:
        first = found[0]
        raise Invalid(first.what, first.remedy, field=first.field, mistakes=[asdict(one) for one in found])


async def _check_parents(session: AsyncSession, changed: Mapping[str, str | None], city: str) -> None:
    """Raise :class:`Invalid` if a unit's superior doesn't exist, is of another city, or is below it."""
    rows = await session.execute(select(AGENCY.c.code, AGENCY.c.parent).where(AGENCY.c.city == city))
    parents = {row.code: row.parent for row in rows} | dict(changed)
    for code, parent in changed.items():
        wrong = parent_mistake(code, parent, parents)
        if wrong:
            raise Invalid(wrong.what, wrong.remedy, field="parent", code=code)


def parent_mistake(code: str, parent: str | None, parents: Mapping[str, str | None]) -> Mistake | None:
    """What is wrong with a unit's superior, given everybody's; pure."""
    steps = 0
    while parent:
        if parent not in parents:
            return Mistake("parent", f"没有上级单位 {parent}", "先登记上级单位,或者不填")
        steps += 1
        if parent == code or steps > _DEEPEST:
            return Mistake("parent", "上下级绕成了圈或者层级过深", "核对上级单位")
        parent = parents[parent]
    return None


async def tell(session: AsyncSession, action: str, rows: Sequence[Agency], actor: Actor, now: dt.datetime, **detail: Any) -> None:
    """Write journal and outbox about agencies."""
    notes = [Note(action, row.code, {"city": row.city, "kind": row.kind, "rev": row.rev, **detail}) for row in rows]
    await journal.write(session, journal.SYSTEM, actor, notes, now)
    news = [News(action, {"agency": row.code, "city": row.city, "rev": row.rev}, units=[row.code]) for row in rows]
    await outbox.write(session, news, now)


async def get(session: AsyncSession, code: str) -> Agency:
    """An agency, active or not; raise :class:`NotFound`."""
    row = await session.get(Agency, code)
    if row is None:
        raise NotFound(f"没有承办单位 {code}", "请核对单位代码", code=code)
    return row


async def listed(
    session: AsyncSession,
    city: str,
    *,
    kind: str | None = None,
    level: str | None = None,
    active: bool | None = True,
    words: str = "",
    after: str | None = None,
    limit: int = 100,
) -> Sequence[Agency]:
    """Agencies of a city in the order of their codes, those behind ``after`` first; ``words`` is part of a name."""
    query = select(Agency).where(Agency.city == city).order_by(Agency.code).limit(limit)
    if kind is not None:
        query = query.where(Agency.kind == kind)
    if level is not None:
        query = query.where(Agency.level == level)
    if active is not None:
        query = query.where(Agency.active.is_(active))
    if words.strip():
        query = query.where(Agency.name.contains(words.strip(), autoescape=True))
    if after is not None:
        query = query.where(Agency.code > after)
    return (await session.scalars(query)).all()


async def units(session: AsyncSession, city: str) -> tuple[Unit, ...]:
    """Active agencies of a city as the decision chain needs them, in the order of their codes.

    Kept per process until an agency of the city changes anywhere: one small query tells.
    """
    mark = select(func.count(), func.coalesce(func.sum(AGENCY.c.rev), 0), func.max(AGENCY.c.updated_at))
    count, revs, last = (await session.execute(mark.where(AGENCY.c.city == city))).one()
    if last is None:
        return ()
    key = (city, int(count), int(revs), last)
    found = _units.get(key)
    if found is None:
        query = select(AGENCY.c.code, AGENCY.c.kind, AGENCY.c.divisions, AGENCY.c.level)
        rows = await session.execute(query.where(AGENCY.c.city == city, AGENCY.c.active.is_(True)).order_by(AGENCY.c.code))
        found = tuple(Unit(row.code, row.kind, tuple(row.divisions), row.level) for row in rows)
        _units[key] = found
        while len(_units) > _KEPT:
            _units.popitem(last=False)
    else:
        _units.move_to_end(key)
    return found
