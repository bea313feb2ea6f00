"""What a seat or a trunk may dial. Pure: the configuration goes in, a decision comes out.

A seat may dial the centres' numbers, other seats, feature keys (``*…``), the outside lines and what the first matching dial
rule allows; a trunk may dial the centres' numbers only. What a key or a seat means beyond that is the switchboard's affair."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from config.model import Centre, DialRule, Outside, Seat
from telephony.edge import numbers

_FEATURE = re.compile(r"\*[0-9*#]{0,19}")


@dataclass(frozen=True, slots=True)
class Allowed:
    """``target`` is the centre id, seat id, feature keys, outside line id, or the number as dialled (``number``); ``trunk``
    is set where the call leaves by one."""

    kind: Literal["service", "seat", "feature", "outside", "number"]
    target: str
    dialled: str
    trunk: str | None = None


@dataclass(frozen=True, slots=True)
class Forbidden:
    """403: a rule says that this seat may not."""

    dialled: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """404: there is no such number."""

    dialled: str


Decision = Allowed | Forbidden | Unknown


class DialPlan:
    def __init__(
        self,
        centres: Sequence[Centre],
        seats: Sequence[Seat],
        outside: Sequence[Outside] = (),
        rules: Sequence[DialRule] = (),
    ) -> None:
        self._services = {number: centre.id for centre in centres for number in centre.numbers}
        self._seats = {seat.id: seat for seat in seats}
        self._outside = {line.number: line for line in outside}
        self._rules = [(re.compile(rule.pattern), rule) for rule in rules]

    def knows_seat(self, seat: str) -> bool:
        return seat in self._seats

    def from_seat(self, seat: str, dialled: str) -> Decision:
        """What happens when this seat dials ``dialled`` (user part of the request URI)."""
        caller = self._seats.get(seat)
        if caller is None or not dialled:
            return Unknown(dialled)
        if dialled in self._services:
            return Allowed("service", self._services[dialled], dialled)
        if dialled in self._seats:
            return Allowed("seat", dialled, dialled)
        if _FEATURE.fullmatch(dialled):
            return Allowed("feature", dialled, dialled)
        line = self._outside.get(dialled)
        if line is not None:
            return Allowed("outside", line.id, dialled, line.trunk)
        for pattern, rule in self._rules:
            if pattern.fullmatch(dialled):
                if rule.trunk is None or caller.role not in rule.roles:
                    return Forbidden(dialled)
                return Allowed("number", dialled, dialled, rule.trunk)
        return Unknown(dialled)

    def from_trunk(self, dialled: str, country: str = "86") -> Decision:
        """A trunk reaches service numbers only, as configured or in a form that normalises to them (+8612345)."""
        for number in (dialled, numbers.normal(dialled, country)):
            if number is not None and number in self._services:
                return Allowed("service", self._services[number], number)
        return Unknown(dialled)
