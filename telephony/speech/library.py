"""Keeps our own sounds (music, ringback, busy tone, beep) as WAV files in the cache folder. Blocking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from telephony.speech import audio, errors, music

VERSION = 1
"""Rises when a sound is composed anew; part of the file names."""


@dataclass(frozen=True)
class Library:
    """Where the sounds lie. Music, ringback and busy tone are made for looping."""

    music: Path
    ringback: Path
    busy: Path
    beep: Path


_MADE: dict[str, Callable[[], NDArray[np.int16]]] = {
    "music": music.hold,
    "ringback": music.ringback,
    "busy": music.busy,
    "beep": music.beep,
}


def ensure(cache_folder: Path, own_music: Path | None = None) -> Library:
    """Make what is missing or damaged below ``cache_folder``, and return the places. ``own_music``: a city's own
    hold music, 8 kHz, 16 bit, mono. Raises :class:`NoSpace`, and for ``own_music`` :class:`ClipMissing` or
    :class:`UnfitClip`."""
    places: dict[str, Path] = {}
    for name, make in _MADE.items():
        if name == "music" and own_music is not None:
            audio.read_clip(own_music)
            places[name] = own_music
            continue
        path = cache_folder / "sounds" / f"{name}-{VERSION}.wav"
        try:
            audio.read_clip(path)
        except (errors.ClipMissing, errors.UnfitClip):
            audio.write(path, make())
        places[name] = path
    return Library(**places)
