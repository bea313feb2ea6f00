"""Where a leg is dialled: URIs that only the front door understands, and the number shown. Pure."""

from __future__ import annotations

import re
from typing import Literal

from telephony.machines import effects, plan


def uri(installation: plan.Plan, dial: effects.Dial) -> tuple[str, str]:
    """The request URI for a seat, an outside line or a public number, and the caller's number to show. Raise
    :class:`LookupError` if no trunk takes the number."""
    caller = dial.caller or "anonymous"
    if dial.seat:
        return f"sip:{dial.seat}@seats.hotline.invalid", caller
    if dial.line:
        line = installation.lines[dial.line]
        return f"sip:{line.number}@{line.trunk}.trunks.hotline.invalid", caller
    return f"sip:{dial.number}@{trunk_for(installation, dial.number)}.trunks.hotline.invalid", caller


def trunk_for(installation: plan.Plan, number: str) -> str:
    """The trunk of the first dial rule that fits a public number."""
    for rule in installation.installation.dial_rules:
        if re.fullmatch(rule.pattern, number):
            if rule.trunk is None:
                raise LookupError("the dial rules forbid this number")
            return rule.trunk
    raise LookupError("no dial rule fits this number")


def purpose(installation: plan.Plan, centre: str) -> Literal["110", "12345"]:
    """For the room pool: calls to 110 may take every room."""
    found = installation.centres.get(centre)
    return "110" if found is not None and found.kind == "110" else "12345"
