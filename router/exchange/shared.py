"""The database that two systems share (共建中间数据库): two tables, in which each writes rows of its own only.

``exchange_outbox`` holds messages: the sender inserts one and never touches it again. ``exchange_inbox`` holds receipts: the
receiver writes one for each message that it has taken or refused. So neither needs the right to change the other's rows, and
either may be away for as long as it takes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text, create_engine, exc
from sqlalchemy.dialects import postgresql, registry, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable

from router.storage import engine as engines
from router.storage import errors
from router.storage.base import Moment
from router.storage.exchange import ExchangeMessage
from router.storage.organisation import Peer

TABLES = MetaData()
_Serial = BigInteger().with_variant(Integer, "sqlite")

OUTBOX = Table(
    "exchange_outbox",
    TABLES,
    Column("serial", _Serial, primary_key=True, autoincrement=True),
    Column("from_system", String(63), nullable=False),
    Column("to_system", String(63), nullable=False),
    Column("message_id", String(64), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("case_system", String(63), nullable=False),
    Column("case_number", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("written_at", Moment, nullable=False),
    Column("document", Text, nullable=False),
    sa.UniqueConstraint("from_system", "message_id", name="uq_exchange_outbox_message"),
)
Index("ix_exchange_outbox_to", OUTBOX.c.to_system, OUTBOX.c.serial)

INBOX = Table(
    "exchange_inbox",
    TABLES,
    Column("from_system", String(63), primary_key=True),
    Column("message_id", String(64), primary_key=True),
    Column("to_system", String(63), nullable=False),
    Column("status", String(10), nullable=False),
    Column("answered_at", Moment, nullable=False),
    Column("receipt", Text, nullable=False),
)
"""``status``: taken | waiting | refused. ``receipt``: JSON, a receipt or ``{"code", "what", "problems"}``."""
Index("ix_exchange_inbox_from", INBOX.c.from_system, INBOX.c.answered_at)


class Away(Exception):
    """The shared database can't be reached, or has no tables yet."""


class Other(Exception):
    """Another message has this id there."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in the shared database that is for us."""

    message_id: str
    document: str


def address(peer: Peer) -> str:
    """The URL of the database shared with a peer, with the password that is kept apart from it."""
    url = make_url(peer.url or "")
    return (url.set(password=peer.token) if peer.token else url).render_as_string(hide_password=False)


def ddl(dialect: str) -> str:
    """The tables as SQL of ``postgresql`` or ``sqlite``."""
    found: Any = registry.load(dialect)()
    parts = ["-- The tables of a shared database (docs/exchange.md). Made by `hotline exchange prepare-database URL`."]
    for table in TABLES.sorted_tables:
        parts.append(str(CreateTable(table, if_not_exists=True).compile(dialect=found)).strip() + ";")
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            parts.append(str(CreateIndex(index, if_not_exists=True).compile(dialect=found)).strip() + ";")
    lines = "\n\n".join(parts).splitlines()
    return "\n".join(line.replace("\t", "    ").rstrip() for line in lines) + "\n"


def prepare(url: str) -> bool:
    """Make the tables in a database; false: they were there. Raise :class:`router.storage.errors.StorageError`."""
    parsed = engines.parse(url, sync=True)
    engines.make_folder(parsed)
    engine = create_engine(parsed, poolclass=NullPool, connect_args=engines.connect_args(parsed))
    if parsed.get_backend_name() == "sqlite":
        engines.prepare_sqlite(engine)
    try:
        with engine.begin() as connection:
            there = set(sa.inspect(connection).get_table_names())
            TABLES.create_all(connection)
        return not {OUTBOX.name, INBOX.name} <= there
    except exc.OperationalError as error:
        raise errors.Unreachable(f"the shared database can't be opened: {errors.reason(error)}") from error
    except exc.DBAPIError as error:
        raise errors.Unreachable(f"the tables can't be made: {errors.reason(error)}") from error
    finally:
        engine.dispose()


