"""One supervisor for one data folder: a lock file that ends with its holder, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from hotline.errors import CommandError

NAME = "up.lock"


@contextlib.contextmanager
def hold(data_dir: Path) -> Iterator[None]:
    """Hold the data folder; raises :class:`CommandError` if another supervisor does."""
    descriptor = os.open(data_dir / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _pid(descriptor)
            raise CommandError(
                f"`hotline up` runs on {data_dir} already" + (f" (pid {pid})" if pid else ""),
                f"stop that one{f': kill {pid}' if pid else ''}, or set HOTLINE_DATA_DIR to another folder",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(data_dir: Path) -> int | None:
    """Process id of the running supervisor of this data folder, None if there is none."""
    try:
        descriptor = os.open(data_dir / NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(descriptor)
    finally:
        os.close(descriptor)
    return None


def _pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdigit() else None
