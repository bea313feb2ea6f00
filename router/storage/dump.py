"""Tables as lines of JSON and back, the same from SQLite and PostgreSQL, a batch of rows in memory at a time.

The first line of a table names its columns and what they hold; each further line is one row. What is sealed stays sealed, and
JSON stays the text that it was. Tables are read as they are in the database, not as this release's models say: so that the
backup of an older release can be read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, MetaData, Table, types
from sqlalchemy.dialects import postgresql

from router.storage.errors import StorageError

VERSION_TABLE = "alembic_version"
BATCH = 500
"""Rows in memory at a time."""


class NotOurs(StorageError):
    """What is to be loaded does not fit the tables."""

    code = "storage.dump_unfit"


class _Text(types.TypeDecorator[str]):
    """A JSON column read and written as its text."""

    impl = types.Text
    cache_ok = True


class _PostgresqlText(_Text):
    cache_ok = True

    def column_expression(self, column: Any) -> Any:
        return sa.cast(column, types.Text)

    def bind_expression(self, value: Any) -> Any:
        return sa.cast(sa.type_coerce(value, types.Text), postgresql.JSON)


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: str
    """text | int | float | bool | moment | date | json | bytes."""


def tables(connection: Connection) -> list[Table]:
    """All tables but the migrations' own, those that others refer to first."""
    metadata = MetaData()
    dialect = connection.dialect.name

    def reflected(_inspector: Any, _table: Any, column: dict[str, Any]) -> None:
        if isinstance(column["type"], types.JSON):
            column["type"] = _PostgresqlText() if dialect == "postgresql" else _Text()

    sa.event.listen(metadata, "column_reflect", reflected)
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name != VERSION_TABLE]


def columns(table: Table) -> list[Column]:
    return [Column(str(column.name), _kind(column)) for column in table.columns]


def _kind(column: sa.Column[Any]) -> str:
    kinds: tuple[tuple[type[Any], str], ...] = (
        (_Text, "json"),
        (types.Boolean, "bool"),
        (types.Integer, "int"),
        (types.Float, "float"),
        (types.DateTime, "moment"),
        (types.Date, "date"),
        (types.LargeBinary, "bytes"),
        (types.String, "text"),
    )
    for type_, kind in kinds:
        if isinstance(column.type, type_):
            return kind
    raise NotOurs(f"column {column.table.name}.{column.name} is of a type that is not known ({column.type})")


def lines(connection: Connection, table: Table) -> Iterator[bytes]:
    """The table's lines, each with its end; rows in the order of the key."""
    known = columns(table)
    yield msgspec.json.encode({"columns": [[one.name, one.kind] for one in known]}) + b"\n"
    moments = [index for index, one in enumerate(known) if one.kind == "moment"]
    query = sa.select(table).order_by(*table.primary_key).execution_options(yield_per=BATCH)
    encode = msgspec.json.Encoder().encode
    for part in connection.execute(query).partitions():
        for row in part:
            values = list(row)
            for index in moments:
                if values[index] is not None:
                    values[index] = _utc(values[index])
            yield encode(values) + b"\n"


def _utc(value: dt.datetime) -> dt.datetime:
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def load(connection: Connection, table: Table, source: Iterable[bytes]) -> int:
    """Insert a table's lines; return how many rows there were. Raise :class:`NotOurs` if they don't fit the table."""
    found = iter(source)
    here = {one.name: one.kind for one in columns(table)}
    try:
        head = msgspec.json.decode(next(found, b""))["columns"]
        there = {str(name): str(kind) for name, kind in head}
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        raise NotOurs(f"the lines of table {table.name} name no columns") from None
    if there != here:
        differ = sorted(set(there.items()) ^ set(here.items()))
        raise NotOurs(f"table {table.name} has other columns than the backup: {', '.join(name for name, _ in differ[:5])}")
    count = 0
    for batch in _batches(found):
        rows = [_row(table.name, head, line, connection.dialect.name == "sqlite") for line in batch]
        connection.execute(sa.insert(table), rows)
        count += len(rows)
    return count


def _batches(source: Iterator[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for line in source:
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _row(table: str, head: Sequence[Sequence[str]], line: bytes, naive: bool) -> dict[str, Any]:
    try:
        values = msgspec.json.decode(line)
        if len(values) != len(head):
            raise ValueError("another number of values than columns")
        return {name: _value(kind, value, naive) for (name, kind), value in zip(head, values, strict=True)}
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise NotOurs(f"a line of table {table} can't be read: {error}") from None


def _value(kind: str, value: Any, naive: bool) -> Any:
    if value is None:
        return None
    if kind == "moment":
        moment = dt.datetime.fromisoformat(value)
        return moment.astimezone(dt.UTC).replace(tzinfo=None) if naive else moment
    if kind == "date":
        return dt.date.fromisoformat(value)
    if kind == "bytes":
        return msgspec.convert(value, bytes)
    return value


def count(connection: Connection, table: Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def follow_sequences(connection: Connection, found: Iterable[Table]) -> None:
    """Let columns that PostgreSQL counts by itself go on after the highest value that was loaded."""
    if connection.dialect.name != "postgresql":
        return
    for table in found:
        for column in table.primary_key:
            name = connection.execute(
                sa.text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": f'"{table.name}"', "column": column.name}
            ).scalar()
            if name is None:
                continue
            highest = connection.execute(sa.select(sa.func.max(column))).scalar()
            connection.execute(
                sa.text("SELECT setval(CAST(:name AS regclass), :value, :called)"),
                {"name": name, "value": highest or 1, "called": highest is not None},
            )


def empty(connection: Connection, found: Iterable[Table]) -> bool:
    """True if no table holds a row."""
    return all(connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is None for table in found)
