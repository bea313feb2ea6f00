"""The data keys of an installation: what sensitive columns are encrypted with, in a file that the service's user alone can read.

``<data>/secrets/data.keys`` is made at the first start. The first key seals; every key opens. A key that has been added waits
as ``next`` until it is promoted: so that a file can be copied to all machines before any of them seals with the new key. The
key of fingerprints never changes: by it, equal values are found.

Nothing here knows the database. Whether a new file may be made (never, once something is sealed) is asked in
:mod:`router.storage.vault`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from config import private
from config.errors import ConfigError, Problem

NAME = "data.keys"
BYTES = 32


@dataclass(frozen=True, slots=True)
class DataKey:
    """One key: 32 bytes in URL-safe base64 (a Fernet key)."""

    key: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """By which people name it: the beginning of its SHA-256."""
        return hashlib.sha256(self.key).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class DataKeys:
    """What the file holds."""

    keys: tuple[DataKey, ...]
    """The first one seals, all open; never empty."""
    index: bytes = field(repr=False)
    """Key of fingerprints, 32 bytes."""
    next: DataKey | None = None
    """Opens already, seals after it has been promoted."""

    @property
    def opening(self) -> tuple[bytes, ...]:
        """All keys, the sealing one first."""
        return tuple(one.key for one in (*self.keys, *([self.next] if self.next else [])))


class KeyFile:
    """The file of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "secrets"
        self.file = self.folder / NAME

    def read(self) -> DataKeys | None:
        """None if there is no file; raise :class:`ConfigError` if it is damaged or others may read it."""
        try:
            text = self.file.read_text(encoding="utf-8")
            private.check_mode(self.file)
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise self._damaged() from error
        except OSError as error:
            raise self._problem(f"can't be read ({error.strerror})", "start as its owner") from error
        try:
            return _parse(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged() from error

    def stamp(self) -> private.Stamp | None:
        return private.stamp(self.file)

    def make(self) -> DataKeys:
        """Make the file, or read the one that another process has made meanwhile. Only for a database that holds nothing
        sealed."""
        with private.locked(self.folder):
            found = self.read()
            if found is None:
                found = DataKeys((_fresh(),), secrets.token_bytes(BYTES))
                self._store(found)
            return found

    def add(self) -> DataKey:
        """Make a key that waits to be promoted; one that waits already is returned."""
        with private.locked(self.folder):
            held = self._held()
            if held.next is None:
                held = replace(held, next=_fresh())
                self._store(held)
            assert held.next is not None
            return held.next

    def promote(self) -> DataKey:
        """Seal with the key that waits from now on."""
        with private.locked(self.folder):
            held = self._held()
            if held.next is None:
                raise self._problem("holds no key that waits to be used", "run `hotline keys add` first")
            self._store(DataKeys((held.next, *held.keys), held.index))
            return held.next

    def retire(self, key: str) -> None:
        """Drop a key by its id. Only when nothing is sealed with it any more."""
        with private.locked(self.folder):
            held = self._held()
            if held.keys[0].id == key:
                raise self._problem(f"seals with {key} now", "run `hotline keys rotate` first")
            left = tuple(one for one in held.keys if one.id != key)
            waits = held.next is not None and held.next.id == key
            if len(left) == len(held.keys) and not waits:
                raise self._problem(f"holds no key {key}", "see `hotline keys list`")
            self._store(DataKeys(left, held.index, None if waits else held.next))

    def _held(self) -> DataKeys:
        held = self.read()
        if held is None:
            raise self._problem("does not exist", "restore it from a backup; a first start makes it")
        return held

    def _store(self, keys: DataKeys) -> None:
        content = {
            "index": base64.urlsafe_b64encode(keys.index).decode(),
            "keys": [one.key.decode() for one in keys.keys],
            "next": keys.next.key.decode() if keys.next else None,
        }
        try:
            private.write(self.file, (json.dumps(content, indent=1) + "\n").encode())
        except OSError as error:
            raise self._problem(f"can't be written ({error.strerror})", "make room, and start as its owner") from error

    def _damaged(self) -> ConfigError:
        return self._problem("is damaged", "restore it from a backup: what is sealed with its keys can't be read without them")

    def _problem(self, what: str, remedy: str) -> ConfigError:
        return ConfigError([Problem(str(self.file), None, "", what, remedy)])


def _parse(content: Any) -> DataKeys:
    """Raise ValueError and the like for what is no key file."""
    keys = tuple(DataKey(_key(one)) for one in content["keys"])
    if not keys:
        raise ValueError("no key")
    waiting = content["next"]
    return DataKeys(keys, base64.urlsafe_b64decode(_key(content["index"])), None if waiting is None else DataKey(_key(waiting)))


def _key(text: str) -> bytes:
    try:
        if len(base64.b64decode(text.encode(), altchars=b"-_", validate=True)) != BYTES:
            raise ValueError("a key has 32 bytes")
    except binascii.Error as error:
        raise ValueError("not base64") from error
    return text.encode()


def _fresh() -> DataKey:
    return DataKey(base64.urlsafe_b64encode(secrets.token_bytes(BYTES)))
