"""A town for the figures of linkage: agencies with a duty post each, leaders above them, and one plan that names all posts."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import func, insert, select, update

from bench.loop import Late
from config import settings as configuration
from router.access.actor import Actor
from router.casework import town, work
from router.casework.work import Work
from router.journal import chain as links
from router.linkage.duty import posts
from router.linkage.emergency import events
from router.linkage.emergency.events import Approval, Draft
from router.linkage.planning import plan_versions, plans
from router.organisation import codes, divisions
from router.storage import migrations, vault
from router.storage.base import table_of
from router.storage.casework import Notice
from router.storage.emergencies import EmergencyEvent, MutualNotice
from router.storage.engine import Database
from router.storage.journal import ChainHead, Outbox, Timer
from router.storage.notifying import LinkageAttempt, LinkageRequest
from router.storage.organisation import Agency

CITY, CENTRE, KIND = "530100", "12345", "gas-leak"
POSTS, LEADERS, STEP = 100, 10, 25
"""Posts, leaders that they share, posts in one step of the plan."""
BATCH = 1000
ADMIN = Actor(id="admin", role="administrator", unit="", desk="", city=CITY)
CHIEF = Actor(id="chief", role="supervisor", unit="", desk="", city=CITY)
OPERATOR = Actor(id="op1", role="operator", unit=CENTRE, desk=CENTRE, city=CITY, side="12345")
APPROVED = Approval("按预案处置", "值班主任")
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class Town:
    """An open database with everything in it."""

    database: Database
    here: work.Town

    async def do(
        self, actor: Actor, service: Callable[Concatenate[Work, P], Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """One service in a transaction of its own, now."""
        async with self.database.write() as session:
            return await service(Work(session, actor, now(), self.here), *args, **kwargs)

    async def registered(self) -> EmergencyEvent:
        draft = Draft(KIND, "人民路燃气泄漏", "盘龙区人民路12号", now() - dt.timedelta(minutes=5), answer="已派人处置。")
        return await self.do(OPERATOR, events.register, draft, city=CITY, centre=CENTRE)

    async def start(self, event: str) -> None:
        await self.do(CHIEF, events.start, event, APPROVED)

    async def end(self, event: str) -> None:
        await self.do(CHIEF, events.end, event, APPROVED)

    async def all_told(self, event: str) -> None:
        """Raise :class:`Late` unless every post has its notice, its news for webhooks, and its telephone waits to be rung."""
        rings = (LinkageAttempt.event_id == event, LinkageAttempt.channel == "phone", LinkageAttempt.state == "queued")
        async with self.database.read() as session:
            asked = set((await session.scalars(select(LinkageRequest.id).where(LinkageRequest.event_id == event))).all())
            noticed = (await session.scalars(select(Notice.subject_id).where(Notice.event_id == event))).all()
            news = (await session.scalars(select(Outbox.body).where(Outbox.topic == "linkage.asked"))).all()
            rung = (await session.scalars(select(LinkageAttempt.request_id).where(*rings))).all()
        found = [len(asked)]
        found += [len(asked.intersection(one)) for one in (noticed, [body["request"] for body in news], rung)]
        if found != [POSTS] * 4:
            raise Late(f"of {POSTS} posts so many were asked, had a notice, news, a call: {found}")

    async def accepted(self, event: str) -> int:
        mine = (LinkageRequest.event_id == event, LinkageRequest.state == "accepted")
        async with self.database.read() as session:
            return (await session.execute(select(func.count()).select_from(LinkageRequest).where(*mine))).scalar_one()

    async def idle(self, count: int) -> list[str]:
        """So many registered events of which nothing is due: the other line has signed. Return their ids."""
        first = await self.registered()
        async with self.database.write() as session:
            signed = {"state": "signed", "signed_at": now(), "signed_by": CENTRE}
            await session.execute(update(MutualNotice).where(MutualNotice.event_id == first.id).values(signed))
        async with self.database.write() as session:
            row = _values(await session.get(EmergencyEvent, first.id))
            notice = _values((await session.scalars(select(MutualNotice).where(MutualNotice.event_id == first.id))).first())
            ids = [f"idle{number:06d}" for number in range(count)]
            for at in range(0, count, BATCH):
                some = ids[at : at + BATCH]
                heads = [{"chain": events.chain(one), "seq": 0, "hash": links.FIRST, "unsealed": True} for one in some]
                await session.execute(insert(EmergencyEvent), [row | {"id": one, "number": one} for one in some])
                await session.execute(insert(MutualNotice), [notice | {"id": one, "event_id": one} for one in some])
                await session.execute(insert(ChainHead), heads)
        return ids

    async def clear_timers(self) -> None:
        """None of those before comes any more."""
        async with self.database.write() as session:
            await session.execute(update(Timer).where(Timer.state == "pending").values(state="cancelled"))

    async def set_timers(self, kind: str, events_: list[str], first: dt.datetime, seconds: float) -> None:
        """A timer for each event, evenly over so many seconds."""
        apart = dt.timedelta(seconds=seconds) / len(events_)
        none = dict.fromkeys(("every", "lease_owner", "lease_until", "last_error", "ended_at"))
        rows = [
            none | {"id": f"{kind}:{one}", "kind": kind, "subject_id": one, "payload": {}, "state": "pending", "misfire": "run",
                    "due_at": first + number * apart, "grace": 0, "attempts": 0, "created_at": first}
            for number, one in enumerate(events_)
        ]  # fmt: skip
        async with self.database.write() as session:
            for at in range(0, len(rows), BATCH):
                await session.execute(insert(Timer), rows[at : at + BATCH])

    async def undone(self, kind: str) -> list[float]:
        """For how many seconds timers wait that should have run and have not."""
        query = select(Timer.due_at).where(Timer.kind == kind, Timer.state == "pending", Timer.due_at <= now())
        async with self.database.read() as session:
            return [(now() - one).total_seconds() for one in (await session.scalars(query)).all()]

    async def close(self) -> None:
        await self.database.close()


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _values(row: Any) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in table_of(type(row)).columns}


async def furnish(url: str, folder: Path) -> Town:
    """Tables, agencies, posts and the plan in an empty database; the data keys lie below ``folder``."""
    await asyncio.to_thread(migrations.upgrade, url)
    found = await opened(url, folder)
    await asyncio.to_thread(divisions.warm_up)
    units = [codes.make(CITY, f"BENC{number:04d}") for number in range(POSTS)]
    async with found.database.write() as session:
        for number, code in enumerate(units):
            session.add(Agency(code=code, rev=1, city=CITY, name=f"第{number + 1}单位", kind="应急", level="department",
                               divisions=[CITY], parent=None, active=True, created_at=now(), updated_at=now()))  # fmt: skip
    async with found.database.write() as session:
        doing = Work(session, ADMIN, now(), found.here)
        for number in range(LEADERS):
            details = posts.Details(units[number], f"第{number + 1}领导", "领导", f"139000{number:05d}")
            await posts.put(doing, f"leader{number}", details, city=CITY)
        for number, unit in enumerate(units):
            main, reserve, mobile = f"0871631{number:05d}", f"0871632{number:05d}", f"138000{number:05d}"
            details = posts.Details(
                unit, f"第{number + 1}值班室", "应急", main, reserve, mobile, leader=f"leader{number % LEADERS}"
            )
            await posts.put(doing, f"post{number}", details, city=CITY)
    await found.do(ADMIN, plan_versions.publish, plans.parse(_plan()), city=CITY, note="测量用")
    return found


def _plan() -> dict[str, Any]:
    steps = [
        {"key": f"step{first}", "name": "到场处置", "posts": [f"post:post{number}" for number in range(first, first + STEP)],
         "part": "assist" if first else "lead", "task": "派人到场处置"}
        for first in range(0, POSTS, STEP)
    ]  # fmt: skip
    return {
        "plan": "bench", "name": "燃气泄漏预案", "kinds": [KIND], "filing_number": "测试〔2026〕1号", "review_by": "2099-12-31",
        "lead": "应急", "basis": "云政办发〔2022〕73号", "answer": "已派人处置,请远离现场。", "steps": steps,
    }  # fmt: skip


async def opened(url: str, folder: Path) -> Town:
    """A furnished town, in whichever process."""
    settings = configuration.load(env={"HOTLINE_DATA_DIR": str(folder), "HOTLINE_DATABASE_URL": url})
    database = Database(url, pool=10)
    await vault.unlock(database, settings.data_dir)
    return Town(database, town.of(settings))
