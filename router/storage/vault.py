"""Opens the data keys of an installation for this process, and refuses keys that are not those of its database.

A known text, sealed, lies in the database (``key_check``). A process whose key file is missing, damaged or another
installation's is refused with a sentence before it seals anything; a new file is made only when nothing was ever sealed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography.fernet import InvalidToken
from sqlalchemy import Text, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession

from config.errors import ConfigError
from config.keys import DataKeys, KeyFile
from config.private import Stamp
from router.storage import rotation, sealed, upsert
from router.storage.base import table_of
from router.storage.engine import Database
from router.storage.errors import StorageError
from router.storage.journal import KeyCheck

log = structlog.get_logger()

CHECK = table_of(KeyCheck)
ID, KNOWN = "data", "hotline"
_RESTORE = "copy it from a backup, or from another machine of this installation"


class KeysRefused(StorageError):
    """The key file is missing or not the one that this database was sealed with."""

    code = "storage.keys_refused"


def ring_of(keys: DataKeys) -> sealed.Ring:
    return sealed.Ring(keys.opening, keys.index)


async def unlock(database: Database, data_dir: Path) -> sealed.Ring:
    """Seal and open with the keys of ``data_dir`` from now on, in this process; they are read anew when the file changes.

    The database must be migrated. Raise :class:`KeysRefused`; :class:`config.errors.ConfigError` for a damaged file.
    """
    file = KeyFile(data_dir)
    held = file.read()
    async with database.read() as session:
        stored, other = await _stored(session)
    if held is None:
        if stored is not None or other is not None:
            raise KeysRefused(f"{file.file} is missing, and the database holds values that only its keys open: {_RESTORE}")
        held = file.make()
        log.info("vault.keys_made", file=str(file.file), hint="keep a copy apart from the database's backups")
    ring = ring_of(held)
    if stored is None and other is not None and not _opens(ring, other):
        raise KeysRefused(f"the keys in {file.file} don't open what this database holds: {_RESTORE}")
    sealed.use(ring, _Watch(file, file.stamp()))
    if stored is None:
        async with database.write() as session:
            row = {"id": ID, "sealed": KNOWN, "print": sealed.fingerprint(ID, KNOWN)}
            await upsert.insert_new(session, CHECK, [row])
            stored, _ = await _stored(session)
    if stored is None or not matches(ring, *stored):
        sealed.close()
        raise KeysRefused(f"the keys in {file.file} are not those that this database was sealed with: {_RESTORE}")
    return ring


def matches(ring: sealed.Ring, token: str, print_: str) -> bool:
    """Whether the stored known text is this ring's."""
    return _opens(ring, token) and sealed.fingerprint_by(ring, ID, KNOWN) == print_


async def still_opens(session: AsyncSession) -> bool:
    """Whether this process's keys are (still) those of the database: a machine that a new key never reached is told so."""
    stored, _ = await _stored(session)
    return stored is None or matches(sealed.ring(), *stored)


async def _stored(session: AsyncSession) -> tuple[tuple[str, str] | None, str | None]:
    """The known text as it is stored, with its print; without it, any other sealed value."""
    query = select(type_coerce(CHECK.c.sealed, Text), CHECK.c.print).where(CHECK.c.id == ID)
    row = (await session.execute(query)).first()
    if row is not None:
        return (row[0], row[1]), None
    return None, await rotation.sample(session)


def _opens(ring: sealed.Ring, token: str) -> bool:
    try:
        ring.box.decrypt(token.encode())
    except InvalidToken:
        return False
    return True


@dataclass(slots=True)
class _Watch:
    """Gives the ring of a changed file; while that can't be read, what was known stays true."""

    file: KeyFile
    stamp: Stamp | None
    told: bool = False

    def __call__(self) -> sealed.Ring | None:
        stamp = self.file.stamp()
        if stamp == self.stamp:
            return None
        try:
            held = self.file.read()
        except ConfigError as error:
            held = None
            self._tell(str(error))
        else:
            if held is None:
                self._tell(f"{self.file.file} is missing")
        if held is None:
            return None
        self.stamp, self.told = stamp, False
        log.info("vault.keys_read_anew", seals=held.keys[0].id, keys=len(held.keys))
        return ring_of(held)

    def _tell(self, what: str) -> None:
        if not self.told:
            log.error("vault.keys_unreadable", error=what, hint="the keys read before stay in use; restore the file")
            self.told = True
