"""Plays one drill: registers its callers' matters and its event, does what the script says at its times, tells what happens."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from rich.console import Console
from sqlalchemy import func, select

from robots.rehearsal import Cast
from router import bus
from router.access.actor import system
from router.casework import town
from router.casework.work import Work
from router.journal import journal, kick
from router.linkage.drill import drills
from router.linkage.drill.rehearsal import Caller, Happening, Script
from router.linkage.emergency import events, reporting
from router.linkage.emergency.events import Approval
from router.linkage.notifying import requests
from router.storage import migrations, vault
from router.storage.base import table_of
from router.storage.emergencies import EmergencyEvent
from router.storage.engine import Database
from router.storage.notifying import LinkageAttempt, LinkageRequest

if TYPE_CHECKING:
    from config.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
LOOK = 0.5
ATTEMPT, REQUEST = table_of(LinkageAttempt), table_of(LinkageRequest)
BY = Approval("按演练脚本", "演练导调")


@dataclass(slots=True)
class Play:
    settings: Settings
    script: Script
    registrar: tuple[str, int]
    password: str
    console: Console
    patience: float
    _database: Database = field(init=False)
    _town: Any = field(init=False)
    _redis: Any = field(init=False)
    _began: float = 0
    _told: int = 0

    async def run(self) -> dict[str, Any]:
        """Play it; return drill, event number, marks and share of points."""
        await asyncio.to_thread(migrations.upgrade, self.settings.database_url)
        self._database = Database(self.settings.database_url)
        self._town = town.of(self.settings)
        self._redis = bus.connect(self.settings.redis_url, name="hotline-drill")
        seats = {one.id for one in self.settings.installation.seats}
        numbers = {one.number: one.does for one in self.script.telephones.values() if one.number in seats}
        cast = Cast(numbers, self.password, self.registrar)
        try:
            await vault.unlock(self._database, self.settings.data_dir)
            await asyncio.to_thread(cast.__enter__)
            return await self._play()
        finally:
            await asyncio.to_thread(cast.close)
            await self._redis.aclose()
            await self._database.close()

    async def do(self, service: Callable[Concatenate[Work, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """One service in one transaction."""
        async with self._database.write() as session:
            made = await service(Work(session, system("drill"), dt.datetime.now(dt.UTC), self._town), *args, **kwargs)
        await kick.kick(self._redis)
        return made

    async def _play(self) -> dict[str, Any]:
        city = self._town.city
        drill = await self.do(drills.prepare, self.script, city=city)
        centre = self._town.default(city, "12345").id
        event = await self.do(drills.begin, drill.id, self.script, centre=centre)
        self._began = time.monotonic()
        self.console.print(f"{self.script.name}: {event.number}, {event.title}")
        todo: list[tuple[float, Callable[[], Awaitable[Any]]]] = [
            *((one.after, self._caller(event.id, count, one)) for count, one in enumerate(self.script.callers, 1)),
            *((one.after, self._happening(event.id, one)) for one in self.script.happenings),
        ]
        for after, act in sorted(todo, key=lambda one: one[0]):
            await self._until(event.id, after)
            await act()
        await self._settled(event.id)
        done = await self.do(drills.finish, drill.id, self.script)
        return {"drill": drill.id, "event": event.id, "number": event.number, **done.score}

    def _caller(self, event: str, count: int, one: Caller) -> Callable[[], Awaitable[None]]:
        async def act() -> None:
            await self.do(drills.caller, event, count, one.words, one.place)

        return act

    def _happening(self, event: str, one: Happening) -> Callable[[], Awaitable[None]]:
        async def act() -> None:
            if one.do == "start":
                await self.do(events.start, event, BY, level=one.level)
            elif one.do in ("raise", "lower"):
                assert one.level is not None
                await self.do(events.change_response, event, one.level, BY)
            elif one.do == "end":
                await self.do(events.end, event, BY)
            elif one.do == "report":
                await self.do(_report, event, one.text)
            else:
                assert one.post is not None
                await self.do(_progress, event, one.post, one.do, one.text or "演练反馈")
            self._say(f"{one.do} {one.post or ''}".strip())

        return act

    async def _until(self, event: str, after: float) -> None:
        while (left := self._began + after - time.monotonic()) > 0:
            await self._tell(event)
            await asyncio.sleep(min(LOOK, left))

    async def _settled(self, event: str) -> None:
        """Wait until nobody is rung any more and every expectation has come or its time is over."""
        end = time.monotonic() + self.patience
        longest = max((one.within for one in self.script.expect), default=0.0)
        while time.monotonic() < end:
            await self._tell(event)
            if not await self._busy(event) and time.monotonic() - self._began >= min(longest, self.patience):
                return
            if await self._all_kept(event):
                return
            await asyncio.sleep(LOOK)

    async def _busy(self, event: str) -> bool:
        at_work = select(func.count()).select_from(ATTEMPT)
        at_work = at_work.where(ATTEMPT.c.event_id == event, ATTEMPT.c.state.in_(("queued", "sent")))
        async with self._database.read() as session:
            return bool((await session.execute(at_work)).scalar_one())

    async def _all_kept(self, event: str) -> bool:
        async with self._database.read() as session:
            rows = (await session.execute(select(REQUEST).where(REQUEST.c.event_id == event))).all()
        reached = {one.post_id: one for one in rows}
        columns = {"accepted": "accepted_at", "sent-out": "sent_out_at", "arrived": "arrived_at", "fed-back": "fed_back_at"}
        return all(
            one.post in reached and getattr(reached[one.post], columns[one.state]) is not None for one in self.script.expect
        )

    async def _tell(self, event: str) -> None:
        """Say what the journal has gained."""
        async with self._database.read() as session:
            entries = await journal.timeline(session, events.chain(event), after=self._told)
        for one in entries:
            self._told = one.seq
            detail = {
                key: value
                for key, value in one.detail.items()
                if key in ("post", "channel", "outcome", "rung", "why", "duty", "to", "kind", "after")
            }
            self._say(f"{one.action} {' '.join(f'{key}={value}' for key, value in detail.items())}")

    def _say(self, what: str) -> None:
        self.console.print(f"  {time.monotonic() - self._began:6.1f} s  {what}", soft_wrap=True)


async def _progress(work: Work, event: str, post: str, step: str, text: str) -> LinkageRequest | None:
    """A post that the script moves on; one that is not asked is passed over."""
    mine = [one for one in await requests.of_event(work, event) if one.post_id == post]
    return await requests.progress(work, mine[-1].id, step, text=text) if mine else None


async def _report(work: Work, event: str, text: str) -> Any:
    """Send the report that is due, with what is known."""
    row = await events.hold(work, event)
    for one in await reporting.of_event(work, event):
        if one.state in ("due", "phoned"):
            return await reporting.submit(work, one.id, _filled(row, text))
    return None


def _filled(row: EmergencyEvent, text: str) -> dict[str, str]:
    known = reporting.prefilled(row)
    rest = ("source", "extent", "loss", "trend", "leaders", "measures", "progress", "cause", "outcome")
    return {**dict.fromkeys(rest, text or "演练"), **known}
