"""Where live events come from: streams of Redis, each with a reader that knows who may see what it brings."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from sqlalchemy import select

from api.events.audience import CaseFacts, may_see
from api.kit.state import State
from router.access.actor import Actor
from router.journal import news
from router.journal.news import Item
from router.storage.casework import Case, PoliceOrder

log = structlog.get_logger()
FACTS_KEPT = 5000

Raw = Sequence[tuple[bytes, Mapping[bytes, bytes]]]
"""Entries as the client library gives them."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event. ``body`` holds ids, numbers and states, no personal data."""

    at: str
    """Its place in its own stream."""
    id: str
    when: dt.datetime
    topic: str
    body: Mapping[str, Any]
    seen_by: Callable[[Actor], bool]
    case: str | None = None
    serial: int | None = None
    """Of casework's events: their order in the outbox."""


class Source(Protocol):
    @property
    def stream(self) -> str: ...

    async def read(self, raw: Raw) -> list[Told]:
        """Decode entries; what nobody could make sense of is left out."""


class News:
    """What casework tells (:mod:`router.journal.news`)."""

    stream = news.STREAM

    def __init__(self, state: State) -> None:
        self._state = state
        self._facts: OrderedDict[str, CaseFacts] = OrderedDict()

    async def read(self, raw: Raw) -> list[Told]:
        items: list[tuple[str, Item]] = []
        for place, fields in raw:
            try:
                items.append((place.decode(), news.decode(fields)))
            except ValueError as error:
                log.warning("events.strange_entry", place=place.decode(), error=type(error).__name__)
        await self._learn({item.case for _, item in items if item.case is not None})
        return [self._told(place, item) for place, item in items]

    def _told(self, place: str, item: Item) -> Told:
        case = self._facts.get(item.case) if item.case else None
        sides = self._state.places.sides

        def seen_by(actor: Actor) -> bool:
            return may_see(actor, item, case, sides)

        return Told(place, item.id, item.at, item.topic, item.body, seen_by, item.case, item.serial)

    async def _learn(self, cases: set[str]) -> None:
        """What is said of a case may change (a complaint, a clue): facts are read for each batch anew."""
        if not cases:
            return
        query = (
            select(Case.id, Case.city, Case.confidentiality, Case.created_by, PoliceOrder.complained_of)
            .outerjoin(PoliceOrder, PoliceOrder.case_id == Case.id)
            .where(Case.id.in_(cases))
        )
        async with self._state.database.read() as session:
            rows = (await session.execute(query)).all()
        for row in rows:
            self._facts[row.id] = CaseFacts(row.city, row.confidentiality, row.created_by, row.complained_of)
            self._facts.move_to_end(row.id)
        while len(self._facts) > FACTS_KEPT:
            self._facts.popitem(last=False)
