"""Which fields of a visible matter a person sees: phone numbers and names are masked by role, police fields stay with police.

Pure. ``sight`` says it for one person and one case; ``mask_number`` and ``mask_name`` do the masking.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from router.access.actor import Actor
from router.access.rules import sees_police_fields

Degree = Literal["whole", "masked", "hidden"]
GRANTABLE = ("caller", "place", "words", "recordings", "attachments")
"""Names that a grant's ``fields`` may hold."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What of one case is shown."""

    caller: Degree
    """The caller's number and name."""
    place: Degree
    police: bool
    """Police-only fields: notes, unit, result of a police order; attachments marked so."""
    recordings: bool
    attachments: bool


def sight(
    actor: Actor,
    confidentiality: str,
    *,
    assigned: bool = False,
    granted: Iterable[str] = (),
) -> Sight:
    """``assigned``: the actor's agency handles the case now; ``granted``: fields of the live grants on it."""
    fields = frozenset(granted)
    police = sees_police_fields(actor)
    if actor.is_system or actor.role in ("operator", "police", "integration"):
        return Sight(caller="whole", place="whole", police=police, recordings=actor.role != "integration", attachments=True)
    if actor.role == "supervisor":
        caller: Degree = "whole" if "caller" in fields else "masked"
        return Sight(caller=caller, place="whole", police=police, recordings=True, attachments=True)
    if actor.role == "agency":
        return Sight(
            caller=_agency_caller(confidentiality, assigned, fields),
            place="whole" if assigned or "place" in fields else "masked",
            police=False,
            recordings="recordings" in fields,
            attachments=assigned or "attachments" in fields,
        )
    return Sight(caller="hidden", place="hidden", police=False, recordings=False, attachments=False)


def _agency_caller(confidentiality: str, assigned: bool, granted: frozenset[str]) -> Degree:
    if "caller" in granted:
        return "whole"
    if confidentiality != "open":
        return "hidden"
    return "whole" if assigned else "masked"


def number(value: str | None, degree: Degree) -> str | None:
    """The number as far as it is shown."""
    if value is None or degree == "hidden":
        return None
    return value if degree == "whole" else mask_number(value)


def name(value: str | None, degree: Degree) -> str | None:
    if value is None or degree == "hidden":
        return None
    return value if degree == "whole" else mask_name(value)


def place(value: str | None, degree: Degree) -> str | None:
    """A masked place keeps its first part, down to the district."""
    if value is None or degree == "hidden":
        return None
    return value if degree == "whole" else mask_place(value)


def mask_number(value: str) -> str:
    """``13900139002`` is ``139****9002``; of short ones only the last two digits stay."""
    if len(value) >= 8:
        return f"{value[:3]}{'*' * (len(value) - 7)}{value[-4:]}"
    return "*" * max(len(value) - 2, 0) + value[-2:] if len(value) > 2 else "*" * len(value)


def mask_name(value: str) -> str:
    """The family name stays: 张三 is 张*, 欧阳明月 is 欧***."""
    return value[:1] + "*" * (len(value) - 1) if len(value) > 1 else "*"


def mask_place(value: str) -> str:
    """Down to the last of 省, 市, 区, 县, 旗 within the first fifteen characters; else the first four."""
    cut = max((value.rfind(mark, 0, 15) for mark in "省市区县旗"), default=-1)
    kept = value[: cut + 1] if cut >= 1 else value[:4]
    return kept + "***" if kept != value else kept
