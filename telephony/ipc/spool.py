"""Events on disk until they are acknowledged, so that a room's death loses none. No Twisted, no pjsua2.

A room appends each event as a frame (:mod:`telephony.ipc.framing`) to ``<room>.events`` and empties the file when all of
them are acknowledged. Whoever finds the file of a dead room reads it with :func:`read`; ``seq`` tells what was seen before.
The file is written by the process, not forced to disk: it outlives the process, not the machine's power.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from telephony.ipc import framing, messages

SUFFIX = ".events"
LEFT = ".left"


class Spool:
    """The spool file of one living room. A full disk is reported by ``OSError``; the event then lives in memory only."""

    def __init__(self, folder: Path, room: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / f"{room}{SUFFIX}"
        if self.path.exists() and self.path.stat().st_size:
            # A room of the same name died before: its events are somebody's to read, never ours to overwrite.
            self.path.rename(folder / f"{room}.{time.time_ns()}{LEFT}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o600)
        self._empty = True

    def append(self, frame: bytes) -> None:
        os.write(self._file, frame)
        self._empty = False

    def clear(self) -> None:
        """Forget all: each event has been acknowledged."""
        if not self._empty:
            os.ftruncate(self._file, 0)
            self._empty = True

    def close(self) -> None:
        """Close the file, and remove it if nothing is left in it."""
        os.close(self._file)
        if self._empty:
            self.path.unlink(missing_ok=True)


def read(path: Path) -> list[messages.Event]:
    """Events of a spool file, oldest first; a torn last frame (death in mid-write) is passed over."""
    unpacker = framing.Unpacker(messages.FromRoom)
    events: list[messages.Event] = []
    data = path.read_bytes()
    start = 0
    while start + 4 <= len(data):
        end = start + 4 + int.from_bytes(data[start : start + 4], "big")
        try:
            found = unpacker.feed(data[start:end])
        except framing.FrameError:
            break
        events += [event for event in found if isinstance(event, messages.Event)]
        start = end
    return events


def files(folder: Path, room: str | None = None) -> list[Path]:
    """Spool files with something in them, of one room or of all, oldest first."""
    patterns = (f"{room}{SUFFIX}", f"{room}.*{LEFT}") if room else (f"*{SUFFIX}", f"*{LEFT}")
    found = [path for pattern in patterns for path in folder.glob(pattern) if path.stat().st_size]
    return sorted(found, key=lambda path: path.stat().st_mtime_ns)
