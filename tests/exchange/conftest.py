"""Two installations that are each other's peers."""

from __future__ import annotations

import datetime as dt
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from router.storage.engine import Database
from tests.casework.conftest import furnished_postgresql, furnished_sqlite
from tests.casework.parts import Desk, keys
from tests.exchange.parts import Installation
from tests.storage.parts import DATABASE_KINDS, POSTGRESQL, run

__all__ = ["furnished_postgresql", "furnished_sqlite"]

NOW = dt.datetime(2026, 11, 25, 2, 0, tzinfo=dt.UTC)


@pytest.fixture
def hotline(furnished_sqlite: Path, tmp_path: Path) -> Iterator[Installation]:
    """The installation of 12345, on SQLite; the police's system is its peer."""
    folder = tmp_path / "hotline"
    folder.mkdir()
    for part in furnished_sqlite.parent.glob(f"{furnished_sqlite.name}*"):
        shutil.copy(part, folder / part.name)
    yield from _made(f"sqlite:///{folder / furnished_sqlite.name}", folder, "kunming-12345", "kunming-110", "110")


@pytest.fixture
def police_line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """The installation of 110, on PostgreSQL if there is one; the hotline's system is its peer."""
    folder = tmp_path / "police"
    folder.mkdir()
    if DATABASE_KINDS == ["sqlite"]:
        source: Path = request.getfixturevalue("furnished_sqlite")
        for part in source.parent.glob(f"{source.name}*"):
            shutil.copy(part, folder / part.name)
        yield from _made(f"sqlite:///{folder / source.name}", folder, "kunming-110", "kunming-12345", "12345")
        return
    template: str = request.getfixturevalue("furnished_postgresql")
    name = f"hotline_test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{POSTGRESQL}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield from _made(f"{POSTGRESQL}/{name}", folder, "kunming-110", "kunming-12345", "12345")
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _made(url: str, folder: Path, system: str, peer: str, centre: str) -> Iterator[Installation]:
    keys()
    made = Installation(Desk(Database(url), folder, NOW), system)
    made.add_peer(peer, centre)
    yield made
    run(made.desk.close())
