"""Tells which known prompt an ear heard, whatever tones of other people sound with it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from robots import tones
from robots.wav import Samples

LOWEST_TONE = 1600
"""Hz: robots speak above it, and what lies below is enough of a prompt to know it by."""
LENGTH = 1.5
"""Seconds from the start of a prompt that are looked at: after that many of them go on alike."""
PIECE = 0.3
"""Seconds of one piece. A prompt is looked for in pieces, as a jitter buffer may have cut it or stretched it in between."""
SLIP = 0.25
"""Seconds by which a piece may be shifted against the first one."""
LIKE = 0.7
"""Mean correlation of the pieces from which a prompt counts as heard; without slips it is above 0.95."""

Sound = npt.NDArray[np.float64]


def find(heard: Samples, wanted: str, prompts: Mapping[str, Samples]) -> float | None:
    """Seconds from the start of ``heard`` at which the prompt named ``wanted`` begins; None if it is not there, or if what is
    there is more like another of ``prompts``."""
    sound = _low(heard)
    place = _place(sound, prompts[wanted])
    if place is None:
        return None
    around = sound[max(0, place - int(SLIP * tones.RATE)) :]
    start = min(place, int(SLIP * tones.RATE))
    likeness = _likeness(around, start, prompts[wanted])
    if likeness < LIKE:
        return None
    others = (_likeness(around, start, other) for name, other in prompts.items() if name != wanted)
    if any(other > likeness + 0.02 for other in others):
        return None
    return place / tones.RATE


def _place(sound: Sound, prompt: Samples) -> int | None:
    """The sample at which a prompt is most likely to begin: where its first two pieces fit best."""
    pattern = _pattern(prompt)[: int(2 * PIECE * tones.RATE)]
    if not len(pattern) or len(sound) < len(pattern):
        return None
    return int(np.argmax(_correlation(sound, pattern)))


def _likeness(sound: Sound, start: int, prompt: Samples) -> float:
    """How much a prompt resembles what begins at ``start``: mean of its pieces, each allowed to slip a little."""
    pattern = _pattern(prompt)
    size, slip = int(PIECE * tones.RATE), int(SLIP * tones.RATE)
    found = []
    for offset in range(0, max(1, len(pattern) - size + 1), size):
        piece = pattern[offset : offset + size]
        window = sound[max(0, start + offset - slip) : start + offset + len(piece) + slip]
        found.append(float(_correlation(window, piece).max()) if len(window) >= len(piece) > 0 else 0.0)
    return sum(found) / len(found)


def _correlation(sound: Sound, pattern: Sound) -> Sound:
    """Normalised, for each place of the pattern in the sound."""
    size = len(sound) + len(pattern)
    product = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(pattern, size)), size)[: len(sound) - len(pattern) + 1]
    total = np.concatenate(([0.0], np.cumsum(sound**2)))
    energy = np.maximum(total[len(pattern) :] - total[: -len(pattern)], 1.0)
    likeness: Sound = product / np.sqrt(energy * max((pattern**2).sum(), 1.0))
    return likeness


def _pattern(prompt: Samples) -> Sound:
    """The beginning of a prompt, without the silence before it."""
    loud = np.flatnonzero(np.abs(prompt.astype(np.int32)) > 500)
    return _low(prompt[loud[0] :][: int(LENGTH * tones.RATE)]) if len(loud) else np.zeros(0)


def _low(samples: Samples) -> Sound:
    """Without what lies above the lowest tone."""
    if not len(samples):
        return np.zeros(0)
    spectrum = np.fft.rfft(samples.astype(np.float64))
    spectrum[int(LOWEST_TONE * len(samples) / tones.RATE) :] = 0
    found: Sound = np.fft.irfft(spectrum, len(samples))
    return found
