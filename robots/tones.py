"""The tones by which robot phones are told apart."""

from __future__ import annotations

TONES: tuple[int, ...] = (
    1750, 1850, 1950, 2050, 2150, 2350, 2450, 2550, 2650, 2750, 2850, 2950, 3050, 3250, 3350, 3450,
)  # fmt: skip
"""Frequencies in Hz that stay apart after G.711, in any mix.

All are multiples of 50 Hz, so that they are orthogonal over the 20 ms frame in which an ear listens, and 100 Hz or more from
each other. They lie within one octave, so none is a harmonic of another; above every DTMF frequency (1633 Hz at most); and off
the odd harmonics of the 450 Hz ringback (2250 and 3150 Hz are left out), which is all that G.711 adds to it.
"""

LEVEL = 0.16
"""Peak of a spoken tone as a share of full scale: six phones at once don't clip."""

RATE = 8000
"""Samples per second of everything that robots say and hear."""
