"""Sound as arrays: read and write WAV, bring to 8 kHz, trim, shorten pauses, set the loudness. Blocking.

Samples are float64 arrays in -1…1 unless said otherwise. The telephone's form here is 8000 Hz, 16 bit, mono.
"""

from __future__ import annotations

import itertools
import math
import os
import struct
import tempfile
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from telephony.speech import errors

Samples = NDArray[np.float64]

RATE = 8000
"""Hz of everything that is played to a call."""

LOUDNESS = 10 ** (-20 / 20)
"""RMS of speech and music, of full scale: about -20 dBFS, the usual level in a G.711 network."""

HIGHEST_PEAK = 0.89
"""Peaks stay 1 dB below full scale."""

LONGEST_PAUSE = 0.6
"""Seconds of silence inside a spoken text at most."""

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE

_FRAME = 0.01
_SILENT = 0.01


def read_any(path: Path) -> tuple[int, Samples]:
    """Read a WAV of 8, 16, 24 or 32 bit integers or 32 or 64 bit floats, any rate; channels are averaged. Returns rate
    (Hz) and samples; ``ValueError`` on anything else. A header that promises more than there is (a synthesiser that
    writes to a pipe) does no harm."""
    data = path.read_bytes()
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("no RIFF/WAVE header")
    form: bytes | None = None
    at = 12
    while at + 8 <= len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + length]
        if name == b"fmt ":
            form = body
        elif name == b"data" and form is not None:
            return _decode(form, body)
        at += 8 + length + length % 2
    raise ValueError("no sound in it")


