"""Fixtures of the HTTP service's tests."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.api.parts import (
    cheap_passwords,
    copied,
    made,
    migrated_postgresql,
    migrated_postgresql_url,
    migrated_sqlite,
    migrated_sqlite_url,
    migrated_url,
    plain_logs,
    redis_now,
    settings,
    shared_valkey,
    sqlite_settings,
)
from tests.storage.parts import DATABASE_KINDS, Valkey

if TYPE_CHECKING:
    from tests.api import fuzz

__all__ = [
    "cheap_passwords",
    "migrated_postgresql",
    "migrated_postgresql_url",
    "migrated_sqlite",
    "migrated_sqlite_url",
    "migrated_url",
    "plain_logs",
    "redis_now",
    "settings",
    "shared_valkey",
    "sqlite_settings",
]


@pytest.fixture(scope="module")
def here(
    request: pytest.FixtureRequest, shared_valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[fuzz.Running]:
    """A city at work that the tests of a module share: on PostgreSQL, which is particular about types, if there is one."""
    from tests.api import fuzz  # schemathesis takes a while to load

    folder = tmp_path_factory.mktemp("city")
    with contextlib.ExitStack() as stack:
        if "postgresql" in DATABASE_KINDS:
            url = stack.enter_context(copied(request.getfixturevalue("migrated_postgresql")))
        else:
            url = f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_sqlite'), folder / 'hotline.db')}"
        yield stack.enter_context(fuzz.running(made(folder, url, shared_valkey.url)))
