"""Linkage: how fast 100 duty posts are told of an emergency, and what many open timers cost.

The notice: an event's response starts by a plan that names 100 posts, each with a desk notice, a webhook's news, a text message
and a call at once. Measured from the call of the service until its transaction is committed (HTTP is not in it); then, with the
jobs of a worker and a call core in miniature on a real Valkey, until the hundredth page has been asked for. Its telephones are
answered in the moment in which they ring, so it is what our own work takes; in earnest a person's time comes on top of it.

Going through: one event with these 100 posts that all ring and of which nothing is due.

Open timers: as many events as timers, of which nothing is due, worked off in real time by the timers of one worker. Lag is from a
timer's time until its event was gone through; what did not run in time counts with what it has waited by then.

All on SQLite, and on the PostgreSQL of ``BENCH_POSTGRES_URL`` or else of 127.0.0.1:5432, if one answers there.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import redis
import structlog

from bench import linkage_town, postgres, processes, valkey
from bench.figures import Aim, Figure, percentile
from bench.linkage_town import POSTS, Town
from bench.loop import Late
from bench.run import Run
from router import bus, worker
from router.consumer import Consumer
from router.journal import kick
from router.journal.kick import Listener
from router.linkage.notifying import answers, engine
from router.linkage.notifying.calling import Caller
from telephony import contract

SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
WIDTH = 20
"""Pages on their way at once."""
TOLD, LAG = Aim(most=2), Aim(most=1)
TIMERS, DUE, SPREAD, LONGEST = 10_000, 2_000, 60.0, 75.0
"""So many are open, so many of them come due within so many seconds; the others an hour later."""
LEAD = 4.0
"""Seconds until the first timer is due: they are written meanwhile."""
PATIENCE = 120.0
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def measure(run: Run) -> list[Figure]:
    if not structlog.is_configured():
        worker.log_to_stderr("warning")
    figures: list[Figure] = []
    with contextlib.ExitStack() as stack:
        folder = run.folder / "linkage"
        folder.mkdir(parents=True)
        redis_url, _ = stack.enter_context(valkey.running(folder / "valkey"))
        urls = {"sqlite": f"sqlite:///{folder / 'linkage.db'}"}
        server = os.environ.get("BENCH_POSTGRES_URL", SERVER)
        if _answers(server):
            urls["postgresql"] = stack.enter_context(postgres.database(server))
        else:
            run.say("linkage: no PostgreSQL answers; its rows are left out")
        for name, url in urls.items():
            figures += asyncio.run(_measure(run, name, url, redis_url, folder / name))
    return figures


def _answers(server: str) -> bool:
    try:
        psycopg.connect(server, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


async def _measure(run: Run, name: str, url: str, redis_url: str, folder: Path) -> list[Figure]:
    run.say(f"linkage on {NAMES[name]}: {POSTS} posts …")
    town = await linkage_town.furnish(url, folder)
    try:
        figures = await _notices(run, town, name, redis_url)
        count = TIMERS // 10 if run.quick else TIMERS
        due = DUE * count // TIMERS
        run.say(f"linkage on {NAMES[name]}: {count:,} timers open, {due:,} due in {SPREAD:g} s …")
        return figures + await _timers(town, name, url, folder, count, due)
    finally:
        await town.close()


# --- 100 posts


async def _notices(run: Run, town: Town, name: str, redis_url: str) -> list[Figure]:
    rounds = 3 if run.quick else 5
    told, looks, asked = [], [], 0.0
    for number in range(rounds):
        event = (await town.registered()).id
        began = time.perf_counter()
        await town.start(event)
        told.append(time.perf_counter() - began)
        await town.all_told(event)
        for _ in range(6):
            before = time.perf_counter()
            await town.do(linkage_town.CHIEF, engine.go, event)
            looks.append(time.perf_counter() - before)
        if number == rounds - 1:
            asked = await _pages(town, event, redis_url)
        await town.end(event)
    here = NAMES[name]
    return [
        Figure(f"linkage.told.{name}", f"{POSTS} posts told, {here}, median of {rounds}", median(told), "s", TOLD),
        Figure(f"linkage.told_worst.{name}", "the worst of them", max(told), "s"),
        Figure(f"linkage.paged.{name}", f"then {POSTS} pages asked, {WIDTH} at once, {here}", asked, "s"),
        Figure(f"linkage.look.{name}", f"go through an event with {POSTS} posts, {here}, median", 1000 * median(looks), "ms"),
    ]


async def _pages(town: Town, event: str, redis_url: str) -> float:
    """Seconds until all pages have been asked for; returns when all posts have signed."""
    with _core(redis_url) as core:
        began = time.perf_counter()
        async with _worker(town, redis_url):
            end = time.monotonic() + PATIENCE
            while await town.accepted(event) < POSTS:
                if time.monotonic() > end:
                    raise Late(f"{len(core.asked)} pages were asked for within {PATIENCE:g} s")
                await asyncio.sleep(0.1)
    if len(core.asked) != POSTS:
        raise Late(f"{len(core.asked)} pages were asked for, and there are {POSTS} telephones")
    return max(core.asked.values()) - began


@contextlib.asynccontextmanager
async def _worker(town: Town, redis_url: str) -> AsyncIterator[None]:
    """What of a worker has to do with pages: the caller, the consumer of their ends, and who wakes them."""
    client, stop = bus.connect(redis_url, name="bench"), asyncio.Event()
    caller = Caller(client, town.database, "bench", WIDTH)
    consumer = Consumer(client, town.database, answers.group(town.here))
    listener = Listener(client, (caller.wake,), caller.rules)
    running = [asyncio.create_task(one.run(stop)) for one in (consumer, caller, listener)]
    try:
        await asyncio.gather(consumer.consuming.wait(), caller.running.wait())
        await kick.kick(client)
        yield
    finally:
        stop.set()
        await asyncio.gather(*running)
        await client.aclose()


@dataclass
class _Core:
    """A call core in miniature: takes every page on, and whoever is rung presses 1 at once."""

    url: str
    asked: dict[str, float] = field(default_factory=dict)
    """When each page first came; one that is asked for again is the same."""
    stopped: threading.Event = field(default_factory=threading.Event)

    def serve(self) -> None:
        with redis.Redis.from_url(self.url, protocol=2) as client:
            newest: Any = client.xrevrange(contract.COMMANDS, count=1)
            after = newest[0][0].decode() if newest else "0"
            while not self.stopped.is_set():
                found: Any = client.xread({contract.COMMANDS: after}, block=50)
                for key, fields in found[0][1] if found else []:
                    after = key.decode()
                    command = contract.decode_command(fields[contract.FIELD.encode()])
                    if isinstance(command, contract.Page):
                        self.asked.setdefault(command.id, time.perf_counter())
                        self._page(client, command)

    def _page(self, client: Any, page: contract.Page) -> None:
        at = time.time()
        done = contract.CommandDone(id=f"done-{page.id}", at=at, node="bench", command=page.id, ok=True)
        client.rpush(contract.reply_key(page.id), contract.encode(done))
        client.expire(contract.reply_key(page.id), contract.REPLY_SECONDS)
        end = contract.PageDone(
            id=f"end-{page.id}", at=at, node="bench", call=f"c-{page.id}", page=page.id, to=page.to, outcome="accepted",
            digit="1", rang_at=at, answered_at=at, ended_at=at,
        )  # fmt: skip
        client.xadd(contract.EVENTS, {contract.FIELD: contract.encode(end)})


@contextlib.contextmanager
def _core(url: str) -> Iterator[_Core]:
    core = _Core(url)
    thread = threading.Thread(target=core.serve)
    thread.start()
    try:
        yield core
    finally:
        core.stopped.set()
        thread.join(10)


# --- open timers


async def _timers(town: Town, name: str, url: str, folder: Path, count: int, due: int) -> list[Figure]:
    ids = await town.idle(count)
    process = _process(url, str(folder), str(due), str(LONGEST))
    try:
        assert process.stdout is not None
        if not await asyncio.to_thread(process.stdout.readline):
            raise Late("the process of timers did not start")
        first = linkage_town.now() + dt.timedelta(seconds=LEAD)
        await town.clear_timers()
        await town.set_timers(engine.TIMER, ids[due:], first + dt.timedelta(hours=1), 3600)
        await town.set_timers(engine.TIMER, ids[:due], first, SPREAD)
        line = await asyncio.to_thread(process.stdout.readline)
        left = await town.undone(engine.TIMER)
    finally:
        processes.end([process])
        if process.stdout is not None:
            process.stdout.close()
    if not line:
        raise Late("the process of timers ended early")
    told = json.loads(line)
    lags = [*told["lags"], *left]
    cpu = 1000 * told["cpu"] / len(told["lags"])
    what = f"{count:,} timers open, {due:,} due in {SPREAD:g} s, {NAMES[name]}"
    return [
        Figure(f"linkage.lag_median.{name}", f"{what}: lag, median", median(lags), "s"),
        Figure(f"linkage.lag_p99.{name}", f"{what}: lag, p99", percentile(lags, 0.99), "s", LAG),
        Figure(f"linkage.timers_left.{name}", f"of them not run within {LONGEST:g} s", len(left), ""),
        Figure(f"linkage.timer_cpu.{name}", "processor time of the process per timer", cpu, "ms"),
        Figure(f"linkage.memory.{name}", "its memory", told["memory"], "MB"),
    ]


def _process(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.linkage_process", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
