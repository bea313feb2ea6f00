"""Which agency, police unit and desk: by kind, by division, and never one that has to keep out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from router.allocation.decision import Desk, Facts, Reason, Side, Unit
from router.allocation.reasons import because
from router.catalog.model import Item

POLICE = "police"
FRONT_LINE = ("front-line", "township")
POLICE_KINDS = ("公安", "交管", "公安督察")
OVERSIGHT = ("公安督察",)
"""Kinds of unit that look into complaints about police."""


def stem(code: str) -> str:
    """The significant digits of a GB/T 2260 division code: ``530100`` → ``5301``, ``530102001000`` → ``530102001``."""
    head, tail = code[:6], code[6:]
    while tail.endswith("000"):
        tail = tail[:-3]
    if tail:
        return head + tail
    while len(head) > 2 and head.endswith("00"):
        head = head[:-2]
    return head


def reach(divisions: Sequence[str], place: str) -> int:
    """How closely divisions cover a place: digits of the closest one that holds it, 0 for none."""
    return max((len(stem(one)) for one in divisions if one and place.startswith(stem(one))), default=0)


def is_police(unit: Unit) -> bool:
    return unit.level == POLICE or unit.kind in POLICE_KINDS


def must_keep_out(unit: Unit, complained_of: str | None, units: Sequence[Unit]) -> bool:
    """A complaint never goes to the unit complained of, nor to one below it (回避).

    Below is every police unit whose divisions all lie within those of the unit complained of, the same ones included: which of
    two units of one place stands above the other can't be told from their divisions.
    """
    if complained_of is None:
        return False
    if unit.code == complained_of:
        return True
    about = next((one for one in units if one.code == complained_of), None)
    if about is None or not about.divisions or not unit.divisions or not is_police(unit):
        return False
    return all(reach(about.divisions, stem(one)) > 0 for one in unit.divisions)


@dataclass(frozen=True, slots=True)
class Handlers:
    """Who handles a ticket."""

    lead: str | None
    helpers: tuple[str, ...]
    reasons: tuple[Reason, ...]


def handlers(facts: Facts, item: Item | None, units: Sequence[Unit], *, joint: bool, ordered: bool) -> Handlers:
    """The lead agency of a ticket and, for a joint handling, one helper of each other kind that the item names.

    ``ordered``: there is a police order too; a police unit chosen by hand is meant for that.
    """
    complained_of = facts.ticks.complained_of
    allowed = [one for one in units if not must_keep_out(one, complained_of, units)]
    place = facts.division or facts.city
    reasons: list[Reason] = []
    lead: Unit | None = None
    for_order = ordered and any(is_police(one) for one in units if one.code == facts.ticks.agency)
    if facts.ticks.agency and not for_order:
        lead = next((one for one in allowed if one.code == facts.ticks.agency), None)
        rule = "agency.chosen" if lead else "agency.unknown"
        reasons.append(because(rule, f"agency={facts.ticks.agency}", code=facts.ticks.agency))
    kinds = item.agencies if item else ()
    if lead is None and item is not None:
        lead = _direct(item, allowed, place)
        if lead is not None:
            reasons.append(because("agency.direct", f"agency={lead.code}"))
        else:
            lead = next((found for kind in kinds if (found := _closest(allowed, kind, place))), None)
            if lead is not None:
                reasons.append(because("agency.place", f"agency={lead.code}", kind=lead.kind, code=item.code))
            else:
                reasons.append(because("agency.none", code=item.code))
    helpers: list[str] = []
    if joint:
        for kind in kinds:
            found = _closest(allowed, kind, place)
            if found is not None and found.code not in helpers and found is not lead and (lead is None or kind != lead.kind):
                helpers.append(found.code)
        if lead is None and helpers:
            helpers = helpers[1:]
        if helpers:
            reasons.append(because("agency.joint", *helpers))
    return Handlers(lead.code if lead else None, tuple(helpers), tuple(reasons))


def _closest(units: Iterable[Unit], kind: str, place: str) -> Unit | None:
    """The unit of a kind whose division holds the place most closely; the code decides between equals."""
    fitting = [(-reach(one.divisions, place), one.code, one) for one in units if one.kind == kind and reach(one.divisions, place)]
    return min(fitting, key=lambda one: one[:2])[2] if fitting else None


def _direct(item: Item, units: Sequence[Unit], place: str) -> Unit | None:
    """The front-line unit that the item's tickets may go straight to (工单直转办理一线): one of the item's kinds, or the
    township itself if the place is known that closely."""
    if not item.direct:
        return None
    fitting = [
        (FRONT_LINE.index(one.level), -reach(one.divisions, place), one.code, one)
        for one in units
        if one.level in FRONT_LINE
        and reach(one.divisions, place)
        and (one.kind in item.agencies or (one.level == "township" and reach(one.divisions, place) > 6))
    ]
    return min(fitting, key=lambda one: one[:3])[3] if fitting else None


def police_unit(facts: Facts, units: Sequence[Unit], complained_of: str | None) -> str | None:
    """The police unit that an order goes to: the one chosen by hand, else the closest one to a place that is known."""
    allowed = [one for one in units if is_police(one) and not must_keep_out(one, complained_of, units)]
    if any(one.code == facts.ticks.agency for one in allowed):
        return facts.ticks.agency
    if facts.division is None:
        return None
    place = facts.division
    fitting = [
        (-reach(one.divisions, place), one.code) for one in allowed if one.kind not in OVERSIGHT and reach(one.divisions, place)
    ]
    return min(fitting)[1] if fitting else None


def complaint_unit(facts: Facts, units: Sequence[Unit], complained_of: str | None) -> str | None:
    """Who looks into a complaint about police: an oversight unit, else the police unit that stands highest; never one that
    has to keep out. None: a person chooses."""
    place = facts.division or facts.city
    allowed = [one for one in units if is_police(one) and not must_keep_out(one, complained_of, units)]
    if any(one.code == facts.ticks.agency for one in allowed):
        return facts.ticks.agency
    known = any(one.code == complained_of for one in units)
    fitting = [
        (one.kind not in OVERSIGHT, reach(one.divisions, place), one.code)
        for one in allowed
        if reach(one.divisions, place) and (known or one.kind in OVERSIGHT)  # any other may be the one complained of
    ]
    return min(fitting)[2] if fitting else None


def desk(side: Side, facts: Facts, desks: Sequence[Desk], *, keep_out: Unit | None = None) -> tuple[str, Reason]:
    """The desk of a side that a face belongs to: 12345's own centre, or the 110 desk of the place (按地选台), else the default.

    ``keep_out``: the police unit complained of; a desk within its divisions is passed over if there is another.
    """
    ours = sorted((one for one in desks if one.side == side), key=lambda one: one.id)
    if keep_out is not None and keep_out.divisions:
        outside = [
            one for one in ours if not one.divisions or not all(reach(keep_out.divisions, stem(code)) for code in one.divisions)
        ]
        ours = outside or ours
    here = {one.id for one in ours}
    if side == "12345" and facts.centre in here:
        return facts.centre, because("desk.default", desk=facts.centre)
    place = facts.division or ""
    near = [(-reach(one.divisions, place), one.id) for one in ours if reach(one.divisions, place)]
    if near:
        found = min(near)[1]
        return found, because("desk.place", f"division={place}", desk=found, code=place)
    for centre in (facts.centre, facts.first_centre):
        if centre in here and not place:
            return centre, because("desk.default", desk=centre)
    found = next((one.id for one in ours if one.default), ours[0].id if ours else facts.centre)
    return found, because("desk.default", f"division={place}" if place else "", desk=found)
