"""Reads labelled texts from a city's own tables: CSV (UTF-8, UTF-16 or GB18030) and XLSX. Errors name file, line and column."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from classifier.errors import ClassifierError

_LONGEST_FIELD = 2_000_000
_TRUE, _FALSE = {"1", "true", "yes", "y", "是", "t"}, {"0", "false", "no", "n", "否", "f"}


class DataError(ClassifierError):
    """A table that can't be learnt from."""

    code = "data.unreadable"


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text."""

    text: str
    label: str
    urgent: bool | None
    """None: the table does not say."""
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a table that can be used, and what was left out."""

    rows: tuple[Row, ...]
    empty: int
    """Rows without a text or a label."""
    name: str


def read(
    path: Path, *, text: str = "text", label: str = "label", urgent: str = "urgent", where: Mapping[str, str] | None = None
) -> Table:
    """Rows of a table by the names of its columns; ``where``: only rows whose columns have these values.

    Raises :class:`DataError` if it can't be read, or lacks a column, or has fewer than two labels.
    """
    rows: list[Row] = []
    empty = 0
    lines = _xlsx(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _csv(path)
    header: dict[str, int] | None = None
    for number, cells in lines:
        if header is None:
            header = {cell.strip(): at for at, cell in enumerate(cells) if cell.strip()}
            for wanted in (text, label, *(where or {})):
                if wanted not in header:
                    raise DataError(
                        f"{path.name}: no column {wanted!r}; there are {', '.join(header) or 'none'}; "
                        "name it with --text, --label",
                        wanted,
                    )
            continue
        row = {name: cells[at].strip() if at < len(cells) else "" for name, at in header.items()}
        if where and any(row[name] != value for name, value in where.items()):
            continue
        if not row[text] or not row[label]:
            empty += 1
            continue
        rows.append(Row(row[text], row[label], _flag(row[urgent], path, number, urgent) if urgent in header else None, number))
    if header is None:
        raise DataError(f"{path.name}: the table is empty; it needs a line of column names", path.name)
    if not rows:
        raise DataError(f"{path.name}: no row has a {text} and a {label}", path.name)
    return Table(tuple(rows), empty, path.name)


def learnable(table: Table, fewest: int = 3) -> tuple[list[Row], dict[str, int]]:
    """Rows whose label has at least ``fewest`` examples, and the labels that were too rare to be learnt.

    Raises :class:`DataError` if fewer than two labels are left.
    """
    counts = Counter(row.label for row in table.rows)
    rare = {label: count for label, count in counts.items() if count < fewest}
    if len(counts) - len(rare) < 2:
        raise DataError(
            f"{table.name}: {len(counts)} label(s), {len(rare)} of them with fewer than {fewest} examples; "
            f"at least two labels with {fewest} are needed",
            table.name,
        )
    return [row for row in table.rows if row.label not in rare], rare


def _flag(value: str, path: Path, line: int, column: str) -> bool | None:
    if not value:
        return None
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise DataError(f"{path.name}:{line}: column {column} says {value!r}; write 1 or 0, yes or no, 是 or 否", value)


def _csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}", str(path)) from None
    csv.field_size_limit(min(_LONGEST_FIELD, sys.maxsize))
    reader = csv.reader(io.StringIO(_decoded(raw, path), newline=""), strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"{path.name}:{reader.line_num}: not CSV: {error}", path.name) from None


def _decoded(raw: bytes, path: Path) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        codings = ["utf-16"]
    elif b"\x00" in raw[:4096]:
        raise DataError(f"{path.name}: not a text file; save the table as CSV (UTF-8) or XLSX", path.name)
    else:
        codings = ["utf-8-sig", "gb18030"]
    for coding in codings:
        try:
            return raw.decode(coding)
        except UnicodeDecodeError as error:
            at = error.start
    line = raw[:at].count(b"\n") + 1
    raise DataError(f"{path.name}:{line}: neither UTF-8 nor GB18030 (byte {at}); save the file as UTF-8", path.name)


def _xlsx(path: Path) -> Iterator[tuple[int, list[str]]]:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}", str(path)) from None
    except (InvalidFileException, KeyError, ValueError, Exception) as error:  # openpyxl raises whatever the broken ZIP makes it
        raise DataError(f"{path.name}: not a workbook ({type(error).__name__}); save it again as XLSX", path.name) from None
    try:
        for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            yield number, ["" if cell is None else str(cell) for cell in cells]
    except Exception as error:  # a sheet is only parsed when its rows are read
        raise DataError(
            f"{path.name}: its first sheet can't be read ({type(error).__name__}); save it again as XLSX", path.name
        ) from None
    finally:
        book.close()
