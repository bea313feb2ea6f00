"""A small town on real databases: migrated and furnished once, copied for each test."""

from __future__ import annotations

import datetime as dt
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from router.storage.engine import Database
from tests.casework.parts import Desk, furnish, keys
from tests.storage.parts import DATABASE_KINDS, POSTGRESQL, database_url, postgresql_url, run, sqlite_url

__all__ = ["database_url", "postgresql_url", "sqlite_url"]


@pytest.fixture(scope="session")
def furnished_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("town") / "town.db"
    run(furnish(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def furnished_postgresql() -> Iterator[str]:
    name = f"hotline_town_{uuid.uuid4().hex}"
    with psycopg.connect(f"{POSTGRESQL}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            run(furnish(f"{POSTGRESQL}/{name}"))
            yield name
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=DATABASE_KINDS)
def town_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A furnished town of the test's own, on each kind of database in turn."""
    yield from furnished(request, tmp_path)


def furnished(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A copy of the town on the kind of database that the test is for."""
    if request.param == "sqlite":
        source: Path = request.getfixturevalue("furnished_sqlite")
        for part in source.parent.glob(f"{source.name}*"):
            shutil.copy(part, tmp_path / part.name)
        yield f"sqlite:///{tmp_path / source.name}"
        return
    template: str = request.getfixturevalue("furnished_postgresql")
    name = f"hotline_test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{POSTGRESQL}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield f"{POSTGRESQL}/{name}"
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def desk(town_url: str, tmp_path: Path) -> Iterator[Desk]:
    """Does casework in the town: each step in a transaction of its own, on a clock that the test moves."""
    keys()
    one = Desk(Database(town_url), tmp_path, dt.datetime(2026, 11, 25, 2, 0, tzinfo=dt.UTC))
    yield one
    run(one.close())
