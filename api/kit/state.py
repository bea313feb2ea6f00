"""What the process holds for all requests: settings, database, Redis, clock, keys."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import hmac
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import redis.asyncio
from starlette.requests import HTTPConnection

from router.access.accounts import Places
from router.storage.engine import Database

if TYPE_CHECKING:
    from api.kit.limits import Limiter
    from config.settings import Settings


def derive(server: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, from the installation's own secret."""
    return hmac.new(server, f"hotline api {purpose}".encode(), hashlib.sha256).digest()


@dataclass(frozen=True, slots=True)
class Keys:
    """What the service signs with; all of them hang on ``secrets/server.key``, which the nodes of an installation share."""

    tokens: bytes = field(repr=False)
    csrf: bytes = field(repr=False)
    cursors: bytes = field(repr=False)
    oidc: bytes = field(repr=False)

    @classmethod
    def of(cls, server: bytes) -> Keys:
        return cls(**{name: derive(server, name) for name in ("tokens", "csrf", "cursors", "oidc")})


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(slots=True)
class State:
    settings: Settings
    database: Database
    redis: redis.asyncio.Redis
    keys: Keys
    limiter: Limiter
    places: Places
    clock: Callable[[], dt.datetime] = utc_now
    migrated: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the database has this release's schema; until then every request that needs it gets 503."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the service is told to end: streams close themselves."""
    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    """Passwords are hashed so many at a time: each takes 64 MiB and a processor."""
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)
    """What is closed at the end."""
    parts: dict[str, Any] = field(default_factory=dict)
    """What features keep for the life of the process, by a name of their own."""


def of(connection: HTTPConnection) -> State:
    """The state of the application that serves this request."""
    return cast(State, connection.app.state.hotline)
