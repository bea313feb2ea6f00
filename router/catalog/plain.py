"""Catalog ↔ plain data (what YAML, JSON and SQL hold): every problem names its key and its remedy. Pure."""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import zip_longest
from typing import Any, cast, get_args

from config.documents import KeyPath, dotted
from config.errors import Problem
from router.catalog import checks
from router.catalog.errors import BadCatalog
from router.catalog.model import KINDS, Boundary, Catalog, CrossRule, Item, Kind, Limit, Limits, PoliceClass, Scope

Place = Callable[[KeyPath], tuple[str, int | None]]
"""File and line of a key."""
SECTIONS = ("items", "classes", "rules", "limits", "guidance", "agency_kinds")
UNITS = ("minutes", "working-hours", "working-days")
LEADS = ("110", "119", "120", "122")
ORDER_KINDS = ("dispatch", "assist", "inform", "complaint")
REMIND_SHARE = 0.8
LONGEST_TEXT = 1000
DIVIDERS = frozenset("、,,;;||")
"""Characters that no element of a list may have: tables write lists with them."""
LONGEST_LIMIT = 100_000
"""Of a limit's amount, whatever its unit."""


def parse(
    data: object,
    *,
    version: str,
    city: str,
    effective_at: dt.datetime,
    place: Place | None = None,
    bad: Collection[KeyPath] = (),
) -> Catalog:
    """The catalog that plain data describe; raise :class:`BadCatalog` with everything that is wrong.

    What the data leave out has the meaning of the model's defaults; a class of four digits takes what it doesn't say from
    the class of two digits above it. Entries come in the order of their codes. ``place`` tells file and line of a key for the
    problems; ``bad``: keys that the caller has told as wrong already, so that nothing follows from them.
    """
    reader = _Reader(place)
    catalog = _catalog(reader, data, version, city, effective_at)
    wrong = {*bad, *reader.paths}
    if all(len(path) > 1 for path in wrong):
        found = [one for one in checks.check(catalog) if not _follows(one.path, wrong)]
        reader.problems.extend(reader.problem(one.path, one.what, one.remedy) for one in found)
    problems = [one for one, path in zip_longest(reader.problems, reader.paths) if path not in bad]
    if problems:
        raise BadCatalog(problems)
    return catalog


def _follows(path: KeyPath, wrong: Collection[KeyPath]) -> bool:
    """Whether a finding may come from something that is told as wrong already: at, above or below it, or whose side it is."""
    if any(one == path[: len(one)] or path == one[: len(path)] for one in wrong):
        return True
    return path[0] == "items" and path[-1] in checks.OF_SIDES and (*path[:2], "scope") in wrong


def dump(catalog: Catalog) -> dict[str, Any]:
    """The content as plain data, complete (no defaults left out); without version, city and date."""
    return {
        "items": {code: _dump_item(item) for code, item in catalog.items.items()},
        "classes": {code: _without_code(entry) for code, entry in catalog.classes.items()},
        "rules": {code: _without_code(rule) for code, rule in catalog.rules.items()},
        "limits": {
            field.name: value if isinstance(value := getattr(catalog.limits, field.name), float) else _dump_limit(value)
            for field in fields(Limits)
        },
        "guidance": dict(catalog.guidance),
        "agency_kinds": dict(catalog.agency_kinds),
    }


def with_item(content: Mapping[str, Any], code: str, change: Mapping[str, Any]) -> dict[str, Any]:
    """The content of :func:`dump` with some keys of one item put in place of what it says; ``content`` stays as it is.

    Whether the keys exist and their values are right is told by :func:`parse`.
    """
    items = dict(content["items"])
    items[code] = {**items.get(code, {}), **change}
    return {**content, "items": items}


