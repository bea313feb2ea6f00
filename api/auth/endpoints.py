"""Signing in and out, tokens of programs, sessions; sign-in by OIDC is in :mod:`api.auth.oidc`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import Path, Query, Request
from sqlalchemy import select
from starlette.responses import Response

from api.auth import identity, oidc, service, tokens
from api.auth.identity import Identity, SignedIn
from api.auth.schemas import Credentials, DeskChoice, Me, Options, PasswordChange, Refresh, SessionView, Tokens
from api.events import hub
from api.kit import middleware, routing, state, work
from api.kit.state import State
from router.access import accounts, roles
from router.storage.organisation import SignIn

router = routing.router("/auth", "auth")
CSRF_COOKIE = "hotline_csrf"


def put_cookies(request: Request, response: Response, signed: service.Signed) -> None:
    """The session's cookie, which scripts can't read, and the CSRF token's, which they must."""
    secure = request.url.scheme == "https"
    found = state.of(request)
    lasting = int((signed.expires_at - found.clock()).total_seconds())
    response.set_cookie(
        identity.cookie_name(request), signed.secret, max_age=lasting, path="/", secure=secure, httponly=True, samesite="strict"
    )
    response.set_cookie(
        CSRF_COOKIE, tokens.csrf(found.keys.csrf, signed.key), max_age=lasting, path="/", secure=secure, samesite="strict"
    )


def drop_cookies(request: Request, response: Response) -> None:
    secure = request.url.scheme == "https"
    response.delete_cookie(identity.cookie_name(request), path="/", secure=secure, httponly=True, samesite="strict")
    response.delete_cookie(CSRF_COOKIE, path="/", secure=secure, samesite="strict")


async def _me(found: State, who: Identity, expires_at: dt.datetime) -> Me:
    now = found.clock()
    async with found.database.read() as session:
        account = await accounts.get(session, who.actor.id)
        posted = await accounts.desks_of(session, account.id, now)
    actor = who.actor
    home = DeskChoice(unit=account.unit, role=account.role, until=None)
    return Me(
        id=account.id,
        username=account.username,
        name=account.name,
        role=actor.role,
        unit=actor.unit,
        desk=actor.desk,
        side=actor.side,
        city=actor.city,
        seat=actor.seat,
        kind=who.kind,
        must_change=who.must_change,
        actions=sorted(action for action in roles.ACTIONS if roles.may(actor, action)),
        desks=[home, *(DeskChoice(unit=one.unit, role=one.role, until=one.until) for one in posted)],
        csrf=tokens.csrf(found.keys.csrf, who.session) if who.kind == "browser" else None,
        expires_at=expires_at,
    )


@router.get("/options", summary="可用的登录方式 / how one can sign in")
async def options(request: Request) -> Options:
    return Options(oidc=state.of(request).settings.oidc is not None)


@router.post("/sign-in", summary="人员登录 / sign in with a password")
async def sign_in(request: Request, response: Response, body: Credentials) -> Me:
    """设置 HttpOnly 会话 cookie;应答中的 `csrf` 在写入时放入 `X-CSRF-Token`。"""
    found = state.of(request)
    work.of(request).check_ready()
    where = middleware.address(request.scope)
    signed = await service.by_password(found, where, body.username, body.password.get_secret_value(), body.desk, "browser")
    put_cookies(request, response, signed)
    who = Identity(signed.actor, "browser", signed.key, signed.account.must_change)
    return await _me(found, who, signed.expires_at)


@router.post("/sign-out", status_code=204, summary="退出登录 / sign out")
async def sign_out(request: Request, response: Response, who: SignedIn) -> None:
    await service.end(state.of(request), who.session, who.actor)
    drop_cookies(request, response)
    hub.recheck(state.of(request))


@router.get("/me", summary="当前身份 / who is signed in")
async def me(request: Request, who: SignedIn) -> Me:
    found = state.of(request)
    async with found.database.read() as session:
        query = select(SignIn.expires_at).where((SignIn.id == who.session) | (SignIn.family == who.session))
        expires = await session.scalar(query.order_by(SignIn.expires_at.desc()).limit(1))
    return await _me(found, who, expires or found.clock())


