"""Columns that are encrypted at rest, and the keyed fingerprints by which they are found again.

A value is a Fernet token (AES-128-CBC with HMAC-SHA-256) under the first key of the ring; any key of the ring opens it, so keys
can be changed while the service runs: where the ring came from is asked for a newer one every second, and at once when a value
does not open. A fingerprint is HMAC-SHA-256 of a normalised value: equal values are equal, and nothing
else can be told of them. The ring is opened once per process, before the first session.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from router.storage.errors import StorageError


class KeysMissing(StorageError):
    """The process has not opened the keys of this installation, or not the one that a value was sealed with."""

    code = "storage.keys_missing"


@dataclass(frozen=True, slots=True)
class Ring:
    """Data keys, the newest first, and the key of fingerprints, which never changes."""

    keys: tuple[bytes, ...]
    """Each 32 bytes in URL-safe base64, as :meth:`cryptography.fernet.Fernet.generate_key` makes them."""
    index: bytes
    """32 bytes."""
    box: MultiFernet = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "box", MultiFernet([Fernet(key) for key in self.keys]))


Source = Callable[[], Ring | None]
"""Gives the ring that holds from now on, or None if it is the same as when it was last asked."""
LOOK_EVERY = 1.0
"""Seconds: so old may a ring be that something is sealed with."""


@dataclass(slots=True)
class _Opened:
    ring: Ring
    source: Source | None
    looked: float

    def look(self) -> bool:
        """Take a newer ring if there is one; true: there was."""
        self.looked = time.monotonic()
        fresh = self.source() if self.source else None
        if fresh is None:
            return False
        self.ring = fresh
        return True


_opened: _Opened | None = None


def use(ring: Ring, source: Source | None = None) -> None:
    """Seal and open with this ring from now on, in this process; ``source`` tells of newer ones."""
    global _opened
    _opened = _Opened(ring, source, time.monotonic())


def ring() -> Ring:
    """The ring in use; raise :class:`KeysMissing`."""
    opened = _held()
    if time.monotonic() - opened.looked >= LOOK_EVERY:
        opened.look()
    return opened.ring


def close() -> None:
    """Forget the ring."""
    global _opened
    _opened = None


def _held() -> _Opened:
    if _opened is None:
        raise KeysMissing("the data keys have not been opened: call router.storage.vault.unlock at start")
    return _opened


def seal(text: str) -> str:
    return ring().box.encrypt(text.encode()).decode()


def open_(token: str) -> str:
    """Raise :class:`KeysMissing` if no key of the ring opens it."""
    data = token.encode()
    try:
        return ring().box.decrypt(data).decode()
    except InvalidToken:
        pass
    opened = _held()
    try:
        if opened.look():
            return opened.ring.box.decrypt(data).decode()
    except InvalidToken:
        pass
    raise KeysMissing("a sealed value was written with a key that is not in data/secrets/data.keys: restore it")


def is_newest(token: str) -> bool:
    """Whether the value is sealed with the key that seals now."""
    try:
        Fernet(ring().keys[0]).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def rotate(token: str) -> str:
    """The same value under the key that seals now; raise :class:`KeysMissing` if no key opens it."""
    try:
        return ring().box.rotate(token.encode()).decode()
    except InvalidToken:
        raise KeysMissing("a sealed value was written with a key that is not in data/secrets/data.keys: restore it") from None


def fingerprint(kind: str, value: str) -> str:
    """By which equal values of a kind (``number``, ``place``, ``name``…) are found; 32 hexadecimal digits."""
    return fingerprint_by(ring(), kind, value)


def fingerprint_by(one: Ring, kind: str, value: str) -> str:
    """The same with a ring that need not be in use."""
    return hmac.new(one.index, f"{kind}\0{value}".encode(), hashlib.sha256).hexdigest()[:32]


def fingerprints(kind: str, values: Sequence[str]) -> list[str]:
    return [fingerprint(kind, value) for value in values]


class Sealed(TypeDecorator[str]):
    """Text that the database holds encrypted."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else seal(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else open_(value)
