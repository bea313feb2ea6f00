"""What can go wrong with the database in a way that a person can put right."""

from __future__ import annotations

from sqlalchemy import exc


class StorageError(Exception):
    """Base of the package's errors: a stable ``code`` and a sentence that says what to do."""

    code = "storage"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadUrl(StorageError):
    """The database URL names no database that this project works with."""

    code = "storage.bad_url"


class SchemaTooNew(StorageError):
    """The database was migrated by a newer release than this one."""

    code = "storage.schema_too_new"


class SchemaMissing(StorageError):
    """The database has not been migrated yet, or not far enough."""

    code = "storage.schema_missing"


class Unreachable(StorageError):
    """The database can't be reached or can't be opened."""

    code = "storage.unreachable"


_DATA_STATES = ("22", "23", "54")
"""PostgreSQL's classes: data exception, integrity constraint violation, program limit exceeded (a key too long)."""


def is_about_the_data(error: BaseException) -> bool:
    """True if the same work would fail again for what it says (a value out of range, a broken rule); false: an outage.

    A missing table counts as an outage: it is there after the migration.
    """
    if isinstance(error, exc.DataError | exc.IntegrityError):
        return True
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    if state and state[:2] in _DATA_STATES:
        return True
    if isinstance(error, exc.DBAPIError | exc.TimeoutError | exc.ResourceClosedError | OSError):
        return False
    return not isinstance(error, exc.InvalidRequestError)


def reason(error: BaseException) -> str:
    """The driver's own words in one line, without the statement and its values."""
    text = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    return text.splitlines()[0]