def _decode(form: bytes, data: bytes) -> tuple[int, Samples]:
    """The ``fmt`` chunk (WAVEFORMATEX, or WAVEFORMATEXTENSIBLE with its tag inside) and the ``data`` chunk."""
    if len(form) < 16:
        raise ValueError("its format chunk is too short")
    tag, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", form)
    if tag == _EXTENSIBLE and len(form) >= 26:
        (tag,) = struct.unpack_from("<H", form, 24)
    width = bits // 8
    if not channels or not 1000 <= rate <= 384_000 or frame != channels * width:
        raise ValueError(f"{channels} channel(s) of {bits} bits at {rate} Hz")
    data = data[: len(data) // frame * frame] if frame else b""
    if (tag, bits) == (_PCM, 8):
        samples = (np.frombuffer(data, dtype=np.uint8).astype(np.float64) - 128) / 128
    elif (tag, bits) == (_PCM, 24):
        padded = np.zeros((len(data) // 3, 4), dtype=np.uint8)
        padded[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
        samples = padded.view("<i4")[:, 0] / 2.0**31
    elif tag == _PCM and bits in (16, 32):
        samples = np.frombuffer(data, dtype=f"<i{width}") / 2.0 ** (bits - 1)
    elif tag == _FLOAT and bits in (32, 64):
        samples = np.nan_to_num(np.frombuffer(data, dtype=f"<f{width}").astype(np.float64), posinf=1, neginf=-1)
    else:
        raise ValueError(f"samples of form {tag} with {bits} bits")
    return rate, samples.reshape(-1, channels).mean(axis=1)


def read_clip(path: Path) -> NDArray[np.int16]:
    """Read a recorded prompt, which must be 8 kHz, 16 bit, mono already: what was recorded is played as it is."""
    remedy = "convert it: sox IN.wav -r 8000 -b 16 -c 1 OUT.wav"
    try:
        with wave.open(str(path), "rb") as file:
            form = (file.getframerate(), 8 * file.getsampwidth(), file.getnchannels())
            data = file.readframes(file.getnframes())
    except FileNotFoundError as error:
        raise errors.ClipMissing(f"the prompt file {path} is missing: put it there or change the prompt", str(path)) from error
    except OSError as error:
        raise errors.ClipMissing(f"the prompt file {path} can't be read: {error.strerror}", str(path)) from error
    except (wave.Error, EOFError) as error:
        raise errors.UnfitClip(f"{path} is no PCM WAV file ({error}); {remedy}", str(path)) from error
    if form != (RATE, 16, 1):
        raise errors.UnfitClip(
            f"{path} has {form[0]} Hz, {form[1]} bit, {form[2]} channel(s), not 8000 Hz, 16 bit, mono; {remedy}", str(path)
        )
    samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")
    if not samples.size:
        raise errors.UnfitClip(f"{path} holds no sound; record it again", str(path))
    return samples


def resample(samples: Samples, rate: int) -> Samples:
    """Bring ``samples`` from ``rate`` Hz to 8 kHz and to the telephone's band (80–3600 Hz), through the spectrum of
    the whole."""
    common = math.gcd(rate, RATE)
    down = rate // common
    padded = np.concatenate([samples, np.zeros(-len(samples) % down)])
    wanted = len(padded) // down * (RATE // common)
    spectrum = np.fft.rfft(padded)
    frequencies = np.fft.rfftfreq(len(padded), 1 / rate)
    rise = np.clip((frequencies - 50) / 60, 0, 1)
    fall = np.clip((3800 - frequencies) / 400, 0, 1)
    spectrum *= np.sin(rise * np.pi / 2) * np.sin(fall * np.pi / 2)
    kept = np.zeros(wanted // 2 + 1, dtype=spectrum.dtype)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    return np.asarray(np.fft.irfft(kept, wanted), dtype=np.float64) * (wanted / len(padded))


def loudness(samples: Samples, rate: int = RATE) -> Samples:
    """RMS of each 10 ms, as an array; a rest shorter than that is left out."""
    length = int(rate * _FRAME)
    whole = samples[: len(samples) // length * length].reshape(-1, length)
    return np.asarray(np.sqrt((whole**2).mean(axis=1)), dtype=np.float64)


def tidy_pauses(samples: Samples, margin: float = 0.04) -> Samples:
    """Trim silence at both ends to ``margin`` seconds and pauses inside to ``LONGEST_PAUSE``. Empty if all is
    silent."""
    length = int(RATE * _FRAME)
    levels = loudness(samples)
    loud = np.flatnonzero(levels > _SILENT * max(levels.max(initial=0), 1e-9))
    if not loud.size or levels.max() < 1e-4:
        return np.zeros(0)
    edge = int(margin / _FRAME)
    longest = int(LONGEST_PAUSE / _FRAME)
    keep = np.ones(len(levels), dtype=bool)
    keep[: max(loud[0] - edge, 0)] = False
    keep[loud[-1] + 1 + edge :] = False
    for before, after in itertools.pairwise(loud):
        if after - before - 1 > longest:
            keep[before + 1 + longest // 2 : after - (longest - longest // 2)] = False
    return samples[: len(levels) * length].reshape(-1, length)[keep].reshape(-1)


def level(samples: Samples) -> Samples:
    """Set the RMS of the sounding parts to ``LOUDNESS``, unless peaks would pass ``HIGHEST_PEAK``."""
    levels = loudness(samples)
    sounding = levels[levels > 0.1 * levels.max(initial=0)]
    if not sounding.size:
        return samples
    gain = min(LOUDNESS / float(np.sqrt((sounding**2).mean())), HIGHEST_PEAK / float(np.abs(samples).max()))
    return samples * gain


def faded(samples: Samples, seconds: float = 0.005) -> Samples:
    """Ease the ends in and out, so that nothing clicks."""
    length = min(int(seconds * RATE), len(samples) // 2)
    if length:
        ramp = np.sin(np.linspace(0, np.pi / 2, length)) ** 2
        samples = samples.copy()
        samples[:length] *= ramp
        samples[-length:] *= ramp[::-1]
    return samples


def to_int16(samples: Samples) -> NDArray[np.int16]:
    return np.clip(np.rint(samples * 32767), -32768, 32767).astype("<i2")


def write(path: Path, samples: NDArray[np.int16]) -> None:
    """Write a telephone WAV atomically: readers see the old file, none, or the whole new one. :class:`NoSpace` when
    it can't be."""
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".new-", suffix=".wav", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            with wave.open(stream, "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(RATE)
                file.writeframes(samples.astype("<i2").tobytes())
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise errors.NoSpace(
            f"{path} can't be written: {error.strerror}; free space or make its folder writable", str(path)
        ) from error
