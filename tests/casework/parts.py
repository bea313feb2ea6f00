"""What tests of casework are made of: a furnished town, its people, and steps that each commit."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from cryptography.fernet import Fernet
from sqlalchemy import select

from config import settings as configuration
from router.access.actor import Actor, system
from router.casework import cases, duties, town
from router.casework.attachments import Store
from router.casework.cases import Registered, Registration
from router.casework.work import Work
from router.catalog import versions
from router.organisation import codes
from router.storage import migrations, sealed
from router.storage.casework import Case, Handoff, PoliceOrder, Ticket
from router.storage.engine import Database
from router.storage.journal import JournalEntry, Outbox, Timer
from router.storage.organisation import Agency
from router.timers.runner import Handle
from router.timers.runner import due as timer_due
from tests.storage.parts import run

T = TypeVar("T")
KUNMING, DALI = "530100", "532900"
CATALOG = configuration.DEFAULT_FOLDER / "catalog"
START = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


def _code(number: int, division: str = KUNMING) -> str:
    return codes.make(division, f"TEST{number:04d}".replace("S", "5"))


LABOUR, URBAN, HOUSING, TOWNSHIP = _code(1), _code(2), _code(3), _code(4, "530102")
POLICE_BUREAU, STATION, OTHER_STATION = _code(5), _code(6, "530102"), _code(7, "530103")
AGENCIES = (
    (LABOUR, "人力资源和社会保障局", "人社", "department", [KUNMING], None),
    (URBAN, "城市管理局", "城管", "department", [KUNMING], None),
    (HOUSING, "住房和城乡建设局", "住建", "department", [KUNMING], None),
    (TOWNSHIP, "华山街道办事处", "街道", "township", ["530102"], None),
    (POLICE_BUREAU, "公安局", "公安", "police", [KUNMING], None),
    (STATION, "华山派出所", "公安", "police", ["530102"], POLICE_BUREAU),
    (OTHER_STATION, "联盟派出所", "公安", "police", ["530103"], POLICE_BUREAU),
)


@functools.cache
def _ring() -> sealed.Ring:
    return sealed.Ring(keys=(Fernet.generate_key(),), index=b"i" * 32)


def keys() -> sealed.Ring:
    """Seal and open with one ring in all tests of this process, whatever another test has left behind."""
    sealed.use(_ring())
    return _ring()


async def furnish(url: str) -> None:
    """Tables, the catalogs of two cities, and a handful of agencies."""
    keys()
    migrations.upgrade(url)
    database = Database(url)
    async with database.write() as session:
        for city in (KUNMING, DALI):
            await versions.ensure_first(session, CATALOG, city, START)
        for code, name, kind, level, divisions, parent in AGENCIES:
            session.add(
                Agency(
                    code=code,
                    rev=1,
                    city=KUNMING,
                    name=name,
                    kind=kind,
                    level=level,
                    divisions=divisions,
                    parent=parent,
                    active=True,
                    created_at=START,
                    updated_at=START,
                )
            )
    await database.close()


@functools.cache
def installation() -> configuration.Settings:
    return configuration.load(env={})


def operator(desk: str = "12345", *, home: str = "12345") -> Actor:
    return Actor(id=f"operator-{home}", role="operator", unit=home, desk=desk, city=KUNMING, side="12345")


def police(desk: str = "110") -> Actor:
    return Actor(id=f"police-{desk}", role="police", unit=desk, desk=desk, city=KUNMING, side="110")


def unit(code: str) -> Actor:
    """Somebody of an agency or of a police unit."""
    return Actor(id=f"unit-{code}", role="agency", unit=code, desk=code, city=KUNMING)


class Desk:
    """Runs services one transaction each; ``now`` moves only when the test moves it."""

    def __init__(self, database: Database, folder: Path, now: dt.datetime) -> None:
        self.database = database
        self.now = now
        self.town = dataclasses.replace(town.of(installation()), attachments=Store(folder / "attachments"))

    async def close(self) -> None:
        await self.database.close()

    def wait(self, **time: float) -> None:
        self.now += dt.timedelta(**time)

    def do(self, actor: Actor, service: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        async def step() -> T:
            async with self.database.write() as session:
                return await service(Work(session, actor, self.now, self.town), *args, **kwargs)

        return run(step())

    def register(self, actor: Actor, words: str, **more: Any) -> Registered:
        given = Registration(words=words, **{"channel": "phone", **more})
        return self.do(actor, cases.register, given)

    def rows(self, model: type[T], *where: Any) -> list[T]:
        async def look() -> list[T]:
            async with self.database.read() as session:
                return list((await session.scalars(select(model).where(*where))).all())

        return run(look())

    def ticket(self, case: str) -> Ticket:
        return self.rows(Ticket, Ticket.case_id == case)[0]

    def order(self, case: str) -> PoliceOrder:
        return self.rows(PoliceOrder, PoliceOrder.case_id == case)[0]

    def handoff(self, case: str) -> Handoff:
        return self.rows(Handoff, Handoff.case_id == case)[-1]

    def case(self, case: str) -> Case:
        return self.rows(Case, Case.id == case)[0]

    def journal(self, case: str) -> list[JournalEntry]:
        return sorted(self.rows(JournalEntry, JournalEntry.chain == f"case:{case}"), key=lambda one: one.seq)

    def news(self, case: str) -> list[str]:
        return [one.topic for one in self.rows(Outbox, Outbox.case_id == case)]

    def handlers(self) -> dict[str, Handle]:
        return duties.handlers(self.town)

    def ring(self) -> int:
        """Run all timers that are due by now, as the worker would; return how many."""
        handlers = self.handlers()

        async def all_due() -> int:
            ran = 0
            while True:
                async with self.database.write() as session:
                    query = select(Timer).where(Timer.state == "pending", Timer.due_at <= self.now).order_by(Timer.due_at)
                    found = (await session.scalars(query.limit(1))).first()
                    if found is None:
                        return ran
                    one = timer_due(found)
                    if found.every:
                        found.due_at = self.now + dt.timedelta(seconds=found.every)
                    else:
                        found.state, found.ended_at = "done", self.now
                    await session.flush()
                    session.expire_all()
                    await handlers[one.kind](session, one, self.now)
                    ran += 1

        return run(all_due())


SYSTEM = system("test")