@dataclass(slots=True)
class Pool:
    """Connections to the databases shared with peers, one engine for each."""

    system: str
    _engines: dict[str, AsyncEngine] = field(default_factory=dict)

    def _engine(self, peer: Peer) -> AsyncEngine:
        url = address(peer)
        if url not in self._engines:
            self._engines[url] = engines.create(url, pool=2)
        return self._engines[url]

    async def put(self, peer: Peer, row: ExchangeMessage) -> None:
        """Write a message for the peer; a second time nothing happens. Raise :class:`Away` or :class:`Other`."""
        values = {
            "from_system": self.system,
            "to_system": peer.id,
            "message_id": row.message_id,
            "kind": row.kind,
            "case_system": row.system,
            "case_number": row.number,
            "sequence": row.sequence,
            "written_at": dt.datetime.now(dt.UTC),
            "document": row.document,
        }
        engine = self._engine(peer)
        insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
        mine = sa.select(OUTBOX.c.document).where(OUTBOX.c.from_system == self.system, OUTBOX.c.message_id == row.message_id)
        try:
            async with engine.connect() as connection:
                await connection.execution_options(sqlite_begin="IMMEDIATE")
                async with connection.begin():
                    await connection.execute(insert(OUTBOX).values(values).on_conflict_do_nothing())
                    there = (await connection.execute(mine)).scalar_one()
        except (exc.SQLAlchemyError, OSError, errors.StorageError) as error:
            raise Away(errors.reason(error)) from error
        if there != row.document:
            raise Other(f"the shared database holds another message {row.message_id} of ours")

    async def waiting(self, peer: Peer, after: int = 0, limit: int = 50) -> list[Waiting]:
        """Messages of the peer, written after a serial, without a receipt of ours, in their order. Raise :class:`Away`."""
        answered = sa.and_(INBOX.c.from_system == OUTBOX.c.from_system, INBOX.c.message_id == OUTBOX.c.message_id)
        query = (
            sa.select(OUTBOX.c.message_id, OUTBOX.c.document)
            .outerjoin(INBOX, answered)
            .where(OUTBOX.c.to_system == self.system, OUTBOX.c.serial > after)
            .where(OUTBOX.c.from_system == peer.id, INBOX.c.message_id.is_(None))
            .order_by(OUTBOX.c.serial)
            .limit(limit)
        )
        rows = await self._read(peer, query)
        return [Waiting(row.message_id, row.document) for row in rows]

    async def last(self, peer: Peer) -> int:
        """The serial of the newest message for us. Raise :class:`Away`."""
        query = sa.select(sa.func.max(OUTBOX.c.serial).label("serial")).where(OUTBOX.c.to_system == self.system)
        return next((int(row.serial or 0) for row in await self._read(peer, query)), 0)

    async def unsettled(self, peer: Peer, limit: int = 200) -> list[str]:
        """Messages of the peer that our receipt says are waiting. Raise :class:`Away`."""
        query = sa.select(INBOX.c.message_id).where(
            INBOX.c.from_system == peer.id, INBOX.c.to_system == self.system, INBOX.c.status == "waiting"
        )
        return [row.message_id for row in await self._read(peer, query.order_by(INBOX.c.answered_at).limit(limit))]

    async def answer(self, peer: Peer, message_id: str, status: str, receipt: str) -> None:
        """Write our receipt of a message, in place of an earlier one. Raise :class:`Away`."""
        engine = self._engine(peer)
        insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
        values = {
            "from_system": peer.id,
            "message_id": message_id,
            "to_system": self.system,
            "status": status,
            "answered_at": dt.datetime.now(dt.UTC),
            "receipt": receipt,
        }
        query = insert(INBOX).values(values)
        changed = {name: query.excluded[name] for name in ("status", "answered_at", "receipt")}
        try:
            async with engine.connect() as connection:
                await connection.execution_options(sqlite_begin="IMMEDIATE")
                async with connection.begin():
                    await connection.execute(
                        query.on_conflict_do_update(index_elements=["from_system", "message_id"], set_=changed)
                    )
        except (exc.SQLAlchemyError, OSError, errors.StorageError) as error:
            raise Away(errors.reason(error)) from error

    async def receipts(self, peer: Peer, message_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """The peer's receipts of messages of ours: id to status and receipt. Raise :class:`Away`."""
        query = sa.select(INBOX.c.message_id, INBOX.c.status, INBOX.c.receipt).where(
            INBOX.c.from_system == self.system, INBOX.c.to_system == peer.id, INBOX.c.message_id.in_(message_ids)
        )
        return {row.message_id: (row.status, row.receipt) for row in await self._read(peer, query)}

    async def _read(self, peer: Peer, query: Any) -> Sequence[Any]:
        try:
            async with self._engine(peer).connect() as connection:
                return (await connection.execute(query)).all()
        except (exc.SQLAlchemyError, OSError, errors.StorageError) as error:
            raise Away(errors.reason(error)) from error

    async def close(self) -> None:
        found, self._engines = list(self._engines.values()), {}
        for engine in found:
            await engine.dispose()
