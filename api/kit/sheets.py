"""Spreadsheets written row by row as CSV (RFC 4180, UTF-8 with a byte order mark) or XLSX (ECMA-376), bytes as they come.

Nothing is kept and no file is made: an export's memory does not grow with its rows, and no personal data lie on a disk. What a
spreadsheet would take for a formula (CWE-1236) stands behind an apostrophe in CSV; in XLSX it is a text, which never runs. Pure.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal, Protocol
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

Cell = str | int | float | Decimal | bool | dt.datetime | Sequence[str] | None
Format = Literal["csv", "xlsx"]
HERE = ZoneInfo("Asia/Shanghai")
"""Moments are written as the clock on the wall shows them."""
MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
SHEET_ROWS = 1_000_000
"""Rows of one sheet; a spreadsheet program takes 1,048,576. What is more goes on in the next sheet."""
LONGEST_CELL = 32_767
"""Characters that a spreadsheet program takes in one cell."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters that make a text a formula, in full width as well."""
_NUMBER = re.compile(r"[+-]?[0-9]{1,32}(\.[0-9]+)?")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_EPOCH = dt.datetime(1899, 12, 30)
_DAY = 86400


def harmless(text: str) -> str:
    """The text so that no spreadsheet program runs it: with an apostrophe before what could begin a formula. Numbers such as
    ``-3`` and ``+85291234567`` stay as they are."""
    return "'" + text if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


class Sheet(Protocol):
    """What writes rows; join all the bytes that it gives."""

    def rows(self, rows: Iterable[Sequence[Cell]]) -> bytes: ...

    def end(self) -> bytes: ...


def open_(format_: Format, titles: Sequence[str], name: str) -> Sheet:
    return CsvSheet(titles) if format_ == "csv" else XlsxSheet(titles, name)


class CsvSheet:
    def __init__(self, titles: Sequence[str]) -> None:
        self._text = io.StringIO()
        self._writer = csv.writer(self._text)
        self._text.write("\ufeff")
        self._writer.writerow(titles)

    def rows(self, rows: Iterable[Sequence[Cell]]) -> bytes:
        self._writer.writerows([[_plain(cell) for cell in row] for row in rows])
        return self._take()

    def end(self) -> bytes:
        return self._take()

    def _take(self) -> bytes:
        data = self._text.getvalue().encode("utf-8", "replace")
        self._text.seek(0)
        self._text.truncate()
        return data


def _plain(cell: Cell) -> str | int | float | Decimal:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return harmless(cell.replace("\0", ""))
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, dt.datetime):
        return cell.astimezone(HERE).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, int | float | Decimal):
        return cell
    return harmless("、".join(cell))


class _Sink(io.RawIOBase):
    """Takes what the archive writes; it can't be turned back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/></font><font><b/><sz val="11"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf xfId="0"/>'
    '<xf numFmtId="164" applyNumberFormat="1" xfId="0"/><xf fontId="1" applyFont="1" xfId="0"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_FROZEN = '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/></sheetView></sheetViews>'
_TITLE, _MOMENT = 2, 1
"""Indexes of cellXfs."""


class XlsxSheet:
    """One workbook with a sheet per million rows. Texts stand in their cells (inline strings), so no table of them is kept."""

    def __init__(self, titles: Sequence[str], name: str) -> None:
        self._titles, self._name = list(titles), re.sub(r"[\[\]:*?/\\]", " ", name)[:25] or "1"
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=4)
        self._sheets = 0
        self._begin()

    def rows(self, rows: Iterable[Sequence[Cell]]) -> bytes:
        waiting: list[str] = []
        for row in rows:
            if self._row > SHEET_ROWS:
                self._write(waiting)
                self._finish()
                self._begin()
                waiting = []
            self._row += 1
            waiting.append(f'<row r="{self._row}">{"".join(map(_cell, row))}</row>')
        self._write(waiting)
        return self._sink.take()

    def end(self) -> bytes:
        self._finish()
        for path, text in self._other_parts():
            self._zip.writestr(path, text)
        self._zip.close()
        return self._sink.take()

    def _begin(self) -> None:
        self._sheets += 1
        self._sheet = self._zip.open(f"xl/worksheets/sheet{self._sheets}.xml", "w")
        self._row = 1
        titles = "".join(_text(title, _TITLE) for title in self._titles)
        self._write([f'{_HEAD}<worksheet xmlns="{_MAIN}">{_FROZEN}<sheetData><row r="1">{titles}</row>'])

    def _finish(self) -> None:
        self._write(["</sheetData></worksheet>"])
        self._sheet.close()

    def _write(self, parts: Sequence[str]) -> None:
        self._sheet.write("".join(parts).encode())

    def _other_parts(self) -> list[tuple[str, str]]:
        numbers = range(1, self._sheets + 1)
        names = [self._name if number == 1 else f"{self._name} {number}" for number in numbers]
        sheets = "".join(
            f'<sheet name="{_attribute(name)}" sheetId="{number}" r:id="r{number}"/>'
            for number, name in zip(numbers, names, strict=True)
        )
        books = "".join(
            f'<Relationship Id="r{number}" Type="{_REL}/worksheet" Target="worksheets/sheet{number}.xml"/>' for number in numbers
        )
        kinds = "".join(
            f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_TYPE}.worksheet+xml"/>' for number in numbers
        )
        return [
            ("xl/workbook.xml", f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><sheets>{sheets}</sheets></workbook>'),
            (
                "xl/_rels/workbook.xml.rels",
                f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{books}'
                f'<Relationship Id="styles" Type="{_REL}/styles" Target="styles.xml"/></Relationships>',
            ),
            ("xl/styles.xml", _STYLES),
            (
                "_rels/.rels",
                f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
                f'<Relationship Id="book" Type="{_REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            ),
            (
                "[Content_Types].xml",
                f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
                '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
                f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>{kinds}</Types>',
            ),
        ]


def _attribute(text: str) -> str:
    return escape(_ILLEGAL.sub("", text), {'"': "&quot;"})


def _text(text: str, style: int = 0) -> str:
    shown = escape(_ESCAPED.sub("_x005F_", _ILLEGAL.sub("", text)[:LONGEST_CELL]), {"\r": "&#13;"})
    styled = f' s="{style}"' if style else ""
    return f'<c t="inlineStr"{styled}><is><t xml:space="preserve">{shown}</t></is></c>'


def _cell(cell: Cell) -> str:
    if cell is None or cell == "":
        return "<c/>"
    if isinstance(cell, str):
        return _text(cell)
    if isinstance(cell, bool):
        return _text("是" if cell else "否")
    if isinstance(cell, dt.datetime):
        local = cell.astimezone(HERE).replace(tzinfo=None) - _EPOCH
        return f'<c s="{_MOMENT}"><v>{(local.days * _DAY + local.seconds) / _DAY:.8f}</v></c>'
    if isinstance(cell, int | float | Decimal):
        return f"<c><v>{cell}</v></c>"
    return _text("、".join(cell))
