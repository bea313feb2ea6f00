"""Fixtures of the HTTP service's tests."""

from __future__ import annotations

from tests.api.parts import (
    cheap_passwords,
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
