"""Schema migrations (Alembic): safe to run from several processes at once, each waits for its turn.

``python -m router.storage.migrations URL MESSAGE`` writes a new revision: the difference between models and database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, create_engine, exc, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from router.storage import engine as engines
from router.storage.errors import SchemaMissing, SchemaTooNew, Unreachable, reason

MODELS = (
    "router.storage.calls",
    "router.storage.casework",
    "router.storage.duty",
    "router.storage.emergencies",
    "router.storage.exchange",
    "router.storage.journal",
    "router.storage.notifying",
    "router.storage.organisation",
    "router.storage.resources",
)
"""Modules that declare tables."""
LOCK = 0x686F746C696E65
"""Key of PostgreSQL's advisory lock: ``hotline`` in ASCII."""
TURN_SECONDS = 120
"""Another process's migration is waited for so long."""


def _config() -> Config:
    config = Config()
    # Alembic reads % in options as interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def _engine(url: URL) -> Engine:
    args = engines.connect_args(url)
    if url.get_backend_name() == "sqlite":
        args["timeout"] = TURN_SECONDS
    engine = create_engine(url, poolclass=NullPool, connect_args=args)
    if url.get_backend_name() == "sqlite":
        engines.prepare_sqlite(engine)
    return engine


@contextmanager
def turn(url: URL) -> Iterator[Connection]:
    """A connection in a transaction that no other migration shares: on SQLite the write lock of the file, on PostgreSQL
    an advisory lock that ends with the transaction."""
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            if url.get_backend_name() == "sqlite":
                connection = connection.execution_options(sqlite_begin="IMMEDIATE")
            with connection.begin():
                if url.get_backend_name() == "postgresql":
                    connection.execute(text(f"SET LOCAL lock_timeout = '{TURN_SECONDS}s'"))
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
                yield connection
    except exc.OperationalError as error:
        raise Unreachable(f"the database can't be migrated: {reason(error)}") from error
    finally:
        engine.dispose()


def head() -> str:
    """The revision that this release's models are at."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def current(url: str) -> str | None:
    """The revision that the database is at; None: never migrated. A missing SQLite file is not made.

    Raise :class:`router.storage.errors.BadUrl` or :class:`router.storage.errors.Unreachable`.
    """
    parsed = engines.parse(url, sync=True)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        return None
    engine = _engine(parsed)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except exc.OperationalError as error:
        raise Unreachable(f"the database can't be opened: {reason(error)}") from error
    finally:
        engine.dispose()


def upgrade(url: str) -> str:
    """Bring the database to :func:`head` and return it; nothing happens if it is there. All or nothing.

    Raise :class:`router.storage.errors.SchemaTooNew` if a newer release has been here, and what :func:`current` raises.
    """
    parsed = engines.parse(url, sync=True)
    engines.make_folder(parsed)
    with turn(parsed) as connection:
        revision = at(connection)
        if revision is not None:
            known(revision)
        if revision != head():
            climb(connection, "head")
    return head()


def at(connection: Connection) -> str | None:
    """The revision of the database that the connection sees."""
    return MigrationContext.configure(connection).get_current_revision()


def climb(connection: Connection, revision: str) -> None:
    """Bring the database to ``revision`` in the transaction of the connection."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def known(revision: str) -> None:
    """Raise :class:`router.storage.errors.SchemaTooNew` unless the revision is one of this release's."""
    try:
        ScriptDirectory.from_config(_config()).get_revision(revision)
    except CommandError as error:
        raise SchemaTooNew(
            f"the database is at revision {revision}, which this release does not know: start a release at least as new"
        ) from error


def check(url: str) -> None:
    """Raise unless the database is at :func:`head`."""
    revision = current(url)
    if revision is None:
        raise SchemaMissing("the database has no tables yet: run `hotline migrate`")
    known(revision)
    if revision != head():
        raise SchemaMissing(f"the database is at revision {revision}, not yet at {head()}: run `hotline migrate`")


def write_revision(url: str, message: str) -> None:
    """For developers: write a new file below ``versions`` that brings the database at ``url`` to the models."""
    count = len(list(ScriptDirectory.from_config(_config()).walk_revisions()))
    config = _config()
    with turn(engines.parse(url, sync=True)) as connection:
        config.attributes["connection"] = connection
        name = f"{count + 1:04d}"
        command.revision(config, message=message, autogenerate=True, rev_id=name)
