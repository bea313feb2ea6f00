"""Recordings on disk: opened safely, compared with their record, read piece by piece."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import stat
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CHUNK = 128 * 1024
KEPT = 2000
"""Digests of so many files are remembered, with the size and time that they were taken at."""

Integrity = Literal["whole", "altered", "missing"]


class Gone(Exception):
    """There is no such file, or none that may be read."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file, which whoever got it closes (or forgets)."""

    file: io.FileIO
    size: int
    sha256: str


class Shelf:
    """The folder of recordings of an installation."""

    def __init__(self, data_dir: Path, folder: Path) -> None:
        self._data = data_dir
        self._folder = folder
        self._digests: OrderedDict[tuple[str, int, int, int], str] = OrderedDict()

    async def open(self, path: str) -> Opened:
        """Open the file of a record's path and take its digest. Raise :class:`Gone`, also for a path that leads elsewhere."""
        return await asyncio.to_thread(self._open, path)

    async def integrity(self, path: str, sha256: str) -> Integrity:
        """Whether the file is there and as its record says."""
        try:
            opened = await self.open(path)
        except Gone:
            return "missing"
        opened.file.close()
        return "whole" if opened.sha256 == sha256 else "altered"

    def _open(self, path: str) -> Opened:
        try:
            file = (self._data / path).resolve(strict=True)
            if not file.is_relative_to(self._folder.resolve(strict=True)):
                raise Gone(path)
            # NONBLOCK: what is no plain file (a pipe) must not keep us waiting
            fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise Gone(path) from error
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            os.close(fd)
            raise Gone(path)
        opened = io.FileIO(fd)
        return Opened(opened, found.st_size, self._digest(fd, str(file), found))

    def _digest(self, fd: int, file: str, found: os.stat_result) -> str:
        key = (file, found.st_size, found.st_mtime_ns, found.st_ino)
        known = self._digests.get(key)
        if known is None:
            digest = hashlib.sha256()
            place = 0
            while chunk := os.pread(fd, 1 << 20, place):
                digest.update(chunk)
                place += len(chunk)
            known = self._digests[key] = digest.hexdigest()
            while len(self._digests) > KEPT:
                self._digests.popitem(last=False)
        return known


async def pieces(opened: Opened, first: int, length: int) -> AsyncIterator[bytes]:
    """The bytes of an open file, which is closed at the end."""
    try:
        while length > 0:
            chunk = await asyncio.to_thread(os.pread, opened.file.fileno(), min(CHUNK, length), first)
            if not chunk:
                return  # cut short since it was opened: the client sees the length that is missing
            first += len(chunk)
            length -= len(chunk)
            yield chunk
    finally:
        opened.file.close()
