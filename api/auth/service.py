"""Signing in and out: checks of passwords, sessions, tokens and their rotation. Each step is a transaction of its own, for a
failure is to be remembered although the request fails."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import tokens
from api.health import metrics
from api.kit.errors import Denied, TooManyRequests, Unauthorized
from api.kit.state import State
from router import ids
from router.access import accounts, audit, passwords
from router.access.actor import Actor, system
from router.journal import journal
from router.journal.journal import Note
from router.storage import sealed
from router.storage.organisation import Account, SignIn

log = structlog.get_logger()
Kind = Literal["browser", "program"]
STEADY_FAILURES = 20
"""Wrong passwords of an account, from wherever, before it pauses for addresses that it has not signed in from lately."""
STEADY_LONGEST = 60.0


@dataclass(frozen=True, slots=True)
class Signed:
    """A fresh session or token."""

    secret: str
    """Cookie or refresh token: told once."""
    key: str
    family: str
    account: Account
    actor: Actor
    expires_at: dt.datetime


async def by_password(state: State, address: str, username: str, password: str, desk: str | None, kind: Kind) -> Signed:
    """Check a password and open a session. Raise :class:`Unauthorized`, :class:`Denied` and :class:`TooManyRequests`."""
    name = username.strip().lower()
    await state.limiter.sign_in(address)
    await state.limiter.check_pause(name, address)
    async with state.database.read() as session:
        account = await accounts.by_username(session, name)
    if account is not None:
        await _check_steady(state, account, address)
    stored = account.password if account is not None else None
    async with state.hashing:
        right = await asyncio.to_thread(passwords.fits, stored, password)
    if account is None or not right:
        await state.limiter.failed(name, address)
        await _note_failure(state, account, name, address)
        raise Unauthorized("auth.wrong")
    fresh = None
    if passwords.outdated(account.password or ""):
        async with state.hashing:
            fresh = await asyncio.to_thread(passwords.HASHER.hash, password)
    signed = await open_session(state, account.id, desk, kind, address, how="password", rehashed=fresh)
    await state.limiter.succeeded(name, address)
    return signed


async def _check_steady(state: State, account: Account, address: str) -> None:
    until = account.locked_until
    now = state.clock()
    if until is not None and until > now and not await state.limiter.knows(account.username, address):
        raise TooManyRequests("auth.paused", (until - now).total_seconds())


async def _note_failure(state: State, account: Account | None, name: str, address: str) -> None:
    metrics.SIGN_INS.labels("wrong").inc()
    log.info("auth.failed", address=address, account=account.id if account else "unknown")
    now = state.clock()
    detail = {"address": sealed.fingerprint("address", address)}
    async with state.database.write() as session:
        if account is None:
            note = Note("signin.unknown", "", {**detail, "username": sealed.fingerprint("username", name)})
            await journal.write(session, journal.SYSTEM, system("sign-in"), [note], now)
            return
        failures = account.failures + 1
        values: dict[str, Any] = {"failures": Account.failures + 1}
        if failures >= STEADY_FAILURES:
            values["locked_until"] = now + dt.timedelta(seconds=min(2.0 ** (failures - STEADY_FAILURES), STEADY_LONGEST))
        await session.execute(update(Account).where(Account.id == account.id).values(**values))
        await audit.account(session, system("sign-in"), account.id, "signin.failed", now, {**detail, "failures": failures})


async def open_session(
    state: State, account_id: str, desk: str | None, kind: Kind, address: str, *, how: str, rehashed: str | None = None
) -> Signed:
    """A session for an account whose identity is proven. Raise :class:`Denied`."""
    now = state.clock()
    refused: Denied | None = None
    async with state.database.write() as session:
        account = await accounts.get(session, account_id)
        actor = await accounts.acting(session, account, desk, state.places, now)
        if not account.active:
            refused = Denied("auth.inactive")
        elif kind == "browser" and account.role == "integration":
            refused = Denied("auth.kind")
        elif kind == "program" and account.must_change:
            refused = Denied("auth.must_change")
        elif actor is None:
            refused = Denied("auth.desk", desk=desk or "")
        detail = {"kind": kind, "how": how, "address": sealed.fingerprint("address", address), "desk": desk or account.unit}
        if refused is not None or actor is None:
            await audit.account(
                session, system("sign-in"), account.id, "signin.refused", now, {**detail, "why": refused.code if refused else ""}
            )
        else:
            account.failures, account.locked_until = 0, None
            if rehashed is not None:
                account.password = rehashed
            signed = await _issue(session, account, actor, desk, kind, ids.new(), now)
            await audit.account(session, actor, account.id, "signin.ok", now, detail)
    metrics.SIGN_INS.labels("refused" if refused else "ok").inc()
    if refused is not None:
        raise refused
    return signed


async def _issue(
    session: AsyncSession, account: Account, actor: Actor, desk: str | None, kind: Kind, family: str, now: dt.datetime
) -> Signed:
    secret = tokens.secret()
    key = tokens.hashed(secret)
    expires = now + (tokens.SESSION if kind == "browser" else tokens.REFRESH)
    session.add(
        SignIn(
            id=key,
            account=account.id,
            kind=kind,
            family=family,
            desk=desk,
            created_at=now,
            expires_at=expires,
            used_at=now,
            replaced_at=None,
            revoked_at=None,
        )
    )
    await session.flush()
    return Signed(secret, key, family, account, actor, expires)


async def refresh(state: State, refresh_token: str) -> Signed:
    """A new pair for a refresh token, which can't be used again; one that is used again ends all of its family (RFC 9700 4.14.2).

    Raise :class:`Unauthorized`.
    """
    now = state.clock()
    key = tokens.hashed(refresh_token)
    async with state.database.write() as session:
        row = await session.scalar(select(SignIn).where(SignIn.id == key, SignIn.kind == "program").with_for_update())
        if row is None or row.revoked_at is not None or row.expires_at <= now:
            code = "auth.refresh"
        elif row.replaced_at is not None:
            code = "auth.reuse"
            await _end_family(session, row.family, now)
            await audit.account(session, system("sign-in"), row.account, "token.reused", now, {"family": row.family})
        else:
            account = await accounts.get(session, row.account)
            actor = await accounts.acting(session, account, row.desk, state.places, now)
            if account.active and actor is not None:
                row.replaced_at = row.used_at = now
                return await _issue(session, account, actor, row.desk, "program", row.family, now)
            code = "auth.refresh"
    if code == "auth.reuse":
        log.warning("auth.token_reused", account=row.account if row else "")
    raise Unauthorized(code)


async def _end_family(session: AsyncSession, family: str, now: dt.datetime) -> None:
    await session.execute(update(SignIn).where(SignIn.family == family, SignIn.revoked_at.is_(None)).values(revoked_at=now))


async def end(state: State, session_key: str, by: Actor) -> None:
    """End one session, or a family of tokens, of the actor's own."""
    now = state.clock()
    async with state.database.write() as session:
        change = update(SignIn).where(SignIn.account == by.id, SignIn.revoked_at.is_(None))
        change = change.where((SignIn.id == session_key) | (SignIn.family == session_key))
        if (await session.execute(change.values(revoked_at=now).returning(SignIn.id))).first() is not None:
            await audit.account(session, by, by.id, "signin.ended", now)


