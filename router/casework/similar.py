"""Open matters that look like the one that is being told (相似事项): an index in this process's memory, in step with SQL.

Of each city that is asked for, the open matters of the last :data:`PERIOD` are read page by page, the newest first, then all in
their order. From then on whoever asks first reads what the outbox tells since: it names each matter that any process has
changed, and such a matter is read anew. So nothing depends on Redis, and a matter that this process has just committed is found.

What is found is a hint of which rows to look at: :func:`visible` asks SQL which of them are open and which the person may see.
In memory are the words of matters in normal form and their places, unsealed; nothing of that is written anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, func, select, tuple_

from classifier.similar import Index, Match
from router.access import rules
from router.casework.work import Work
from router.storage.base import table_of
from router.storage.casework import Case
from router.storage.engine import Database
from router.storage.journal import Outbox

log = structlog.get_logger()

CASE, OUTBOX = table_of(Case), table_of(Outbox)
PERIOD = dt.timedelta(days=30)
"""Older matters are not looked for."""
MOST = 200_000
"""Matters of a city that are kept, the newest ones: about a kilobyte each."""
NEWEST = 2_000
"""So many are read first, so that there is something to find while the rest is read."""
PAGE = 200
"""Matters that are read and taken in at once."""
REST = 0.02
"""Seconds between pages, for whoever else needs the processor."""
PATIENCE = 2.0
"""Seconds that one who asks waits for the index; then what is there is told."""
LATE = 10.0
"""Seconds after which no transaction with an earlier serial of the outbox is still to come."""
OVERLAP = 1_000
"""Serials before the last one that are looked at in the beginning, for the same reason."""
FORGOTTEN = 86_400.0
"""Seconds after which an index that nobody has asked is made anew: the outbox is kept for a week."""
LOOKED_AT = 256
"""Matches of which those are told that the person may see."""
BATCH = 1_000
"""Serials that are read at once."""

_COLUMNS = [CASE.c[name] for name in ("id", "city", "words", "place", "division", "item", "first_answered_at", "created_at")]


def _is_open() -> ColumnElement[bool]:
    return and_(CASE.c.state == "open", CASE.c.merged_into.is_(None), CASE.c.erased_at.is_(None))


@dataclass(frozen=True, slots=True)
class Asked:
    """What is being told; empty: not known."""

    words: str
    place: str = ""
    division: str = ""
    item: str = ""


@dataclass(frozen=True, slots=True)
class Likes:
    """Matches, the likeliest first, of whoever's they are. ``complete``: all open matters have been looked at."""

    matches: Sequence[Match]
    complete: bool


