"""Accounts (账号), postings (进驻) and grants (授权): kept by administrators, grants also by supervisors for their own desk."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Path, Query, Request, Response
from sqlalchemy import select

from api.accounts.schemas import (
    AccountBody,
    AccountCreate,
    AccountView,
    GrantBody,
    GrantView,
    PasswordReset,
    PostingBody,
    PostingView,
    Role,
)
from api.events import hub
from api.kit import etag, paging, routing, state
from api.kit.deps import AfterCommit, IfMatch, LateSession, Now, Pages, ReadSession, WriteSession, allowed
from api.kit.paging import Page
from api.kit.state import State
from router.access import accounts, grants, passwords
from router.access.accounts import Draft
from router.access.actor import Actor
from router.storage.organisation import Account, Grant, Posting

router = routing.router("", "accounts")

Reader = Annotated[Actor, allowed("account.read")]
Keeper = Annotated[Actor, allowed("account.manage")]
Poster = Annotated[Actor, allowed("posting.manage")]
GrantReader = Annotated[Actor, allowed("grant.read")]
Granter = Annotated[Actor, allowed("grant.manage")]
Id = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]


def view(account: Account) -> AccountView:
    return AccountView(
        id=account.id,
        username=account.username,
        name=account.name,
        role=account.role,
        unit=account.unit,
        city=account.city,
        seat=account.seat,
        oidc_issuer=account.oidc_issuer,
        oidc_subject=account.oidc_subject,
        active=account.active,
        must_change=account.must_change,
        has_password=account.password is not None,
        locked_until=account.locked_until,
        created_at=account.created_at,
        updated_at=account.updated_at,
        rev=account.rev,
    )


def draft(body: AccountBody, username: str) -> Draft:
    return Draft(
        username=username,
        name=body.name,
        role=body.role,
        unit=body.unit,
        city=body.city,
        seat=body.seat,
        oidc_issuer=body.oidc_issuer,
        oidc_subject=body.oidc_subject,
        active=body.active,
    )


async def hashed(found: State, password: str, username: str) -> str:
    """Hashed away from the event loop, and before a transaction is held open by it."""
    async with found.hashing:
        return await asyncio.to_thread(passwords.hashed, password, username)


@router.get("/accounts", summary="账号列表 / accounts")
async def list_accounts(
    _actor: Reader,
    session: ReadSession,
    pages: Pages,
    role: Role | None = None,
    unit: Annotated[str | None, Query(max_length=64)] = None,
    username: Annotated[str | None, Query(max_length=64, description="用户名以此开头")] = None,
    active: bool | None = None,
) -> Page[AccountView]:
    query = select(Account)
    if role is not None:
        query = query.where(Account.role == role)
    if unit is not None:
        query = query.where(Account.unit == unit)
    if username is not None:
        query = query.where(Account.username.startswith(username.lower(), autoescape=True))
    if active is not None:
        query = query.where(Account.active == active)
    rows, following = await paging.fetch(session, query, pages, name="accounts", keys=[Account.id])
    return Page(items=[view(row) for row in rows], next=following)


@router.post("/accounts", status_code=201, summary="新建账号 / create an account")
async def create(
    request: Request, response: Response, actor: Keeper, begin: LateSession, body: AccountCreate, now: Now
) -> AccountView:
    found = state.of(request)
    made = draft(body, body.username)
    password = None if body.password is None else await hashed(found, body.password.get_secret_value(), body.username)
    account = await accounts.create(await begin(), actor, made, found.places, now, hashed=password)
    response.headers["Location"] = f"{routing.PREFIX}/accounts/{account.id}"
    etag.put(response, account.rev)
    return view(account)


@router.get("/accounts/{account_id}", summary="一个账号 / one account")
async def read(response: Response, _actor: Reader, session: ReadSession, account_id: Id) -> AccountView:
    account = await accounts.get(session, account_id)
    etag.put(response, account.rev)
    return view(account)


@router.put("/accounts/{account_id}", summary="修改或停用账号 / change or deactivate")
async def change(
    request: Request,
    response: Response,
    actor: Keeper,
    session: WriteSession,
    account_id: Id,
    body: AccountBody,
    rev: IfMatch,
    now: Now,
    work: AfterCommit,
) -> AccountView:
    """`active: false` 停用账号:其会话和令牌立即失效。改变角色或单位也使会话失效。"""
    found = state.of(request)
    account = await accounts.get(session, account_id)
    account = await accounts.change(session, actor, account, rev, draft(body, account.username), found.places, now)
    await session.flush()
    work.after(lambda: _recheck(found))
    etag.put(response, account.rev)
    return view(account)


async def _recheck(found: State) -> None:
    hub.recheck(found)


@router.post("/accounts/{account_id}/password", status_code=204, summary="重设密码 / reset the password")
async def reset_password(
    request: Request,
    actor: Keeper,
    begin: LateSession,
    account_id: Id,
    body: PasswordReset,
    now: Now,
    work: AfterCommit,
) -> None:
    """该账号的所有会话随即失效。"""
    found = state.of(request)
    async with found.database.read() as reading:
        username = (await accounts.get(reading, account_id)).username
    password = await hashed(found, body.password.get_secret_value(), username)
    session = await begin()
    account = await accounts.get(session, account_id)
    await accounts.set_password(session, actor, account, password, now, must_change=body.must_change)
    work.after(lambda: _recheck(found))


@router.delete("/accounts/{account_id}/sessions", status_code=204, summary="结束其所有会话 / end all sessions")
async def end_sessions(
    request: Request, actor: Keeper, session: WriteSession, account_id: Id, now: Now, work: AfterCommit
) -> None:
    found = state.of(request)
    account = await accounts.get(session, account_id)
    await accounts.end_sessions(session, actor, account, now)
    work.after(lambda: _recheck(found))


@router.get("/accounts/{account_id}/postings", summary="进驻记录 / postings")
async def list_postings(_actor: Reader, session: ReadSession, account_id: Id) -> list[PostingView]:
    await accounts.get(session, account_id)
    query = select(Posting).where(Posting.account == account_id).order_by(Posting.since.desc()).limit(200)
    return [PostingView.model_validate(row) for row in (await session.scalars(query)).all()]


@router.post("/accounts/{account_id}/postings", status_code=201, summary="登记进驻 / post to another unit")
async def post(
    request: Request, actor: Poster, session: WriteSession, account_id: Id, body: PostingBody, now: Now
) -> PostingView:
    """进驻人员登录时选 `desk` 即以该单位身份受理,操作仍归属本单位。"""
    account = await accounts.get(session, account_id)
    places = state.of(request).places
    made = await accounts.post(session, actor, account, body.unit, body.role, body.since, body.until, places, now)
    return PostingView.model_validate(made)


@router.delete("/postings/{posting_id}", status_code=204, summary="撤销进驻 / end a posting")
async def end_posting(
    request: Request, actor: Poster, session: WriteSession, posting_id: Id, now: Now, work: AfterCommit
) -> None:
    found = state.of(request)
    await accounts.end_posting(session, actor, posting_id, now)
    work.after(lambda: _recheck(found))


@router.get("/grants", summary="授权目录 / grants")
async def list_grants(
    actor: GrantReader,
    session: ReadSession,
    pages: Pages,
    now: Now,
    unit: Annotated[str | None, Query(max_length=64, description="授出或接受的单位")] = None,
    case_id: Annotated[str | None, Query(max_length=64)] = None,
    live: Annotated[bool | None, Query(description="true 只列此刻有效的")] = None,
) -> Page[GrantView]:
    query = select(Grant)
    if actor.role == "supervisor" and actor.desk:
        query = query.where((Grant.from_unit == actor.desk) | (Grant.to_unit == actor.desk))
    if unit is not None:
        query = query.where((Grant.from_unit == unit) | (Grant.to_unit == unit))
    if case_id is not None:
        query = query.where(Grant.case_id == case_id)
    if live:
        query = query.where(Grant.since <= now, Grant.until > now, Grant.revoked_at.is_(None))
    rows, following = await paging.fetch(session, query, pages, name="grants", keys=[Grant.id])
    return Page(items=[grant_view(row, now) for row in rows], next=following)


def grant_view(row: Grant, now: Now) -> GrantView:
    return GrantView(
        id=row.id,
        from_unit=row.from_unit,
        to_unit=row.to_unit,
        case_id=row.case_id,
        fields=row.fields,
        purpose=row.purpose,
        since=row.since,
        until=row.until,
        revoked_at=row.revoked_at,
        by=row.by,
        live=row.since <= now < row.until and row.revoked_at is None,
    )


@router.post("/grants", status_code=201, summary="授权 / give a grant")
async def give(request: Request, actor: Granter, session: WriteSession, body: GrantBody, now: Now) -> GrantView:
    made = await grants.give(
        session,
        actor,
        from_unit=body.from_unit,
        to_unit=body.to_unit,
        case_id=body.case_id,
        fields=body.fields,
        purpose=body.purpose,
        since=body.since,
        until=body.until,
        places=state.of(request).places,
        now=now,
    )
    return grant_view(made, now)


@router.delete("/grants/{grant_id}", status_code=204, summary="收回授权 / take a grant back")
async def take_back(actor: Granter, session: WriteSession, grant_id: Id, now: Now) -> None:
    await grants.take_back(session, actor, grant_id, now)
