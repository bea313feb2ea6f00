"""Which receivers an event goes to: the webhooks that subscribed to it, and whatever other routes are given to the relay."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from router.journal import news
from router.journal.news import Item
from router.storage import upsert
from router.storage.base import table_of
from router.storage.journal import Delivery, Subscription

DELIVERY, SUBSCRIPTION = table_of(Delivery), table_of(Subscription)
WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One event for one receiver. ``kind`` chooses the sender, ``body`` is what that needs to know."""

    kind: str
    receiver: str
    item: Item
    body: Mapping[str, Any]


Route = Callable[[AsyncSession, Sequence[Item]], Awaitable[Sequence[Parcel]]]
"""Finds receivers of events, in the transaction in which they are marked as published. It may be asked twice about an event;
a delivery is written once."""


def key(receiver: str, event: str) -> str:
    """Id of a delivery."""
    return hashlib.sha256(f"{receiver}\0{event}".encode()).hexdigest()[:32]


def envelope(item: Item) -> dict[str, Any]:
    """An event as receivers get it; ids, numbers and states only."""
    return {
        "id": item.id,
        "serial": item.serial,
        "at": item.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        "topic": item.topic,
        "case": item.case,
        "body": dict(item.body),
    }


async def to_webhooks(session: AsyncSession, items: Sequence[Item]) -> list[Parcel]:
    """The route of subscriptions. One that rests keeps collecting: it is sent when it is active again."""
    columns = (SUBSCRIPTION.c.id, SUBSCRIPTION.c.topics, SUBSCRIPTION.c.units)
    found = (await session.execute(select(*columns).order_by(SUBSCRIPTION.c.id))).all()
    return [
        Parcel(WEBHOOK, one.id, item, envelope(item))
        for item in items
        for one in found
        if wanted(item, topics=one.topics, units=one.units)
    ]


def wanted(item: Item, *, topics: Sequence[str], units: Sequence[str]) -> bool:
    """Whether a subscription to these topics, for these units (empty: all), gets the event."""
    seen = not units or bool(set(units) & set(item.audience.get("units", ())))
    return seen and any(news.matches(pattern, item.topic) for pattern in topics)


async def write(session: AsyncSession, parcels: Sequence[Parcel], now: dt.datetime) -> int:
    """Write deliveries that are not there yet; return how many."""
    rows = [
        {
            "id": key(one.receiver, one.item.id),
            "kind": one.kind,
            "receiver": one.receiver,
            "topic": one.item.topic,
            "case_id": one.item.case,
            "order": one.item.serial,
            "body": dict(one.body),
            "created_at": now,
            "next_at": now,
            "attempts": 0,
            "refused": False,
        }
        for one in parcels
    ]
    return len(await upsert.insert_new(session, DELIVERY, rows)) if rows else 0
