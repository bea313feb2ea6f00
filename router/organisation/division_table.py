"""The table of administrative divisions (GB/T 2260) down to counties, with the names of their townships.

It is read out of the data of the package ``jionlp`` without importing that (its import prints, unpacks files into its own
folder and costs a quarter of a second): from its archive, in memory, or from the unpacked file.
"""

from __future__ import annotations

import functools
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from router.errors import CaseworkError

Level = Literal["province", "city", "county"]
_ARCHIVE, _FILE = "china_location.zip", "china_location.txt"
_UNNAMED = ("省直辖行政区划", "市直辖行政区划")
"""Rows that only hold together what lies directly below a province or a city."""


class TableMissing(CaseworkError):
    """The package that carries the table is not installed, or carries it no longer."""

    code = "divisions.missing"
    status = 500


@dataclass(slots=True)
class Division:
    """A province, city or county."""

    code: str
    name: str
    aliases: tuple[str, ...]
    """Short names, at least two characters."""
    level: Level
    parent: str | None
    children: list[str] = field(default_factory=list)
    towns: list[str] = field(default_factory=list)
    """Full names of townships and subdistricts; of a city without counties its own."""

    @property
    def named(self) -> bool:
        return self.name not in _UNNAMED


@dataclass(frozen=True, slots=True)
class Table:
    """All divisions by code, and the codes of a full or short name."""

    by_code: dict[str, Division]
    full: dict[str, tuple[str, ...]]
    short: dict[str, tuple[str, ...]]

    def chain(self, code: str) -> list[Division]:
        """The division and what lies above it, from the province down."""
        found: list[Division] = []
        at: str | None = code
        while at is not None:
            division = self.by_code[at]
            found.append(division)
            at = division.parent
        return found[::-1]


@functools.lru_cache(maxsize=1)
def table() -> Table:
    """The table, read once per process (about 0.2 s); raise :class:`TableMissing`."""
    return build(_lines())


def _lines() -> Iterator[str]:
    spec = importlib.util.find_spec("jionlp")
    folders = [] if spec is None else [Path(place) / "dictionary" for place in spec.submodule_search_locations or ()]
    for folder in folders:
        if (folder / _ARCHIVE).is_file():
            with zipfile.ZipFile(folder / _ARCHIVE) as archive, archive.open(_FILE) as raw:
                yield from io.TextIOWrapper(raw, encoding="utf-8")
            return
        if (folder / _FILE).is_file():
            with (folder / _FILE).open(encoding="utf-8") as lines:
                yield from lines
            return
    raise TableMissing("找不到行政区划表", "请安装 jionlp 软件包")


def build(lines: Iterator[str]) -> Table:
    """Build the table from lines indented by tabs: province, city, county, township (and villages, which are left out)."""
    by_code: dict[str, Division] = {}
    above: list[Division] = []
    for line in lines:
        if line.startswith("\t\t\t\t"):
            continue
        depth = len(line) - len(line.lstrip("\t"))
        parts = line.strip().split("\t")
        if depth == 3:
            if above:
                above[-1].towns.append(parts[0])
        elif len(parts) == 3 and len(parts[1]) == 6:
            del above[depth:]
            _add(by_code, above, depth, *parts)
    return Table(
        by_code,
        _codes((division.name, division.code) for division in by_code.values() if division.named),
        _codes((alias, division.code) for division in by_code.values() for alias in division.aliases),
    )


def _add(by_code: dict[str, Division], above: list[Division], depth: int, name: str, code: str, alias: str) -> None:
    if code in by_code:  # a city that is a province as well, or its row for towns without a county: one division
        above.append(by_code[code])
        return
    levels: tuple[Level, ...] = ("province", "city", "county")
    aliases = tuple(one for one in alias.split("/") if len(one) > 1 and one != name) if name not in _UNNAMED else ()
    parent = above[-1].code if above else None
    division = Division(code, name, aliases, levels[depth], parent)
    by_code[code] = division
    if parent is not None:
        by_code[parent].children.append(code)
    above.append(division)


def _codes(pairs: Iterator[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, code in pairs:
        found[name] = (*found.get(name, ()), code)
    return found
