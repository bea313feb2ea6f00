"""Whether matters are about one thing: what a plan's rule says of words, items and classes, and whether places are near. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from classifier.similar import places
from router.linkage.planning.plans import Gather
from router.linkage.resource import nearby


@dataclass(frozen=True, slots=True)
class Told:
    """What of a matter is compared."""

    id: str
    words: str
    place: str = ""
    item: str = ""
    police_class: str = ""
    latitude: float | None = None
    longitude: float | None = None
    caller: str | None = None
    """Fingerprint of the caller's number: one caller counts once."""


def fits(rule: Gather, told: Told) -> bool:
    """Whether the matter is of the kind that the rule gathers."""
    if told.item and told.item in rule.items:
        return True
    if told.police_class and any(told.police_class.startswith(one) for one in rule.classes):
        return True
    return any(one in told.words for one in rule.words)


def near(one: Told, other: Told, radius: float) -> bool:
    """Whether two places may be one: by coordinates where both have them, else by a road or name that both tell."""
    if None not in (one.latitude, one.longitude, other.latitude, other.longitude):
        assert one.latitude is not None and one.longitude is not None
        assert other.latitude is not None and other.longitude is not None
        here, there = nearby.Point(one.latitude, one.longitude), nearby.Point(other.latitude, other.longitude)
        return nearby.metres(here, there) <= radius
    mine, theirs = _names(one.place), _names(other.place)
    return bool(mine & theirs)


def _names(place: str) -> set[str]:
    """Roads and names of a place, without its numbers."""
    core = places.core(places.plain(place)) if place else ""
    return {name for name in places.names(core) if len(name) > 1} if core else set()


def together(rule: Gather, newest: Told, others: Sequence[Told]) -> list[str]:
    """Matters that are about one thing with the newest, itself included; empty if they are too few for the rule."""
    alike = [newest, *(one for one in others if one.id != newest.id and fits(rule, one) and near(newest, one, rule.radius))]
    callers = {one.caller or one.id for one in alike}
    return [one.id for one in alike] if len(callers) >= rule.count else []
