"""Recordings on disk: two mono files of a call become one stereo WAV (left: caller, right: staff); broken ones are
repaired.

Everything here blocks: run it in a thread. Layout below the data folder, folders 0700 and files 0600::

    recordings/YYYY/MM/DD/<call id>-<n>.wav           complete
    recordings/YYYY/MM/DD/<call id>-<n>.caller.wav    while the room records; kept until the stereo file is safe on disk
    recordings/YYYY/MM/DD/<call id>-<n>.staff.wav
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

RATE = 8000
"""Hz; samples are 16 bit."""

FOLDER = "recordings"

_BLOCK = 1 << 15
"""Samples joined at a time: memory stays below a megabyte however long the call."""

_FRAME = 160
_AUDIBLE = 150.0
"""RMS (of 32768) above which 20 ms count as heard: about -47 dBFS, over the noise of a line."""
_HEARD_FRAMES = 10

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_LARGEST = 0xFFFFFFFF - 36
_NAME = re.compile(r"(?P<call>[A-Za-z0-9][A-Za-z0-9_.-]{0,99})-(?P<number>[0-9]{1,6})\.(?P<side>caller|staff)\.wav")


class RecordingError(Exception):
    """Base of what can go wrong with a recording. ``code`` is stable, the text says what to do, ``path`` is the
    file."""

    code = "recording"

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class NoSpace(RecordingError):
    """The disk is full: the mono files are kept, join them again when there is space."""

    code = "recording.no_space"


class StorageFailed(RecordingError):
    """The folder can't be read or written."""

    code = "recording.storage"


class NotFound(RecordingError):
    """Neither side of the recording exists."""

    code = "recording.not_found"


class Unfit(RecordingError):
    """A file isn't a recording of ours: not 8 kHz, 16 bit, mono."""

    code = "recording.unfit"


@dataclass(frozen=True)
class Places:
    """Where a recording goes. ``caller`` and ``staff`` are what the room is told to write."""

    caller: Path
    staff: Path
    stereo: Path


@dataclass(frozen=True)
class Recording:
    """A complete recording. ``path`` is absolute; ``size`` in bytes; ``sha256`` of the whole file, in hex."""

    path: Path
    seconds: float
    size: int
    sha256: str
    repaired: bool
    """A header had to be set right, or a side was short or missing and was filled with silence."""
    caller_silent: bool
    """Nothing was to be heard on the caller's side."""


@dataclass(frozen=True)
class Orphan:
    """Mono files that were never joined."""

    call_id: str
    number: int
    places: Places


def places(data_folder: Path, call_id: str, number: int, started_at: float) -> Places:
    """Make the day's folder (by local time of ``started_at``, seconds since 1970) and name the files of a call's
    ``number``-th recording. ``ValueError`` for an id that is no file name; :class:`StorageFailed` or
    :class:`NoSpace` if the folder can't be made."""
    stem = f"{call_id}-{number}"
    if not _NAME.fullmatch(stem + ".caller.wav"):
        raise ValueError(f"{call_id!r} with number {number} can't name a recording")
    folder = data_folder / FOLDER
    with _storage(folder):
        data_folder.mkdir(parents=True, exist_ok=True)
        for part in ("", *datetime.fromtimestamp(started_at).strftime("%Y %m %d").split()):
            folder = folder / part
            folder.mkdir(mode=0o700, exist_ok=True)
    return _beside(folder, stem)


def join(where: Places) -> Recording:
    """Make the stereo file of a recording whose mono files are closed, then delete those. May be repeated after a
    crash at any point: what is complete already is only described.

    Broken headers are repaired, a shorter or missing side is filled with silence. The stereo file appears whole or
    not at all. Raises :class:`NotFound`, :class:`Unfit`, :class:`NoSpace` or :class:`StorageFailed`; the mono files
    are then untouched but for repaired headers.
    """
    with _storage(where.stereo):
        sides = [path for path in (where.caller, where.staff) if path.exists()]
        if len(sides) < 2 and where.stereo.exists():
            found = describe(where.stereo)
            for path in sides:
                path.unlink()
            return found
        if not sides:
            raise NotFound(f"there is nothing of the recording {where.stereo.name}: was it ever started?", where.stereo)
        repaired = [repair(path) for path in sides]
        lengths = [_samples(path) for path in sides]
        found = _interleave(where, max(lengths), any(repaired) or len(sides) < 2 or min(lengths) != max(lengths))
        for path in sides:
            path.unlink()
        return found


def repair(path: Path) -> bool:
    """Set right the header of a mono recording whose room was killed before it could write it; return whether that
    was needed.

    The header tells nothing then (zeros, or lengths of zero), so it is made anew from the file's real length; half
    a sample at the end is cut off. A whole file is left as it is, byte for byte. Raises :class:`Unfit` for a sound
    file of another form.
    """
    with _storage(path), path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_HEADER.size)
        wanted = max(size - _HEADER.size, 0) // 2 * 2
        if len(head) == _HEADER.size and any(head):
            fields = _HEADER.unpack(head)
            if fields[0] != b"RIFF" or fields[2:4] != (b"WAVE", b"fmt ") or fields[5] != 1 or fields[11] != b"data":
                raise Unfit(f"{path} is no plain PCM WAV file; move it out of the recordings", path)
            if (fields[6], fields[7], fields[10]) != (1, RATE, 16):
                raise Unfit(f"{path} has {fields[6]} channel(s), {fields[7]} Hz, {fields[10]} bit, not 1, 8000, 16", path)
            claimed = fields[12]
            if claimed and claimed <= size - _HEADER.size:
                return False
            if not claimed and size == _HEADER.size and fields[1] == _HEADER.size - 8:
                return False
        file.seek(0)
        file.write(header(1, wanted))
        file.truncate(_HEADER.size + wanted)
        file.flush()
        os.fsync(file.fileno())
        return True