class Similar:
    """The open matters of an installation's cities."""

    def __init__(
        self,
        database: Database,
        cities: Collection[str],
        *,
        clock: Callable[[], dt.datetime],
        elapsed: Callable[[], float] = time.monotonic,
        most: int = MOST,
        patience: float = PATIENCE,
    ) -> None:
        self._database = database
        self._cities = frozenset(cities)
        self._clock = clock
        self._elapsed = elapsed
        self._most = most
        self._patience = patience
        self._indexes: dict[str, Index] = {}
        self._unread: dict[str, bool] = {}
        """Cities whose matters have not all been read, and whether the newest have."""
        self._working: asyncio.Task[bool] | None = None
        self._settled = -1
        """All serials of the outbox up to this one are known; -1: none was looked at."""
        self._seen: set[int] = set()
        """Serials beyond it that are known."""
        self._highest: deque[tuple[float, int]] = deque()
        """The greatest serial at some moments of the last :data:`LATE` seconds."""
        self._looked_at = 0.0

    def __len__(self) -> int:
        return sum(map(len, self._indexes.values()))

    async def like(self, city: str, asked: Asked, now: dt.datetime) -> Likes:
        """Open matters of a city that may be the one that is told; none for a city that has no centre here.

        While the index is read for the first time, this waits :data:`PATIENCE` seconds at most and tells what there is.
        """
        if city not in self._cities:
            return Likes((), True)
        in_step = await self._in_step(city)
        look = self._indexes[city].similar
        matches = await asyncio.to_thread(
            look,
            asked.words,
            place=asked.place,
            division=asked.division,
            item=asked.item,
            at=now.timestamp(),
            within=PERIOD.total_seconds(),
            limit=LOOKED_AT,
        )
        return Likes(matches, in_step and city not in self._unread)

    async def close(self) -> None:
        """Stop reading."""
        if self._working is not None:
            self._working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._working

    # --- keeping in step; one task at a time, so that what was read later is taken in later

    async def _in_step(self, city: str) -> bool:
        """Whether the index is read and has followed the outbox; False after :data:`PATIENCE`, while that goes on."""
        if self._working is None or self._working.done():
            if self._elapsed() - self._looked_at > FORGOTTEN:
                self._indexes.clear()
                self._unread.clear()
                self._settled = -1
            self._want(city)
            self._working = asyncio.create_task(self._catch_up(), name="similar")
        else:
            self._want(city)
        begun = self._unread.get(city, False)  # enough to tell something: nobody waits for the rest
        done, _ = await asyncio.wait([self._working], timeout=0 if begun else self._patience)
        return bool(done) and self._working.result()

    def _want(self, city: str) -> None:
        if city not in self._indexes:
            self._indexes[city] = Index(self._most)
            self._unread[city] = False

    async def _catch_up(self) -> bool:
        try:
            await self._follow()
            while self._unread:
                city = next(iter(self._unread))
                await self._read(city)
                self._unread.pop(city, None)
        except Exception as error:  # the next one who asks tries again
            log.warning("similar.not_in_step", error=type(error).__name__)
            return False
        return True

    async def _read(self, city: str) -> None:
        """Take in the open matters of a city: the newest, then all in their order, for the index forgets what came first."""
        started = self._elapsed()
        begins = dict.fromkeys([await self._begin(city, min(NEWEST, self._most)), await self._begin(city, self._most)])
        for begin in begins:
            after = (begin, "")
            while rows := await self._rows(_of_city(city), tuple_(CASE.c.created_at, CASE.c.id) > after):
                await asyncio.to_thread(self._take, rows)
                await self._follow()
                if len(rows) < PAGE:
                    break
                after = (rows[-1].created_at, rows[-1].id)
                await asyncio.sleep(REST)
            self._unread[city] = True
        log.info("similar.read", city=city, cases=len(self._indexes[city]), seconds=round(self._elapsed() - started, 1))

    async def _begin(self, city: str, count: int) -> dt.datetime:
        """When the oldest of the ``count`` newest began, or the period if there are fewer."""
        since = self._clock() - PERIOD
        order = CASE.c.created_at.desc(), CASE.c.id.desc()
        query = select(CASE.c.created_at).where(_of_city(city), CASE.c.created_at >= since).order_by(*order).offset(count - 1)
        async with self._database.read() as session:
            found: dt.datetime | None = await session.scalar(query.limit(1))
        return found or since

    async def _rows(self, *where: Any) -> Sequence[Any]:
        query = select(*_COLUMNS).where(*where).order_by(CASE.c.created_at, CASE.c.id).limit(PAGE)
        async with self._database.read() as session:
            return (await session.execute(query)).all()

    def _take(self, rows: Iterable[Any]) -> None:
        for row in rows:
            index = self._indexes.get(row.city)
            if index is not None:
                at = row.first_answered_at.timestamp()
                index.add(row.id, row.words, row.place or "", row.division or "", at, item=row.item or "")

    async def _follow(self) -> None:
        """Read anew what the outbox names since the last look."""
        if self._settled < 0:
            async with self._database.read() as session:
                last = await session.scalar(select(func.max(OUTBOX.c.serial)))
            self._settled = max(0, (last or 0) - OVERLAP)
            self._seen.clear()
            self._highest.clear()
        self._settle()
        after = self._settled
        while True:
            query = select(OUTBOX.c.serial, OUTBOX.c.case_id).where(OUTBOX.c.serial > after)
            async with self._database.read() as session:
                told = (await session.execute(query.order_by(OUTBOX.c.serial).limit(BATCH))).all()
            cases = {one.case_id: None for one in told if one.serial not in self._seen and one.case_id is not None}
            waiting = list(cases)
            for first in range(0, len(waiting), PAGE):
                await self._read_again(waiting[first : first + PAGE])
            self._seen.update(one.serial for one in told)
            after = told[-1].serial if told else after
            if len(told) < BATCH:
                break
        self._looked_at = self._elapsed()
        self._highest.append((self._looked_at, after))

    def _settle(self) -> None:
        """Forget serials before which nothing can come any more."""
        before = self._settled
        while self._highest and self._highest[0][0] <= self._elapsed() - LATE:
            self._settled = max(self._settled, self._highest.popleft()[1])
        if self._settled > before:
            self._seen = {one for one in self._seen if one > self._settled}

    async def _read_again(self, cases: Sequence[str]) -> None:
        """Take in those that are open now; the others are removed."""
        rows = await self._rows(CASE.c.id.in_(cases), _is_open())
        gone = set(cases) - {row.id for row in rows}

        def apply() -> None:
            for index in list(self._indexes.values()):
                for id_ in gone:
                    index.remove(id_)
            self._take(rows)

        await asyncio.to_thread(apply)


def _of_city(city: str) -> ColumnElement[bool]:
    return and_(CASE.c.city == city, _is_open())


async def visible(work: Work, matches: Sequence[Match], *, but: str | None = None, limit: int = 10) -> list[tuple[Match, Case]]:
    """The first of the matches that are open and that the actor may see; ``but``: a matter that is not meant."""
    ids = [one.id for one in matches if one.id != but]
    if not ids:
        return []
    query = select(Case.id).where(Case.id.in_(ids), _is_open(), rules.visible_cases(work.actor, work.now))
    seen = set((await work.session.scalars(query)).all())
    shown = [one for one in matches if one.id in seen][:limit]
    rows = {row.id: row for row in await work.session.scalars(select(Case).where(Case.id.in_([one.id for one in shown])))}
    return [(one, rows[one.id]) for one in shown if one.id in rows]
