"""Who may see an event. Pure: what must be known of its case is handed in.

An event names units and users. Besides, the rules of :mod:`router.access.rules` hold: clues about social stability go to police
and supervisors only, complaints about a unit never to that unit, supervisors see what concerns their side, and administrators
see no matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from router.access.actor import Actor, Side
from router.journal.news import Item


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What of a case decides who may hear of it."""

    city: str
    confidentiality: str
    created_by: str
    complained_of: str | None = None


def may_see(actor: Actor, item: Item, case: CaseFacts | None, sides: Mapping[str, Side]) -> bool:
    """``case``: facts of ``item.case``; None: the event is of none, or of one that is gone. ``sides``: centre to line."""
    units = item.audience.get("units", ())
    users = item.audience.get("users", ())
    if actor.id in users:
        return not _about_them(actor, case)
    if item.case is None:
        return actor.desk in units or (not units and not users) or actor.role == "administrator"
    if case is None or actor.role == "administrator" or _about_them(actor, case):
        return False
    if actor.role == "supervisor":
        if actor.city and actor.city != case.city:
            return False
        return actor.side is None or actor.desk in units or any(sides.get(unit) == actor.side for unit in units)
    if actor.desk not in units:
        return False
    return case.confidentiality != "stability" or actor.role == "police" or actor.id == case.created_by


def _about_them(actor: Actor, case: CaseFacts | None) -> bool:
    return (
        case is not None
        and case.complained_of is not None
        and actor.role == "police"
        and case.complained_of in (actor.unit, actor.desk)
    )
