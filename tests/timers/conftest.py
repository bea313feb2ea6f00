"""Servers for the tests of this folder."""

from __future__ import annotations

from tests.journal.kit import postgresql, postgresql_shared, ring, sqlite, sqlite_template, url
from tests.storage.parts import valkey

__all__ = ["postgresql", "postgresql_shared", "ring", "sqlite", "sqlite_template", "url", "valkey"]
