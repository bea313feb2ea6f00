"""Webhook subscriptions (订阅): made, changed and deleted by administrators, and sent again what a receiver has missed.

Who may do that is decided by the caller. The secret is returned when it is made, and never again.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router import ids
from router.access.actor import Actor
from router.errors import Invalid, NotFound, Stale
from router.journal import addresses, journal, relay, routes, signing, words
from router.journal.journal import Note
from router.storage.base import table_of
from router.storage.journal import Delivery, Outbox, Subscription

SUBSCRIPTION, DELIVERY, OUTBOX = table_of(Subscription), table_of(Delivery), table_of(Outbox)
LONGEST_NAME = 100
MOST_TOPICS = 100
_TOPIC = re.compile(r"\*|[a-z0-9_-]+(\.[a-z0-9_-]+)*(\.\*)?", re.ASCII)
_SHOWN = tuple(column for column in SUBSCRIPTION.c if column.name != "secret")


@dataclass(frozen=True, slots=True)
class Wish:
    """What an administrator asks for."""

    name: str
    url: str
    topics: Sequence[str]
    """Topics, prefixes ending in ``.*``, or ``*``."""
    units: Sequence[str] = ()
    """Only events that one of these units may see; none: all."""
    active: bool = True


@dataclass(frozen=True, slots=True)
class View:
    """A subscription as it may be shown."""

    id: str
    rev: int
    name: str
    url: str
    topics: Sequence[str]
    units: Sequence[str]
    active: bool
    created_at: dt.datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class State:
    """How a receiver stands."""

    waiting: int = 0
    refused: int = 0
    oldest: dt.datetime | None = None
    last_taken: dt.datetime | None = None


async def create(session: AsyncSession, wish: Wish, actor: Actor, now: dt.datetime, *, development: bool) -> tuple[View, str]:
    """Make a subscription; return it and its secret. Raise :class:`router.errors.Invalid`."""
    secret = signing.fresh_secret()
    values = {**_checked(wish, development), "id": ids.new(), "rev": 1, "created_at": now, "created_by": actor.id}
    await session.execute(SUBSCRIPTION.insert().values(secret=secret, **values))
    await _note(session, "subscription.created", values["id"], actor, now, {"url": values["url"], "topics": values["topics"]})
    return View(**values), secret


async def all_(session: AsyncSession) -> list[View]:
    """By name."""
    rows = await session.execute(select(*_SHOWN).order_by(SUBSCRIPTION.c.name, SUBSCRIPTION.c.id))
    return [View(**row) for row in rows.mappings()]


async def get(session: AsyncSession, id_: str) -> View:
    """Raise :class:`router.errors.NotFound`."""
    row = (await session.execute(select(*_SHOWN).where(SUBSCRIPTION.c.id == id_))).mappings().first()
    if row is None:
        raise NotFound(words.MISSING, id=id_)
    return View(**row)


async def change(
    session: AsyncSession, id_: str, wish: Wish, actor: Actor, now: dt.datetime, *, rev: int, development: bool
) -> View:
    """Change everything but the secret. Raise NotFound, Invalid, and :class:`router.errors.Stale` if ``rev`` is not the
    present one."""
    values = {**_checked(wish, development), "rev": rev + 1}
    changed = update(SUBSCRIPTION).where(SUBSCRIPTION.c.id == id_, SUBSCRIPTION.c.rev == rev).values(values)
    done = await session.execute(changed.returning(SUBSCRIPTION.c.id))
    present = None if done.scalar() else await get(session, id_)
    if present is not None:
        raise Stale(words.STALE, words.STALE_REMEDY, current=present.rev)
    await _note(session, "subscription.changed", id_, actor, now, {name: values[name] for name in ("url", "topics", "active")})
    return await get(session, id_)


async def renew_secret(session: AsyncSession, id_: str, actor: Actor, now: dt.datetime) -> str:
    """A new secret from the next attempt on; it is returned this once."""
    await get(session, id_)
    secret = signing.fresh_secret()
    await session.execute(update(SUBSCRIPTION).where(SUBSCRIPTION.c.id == id_).values(secret=secret, rev=SUBSCRIPTION.c.rev + 1))
    await _note(session, "subscription.secret_renewed", id_, actor, now, {})
    return secret


async def delete_(session: AsyncSession, id_: str, actor: Actor, now: dt.datetime) -> None:
    """Delete a subscription and what waits for it."""
    await get(session, id_)
    dropped = await session.execute(
        delete(DELIVERY).where(DELIVERY.c.receiver == id_, DELIVERY.c.done_at.is_(None)).returning(DELIVERY.c.id)
    )
    await session.execute(delete(SUBSCRIPTION).where(SUBSCRIPTION.c.id == id_))
    await _note(session, "subscription.deleted", id_, actor, now, {"undelivered": len(dropped.all())})


async def state(session: AsyncSession, id_: str) -> State:
    """How much waits for a receiver (a subscription or a peer), and when it last took something."""
    waiting = and_(DELIVERY.c.receiver == id_, DELIVERY.c.done_at.is_(None))
    count, oldest = (await session.execute(select(func.count(), func.min(DELIVERY.c.created_at)).where(waiting))).one()
    refused = (await session.execute(select(func.count()).where(waiting, DELIVERY.c.refused))).scalar_one()
    taken = select(func.max(DELIVERY.c.done_at)).where(DELIVERY.c.receiver == id_, DELIVERY.c.done_at.is_not(None))
    return State(count, refused, oldest, (await session.execute(taken)).scalar())


async def deliveries(
    session: AsyncSession, receiver: str, *, refused_only: bool = False, before: int | None = None, limit: int = 100
) -> list[Any]:
    """Rows of a receiver's deliveries, the newest event first; ``before``: the ``order`` to go on from."""
    query = select(DELIVERY).where(DELIVERY.c.receiver == receiver).order_by(DELIVERY.c.order.desc()).limit(limit)
    if refused_only:
        query = query.where(DELIVERY.c.refused, DELIVERY.c.done_at.is_(None))
    if before is not None:
        query = query.where(DELIVERY.c.order < before)
    return list((await session.execute(query)).all())


