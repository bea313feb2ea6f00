"""Versions of a city's catalog in SQL: whole, unchanging, each in force from a date until the next one's."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from router.access.actor import Actor, system
from router.catalog import files, plain
from router.catalog.errors import BadDate, NothingNew
from router.catalog.model import Catalog
from router.errors import Invalid, NotFound
from router.journal import journal, outbox
from router.journal.journal import Note
from router.journal.outbox import News
from router.organisation import divisions
from router.storage.base import table_of
from router.storage.organisation import CatalogVersion

VERSION = table_of(CatalogVersion)
LATE = dt.timedelta(minutes=5)
"""A date so little in the past means now: it was chosen before the form was sent."""
LONGEST_NOTE = 500
_KEPT = 32
"""Catalogs that a process keeps parsed."""
_parsed: OrderedDict[tuple[str, str, dt.datetime], Catalog] = OrderedDict()


class NoCatalog(NotFound):
    """The city has no version in force."""

    code = "catalog.none"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two catalogs. ``field`` is empty where a whole entry came or went."""

    section: str
    code: str
    kind: str
    """added | removed | changed."""
    field: str = ""
    before: Any = None
    after: Any = None


async def publish(
    session: AsyncSession,
    content: Mapping[str, Any],
    *,
    city: str,
    effective_at: dt.datetime | None,
    actor: Actor,
    note: str,
    now: dt.datetime,
    consultation: str | None = None,
) -> CatalogVersion:
    """Keep a new version, in force from ``effective_at`` (None: now).

    Raise :class:`router.catalog.errors.BadCatalog` for wrong content, :class:`BadDate` for a date in the past or before the
    newest version's, :class:`NothingNew` if the content is the newest version's.
    """
    if not divisions.known(city):
        raise Invalid(f"没有行政区划代码“{city}”", "请填写 GB/T 2260 的州市代码", field="city")
    if len(note) > LONGEST_NOTE:
        raise Invalid(f"说明超过{LONGEST_NOTE}字", "请缩短说明", field="note")
    await journal.lock(session, journal.SYSTEM)
    newest = (await session.execute(_newest(city))).first()
    serial = 1 if newest is None else newest.serial + 1
    version = f"{city}-{serial}"
    since = _date(effective_at, newest.effective_at, now) if newest else effective_at or now
    catalog = plain.parse(content, version=version, city=city, effective_at=since)
    complete = plain.dump(catalog)
    digest = plain.sha256(complete)
    if newest is not None and newest.sha256 == digest:
        raise NothingNew(f"内容与现有最新版本 {newest.id} 完全相同", "请确认要发布的内容", current=newest.id)
    row = {
        "id": version,
        "city": city,
        "serial": serial,
        "effective_at": since,
        "note": note.strip(),
        "sha256": digest,
        "content": complete,
        "created_at": now,
        "created_by": actor.id,
        "consultation": consultation,
    }
    await session.execute(insert(VERSION), [row])
    detail = {"city": city, "effective_at": since.isoformat(), "sha256": digest, "consultation": consultation}
    await journal.write(session, journal.SYSTEM, actor, [Note("catalog.published", version, detail)], now)
    await outbox.write(
        session, [News("catalog.published", {"city": city, "version": version, "effective_at": since.isoformat()})], now
    )
    return await _row(session, version)


def _date(effective_at: dt.datetime | None, newest: dt.datetime, now: dt.datetime) -> dt.datetime:
    since = effective_at or max(now, newest)
    if since < now - LATE:
        raise BadDate(
            f"生效时间 {since.isoformat()} 已经过去", "请选择现在或者以后的时间", field="effective_at", now=now.isoformat()
        )
    since = max(since, now)
    if since < newest:
        raise BadDate(
            f"生效时间早于最新版本的生效时间 {newest.isoformat()}",
            "请选择不早于它的时间",
            field="effective_at",
            current=newest.isoformat(),
        )
    return since


def _newest(city: str) -> Select[Any]:
    columns = (VERSION.c.id, VERSION.c.serial, VERSION.c.sha256, VERSION.c.effective_at)
    return select(*columns).where(VERSION.c.city == city).order_by(VERSION.c.serial.desc()).limit(1)


async def _row(session: AsyncSession, version: str) -> CatalogVersion:
    found = await session.get(CatalogVersion, version)
    if found is None:
        raise NotFound(f"没有事项清单版本“{version}”", "请核对版本号", version=version)
    return found


