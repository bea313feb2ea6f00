"""The book of checkpoints: signed lines in a folder outside SQL, each bound to the one before. Files only, no database.

``<data>/journal/2026-05.jsonl`` holds the lines of a month (UTC); ``key-<id>.pub`` beside them is what an auditor checks them
with. The private key lies in ``<data>/secrets/journal.key``. A line is JSON:

``book``      random name of this folder's book
``number``    1, 2, 3 … through all months
``at``        when
``previous``  SHA-256 of the line before (64 zeros for the first)
``heads``     ``{chain: [seq, hash]}`` of the chains that changed since they were last sealed
``totals``    ``{"chains": …, "entries": …}`` that the journal held at that moment
``repaired``  only after a torn line was cut off: ``{"bytes": …, "sha256": …}`` of what was cut
``key``       id of the key
``signature`` Ed25519 over everything else of the line, in base64
"""

from __future__ import annotations

import base64
import datetime as dt
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from config import private
from config.errors import ConfigError
from router.journal.chain import FIRST
from router.storage.errors import StorageError

Head = tuple[int, str]
_PIECE = 1 << 16


class BookUnwritable(StorageError):
    """The checkpoint can't be written, e.g. the disk is full; nothing is lost, the next one covers it."""

    code = "journal.checkpoint_unwritable"


@dataclass(frozen=True, slots=True)
class Line:
    """One checkpoint."""

    book: str
    number: int
    at: dt.datetime
    previous: str
    heads: Mapping[str, Head]
    totals: Mapping[str, int]
    repaired: Mapping[str, Any] | None
    key: str
    signature: str
    signed: bytes = field(repr=False)
    """What the signature is over."""
    hash: str = ""


def parse(text: bytes) -> Line:
    """Raise ValueError for what is no line of a book."""
    try:
        said = json.loads(text)
        signature = said.pop("signature")
        return Line(
            book=str(said["book"]),
            number=int(said["number"]),
            at=dt.datetime.fromisoformat(said["at"]),
            previous=str(said["previous"]),
            heads={chain: (int(seq), str(hash_)) for chain, (seq, hash_) in said["heads"].items()},
            totals={name: int(value) for name, value in said["totals"].items()},
            repaired=said.get("repaired"),
            key=str(said["key"]),
            signature=str(signature),
            signed=_canonical(said),
            hash=hash_of(text),
        )
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no checkpoint: {error!r}") from error


def hash_of(text: bytes) -> str:
    """Of a line without its line feed, in hexadecimal digits: what the next line names as ``previous``."""
    return hashlib.sha256(text).hexdigest()


