"""What a worker of an installation runs: consumers of events, and jobs. Each part of casework adds its own here."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from router import heartbeat, job
from router.consumer import Group
from router.heartbeat import Heartbeat
from router.journal import checkpoint, routes
from router.journal.checkpoint import Sealer
from router.journal.deliver import Deliverer
from router.journal.kick import Listener
from router.journal.relay import Relay
from router.journal.sending import Sender, Webhooks
from router.storage import call_records, vault
from router.storage.base import moment
from router.storage.engine import Database
from router.timers import timers
from router.timers.runner import Due, Handlers, Runner

if TYPE_CHECKING:
    from config.settings import Settings

log = structlog.get_logger()

CHECK_KEYS = "keys.check"
CHECK_KEYS_EVERY = 300.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What a job is made of. ``owner`` is this process's name, which no other has."""

    redis: Redis
    database: Database
    owner: str


@dataclass(slots=True)
class Crew:
    """Everything that a worker does besides keeping call records; parts of casework fill it before the worker starts."""

    data_dir: Path
    groups: list[Group] = field(default_factory=list)
    handlers: Handlers = field(default_factory=Handlers)
    recurring: list[timers.Plan] = field(default_factory=list)
    """Timers that are there always; ``due_at`` is their first time in an installation where they are new."""
    routes: list[routes.Route] = field(default_factory=lambda: [routes.to_webhooks])
    """Find receivers of events, besides the live stream."""
    senders: dict[str, Callable[[Parts], Sender]] = field(default_factory=lambda: {routes.WEBHOOK: _webhooks})
    """By kind of delivery."""
    jobs: list[Callable[[Parts], job.Job]] = field(default_factory=list)
    """Further ones."""
    begin: list[Callable[[AsyncSession, dt.datetime], Awaitable[None]]] = field(default_factory=list)
    """What must be in the database before anything works; does nothing where it is."""
    rules: job.Rules = field(default_factory=job.Rules)

    def make(self, redis: Redis, database: Database, owner: str) -> list[job.Job]:
        """The jobs, ready to run; the data keys are open."""
        parts = Parts(redis, database, owner)
        deliverer = Deliverer(
            parts.database, parts.owner, {kind: make(parts) for kind, make in self.senders.items()}, rules=self.rules
        )
        relay = Relay(parts.redis, parts.database, parts.owner, tuple(self.routes), rules=self.rules, then=deliverer.wake)
        others = [make(parts) for make in self.jobs]
        wakes = [relay.wake, *(one.wake for one in others if isinstance(one, job.Looped))]
        runner = Runner(parts.database, parts.owner, self.handlers, rules=self.rules, then=wakes)
        sealer = Sealer(parts.database, checkpoint.book_of(self.data_dir), parts.owner, rules=self.rules)
        listener = Listener(parts.redis, (*wakes, runner.wake, deliverer.wake), self.rules)
        made: list[job.Job] = [relay, deliverer, runner, sealer, listener, *others]
        beat = Heartbeat(parts.redis, parts.owner, _facts(made, time.time()), self.rules)
        return [*made, beat]

    async def prepare(self, database: Database, now: dt.datetime) -> None:
        """Put what must be there into the database, and set the timers that recur."""
        async with database.write() as session:
            for each in self.begin:
                await each(session, now)
            await timers.ensure(session, self.recurring, now)


def of(settings: Settings, now: float | None = None) -> Crew:
    """The crew of an installation."""
    at = moment(time.time() if now is None else now)
    crew = Crew(settings.data_dir, groups=[Group("call-records", call_records.apply_all)])
    foundations(crew, at)
    casework(crew, settings, at)
    linkage(crew, settings, at)
    exchange(crew, settings)
    retain(crew, settings, at)
    return crew


def foundations(crew: Crew, now: dt.datetime) -> None:
    """Look now and then whether this process's data keys are still those of the database."""
    crew.recurring.append(timers.Plan(CHECK_KEYS, CHECK_KEYS, now, every=CHECK_KEYS_EVERY))
    crew.handlers.register(CHECK_KEYS, _check_keys)


