"""Items of the catalog as a table for people (CSV, XLSX), out and in; every bad cell is named, nothing half done. Pure.

The words of a cell are Chinese. Lists are joined by 、. A cell of boundaries (110边界) has one line per boundary: fact, words
that mean it, what follows, who sets out, class of the police order, divided by ``|``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from config.documents import KeyPath
from config.errors import Problem
from router.catalog import grid, plain
from router.catalog.errors import BadCatalog, BadTable
from router.catalog.files import FIRST
from router.catalog.grid import Grid, Row
from router.catalog.model import KINDS, Boundary, Catalog, Item, Limit

SHEET = "事项"
_SCOPES = {"12345": "12345", "110": "110", "both": "双方", "neither": "都不受理"}
_FIRST = {"12345": "12345", "110": "110", "first-receiver": "先接方"}
_THEN = {"police-first": "先行派警", "both": "双派"}
_UNITS = {"minutes": "分钟", "working-hours": "个工作小时", "working-days": "个工作日"}
_LIMIT = re.compile(r"([0-9]{1,6})\s*(分钟|小时|个工作小时|工作小时|个工作日|工作日)")
_SERVICES = {"utility": "水电气热"}

HEADINGS: dict[str, str] = {
    "编码": "",
    "名称": "name",
    "归属": "scope",
    "领域": "field",
    "诉求类型": "kinds",
    "承办类型": "agencies",
    "办理时限": "deadline",
    "紧急时限": "urgent_deadline",
    "首接": "first",
    "110边界": "boundaries",
    "群众用语": "words",
    "标准答复": "answer",
    "引导话术": "guidance",
    "对方清单位置": "other_side",
    "直转一线": "direct",
    "替代编码": "replaced_by",
}
"""Heading to the item's key."""
NEEDED = ("编码", "名称", "归属", "诉求类型", "承办类型", "办理时限")
_HEADING_OF = {key: heading for heading, key in HEADINGS.items()}


def export(catalog: Catalog, kind: Literal["csv", "xlsx"]) -> bytes:
    """All items as a file, in the order of the catalog; read back by :func:`read` it says the same."""
    rows = [[_cell(item, key) for key in HEADINGS.values()] for item in catalog.items.values()]
    return grid.write_csv(list(HEADINGS), rows) if kind == "csv" else grid.write_xlsx(SHEET, list(HEADINGS), rows)


def read(data: bytes, name: str, base: Mapping[str, Any]) -> dict[str, Any]:
    """The content ``base`` (as :func:`router.catalog.plain.dump` writes it) with the table's items in place of its own.

    Raise :class:`router.catalog.errors.BadTable` that names every bad cell, :class:`router.catalog.grid.BadFile` for what is no
    table. What comes back is complete and checked, ready for :func:`router.catalog.versions.publish`.
    """
    found = grid.read(data, name, needed=NEEDED, optional=[heading for heading in HEADINGS if heading not in NEEDED])
    reader = _Items(found)
    items = reader.items()
    problems = [*found.problems, *reader.problems]
    content = {**base, "items": items}
    try:
        catalog = plain.parse(content, version="", city="", effective_at=FIRST, place=reader.place, bad=reader.bad)
    except BadCatalog as error:
        problems += [Problem(one.where, None, "", one.what, one.remedy) for one in error.problems]
    if problems:
        raise BadTable(problems)
    return plain.dump(catalog)


