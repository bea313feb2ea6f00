"""Fixtures for all parts: real servers, shared by the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server where databases can be made."""
    with servers.postgres() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL for SQLAlchemy of a fresh PostgreSQL database."""
    with servers.database(postgres_server) as url:
        yield url


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[servers.Valkey]:
    """A fresh Valkey of our own on a unix socket (``url``, ``kill()``, ``start()``)."""
    with servers.valkey(tmp_path / "valkey") as server:
        yield server
