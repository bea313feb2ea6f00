"""The police order of a decision: class, line that leads, kind, services. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from router.allocation import units as units_
from router.allocation.boundaries import Held
from router.allocation.decision import Facts, OrderPlan, Reason, Unit
from router.allocation.reasons import KINDS, because
from router.catalog.model import Catalog, PoliceClass

Lead = Literal["110", "119", "120", "122"]
LINES = ("119", "120", "122")
COMPLAINT = "18"


@dataclass(frozen=True, slots=True)
class Ask:
    """The order that a step of the chain asks for."""

    state: Literal["dispatched", "awaiting-confirmation", "registered"]
    danger_by: Literal["person", "peer", "classifier"] | None = None
    complaint: bool = False
    fallback: str = "17"
    """Class if neither a person nor the words name one."""


def plan(
    ask: Ask, facts: Facts, catalog: Catalog, held: tuple[Held, ...], units: Sequence[Unit], desk: str
) -> tuple[OrderPlan, tuple[Reason, ...]]:
    """The order, and why it is of its kind."""
    police_class = _class(ask, facts, catalog, held)
    found = _known(catalog, police_class)
    lead = _lead(ask, facts, found, held)
    complaint = ask.complaint and lead == "110"
    services = _services(ask, facts, held, lead)
    kind = _kind(ask, complaint, lead, found, services)
    complained_of = facts.ticks.complained_of
    choose = units_.complaint_unit if complaint else units_.police_unit
    unit = choose(facts, units, complained_of)
    reasons: list[Reason] = []
    if lead != "110":
        reasons.append(because("chain.lead", f"route={facts.verdict.route}", police_class, lead=lead, kind=KINDS[kind]))
    if ask.complaint and ask.danger_by is not None:
        reasons.append(because("chain.complaint.with-danger", "police_complaint=ongoing"))
    if complained_of:
        reasons.append(because("chain.complaint.avoid", f"complained_of={complained_of}"))
    order = OrderPlan(ask.state, kind, police_class, lead, services, desk, ask.danger_by, unit, complained_of)
    return order, tuple(reasons)


def speaks(facts: Facts) -> bool:
    """The classifier names a class and a line of the police or of rescue."""
    return facts.verdict.urgent or facts.verdict.route in ("110", *LINES)


def _class(ask: Ask, facts: Facts, catalog: Catalog, held: tuple[Held, ...]) -> str:
    if facts.ticks.police_class:
        return facts.ticks.police_class
    if ask.complaint and not ask.danger_by:
        named = (facts.verdict.police_class, *(one.police_class for one in held))
        return next((code for code in named if code[:2] == COMPLAINT), COMPLAINT)
    if speaks(facts) and facts.verdict.police_class and (facts.verdict.urgent or not any(one.urgent for one in held)):
        return facts.verdict.police_class
    for one in held:
        if one.police_class:
            return one.police_class
    return ask.fallback


def _known(catalog: Catalog, code: str) -> PoliceClass | None:
    return catalog.classes.get(code) or catalog.classes.get(code[:2])


def _lead(ask: Ask, facts: Facts, found: PoliceClass | None, held: tuple[Held, ...]) -> Lead:
    """Who leads: as the chosen class says, else the words, else the class."""
    if facts.ticks.police_class:
        return found.lead if found else "110"
    if ask.complaint and not ask.danger_by:
        return "110"
    if facts.verdict.urgent or (facts.verdict.route in LINES and not any(one.urgent for one in held)):
        return cast(Lead, facts.verdict.route) if facts.verdict.route in ("110", *LINES) else "110"
    return found.lead if found else "110"


def _services(ask: Ask, facts: Facts, held: tuple[Held, ...], lead: Lead) -> tuple[str, ...]:
    named: list[str] = [lead]
    if speaks(facts):
        named += facts.verdict.services
    for one in held:
        named += one.services
    if lead == "110" or ask.danger_by is not None:
        named.append("110")
    return tuple(dict.fromkeys(named))


def _kind(
    ask: Ask, complaint: bool, lead: Lead, found: PoliceClass | None, services: tuple[str, ...]
) -> Literal["dispatch", "assist", "inform", "complaint"]:
    """Where another line leads, police go along (协助) if persons are in danger, else they are told (知会)."""
    if complaint:
        return "complaint"
    if lead == "110":
        return "inform" if found is not None and found.kind == "inform" and ask.danger_by is None else "dispatch"
    if ask.danger_by in ("person", "peer"):
        return "assist"
    if found is not None and found.kind in ("assist", "inform"):
        return found.kind
    return "assist" if "110" in services else "inform"
