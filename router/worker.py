"""``hotline worker``: takes the call core's events into SQL, and runs the jobs of casework (:mod:`router.jobs`).

It migrates the database, opens the data keys, consumes each group's events and runs each job until SIGTERM or SIGINT, finishes
what is at hand and ends. When all of it works it says so in one JSON line on standard output; its log goes to standard error. A
database that is away at the start is waited for, before anything else works.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import OperationalError

from router import bus
from router.consumer import Consumer, Group, Rules, own_name
from router.job import Job, until
from router.storage import call_records, errors, migrations
from router.storage.base import moment
from router.storage.engine import Database

if TYPE_CHECKING:
    from config.settings import Settings
    from router.jobs import Crew

log = structlog.get_logger()

GROUPS = (Group("call-records", call_records.apply_all),)
"""Consumers of a worker that has no crew."""
GRACE_SECONDS = 6.0
"""What is at hand is given so long to finish after the signal to stop."""
CONNECTIONS = 10
"""Lasting connections to PostgreSQL of a worker with a crew."""


def main(settings: Settings) -> int:
    """Run the worker of an installation; return the exit code: 0 ended by a signal, 1 can't work, 2 bad settings."""
    if not structlog.is_configured():
        log_to_stderr(settings.log_level)
    from router import jobs

    return serve(settings.redis_url, settings.database_url, crew=jobs.of(settings))


def log_to_stderr(level: str) -> None:
    """JSON lines on standard error: standard output is for the ready line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def serve(
    redis_url: str,
    database_url: str,
    *,
    rules: Rules | None = None,
    groups: Sequence[Group] = GROUPS,
    crew: Crew | None = None,
) -> int:
    """Run until a signal; return the exit code as :func:`main` does. A ``crew`` brings its own groups, and jobs."""
    try:
        return asyncio.run(_serve(redis_url, database_url, rules or Rules(), groups, crew))
    except (errors.BadUrl, ValueError) as error:
        print(f"hotline worker: {error}", file=sys.stderr)
        return 2
    except errors.StorageError as error:
        print(f"hotline worker: {error.code}: {error}", file=sys.stderr)
        return 1


async def _serve(redis_url: str, database_url: str, rules: Rules, groups: Sequence[Group], crew: Crew | None) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    client = bus.connect(redis_url, name="hotline-worker")
    database = Database(database_url, pool=CONNECTIONS) if crew else Database(database_url)
    try:
        await migrate(database_url, rules, stop)
        jobs: list[Job] = []
        if crew is not None and not stop.is_set():
            await _patiently(lambda: _open(database, crew), rules, stop)
            jobs = crew.make(client, database, own_name())
            groups = crew.groups
        if not stop.is_set():
            consumers = [Consumer(client, database, group, rules) for group in groups]
            await _run(consumers, jobs, stop)
    finally:
        await client.aclose()
        await database.close()
    return 0


async def _open(database: Database, crew: Crew) -> None:
    from router.storage import vault

    await vault.unlock(database, crew.data_dir)
    await crew.prepare(database, moment(time.time()))


async def migrate(database_url: str, rules: Rules, stop: asyncio.Event) -> None:
    """Bring the database to this release's schema, waiting for it if it is away (told once); returns early on ``stop``.

    Raise :class:`router.storage.errors.BadUrl` and :class:`router.storage.errors.SchemaTooNew`.
    """

    async def upgrade() -> None:
        revision = await asyncio.to_thread(migrations.upgrade, database_url)
        log.info("worker.migrated", revision=revision)

    await _patiently(upgrade, rules, stop)


async def _patiently(work: Callable[[], Awaitable[None]], rules: Rules, stop: asyncio.Event) -> None:
    """Do it as soon as the database is there."""
    pause, told = rules.first_wait, False
    while not stop.is_set():
        try:
            await work()
        except (errors.Unreachable, OperationalError, OSError) as error:
            if not told:
                words = errors.reason(error)
                log.warning("worker.database_away", error=words, hint="the worker starts when the database is back")
                told = True
            await until(stop, pause)
            pause = min(pause * 2, rules.longest_wait)
            continue
        return


async def _run(consumers: Sequence[Consumer], jobs: Sequence[Job], stop: asyncio.Event) -> None:
    """Run everything until ``stop``; tell once that all of it works. What fails for good ends all."""
    running = [asyncio.create_task(one.run(stop), name=one.group.name) for one in consumers]
    running += [asyncio.create_task(one.run(stop), name=one.name) for one in jobs]
    ready = asyncio.create_task(_tell_ready([*(one.consuming for one in consumers), *(one.running for one in jobs)]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([*running, stopping], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        _, late = await asyncio.wait(running, timeout=GRACE_SECONDS)
        for task in late:
            log.warning("worker.batch_cut", group=task.get_name(), hint="what it had at hand is done after the next start")
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in running:
            if not task.cancelled():
                task.result()
    finally:
        ready.cancel()
        stopping.cancel()
    log.info("worker.stopped", handled=sum(one.handled for one in consumers))


async def _tell_ready(works: Sequence[asyncio.Event]) -> None:
    for one in works:
        await one.wait()
    print(json.dumps({"ready": True}), flush=True)