async def again(session: AsyncSession, receiver: str, chosen: Sequence[str], actor: Actor, now: dt.datetime) -> int:
    """Send these deliveries of a receiver (refused or even taken ones) once more; raise NotFound if one isn't its."""
    mine = and_(DELIVERY.c.receiver == receiver, DELIVERY.c.id.in_(chosen))
    done = await session.execute(update(DELIVERY).where(mine).values(_as_new(now)).returning(DELIVERY.c.id))
    missing = sorted(set(chosen) - set(done.scalars()))
    if missing:
        raise NotFound(words.DELIVERY_MISSING, ids=missing)
    await _note(session, "delivery.requeued", receiver, actor, now, {"deliveries": sorted(set(chosen))})
    return len(set(chosen))


async def replay(session: AsyncSession, id_: str, since: dt.datetime, actor: Actor, now: dt.datetime) -> int:
    """Send a subscription everything of its topics since then once more, also what came before it was made; return how many.

    The outbox goes back a week. The receiver knows repeated events by their id.
    """
    view = await get(session, id_)
    query = select(OUTBOX).where(OUTBOX.c.published_at >= since).order_by(OUTBOX.c.serial)
    count = 0
    for row in (await session.execute(query)).all():
        item = relay.item(row)
        if not routes.wanted(item, topics=view.topics, units=view.units):
            continue
        count += 1
        if not await routes.write(session, [routes.Parcel(routes.WEBHOOK, id_, item, routes.envelope(item))], now):
            known = DELIVERY.c.id == routes.key(id_, item.id)
            await session.execute(update(DELIVERY).where(known).values(_as_new(now)))
    await _note(session, "subscription.replayed", id_, actor, now, {"since": since.isoformat(), "events": count})
    return count


def _as_new(now: dt.datetime) -> dict[str, Any]:
    return {"next_at": now, "attempts": 0, "refused": False, "done_at": None, "lease_owner": None, "lease_until": None}


def _checked(wish: Wish, development: bool) -> dict[str, Any]:
    name = wish.name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Invalid(words.NAME, field="name")
    topics = sorted(set(wish.topics))
    if not 1 <= len(topics) <= MOST_TOPICS or not all(len(one) <= 100 and _TOPIC.fullmatch(one) for one in topics):
        raise Invalid(words.TOPICS, words.TOPICS_REMEDY, field="topics")
    url = addresses.check(wish.url, development=development)
    return {"name": name, "url": url, "topics": topics, "units": sorted(set(wish.units)), "active": wish.active}


async def _note(session: AsyncSession, action: str, subject: str, actor: Actor, now: dt.datetime, detail: dict[str, Any]) -> None:
    await journal.write(session, journal.SYSTEM, actor, [Note(action, subject, detail)], now)
