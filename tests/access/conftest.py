"""Databases for the tests of access rules: migrated once, copied for each test."""

from __future__ import annotations

from tests.api.parts import (
    cheap_passwords,
    migrated_postgresql,
    migrated_postgresql_url,
    migrated_sqlite,
    migrated_sqlite_url,
    migrated_url,
)

__all__ = [
    "cheap_passwords",
    "migrated_postgresql",
    "migrated_postgresql_url",
    "migrated_sqlite",
    "migrated_sqlite_url",
    "migrated_url",
]
