"""Look-ups in the installation that machines and front door need: whose number, whose other side, whose seat. Pure."""

from __future__ import annotations

from typing import Literal

from config import model
from telephony.machines import records


class UnknownTarget(LookupError):
    """No centre, seat or outside line goes by this name."""


class Plan:
    """An index over one installation."""

    def __init__(self, installation: model.Installation) -> None:
        self.installation = installation
        self.centres = {c.id: c for c in installation.centres}
        self.seats = {s.id: s for s in installation.seats}
        self.lines = {o.id: o for o in installation.outside}
        self.trunks = {t.id: t for t in installation.trunks}
        self._numbers = {number: c.id for c in installation.centres for number in c.numbers}
        self._line_numbers = {o.number: o.id for o in installation.outside}

    def centre_of_number(self, number: str) -> str | None:
        return self._numbers.get(number)

    def default(self, kind: Literal["12345", "110"]) -> str:
        """The centre of a kind that takes what no other takes. Raise :class:`UnknownTarget` if the installation has none."""
        of_kind = [c for c in self.installation.centres if c.kind == kind]
        for centre in of_kind:
            if centre.default:
                return centre.id
        if of_kind:
            return of_kind[0].id
        raise UnknownTarget(f"this installation has no {kind} centre")

    def any_centre(self) -> str:
        """A queue for a caller whom no centre knows: the 12345 desk, or whatever there is."""
        try:
            return self.default("12345")
        except UnknownTarget:
            return self.default("110")

    def other_side(self, centre: str) -> str:
        """12345 for a 110 desk, the default 110 desk for 12345."""
        kind = self.centres[centre].kind if centre in self.centres else "110"
        return self.default("110" if kind == "12345" else "12345")

    def target(self, name: str, asker_centre: str) -> records.Target:
        """Read a transfer's target: ``""`` (the other side), a service number, a centre id, ``seat:<id>`` or a seat id,
        ``line:<id>`` or an outside line's number. Raise :class:`UnknownTarget`."""
        if not name:
            return self._queue(self.other_side(asker_centre))
        if name.startswith("seat:") or name in self.seats:
            seat = self.seats.get(name.removeprefix("seat:"))
            if seat is None:
                raise UnknownTarget(f"there is no seat {name.removeprefix('seat:')}")
            return records.Target("seat", seat.id, seat.centre or "")
        line = name.removeprefix("line:")
        line = self._line_numbers.get(line, line)
        if line in self.lines:
            return records.Target("line", line)
        if name in self._numbers:
            return self._queue(self._numbers[name])
        if name in self.centres:
            return self._queue(name)
        raise UnknownTarget(f"{name} is no centre, service number, seat or outside line")

    def _queue(self, centre: str) -> records.Target:
        return records.Target("queue", centre, centre)

    def rank(self, centre: str, *, transfer: bool, dangerous: bool = False) -> int:
        """Order in a centre's queue: 0 head, 1 direct callers and dangerous transfers, 2 ordinary transfers to 110."""
        if transfer and not dangerous and self.centres[centre].kind == "110":
            return 2
        return 1
