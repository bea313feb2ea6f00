"""Tells from a recording who was heard when: pure tones, silence, and anything else (a prompt, music, speech).

Everything works on frames of 20 ms (160 samples at 8 kHz). Times are seconds from the start of the recording. A recording may be
given as a path or as samples.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from robots import tones as grid
from robots import wav

FRAME = 160
STEP = FRAME / grid.RATE
"""Seconds of a frame."""

QUIET = 60.0
"""RMS (of 32768) under which a frame is silence: about -55 dB below full scale; G.711's own hiss is under 10."""
FAINTEST = 0.004
"""Least peak of a tone, as a share of full scale (a spoken tone has 0.16, so 32 dB below it)."""
RELATIVE = 0.04
"""Least peak of a tone against all that sounds in the same frame (-28 dB): what G.711 adds to a mix lies below."""
STEADY = 0.9
"""How constant a phase must be: 1 for a pure tone, around 0.5 for speech or another frequency."""
WINDOW = 8
"""Frames over which a phase must be constant (160 ms): the shortest tone that counts."""
RESIDUE = 0.06
"""What is left beside the tones counts as sound of its own from this share of the tones' RMS."""

Recording = str | Path | wav.Samples
Interval = tuple[float, float]
Flags = npt.NDArray[np.bool_]