@router.post("/password", status_code=204, summary="修改自己的密码 / change one's own password")
async def password(request: Request, who: SignedIn, body: PasswordChange) -> None:
    """其它会话随即失效。"""
    found = state.of(request)
    where = middleware.address(request.scope)
    current, new = body.current.get_secret_value(), body.new.get_secret_value()
    await service.change_password(found, who.actor, who.session, where, current, new)
    hub.recheck(found)


@router.get("/sessions", summary="自己的会话 / one's own sessions")
async def sessions(request: Request, who: SignedIn) -> list[SessionView]:
    found = state.of(request)
    query = select(SignIn).where(
        SignIn.account == who.actor.id,
        SignIn.revoked_at.is_(None),
        SignIn.replaced_at.is_(None),
        SignIn.expires_at > found.clock(),
    )
    async with found.database.read() as session:
        rows = (await session.scalars(query.order_by(SignIn.created_at.desc()).limit(200))).all()
    return [
        SessionView(
            id=row.id if row.kind == "browser" else row.family,
            kind="browser" if row.kind == "browser" else "program",
            desk=row.desk,
            created_at=row.created_at,
            used_at=row.used_at,
            expires_at=row.expires_at,
            current=who.session in (row.id, row.family),
        )
        for row in rows
    ]


@router.delete("/sessions/{session_id}", status_code=204, summary="结束自己的一个会话 / end one of one's sessions")
async def end_session(request: Request, who: SignedIn, session_id: Annotated[str, Path(max_length=64)]) -> None:
    await service.end(state.of(request), session_id, who.actor)
    hub.recheck(state.of(request))


def _pair(found: State, signed: service.Signed) -> Tokens:
    now = found.clock()
    return Tokens(
        access_token=tokens.access(found.keys.tokens, signed.account.id, signed.family, now),
        expires_in=int(tokens.ACCESS.total_seconds()),
        refresh_token=signed.secret,
        refresh_expires_in=int((signed.expires_at - now).total_seconds()),
    )


@router.post("/token", summary="程序取得令牌 / tokens for a program")
async def token(request: Request, body: Credentials) -> Tokens:
    """访问令牌 10 分钟有效,以 `Authorization: Bearer` 出示;刷新令牌只能用一次。"""
    found = state.of(request)
    work.of(request).check_ready()
    where = middleware.address(request.scope)
    signed = await service.by_password(found, where, body.username, body.password.get_secret_value(), body.desk, "program")
    return _pair(found, signed)


@router.post("/token/refresh", summary="刷新令牌 / rotate the tokens")
async def refresh(request: Request, body: Refresh) -> Tokens:
    """每个刷新令牌只能用一次;重复使用说明它已泄露,整组令牌随即吊销。"""
    found = state.of(request)
    work.of(request).check_ready()
    await found.limiter.sign_in(middleware.address(request.scope))
    return _pair(found, await service.refresh(found, body.refresh_token.get_secret_value()))


@router.post("/token/revoke", status_code=204, summary="吊销令牌 / revoke the tokens")
async def revoke(request: Request, body: Refresh) -> None:
    found = state.of(request)
    work.of(request).check_ready()
    await found.limiter.sign_in(middleware.address(request.scope))
    await service.revoke(found, body.refresh_token.get_secret_value())
    hub.recheck(found)


@router.get("/oidc/start", status_code=303, response_class=Response, summary="以统一身份登录 / sign in by OIDC")
async def oidc_start(request: Request, desk: Annotated[str | None, Query(max_length=64)] = None) -> Response:
    """转到统一身份认证;完成后回到 `/api/v1/auth/oidc/callback`,再回到首页。"""
    work.of(request).check_ready()
    return await oidc.start(request, desk)


@router.get("/oidc/callback", status_code=303, response_class=Response, summary="统一身份认证的返回 / return from OIDC")
async def oidc_callback(
    request: Request,
    code: Annotated[str | None, Query(max_length=4096, description="授权码")] = None,
    state_shown: Annotated[str | None, oidc.STATE] = None,
    error: Annotated[str | None, Query(max_length=256, description="统一身份认证拒绝的原因")] = None,
) -> Response:
    work.of(request).check_ready()
    signed, response = await oidc.finish(request, code, state_shown, error)
    put_cookies(request, response, signed)
    return response
