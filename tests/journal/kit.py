"""Migrated databases that cost little, and people and moments that tests share."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from router.access.actor import Actor
from router.journal import journal
from router.journal.journal import Note
from router.storage import migrations, sealed
from router.storage.engine import Database
from tests.storage.parts import DATABASE_KINDS, postgresql_database

T = TypeVar("T")
T0 = dt.datetime(2026, 5, 6, 7, 8, 9, 123456, dt.UTC)
OPERATOR = Actor(id="u-li", role="operator", unit="12345", desk="12345")
TABLES = ("journal_entry", "chain_head", "checkpoint_book", "outbox", "subscription", "delivery", "timer", "lease", "key_check")
RING = sealed.Ring((b"bW9zdGx5IGhhcm1sZXNzLCBidXQgMzIgYnl0ZXMhISE=",), b"i" * 32)


@dataclass(slots=True)
class Clock:
    """A clock that tests move."""

    now: float = T0.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def ring() -> Iterator[None]:
    """Keys for sealed columns."""
    sealed.use(RING)
    yield
    sealed.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "hotline.db"
    migrations.upgrade(f"sqlite:///{file}")
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


@pytest.fixture(scope="session")
def postgresql_shared() -> Iterator[str]:
    with postgresql_database() as url:
        migrations.upgrade(url)
        yield url


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> str:
    """URL of a migrated SQLite database."""
    shutil.copy(sqlite_template, tmp_path / "hotline.db")
    return f"sqlite:///{tmp_path}/hotline.db"


@pytest.fixture
def postgresql(postgresql_shared: str) -> Iterator[str]:
    """URL of a migrated PostgreSQL database; what is in it afterwards is deleted, which takes less time than a new one."""
    yield postgresql_shared
    with psycopg.connect(postgresql_shared, autocommit=True) as connection:
        connection.execute(";".join(f'DELETE FROM "{name}"' for name in TABLES))


@pytest.fixture(params=DATABASE_KINDS)
def url(request: pytest.FixtureRequest) -> str:
    """URL of a migrated database, each kind in turn."""
    found: str = request.getfixturevalue(request.param)
    return found


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


async def write(database: Database, chain: str, *actions: str, now: dt.datetime = T0) -> None:
    """Append entries, one for each action."""
    await write_notes(database, chain, [Note(action, "t1", {"state": action}) for action in actions], now)


async def write_notes(database: Database, chain: str, notes: Sequence[Note], now: dt.datetime = T0) -> None:
    async with database.write() as session:
        await journal.write(session, chain, OPERATOR, notes, now)


async def happens(condition: Callable[[], Awaitable[T]], what: str) -> T:
    """Wait for something that is told nowhere else."""
    end = time.monotonic() + 30
    while not (value := await condition()):
        assert time.monotonic() < end, f"still waiting: {what}"
        await asyncio.sleep(0.005)
    return value
