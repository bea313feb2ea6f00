"""What endpoints ask for: who calls, the session to work with, the time.

An endpoint that changes something takes :data:`WriteSession`: one transaction, committed before the answer is sent, after
which the outbox is kicked. One that only reads takes :data:`ReadSession`. Neither commits by itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import redis.asyncio
from fastapi import Depends, Header, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.auth import identity
from api.kit import idempotency, state
from api.kit.etag import IfMatch
from api.kit.paging import Pages
from api.kit.work import Answered, Work, of
from config.settings import Settings
from router.access import roles
from router.access.actor import Actor

__all__ = [
    "AfterCommit",
    "AppSettings",
    "CurrentActor",
    "IfMatch",
    "LateSession",
    "Now",
    "Pages",
    "ReadSession",
    "RedisClient",
    "WriteSession",
    "allowed",
]


async def _actor(request: Request, found: Annotated[identity.Identity, Depends(identity.required)]) -> Actor:
    of(request).actor = found.actor
    return found.actor


CurrentActor = Annotated[Actor, Depends(_actor)]
"""Who calls; nobody: 401."""


def allowed(action: str) -> Callable[..., Any]:
    """A dependency that gives the actor if the role may do ``action``, e.g. ``actor: Annotated[Actor, allowed("case.read")]``;
    else 403, journalled. What it asks for is its attribute ``action``."""

    async def check(actor: CurrentActor) -> Actor:
        roles.require(actor, action)
        return actor

    check.action = action  # type: ignore[attr-defined]

    result: Callable[..., Any] = Depends(check)
    return result


async def _now(request: Request) -> dt.datetime:
    return state.of(request).clock()


Now = Annotated[dt.datetime, Depends(_now)]


async def _settings(request: Request) -> Settings:
    return state.of(request).settings


AppSettings = Annotated[Settings, Depends(_settings)]


async def _redis(request: Request) -> redis.asyncio.Redis:
    return state.of(request).redis


RedisClient = Annotated[redis.asyncio.Redis, Depends(_redis)]


async def _work(request: Request) -> Work:
    return of(request)


AfterCommit = Annotated[Work, Depends(_work)]
"""``work.after(call)``: what is done when the transaction stands."""


async def _reader(request: Request, _actor: CurrentActor) -> AsyncSession:
    return await of(request).reader()


ReadSession = Annotated[AsyncSession, Depends(_reader)]


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="同一写入重复提交时保持不变的键;重复的请求得到第一次的应答,并带 `Idempotency-Replayed: true`",
        max_length=128,
    ),
]


async def _late(request: Request, actor: CurrentActor, now: Now, idempotency_key: IdempotencyKey = None) -> OpenSession:
    work = of(request)

    async def begin() -> AsyncSession:
        session = await work.writer()
        if idempotency_key is not None and request.method == "POST" and work.claim is None:
            found = await idempotency.claim(session, request, actor.id, idempotency_key, now)
            if isinstance(found, Response):
                raise Answered(found)
            work.claim = found
        return session

    return begin


OpenSession = Callable[[], Awaitable[AsyncSession]]
LateSession = Annotated[OpenSession, Depends(_late)]
"""``session = await begin()``: as :data:`WriteSession`, opened when asked for: after what takes long, e.g. a file."""


async def _writer(begin: LateSession) -> AsyncSession:
    return await begin()


WriteSession = Annotated[AsyncSession, Depends(_writer)]
