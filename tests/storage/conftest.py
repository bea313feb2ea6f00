"""Servers for the tests of this folder."""

from __future__ import annotations

from tests.storage.parts import database_url, postgresql_url, redis_url, servers, sqlite_url, valkey

__all__ = ["database_url", "postgresql_url", "redis_url", "servers", "sqlite_url", "valkey"]