def sha256(content: Mapping[str, Any]) -> str:
    """Of what :func:`dump` returned, the same for the same content in whatever order its entries stand."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _without_code(entry: PoliceClass | CrossRule) -> dict[str, Any]:
    return {key: _listed(value) for key, value in asdict(entry).items() if key != "code"}


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _dump_limit(limit: Limit) -> dict[str, int]:
    return {limit.unit: limit.amount}


def _dump_item(item: Item) -> dict[str, Any]:
    plain = {field.name: _listed(getattr(item, field.name)) for field in fields(Item) if field.name != "code"}
    plain["deadline"] = _dump_limit(item.deadline)
    plain["urgent_deadline"] = None if item.urgent_deadline is None else _dump_limit(item.urgent_deadline)
    plain["boundaries"] = [{key: _listed(value) for key, value in asdict(one).items()} for one in item.boundaries]
    return plain


def _catalog(reader: _Reader, data: object, version: str, city: str, effective_at: dt.datetime) -> Catalog:
    tree = reader.mapping(data, ())
    reader.only(tree, (), SECTIONS)
    for section in SECTIONS:
        if section not in tree and section != "agency_kinds":
            reader.tell((section,), "缺少这一部分", f"补上 {section}")
    return Catalog(
        version=version,
        city=city,
        effective_at=effective_at,
        items={code: _item(reader, code, entry, path) for code, entry, path in reader.entries(tree, "items")},
        classes=_classes(reader, tree),
        rules={code: _rule(reader, code, entry, path) for code, entry, path in reader.entries(tree, "rules")},
        limits=_limits(reader, tree),
        guidance=_texts_by_code(reader, tree, "guidance"),
        agency_kinds=_texts_by_code(reader, tree, "agency_kinds"),
    )


def _texts_by_code(reader: _Reader, tree: Mapping[Any, Any], section: str) -> dict[str, str]:
    entries = reader.mapping(tree.get(section, {}), (section,))
    return {str(code): reader.text(entries, (section,), code) for code in sorted(entries, key=str)}


def _item(reader: _Reader, code: str, entry: Mapping[Any, Any], path: KeyPath) -> Item:
    reader.only(entry, path, [field.name for field in fields(Item) if field.name != "code"])
    boundaries = reader.sequence(entry.get("boundaries", []), (*path, "boundaries"))
    urgent = entry.get("urgent_deadline")
    return Item(
        code=code,
        name=reader.text(entry, path, "name"),
        scope=cast(Scope, reader.choice(entry, path, "scope", get_args(Scope), "12345")),
        field=reader.text(entry, path, "field", ""),
        kinds=tuple(cast(Kind, kind) for kind in reader.choices(entry, path, "kinds", tuple(KINDS))),
        agencies=reader.texts(entry, path, "agencies", needed=True),
        deadline=reader.limit(entry, path, "deadline"),
        urgent_deadline=None if urgent is None else reader.limit(entry, path, "urgent_deadline"),
        boundaries=tuple(_boundary(reader, one, (*path, "boundaries", index)) for index, one in enumerate(boundaries)),
        answer=reader.text(entry, path, "answer", ""),
        first=cast(Any, reader.choice(entry, path, "first", ("12345", "110", "first-receiver"), "12345")),
        other_side=reader.text(entry, path, "other_side", ""),
        words=reader.texts(entry, path, "words"),
        direct=reader.flag(entry, path, "direct"),
        replaced_by=reader.text(entry, path, "replaced_by", ""),
        guidance=reader.text(entry, path, "guidance", ""),
    )


def _boundary(reader: _Reader, value: object, path: KeyPath) -> Boundary:
    entry = reader.mapping(value, path)
    reader.only(entry, path, [field.name for field in fields(Boundary)])
    return Boundary(
        fact=reader.fact(entry, path),
        triggers=reader.texts(entry, path, "triggers"),
        then=cast(Any, reader.choice(entry, path, "then", ("police-first", "both"), "police-first")),
        services=reader.choices(entry, path, "services", checks.SERVICES, ("110",)),
        police_class=reader.text(entry, path, "police_class", ""),
    )


def _classes(reader: _Reader, tree: Mapping[Any, Any]) -> dict[str, PoliceClass]:
    found: dict[str, PoliceClass] = {}
    # Classes of two digits come first, so that what lies below finds them in whatever order they stand.
    for code, entry, path in sorted(reader.entries(tree, "classes"), key=lambda one: (len(one[0]), one[0])):
        reader.only(entry, path, [field.name for field in fields(PoliceClass) if field.name != "code"])
        above = found.get(code[:2]) if len(code) > 2 else None
        found[code] = PoliceClass(
            code=code,
            name=reader.text(entry, path, "name"),
            urgent=reader.flag(entry, path, "urgent", above.urgent if above else None),
            lead=cast(Any, reader.choice(entry, path, "lead", LEADS, above.lead if above else "110")),
            kind=cast(Any, reader.choice(entry, path, "kind", ORDER_KINDS, above.kind if above else "dispatch")),
            words=reader.texts(entry, path, "words"),
        )
    return dict(sorted(found.items()))


def _rule(reader: _Reader, code: str, entry: Mapping[Any, Any], path: KeyPath) -> CrossRule:
    reader.only(entry, path, [field.name for field in fields(CrossRule) if field.name != "code"])
    return CrossRule(
        code=code,
        name=reader.text(entry, path, "name"),
        words=reader.texts(entry, path, "words", needed=True),
        first=cast(Any, reader.choice(entry, path, "first", ("12345", "110", "guide"))),
        items=reader.texts(entry, path, "items"),
        triggers=reader.texts(entry, path, "triggers"),
        always=reader.flag(entry, path, "always"),
        police_class=reader.text(entry, path, "police_class", ""),
        services=reader.choices(entry, path, "services", checks.SERVICES, ("110",)),
        basis=reader.text(entry, path, "basis", ""),
        guidance=reader.text(entry, path, "guidance", ""),
    )


def _limits(reader: _Reader, tree: Mapping[Any, Any]) -> Limits:
    path: KeyPath = ("limits",)
    entry = reader.mapping(tree.get("limits", {}), path)
    names = [field.name for field in fields(Limits)]
    reader.only(entry, path, names)
    share = entry.get("remind_share", REMIND_SHARE)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        reader.tell((*path, "remind_share"), f"{share!r} 不是0与1之间的小数", "例如写 0.8")
        share = REMIND_SHARE
    limits = {name: reader.limit(entry, path, name) for name in names if name != "remind_share"}
    return Limits(**limits, remind_share=float(share))


class _Reader:
    """Reads values out of plain data. What is wrong is noted, and something harmless goes on in its place."""

    def __init__(self, place: Place | None) -> None:
        self.problems: list[Problem] = []
        self.paths: list[KeyPath] = []
        """Of the problems that were noted while reading."""
        self._place = place

    def problem(self, path: KeyPath, what: str, remedy: str) -> Problem:
        where, line = self._place(path) if self._place else ("", None)
        return Problem(where, line, dotted(path), what, remedy)

    def tell(self, path: KeyPath, what: str, remedy: str) -> None:
        self.problems.append(self.problem(path, what, remedy))
        self.paths.append(path)

    def mapping(self, value: object, path: KeyPath) -> Mapping[Any, Any]:
        if isinstance(value, Mapping):
            return value
        self.tell(path, "不是键值表", "写成 key: value")
        return {}

    def sequence(self, value: object, path: KeyPath) -> Sequence[Any]:
        if isinstance(value, list | tuple):
            return value
        self.tell(path, f"{value!r} 不是列表", "写成 [甲, 乙]")
        return ()

    def entries(self, tree: Mapping[Any, Any], section: str) -> Iterator[tuple[str, Mapping[Any, Any], KeyPath]]:
        entries = self.mapping(tree.get(section, {}), (section,))
        for code, entry in sorted(entries.items(), key=lambda one: str(one[0])):
            path = (section, code)
            if not isinstance(code, str):
                self.tell(path, f"编码 {code!r} 不是文字", "给编码加上引号")
            yield str(code), self.mapping(entry, path), path

    def only(self, entry: Mapping[Any, Any], path: KeyPath, known: Sequence[str]) -> None:
        for key in entry:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                self.tell((*path, key), "没有这个键", f"是否要写 {near[0]}" if near else f"可写的键:{'、'.join(known)}")

    def text(self, entry: Mapping[Any, Any], path: KeyPath, key: str, default: str | None = None) -> str:
        if key not in entry and default is not None:
            return default
        value = entry.get(key)
        if not isinstance(value, str):
            self.tell((*path, key), "缺少文字" if value is None else f"{value!r} 不是文字", "写一段文字,数字要加引号")
            return ""
        return self._good(value, (*path, key), may_be_empty=default == "")

    def fact(self, entry: Mapping[Any, Any], path: KeyPath) -> str:
        value = self.text(entry, path, "fact")
        if "|" in value or "|" in value:
            self.tell((*path, "fact"), "含有竖线", "去掉 |")
        return value

    def texts(self, entry: Mapping[Any, Any], path: KeyPath, key: str, *, needed: bool = False) -> tuple[str, ...]:
        values = self.sequence(entry.get(key, []), (*path, key))
        if needed and not values:
            self.tell((*path, key), "至少要有一项", "写成 [甲, 乙]")
        found: list[str] = []
        for index, value in enumerate(values):
            if not isinstance(value, str):
                self.tell((*path, key, index), f"{value!r} 不是文字", "写一段文字,数字要加引号")
            elif DIVIDERS.intersection(value):
                self.tell((*path, key, index), f"“{value}”含有分隔符", f"去掉 {' '.join(sorted(DIVIDERS))}")
            elif value in found:
                self.tell((*path, key, index), f"“{value}”重复", "去掉重复的一项")
            else:
                found.append(self._good(value, (*path, key, index), may_be_empty=False))
        return tuple(found)

    def _good(self, value: str, path: KeyPath, *, may_be_empty: bool) -> str:
        if not may_be_empty and not value.strip():
            self.tell(path, "是空的", "写一段文字")
        elif value != value.strip():
            self.tell(path, f"{value!r} 前后有空白", "去掉前后的空白")
        elif len(value) > LONGEST_TEXT:
            self.tell(path, f"有{len(value)}个字", f"不超过{LONGEST_TEXT}个字")
        elif not value.isprintable():
            self.tell(path, "含有控制字符", "去掉换行和控制字符")
        return value

    def choice(
        self, entry: Mapping[Any, Any], path: KeyPath, key: str, allowed: Sequence[str], default: str | None = None
    ) -> str:
        value = entry.get(key, default)
        if value not in allowed:
            self.tell((*path, key), "缺少" if value is None else f"{value!r} 不在可选范围", f"可选:{'、'.join(allowed)}")
            return allowed[0]
        return cast(str, value)

    def choices(
        self,
        entry: Mapping[Any, Any],
        path: KeyPath,
        key: str,
        allowed: Sequence[str],
        default: tuple[str, ...] = (),
    ) -> tuple[str, ...]:
        if key not in entry and default:
            return default
        values = self.texts(entry, path, key, needed=True)
        for index, value in enumerate(values):
            if value not in allowed:
                self.tell((*path, key, index), f"{value!r} 不在可选范围", f"可选:{'、'.join(allowed)}")
        return tuple(value for value in values if value in allowed)

    def flag(self, entry: Mapping[Any, Any], path: KeyPath, key: str, default: bool | None = False) -> bool:
        value = entry.get(key, default)
        if isinstance(value, bool):
            return value
        self.tell((*path, key), "缺少" if value is None else f"{value!r} 不是真假值", "写 true 或者 false")
        return False

    def limit(self, entry: Mapping[Any, Any], path: KeyPath, key: str) -> Limit:
        value = entry.get(key)
        if isinstance(value, Mapping) and len(value) == 1:
            unit, amount = next(iter(value.items()))
            right = isinstance(amount, int) and not isinstance(amount, bool) and 0 < amount <= LONGEST_LIMIT
            if unit in UNITS and right:
                return Limit(amount, unit)
        what = "缺少时限" if value is None else f"{value!r} 不是时限"
        self.tell((*path, key), what, "写成 {minutes: 30}、{working-hours: 4} 或者 {working-days: 5},数目为正整数")
        return Limit(1, "working-days")