def _canonical(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def verified(line: Line, keys: Mapping[str, Ed25519PublicKey]) -> bool:
    """Whether one of these keys has signed the line."""
    key = keys.get(line.key)
    if key is None:
        return False
    try:
        key.verify(base64.b64decode(line.signature, validate=True), line.signed)
    except (InvalidSignature, ValueError):
        return False
    return True


# --- keys


def key_id(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def private_key(file: Path) -> Ed25519PrivateKey:
    """The signing key, made when there is none. Raise :class:`BookUnwritable` if it can't be read or made."""
    try:
        with private.locked(file.parent):
            if not file.exists():
                fresh = Ed25519PrivateKey.generate()
                pem = fresh.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
                private.write(file, pem)
            private.check_mode(file)
            found = serialization.load_pem_private_key(file.read_bytes(), None)
    except OSError as error:
        raise BookUnwritable(f"{file} can't be read or made ({error.strerror})") from error
    except ConfigError as error:
        raise BookUnwritable(str(error)) from error
    except (ValueError, TypeError) as error:
        raise BookUnwritable(f"{file} is damaged: restore it, or move it away: the next checkpoint makes a new key") from error
    if not isinstance(found, Ed25519PrivateKey):
        raise BookUnwritable(f"{file} holds another kind of key: move it away, and the next checkpoint makes one")
    return found


def public_keys(folder: Path) -> dict[str, Ed25519PublicKey]:
    """The keys that lie beside the checkpoints, by id; files that hold none are passed over."""
    found = {}
    for file in sorted(folder.glob("*.pub")):
        try:
            key = serialization.load_pem_public_key(file.read_bytes())
        except (ValueError, OSError):
            continue
        if isinstance(key, Ed25519PublicKey):
            found[key_id(key)] = key
    return found


# --- reading


def months(folder: Path) -> list[Path]:
    """The files of the book in their order."""
    return sorted(folder.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9].jsonl"))


def raw_lines(file: Path) -> Iterator[bytes]:
    """Lines of a file, whole ones with their line feed; the last may lack it (torn by a power cut)."""
    with file.open("rb") as stream:
        yield from stream


@dataclass(frozen=True, slots=True)
class End:
    """How a book ends."""

    file: Path | None
    """Where the last whole line is."""
    size: int
    """Bytes of that file up to and with it."""
    last: bytes
    """The last whole line, without its line feed."""
    torn: bytes
    """What follows it: a line that was not written to its end."""
    torn_in: Path | None


def end_of(folder: Path) -> End:
    """Look from the end; only the last lines are read."""
    torn, torn_in = b"", None
    for file in reversed(months(folder)):
        whole, rest, size = _tail(file)
        if rest:
            torn, torn_in = rest, file
        if whole is not None:
            return End(file, size, whole, torn, torn_in)
    return End(None, 0, b"", torn, torn_in)


def _tail(file: Path) -> tuple[bytes | None, bytes, int]:
    """The last whole line (None: there is none), what follows it, and where that begins."""
    with file.open("rb") as stream:
        position = stream.seek(0, os.SEEK_END)
        got = b""
        while position and got.count(b"\n") < 2:
            step = min(_PIECE, position)
            position -= step
            stream.seek(position)
            got = stream.read(step) + got
    whole, feed, rest = got.rpartition(b"\n")
    return whole.rpartition(b"\n")[2] if feed else None, rest, position + len(whole) + len(feed)


# --- writing


@dataclass(frozen=True, slots=True)
class Mark:
    """The last line of a book, as the database remembers it."""

    book: str
    number: int
    hash: str
    key: str
    at: dt.datetime


class Book:
    """Writes checkpoints. All methods block; one process at a time writes, whoever else waits."""

    def __init__(self, folder: Path, key_file: Path) -> None:
        self.folder = folder
        self._key_file = key_file
        self.repaired = 0
        """Torn lines that this process has cut off."""

    def append(self, heads: Mapping[str, Head], totals: Mapping[str, int], now: dt.datetime) -> Mark:
        """Write a line and wait until the disk has it. Raise :class:`BookUnwritable`: then the book is as before."""
        try:
            key = private_key(self._key_file)
            with self._locked():
                self._publish(key.public_key())
                return self._append(key, heads, totals, now)
        except OSError as error:
            raise BookUnwritable(f"the checkpoint can't be written below {self.folder} ({error.strerror})") from error

    def _append(self, key: Ed25519PrivateKey, heads: Mapping[str, Head], totals: Mapping[str, int], now: dt.datetime) -> Mark:
        end = end_of(self.folder)
        said: dict[str, Any] = {"at": now.astimezone(dt.UTC).isoformat(timespec="seconds"), "heads": heads, "totals": totals}
        said |= self._place(end)
        if end.torn_in is not None:
            self._cut(end)
            said["repaired"] = {"bytes": len(end.torn), "sha256": hash_of(end.torn)}
        said["key"] = key_id(key.public_key())
        # What is signed is what a reader parses: pairs become lists, and so on.
        signature = key.sign(_canonical(json.loads(json.dumps(said))))
        text = _canonical({**said, "signature": base64.b64encode(signature).decode()})
        # A clock that goes back starts no earlier month: the order of files is the order of lines.
        name = max(f"{now.astimezone(dt.UTC):%Y-%m}.jsonl", end.file.name if end.file else "")
        self._write(self.folder / name, text + b"\n")
        return Mark(said["book"], said["number"], hash_of(text), said["key"], now)

    def _place(self, end: End) -> dict[str, Any]:
        """Number, book and link of the next line. After a line that somebody has spoilt, the count goes on as well as can
        be: verifying tells of it."""
        if end.file is None:
            return {"book": secrets.token_hex(8), "number": 1, "previous": FIRST}
        try:
            line = parse(end.last)
            book, number = line.book, line.number + 1
        except ValueError:
            before = [line for file in months(self.folder) for line in _readable(file)]
            book = before[-1].book if before else secrets.token_hex(8)
            number = before[-1].number + 2 if before else 2
        return {"book": book, "number": number, "previous": hash_of(end.last)}

    def _cut(self, end: End) -> None:
        assert end.torn_in is not None
        with end.torn_in.open("rb+") as stream:
            stream.truncate(end.size if end.torn_in == end.file else 0)
            os.fsync(stream.fileno())
        self.repaired += 1

    def _write(self, file: Path, text: bytes) -> None:
        fresh = not file.exists()
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            try:
                left = memoryview(text)
                while left:
                    left = left[os.write(descriptor, left) :]
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
        if fresh:
            private.sync_folder(self.folder)

    def _publish(self, key: Ed25519PublicKey) -> None:
        file = self.folder / f"key-{key_id(key)}.pub"
        if not file.exists():
            pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            private.write(file, pem)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _readable(file: Path) -> Iterator[Line]:
    for raw in raw_lines(file):
        try:
            yield parse(raw.rstrip(b"\n"))
        except ValueError:
            continue
