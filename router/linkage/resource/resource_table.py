"""Emergency resources from a table (CSV, XLSX) and back: every bad cell is named, and nothing is taken unless all is good."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from config.errors import Problem
from router.access.actor import Actor
from router.casework.work import Work, operation
from router.catalog import grid
from router.catalog.errors import SHOWN, BadTable
from router.catalog.grid import Grid
from router.errors import Forbidden, Invalid
from router.journal import journal
from router.linkage import words
from router.linkage.resource import resources
from router.linkage.resource.resources import KINDS, Details, Entry, Kind
from router.storage.resources import Resource

T = TypeVar("T")
SHEET = "应急资源"
HEADINGS = {
    "类别": "kind",
    "编号": "code",
    "分类": "sort",
    "名称": "name",
    "管理单位": "owner",
    "区划": "division",
    "地点": "place",
    "纬度": "latitude",
    "经度": "longitude",
    "联系人": "contact",
    "电话": "phone",
    "数量": "amount",
    "计量单位": "measure",
    "下限": "least",
    "有效期至": "expires_on",
    "核对日期": "checked_on",
    "备注": "note",
    "在用": "active",
}
NEEDED = ("类别", "编号", "分类", "名称")
_HEADING_OF = {key: heading for heading, key in HEADINGS.items()}
_KIND_OF: dict[str, Kind] = {word: kind for kind, word in KINDS.items()}
_ACTIVE = {"": True, "是": True, "否": False}
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")
_DATE = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?")
_AT_ONCE = 500
"""Numbers that one query asks for."""


class BadResources(BadTable):
    """A table of resources has bad cells; nothing of it was taken."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        shown = ";".join(str(one) for one in self.problems[:SHOWN])
        what = f"表格有{len(self.problems)}处错误:{shown}"
        Invalid.__init__(self, what, "按各处说明改正后重新导入", problems=[asdict(one) for one in self.problems])


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table as far as it can be read; ``row`` as the spreadsheet counts."""

    row: int
    kind: Kind | None
    """None: not readable, and told."""
    code: str
    details: Details
    checked_on: dt.date | None
    active: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was read, and what could not be."""

    grid: Grid
    lines: tuple[Line, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the lines; ``checked``: nothing new in them but that somebody has looked."""

    created: int
    changed: int
    checked: int
    same: int
    warnings: tuple[Problem, ...] = field(default=())
    """Cells that are taken and yet should be seen to, e.g. what has expired."""


def export(rows: Sequence[Resource], form: Literal["csv", "xlsx"]) -> bytes:
    """Resources as a file that :func:`read` reads back; numbers of phones and names stand in it whole."""
    cells = [_cells(row) for row in rows]
    return grid.write_csv(list(HEADINGS), cells) if form == "csv" else grid.write_xlsx(SHEET, list(HEADINGS), cells)


def _cells(row: Resource) -> list[str]:
    shown: Mapping[str, object] = {
        **{name: getattr(row, name) for name in HEADINGS.values() if name != "checked_on"},
        "kind": KINDS[row.kind],  # type: ignore[index]
        "checked_on": row.checked_at.astimezone(words.HERE).date(),
        "active": "是" if row.active else "否",
        **{name: resources.plain(one) for name in ("amount", "least") if (one := getattr(row, name)) is not None},
    }
    return ["" if shown[name] is None else str(shown[name]) for name in HEADINGS.values()]


# --- reading, which knows nothing of what is kept


def read(data: bytes, name: str) -> Table:
    """Raise :class:`BadResources` for wrong headings, :class:`router.catalog.grid.BadFile` for what is no table."""
    try:
        found = grid.read(data, name, needed=NEEDED, optional=[heading for heading in HEADINGS if heading not in NEEDED])
    except BadTable as error:
        raise BadResources(error.problems) from None
    problems = list(found.problems)
    return Table(found, tuple(_line(found, row, problems) for row in found.rows), tuple(problems))


def _line(found: Grid, row: grid.Row, problems: list[Problem]) -> Line:
    def cell(name: str, understand: Callable[[str], T], remedy: str, nothing: T) -> T:
        text = row.cells.get(_HEADING_OF[name], "")
        try:
            return understand(text) if text else nothing
        except (ValueError, KeyError):
            problems.append(found.problem(row.number, _HEADING_OF[name], f"“{text[:40]}”填写不正确", remedy))
            return nothing

    def text(name: str) -> str:
        return row.cells.get(_HEADING_OF[name], "")

    def number(name: str) -> float | None:
        return cell(name, _number, "只写数字,不写单位", None)

    date = "写成 2026-12-31 这样的日期"
    if not text("kind"):
        problems.append(found.problem(row.number, "类别", "缺少类别", f"可选:{'、'.join(_KIND_OF)}"))
    details = Details(
        sort=text("sort"),
        name=text("name"),
        owner=text("owner"),
        division=text("division"),
        place=text("place"),
        latitude=number("latitude"),
        longitude=number("longitude"),
        contact=text("contact"),
        phone=text("phone"),
        amount=number("amount"),
        measure=text("measure"),
        least=number("least"),
        expires_on=cell("expires_on", _date, date, None),
        note=text("note"),
    )
    kind = cell("kind", lambda said: _KIND_OF[said], f"可选:{'、'.join(_KIND_OF)}", None)
    active = cell("active", lambda said: _ACTIVE[said], "写 是 或者 否", True)
    return Line(row.number, kind, text("code"), details, cell("checked_on", _date, date, None), active)


def _number(text: str) -> float:
    plain = unicodedata.normalize("NFKC", text).replace(",", "").replace(" ", "")
    if not _NUMBER.fullmatch(plain):
        raise ValueError(text)
    return float(plain)


def _date(text: str) -> dt.date:
    found = _DATE.fullmatch(unicodedata.normalize("NFKC", text).replace(" ", ""))
    if found is None:
        raise ValueError(text)
    day = dt.date(int(found[1]), int(found[2]), int(found[3]))
    if not 1970 <= day.year < 2200:
        raise ValueError(text)
    return day


# --- taking


@operation
async def take(work: Work, table: Table, *, city: str) -> Imported:
    """Create and change resources by a table's lines (those it doesn't name stay as they are).

    A line counts as looked at on its 核对日期, else now; an agency's lines without 管理单位 are its own. Raise
    :class:`BadResources` with every bad cell; also for what belongs to another agency.
    """
    resources.must_keep(work.actor, city)
    await journal.lock(work.session, journal.SYSTEM)
    kept = await _kept(work.session, city, table.lines)
    owners = await resources.owners(work.session, city)
    problems, warnings = list(table.problems), []
    told = {one.where for one in problems}
    entries: list[Entry] = []
    first: dict[tuple[str, str], int] = {}
    for line in table.lines:
        key = (line.kind or f"line {line.row}", line.code)
        entry, found = _entry(work, line, kept.get(key), city, owners)
        if (before := first.setdefault(key, line.row)) != line.row:
            found.append(("code", f"编号与第{before}行重复", "同一类别的编号只写一次"))
        new = [table.grid.problem(line.row, _HEADING_OF[name], what, remedy) for name, what, remedy in found]
        problems += [one for one in new if one.where not in told]
        entries.append(entry)
        if (ends := entry.details.expires_on) is not None and ends < resources.today(work.now) and entry.active:
            warnings.append(table.grid.problem(line.row, "有效期至", f"已于{ends}过期", "更换后更正有效期,或者停用"))
    if problems:
        raise BadResources(problems)
    return await _write(work, city, entries, tuple(warnings))


async def _kept(session: AsyncSession, city: str, lines: Sequence[Line]) -> dict[tuple[str, str], Resource]:
    """Resources under the numbers of the lines."""
    codes = sorted({line.code for line in lines})
    found: dict[tuple[str, str], Resource] = {}
    for start in range(0, len(codes), _AT_ONCE):
        query = select(Resource).where(Resource.city == city, Resource.code.in_(codes[start : start + _AT_ONCE]))
        for row in await session.scalars(query.execution_options(populate_existing=True)):
            found[row.kind, row.code] = row
    return found


Wrong = tuple[str, str, str]
"""Field, what is wrong, remedy."""


def _entry(work: Work, line: Line, row: Resource | None, city: str, owners: set[str]) -> tuple[Entry, list[Wrong]]:
    """What a line would make of what is kept, and what is wrong with it."""
    details = _owned(work.actor, line.details)
    may = owners | {row.owner} if row else owners  # an owner that is switched off meanwhile may stay
    kind: Kind = line.kind or "team"  # of which the least is asked
    good, mistakes = resources.checked(kind, line.code, details, city=city, owners=may)
    found = [(one.field, one.what, one.remedy) for one in mistakes]
    owned = [("code", row.owner)] if row else []
    for name, unit in [*owned, ("owner", good.owner)]:
        if unit in may and not _may(work.actor, city, unit):
            found.append((name, "属于其他单位", "只写本单位的应急资源,或者请管理员导入"))
            break
    day = line.checked_on
    if day is not None and day > resources.today(work.now):
        found.append(("checked_on", f"{day} 还没有到", "写最后一次核对的日期"))
    at = work.now if day is None else dt.datetime.combine(day, dt.time(), words.HERE).astimezone(dt.UTC)
    at = max(at, row.checked_at) if row else at
    return Entry(kind, line.code, good, row, at, line.active), found


def _owned(actor: Actor, details: Details) -> Details:
    if details.owner.strip() or actor.role != "agency":
        return details
    return Details(**{**asdict(details), "owner": actor.desk})


def _may(actor: Actor, city: str, unit: str) -> bool:
    try:
        resources.must_keep(actor, city, unit)
    except Forbidden:
        return False
    return True


async def _write(work: Work, city: str, entries: Sequence[Entry], warnings: tuple[Problem, ...]) -> Imported:
    changed, checked = [], 0
    for one in entries:
        if one.row is None or _differs(one.row, one):
            changed.append(one)
        elif one.checked_at > one.row.checked_at:
            one.row.checked_at, one.row.checked_by = one.checked_at, work.actor.id
            one.row.rev += 1
            resources.note(work, "resource.checked", one.row)
            checked += 1
    created = sum(one.row is None for one in changed)
    units = {one.row.owner for one in entries if one.row} | {one.details.owner for one in entries}
    await resources.keep(work, city, changed)
    found = Imported(created, len(changed) - created, checked, len(entries) - len(changed) - checked, warnings)
    work.tell("resource.imported", None, sorted(units), city=city, created=created, changed=found.changed, checked=checked)
    return found


def _differs(row: Resource, entry: Entry) -> bool:
    return row.active != entry.active or any(getattr(row, name) != value for name, value in asdict(entry.details).items())
