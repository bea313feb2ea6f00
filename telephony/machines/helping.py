"""Which seat may help which centre (异地座席). Pure."""

from __future__ import annotations

from collections.abc import Collection

from config import model
from telephony.machines.errors import Refused
from telephony.machines.plan import Plan


def check(plan: Plan, seat: str, centre: str, groups: Collection[str]) -> None:
    """Raise :class:`Refused` unless the seat answers calls of the same kind (12345 or 110) at another centre, and the centre's
    queue has these groups."""
    rules, helped = known(plan, seat, centre)
    if rules.centre is None or rules.role not in ("operator", "police"):
        raise Refused("seat.role", f"{seat} is a seat of role {rules.role}: only seats that answer callers can help")
    if rules.centre == centre:
        raise Refused("queue.own", f"{seat} is {centre}'s own seat")
    if plan.centres[rules.centre].kind != helped.kind:
        raise Refused("queue.kind", f"{seat} answers {plan.centres[rules.centre].kind} and can't help {helped.kind}")
    steps = (*helped.queue.direct, *helped.queue.transfer)
    has = {group for step in steps for group in step.groups}
    unknown = sorted(set(groups) - has)
    if unknown or not groups:
        wrong = f"{centre}'s queue has no group {', '.join(unknown)}" if unknown else "no group is named"
        raise Refused("queue.group", f"{wrong}: name some of {', '.join(sorted(has))}")


def known(plan: Plan, seat: str, centre: str) -> tuple[model.Seat, model.Centre]:
    """Both by their ids. Raise :class:`Refused`."""
    if seat not in plan.seats:
        raise Refused("seat.unknown", f"there is no seat {seat}")
    if centre not in plan.centres:
        raise Refused("queue.unknown", f"there is no centre {centre}")
    return plan.seats[seat], plan.centres[centre]
