"""A furnished town with duty posts and a plan, on each kind of database: made once, copied for each test."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from router.storage.engine import Database
from tests.casework import conftest as casework
from tests.casework.parts import furnish, keys
from tests.linkage.parts import Station
from tests.storage.parts import DATABASE_KINDS, POSTGRESQL, run

BOTH = ("test_after_action", "test_calling", "test_engine", "test_gathering", "test_watch")
"""Modules that are tried on PostgreSQL as well: whatever locks, joins or compares times. The others ask nothing new of it."""
NOW = dt.datetime(2026, 11, 25, 2, 0, tzinfo=dt.UTC)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "town_url" in metafunc.fixturenames:
        both = metafunc.module.__name__.rpartition(".")[2] in BOTH
        metafunc.parametrize("town_url", DATABASE_KINDS if both else DATABASE_KINDS[:1], indirect=True)


def _furnish(url: str, folder: Path) -> None:
    run(furnish(url))
    station = Station(Database(url), folder, NOW)
    station.furnish()
    run(station.close())


@pytest.fixture(scope="session")
def furnished_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("linkage") / "town.db"
    _furnish(f"sqlite:///{file}", file.parent)
    return file


@pytest.fixture(scope="session")
def furnished_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    name = f"hotline_linkage_{uuid.uuid4().hex}"
    with psycopg.connect(f"{POSTGRESQL}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            _furnish(f"{POSTGRESQL}/{name}", tmp_path_factory.mktemp("linkage-pg"))
            yield name
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def town_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A furnished town of the test's own."""
    yield from casework.furnished(request, tmp_path)


@pytest.fixture
def station(town_url: str, tmp_path: Path) -> Iterator[Station]:
    """Does linkage in the town: each step in a transaction of its own, on a clock that the test moves."""
    keys()
    one = Station(Database(town_url), tmp_path, NOW)
    yield one
    run(one.close())