async def ensure_first(session: AsyncSession, folder: Path, city: str, now: dt.datetime) -> CatalogVersion | None:
    """Publish what the files of ``folder`` say if the city has no version yet, in force since ever; return it, or None."""
    await journal.lock(session, journal.SYSTEM)
    if (await session.execute(_newest(city))).first() is not None:
        return None
    return await publish(
        session,
        files.read(folder, city),
        city=city,
        effective_at=files.FIRST,
        actor=system("catalog"),
        note="初始清单",
        now=now,
    )


async def at(session: AsyncSession, city: str, moment: dt.datetime) -> Catalog:
    """The catalog of a city that is in force at a moment; raise :class:`NoCatalog`."""
    query = (
        select(VERSION.c.id, VERSION.c.sha256, VERSION.c.effective_at)
        .where(VERSION.c.city == city, VERSION.c.effective_at <= moment)
        .order_by(VERSION.c.effective_at.desc(), VERSION.c.serial.desc())
        .limit(1)
    )
    row = (await session.execute(query)).first()
    if row is None:
        raise NoCatalog(f"{city} 没有生效的事项清单", "请先发布事项清单", city=city)
    return await _catalog(session, row.id, city, row.sha256, row.effective_at)


async def newest(session: AsyncSession, city: str) -> Catalog | None:
    """The last version of a city, in force already or not yet; None: it has none."""
    row = (await session.execute(_newest(city))).first()
    return None if row is None else await _catalog(session, row.id, city, row.sha256, row.effective_at)


async def load(session: AsyncSession, version: str) -> Catalog:
    """A version's catalog, whether in force or not; raise :class:`router.errors.NotFound`."""
    query = select(VERSION.c.city, VERSION.c.sha256, VERSION.c.effective_at).where(VERSION.c.id == version)
    row = (await session.execute(query)).first()
    if row is None:
        raise NotFound(f"没有事项清单版本“{version}”", "请核对版本号", version=version)
    return await _catalog(session, version, row.city, row.sha256, row.effective_at)


async def _catalog(session: AsyncSession, version: str, city: str, digest: str, since: dt.datetime) -> Catalog:
    # A version never changes, so what was parsed once holds for ever; the digest tells databases of one process apart.
    key = (version, digest, since)
    found = _parsed.get(key)
    if found is None:
        content = (await session.execute(select(VERSION.c.content).where(VERSION.c.id == version))).scalar_one()
        found = plain.parse(content, version=version, city=city, effective_at=since)
        _parsed[key] = found
        while len(_parsed) > _KEPT:
            _parsed.popitem(last=False)
    else:
        _parsed.move_to_end(key)
    return found


async def history(session: AsyncSession, city: str, *, before: int | None = None, limit: int = 50) -> Sequence[CatalogVersion]:
    """Versions of a city without their content, the newest first; ``before``: of lower serials only."""
    query = select(CatalogVersion).where(CatalogVersion.city == city).options(defer(CatalogVersion.content))
    if before is not None:
        query = query.where(CatalogVersion.serial < before)
    return (await session.scalars(query.order_by(CatalogVersion.serial.desc()).limit(limit))).all()


async def cities(session: AsyncSession) -> list[str]:
    """Cities that have a catalog."""
    query = select(VERSION.c.city).group_by(VERSION.c.city).having(func.count() > 0).order_by(VERSION.c.city)
    return list((await session.execute(query)).scalars())


def diff(before: Catalog, after: Catalog) -> list[Change]:
    """What is different in ``after``, section by section, in the order of codes."""
    old, new = plain.dump(before), plain.dump(after)
    changes: list[Change] = []
    for section in plain.SECTIONS:
        was, is_ = old[section], new[section]
        for code in sorted(was.keys() | is_.keys()):
            if code not in was:
                changes.append(Change(section, code, "added", after=is_[code]))
            elif code not in is_:
                changes.append(Change(section, code, "removed", before=was[code]))
            elif isinstance(was[code], dict) and section in ("items", "classes", "rules"):
                changes += [
                    Change(section, code, "changed", key, was[code][key], is_[code][key])
                    for key in was[code]
                    if was[code][key] != is_[code][key]
                ]
            elif was[code] != is_[code]:
                changes.append(Change(section, code, "changed", "", was[code], is_[code]))
    return changes


def renamed(old: Catalog, new: Catalog) -> dict[str, str | None]:
    """What became of the items of an older version: code then to code now, None if nothing took its place.

    For whoever knows the older version's codes: a trained classifier, a peer system.
    """
    mapping: dict[str, str | None] = {}
    for code in old.items:
        found = new.item(code)
        mapping[code] = None if found is None else found.code
    return mapping
