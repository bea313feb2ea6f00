"""One reader of the news stream for the whole process, and the streams of browsers that it feeds.

Each listener has a short queue. One that does not keep up, or whose place in the stream is gone, is told to reload (``reset``)
instead of being given events with gaps. A listener ends when its session does: sessions are asked for every few seconds, and at
once when one is ended in this process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio
import structlog
from redis.exceptions import RedisError
from sqlalchemy import select

from api.auth.identity import Identity
from api.events.audience import CaseFacts, may_see
from api.health import metrics
from api.kit.state import State
from router import bus
from router.access import accounts
from router.journal import news
from router.journal.news import Item
from router.storage.casework import Case, PoliceOrder

log = structlog.get_logger()

QUEUE = 500
"""Events that a listener may be behind."""
BATCH = 200
BLOCK_MS = 2000
CHECK_EVERY = 5.0
"""Seconds between looks whether the sessions of listeners go on."""
FACTS_KEPT = 5000
RETRY = 0.5


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its place in the stream."""

    place: str
    item: Item
    case: CaseFacts | None


@dataclass(frozen=True, slots=True)
class Reset:
    """The listener can't be told what it missed: it must read everything anew."""

    why: str


@dataclass(eq=False, slots=True)
class Listener:
    """One open stream."""

    who: Identity
    queue: asyncio.Queue[Entry | Reset | None] = field(default_factory=lambda: asyncio.Queue(QUEUE + 1))
    """None: the end."""
    cut: bool = False

    def put(self, entry: Entry) -> None:
        if self.cut:
            return
        if self.queue.qsize() >= QUEUE:
            self.close(Reset("slow"))
            return
        self.queue.put_nowait(entry)

    def close(self, last: Reset | None = None) -> None:
        """End the stream, after ``last``; what waited before is dropped, for a reload tells it all."""
        if self.cut:
            return
        self.cut = True
        while not self.queue.empty():
            self.queue.get_nowait()
        if last is not None:
            metrics.CUT.labels(last.why).inc()
            self.queue.put_nowait(last)
        self.queue.put_nowait(None)


def order(place: str) -> tuple[int, int]:
    """A stream id as what it is compared by; raise ValueError."""
    first, _, second = place.partition("-")
    if not (first.isascii() and first.isdigit() and second.isascii() and second.isdigit()) or len(place) > 45:
        raise ValueError(f"{place[:50]!r} is no id of a stream's entry")
    return int(first), int(second)


