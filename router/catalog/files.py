"""Reads a city's catalog from the YAML files of a folder: what holds for all cities, then what the city changes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config import documents
from config.documents import KeyPath
from config.errors import Problem
from router.catalog import plain
from router.catalog.errors import BadCatalog
from router.catalog.model import Catalog
from router.catalog.plain import dump, parse, sha256
from router.errors import Invalid, TooLarge

__all__ = ["FIRST", "cities", "dump", "load", "parse", "read", "read_upload", "sha256", "with_item"]

LARGEST = 1024 * 1024
"""Bytes of a catalog that is uploaded."""
FIRST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""From when on what the files say is in force, if nobody says otherwise."""
_CITY = re.compile(r"[0-9]{6}")
_OTHER_FILES = ("agencies.yaml",)
"""Files of a city's folder that belong to other packages."""
_LAID_OVER = ("items", "classes", "rules")
"""Sections whose entries a city changes key by key; elsewhere it replaces a value."""


@dataclass(slots=True)
class _Tree:
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, tuple[str, int | None]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: KeyPath) -> tuple[str, int | None]:
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return "", None


def cities(folder: Path) -> list[str]:
    """Cities (GB/T 2260) that have a folder of their own in the catalog's folder."""
    return sorted(one.name for one in folder.iterdir() if one.is_dir() and _CITY.fullmatch(one.name))


def load(folder: Path, city: str, *, version: str = "", effective_at: dt.datetime = FIRST) -> Catalog:
    """The catalog of a city (GB/T 2260, e.g. ``530100``); raise :class:`BadCatalog` that names file, line and key."""
    tree = _read(folder, city)
    return plain.parse(tree.data, version=version or f"{city}-0", city=city, effective_at=effective_at, place=tree.place)


def read(folder: Path, city: str) -> dict[str, Any]:
    """The same as plain data, complete, as :func:`router.catalog.versions.publish` takes them."""
    return plain.dump(load(folder, city))


def read_upload(data: bytes, name: str) -> dict[str, Any]:
    """A whole catalog that somebody sent as one YAML file, complete, as :func:`router.catalog.versions.publish` takes it; raise
    :class:`BadCatalog` that names line and key, :class:`router.errors.TooLarge`."""
    if len(data) > LARGEST:
        raise TooLarge(f"文件超过{LARGEST // 1024 // 1024}MB", "请去掉多余的内容", limit=LARGEST)
    found = documents.read_strange(data, name)
    if found.problems:
        raise BadCatalog(found.problems)
    return plain.dump(plain.parse(found.tree, version="", city="", effective_at=FIRST, place=found.place))


def with_item(data: Mapping[str, Any], code: str, change: Mapping[str, Any]) -> dict[str, Any]:
    """The content with fields of one item changed, in the form of the files; raise :class:`router.errors.Invalid` if there is no
    such item. Whether the change is right is found when it is published."""
    items = data["items"]
    if code not in items:
        raise Invalid(f"事项清单中没有“{code}”", "请核对事项编码", field="item")
    return {**data, "items": {**items, code: {**items[code], **change}}}


def _read(folder: Path, city: str) -> _Tree:
    tree = _Tree()
    if not folder.is_dir():
        raise BadCatalog([Problem(str(folder), None, "", "没有这个文件夹", "指明存放事项清单 *.yaml 的文件夹")])
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise BadCatalog([Problem(str(folder), None, "", "没有 *.yaml 文件", "放入事项清单的文件")])
    for file in files:
        _add(tree, documents.read_file(file), over=False)
    if _CITY.fullmatch(city):
        for file in sorted((folder / city).glob("*.yaml")):
            if file.name not in _OTHER_FILES:
                _add(tree, documents.read_file(file), over=True)
    if tree.problems:
        raise BadCatalog(tree.problems)
    return tree


def _add(tree: _Tree, found: documents.Documents, *, over: bool) -> None:
    """Lay a file's tree beside what was read so far, or over it."""
    tree.problems.extend(found.problems)
    for section, entries in found.tree.items():
        if not isinstance(entries, Mapping):
            tree.problems.append(found.problem((section,), "不是键值表", "写成 key: value"))
            continue
        tree.places.setdefault((section,), found.place((section,)))
        into = tree.data.setdefault(section, {})
        for code, entry in entries.items():
            path: KeyPath = (section, code)
            if code in into and not over:
                where, line = tree.place(path)
                tree.problems.append(found.problem(path, f"在 {where}:{line} 已经有了", "每个编码只写一次"))
            elif entry is None and over:
                if code not in into:
                    tree.problems.append(found.problem(path, "要去掉的编码本来就没有", "检查编码,或者删除这一行"))
                into.pop(code, None)
            elif over and section in _LAID_OVER and isinstance(entry, Mapping) and isinstance(into.get(code), Mapping):
                _replace_places(tree, found, [(*path, key) for key in entry])
                into[code] = {**into[code], **entry}
            else:
                if over:
                    _replace_places(tree, found, [path])
                into[code] = entry
    for key, place in found.places.items():
        tree.places.setdefault(key, place)


def _replace_places(tree: _Tree, found: documents.Documents, replaced: list[KeyPath]) -> None:
    """Forget where the replaced keys and all below them stood; they stand in the new file from now on."""
    for path in [one for one in tree.places if any(one[: len(top)] == top for top in replaced)]:
        del tree.places[path]
    for top in replaced:
        tree.places[top] = found.place(top)
