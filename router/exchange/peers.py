"""Peers (对接系统): which systems of other makers there are, which centre each stands for, and how it is reached."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import Actor, Side
from router.errors import Conflict, Invalid, NotFound, Stale
from router.exchange import words
from router.exchange.errors import NotAPeer
from router.journal import addresses, journal
from router.journal.journal import Note
from router.storage import engine as engines
from router.storage.base import table_of
from router.storage.errors import BadUrl
from router.storage.organisation import Account, Peer

Transport = Literal["rest", "database"]
_ID = re.compile("^[a-z0-9][a-z0-9.-]{0,62}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an administrator says of a peer. ``url`` None with ``rest``: the peer pulls, nothing is pushed to it."""

    name: str
    centre: str
    transport: Transport
    account: str
    """Id of its integration account."""
    url: str | None = None
    token: str | None = None
    """Bearer token that we show (REST), or the password of the shared database. None: leave the one that is there."""
    active: bool = True


@dataclass(frozen=True, slots=True)
class Rules:
    """What peers may be, of this installation."""

    system: str
    centres: Mapping[str, Side]
    """Our centres, and which line each belongs to."""
    development: bool


async def add(session: AsyncSession, actor: Actor, id_: str, given: Given, rules: Rules, now: dt.datetime) -> Peer:
    """Add a peer. Raise :class:`Invalid` or :class:`Conflict`."""
    if not _ID.match(id_) or id_ != id_.strip():
        raise Invalid(words.PEER_NAME, words.PEER_NAME_REMEDY, field="id")
    if id_ == rules.system:
        raise Invalid(words.PEER_SELF.format(id=id_), words.PEER_SELF_REMEDY, field="id")
    if await session.get(Peer, id_) is not None:
        raise Conflict(words.PEER_THERE.format(id=id_), words.PEER_THERE_REMEDY, field="id")
    side = await _check(session, id_, given, rules)
    row = Peer(
        id=id_,
        rev=1,
        name=given.name.strip(),
        side=side,
        centre=given.centre,
        transport=given.transport,
        url=_address(given, rules),
        token=given.token or None,
        account=given.account,
        active=given.active,
        position=None,
        last_seen_at=None,
        created_at=now,
    )
    if given.transport == "rest" and row.url and not row.token:
        raise Invalid(words.PEER_TOKEN, words.PEER_TOKEN_REMEDY, field="token")
    session.add(row)
    await session.flush()
    await _note(session, actor, row, "peer.added", now)
    return row


async def change(
    session: AsyncSession, actor: Actor, id_: str, given: Given, rules: Rules, now: dt.datetime, rev: int | None = None
) -> Peer:
    """Change a peer; its name among systems never changes. Raise :class:`Stale` if somebody else was quicker."""
    row = await get(session, id_, lock=True)
    if rev is not None and row.rev != rev:
        raise Stale(words.PEER_STALE, words.PEER_STALE_REMEDY, current=row.rev, given=rev)
    side = await _check(session, id_, given, rules)
    row.name, row.side, row.centre, row.transport = given.name.strip(), side, given.centre, given.transport
    row.url, row.account, row.active = _address(given, rules), given.account, given.active
    row.token = given.token or row.token
    if row.transport == "rest" and row.url and not row.token:
        raise Invalid(words.PEER_TOKEN, words.PEER_TOKEN_REMEDY, field="token")
    row.rev += 1
    await session.flush()
    await _note(session, actor, row, "peer.changed", now)
    return row


async def remove(session: AsyncSession, actor: Actor, id_: str, now: dt.datetime) -> None:
    """Remove a peer: nothing is sent to it or taken from it any more. What was exchanged stays."""
    row = await get(session, id_, lock=True)
    await _note(session, actor, row, "peer.removed", now)
    await session.delete(row)
    await session.flush()


async def get(session: AsyncSession, id_: str, *, lock: bool = False) -> Peer:
    """Raise :class:`NotFound`."""
    query = select(Peer).where(Peer.id == id_)
    row = (await session.scalars(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise NotFound(words.NO_PEER.format(id=id_), words.NO_PEER_REMEDY, peer=id_)
    return row


async def every(session: AsyncSession) -> Sequence[Peer]:
    return (await session.scalars(select(Peer).order_by(Peer.id))).all()


async def of_account(session: AsyncSession, account: str) -> Peer:
    """The peer that an account speaks for; raise :class:`router.exchange.errors.NotAPeer`."""
    row = (await session.scalars(select(Peer).where(Peer.account == account, Peer.active))).one_or_none()
    if row is None:
        raise NotAPeer(words.NOT_A_PEER, words.NOT_A_PEER_REMEDY)
    return row


SEEN_EVERY = dt.timedelta(minutes=1)


async def seen(session: AsyncSession, peer: Peer, now: dt.datetime) -> None:
    """The peer has just been heard of; written once a minute at most."""
    if peer.last_seen_at is None or now - peer.last_seen_at > SEEN_EVERY:
        await session.execute(update(table_of(Peer)).where(table_of(Peer).c.id == peer.id).values(last_seen_at=now))


async def _check(session: AsyncSession, id_: str, given: Given, rules: Rules) -> Side:
    if not 0 < len(given.name.strip()) <= 100:
        raise Invalid(words.PEER_TITLE, words.PEER_TITLE_REMEDY, field="name")
    side = rules.centres.get(given.centre)
    if side is None:
        raise Invalid(
            words.PEER_CENTRE.format(centre=given.centre), words.PEER_CENTRE_REMEDY, field="centre", allowed=sorted(rules.centres)
        )
    for other in await every(session):
        if other.id == id_:
            continue
        if other.centre == given.centre:
            raise Conflict(
                words.PEER_CENTRE_TAKEN.format(centre=given.centre, id=other.id), words.PEER_CENTRE_TAKEN_REMEDY, field="centre"
            )
        if other.account == given.account:
            raise Conflict(
                words.PEER_ACCOUNT_TAKEN.format(account=given.account, id=other.id),
                words.PEER_ACCOUNT_TAKEN_REMEDY,
                field="account",
            )
    account = await session.get(Account, given.account)
    if account is None or account.role != "integration" or account.unit != given.centre:
        raise Invalid(
            words.PEER_ACCOUNT.format(account=given.account, centre=given.centre), words.PEER_ACCOUNT_REMEDY, field="account"
        )
    return side


def _address(given: Given, rules: Rules) -> str | None:
    """The checked address: of the peer's interface, or of the shared database (without password)."""
    if given.transport == "rest":
        return addresses.check(given.url, development=rules.development) if given.url else None
    try:
        url = engines.parse(given.url or "")
    except BadUrl:
        raise Invalid(words.PEER_DATABASE, words.PEER_DATABASE_REMEDY, field="url") from None
    if url.password:
        raise Invalid(words.PEER_DATABASE, words.PEER_DATABASE_REMEDY, field="url")
    return url.render_as_string()


async def _note(session: AsyncSession, actor: Actor, row: Peer, action: str, now: dt.datetime) -> None:
    detail = {"centre": row.centre, "transport": row.transport, "account": row.account, "active": row.active}
    await journal.write(session, journal.SYSTEM, actor, [Note(action, row.id, detail)], now)
