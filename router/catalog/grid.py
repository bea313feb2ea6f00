"""Tables that people keep in a spreadsheet: CSV and XLSX to named cells and back. What can't be read is named by its cell."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile

import openpyxl
import xlsxwriter
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from config.errors import Problem
from router.catalog.errors import BadTable
from router.errors import Invalid, TooLarge

LARGEST = 5 * 1024 * 1024
"""Bytes of a file."""
LARGEST_UNPACKED = 60 * 1024 * 1024
MOST_ROWS = 20_000
MOST_COLUMNS = 60
LONGEST_CELL = 8_000
_SEPARATORS = re.compile(r"[、,,;;\n]")
_FORMULA = "=+-@\t\r"
"""A cell that begins so would be run by a spreadsheet; it is written behind an apostrophe."""


class BadFile(Invalid):
    """Not a table at all."""

    code = "table.unreadable"


@dataclass(frozen=True, slots=True)
class Row:
    """One line under the heading: texts by heading, blanks left out."""

    number: int
    """As the spreadsheet counts."""
    cells: Mapping[str, str]


@dataclass(slots=True)
class Grid:
    """A table with one heading line."""

    sheet: str
    """Name of the sheet; of the file for CSV."""
    columns: dict[str, int]
    """Heading to place, from 1."""
    rows: list[Row]
    problems: list[Problem]

    def place(self, row: int, heading: str) -> str:
        """E.g. ``工作表“事项” C5(领域)``."""
        column = self.columns.get(heading)
        cell = f"{get_column_letter(column)}{row}" if column else f"第{row}行"
        return f"工作表“{self.sheet}” {cell}({heading})"

    def problem(self, row: int, heading: str, what: str, remedy: str) -> Problem:
        return Problem(self.place(row, heading), None, "", what, remedy)


def read(data: bytes, name: str, *, needed: Sequence[str], optional: Sequence[str] = ()) -> Grid:
    """Read a file called ``name`` (.csv or .xlsx) with these headings, in any order.

    Raise :class:`BadFile` or :class:`router.errors.TooLarge` for what is no table, :class:`BadTable` for wrong headings. Cells
    that can't be read are told in the grid's ``problems``.
    """
    if len(data) > LARGEST:
        raise TooLarge(f"文件超过{LARGEST // 1024 // 1024}MB", "请拆分后分别导入", limit=LARGEST)
    kind = name.lower().rpartition(".")[2]
    if kind == "csv":
        sheet, lines = name, _csv_lines(data)
    elif kind == "xlsx":
        sheet, lines = _xlsx_lines(data)
    else:
        raise BadFile(f"不支持“.{kind}”文件" if "." in name else "文件没有扩展名", "请上传 .csv 或者 .xlsx 文件")
    return _grid(sheet, lines, needed, optional)


def _csv_lines(data: bytes) -> Iterator[tuple[int, list[Any]]]:
    text = _decode(data)
    first = text.partition("\n")[0]
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadFile(f"第{number}行不是合格的 CSV({error})", "检查引号是否成对,或者另存为 .xlsx") from None


def _decode(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadFile("文件既不是 UTF-8 也不是 GB18030 编码", "请另存为 UTF-8 编码的 CSV")


def _xlsx_lines(data: bytes) -> tuple[str, Iterator[tuple[int, list[Any]]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
        if unpacked > LARGEST_UNPACKED:
            raise TooLarge("文件展开后过大", "请拆分后分别导入", limit=LARGEST_UNPACKED)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError, IndexError, EOFError, SyntaxError) as error:
        raise BadFile("不是可以打开的 .xlsx 文件", "请用表格软件重新另存为 .xlsx") from error
    return str(sheet.title), _cells(sheet)


def _cells(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    try:
        for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
            yield number, list(values)
    except (BadZipFile, KeyError, ValueError, OSError, EOFError, SyntaxError) as error:
        raise BadFile("工作表内容损坏", "请用表格软件重新另存为 .xlsx") from error


def _grid(sheet: str, lines: Iterator[tuple[int, list[Any]]], needed: Sequence[str], optional: Sequence[str]) -> Grid:
    grid = Grid(sheet, {}, [], [])
    for number, values in lines:
        texts = [_text(grid, number, column, value) for column, value in enumerate(values[: MOST_COLUMNS + 1], 1)]
        if not any(texts):
            continue
        if not grid.columns:
            _headings(grid, number, texts, needed, optional)
            continue
        if len(grid.rows) >= MOST_ROWS:
            raise TooLarge(f"超过{MOST_ROWS}行", "请拆分后分别导入", limit=MOST_ROWS)
        extra = next((column for column, text in enumerate(texts, 1) if text and column not in grid.columns.values()), None)
        if extra is not None:
            cell = f"{get_column_letter(extra)}{number}"
            grid.problems.append(Problem(f"工作表“{sheet}” {cell}", None, "", "没有表头的列有内容", "删除,或者补上表头"))
        cells = {heading: texts[place - 1] for heading, place in grid.columns.items() if place <= len(texts)}
        grid.rows.append(Row(number, {heading: text for heading, text in cells.items() if text}))
    if not grid.columns:
        raise BadFile("表格是空的", f"第一行写表头:{'、'.join(needed)}")
    if not grid.rows:
        raise BadFile("表格只有表头", "至少填写一行")
    return grid


def _headings(grid: Grid, number: int, texts: list[str], needed: Sequence[str], optional: Sequence[str]) -> None:
    problems: list[Problem] = []
    for column, text in enumerate(texts, 1):
        place = f"工作表“{grid.sheet}” {get_column_letter(column)}{number}"
        if not text:
            continue
        if column > MOST_COLUMNS:
            problems.append(Problem(place, None, "", f"超过{MOST_COLUMNS}列", "删除多余的列"))
        elif text not in needed and text not in optional:
            problems.append(Problem(place, None, "", f"没有“{text}”这一列", f"可用的表头:{'、'.join((*needed, *optional))}"))
        elif text in grid.columns:
            problems.append(Problem(place, None, "", f"表头“{text}”重复", "每个表头只写一次"))
        else:
            grid.columns[text] = column
    missing = [heading for heading in needed if heading not in grid.columns]
    if missing:
        place = f"工作表“{grid.sheet}” 第{number}行"
        problems.append(Problem(place, None, "", f"缺少表头:{'、'.join(missing)}", "在第一行补上"))
    if problems:
        raise BadTable(problems)


def _text(grid: Grid, row: int, column: int, value: Any) -> str:
    """A cell as text; what a spreadsheet keeps as a whole number is written without a point."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool):
        value = "是" if value else "否"
    place = f"工作表“{grid.sheet}” {get_column_letter(column)}{row}"
    if isinstance(value, dt.date | dt.time | dt.timedelta):
        grid.problems.append(Problem(place, None, "", "是日期或者时间", "把单元格格式改为文本后重新填写"))
        return ""
    text = str(value).strip()
    if text[:1] == "'" and text[1:2] and text[1] in _FORMULA:
        text = text[1:]
    if len(text) > LONGEST_CELL:
        grid.problems.append(Problem(place, None, "", f"有{len(text)}个字符", f"不超过{LONGEST_CELL}个字符"))
        return ""
    return text.replace("\r\n", "\n")


def split(text: str) -> list[str]:
    """The elements of a cell that holds a list."""
    return [part.strip() for part in _SEPARATORS.split(text) if part.strip()]


def write_csv(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """A CSV file in UTF-8 with a byte order mark, so that spreadsheets read the Chinese."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(headings)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def write_xlsx(sheet: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """An XLSX file of texts; nothing in it is a formula or a link."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        page = book.add_worksheet(sheet)
        head = book.add_format({"bold": True, "bottom": 1})
        body = book.add_format({"text_wrap": True, "valign": "top"})
        for column, heading in enumerate(headings):
            page.write_string(0, column, heading, head)
            page.set_column(column, column, 18, body)
        for number, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                page.write_string(number, column, _harmless(cell), body)
        page.freeze_panes(1, 1)
        page.autofilter(0, 0, max(len(rows), 1), len(headings) - 1)
    return out.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text[:1] and text[0] in _FORMULA else text
