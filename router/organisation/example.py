"""Furnishes an example city: catalogs, agencies, duty contacts and posts, plans, and people for all roles.

Running it again adds what is missing and changes nothing that is there.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from router.access import accounts
from router.access.accounts import Draft, Places
from router.access.actor import system
from router.catalog import files, versions
from router.linkage import example as linkage
from router.organisation import agency_table, contacts
from router.organisation.contacts import Details
from router.storage.duty import DutyPost
from router.storage.organisation import Agency, CatalogVersion, DutyContact

if TYPE_CHECKING:
    from config.model import Centre, Seat

WHO = system("seed")
_FAMILY = "李王张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = "明华丽娟建国秀英志强晓燕海波玉兰文斌春梅立新桂芳"
_AGENCY_FILE = "agencies.yaml"


@dataclass(frozen=True, slots=True)
class Person:
    """An account of the example."""

    username: str
    role: str
    unit: str
    unit_name: str
    new: bool


@dataclass(frozen=True, slots=True)
class Furnished:
    """What is there afterwards."""

    catalogs: int
    agencies: int
    contacts: int
    posts: int
    people: tuple[Person, ...]


def name(count: int) -> str:
    """The ``count``-th example name; all differ for some hundred."""
    pairs = len(_GIVEN) // 2
    given = _GIVEN[2 * (count % pairs) : 2 * (count % pairs) + 2]
    return _FAMILY[(count * 7 + count // len(_FAMILY)) % len(_FAMILY)] + given


async def furnish(
    session: AsyncSession,
    *,
    folder: Path,
    centres: Sequence[Centre],
    seats: Sequence[Seat],
    places: Places,
    hashed: str,
    now: dt.datetime,
) -> Furnished:
    """Furnish everything; ``folder`` holds the catalog's files, ``hashed`` is the password of all new people."""
    for city in files.cities(folder):
        await versions.ensure_first(session, folder, city, now)
        await _agencies(session, folder / city / _AGENCY_FILE, city, now)
    found = [
        row
        for row in (await session.scalars(select(Agency).order_by(Agency.level, Agency.code))).all()
        if row.city == places.city
    ]
    await _contacts(session, found, now)
    await linkage.furnish(session, folder.parent, places.city, found, now)
    people = [await _person(session, draft, unit, places, hashed, now) for draft, unit in drafts(centres, seats, found, places)]
    return Furnished(
        catalogs=await _count(session, CatalogVersion),
        agencies=await _count(session, Agency),
        contacts=await _count(session, DutyContact),
        posts=await _count(session, DutyPost),
        people=tuple(people),
    )


async def _count(session: AsyncSession, model: type) -> int:
    return int((await session.execute(select(func.count()).select_from(model))).scalar_one())


async def _agencies(session: AsyncSession, file: Path, city: str, now: dt.datetime) -> None:
    there = (await session.scalars(select(Agency.code).where(Agency.city == city).limit(1))).first()
    if there is None and await asyncio.to_thread(file.exists):
        await agency_table.import_file(session, file, city=city, actor=WHO, now=now)


async def _contacts(session: AsyncSession, found: Sequence[Agency], now: dt.datetime) -> None:
    known = set((await session.scalars(select(DutyContact.unit))).all())
    for count, row in enumerate(found):
        if row.code not in known:
            details = Details(
                name=name(100 + count),
                phone=f"0871-6310{2000 + count:04d}",
                post="值班室",
                backup_phone=f"1390871{1000 + count:04d}",
            )
            await contacts.add(session, row.code, details, actor=WHO, now=now, city=row.city)


def drafts(centres: Sequence[Centre], seats: Sequence[Seat], found: Sequence[Agency], places: Places) -> list[tuple[Draft, str]]:
    """Everybody who works in the example: a person a seat, one or two an agency, supervisors, an administrator, gateways."""
    made: list[tuple[Draft, str]] = []

    def add(username: str, role: str, unit: str, unit_name: str, seat: str | None = None) -> None:
        draft = Draft(username, name(len(made)), role, unit, places.city, seat)
        made.append((draft, unit_name))

    names = {centre.id: centre.name for centre in centres}
    for seat in seats:
        if seat.centre is not None and seat.role in ("operator", "police", "supervisor"):
            add(f"{seat.role}{seat.id}", seat.role, seat.centre, names[seat.centre], seat.id)
    for count, row in enumerate(one for one in found if one.level != "police"):
        add(f"agency{count + 1:02d}", "agency", row.code, row.name)
    for count, row in enumerate(one for one in found if one.level == "police"):
        add(f"station{count + 1:02d}", "police", row.code, row.name)
    for centre in centres:
        add(f"gateway.{centre.id}", "integration", centre.id, centre.name)
    add("admin", "administrator", "", "")
    add("inspector", "supervisor", "", "")
    return made


async def _person(session: AsyncSession, draft: Draft, unit: str, places: Places, hashed: str, now: dt.datetime) -> Person:
    known = await accounts.by_username(session, draft.username)
    if known is None:
        await accounts.create(session, WHO, draft, places, now, hashed=hashed, must_change=False)
    return Person(draft.username, draft.role, draft.unit, unit, known is None)
