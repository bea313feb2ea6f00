"""The file that a backup is: a ZIP archive whose last members are the manifest and, with a passphrase, its authentication.

Written beside its final name and renamed when it is whole; read only after every member's hash has been compared.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import hmac
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from cryptography.fernet import Fernet, InvalidToken

from router.storage.errors import StorageError

FORMAT = "hotline-backup/1"
MANIFEST, SEAL, SECRETS = "manifest.json", "manifest.mac", "secrets.sealed"
FOLDERS = ("attachments", "recordings", "journal")
"""Folders of the data folder that a backup may hold."""
SCRYPT = {"n": 2**15, "r": 8, "p": 1}
"""Cost of trying a passphrase: 32 MiB and about 0.1 s (RFC 7914)."""
_CHUNK = 1024 * 1024
_LARGEST_MANIFEST = 1024 * 1024 * 1024

Progress = Callable[[str, int], None]
"""Is told a name and how many bytes or rows more are done."""


class BackupFailed(StorageError):
    """The backup could not be written; nothing is left of it."""

    code = "backup.failed"


class Damaged(StorageError):
    """The file is no backup, or not whole, or was changed."""

    code = "backup.damaged"


class WrongPassphrase(StorageError):
    """The passphrase does not open the backup."""

    code = "backup.passphrase"


@dataclass(frozen=True, slots=True)
class TableEntry:
    name: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileEntry:
    path: str
    """Below the data folder."""
    size: int
    sha256: str


@dataclass(slots=True)
class Manifest:
    made_at: str
    release: str
    revision: str
    """Of the schema."""
    database: str
    """sqlite | postgresql: where the rows came from."""
    recordings: bool
    tables: list[TableEntry] = field(default_factory=list)
    files: list[FileEntry] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Files that a row names and that were not there."""
    secrets_sha256: str | None = None
    """None: without secrets."""
    salt: str | None = None
    """Of the passphrase, in base64; None: there was none."""
    format: str = FORMAT

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.tables)


class Lock:
    """What is derived from a passphrase: the key of the secrets, and the one by which the manifest is known to be ours."""

    def __init__(self, passphrase: str, salt: bytes) -> None:
        self.salt = salt
        derived = hashlib.scrypt(passphrase.encode(), salt=salt, dklen=64, maxmem=64 * 1024 * 1024, **SCRYPT)
        self._box = Fernet(base64.urlsafe_b64encode(derived[:32]))
        self._mac = derived[32:]

    @classmethod
    def fresh(cls, passphrase: str) -> Lock:
        return cls(passphrase, secrets.token_bytes(16))

    def seal(self, content: bytes) -> bytes:
        return self._box.encrypt(content)

    def open(self, content: bytes) -> bytes:
        """Raise :class:`WrongPassphrase`."""
        try:
            return self._box.decrypt(content)
        except InvalidToken:
            raise WrongPassphrase("the passphrase does not open the secrets of this backup") from None

    def sign(self, content: bytes) -> bytes:
        return hmac.new(self._mac, content, hashlib.sha256).hexdigest().encode()


class _Hashing:
    """A stream that knows the size and SHA-256 of what was written to it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes) -> None:
        self._stream.write(content)
        self._hash.update(content)
        self.size += len(content)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class Writer:
    """Members one after the other, the manifest last."""

    def __init__(self, zip_: zipfile.ZipFile) -> None:
        self._zip = zip_

    @contextlib.contextmanager
    def member(self, name: str, *, pack: bool = True) -> Iterator[_Hashing]:
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED if pack else zipfile.ZIP_STORED
        info.external_attr = 0o600 << 16
        with self._zip.open(info, "w", force_zip64=True) as stream:
            yield _Hashing(stream)

    def copy(self, name: str, source: IO[bytes], *, pack: bool = False) -> _Hashing:
        with self.member(name, pack=pack) as out:
            while chunk := source.read(_CHUNK):
                out.write(chunk)
        return out

    def finish(self, manifest: Manifest, lock: Lock | None) -> None:
        content = json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode()
        with self.member(MANIFEST) as out:
            out.write(content)
        if lock is not None:
            with self.member(SEAL) as out:
                out.write(lock.sign(content))


@contextlib.contextmanager
def create(target: Path) -> Iterator[Writer]:
    """A new archive: at ``target`` when the block ends well, else nowhere. Raise :class:`BackupFailed`."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        try:
            descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w+b") as stream:
                zip_ = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=3)
                try:
                    yield Writer(zip_)
                    zip_.close()
                except BaseException:
                    _abandon(zip_)
                    raise
                stream.flush()
                os.fsync(stream.fileno())
            if target.exists():
                raise BackupFailed(f"{target} is there already: name another file")
            fresh.replace(target)
        except OSError as error:
            raise BackupFailed(f"{target} can't be written: {told(error)}") from error
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        fresh.unlink(missing_ok=True)


def _abandon(zip_: zipfile.ZipFile) -> None:
    # Closing writes the directory, which on a full disk fails once more: nothing of this file is wanted.
    zip_._didModify = False  # type: ignore[attr-defined]
    with contextlib.suppress(ValueError, OSError):
        zip_.close()


