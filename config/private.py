"""Files that the service's user alone may read: written whole or not at all, by one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from config.errors import ConfigError, Problem
from config.settings import make_private

Stamp = tuple[int, int]


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One writer at a time in a private folder, of all processes; the folder is made."""
    make_private(folder)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def check_mode(file: Path) -> None:
    """Raise :class:`ConfigError` if others may read the file."""
    if file.stat().st_mode & 0o077:
        raise ConfigError([Problem(str(file), None, "", "can be read by other users", f"run: chmod 600 {file}")])


def stamp(file: Path) -> Stamp | None:
    """What changes whenever :func:`write` has put something in place of the file; None without a file."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def write(file: Path, content: bytes) -> None:
    """Put content in place of a file: whole or not at all, readable by the owner only."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Make sure that a new name in the folder outlives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