def _samples(recording: Recording) -> npt.NDArray[np.float64]:
    raw = wav.load(recording) if isinstance(recording, str | Path) else recording
    return raw[: len(raw) // FRAME * FRAME].astype(np.float64)


def _frames(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return samples.reshape(-1, FRAME)


def _spectrum(samples: npt.NDArray[np.float64], hz: Sequence[float]) -> npt.NDArray[np.complex128]:
    """Complex peak amplitude per frame and frequency. Phases run on from frame to frame, so a pure tone keeps its phase."""
    if not len(samples) or not len(hz):
        return np.zeros((len(samples) // FRAME, len(hz)), dtype=np.complex128)
    within = np.exp(-2j * np.pi * np.outer(np.arange(FRAME), hz) / grid.RATE)
    count = len(samples) // FRAME
    onward = np.exp(-2j * np.pi * np.outer(np.arange(count) * FRAME, hz) / grid.RATE)
    found: npt.NDArray[np.complex128] = (_frames(samples) @ within) * onward * (2 / FRAME)
    return found


def duration(recording: Recording) -> float:
    """Seconds."""
    raw = wav.load(recording) if isinstance(recording, str | Path) else recording
    return len(raw) / grid.RATE


def loudness(recording: Recording) -> npt.NDArray[np.float64]:
    """RMS per frame (of 32768)."""
    frames = _frames(_samples(recording))
    found: npt.NDArray[np.float64] = np.sqrt((frames**2).mean(axis=1))
    return found


def tones(recording: Recording, candidates: Sequence[float] = grid.TONES) -> npt.NDArray[np.float64]:
    """Table of peak amplitudes (share of full scale): a row per frame, a column per candidate, 0 where it is not heard.

    A tone counts when it is loud enough, holds its phase over 160 ms (so neither speech nor music near the frequency counts),
    and is not dwarfed by another one.
    """
    return _tones(_samples(recording), candidates)


def _tones(samples: npt.NDArray[np.float64], candidates: Sequence[float]) -> npt.NDArray[np.float64]:
    spectrum = _spectrum(samples, candidates) / 32768
    strength = np.abs(spectrum)
    if len(strength) < WINDOW:
        return np.zeros_like(strength)
    whole = np.sqrt(2 * (_frames(samples) ** 2).mean(axis=1, keepdims=True)) / 32768
    loud = strength >= np.maximum(FAINTEST, RELATIVE * whole)
    sums = np.lib.stride_tricks.sliding_window_view(spectrum, WINDOW, axis=0).sum(axis=-1)
    weights = np.lib.stride_tricks.sliding_window_view(strength, WINDOW, axis=0)
    steady = np.abs(sums) >= STEADY * np.maximum(weights.sum(axis=-1), 1e-12)
    # A steady tone also keeps its strength: within 12 dB inside the window, but for the frames where it starts and ends.
    even = np.partition(weights, 1, axis=-1)[..., 1] >= 0.25 * weights.max(axis=-1)
    good = steady & even
    present = np.zeros_like(loud)
    for offset in range(WINDOW):
        present[offset : offset + len(good)] |= good
    present &= loud
    found: npt.NDArray[np.float64] = np.where(present, strength, 0.0)
    return found


def _intervals(flags: Flags, bridge: float = 0.0, shortest: float = 0.0) -> list[Interval]:
    """Runs of true frames as times; gaps up to ``bridge`` seconds inside are passed over, then short runs dropped."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    runs: list[list[int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and (start - runs[-1][1]) * STEP <= bridge + 1e-9:
            runs[-1][1] = end
        else:
            runs.append([start, end])
    return [(round(start * STEP, 3), round(end * STEP, 3)) for start, end in runs if (end - start) * STEP >= shortest - 1e-9]


def heard(
    recording: Recording, hz: float, *, bridge: float = 0.06, shortest: float = 0.1, among: Iterable[float] = grid.TONES
) -> list[Interval]:
    """When a tone was heard. Holes up to ``bridge`` seconds are passed over (a lost packet); ``among``: the tones that others
    may be speaking at the same time."""
    candidates = [hz, *(other for other in among if other != hz)]
    return _intervals(tones(recording, candidates)[:, 0] > 0, bridge, shortest)


def hears(recording: Recording, hz: float, at_least: float = 0.3) -> bool:
    """Whether a tone was heard for so many seconds altogether."""
    return sum(end - start for start, end in heard(recording, hz)) >= at_least


def silences(recording: Recording, longer_than: float = 0.2, threshold: float = QUIET) -> list[Interval]:
    """When nothing at all was heard for longer than so many seconds."""
    return [(start, end) for start, end in _intervals(loudness(recording) < threshold) if end - start > longer_than + 1e-9]


def gaps(recording: Recording, hz: float, longer_than: float = 0.04) -> list[Interval]:
    """Holes in a tone between its first and its last sound, whatever else was heard in them."""
    spans = heard(recording, hz, bridge=0.0, shortest=0.0)
    return [(before[1], after[0]) for before, after in itertools.pairwise(spans) if after[0] - before[1] > longer_than + 1e-9]


def speech_like(
    recording: Recording, candidates: Sequence[float] = grid.TONES, *, bridge: float = 0.4, shortest: float = 0.1
) -> list[Interval]:
    """When something was heard that is none of the tones: a prompt, music, a person. Pauses up to ``bridge`` are part of it."""
    samples = _samples(recording)
    return _intervals(_other(samples, _tones(samples, candidates), candidates), bridge, shortest)


def _other(samples: npt.NDArray[np.float64], present: npt.NDArray[np.float64], candidates: Sequence[float]) -> Flags:
    """Frames with energy beside the tones heard in them, in runs of at least three (a tone's own edges last one or two)."""
    spoken = _residue(_frames(samples), present, candidates)
    told = 32768 * np.sqrt((present**2).sum(axis=1) / 2)
    flags: Flags = spoken > np.maximum(QUIET, RESIDUE * told)
    lasting = np.zeros_like(flags)
    for start, end in _intervals(flags, 0.0, 3 * STEP):
        lasting[round(start / STEP) : round(end / STEP)] = True
    return lasting


def _residue(
    frames: npt.NDArray[np.float64], present: npt.NDArray[np.float64], candidates: Sequence[float]
) -> npt.NDArray[np.float64]:
    """RMS per frame after the tones heard in it have been taken out (least squares, frames of one set together)."""
    rest = np.sqrt((frames**2).mean(axis=1))
    sets, which = np.unique(present > 0, axis=0, return_inverse=True)
    times = np.arange(FRAME) / grid.RATE
    for index, chosen in enumerate(sets):
        if not chosen.any():
            continue
        angles = 2 * np.pi * np.outer(times, np.asarray(candidates)[chosen])
        basis, _ = np.linalg.qr(np.hstack((np.cos(angles), np.sin(angles))))
        rows = which.ravel() == index
        part = frames[rows]
        rest[rows] = np.sqrt(((part - (part @ basis) @ basis.T) ** 2).mean(axis=1))
    found: npt.NDArray[np.float64] = rest
    return found


def timeline(
    recording: Recording,
    names: Mapping[float, str],
    *,
    other: str = "prompt",
    silence: str = "silence",
    shortest: float = 0.1,
) -> list[tuple[float, float, str]]:
    """What was heard when, readable: ``[(0.0, 2.3, "prompt"), (2.3, 5.0, "operator 8001")]``.

    ``names`` says whose each tone is; several at once are joined by `` + ``. Tones of the grid that have no name are told by
    their frequency. Pieces shorter than ``shortest`` seconds are joined to what was before them.
    """
    samples = _samples(recording)
    candidates = sorted({*names, *grid.TONES})
    present = _tones(samples, candidates)
    rows: list[tuple[str, list[Interval]]] = [
        (names.get(hz, f"{hz:g} Hz"), _intervals(present[:, column] > 0, 0.06, shortest)) for column, hz in enumerate(candidates)
    ]
    rows.append((other, _intervals(_other(samples, present, candidates), 0.4, shortest)))
    total = len(samples) // FRAME
    told: list[list[str]] = [[] for _ in range(total)]
    for name, spans in rows:
        for start, end in spans:
            for frame in range(round(start / STEP), round(end / STEP)):
                if name not in told[frame]:
                    told[frame].append(name)
    return _pieces([" + ".join(sorted(who)) or silence for who in told], shortest)


def _pieces(labels: list[str], shortest: float) -> list[tuple[float, float, str]]:
    pieces: list[tuple[int, int, str]] = []
    start = 0
    for frame in range(1, len(labels) + 1):
        if frame < len(labels) and labels[frame] == labels[frame - 1]:
            continue
        short = (frame - start) * STEP < shortest - 1e-9
        if pieces and (short or pieces[-1][2] == labels[frame - 1]):
            pieces[-1] = (pieces[-1][0], frame, pieces[-1][2])
        elif short and frame < len(labels):
            continue  # at the very start: it goes with what follows
        else:
            pieces.append((start, frame, labels[frame - 1]))
        start = frame
    return [(round(begin * STEP, 2), round(end * STEP, 2), label) for begin, end, label in pieces]
