"""Accounts and who they act as: reading them for each request, and keeping them.

Services take an open session and never commit. What is done to an account is journalled in that account's chain.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router import ids
from router.access import audit
from router.access.actor import ROLES, Actor, Side
from router.errors import Conflict, Invalid, NotFound, Stale
from router.storage.organisation import Account, Agency, Peer, Posting, SignIn

if TYPE_CHECKING:
    from config.settings import Settings

USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_CENTRE_OF_ROLE: Mapping[str, Side] = {"operator": "12345", "police": "110"}


@dataclass(frozen=True, slots=True)
class Places:
    """What of the configuration accounts hang on."""

    sides: Mapping[str, Side]
    """Centre to the line it is."""
    seats: frozenset[str]
    city: str
    """City of the default centre: what an account without a city of its own gets."""

    @classmethod
    def of(cls, settings: Settings) -> Places:
        first = settings.default_centre("12345") or settings.default_centre("110")
        divisions = first.divisions if first is not None else []
        return cls(
            sides={centre.id: centre.kind for centre in settings.installation.centres},
            seats=frozenset(settings.seats),
            city=f"{divisions[0][:4]}00" if divisions else "",
        )


@dataclass(frozen=True, slots=True)
class Who:
    """A session's account as the actor of this moment."""

    actor: Actor
    must_change: bool
    used_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What an account is made of, or changed to."""

    username: str
    name: str
    role: str
    unit: str = ""
    city: str = ""
    seat: str | None = None
    oidc_issuer: str | None = None
    oidc_subject: str | None = None
    active: bool = True


# --- for each request


def live_posting(account: Any, unit: Any, now: dt.datetime) -> Any:
    """WHERE clause over :class:`Posting`: the account is posted to the unit at this moment."""
    return and_(
        Posting.account == account,
        Posting.unit == unit,
        Posting.since <= now,
        Posting.until > now,
        Posting.revoked_at.is_(None),
    )


def _whose(now: dt.datetime) -> Any:
    return (
        select(SignIn, Account, Posting, Peer)
        .join(Account, Account.id == SignIn.account)
        .outerjoin(Posting, live_posting(SignIn.account, SignIn.desk, now))
        .outerjoin(Peer, and_(Peer.account == Account.id, Peer.active))
        .where(Account.active, SignIn.revoked_at.is_(None), SignIn.expires_at > now)
    )


async def of_session(session: AsyncSession, key: str, places: Places, now: dt.datetime) -> Who | None:
    """The person of a browser session; None: there is none, it has ended, or its account or posting has."""
    row = (await session.execute(_whose(now).where(SignIn.id == key, SignIn.kind == "browser").limit(1))).first()
    return None if row is None else _who(row, places)


async def of_family(session: AsyncSession, family: str, account: str, places: Places, now: dt.datetime) -> Who | None:
    """The program of a family of tokens that is not revoked."""
    query = _whose(now).where(SignIn.family == family, SignIn.account == account, SignIn.kind == "program")
    row = (await session.execute(query.where(SignIn.replaced_at.is_(None)).limit(1))).first()
    return None if row is None else _who(row, places)


def _who(row: Any, places: Places) -> Who | None:
    signed, account, posting, peer = row
    if signed.desk is not None and signed.desk != account.unit and posting is None:
        return None
    return Who(actor_of(account, posting, peer, places), account.must_change, signed.used_at)


def actor_of(account: Account, posting: Posting | None, peer: Peer | None, places: Places) -> Actor:
    """Whom the account acts as: at its own unit, or (``posting``) at another under its home unit (F3)."""
    desk = account.unit if posting is None else posting.unit
    role: Any = account.role if posting is None else posting.role
    return Actor(
        id=account.id,
        role=role,
        unit=account.unit,
        desk=desk,
        city=account.city,
        side=places.sides.get(desk),
        name=account.name,
        seat=account.seat or "",
        peer=peer.id if peer is not None else "",
    )


async def acting(session: AsyncSession, account: Account, desk: str | None, places: Places, now: dt.datetime) -> Actor | None:
    """The actor of an account at ``desk`` (None: at home); None: it is not posted there."""
    posting = None
    if desk is not None and desk != account.unit:
        posting = await session.scalar(select(Posting).where(live_posting(account.id, desk, now)).limit(1))
        if posting is None:
            return None
    peer = await session.scalar(select(Peer).where(Peer.account == account.id, Peer.active).limit(1))
    return actor_of(account, posting, peer, places)


async def alive(session: AsyncSession, keys: Collection[str], now: dt.datetime) -> dict[str, str]:
    """Of sessions and families: those that go on, with the role that they act in."""
    query = _whose(now).where(or_(SignIn.id.in_(keys), SignIn.family.in_(keys)), SignIn.replaced_at.is_(None))
    found = {}
    for signed, account, posting, _ in (await session.execute(query)).all():
        if signed.desk is None or signed.desk == account.unit or posting is not None:
            role = account.role if posting is None else posting.role
            found[signed.id] = found[signed.family] = role
    return found


async def desks_of(session: AsyncSession, account: str, now: dt.datetime) -> list[Posting]:
    """Where the person is posted now."""
    query = select(Posting).where(
        Posting.account == account, Posting.since <= now, Posting.until > now, Posting.revoked_at.is_(None)
    )
    return list((await session.scalars(query.order_by(Posting.unit))).all())


# --- keeping accounts


async def get(session: AsyncSession, account: str) -> Account:
    found = await session.get(Account, account)
    if found is None:
        raise NotFound("没有这个账号", "检查编号", subject=account[:64])
    return found


async def by_username(session: AsyncSession, username: str) -> Account | None:
    return (await session.scalars(select(Account).where(Account.username == username.strip().lower()))).first()


async def create(
    session: AsyncSession,
    by: Actor,
    draft: Draft,
    places: Places,
    now: dt.datetime,
    *,
    hashed: str | None = None,
    must_change: bool = True,
) -> Account:
    """``hashed``: the first password, of :func:`router.access.passwords.hashed`; None: signs in by OIDC only.

    Raise :class:`router.errors.Invalid` and :class:`router.errors.Conflict`.
    """
    await check(session, draft, places)
    if await by_username(session, draft.username) is not None:
        raise Conflict("这个用户名已被使用", "换一个用户名", field="username")
    account = Account(
        id=ids.new(),
        username=draft.username,
        name=draft.name,
        role=draft.role,
        unit=draft.unit,
        city=draft.city or places.city,
        seat=draft.seat,
        password=hashed,
        must_change=hashed is not None and must_change,
        oidc_issuer=draft.oidc_issuer,
        oidc_subject=draft.oidc_subject,
        active=draft.active,
        failures=0,
        created_at=now,
        updated_at=now,
    )
    session.add(account)
    await session.flush()
    await audit.account(session, by, account.id, "account.created", now, {"role": account.role, "unit": account.unit})
    return account


async def change(
    session: AsyncSession, by: Actor, account: Account, rev: int, draft: Draft, places: Places, now: dt.datetime
) -> Account:
    """Put ``draft`` (but its password) in place of what the account says. An account that is deactivated, or gets another role or
    unit, loses its sessions."""
    if account.rev != rev:
        raise Stale("账号已被他人修改", "刷新后在最新内容上重新修改", current=account.rev)
    await check(session, draft, places)
    if draft.username != account.username:
        raise Invalid("用户名不能修改", "另建账号", field="username")
    if account.id == by.id and (not draft.active or draft.role != account.role):
        raise Conflict("不能停用自己或改变自己的角色", "请另一位管理员办理", field="active")
    ends = (account.active and not draft.active) or (account.role, account.unit) != (draft.role, draft.unit)
    names = ("name", "role", "unit", "seat", "oidc_issuer", "oidc_subject", "active")
    changed = sorted(name for name in names if getattr(account, name) != getattr(draft, name))
    for name in names:
        setattr(account, name, getattr(draft, name))
    account.city = draft.city or places.city
    touched(account, now)
    if ends:
        await revoke_all(session, account.id, now)
    detail = {"changed": changed, "active": account.active, "role": account.role, "unit": account.unit}
    await audit.account(session, by, account.id, "account.changed" if account.active else "account.deactivated", now, detail)
    return account


async def activate(session: AsyncSession, by: Actor, account: Account, active: bool, now: dt.datetime) -> None:
    """Let an account sign in, or shut it out: then its sessions end at once."""
    if account.active == active:
        return
    account.active = active
    touched(account, now)
    if not active:
        await revoke_all(session, account.id, now)
    await audit.account(session, by, account.id, "account.activated" if active else "account.deactivated", now)


def touched(account: Account, now: dt.datetime) -> None:
    account.rev += 1
    account.updated_at = now


async def set_password(
    session: AsyncSession,
    by: Actor,
    account: Account,
    hashed: str,
    now: dt.datetime,
    *,
    must_change: bool,
    keep: str | None = None,
) -> None:
    """Set a password (its hash, of :func:`router.access.passwords.hashed`); all sessions but ``keep`` end."""
    account.password = hashed
    account.must_change = must_change
    account.failures, account.locked_until = 0, None
    touched(account, now)
    await revoke_all(session, account.id, now, keep=keep)
    await audit.account(session, by, account.id, "account.password_set", now, {"own": by.id == account.id})


async def revoke_all(session: AsyncSession, account: str, now: dt.datetime, *, keep: str | None = None) -> None:
    """End the sessions and tokens of an account; ``keep``: id of a session that goes on."""
    change = update(SignIn).where(SignIn.account == account, SignIn.revoked_at.is_(None))
    if keep is not None:
        change = change.where(SignIn.id != keep, SignIn.family != keep)
    await session.execute(change.values(revoked_at=now))


async def end_sessions(session: AsyncSession, by: Actor, account: Account, now: dt.datetime) -> None:
    """An administrator ends whatever an account has open."""
    await revoke_all(session, account.id, now)
    await audit.account(session, by, account.id, "account.sessions_ended", now)


async def check(session: AsyncSession, draft: Draft, places: Places) -> None:
    """Raise :class:`router.errors.Invalid` for what an account can't be."""
    if USERNAME.fullmatch(draft.username) is None:
        raise Invalid("用户名不正确", "用 2 到 64 个小写字母、数字、点、下划线、@ 或连字符", field="username")
    if not draft.name.strip() or len(draft.name) > 64:
        raise Invalid("姓名不正确", "填 1 到 64 个字符", field="name")
    if draft.role not in ROLES:
        raise Invalid("没有这种角色", f"填其中之一:{'、'.join(ROLES)}", field="role", allowed=list(ROLES))
    if draft.seat is not None and draft.seat not in places.seats:
        raise Invalid("没有这个座席", "用 hotline seats list 查看座席", field="seat")
    if draft.city and not re.fullmatch(r"\d{6}", draft.city):
        raise Invalid("市州应为 6 位行政区划代码", "如 530100", field="city")
    if draft.oidc_subject is not None and draft.oidc_issuer is None:
        raise Invalid("统一身份的编号须与签发方一起填", "同时填 oidc_issuer", field="oidc_issuer")
    await check_unit(session, draft.role, draft.unit, places)