async def revoke(state: State, refresh_token: str) -> None:
    """End the family of a refresh token (RFC 7009); of one that is unknown nothing is said."""
    now = state.clock()
    async with state.database.write() as session:
        row = await session.get(SignIn, tokens.hashed(refresh_token))
        if row is not None and row.kind == "program":
            await _end_family(session, row.family, now)
            await audit.account(session, system("sign-in"), row.account, "token.revoked", now, {"family": row.family})


async def change_password(state: State, actor: Actor, keep: str, address: str, current: str, new: str) -> None:
    """Change one's own password; all other sessions end. Raise :class:`Denied` for a wrong current one."""
    async with state.database.read() as session:
        account = await accounts.get(session, actor.id)
    await state.limiter.check_pause(account.username, address)
    async with state.hashing:
        right = await asyncio.to_thread(passwords.fits, account.password, current)
    if not right:
        await state.limiter.failed(account.username, address)
        await _note_failure(state, account, account.username, address)
        raise Denied("auth.wrong")
    passwords.check(new, account.username)
    async with state.hashing:
        hashed = await asyncio.to_thread(passwords.hashed, new, account.username)
    now = state.clock()
    async with state.database.write() as session:
        account = await accounts.get(session, actor.id)
        await accounts.set_password(session, actor, account, hashed, now, must_change=False, keep=keep)
    await state.limiter.succeeded(account.username, address)
