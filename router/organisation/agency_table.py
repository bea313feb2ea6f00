"""Agencies from a table (CSV, XLSX) or from YAML into SQL: every bad cell is named, and nothing is taken unless all is good."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from config import documents
from config.errors import Problem
from router.access.actor import Actor
from router.catalog import grid
from router.catalog.errors import BadTable
from router.errors import Invalid
from router.journal import journal
from router.organisation import agencies
from router.organisation.agencies import LEVELS, Entry
from router.storage.organisation import Agency

SHEET = "承办单位"
HEADINGS = {
    "代码": "code",
    "名称": "name",
    "承办类型": "kind",
    "层级": "level",
    "服务区划": "divisions",
    "上级单位": "parent",
    "启用": "active",
}
NEEDED = ("代码", "名称", "承办类型", "层级", "服务区划")
_HEADING_OF = {key: heading for heading, key in HEADINGS.items()}
_LEVEL_OF = {word: level for level, word in LEVELS.items()}
_ACTIVE = {"": True, "是": True, "否": False}
_KEYS = ("code", "name", "kind", "level", "divisions", "parent", "active")
Tell = Callable[[int, str, str, str], Problem]
"""A problem of the nth entry: field, what, remedy."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the entries."""

    created: int
    changed: int
    same: int


def export(rows: Sequence[Agency], kind: Literal["csv", "xlsx"]) -> bytes:
    """Agencies as a file that :func:`import_table` reads back."""
    cells = [_cells(row) for row in rows]
    return grid.write_csv(list(HEADINGS), cells) if kind == "csv" else grid.write_xlsx(SHEET, list(HEADINGS), cells)


def _cells(row: Agency) -> list[str]:
    active = "是" if row.active else "否"
    return [row.code, row.name, row.kind, LEVELS[row.level], "、".join(row.divisions), row.parent or "", active]


async def import_table(
    session: AsyncSession,
    data: bytes,
    name: str,
    *,
    city: str,
    actor: Actor,
    now: dt.datetime,
    kinds: Collection[str] = (),
) -> Imported:
    """Create and change agencies by a table's lines (those it doesn't name stay as they are).

    Raise :class:`BadTable` with every bad cell, :class:`router.catalog.grid.BadFile` for what is no table.
    """
    found = grid.read(data, name, needed=NEEDED, optional=[heading for heading in HEADINGS if heading not in NEEDED])
    problems = list(found.problems)

    def tell(index: int, field: str, what: str, remedy: str) -> Problem:
        return found.problem(found.rows[index].number, _HEADING_OF[field], what, remedy)

    entries = []
    for index, row in enumerate(found.rows):
        level, active = row.cells.get("层级", ""), row.cells.get("启用", "")
        if level not in _LEVEL_OF:
            problems.append(tell(index, "level", f"没有层级“{level}”", f"可选:{'、'.join(_LEVEL_OF)}"))
        if active not in _ACTIVE:
            problems.append(tell(index, "active", f"“{active}”不是是或否", "写 是 或者 否"))
        entries.append(
            Entry(
                code=row.cells.get("代码", ""),
                name=row.cells.get("名称", ""),
                kind=row.cells.get("承办类型", ""),
                level=_LEVEL_OF.get(level, "department"),
                divisions=tuple(grid.split(row.cells.get("服务区划", ""))),
                parent=row.cells.get("上级单位") or None,
                active=_ACTIVE.get(active, True),
            )
        )
    return await _take(session, entries, problems, tell, city=city, actor=actor, now=now, kinds=kinds)


async def import_file(
    session: AsyncSession, file: Path, *, city: str, actor: Actor, now: dt.datetime, kinds: Collection[str] = ()
) -> Imported:
    """The same from a YAML file (``agencies:`` a list of entries), e.g. the example city's."""
    found = documents.read_file(file)
    problems = list(found.problems)
    plain = found.tree.get("agencies")
    if not problems and not isinstance(plain, list):
        problems.append(found.problem(("agencies",), "不是列表", "写成 agencies: 下的列表"))
    plain = plain if isinstance(plain, list) else []

    def tell(index: int, field: str, what: str, remedy: str) -> Problem:
        return found.problem(("agencies", index, field), what, remedy)

    entries = [_entry(one, index, problems, tell) for index, one in enumerate(plain)]
    return await _take(session, entries, problems, tell, city=city, actor=actor, now=now, kinds=kinds)


def _entry(plain: Any, index: int, problems: list[Problem], tell: Tell) -> Entry:
    values = plain if isinstance(plain, dict) else {}
    for key in values:
        if key not in _KEYS:
            problems.append(tell(index, str(key), "没有这个键", f"可写的键:{'、'.join(_KEYS)}"))
    texts = {}
    for key in ("code", "name", "kind", "level"):
        texts[key] = values.get(key, "")
        if not isinstance(texts[key], str):
            problems.append(tell(index, key, f"{texts[key]!r} 不是文字", "加上引号"))
            texts[key] = ""
    places = values.get("divisions", [])
    if not isinstance(places, list) or not all(isinstance(place, str) for place in places):
        problems.append(tell(index, "divisions", "不是文字的列表", '写成 ["530102"]'))
        places = []
    return Entry(**texts, divisions=tuple(places), parent=values.get("parent") or None, active=bool(values.get("active", True)))


async def _take(
    session: AsyncSession,
    entries: Sequence[Entry],
    problems: list[Problem],
    tell: Tell,
    *,
    city: str,
    actor: Actor,
    now: dt.datetime,
    kinds: Collection[str],
) -> Imported:
    await journal.lock(session, journal.SYSTEM)
    rows = {row.code: row for row in await session.scalars(select(Agency))}
    parents = {code: row.parent for code, row in rows.items() if row.city == city} | {one.code: one.parent for one in entries}
    told = {(one.where, one.line) for one in problems}
    first_of: dict[str, int] = {}
    for index, entry in enumerate(entries):
        found = agencies.mistakes(entry, city=city, kinds=kinds)
        above = agencies.parent_mistake(entry.code, entry.parent, parents)
        if above is not None and not any(one.field == "parent" for one in found):
            found.append(above)
        if entry.code in first_of:
            found.append(agencies.Mistake("code", f"代码与第{first_of[entry.code] + 1}个单位重复", "每个单位只写一次"))
        elif entry.code in rows and rows[entry.code].city != city:
            found.append(agencies.Mistake("code", "代码已在其他州市登记", "核对代码"))
        first_of.setdefault(entry.code, index)
        new = [tell(index, one.field, one.what, one.remedy) for one in found]
        problems += [one for one in new if (one.where, one.line) not in told]
    if problems:
        raise BadTable(problems)
    if not entries:
        raise Invalid("没有承办单位可导入", "至少填写一个单位")
    return await _write(session, entries, rows, city=city, actor=actor, now=now)


async def _write(
    session: AsyncSession,
    entries: Sequence[Entry],
    rows: dict[str, Agency],
    *,
    city: str,
    actor: Actor,
    now: dt.datetime,
) -> Imported:
    created, changed = [], []
    for entry in entries:
        row = rows.get(entry.code)
        if row is None:
            created.append(agencies.new_row(entry, city, now))
        elif agencies.entry_of(row) != entry:
            agencies.set_row(row, entry, now)
            changed.append(row)
    session.add_all(created)
    await session.flush()
    await agencies.tell(session, "agency.created", created, actor, now)
    await agencies.tell(session, "agency.changed", changed, actor, now)
    return Imported(len(created), len(changed), len(entries) - len(created) - len(changed))
