"""Decisions of people as labelled examples for training (标注样本): no names, numbers, addresses; only where a city agreed.

Words of confidential matters, of clues about social stability, and of complaints about police are never among them, nor what
police write for themselves.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from classifier.learning.anonymous import anonymous
from router.casework import overrules
from router.casework.overrules import Settled
from router.storage.casework import Case
from router.storage.organisation import Agency

if TYPE_CHECKING:
    from config.model import Classifier

COLUMNS = ("text", "label", "item", "route", "urgent", "said_item", "said_route", "said_urgent", "model", "at")
HERE = ZoneInfo("Asia/Shanghai")
POLICE = "公安"
"""Label of what the police alone handle: the kind of their agencies."""
FEWEST_CONFIRMED = 100
"""So many decisions that nobody overruled are sampled at least, else as many as were overruled."""
MOST_CONFIRMED = 20_000
_AT_ONCE = 300


class NotAgreed(Exception):
    """No city has agreed that its decisions are learnt from, or not the one that was asked for."""

    code = "classifier.not_agreed"


@dataclass(frozen=True, slots=True)
class Example:
    """One text and what people decided; ``urgent`` None: nobody spoke of it. ``at`` is a day, no moment."""

    text: str
    label: str
    item: str
    route: str
    urgent: bool | None
    said_item: str
    said_route: str
    said_urgent: bool
    model: str
    at: dt.date

    def cells(self) -> tuple[str, ...]:
        """In the order of :data:`COLUMNS`; flags as tables for training have them."""
        urgent = "" if self.urgent is None else _flag(self.urgent)
        said = (self.said_item, self.said_route, _flag(self.said_urgent))
        return (self.text, self.label, self.item, self.route, urgent, *said, self.model, self.at.isoformat())


@dataclass(slots=True)
class Examples:
    """What was found."""

    rows: list[Example] = field(default_factory=list)
    overruled: int = 0
    confirmed: int = 0
    guarded: int = 0
    """Matters whose words are left alone."""
    withheld: int = 0
    """Texts in which something of a person might have been left."""


def _flag(value: bool) -> str:
    return "yes" if value else "no"


async def collect(
    session: AsyncSession,
    cities: Collection[str],
    *,
    since: dt.datetime | None = None,
    confirmed: bool = False,
    names: bool = False,
) -> Examples:
    """Examples of the decisions of these cities, which have agreed to it (see :func:`agreed`), always in the same order.

    ``names``: label texts with the agency's name instead of its kind. The data keys must be open: what the form holds of the
    citizen is looked for in the words.
    """
    found = Examples()
    agencies = {row.code: row for row in (await session.execute(select(Agency.code, Agency.name, Agency.kind))).all()}
    await session.rollback()
    kept: list[tuple[str, Settled]] = []
    async for page in overrules.settled(session, cities=cities, decided_since=since):
        overruled = [one for one in page if one.overruled]
        found.guarded += sum(one.guarded for one in overruled)
        rows = await _examples(session, [one for one in overruled if not one.guarded], agencies, names, found)
        found.rows += rows
        found.overruled += len(rows)
        if confirmed:
            kept += [(_lot(one.case), one) for one in page if one.closed and not one.overruled and not one.guarded]
            kept = heapq.nsmallest(MOST_CONFIRMED, kept, key=lambda lot: lot[0])
    few = [one for _, one in sorted(kept, key=lambda lot: lot[0])[: max(FEWEST_CONFIRMED, found.overruled)]]
    for start in range(0, len(few), _AT_ONCE):
        rows = await _examples(session, few[start : start + _AT_ONCE], agencies, names, found)
        found.rows += rows
        found.confirmed += len(rows)
    found.rows.sort(key=lambda one: (one.at, one.cells()))
    return found


def _lot(case: str) -> str:
    """Chance that is the same each time."""
    return hashlib.sha256(case.encode()).hexdigest()


async def _examples(
    session: AsyncSession, some: Sequence[Settled], agencies: dict[str, Any], names: bool, found: Examples
) -> list[Example]:
    if not some:
        return []
    query = select(Case.id, Case.caller_name, Case.place).where(Case.id.in_([one.case for one in some]))
    forms = {row.id: row for row in (await session.execute(query)).all()}
    await session.rollback()
    rows: list[Example] = []
    for one in some:
        form = forms.get(one.case)
        if form is None or not one.words.strip():
            continue
        text = anonymous(one.words, name=form.caller_name or "", place=form.place or "")
        if text is None:
            found.withheld += 1
            continue
        rows.append(_example(one, " ".join(text.split()), _label(one, agencies, names)))
    return rows


def _label(one: Settled, agencies: dict[str, Any], names: bool) -> str:
    agency = agencies.get(one.agency)
    if agency is not None:
        return str(agency.name if names else agency.kind)
    return POLICE if one.route == "110" else ""


def _example(one: Settled, text: str, label: str) -> Example:
    said = one.said
    at = one.decided.astimezone(HERE).date()
    return Example(text, label, one.item, one.route, one.urgent, said.item, said.route, said.urgent, said.model, at)


def agreed(rules: Classifier, cities: Collection[str], city: str = "") -> list[str]:
    """Those of the cities, or the one named, whose decisions may be learnt from; raise :class:`NotAgreed` if there is none."""
    if city and city not in cities:
        raise NotAgreed(f"no centre serves the city {city}; there are {', '.join(sorted(cities)) or 'none'}")
    found = sorted(one for one in cities if city in ("", one) and rules.learns(one))
    if not found:
        raise NotAgreed(f"{f'the city {city}' if city else 'no city'} has agreed that its decisions are learnt from")
    return found
