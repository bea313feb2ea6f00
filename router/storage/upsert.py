"""INSERT … ON CONFLICT in the dialect of the session at hand (SQLite and PostgreSQL say it alike)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

Row = Mapping[str, Any]
_AT_ONCE = 200
"""Rows of one statement: SQLite takes 32766 values in one, PostgreSQL 65535."""


def _insert(session: AsyncSession, table: Table) -> Any:
    return sqlite.insert(table) if session.get_bind().dialect.name == "sqlite" else postgresql.insert(table)


def _ordered(table: Table, rows: Iterable[Row]) -> list[Row]:
    # All writers lock rows in one order, so two of them can't wait for each other.
    keys = [column.name for column in table.primary_key]
    return sorted(rows, key=lambda row: tuple(row[key] for key in keys))


async def replace_older(session: AsyncSession, table: Table, rows: Iterable[Row], newer_by: str) -> None:
    """Insert rows; one that is there is replaced as a whole if its column ``newer_by`` is less than the new row's.

    ``rows`` may name a key more than once; the newest counts.
    """
    key = next(iter(table.primary_key)).name
    newest: dict[Any, Row] = {}
    for row in rows:
        seen = newest.get(row[key])
        if seen is None or seen[newer_by] < row[newer_by]:
            newest[row[key]] = row
    ordered = _ordered(table, newest.values())
    for start in range(0, len(ordered), _AT_ONCE):
        insert = _insert(session, table).values(ordered[start : start + _AT_ONCE])
        older: ColumnElement[bool] = table.c[newer_by] < insert.excluded[newer_by]
        changes = {column.name: insert.excluded[column.name] for column in table.c if not column.primary_key}
        await session.execute(insert.on_conflict_do_update(index_elements=[key], set_=changes, where=older))


async def insert_new(session: AsyncSession, table: Table, rows: Sequence[Row]) -> set[Any]:
    """Insert the rows whose key is not there yet; return the last key column's values of those that were inserted.

    Another transaction that is inserting the same key is waited for.
    """
    keys = list(table.primary_key)
    unique = {tuple(row[key.name] for key in keys): row for row in rows}
    ordered = _ordered(table, unique.values())
    inserted: set[Any] = set()
    for start in range(0, len(ordered), _AT_ONCE):
        insert = _insert(session, table).values(ordered[start : start + _AT_ONCE])
        found = await session.execute(insert.on_conflict_do_nothing(index_elements=keys).returning(keys[-1]))
        inserted.update(found.scalars())
    return inserted
