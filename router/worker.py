"""``hotline worker``: the service that takes the call core's events into SQL, and whatever else casework adds to it.

It migrates the database, consumes each group's events until SIGTERM or SIGINT, finishes the batch at hand and ends. When it
consumes it says so in one JSON line on standard output; its log goes to standard error.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from router import bus
from router.consumer import Consumer, Group, Rules
from router.storage import call_records, errors, migrations
from router.storage.engine import Database

if TYPE_CHECKING:
    from config.settings import Settings

log = structlog.get_logger()

GROUPS = (Group("call-records", call_records.apply_all),)
"""All consumers of events; casework adds its own."""
GRACE_SECONDS = 6.0
"""A batch at hand is given so long to finish after the signal to stop."""


def main(settings: Settings) -> int:
    """Run the worker of an installation; return the exit code: 0 ended by a signal, 1 can't work, 2 bad settings."""
    if not structlog.is_configured():
        log_to_stderr(settings.log_level)
    return serve(settings.redis_url, settings.database_url)


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


def serve(redis_url: str, database_url: str, *, rules: Rules | None = None, groups: Sequence[Group] = GROUPS) -> int:
    """Run until a signal; return the exit code as :func:`main` does."""
    try:
        return asyncio.run(_serve(redis_url, database_url, rules or Rules(), groups))
    except (errors.BadUrl, ValueError) as error:
        print(f"hotline worker: {error}", file=sys.stderr)
        return 2
    except errors.StorageError as error:
        print(f"hotline worker: {error.code}: {error}", file=sys.stderr)
        return 1


async def _serve(redis_url: str, database_url: str, rules: Rules, groups: Sequence[Group]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    client = bus.connect(redis_url, name="hotline-worker")
    database = Database(database_url)
    try:
        await migrate(database_url, rules, stop)
        if not stop.is_set():
            consumers = [Consumer(client, database, group, rules) for group in groups]
            await _consume(consumers, stop)
    finally:
        await client.aclose()
        await database.close()
    return 0


async def migrate(database_url: str, rules: Rules, stop: asyncio.Event) -> None:
    """Bring the database to this release's schema, waiting for it if it is away (told once); returns early on ``stop``.

    Raise :class:`router.storage.errors.BadUrl` and :class:`router.storage.errors.SchemaTooNew`.
    """
    pause, told = rules.first_wait, False
    while not stop.is_set():
        try:
            revision = await asyncio.to_thread(migrations.upgrade, database_url)
        except errors.Unreachable as error:
            if not told:
                log.warning("worker.database_away", error=str(error), hint="the worker starts when the database is back")
                told = True
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                pause = min(pause * 2, rules.longest_wait)
            continue
        log.info("worker.migrated", revision=revision)
        return


async def _consume(consumers: Sequence[Consumer], stop: asyncio.Event) -> None:
    """Run all consumers until ``stop``; tell once that all of them consume. One that fails for good ends all."""
    running = [asyncio.create_task(one.run(stop), name=one.group.name) for one in consumers]
    ready = asyncio.create_task(_tell_ready(consumers))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([*running, stopping], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        _, late = await asyncio.wait(running, timeout=GRACE_SECONDS)
        for task in late:
            log.warning("worker.batch_cut", group=task.get_name(), hint="its events are handled after the next start")
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in running:
            if not task.cancelled():
                task.result()
    finally:
        ready.cancel()
        stopping.cancel()
    log.info("worker.stopped", handled=sum(one.handled for one in consumers))


async def _tell_ready(consumers: Sequence[Consumer]) -> None:
    for one in consumers:
        await one.consuming.wait()
    print(json.dumps({"ready": True}), flush=True)
