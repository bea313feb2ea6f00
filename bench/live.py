"""From the commit of a change to whoever watches: the event in an SSE stream.

Measured: operators hold event streams open at both HTTP processes, while matters are registered at a slow pace. Events are
written and committed one after the other as a service does it, and the worker is kicked. The clock starts when the commit has
returned and stops when a client reads the event's bytes: worker, Valkey stream, HTTP process and socket lie between.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import http.client
import json
import threading
import time
from dataclasses import dataclass, field

from bench import registering
from bench.casework import Person
from bench.figures import Aim, Figure, spread
from bench.loop import Late
from bench.run import Run
from config.settings import Settings
from router import bus
from router.journal import kick, outbox
from router.journal.outbox import News
from router.storage.engine import Database

WATCHERS = 4
PATIENCE = 15.0


@dataclass
class Watcher:
    """An open stream; remembers when each of the bench's events came."""

    person: Person
    seen: dict[str, float] = field(default_factory=dict)
    ready: threading.Event = field(default_factory=threading.Event)
    told: threading.Condition = field(default_factory=threading.Condition)
    connection: http.client.HTTPConnection | None = None

    def start(self) -> None:
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.person.port)
        self.connection.request("GET", "/api/v1/events", headers={"Cookie": self.person.cookie, "Accept": "text/event-stream"})
        response = self.connection.getresponse()
        if response.status != 200:
            return
        self.ready.set()
        try:
            for line in iter(response.readline, b""):
                now = time.perf_counter()
                if line.startswith(b"data: ") and b"bench.told" in line:
                    with self.told:
                        self.seen.setdefault(json.loads(line[6:])["body"]["number"], now)
                        self.told.notify_all()
        except (OSError, ValueError, AttributeError):  # it was closed
            return

    def wait(self, name: str) -> float:
        end = time.monotonic() + PATIENCE
        with self.told:
            while name not in self.seen:
                if not self.told.wait(max(0.0, end - time.monotonic())):
                    raise Late(f"event {name} did not come within {PATIENCE:g} s")
            return self.seen[name]

    def close(self) -> None:
        if self.connection is not None and self.connection.sock is not None:
            self.connection.sock.close()


def measure(run: Run) -> list[Figure]:
    town = run.casework
    operator = town.casework.sign_in("operator", "12345")
    watchers = [Watcher(operator.other(town.casework.apis[number % 2][0])) for number in range(WATCHERS)]
    for watcher in watchers:
        watcher.start()
    if not all(watcher.ready.wait(PATIENCE) for watcher in watchers):
        raise Late("an event stream did not open")
    count = 30 if run.quick else 200
    run.say(f"live: {count} events, {WATCHERS} streams …")
    over = threading.Event()
    thread = threading.Thread(target=_beside, args=(operator, over))
    thread.start()
    try:
        seconds = asyncio.run(_events(town.casework.settings, watchers, count))
    finally:
        over.set()
        thread.join()
        for watcher in watchers:
            watcher.close()
    return spread("live.event", "committed → event at an SSE client", seconds, Aim(most=100))


def _beside(operator: Person, over: threading.Event) -> None:
    """Five matters a second, so that worker and processes have something else to do."""
    while not over.wait(0.2):
        operator.post("/api/v1/cases", registering.matter())


async def _events(settings: Settings, watchers: list[Watcher], count: int) -> list[float]:
    database = Database(settings.database_url)
    client = bus.connect(settings.redis_url, name="bench")
    seconds: list[float] = []
    try:
        for number in range(count):
            name = f"bench-{number}"
            news = News("bench.told", {"number": name}, units=["12345"])
            async with database.write() as session:
                await outbox.write(session, [news], dt.datetime.now(dt.UTC))
            committed = time.perf_counter()
            await kick.kick(client)
            for watcher in watchers:
                seconds.append(max(0.0, await asyncio.to_thread(watcher.wait, name) - committed))
            await asyncio.sleep(0.03)
    finally:
        await client.aclose()
        await database.close()
    return seconds
