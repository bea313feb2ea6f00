"""What the board takes and returns. Times are seconds on the board's clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from telephony.machines import seat as machine

Why = Literal["", "busy", "paused", "off", "unreachable", "owner", "own", "offered", "unknown"]
"""As in :data:`telephony.machines.seat.Refusal`; ``offered``: the attempt holds another seat already; ``unknown``: the board
knows no such seat or attempt."""


class Step(msgspec.Struct, frozen=True):
    """Seats of these groups may be offered, for ``wait`` seconds alone before the next step joins."""

    groups: tuple[str, ...]
    wait: float = 10


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt to find a seat (排队). Order: rank, then ``since``, then arrival on the board."""

    id: str
    """The attempt; the owner of the seats that are held for it."""
    call: str
    centre: str
    steps: tuple[Step, ...]
    rank: int = 2
    """0: head of the queue, 1: direct callers and dangerous transfers, 2: ordinary ones."""
    since: float
    """When the wait began; steps open by it, so it stays the same when the attempt is put back."""
    node: str
    exclude: tuple[str, ...] = ()
    """Seats this attempt has tried."""
    again: bool = True
    """Seats that were tried may be tried again when no other is free. False (a transfer): the attempt is then hopeless."""


class Queued(msgspec.Struct, frozen=True):
    """A waiting attempt as the board sees it now."""

    waiting: Waiting
    seat: str
    """The seat that is held for it, or empty."""


class Offer(msgspec.Struct, frozen=True):
    """A seat is held for an attempt until ``expires``."""

    attempt: str
    call: str
    seat: str
    step: int
    """0 for the first step."""
    node: str
    expires: float
    home: str = ""
    """Where the seat is, if it is another centre's and helps."""

    @property
    def token(self) -> str:
        """What proves that the seat is held: the ``owner`` in all that follows."""
        return self.attempt


class Hopeless(msgspec.Struct, frozen=True):
    """No seat can serve the attempt as things are. It stays among the waiting. Told once, and again after a while."""

    attempt: str
    call: str
    node: str
    why: Literal["no_seats", "tried"]
    """``no_seats``: nobody is signed in; ``tried``: everybody who is there was tried."""


class SeatChange(msgspec.Struct, frozen=True):
    """A seat changed at ``at``; ``span`` is the status interval that ended with it, if one did."""

    at: float
    seat: machine.Seat
    span: machine.Span | None = None


class Outcome(msgspec.Struct, frozen=True):
    """Whether it was done, why not, and which seats changed by it (others too, if their time had come). True if done."""

    ok: bool
    why: Why = ""
    changes: tuple[SeatChange, ...] = ()

    def __bool__(self) -> bool:
        return self.ok


class Round(msgspec.Struct, frozen=True):
    """Result of a match: iterate over it for the offers."""

    offers: tuple[Offer, ...]
    hopeless: tuple[Hopeless, ...]
    wakeup: float | None
    """Match again then, if nothing happens before."""
    changes: tuple[SeatChange, ...] = ()

    def __iter__(self) -> Iterator[Offer]:
        return iter(self.offers)

    def __len__(self) -> int:
        return len(self.offers)


class Held(msgspec.Struct, frozen=True):
    seat: str
    owner: str
    call: str
    state: machine.State


class Renewal(msgspec.Struct, frozen=True):
    """What the board has of a node after a renewal."""

    held: tuple[Held, ...]
    """Seats held by this node's calls."""
    missing: tuple[str, ...]
    """Attempts that should wait but are not on the board: put them back."""
