"""Seals every encrypted column anew with the key that seals now; found from the models, so no column is forgotten.

A batch is one transaction. Whatever is sealed with the newest key already is left alone: so a rotation that was interrupted is
simply begun again, and a value that somebody changes meanwhile is not overwritten.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import (
    ColumnClause,
    MetaData,
    Table,
    TableClause,
    Text,
    and_,
    bindparam,
    column,
    func,
    or_,
    select,
    table,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from router.storage import migrations, sealed
from router.storage.base import Base
from router.storage.engine import Database

BATCH = 200
"""Rows of a transaction: on SQLite nobody else writes meanwhile."""
Progress = Callable[[str, int, int], None]
"""Told after each batch: table, rows looked at, rows there were when it began."""


@dataclass(frozen=True, slots=True)
class Place:
    """A table with sealed columns, seen as it is stored: sealed values are plain text here."""

    table: TableClause
    keys: tuple[ColumnClause[Any], ...]
    columns: tuple[ColumnClause[str | None], ...]


@dataclass(slots=True)
class Count:
    """Of values, not rows."""

    looked: int = 0
    changed: int = 0


def places(metadata: MetaData = Base.metadata) -> list[Place]:
    """All tables with sealed columns, by name."""
    for name in migrations.MODELS:
        importlib.import_module(name)
    return [place for one in sorted(metadata.tables.values(), key=lambda one: one.name) if (place := _place(one))]


def _place(one: Table) -> Place | None:
    hidden = [each.name for each in one.columns if isinstance(each.type, sealed.Sealed)]
    if not hidden:
        return None
    keys = [each.name for each in one.primary_key]
    shadow = table(one.name, *(column(each.name, Text() if each.name in hidden else each.type) for each in one.columns))
    return Place(shadow, tuple(shadow.c[name] for name in keys), tuple(shadow.c[name] for name in hidden))


async def rotate(database: Database, progress: Progress | None = None, *, batch: int = BATCH) -> Count:
    """Seal what was sealed with older keys anew. Raise :class:`router.storage.sealed.KeysMissing` for a value that no key
    opens; what was done until then stays."""
    count = Count()
    for place in places():
        async for session, rows in _walk(database.write, place, progress, batch):
            changes: dict[str, list[dict[str, str]]] = {}
            for row in rows:
                for each in place.columns:
                    token = row[each.name]
                    if token is None:
                        continue
                    count.looked += 1
                    if not sealed.is_newest(token):
                        keys = {f"key_{key.name}": row[key.name] for key in place.keys}
                        changes.setdefault(each.name, []).append({**keys, "old": token, "new": sealed.rotate(token)})
            for name, values in changes.items():
                await _replace(session, place, name, values)
                count.changed += len(values)
    return count


async def _replace(session: AsyncSession, place: Place, name: str, values: Sequence[dict[str, str]]) -> None:
    mine = and_(*(key == bindparam(f"key_{key.name}") for key in place.keys))
    same = place.table.c[name] == bindparam("old")
    connection = await session.connection()
    await connection.execute(update(place.table).where(mine, same).values({name: bindparam("new")}), values)


async def by_key(database: Database, keys: Sequence[bytes], progress: Progress | None = None) -> dict[bytes | None, int]:
    """How many values each of these keys opens; under None: how many none of them opens."""
    boxes = [(key, Fernet(key)) for key in keys]
    found: dict[bytes | None, int] = {}
    for place in places():
        async for _, rows in _walk(database.read, place, progress, BATCH):
            for token in (row[each.name] for row in rows for each in place.columns):
                if token is not None:
                    key = next((key for key, box in boxes if _opens(box, token)), None)
                    found[key] = found.get(key, 0) + 1
    return found


def _opens(box: Fernet, token: str) -> bool:
    try:
        box.decrypt(token.encode())
    except InvalidToken:
        return False
    return True


async def sample(session: AsyncSession) -> str | None:
    """Some sealed value as it is stored; None: nothing has ever been sealed."""
    for place in places():
        for each in place.columns:
            found = (await session.execute(select(each).where(each.is_not(None)).limit(1))).scalar()
            if found is not None:
                return found
    return None


async def _walk(
    begin: Callable[[], AbstractAsyncContextManager[AsyncSession]], place: Place, progress: Progress | None, batch: int
) -> AsyncIterator[tuple[AsyncSession, list[dict[str, Any]]]]:
    """Batches of a table's rows, each in a session of its own that ends when the next batch is asked for."""
    anything = or_(*(each.is_not(None) for each in place.columns))
    async with begin() as session:
        total = (await session.execute(select(func.count()).select_from(place.table).where(anything))).scalar_one()
    last: tuple[Any, ...] | None = None
    done = 0
    while True:
        query = select(*place.keys, *place.columns).where(anything).order_by(*place.keys).limit(batch)
        if last is not None:
            query = query.where(tuple_(*place.keys) > tuple_(*last))
        async with begin() as session:
            rows = [dict(row) for row in (await session.execute(query)).mappings()]
            if rows:
                yield session, rows
        if not rows:
            return
        last = tuple(rows[-1][key.name] for key in place.keys)
        done += len(rows)
        if progress:
            progress(place.table.name, done, max(total, done))
