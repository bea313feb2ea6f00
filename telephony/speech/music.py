"""Sounds of our own: hold music composed for this project, and the tones of Chinese exchanges. Pure; 8 kHz.

Chinese signal tones are 450 Hz: ringback 1 s on, 4 s off; busy 0.35 s on, 0.35 s off.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from telephony.speech.audio import HIGHEST_PEAK, LOUDNESS, RATE, Samples, to_int16

_BEAT = 0.375
"""Seconds between two notes of the arpeggio (80 quarter notes a minute)."""

_A4 = 440.0

_CHORDS = (
    # bass, then six notes of a broken chord, as semitones from A4; a walk home in F major that ends where it began
    (-28, (-16, -9, -4, 0, -4, -9)),  # F
    (-24, (-17, -12, -9, -5, -9, -12)),  # A minor over E
    (-26, (-14, -11, -7, -2, -7, -11)),  # G minor 7
    (-21, (-21, -14, -9, -5, -9, -14)),  # C
    (-31, (-19, -12, -7, -4, -7, -12)),  # D minor 7
    (-23, (-11, -7, -4, 1, -4, -7)),  # B flat
    (-26, (-14, -9, -7, -2, -7, -9)),  # G minor, suspended
    (-21, (-21, -14, -11, -5, -11, -14)),  # C 7
    (-28, (-16, -9, -4, 3, -4, -9)),  # F, opened upwards
    (-31, (-19, -12, -7, -4, 0, -4)),  # D minor
    (-23, (-11, -7, -4, -2, -4, -7)),  # B flat with its sixth
    (-21, (-21, -14, -9, -2, -5, -9)),  # C, leading home
)


def _note(semitones: float, seconds: float, brightness: float) -> Samples:
    """A plucked, bell-like note: partials that die away the faster the higher they are."""
    time = np.arange(int(seconds * RATE)) / RATE
    base = _A4 * 2 ** (semitones / 12)
    sound = np.zeros(len(time))
    for partial, strength in ((1, 1.0), (2, 0.45), (3, 0.22 * brightness), (4, 0.10 * brightness)):
        frequency = base * partial
        if frequency < 3400:
            sound += strength * np.sin(2 * np.pi * frequency * time) * np.exp(-time * (0.9 + 0.55 * partial))
    attack = min(int(0.012 * RATE), len(time))
    sound[:attack] *= np.sin(np.linspace(0, np.pi / 2, attack)) ** 2
    release = min(int(0.25 * RATE), len(time))
    sound[-release:] *= np.cos(np.linspace(0, np.pi / 2, release)) ** 2
    return sound


def _pad(semitones: float, seconds: float) -> Samples:
    """A soft held bass that swells and sinks, so that the music never falls silent between plucks."""
    time = np.arange(int(seconds * RATE)) / RATE
    base = _A4 * 2 ** (semitones / 12)
    while base < 150:
        base *= 2
    swell = np.sin(np.pi * np.arange(len(time)) / len(time)) ** 0.6
    return swell * (np.sin(2 * np.pi * base * time) + 0.3 * np.sin(4 * np.pi * base * time))


def hold() -> NDArray[np.int16]:
    """27 s of quiet arpeggios that loop without a seam: what still rings at the end rings on into the beginning."""
    bar = 6 * _BEAT
    total = round(len(_CHORDS) * bar * RATE)
    music = np.zeros(total)

    def add(sound: Samples, at: float, strength: float) -> None:
        places = (round(at * RATE) + np.arange(len(sound))) % total
        np.add.at(music, places, strength * sound)

    for number, (bass, notes) in enumerate(_CHORDS):
        start = number * bar
        add(_pad(bass, bar * 1.35), start - 0.15 * bar, 0.22)
        for step, semitones in enumerate(notes):
            accent = 1.0 if step == 0 else 0.82 if step == 3 else 0.7
            add(_note(semitones, 2.2, 0.6 + 0.4 * accent), start + step * _BEAT, accent)
        if number % 4 == 3:
            add(_note(notes[3] + 12, 2.6, 0.3), start + 4 * _BEAT, 0.35)
    gain = min(LOUDNESS / np.sqrt((music**2).mean()), HIGHEST_PEAK / np.abs(music).max())
    return to_int16(music * gain)


def _tone(seconds: float, frequency: float = 450.0, strength: float = 0.1) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    sound = strength * np.sin(2 * np.pi * frequency * time)
    ramp = np.sin(np.linspace(0, np.pi / 2, 80)) ** 2
    sound[:80] *= ramp
    sound[-80:] *= ramp[::-1]
    return sound


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE))


def ringback() -> NDArray[np.int16]:
    """回铃音: 450 Hz, 1 s on, 4 s off; for looping. A waiting caller gets music instead: 4 s of nothing sounds like
    a dead line."""
    return to_int16(np.concatenate([_tone(1.0), _silence(4.0)]))


def busy() -> NDArray[np.int16]:
    """忙音: 450 Hz, 0.35 s on, 0.35 s off; for looping."""
    return to_int16(np.concatenate([_tone(0.35), _silence(0.35)]))


def beep() -> NDArray[np.int16]:
    """One short beep (880 Hz, 0.18 s): something begins, or a key was taken."""
    return to_int16(np.concatenate([_silence(0.02), _tone(0.18, 880.0, 0.12), _silence(0.05)]))
