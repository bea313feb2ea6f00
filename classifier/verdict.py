"""What a classifier says of a citizen's words. Typed, no I/O; the meaning of each word is that of the labelling guide.

``route`` is who leads (the classifier's word); ``scope`` is the catalog's. An engine is anything that fits :class:`Engine`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

Route = Literal["110", "119", "120", "122", "12345", "guide", "unsure"]
Service = Literal["110", "119", "120", "122", "utility"]
ROUTES: tuple[Route, ...] = ("110", "119", "120", "122", "12345", "guide", "unsure")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Words that speak for something: characters ``start`` to ``end`` (exclusive) of the text."""

    start: int
    end: int
    text: str
    rule: str
    """Name of the rule or feature, e.g. ``danger.trapped``."""
    weighs: Literal["for", "against"] = "for"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An item of the catalog that the words may be about; ``score`` from 0 to 1."""

    item: str
    score: float


@dataclass(frozen=True, slots=True)
class AgencyChance:
    """Who may have to handle the matter (承办单位): a kind of agency of the catalog, or a label of a city's own model."""

    agency: str
    score: float
    """Calibrated, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judgement of one text."""

    route: Route
    urgent: bool
    """Somebody must set out, or money be stopped, within minutes. Never together with ``unsure``."""
    services: tuple[Service, ...] = ()
    """Lines that should set out or be told now; danger to persons always includes 110."""
    items: tuple[Suggestion, ...] = ()
    """Best first."""
    agencies: tuple[AgencyChance, ...] = ()
    """Best first, three at most."""
    police_class: str = ""
    """Class of the police order that these words would open; empty: none."""
    confidence: float = 0.0
    """Of the route, 0 to 1."""
    urgent_confidence: float = 0.0
    call_back: bool = False
    """Danger is not found and not ruled out: named and taken back, or faint, or the words break off. A person should ring."""
    evidence: tuple[Evidence, ...] = ()
    engine: str = ""
    """Name and version of the engine."""
    catalog: str = ""
    """Version of the catalog that the engine knows."""
    scores: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.urgent and self.route in ("unsure", "guide"):
            raise ValueError(f"urgent words need a line that leads, not {self.route}")

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


class Engine(Protocol):
    """Judges texts; pure and quick (milliseconds), never raises for any text."""

    version: str

    def judge(self, text: str) -> Verdict: ...
