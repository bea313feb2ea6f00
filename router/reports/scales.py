"""Round numbers for axes: of amounts, and of time. Pure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator

from router.reports.formats import Measure, local

_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 432000)
_MONTH = 2_592_000


def amounts(least: float, most: float, measure: Measure, whole: bool = False) -> list[float]:
    """Round values from at most ``least`` up to at least ``most``, two to seven of them; ``whole``: no fractions."""
    if measure == "share":
        low = 0.0 if least < 0.5 else math.floor(min(least, 0.99) * 10 - 0.5) / 10
        if most <= 1:
            step = 0.1 if 1 - low <= 0.6 else 0.2
            return [round(low + at * step, 10) for at in range(math.ceil(round((1 - low) / step, 6)) + 1)]
    else:
        low = 0.0
    step = _step((most - low) / 5, measure)
    step = max(1.0 if whole else 1e-6, step)
    return [round(low + at * step, 10) for at in range(max(1, math.ceil(round((most - low) / step, 9))) + 1)]


def _step(rough: float, measure: Measure) -> float:
    if rough <= 0:
        return 1.0 if measure != "share" else 0.2
    if measure == "seconds":
        for step in _SECONDS:
            if step >= rough:
                return float(step)
    size = 10.0 ** math.floor(math.log10(rough))
    return next(factor * size for factor in (1, 2, 5, 10) if factor * size >= rough * (1 - 1e-9))


def tick_length(seconds: float, most: int) -> int:
    """The length of time between marks, of which at most ``most`` fit into ``seconds``; in seconds."""
    for step in _SECONDS:
        if seconds / step <= most:
            return step
    return _MONTH * math.ceil(seconds / _MONTH / most)


def ticks(begin: dt.datetime, end: dt.datetime, every: int, zone: dt.tzinfo) -> Iterator[dt.datetime]:
    """Moments from ``begin`` to ``end``, ``every`` so many seconds, at round times of the zone."""
    midnight = dt.datetime.combine(local(begin, zone).date(), dt.time(), zone).astimezone(dt.UTC)
    first = math.ceil((begin - midnight).total_seconds() / every)
    for number in range(first, int((end - midnight).total_seconds() // every) + 1):
        yield midnight + dt.timedelta(seconds=number * every)
