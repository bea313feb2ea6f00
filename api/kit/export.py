"""Exports that stream: CSV as it is read, XLSX through a file on disk; memory stays bounded however many rows there are.

A cell that a spreadsheet would take for a formula is made text (CWE-1236): CSV puts an apostrophe before it, XLSX writes it as
a string, which is never evaluated.
"""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import IO, Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

import xlsxwriter
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from api.kit.errors import Unprocessable

Format = Literal["csv", "xlsx"]
Rows = AsyncIterator[Sequence[Any]]
ROWS_AT_ONCE = 500
CHUNK = 1 << 16
MOST_XLSX = 1_048_575
"""Rows of a worksheet besides its heading."""
LONGEST_CELL = 32_767
ZONE = ZoneInfo("Asia/Shanghai")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,32}(\.[0-9]+)?")
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
"""Characters that XML 1.0, and so a worksheet, can't hold."""
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def neutral(text: str) -> str:
    """A text that no spreadsheet evaluates; numbers such as ``-3`` and ``+8613900139000`` stay as they are."""
    if text.startswith(_FORMULA) and not _PLAIN_NUMBER.fullmatch(text):
        return "'" + text
    return text


def cell(value: Any) -> str:
    """A value as text: times in the city's zone, lists with 、 between."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, dt.datetime):
        return value.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        return neutral("、".join(cell(one) for one in value))
    if isinstance(value, str):
        return neutral(value)
    return str(value)


def answer(form: Format, name: str, head: Sequence[str], rows: Rows, *, done: Callable[[], Any] | None = None) -> Response:
    """The answer that streams ``rows`` under ``head`` as ``<name>.csv`` or ``.xlsx``.

    ``rows`` reads the database while it is streamed, so it opens a session of its own. ``done`` is awaited afterwards.
    """
    if form not in MEDIA:
        raise Unprocessable("request.invalid", count=1, field="query.format")
    content = _csv(head, rows) if form == "csv" else _xlsx(head, rows)
    file = f"{name}.{form}"
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file)}",
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
    }
    background = BackgroundTask(done) if done is not None else None
    return StreamingResponse(content, media_type=MEDIA[form], headers=headers, background=background)


async def _csv(head: Sequence[str], rows: Rows) -> AsyncIterator[bytes]:
    """UTF-8 with a byte order mark, by which spreadsheets know it; lines end as RFC 4180 says."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(head)
    yield b"\xef\xbb\xbf"
    held = 0
    async for row in rows:
        writer.writerow([cell(value).replace("\0", "") for value in row])
        held += 1
        if held >= ROWS_AT_ONCE:
            yield _drain(buffer)
            held = 0
            await asyncio.sleep(0)
    yield _drain(buffer)


def _drain(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "replace")


async def _xlsx(head: Sequence[str], rows: Rows) -> AsyncIterator[bytes]:
    """Written row by row to a temporary file (``constant_memory``), then read from it."""
    with tempfile.TemporaryFile(prefix="hotline-export-") as file:
        await _fill(file, head, rows)
        file.seek(0)
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


async def _fill(file: IO[bytes], head: Sequence[str], rows: Rows) -> None:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(file, {**options, "default_date_format": "yyyy-mm-dd hh:mm:ss"})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    for column, title in enumerate(head):
        sheet.write_string(0, column, title, bold)
    sheet.freeze_panes(1, 0)
    batch: list[Sequence[Any]] = []
    line = 1

    def write(found: list[Sequence[Any]], first: int) -> None:
        for offset, row in enumerate(found):
            for column, value in enumerate(row):
                _put(sheet, first + offset, column, value, moment)

    async for row in rows:
        batch.append(row)
        if len(batch) >= ROWS_AT_ONCE:
            await asyncio.to_thread(write, batch, line)
            line += len(batch)
            batch = []
        if line + len(batch) > MOST_XLSX:
            break
    await asyncio.to_thread(write, batch, line)
    await asyncio.to_thread(book.close)


def _put(sheet: Any, line: int, column: int, value: Any, moment: Any) -> None:
    if isinstance(value, dt.datetime):
        sheet.write_datetime(line, column, value.astimezone(ZONE).replace(tzinfo=None), moment)
    elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        sheet.write_number(line, column, value)
    elif value is not None:
        text = value if isinstance(value, str) else cell(value)
        sheet.write_string(line, column, _UNFIT.sub("", text)[:LONGEST_CELL])