def header(channels: int, data_bytes: int) -> bytes:
    """The 44 bytes before ``data_bytes`` of 16 bit samples at 8 kHz."""
    frame = 2 * channels
    return _HEADER.pack(
        b"RIFF", 36 + data_bytes, b"WAVE", b"fmt ", 16, 1, channels, RATE, RATE * frame, frame, 16, b"data", data_bytes
    )


def describe(path: Path) -> Recording:
    """Read a complete stereo recording once more: its length, size, digest, and whether the caller was silent."""
    digest = hashlib.sha256()
    ear = _Ear()
    with _storage(path), path.open("rb") as file:
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size or _HEADER.unpack(head)[6:8] != (2, RATE):
            raise Unfit(f"{path} is no stereo recording of ours", path)
        digest.update(head)
        while block := file.read(4 * _BLOCK):
            digest.update(block)
            ear.hear(np.frombuffer(block[: len(block) // 4 * 4], dtype="<i2")[::2])
        size = file.tell()
    return Recording(path, (size - _HEADER.size) / (4 * RATE), size, digest.hexdigest(), False, ear.silent)


def orphans(data_folder: Path) -> list[Orphan]:
    """Recordings that were begun and not joined, oldest first: after a start, those that no living room goes on
    with are to be joined. Half-written stereo files of an earlier process are deleted by the way, so call it before
    the first :func:`join`."""
    found: dict[Path, Orphan] = {}
    folder = data_folder / FOLDER
    with _storage(folder):
        for left in folder.rglob(".joining-*"):
            left.unlink(missing_ok=True)
        for path in sorted(folder.rglob("*.wav")):
            match = _NAME.fullmatch(path.name)
            if match:
                where = _beside(path.parent, f"{match['call']}-{match['number']}")
                found[where.stereo] = Orphan(match["call"], int(match["number"]), where)
    return list(found.values())


class _Ear:
    """Listens whether there is anything to be heard, block by block."""

    def __init__(self) -> None:
        self._heard = 0

    def hear(self, samples: NDArray[np.int16]) -> None:
        frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
        self._heard += int((np.sqrt((frames**2).mean(axis=1)) > _AUDIBLE).sum())

    @property
    def silent(self) -> bool:
        return self._heard < _HEARD_FRAMES


def _beside(folder: Path, stem: str) -> Places:
    return Places(folder / f"{stem}.caller.wav", folder / f"{stem}.staff.wav", folder / f"{stem}.wav")


def _samples(path: Path) -> int:
    with path.open("rb") as file:
        return int(_HEADER.unpack(file.read(_HEADER.size))[12]) // 2


def _interleave(where: Places, length: int, repaired: bool) -> Recording:
    """Write the stereo file of ``length`` samples a side, flushed to disk before it gets its name."""
    if 4 * length > _LARGEST:
        raise Unfit(f"{where.stereo} would pass 4 GiB, more than a WAV file can hold; keep its two sides apart", where.stereo)
    temporary = where.stereo.with_name(f".joining-{os.getpid()}-{where.stereo.name}")
    digest = hashlib.sha256()
    ear = _Ear()
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out:
            head = header(2, 4 * length)
            out.write(head)
            digest.update(head)
            for caller, staff in zip(_blocks(where.caller, length), _blocks(where.staff, length), strict=True):
                ear.hear(caller)
                both = np.column_stack((caller, staff)).astype("<i2").tobytes()
                digest.update(both)
                out.write(both)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(where.stereo)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(where.stereo.parent)
    return Recording(where.stereo, length / RATE, _HEADER.size + 4 * length, digest.hexdigest(), repaired, ear.silent)


def _blocks(path: Path, length: int) -> Iterator[NDArray[np.int16]]:
    """``length`` samples of a repaired mono file in blocks; silence where there are none, or no file."""
    file: BinaryIO | None = path.open("rb") if path.exists() else None
    try:
        left = 0
        if file is not None:
            left = int(_HEADER.unpack(file.read(_HEADER.size))[12]) // 2
        for start in range(0, length, _BLOCK):
            wanted = min(_BLOCK, length - start)
            read = file.read(2 * min(wanted, left)) if file is not None else b""
            left -= len(read) // 2
            block = np.zeros(wanted, dtype="<i2")
            block[: len(read) // 2] = np.frombuffer(read[: len(read) // 2 * 2], dtype="<i2")
            yield block
    finally:
        if file is not None:
            file.close()


def _sync(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _storage(path: Path) -> Iterator[None]:
    """Turn the system's errors into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise NoSpace(f"no space for {path}: {error.strerror}; free space, then join it again", path) from error
        raise StorageFailed(f"{path}: {error.strerror}; check the data folder and its rights", path) from error
