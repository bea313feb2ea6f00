"""The doctor's checks of Redis/Valkey and of the database."""

from __future__ import annotations

import time
from typing import Any

import redis as client

from config.settings import Settings
from hotline import valkey
from hotline.doctor import Finding, Status
from router.storage import migrations
from router.storage.errors import SchemaMissing, StorageError

OLDEST = (6, 2)
"""Version of Redis that the scripts and streams need (XAUTOCLAIM)."""


def redis(settings: Settings) -> list[Finding]:
    """The server of the live state answers, is new enough, keeps its data and throws nothing away."""
    if settings.redis_embedded and not valkey.answers(settings.valkey_socket):
        return [Finding("Valkey", "ok", f"embedded, on {settings.valkey_socket}; starts with `hotline up`")]
    where = "embedded" if settings.redis_embedded else "HOTLINE_REDIS_URL"
    connection: Any = client.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=5)
    try:
        info = connection.info()
        seconds, micros = connection.time()
    except client.AuthenticationError as error:
        return [Finding("Redis", "fail", f"{where}: {error}", "put the right password into HOTLINE_REDIS_URL")]
    except client.RedisError as error:
        return [Finding("Redis", "fail", f"{where}: {error}", "start the server, and check host, port and firewall")]
    finally:
        connection.close()
    name = str(info.get("server_name", "redis")).capitalize()
    version = str(info.get("valkey_version") or info.get("redis_version", "0"))
    found = [Finding(name, "ok", f"{version}, {where}")]
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        found.append(Finding(name, "fail", f"version {version}", "install Redis 6.2, Valkey 7.2 or newer"))
    strict: Status = "fail" if settings.production else "warn"
    if not info.get("aof_enabled"):
        remedy = "set `appendonly yes` and `appendfsync everysec` in its configuration"
        found.append(Finding(name, strict, "loses what happened since its last snapshot when it crashes", remedy))
    if info.get("maxmemory_policy", "noeviction") != "noeviction":
        detail = f"throws keys away when memory is short ({info['maxmemory_policy']})"
        found.append(Finding(name, strict, detail, "set `maxmemory-policy noeviction`"))
    skew = seconds + micros / 1e6 - time.time()
    if abs(skew) > 2:
        found.append(Finding("clock", "warn", f"the Redis server's differs by {skew:+.1f} s", "keep both right by NTP"))
    return found


def database(settings: Settings) -> list[Finding]:
    """The database can be opened and has the schema of this release."""
    kind = "SQLite" if settings.database_url.startswith("sqlite") else "PostgreSQL"
    try:
        revision = migrations.current(settings.database_url)
        if revision is None and kind == "SQLite":
            return [Finding(kind, "ok", "the file is made at the first start")]
        if revision is None:
            return [Finding(kind, "warn", "it has no tables yet", "`hotline up` makes them, or `hotline migrate`")]
        migrations.check(settings.database_url)
    except SchemaMissing as error:
        return [Finding(kind, "warn", str(error), "run `hotline migrate` (`hotline up` does)")]
    except StorageError as error:
        return [Finding(kind, "fail", str(error), "check HOTLINE_DATABASE_URL and that the server runs")]
    return [Finding(kind, "ok", f"at revision {revision}")]