def casework(crew: Crew, settings: Settings, now: dt.datetime) -> None:
    """Drafts and handoffs from calls; deadlines, offers that expire, orders that climb."""
    from router.casework import call_events, duties, town
    from router.catalog import files, versions

    here = town.of(settings)
    crew.groups.append(call_events.group(here))
    crew.handlers.register_all(duties.handlers(here))
    crew.recurring += duties.standing(now)
    folder = settings.config_dir / "catalog"

    async def first_catalogs(session: AsyncSession, now: dt.datetime) -> None:
        if not folder.is_dir():
            log.warning("worker.no_catalog", folder=str(folder), hint="publish a catalog over HTTP, or put its files there")
            return
        for city in files.cities(folder):
            await versions.ensure_first(session, folder, city, now)

    crew.begin.append(first_catalogs)


def linkage(crew: Crew, settings: Settings, now: dt.datetime) -> None:
    """Emergencies: the engine's timers, telephones that are rung, how pages ended, text messages, duty rosters and test calls."""
    from router.casework import town
    from router.linkage import office
    from router.linkage.duty import dutytests, watch
    from router.linkage.emergency import gathering
    from router.linkage.notifying import answers, calling, engine, texting
    from router.linkage.planning import plan_versions, plan_watch
    from router.linkage.support import reinforcements, reinforcing

    here = town.of(settings)
    folder = settings.config_dir / office.PLANS
    pages, rules = settings.installation.limits.pages, settings.installation.linkage

    async def first_plans(session: AsyncSession, now: dt.datetime) -> None:
        for city in sorted({here.city_of(one) for one in here.desks}):
            await plan_versions.ensure_first(session, folder, city, now)

    crew.begin.append(first_plans)
    crew.groups.append(answers.group(here))
    crew.routes += [calling.route, texting.route, gathering.route, reinforcing.route]
    crew.senders |= {calling.STOP: lambda parts: calling.Stopper(parts.redis), **texting.senders(settings)}
    for part in (engine, watch, dutytests, gathering, plan_watch):
        crew.handlers.register_all(part.handlers(here))
        crew.recurring += part.standing(now)
    crew.senders |= reinforcing.senders(here)
    crew.jobs.append(reinforcing.watcher(here, reinforcements.of(settings), crew.rules))
    crew.jobs.append(
        lambda parts: calling.Caller(
            parts.redis, parts.database, parts.owner, pages, ring=rules.ring, repeats=rules.repeats, rules=crew.rules
        )
    )


def exchange(crew: Crew, settings: Settings) -> None:
    """Messages to and from systems of other makers."""
    from router.exchange import installation

    here = installation.of(settings)
    crew.routes.append(here.outgoing().route)
    crew.senders |= here.senders()
    crew.handlers.register_all(here.handlers())
    crew.jobs.append(here.poller)


def retain(crew: Crew, settings: Settings, now: dt.datetime) -> None:
    """What has been kept long enough is erased every night."""
    from router.storage import retention

    crew.handlers.register_all(retention.handlers(retention.rules_of(settings.installation.retention), settings.data_dir))
    crew.recurring += retention.standing(now)


async def _check_keys(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
    if not await vault.still_opens(session):
        hint = "copy secrets/data.keys from the machine where the keys were changed"
        log.error("worker.keys_are_old", hint=hint, otherwise="what this machine seals can't be read elsewhere")


def _webhooks(parts: Parts) -> Sender:
    return Webhooks(parts.database)


def _facts(jobs: Sequence[job.Job], started: float) -> Callable[[], dict[str, Any]]:
    def facts() -> dict[str, Any]:
        return {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": started,
            "jobs": {one.name: _works(one.running) for one in jobs},
            "metrics": heartbeat.measured(),
        }

    return facts


def _works(running: asyncio.Event) -> bool:
    return running.is_set()
