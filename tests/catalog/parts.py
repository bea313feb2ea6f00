"""What tests of the catalog and of organisation data are made of: a database of each kind, steps in it, the shipped catalog."""

from __future__ import annotations

import copy
import datetime as dt
import functools
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from config import settings
from router.access.actor import Actor
from router.catalog import files
from router.storage import migrations, sealed
from router.storage.engine import Database
from router.storage.journal import JournalEntry, Outbox
from tests.storage.parts import DATABASE_KINDS, postgresql_database, run

T = TypeVar("T")
FOLDER = settings.DEFAULT_FOLDER / "catalog"
KUNMING, DALI = "530100", "532900"
NOW = dt.datetime(2026, 11, 25, 2, tzinfo=dt.UTC)
"""Wednesday, ten in the morning in China."""
ADMIN = Actor(id="admin", role="administrator", unit="", desk="", city=KUNMING)


@functools.cache
def keys() -> sealed.Ring:
    return sealed.Ring(keys=(Fernet.generate_key(),), index=b"i" * 32)


@pytest.fixture(scope="session", params=DATABASE_KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database of each kind in turn, one for all tests of a folder: each test takes a city of its own."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('catalog')}/hotline.db"
        migrations.upgrade(url)
        yield url
    else:
        with postgresql_database() as url:
            migrations.upgrade(url)
            yield url


class Desk:
    """Runs steps in a database, each in a transaction of its own."""

    def __init__(self, url: str) -> None:
        self.url = url

    def do(self, step: Callable[[AsyncSession], Awaitable[T]]) -> T:
        async def go() -> T:
            database = Database(self.url)
            try:
                async with database.write() as session:
                    return await step(session)
            finally:
                await database.close()

        return run(go())

    def journal(self, subject: str) -> list[str]:
        """Actions that the journal tells of a subject, in their order."""
        query = select(JournalEntry.action).where(JournalEntry.subject == subject).order_by(JournalEntry.seq)

        async def look(session: AsyncSession) -> list[str]:
            return list((await session.execute(query)).scalars())

        return self.do(look)

    def news(self, topic: str) -> list[dict[str, Any]]:
        query = select(Outbox.body).where(Outbox.topic == topic).order_by(Outbox.id)

        async def look(session: AsyncSession) -> list[dict[str, Any]]:
            return list((await session.execute(query)).scalars())

        return self.do(look)


@pytest.fixture
def desk(database_url: str) -> Desk:
    sealed.use(keys())
    return Desk(database_url)


@functools.cache
def _shipped(city: str) -> dict[str, Any]:
    return files.read(FOLDER, city)


def content(city: str = KUNMING) -> dict[str, Any]:
    """The shipped catalog of a city as plain data, to be changed at will."""
    return copy.deepcopy(_shipped(city))


def small_folder(folder: Path) -> Path:
    """A catalog's folder that is as small as can be, for tests that spoil it."""
    (folder / "530100").mkdir(parents=True)
    (folder / "items.yaml").write_text(
        "items:\n"
        "  SX-001:\n"
        "    name: 拖欠工资\n"
        "    field: 社会管理\n"
        "    kinds: [complaint]\n"
        "    agencies: [人社]\n"
        "    deadline: {working-days: 5}\n"
        "    boundaries:\n"
        "      - fact: 堵门\n"
        '        police_class: "1401"\n',
        encoding="utf-8",
    )
    (folder / "rest.yaml").write_text(
        "classes:\n"
        '  "14": {name: 群体性事件, urgent: true}\n'
        '  "1401": {name: 堵门}\n'
        "rules:\n"
        "  JC-01: {name: 劳资, words: [工资], first: '12345', items: [SX-001]}\n"
        "limits:\n"
        "  accept: {minutes: 30}\n"
        "  sign: {working-days: 1}\n"
        "  sign_urgent: {minutes: 30}\n"
        "  police_sign: {minutes: 3}\n"
        "  confirm: {minutes: 1}\n"
        "  feedback: {working-days: 5}\n"
        "  answer: {working-days: 2}\n"
        "guidance: {YD-01: 请联系开锁公司}\n"
        "agency_kinds: {人社: 人社部门}\n",
        encoding="utf-8",
    )
    return folder
