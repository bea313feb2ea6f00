"""WAV files of robots: read 8 kHz mono 16 bit, write them, and mend headers that a killed process never wrote."""

from __future__ import annotations

import struct
import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from robots import tones

Samples = npt.NDArray[np.int16]

_PLAIN = 44
"""Bytes of a plain WAV header, as pjmedia and Python's ``wave`` write it."""


class WavError(ValueError):
    """A file is no 8 kHz mono 16 bit recording; the message names the file and what it is instead."""


class _Layout(NamedTuple):
    start: int
    """Offset of the first sample in bytes."""
    length: int
    """Bytes of samples that are really there."""
    sound: bool
    """The header says the truth."""


def _layout(path: Path, raw: bytes) -> _Layout:
    """Find the samples; a header of zeros, or one whose length is zero or too long, is read as what the file's length tells."""
    if len(raw) < _PLAIN or not any(raw[:_PLAIN]):
        return _Layout(min(_PLAIN, len(raw)), max(0, len(raw) - _PLAIN) & ~1, False)
    if raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        raise WavError(f"{path}: not a WAV file")
    at = 12
    while at + 8 <= len(raw):
        name, size = raw[at : at + 4], struct.unpack_from("<I", raw, at + 4)[0]
        body = at + 8
        if name == b"fmt ":
            coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", raw, body)
            if (coding, channels, rate, bits) != (1, 1, tones.RATE, 16):
                raise WavError(f"{path}: coding {coding}, {channels} channels, {rate} Hz, {bits} bits; want PCM, 1, 8000, 16")
        elif name == b"data":
            there = (len(raw) - body) & ~1
            if size == 0 or size > there:
                return _Layout(body, there, size == there)
            return _Layout(body, size & ~1, True)
        at = body + size + (size & 1)
    raise WavError(f"{path}: no data chunk")


def load(path: str | Path) -> Samples:
    """Samples of a recording at 8 kHz, also of one whose header was never finished. Raises :class:`WavError`, ``OSError``."""
    path = Path(path)
    raw = path.read_bytes()
    layout = _layout(path, raw)
    return np.frombuffer(raw, dtype="<i2", count=layout.length // 2, offset=layout.start).astype(np.int16)


def finished(path: str | Path) -> bool:
    """Whether the header is there and tells the true length."""
    path = Path(path)
    try:
        raw = path.read_bytes()
        layout = _layout(path, raw)
    except (OSError, WavError, struct.error):
        return False
    return layout.sound


def save(path: str | Path, samples: Samples) -> None:
    """Write samples at 8 kHz as mono 16 bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(tones.RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def repair(path: str | Path) -> bool:
    """Write the header that a killed process left unwritten; True if there was something to mend. The samples stay."""
    path = Path(path)
    if finished(path):
        return False
    save(path, load(path))
    return True
