"""One reader of the streams of events for the whole process, and the streams of browsers that it feeds.

Events come from several streams of Redis (:mod:`api.events.sources`); a place is one position in each of them, and the id of an
event for browsers tells them all, so that a browser that comes back misses nothing of any.

Each listener has a short queue. One that does not keep up, or whose place in a stream is gone, is told to reload (``reset``)
instead of being given events with gaps. A listener ends when its session does: sessions are asked for every few seconds, and at
once when one is ended in this process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio
import structlog
from redis.exceptions import RedisError, ResponseError
from sse_starlette.sse import AppStatus

from api.auth.identity import Identity
from api.calls.events import CallEvents
from api.events.sources import News, Source, Told
from api.health import metrics
from api.kit import tasks
from api.kit.state import State
from router import bus
from router.access import accounts

log = structlog.get_logger()

QUEUE = 500
"""Events that a listener may be behind."""
BATCH = 200
BLOCK_MS = 2000
CHECK_EVERY = 5.0
"""Seconds between looks whether the sessions of listeners go on."""
RETRY = 0.5
START = "0-0"
_BETWEEN = "_"

Place = tuple[str, ...]
"""A position in each stream, in the order of the hub's sources."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event, and the place after it."""

    place: Place
    source: int
    told: Told

    def after(self, seen: Place) -> bool:
        """Whether it lies behind what was seen of its own stream."""
        return order(self.told.at) > order(seen[self.source])


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


def further(one: Place, other: Place) -> Place:
    """In each stream the later position."""
    return tuple(max(pair, key=order) for pair in zip(one, other, strict=True))


def write_place(place: Place) -> str:
    """A place as the id of an event for browsers."""
    return _BETWEEN.join(place)


def read_place(text: str, sources: int) -> Place:
    """Raise ValueError."""
    found = tuple(text.split(_BETWEEN))
    if len(found) != sources:
        raise ValueError(f"a place has {sources} positions, not {len(found)}")
    for one in found:
        order(one)
    return found


class Hub:
    """Feeds all listeners of the process."""

    def __init__(self, state: State, sources: Sequence[Source] | None = None) -> None:
        self._state = state
        self.sources = tuple(sources) if sources is not None else (News(state), CallEvents(state))
        self._listeners: set[Listener] = set()
        self._recheck = asyncio.Event()
        self._place: Place | None = None
        """Of what was given out; None: the reader has not begun."""
        self.reading = asyncio.Event()
        """Set while the stream is read: what is published from then on is given out."""

    @property
    def place(self) -> Place | None:
        """What came until here has been given out; None: nothing is known of the streams yet."""
        return self._place

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
                    self.reading.clear()
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
            self._place = tuple([await _newest(client, source.stream) for source in self.sources])
        elif await self._lost(client, self._place):
            # a server that lost its data, or a long absence: the numbers may have begun anew
            self._reset("gap")
            self._place = None
            return
        self.reading.set()
        names = {source.stream.encode(): number for number, source in enumerate(self.sources)}
        while True:
            after: Any = {source.stream: place for source, place in zip(self.sources, self._place, strict=True)}
            told: Any = await client.xread(after, count=BATCH, block=BLOCK_MS)
            for name, entries in told or ():
                await self._give(names[name], entries)

    async def _give(self, source: int, raw: Sequence[Any]) -> None:
        assert self._place is not None
        for told in await self.sources[source].read(raw):
            self._place = _moved(self._place, source, told.at)
            entry = Entry(self._place, source, told)
            for listener in list(self._listeners):
                if told.seen_by(listener.who.actor):
                    listener.put(entry)
        self._place = _moved(self._place, source, raw[-1][0].decode())

    async def _lost(self, client: redis.asyncio.Redis, place: Place) -> bool:
        """Whether entries after ``place`` may be gone from one of the streams."""
        for source, after in zip(self.sources, place, strict=True):
            if await _is_lost(client, source.stream, after):
                return True
        return False

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

    async def missed(self, who: Identity, after: Place) -> AsyncIterator[Entry | Reset]:
        """What came after a place and before now, as far as the person may see it; ends with a :class:`Reset` if a stream
        does not reach back so far, or can't be read."""
        client = self._state.redis
        try:
            if await self._lost(client, after):
                yield Reset("gap")
                return
            place = after
            for number, source in enumerate(self.sources):
                while True:
                    raw: Any = await client.xrange(source.stream, min=f"({place[number]}", count=BATCH)
                    for told in await source.read(raw):
                        place = _moved(place, number, told.at)
                        if told.seen_by(who.actor):
                            yield Entry(place, number, told)
                    if len(raw) < BATCH:
                        break
                    place = _moved(place, number, raw[-1][0].decode())
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


def _moved(place: Place, source: int, to: str) -> Place:
    return (*place[:source], to, *place[source + 1 :])


async def _newest(client: redis.asyncio.Redis, stream: str) -> str:
    facts = await _facts(client, stream)
    return facts["last-generated-id"].decode() if facts else START


async def _facts(client: redis.asyncio.Redis, stream: str) -> Any:
    """What the server knows of a stream; None: there is none."""
    try:
        return await client.xinfo_stream(stream)
    except ResponseError as error:
        if "no such key" in str(error):
            return None
        raise


async def _is_lost(client: redis.asyncio.Redis, stream: str, after: str) -> bool:
    facts = await _facts(client, stream)
    if facts is None:
        return after != START
    newest, first = order(facts["last-generated-id"].decode()), facts["first-entry"]
    if order(after) >= newest:
        return order(after) > newest
    return first is None or (order(first[0].decode()) > order(after) and facts["length"] < facts["entries-added"])


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
    # streams end by themselves when the service does: cut by the library, they would lack their last bytes
    AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]
    hub = state.parts["hub"] = Hub(state)
    running = asyncio.create_task(hub.run(), name="news")
    try:
        yield
    finally:
        await tasks.end(running)
