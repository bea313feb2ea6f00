"""Opens the database of a URL: SQLite (aiosqlite) on one machine, PostgreSQL (psycopg 3) for many."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from router.storage.errors import BadUrl

BUSY_SECONDS = 5.0
"""A statement on SQLite waits so long for another writer."""
CONNECT_SECONDS = 5
DEAD_PEER_MS = 15_000
"""A PostgreSQL that stops acknowledging is given up after so many milliseconds."""

_BEGIN = "sqlite_begin"
_SQLITE = {"sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"}
_POSTGRESQL = {"postgresql", "postgres", "postgresql+psycopg"}


def parse(url: str, *, sync: bool = False) -> URL:
    """Return the URL with the driver that this project uses; raise :class:`BadUrl`, without the password."""
    try:
        found = make_url(url)
    except ArgumentError:
        found = None
    if found is None:
        raise BadUrl("the database URL can't be read: write sqlite:///data/hotline.db or postgresql://user@host/name")
    if found.drivername in _POSTGRESQL:
        if not found.database:
            raise BadUrl("the database URL names no database: write postgresql://user@host/name")
        return found.set(drivername="postgresql+psycopg")
    if found.drivername in _SQLITE:
        if not found.database or found.database == ":memory:":
            raise BadUrl("the database must be a file that several processes share: write sqlite:///data/hotline.db")
        return found.set(drivername="sqlite" if sync else "sqlite+aiosqlite")
    raise BadUrl(f"{found.drivername} databases are not supported: use sqlite:/// or postgresql://")


def connect_args(url: URL) -> dict[str, Any]:
    """Arguments of the driver's connect function that bound every wait."""
    if url.get_backend_name() == "sqlite":
        return {"timeout": BUSY_SECONDS}
    return {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "hotline",
        "keepalives_idle": 30,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": DEAD_PEER_MS,
    }


def prepare_sqlite(engine: Engine) -> None:
    """Set up each connection of a SQLite engine, and let SQLAlchemy (not the driver) begin transactions.

    A transaction that will write must begin as a writer (``execution_options(sqlite_begin="IMMEDIATE")``): one that
    reads first and then writes fails at once when another has written meanwhile, however long it is ready to wait.
    """

    @event.listens_for(engine, "connect")
    def on_connect(raw: Any, _record: Any) -> None:
        raw.isolation_level = None
        cursor = raw.cursor()
        # The order matters: without a time to wait, changing the journal mode fails when two processes start at once.
        cursor.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get(_BEGIN, 'DEFERRED')}")


def prepare_postgresql(engine: Engine) -> None:
    """Set up each connection of a PostgreSQL engine: compiling a plan (jit) costs half a second, and the plans of lists, which
    look dear to the planner and end after a page, never earn it."""

    @event.listens_for(engine, "connect")
    def on_connect(raw: Any, _record: Any) -> None:
        before, raw.autocommit = raw.autocommit, True
        cursor = raw.cursor()
        cursor.execute("SET jit = off")
        cursor.close()
        raw.autocommit = before


def make_folder(url: URL) -> None:
    """Make the folder of a SQLite file."""
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def create(url: str, *, pool: int = 5) -> AsyncEngine:
    """An engine for ``url`` with up to ``pool`` lasting connections; nothing is opened yet. Raise :class:`BadUrl`."""
    parsed = parse(url)
    make_folder(parsed)
    engine = create_async_engine(
        parsed,
        connect_args=connect_args(parsed),
        pool_pre_ping=True,
        pool_size=pool,
        max_overflow=pool,
        pool_timeout=30,
    )
    if parsed.get_backend_name() == "sqlite":
        prepare_sqlite(engine.sync_engine)
    else:
        prepare_postgresql(engine.sync_engine)
    return engine


@asynccontextmanager
async def beside(session: AsyncSession) -> AsyncIterator[AsyncSession]:
    """A transaction of its own beside the session's, on a connection that is opened for it: committed when the block ends,
    whatever becomes of the session's. Not out of the pool, where those who hold a connection would wait for one another; and not
    for SQLite, which has one writer at a time."""
    url = (await session.connection()).engine.url
    engine = create_async_engine(url, connect_args=connect_args(url), poolclass=NullPool)
    try:
        async with AsyncSession(engine) as apart, apart.begin():
            yield apart
    finally:
        await engine.dispose()


class Database:
    """Sessions of one database. Whoever opens a session is the unit of work; what is called with it never commits."""

    def __init__(self, url: str, *, pool: int = 5) -> None:
        self.engine = create(url, pool=pool)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for queries; nothing is kept of what it changes."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A session in one transaction: committed when the block ends, rolled back when it raises."""
        async with self.engine.connect() as connection:
            await connection.execution_options(**{_BEGIN: "IMMEDIATE"})
            async with AsyncSession(connection, expire_on_commit=False) as session, session.begin():
                yield session

    async def close(self) -> None:
        await self.engine.dispose()
