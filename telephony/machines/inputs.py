"""What can happen to a call. The session turns events of room, board, clock and contract into these."""

from __future__ import annotations

import msgspec

from telephony import contract
from telephony.machines import records


class Input(msgspec.Struct, frozen=True):
    pass


class Arrived(Input, frozen=True):
    """The INVITE of an incoming leg has reached the room."""

    leg: str


class Started(Input, frozen=True):
    """The room is there; a call that begins with our own dialling may do so."""


class Reached(Input, frozen=True):
    """The far phone has given some provisional answer; ``ringing`` for 180 and 183."""

    leg: str
    ringing: bool


class Up(Input, frozen=True):
    """A dialog is confirmed."""

    leg: str


class PhoneHeld(Input, frozen=True):
    leg: str
    on: bool


class Stalled(Input, frozen=True):
    """Nothing comes from a leg, and its phone does not answer (``on``); or it is there again."""

    leg: str
    on: bool


class Gone(Input, frozen=True):
    """A leg has ended. ``by``: us, them or error."""

    leg: str
    code: int
    by: str


class Pressed(Input, frozen=True):
    leg: str
    digit: str


class Heard(Input, frozen=True):
    """A one-shot prompt has been played to its end (or could not be played)."""

    leg: str
    play: str


class Offered(Input, frozen=True):
    """The board has reserved a seat for an attempt. ``helps`` and ``home``: the seat is of another centre, helps this one, and
    is there."""

    attempt: str
    seat: str
    step: int = 0
    helps: str = ""
    home: str = ""


class NoneLeft(Input, frozen=True):
    """No seat can serve the attempt. ``why``: ``no_seats`` (nobody signed in), ``tried`` (all others were tried), or for a named
    seat ``busy``, ``off``, ``unreachable``."""

    attempt: str
    why: str


class Position(Input, frozen=True):
    attempt: str
    position: int


class Due(Input, frozen=True):
    """A timer that an effect had set."""

    timer: str


class Asked(Input, frozen=True):
    """A command of the contract that is about this call."""

    command: contract.AnyCommand


class Stopped(Input, frozen=True):
    """A page need not go on: somebody else has taken what it is about."""


class Referred(Input, frozen=True):
    """A phone asks for a blind transfer by REFER. ``target`` is None when the number names nobody."""

    leg: str
    target: records.Target | None


class SupervisorComes(Input, frozen=True):
    """A supervisor's seat dials into the call; its leg will arrive."""

    leg: str
    seat: str
    mode: contract.SupervisionMode
    beside: str


class RoomLost(Input, frozen=True):
    """The room died with all its legs."""


class Moved(Input, frozen=True):
    """The room died, but the unanswered incoming leg goes on in another room."""


AnyInput = (
    Arrived
    | Started
    | Reached
    | Up
    | PhoneHeld
    | Stalled
    | Gone
    | Pressed
    | Heard
    | Offered
    | NoneLeft
    | Position
    | Due
    | Asked
    | Stopped
    | Referred
    | SupervisorComes
    | RoomLost
    | Moved
)
