"""Fixtures for all parts: real servers, shared by the whole run."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from tests import servers

hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("hunt", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
"""A test run finds the same on every machine; ``HYPOTHESIS_PROFILE=hunt`` looks for what nobody has found yet."""


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """A command that a test runs sets logging up for the process: not for the tests after it, when its stream is closed."""
    root = logging.getLogger()
    level = root.level
    yield
    structlog.reset_defaults()
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))  # what others still log is no output
    root.setLevel(level)
    for handler in root.handlers[:]:
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)


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