def told(error: OSError) -> str:
    """What the system says, with a hint where it is about room."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"the disk is full or the file too large ({error.strerror})"
    return error.strerror or str(error)


class Reader:
    """An archive whose directory and manifest have been read. Use as a context manager."""

    def __init__(self, source: Path) -> None:
        self.source = source
        try:
            self._zip = zipfile.ZipFile(source)
        except FileNotFoundError:
            raise Damaged(f"there is no file {source}") from None
        except zipfile.BadZipFile:
            raise Damaged(f"{source} is no backup, or its end is missing") from None
        except OSError as error:
            raise Damaged(f"{source} can't be read: {error.strerror}") from error
        try:
            self._names = set(self._zip.namelist())
            self._raw = self._small(MANIFEST)
            self.manifest = self._parse()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def _small(self, name: str) -> bytes:
        if name not in self._names:
            raise Damaged(f"{self.source} is no backup: {name} is missing")
        if self._zip.getinfo(name).file_size > _LARGEST_MANIFEST:
            raise Damaged(f"{self.source} is no backup: {name} is too large")
        with self.open(name) as stream:
            return b"".join(self.chunks(stream))

    def _parse(self) -> Manifest:
        try:
            content = json.loads(self._raw)
            if content["format"] != FORMAT:
                raise Damaged(f"{self.source} is of the format {str(content['format'])[:40]}, which this release does not know")
            content["tables"] = [TableEntry(**one) for one in content["tables"]]
            content["files"] = [FileEntry(**one) for one in content["files"]]
            manifest = Manifest(**content)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Damaged(f"the manifest of {self.source} can't be read") from None
        for one in manifest.files:
            check_path(one.path)
        return manifest

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        try:
            with self._zip.open(name) as stream:
                yield stream
        except KeyError:
            raise Damaged(f"{name} is missing in {self.source}") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise Damaged(f"{name} in {self.source} is damaged ({error})") from None

    @staticmethod
    def chunks(stream: IO[bytes]) -> Iterator[bytes]:
        while chunk := stream.read(_CHUNK):
            yield chunk

    def lock(self, passphrase: str) -> Lock:
        """The passphrase's lock; raise :class:`WrongPassphrase` if the manifest was not signed with it."""
        if self.manifest.salt is None:
            raise WrongPassphrase("this backup was made without a passphrase, and holds no secrets")
        lock = Lock(passphrase, base64.b64decode(self.manifest.salt))
        if not hmac.compare_digest(lock.sign(self._raw), self._small(SEAL).strip()):
            raise WrongPassphrase("the passphrase is not this backup's, or its manifest was changed")
        return lock

    def secrets(self, lock: Lock) -> dict[str, bytes]:
        """Files of the secrets' folder by name."""
        found: dict[str, Any] = json.loads(lock.open(self._small(SECRETS)))
        if any("/" in name or name.startswith(".") for name in found):
            raise Damaged(f"{self.source} names a secret that does not belong into it")
        return {name: base64.b64decode(content) for name, content in found.items()}

    def verify(self, progress: Progress) -> None:
        """Read everything once; raise :class:`Damaged` for the first member that is not what the manifest says."""
        for table in self.manifest.tables:
            size, sha256, lines = self._hash(table_member(table.name))
            progress(table.name, size)
            if sha256 != table.sha256:
                raise Damaged(f"table {table.name} in {self.source} is not what the manifest says")
            if lines - 1 != table.rows:
                raise Damaged(f"table {table.name} in {self.source} has {lines - 1} rows, the manifest says {table.rows}")
        for file in self.manifest.files:
            size, sha256, _ = self._hash(file_member(file.path))
            progress(file.path, size)
            if (size, sha256) != (file.size, file.sha256):
                raise Damaged(f"{file.path} in {self.source} is not what the manifest says")
        if self.manifest.secrets_sha256 is not None and self._hash(SECRETS)[1] != self.manifest.secrets_sha256:
            raise Damaged(f"the secrets in {self.source} are not what the manifest says")

    def _hash(self, name: str) -> tuple[int, str, int]:
        size, lines, digest = 0, 0, hashlib.sha256()
        with self.open(name) as stream:
            for chunk in self.chunks(stream):
                digest.update(chunk)
                size += len(chunk)
                lines += chunk.count(b"\n")
        return size, digest.hexdigest(), lines


def table_member(name: str) -> str:
    return f"tables/{name}.jsonl"


def file_member(path: str) -> str:
    return f"files/{path}"


def check_path(path: str) -> None:
    """Raise :class:`Damaged` for a path that leaves the folders of a backup."""
    parts = PurePosixPath(path).parts
    strange = any(part in ("..", ".", "") for part in parts) or "\\" in path or "\0" in path
    if len(parts) < 2 or parts[0] not in FOLDERS or strange or str(PurePosixPath(path)) != path:
        raise Damaged(f"the backup names a file that does not belong into it: {path[:80]!r}")


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def seal_secrets(files: dict[str, bytes], lock: Lock) -> bytes:
    content = {name: b64(data) for name, data in sorted(files.items())}
    return lock.seal(json.dumps(content).encode())