class Hub:
    """Feeds all listeners of the process."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._listeners: set[Listener] = set()
        self._facts: OrderedDict[str, CaseFacts] = OrderedDict()
        self._recheck = asyncio.Event()
        self._place: str | None = None
        """The last entry that was given out; None: the reader has not begun."""
        self._reading = asyncio.Event()

    def recheck(self) -> None:
        """Sessions may have ended: look now."""
        self._recheck.set()

    async def run(self) -> None:
        """Read and watch until cancelled."""
        client = bus.connect(self._state.settings.redis_url, name="hotline-api-news")
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                try:
                    await self._read(client)
                except (RedisError, OSError) as error:
                    log.warning("events.redis_lost", error=type(error).__name__)
                    self._reading.clear()
                    await asyncio.sleep(RETRY)
                except Exception as error:
                    log.error("events.reader_failed", exc_info=error)
                    self._reset("fault")
                    await asyncio.sleep(RETRY)
        finally:
            watching.cancel()
            self.end()
            await client.aclose()

    def end(self) -> None:
        for listener in list(self._listeners):
            listener.close()

    def _reset(self, why: str) -> None:
        for listener in list(self._listeners):
            listener.close(Reset(why))

    async def _read(self, client: redis.asyncio.Redis) -> None:
        if self._place is None:
            last: Any = await client.xrevrange(news.STREAM, count=1)
            self._place = last[0][0].decode() if last else "0-0"
        elif await self._lost(client, self._place):
            # a server that lost its data, or a long absence: the numbers may have begun anew
            self._reset("gap")
            self._place = None
            return
        self._reading.set()
        while True:
            told: Any = await client.xread({news.STREAM: self._place}, count=BATCH, block=BLOCK_MS)
            for _, entries in told or ():
                await self._give(entries)

    async def _give(self, entries: Sequence[Any]) -> None:
        for entry in await self.entries(entries):
            self._place = entry.place
            for listener in list(self._listeners):
                if may_see(listener.who.actor, entry.item, entry.case, self._state.places.sides):
                    listener.put(entry)
        self._place = entries[-1][0].decode()

    async def _lost(self, client: redis.asyncio.Redis, place: str) -> bool:
        """Whether entries after ``place`` may be gone from the stream."""
        first: Any = await client.xrange(news.STREAM, count=1)
        if not first:
            return place != "0-0"
        last: Any = await client.xrevrange(news.STREAM, count=1)
        return order(place) < order(first[0][0].decode()) or order(place) > order(last[0][0].decode())

    async def entries(self, raw: Sequence[Any]) -> list[Entry]:
        """Decoded entries with the facts of their cases; what no relay wrote is left out."""
        items: list[tuple[str, Item]] = []
        for place, fields in raw:
            try:
                items.append((place.decode(), news.decode(fields)))
            except ValueError as error:
                log.warning("events.strange_entry", place=place.decode(), error=type(error).__name__)
        await self._learn({item.case for _, item in items if item.case is not None})
        return [Entry(place, item, self._facts.get(item.case) if item.case else None) for place, item in items]

    async def _learn(self, cases: set[str]) -> None:
        """What is said of a case may change (a complaint, a clue): facts are read for each batch anew."""
        if not cases:
            return
        query = (
            select(Case.id, Case.city, Case.confidentiality, Case.created_by, PoliceOrder.complained_of)
            .outerjoin(PoliceOrder, PoliceOrder.case_id == Case.id)
            .where(Case.id.in_(cases))
        )
        async with self._state.database.read() as session:
            rows = (await session.execute(query)).all()
        for row in rows:
            self._facts[row.id] = CaseFacts(row.city, row.confidentiality, row.created_by, row.complained_of)
            self._facts.move_to_end(row.id)
        while len(self._facts) > FACTS_KEPT:
            self._facts.popitem(last=False)

    # --- listeners

    @contextlib.asynccontextmanager
    async def listen(self, who: Identity) -> AsyncIterator[Listener]:
        listener = Listener(who)
        self._listeners.add(listener)
        metrics.STREAMS.inc()
        try:
            if self._state.stopping.is_set():
                listener.close()
            yield listener
        finally:
            self._listeners.discard(listener)
            metrics.STREAMS.dec()

    async def missed(self, who: Identity, after: str) -> AsyncIterator[Entry | Reset]:
        """What came after a place and before now, as far as the person may see it; ends with a :class:`Reset` if the stream
        does not reach back so far, or can't be read."""
        client = self._state.redis
        try:
            if await self._lost(client, after):
                yield Reset("gap")
                return
            place = after
            while True:
                raw: Any = await client.xrange(news.STREAM, min=f"({place}", count=BATCH)
                for entry in await self.entries(raw):
                    if may_see(who.actor, entry.item, entry.case, self._state.places.sides):
                        yield entry
                if len(raw) < BATCH:
                    return
                place = raw[-1][0].decode()
        except (RedisError, OSError):
            yield Reset("away")

    async def _watch(self) -> None:
        """Close the streams of sessions that have ended, and all when the service ends."""
        stopping = asyncio.create_task(self._state.stopping.wait())
        try:
            while not stopping.done():
                asked = asyncio.create_task(self._recheck.wait())
                await asyncio.wait([asked, stopping], timeout=CHECK_EVERY, return_when=asyncio.FIRST_COMPLETED)
                asked.cancel()
                self._recheck.clear()
                try:
                    await self._check_sessions()
                except Exception as error:
                    log.warning("events.sessions_not_checked", error=type(error).__name__)
            self.end()
        finally:
            stopping.cancel()

    async def _check_sessions(self) -> None:
        listeners = list(self._listeners)
        if not listeners:
            return
        now = self._state.clock()
        keys = {listener.who.session for listener in listeners}
        async with self._state.database.read() as session:
            alive = await accounts.alive(session, keys, now)
        for listener in listeners:
            if alive.get(listener.who.session) != listener.who.actor.role:
                listener.close()


def of(state: State) -> Hub:
    found = state.parts["hub"]
    assert isinstance(found, Hub)
    return found


def recheck(state: State) -> None:
    """Sessions have ended: end their streams now."""
    if "hub" in state.parts:
        of(state).recheck()


@contextlib.asynccontextmanager
async def part(state: State) -> AsyncIterator[None]:
    """Run the hub for the life of the application."""
    hub = state.parts["hub"] = Hub(state)
    running = asyncio.create_task(hub.run(), name="news")
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
