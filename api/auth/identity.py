"""Who a request comes from: the cookie of a browser session or the bearer token of a program, checked against SQL each time.

A revoked session, a deactivated account or a posting that has ended takes effect with the next request.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from sqlalchemy import update
from starlette.requests import HTTPConnection

from api.auth import tokens
from api.kit import state, work
from api.kit.errors import Denied, Unauthorized
from router.access import accounts
from router.access.actor import Actor
from router.storage.organisation import SignIn

SAFE = ("GET", "HEAD", "OPTIONS")
CSRF_HEADER = "X-CSRF-Token"
TOUCH = dt.timedelta(minutes=5)
"""``used_at`` of a session is written at most so often."""

_cookie = APIKeyCookie(
    name="hotline_session", scheme_name="session", auto_error=False, description="浏览器会话 cookie;写入须带 X-CSRF-Token"
)
_bearer = HTTPBearer(scheme_name="token", bearerFormat="JWT", auto_error=False, description="程序用的访问令牌(10 分钟)")


@dataclass(frozen=True, slots=True)
class Identity:
    """A person or program that is signed in."""

    actor: Actor
    kind: Literal["browser", "program"]
    session: str
    """Browser: id of the session (hash of its secret). Program: the family of its tokens."""
    must_change: bool
    """The password must be changed before anything else."""


def cookie_name(request: HTTPConnection) -> str:
    """``__Host-`` binds the cookie to this host and to https (RFC 6265bis 4.1.3.2); plain http has no such."""
    return "__Host-hotline_session" if request.url.scheme == "https" else "hotline_session"


async def current(request: Request) -> Identity | None:
    """The identity; None: no credentials are shown. Raise :class:`Unauthorized` for those that are not (any longer) good."""
    header = request.headers.get("authorization")
    if header is not None:
        kind, _, value = header.partition(" ")
        if kind.lower() != "bearer" or not value:
            raise Unauthorized("auth.required")
        return await _program(request, value.strip())
    secret = request.cookies.get(cookie_name(request))
    return await _browser(request, secret) if secret else None


async def _program(request: Request, token: str) -> Identity:
    found = state.of(request)
    claims = tokens.read(found.keys.tokens, token, found.clock())
    work.of(request).check_ready()
    async with found.database.read() as session:
        who = await accounts.of_family(session, claims.family, claims.account, found.places, found.clock())
    if who is None:
        raise Unauthorized("auth.expired")
    return Identity(who.actor, "program", claims.family, who.must_change)


async def _browser(request: Request, secret: str) -> Identity:
    found = state.of(request)
    key = tokens.hashed(secret)
    work.of(request).check_ready()
    now = found.clock()
    async with found.database.read() as session:
        who = await accounts.of_session(session, key, found.places, now)
    if who is None:
        raise Unauthorized("auth.expired")
    if request.method not in SAFE and not tokens.csrf_fits(found.keys.csrf, key, request.headers.get(CSRF_HEADER, "")):
        raise Denied("auth.csrf")
    if who.used_at is not None and now - who.used_at > TOUCH:
        await touch(found, key, now)
    return Identity(who.actor, "browser", key, who.must_change)


async def touch(found: state.State, key: str, now: dt.datetime) -> None:
    """Note when the session was last used; not worth failing for."""
    try:
        async with found.database.write() as session:
            await session.execute(update(SignIn).where(SignIn.id == key).values(used_at=now))
    except Exception as error:
        structlog.get_logger().warning("api.session_not_touched", error=type(error).__name__)


async def signed_in(
    request: Request,
    _bearer_shown: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
    _cookie_shown: Annotated[str | None, Security(_cookie)] = None,
) -> Identity:
    """Whoever is signed in, also with a password that must be changed first."""
    found = await current(request)
    if found is None:
        raise Unauthorized("auth.required")
    request.scope["hotline.account"] = found.actor.id
    work.of(request).actor = found.actor
    await state.of(request).limiter.account(found.actor.id)
    return found


async def required(found: Annotated[Identity, Depends(signed_in)]) -> Identity:
    """Whoever is signed in and may work."""
    if found.must_change:
        raise Denied("auth.must_change")
    return found


SignedIn = Annotated[Identity, Depends(signed_in)]
