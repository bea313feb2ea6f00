"""Who does something: a person or program, with the role and unit of this moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["operator", "police", "agency", "supervisor", "administrator", "integration", "system"]
ROLES: tuple[Role, ...] = ("operator", "police", "agency", "supervisor", "administrator", "integration")
Side = Literal["12345", "110"]


@dataclass(frozen=True, slots=True)
class Shared:
    """Live grants (授权) to a desk: single cases by id, and units that share all of theirs."""

    cases: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.cases or self.units)


@dataclass(frozen=True, slots=True)
class Actor:
    """Staff posted to another unit (进驻) act with ``desk`` there, while ``unit`` stays their home unit."""

    id: str
    """Account id; ``system:<what>`` for the service itself."""
    role: Role
    unit: str
    """Home unit: centre id or agency code; empty: the whole installation."""
    desk: str
    """Unit worked for now; equal to ``unit`` unless posted."""
    city: str = ""
    side: Side | None = None
    """Side of the desk, if it is a centre."""
    name: str = ""
    seat: str = ""
    peer: str = ""
    """Peer system that this integration account speaks for."""
    shared: Shared | None = None
    """What other units share with the desk at this moment, once somebody has looked; None: row rules ask in SQL, which is
    slower over a million matters."""

    @property
    def is_system(self) -> bool:
        return self.role == "system"


def system(what: str) -> Actor:
    """The service itself, e.g. ``system("deadlines")``."""
    return Actor(id=f"system:{what}", role="system", unit="", desk="")
