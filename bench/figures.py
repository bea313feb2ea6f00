"""What a measurement hands back, and the few statistics that are needed for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Aim:
    """A bound that the value should keep: ``most`` or ``least`` (in the figure's unit)."""

    most: float | None = None
    least: float | None = None

    def kept(self, value: float) -> bool:
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    def __str__(self) -> str:
        if self.most is not None and self.least is not None:
            return f"{self.least:g} to {self.most:g}"
        return f"≤ {self.most:g}" if self.most is not None else f"≥ {self.least:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. ``name`` is stable, for programs that compare runs."""

    name: str
    what: str
    value: float
    unit: str
    aim: Aim | None = None

    @property
    def kept(self) -> bool | None:
        return None if self.aim is None else self.aim.kept(self.value)

    def as_json(self) -> dict[str, object]:
        found: dict[str, object] = {"name": self.name, "what": self.what, "value": round(self.value, 4), "unit": self.unit}
        if self.aim is not None:
            found |= {"aim": str(self.aim), "kept": self.kept}
        return found


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` (0–1) of all do not exceed (nearest rank)."""
    if not values:
        raise ValueError("nothing was measured")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spread(name: str, what: str, seconds: Sequence[float], aim: Aim | None) -> list[Figure]:
    """Median, p95 (with the aim) and worst of times, in milliseconds."""
    times = [value * 1000 for value in seconds]
    return [
        Figure(f"{name}.median", f"{what}, median of {len(times)}", median(times), "ms"),
        Figure(f"{name}.p95", f"{what}, p95", percentile(times, 0.95), "ms", aim),
        Figure(f"{name}.worst", f"{what}, worst", max(times), "ms"),
    ]
