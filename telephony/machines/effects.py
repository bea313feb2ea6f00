"""What a machine wants done. The session carries these out in order."""

from __future__ import annotations

import msgspec

from telephony.machines import records
from telephony.speech import pieces


class Effect(msgspec.Struct, frozen=True):
    pass


class Dial(Effect, frozen=True):
    """Call a seat's phone, or a public number through a trunk."""

    leg: str
    seat: str = ""
    number: str = ""
    line: str = ""
    """Outside line whose trunk is used; empty with ``number``: the trunk that the dial rules name."""
    caller: str = ""
    display: str = ""
    headers: dict[str, str] = {}


class Answer(Effect, frozen=True):
    leg: str
    code: int = 200


class HangUp(Effect, frozen=True):
    leg: str
    code: int = 0
    reason: str = ""


class Notify(Effect, frozen=True):
    leg: str
    status: str
    final: bool = False


class Seek(Effect, frozen=True):
    """Put the attempt (again) on the board."""

    attempt: records.Attempt


class Claim(Effect, frozen=True):
    """Reserve one named seat for an attempt or a party."""

    attempt: str
    seat: str
    force: bool = False


class Unseek(Effect, frozen=True):
    attempt: str
    target: records.Target


class AskPosition(Effect, frozen=True):
    attempt: str


class SeatRinging(Effect, frozen=True):
    seat: str
    owner: str


class SeatTalking(Effect, frozen=True):
    seat: str
    owner: str


class SeatRelease(Effect, frozen=True):
    seat: str
    owner: str
    talked: bool = False
    """Wrap-up follows."""
    unreachable: bool = False


class Timer(Effect, frozen=True):
    """Set (or move) a timer of this call."""

    name: str
    after: float


class CancelTimer(Effect, frozen=True):
    name: str


class Reply(Effect, frozen=True):
    command: str
    ok: bool
    code: str = ""
    message: str = ""
    result: dict[str, str] = {}


class KeyMeant(Effect, frozen=True):
    """For the journal: a key sequence that commanded something."""

    leg: str
    digits: str
    meaning: str


class RingBack(Effect, frozen=True):
    """A caller was cut off by a lost room: ring at once."""

    number: str
    centre: str
    seat: str
    case: str
    origin: str


class PageResult(Effect, frozen=True):
    outcome: str
    digit: str = ""
    rang_at: float | None = None
    answered_at: float | None = None


class Scene(msgspec.Struct, frozen=True):
    """What the room should sound like now, derived from the record alone."""

    hears: dict[str, tuple[str, ...]]
    """Listener to those it hears."""
    plays: dict[str, Playing]
    """Leg to what is played to it."""
    tape: str
    tape_caller: tuple[str, ...] = ()
    tape_staff: tuple[str, ...] = ()


class Playing(msgspec.Struct, frozen=True):
    """A one-shot prompt (``speech``) or an endless background (``loop``: ``music`` or ``ringback``)."""

    id: str
    speech: pieces.Speech = ()
    loop: str = ""
