"""Journals what an administrator did on the command line."""

from __future__ import annotations

import asyncio
import datetime as dt
import getpass
import sys
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from router.access.actor import Actor
from router.journal import journal
from router.journal.journal import Note
from router.storage.engine import Database
from router.storage.errors import StorageError, reason

if TYPE_CHECKING:
    from config.settings import Settings


def actor() -> Actor:
    """Whoever runs the command, by the name of the system's user."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return Actor(id=f"system:command-line:{name[:64]}", role="system", unit="", desk="")


def write(settings: Settings, action: str, subject: str, **detail: Any) -> None:
    """Write one entry into the system's chain. What was done stands: if the entry can't be written, that is said."""

    async def note() -> None:
        database = Database(settings.database_url, pool=1)
        try:
            async with database.write() as session:
                await journal.write(session, journal.SYSTEM, actor(), [Note(action, subject, detail)], dt.datetime.now(dt.UTC))
        finally:
            await database.close()

    try:
        asyncio.run(note())
    except (SQLAlchemyError, StorageError, OSError) as error:
        print(f"warning: {action} could not be journalled: {reason(error)}", file=sys.stderr)