class _Items:
    """Rows as items; remembers the cell of each key."""

    def __init__(self, found: Grid) -> None:
        self._grid = found
        self.problems: list[Problem] = []
        self.bad: set[KeyPath] = set()
        """Keys whose cells are told already."""
        self._rows: dict[str, int] = {}

    def place(self, path: KeyPath) -> tuple[str, int | None]:
        if path[:1] == ("items",) and len(path) > 1 and str(path[1]) in self._rows:
            heading = _HEADING_OF.get(str(path[2]), "编码") if len(path) > 2 else "编码"
            return self._grid.place(self._rows[str(path[1])], heading), None
        return f"现有清单 {path[0] if path else ''}", None

    def items(self) -> dict[str, Any]:
        items: dict[str, Any] = {}
        for row in self._grid.rows:
            code = row.cells.get("编码", "")
            if not code:
                self._tell(row, "编码", "是空的", "每行都要有编码,如 SX-001")
            elif code in items:
                self._tell(row, "编码", f"编码 {code} 在第{self._rows[code]}行已经有了", "每个编码只写一行")
            else:
                self._rows[code] = row.number
                items[code] = self._item(row)
        return items

    def _tell(self, row: Row, heading: str, what: str, remedy: str) -> None:
        self.problems.append(self._grid.problem(row.number, heading, what, remedy))
        code, key = row.cells.get("编码", ""), HEADINGS[heading]
        if key and self._rows.get(code) == row.number:
            self.bad.add(("items", code, key))

    def _item(self, row: Row) -> dict[str, Any]:
        item: dict[str, Any] = {}
        for heading, key in HEADINGS.items():
            text = row.cells.get(heading, "")
            if not key:
                continue
            if not text:
                if heading in NEEDED:
                    self._tell(row, heading, "是空的", "这一列必须填写")
                continue
            item[key] = self._value(row, heading, key, text)
        item.setdefault("first", {"110": "110", "both": "first-receiver"}.get(item.get("scope", ""), "12345"))
        return item

    def _value(self, row: Row, heading: str, key: str, text: str) -> Any:
        if key == "scope":
            return self._one_of(row, heading, text, _SCOPES)
        if key == "first":
            return self._one_of(row, heading, text, _FIRST)
        if key == "kinds":
            return [self._one_of(row, heading, one, KINDS) for one in grid.split(text)]
        if key in ("agencies", "words"):
            return grid.split(text)
        if key in ("deadline", "urgent_deadline"):
            return self._limit(row, heading, text)
        if key == "direct":
            return self._one_of(row, heading, text, {"true": "是", "": "否"}) == "true"
        if key == "boundaries":
            lines = [line for line in text.split("\n") if line.strip()]
            return [self._boundary(row, heading, number, line) for number, line in enumerate(lines, 1)]
        return text

    def _one_of(self, row: Row, heading: str, text: str, words: Mapping[Any, str]) -> str:
        for value, word in words.items():
            if text == word:
                return str(value)
        self._tell(row, heading, f"“{text}”不在可选范围", f"可选:{'、'.join(words.values())}")
        return str(next(iter(words)))

    def _limit(self, row: Row, heading: str, text: str) -> dict[str, int]:
        found = _LIMIT.fullmatch(text)
        if found is None:
            self._tell(row, heading, f"“{text}”不是时限", "写成 30分钟、4小时、4个工作小时 或者 5个工作日")
            return {"working-days": 1}
        amount, unit = int(found.group(1)), found.group(2)
        if unit == "小时":
            return {"minutes": amount * 60}
        return {{"分钟": "minutes", "工作小时": "working-hours", "工作日": "working-days"}[unit.removeprefix("个")]: amount}

    def _boundary(self, row: Row, heading: str, number: int, line: str) -> dict[str, Any]:
        parts = [part.strip() for part in line.replace("|", "|").split("|")]
        if len(parts) != 5:
            self._tell(
                row, heading, f"第{number}条有{len(parts)}段,应为5段", "写成 情形|触发词、触发词|先行派警或双派|110、119|警情类别"
            )
            return {"fact": line.strip(), "police_class": ""}
        fact, triggers, then, services, police_class = parts
        back = {word: value for value, word in _SERVICES.items()}
        return {
            "fact": fact,
            "triggers": grid.split(triggers),
            "then": self._one_of(row, heading, then, _THEN),
            "services": [back.get(one, one) for one in grid.split(services)],
            "police_class": police_class,
        }


def _cell(item: Item, key: str) -> str:
    if not key:
        return item.code
    value = getattr(item, key)
    writers: dict[str, Callable[[Any], str]] = {
        "scope": _SCOPES.__getitem__,
        "first": _FIRST.__getitem__,
        "kinds": lambda kinds: "、".join(KINDS[kind] for kind in kinds),
        "agencies": "、".join,
        "words": "、".join,
        "deadline": _limit_words,
        "urgent_deadline": lambda limit: "" if limit is None else _limit_words(limit),
        "direct": lambda direct: "是" if direct else "",
        "boundaries": lambda boundaries: "\n".join(_boundary_line(one) for one in boundaries),
    }
    return writers[key](value) if key in writers else str(value)


def _limit_words(limit: Limit) -> str:
    if limit.unit == "minutes" and limit.amount % 60 == 0:
        return f"{limit.amount // 60}小时"
    return f"{limit.amount}{_UNITS[limit.unit]}"


def _boundary_line(boundary: Boundary) -> str:
    services: Sequence[str] = [_SERVICES.get(one, one) for one in boundary.services]
    parts = (boundary.fact, "、".join(boundary.triggers), _THEN[boundary.then], "、".join(services), boundary.police_class)
    return "|".join(parts)
