"""The declarative base of all tables, and how moments in time are stored."""

from __future__ import annotations

import datetime as dt
from typing import Any, overload

from sqlalchemy import DateTime, Dialect, MetaData, Table
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Moment(TypeDecorator[dt.datetime]):
    """A moment as a timezone-aware datetime in UTC; SQLite, which knows no zones, keeps it in UTC as well."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone: store moments with one")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: dict[Any, Any] = {dt.datetime: Moment}  # noqa: RUF012 (SQLAlchemy's own declaration)


def table_of(model: type[Base]) -> Table:
    """The table of a model, for statements that ORM objects would only slow down."""
    found = model.__table__
    assert isinstance(found, Table)
    return found


@overload
def moment(seconds: float) -> dt.datetime: ...
@overload
def moment(seconds: None) -> None: ...
def moment(seconds: float | None) -> dt.datetime | None:
    """Seconds since 1970 (as in the contract) to a datetime in UTC, to the microsecond.

    Raise ValueError or OverflowError for what no calendar knows.
    """
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)


@overload
def seconds(moment: dt.datetime) -> float: ...
@overload
def seconds(moment: None) -> None: ...
def seconds(moment: dt.datetime | None) -> float | None:
    """A datetime with zone to seconds since 1970."""
    return None if moment is None else moment.timestamp()
