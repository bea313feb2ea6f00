"""Lists as spreadsheets of any length: rows are read, masked and written in a thread of their own while others are served.

The thread has its own event loop and its own connection to the database; a client that reads slowly makes it wait and holds
neither a transaction nor more than a few pages. Errors before the first page are ordinary answers; one in the middle breaks the
connection, so that nobody takes half a file for the whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote

import structlog
from fastapi import Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import StreamingResponse

from api.kit import document, sheets, state
from api.kit.errors import TooManyRequests
from api.kit.sheets import Cell, Format
from router.access import audit
from router.access.actor import Actor
from router.storage.engine import Database

log = structlog.get_logger()
AT_A_TIME = 3
"""Exports of one process; who comes meanwhile is told to come again."""
AHEAD = 4
"""Pages that are ready before the client has taken them."""
TURN = 0.0005
"""Seconds after which the interpreter changes threads. With its usual 5 ms, whoever is served beside an export would wait as long
at each step."""
Rows = Callable[[AsyncSession], AsyncIterator[Sequence[Sequence[Cell]]]]
"""Reads the rows, page by page, with the session it is given."""
FormatQuery = Annotated[Format, Query(alias="format", description="csv(UTF-8,带 BOM)或 xlsx / file format")]
RESPONSES = document.file(*sheets.MEDIA_TYPES.values())


@dataclass(frozen=True, slots=True)
class Export:
    """``name``: of file and sheet. ``what`` and ``filters`` go to the journal: no personal data in them."""

    name: str
    titles: Sequence[str]
    rows: Rows
    what: str
    filters: dict[str, object] = field(default_factory=dict)


class _Gone(Exception):
    """The client is not there any more."""


@dataclass(slots=True)
class _Pipe:
    """From the export's thread to the loop that answers."""

    loop: asyncio.AbstractEventLoop
    queue: asyncio.Queue[bytes | BaseException | None] = field(default_factory=lambda: asyncio.Queue(AHEAD))
    closed: threading.Event = field(default_factory=threading.Event)

    def put(self, item: bytes | BaseException | None) -> None:
        waiting = asyncio.run_coroutine_threadsafe(self.queue.put(item), self.loop)
        while not self.closed.is_set():
            with contextlib.suppress(TimeoutError):
                return waiting.result(1.0)
        waiting.cancel()
        raise _Gone

    def close(self) -> None:
        self.closed.set()
        while not self.queue.empty():
            self.queue.get_nowait()


def _headers(name: str, form: Format) -> dict[str, str]:
    """Names of files may be Chinese (RFC 6266, RFC 8187)."""
    disposition = f"attachment; filename*=UTF-8''{quote(f'{name}.{form}')}"
    return {"Content-Disposition": disposition, "X-Accel-Buffering": "no"}


async def stream(request: Request, actor: Actor, export: Export, format_: Format, now: dt.datetime) -> StreamingResponse:
    """The answer with the file. Journalled when it begins, with its filters, and when it ends, with its rows."""
    found = state.of(request)
    running: list[_Pipe] = found.parts.setdefault("exports", [])
    if len(running) >= AT_A_TIME:
        raise TooManyRequests("export.busy", 15)
    async with found.database.write() as session:
        detail = {"format": format_, "filters": export.filters}
        await audit.looked(session, actor, "export", export.what, now, detail=detail)
    pipe = _Pipe(asyncio.get_running_loop())
    running.append(pipe)
    end = _Ending(found, actor, export)
    threading.Thread(target=_produce, args=(pipe, export, format_, end), name="export", daemon=True).start()
    try:
        first = await _next(pipe)
    except BaseException:
        pipe.close()
        running.remove(pipe)
        raise

    async def chunks() -> AsyncIterator[bytes]:
        chunk = first
        try:
            while chunk is not None:
                yield chunk
                chunk = await _next(pipe)
        finally:
            pipe.close()
            running.remove(pipe)

    headers = _headers(f"{export.name}-{now.astimezone(sheets.HERE):%Y%m%d-%H%M%S}", format_)
    return StreamingResponse(chunks(), headers=headers, media_type=sheets.MEDIA_TYPES[format_])


async def _next(pipe: _Pipe) -> bytes | None:
    item = await pipe.queue.get()
    if isinstance(item, BaseException):
        raise item
    return item


@dataclass(frozen=True, slots=True)
class _Ending:
    """Writes down how an export ended."""

    state: state.State
    actor: Actor
    export: Export

    async def note(self, database: Database, rows: int, complete: bool) -> None:
        detail = {"rows": rows, "complete": complete, "filters": self.export.filters}
        async with database.write() as session:
            await audit.looked(session, self.actor, "export.ended", self.export.what, self.state.clock(), detail=detail)


def _produce(pipe: _Pipe, export: Export, format_: Format, end: _Ending) -> None:
    """The thread."""
    sys.setswitchinterval(TURN)
    last: BaseException | None = None
    try:
        asyncio.run(_write(pipe, export, format_, end))
    except _Gone:
        return
    except BaseException as error:
        last = error
    with contextlib.suppress(_Gone, RuntimeError):  # the loop may have ended with the process
        pipe.put(last)


async def _write(pipe: _Pipe, export: Export, format_: Format, end: _Ending) -> None:
    database = Database(end.state.settings.database_url, pool=1)
    sheet = sheets.open_(format_, export.titles, export.name)
    count, complete = 0, False
    try:
        async with database.read() as session:
            async for page in export.rows(session):
                await session.rollback()  # whoever takes the page slowly holds no transaction
                pipe.put(sheet.rows(page))
                count += len(page)
        pipe.put(sheet.end())
        complete = True
    finally:
        try:
            await end.note(database, count, complete)
        finally:
            await database.close()


def journalled(**filters: object) -> dict[str, object]:
    """Filters as the journal may hold them: those that are set; moments as text."""
    return {
        name: value.isoformat() if isinstance(value, dt.datetime) else value
        for name, value in filters.items()
        if value is not None and value != []
    }