async def check_unit(session: AsyncSession, role: str, unit: str, places: Places) -> None:
    """Raise :class:`router.errors.Invalid` if somebody of this role can't work at this unit."""
    side = places.sides.get(unit)
    if not unit:
        if role in ("administrator", "supervisor", "integration"):
            return
        raise Invalid("这种角色须有所属单位", "填中心编号或承办单位的统一社会信用代码", field="unit")
    wanted = _CENTRE_OF_ROLE.get(role)
    if side is not None:
        if role == "agency" or (wanted is not None and side != wanted):
            raise Invalid(f"这种角色不在 {side} 平台工作", "核对角色与单位", field="unit")
        return
    agency = await session.get(Agency, unit)
    if agency is None or not agency.active:
        raise Invalid("没有这个单位,或已停用", "填中心编号或承办单位的统一社会信用代码", field="unit")
    if role == "operator" or (role == "police" and agency.level != "police"):
        raise Invalid("这种角色不在承办单位工作", "核对角色与单位", field="unit")


# --- postings (进驻, F3)


async def post(
    session: AsyncSession,
    by: Actor,
    account: Account,
    unit: str,
    role: str,
    since: dt.datetime,
    until: dt.datetime,
    places: Places,
    now: dt.datetime,
) -> Posting:
    """Let a person work at another unit from ``since`` to ``until``."""
    if until <= since or until <= now:
        raise Invalid("进驻的结束时间须晚于开始和现在", "改正时间", field="until")
    if unit == account.unit:
        raise Invalid("这就是本单位", "填要进驻的单位", field="unit")
    if role not in ("operator", "police", "agency", "supervisor"):
        raise Invalid("进驻不能用这种角色", "填 operator、police、agency 或 supervisor", field="role")
    await check_unit(session, role, unit, places)
    query = select(Posting.id).where(
        Posting.account == account.id,
        Posting.unit == unit,
        Posting.revoked_at.is_(None),
        Posting.since < until,
        Posting.until > since,
    )
    if await session.scalar(query.limit(1)) is not None:
        raise Conflict("这段时间已有到该单位的进驻", "先撤销原来的,或错开时间", field="since")
    made = Posting(id=ids.new(), account=account.id, unit=unit, role=role, since=since, until=until, revoked_at=None, by=by.id)
    session.add(made)
    await session.flush()
    await audit.account(session, by, account.id, "account.posted", now, {"posting": made.id, "unit": unit, "role": role})
    return made


async def end_posting(session: AsyncSession, by: Actor, posting: str, now: dt.datetime) -> Posting:
    found = await session.get(Posting, posting)
    if found is None:
        raise NotFound("没有这条进驻记录", "检查编号", subject=posting[:64])
    if found.revoked_at is None:
        found.revoked_at = now
        await audit.account(session, by, found.account, "account.posting_ended", now, {"posting": found.id})
    return found
