"""Commands in, events out: all that other packages know of the call core. Typed records, no I/O.

Both travel over Redis streams as JSON (:func:`encode`, :func:`decode_command`, :func:`decode_event`) in the field
:data:`FIELD`, at least once, with ids: whoever handles one twice must end where he was after the first. Commands go to
:data:`COMMANDS` (shared by all nodes; a node takes those for its own calls), events come on :data:`EVENTS`. The
answer to a command is a :class:`CommandDone`, pushed as JSON to the list :func:`reply_key` (kept for a minute) and
nowhere else. Calls in progress stand in the hash :data:`LIVE`: call id to :class:`LiveCall`,
removed when the call ends.

Times are seconds since 1970 (UTC). Facts carry ``rev``, rising with each change of their call: an older one never
replaces a newer one. ``VERSION`` rises when a field changes its meaning; new fields have defaults.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from telephony.speech.pieces import Clip as Clip
from telephony.speech.pieces import Number as Number
from telephony.speech.pieces import Speech as Speech
from telephony.speech.pieces import Text as Text

VERSION = 1

STREAM_PREFIX = "{hotline}"
"""The braces keep all keys on one slot of a cluster."""
COMMANDS = f"{STREAM_PREFIX}:commands"
EVENTS = f"{STREAM_PREFIX}:events"
LIVE = f"{STREAM_PREFIX}:live"
REPLY = f"{STREAM_PREFIX}:reply:"
FIELD = "data"
"""The one field of a stream entry."""
REPLY_SECONDS = 60
"""A reply nobody has fetched is kept so long."""


def reply_key(command: str) -> str:
    """List on which the answer to the command with this id is pushed (RPUSH, then EXPIRE)."""
    return REPLY + command


TransferKind = Literal["one-key", "three-way", "consult", "blind"]
SupervisionMode = Literal["listen", "whisper", "barge"]
SeatStatus = Literal["available", "paused", "wrap-up", "off"]
SeatState = Literal["idle", "reserved", "ringing", "talking"]
Role = Literal["caller", "operator", "police", "duty", "outside", "supervisor"]
CallKind = Literal["inbound", "internal", "callback", "page", "ringback"]


class Command(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    id: str
    """Unique; a second command with the same id does nothing and gets the first one's answer."""
    by: str = ""
    """Who asks: a seat, a user, or a service."""


class StartTransfer(Command, frozen=True):
    """Bring another party into a call. ``target``: a centre id or service number, ``seat:<id>`` or
    ``line:<outside id>``; empty: the other side's default centre."""

    call: str
    kind: TransferKind
    target: str = ""
    asker: str = ""
    """Seat that asks; may be empty when one member of staff is in the call."""
    dangerous: bool = False
    case: str = ""


class CancelTransfer(Command, frozen=True):
    """Stop a transfer that is not settled; in a consultation: back to the caller."""

    call: str


class JoinTransfer(Command, frozen=True):
    """Turn a consultation into a three-way call."""

    call: str


class TakeOver(Command, frozen=True):
    """The receiver of a three-way transfer takes the matter: the asker leaves the call."""

    call: str
    seat: str


class HangUpCall(Command, frozen=True):
    call: str


class DropParty(Command, frozen=True):
    call: str
    party: str


class MuteParty(Command, frozen=True):
    """Others do not hear this party."""

    call: str
    party: str
    on: bool = True


class HoldParty(Command, frozen=True):
    """This party hears music and is heard by nobody."""

    call: str
    party: str
    on: bool = True


class Supervise(Command, frozen=True):
    """Ring a supervisor's seat and let it into the call."""

    call: str
    seat: str
    mode: SupervisionMode


class CallBack(Command, frozen=True):
    """Ring a seat, then the citizen."""

    seat: str
    number: str
    case: str = ""
    about: str = ""
    """Call that this one answers to."""


class Page(Command, frozen=True):
    """Ring a number (a seat id or a public number), speak, collect a key. The result is :class:`PageDone` with
    ``page`` = the command's id."""

    to: str
    speech: Speech
    keys: dict[str, str] = msgspec.field(
        default_factory=lambda: {"1": "accepted", "2": "refused", "3": "escalated"},
    )
    """Key to outcome; ``*`` always repeats."""
    ring: float = 30
    repeats: int = 2
    """The speech is repeated so often without a key before the call ends as ``no_key``."""
    urgent: bool = False
    """Goes before others that wait for a line; among equals the earlier goes first."""
    case: str = ""
    """Matter that the page is about; for its call's facts and the phone's screen pop."""


class StopPage(Command, frozen=True):
    """End a page (停呼) wherever it is: one that waits for a line is taken out, a phone that rings is let go, and one that
    answered hears that somebody has taken it already. The page ends as ``stopped``, unless a key was pressed before.

    Always done: ``result["ended"]`` is how the page ends (or has ended), ``unknown`` for one that never came. A page whose
    stop came first, or that a restart begins anew, is stopped as well, for a day.
    """

    page: str


class PickWaiting(Command, frozen=True):
    """Give a waiting call to a seat out of turn."""

    call: str
    seat: str


class SetSeatStatus(Command, frozen=True):
    """Sign in and out, pause (with a reason of the configuration), end a wrap-up (``available``)."""

    seat: str
    status: Literal["available", "paused", "off"]
    reason: str = ""


class JoinQueue(Command, frozen=True):
    """Let a seat of another centre of the same kind (12345 or 110) help (异地座席): it is offered the calls of ``groups`` at
    ``centre`` too, until :class:`LeaveQueue`, over restarts. A seat that helps there already does so as told last."""

    seat: str
    centre: str
    groups: tuple[str, ...]
    """Groups of the helped centre's queue; at least one."""
    home: str = ""
    """Where the seat is, e.g. a division code; ``PartyFacts.home`` of what it answers. Empty: the id of its own centre."""
    exclusive: bool = False
    """Its own centre's queue offers it nothing meanwhile."""


class LeaveQueue(Command, frozen=True):
    """A seat helps ``centre`` no more: no new calls come, one that rings or talks goes on. Done too if it did not help."""

    seat: str
    centre: str


AnyCommand = (
    StartTransfer
    | CancelTransfer
    | JoinTransfer
    | TakeOver
    | HangUpCall
    | DropParty
    | MuteParty
    | HoldParty
    | Supervise
    | CallBack
    | Page
    | StopPage
    | PickWaiting
    | SetSeatStatus
    | JoinQueue
    | LeaveQueue
)


class CallFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One call. ``waited`` and ``answered_at`` are about a person answering, not about the 200 at queue entry."""

    id: str
    rev: int
    kind: CallKind
    centre: str = ""
    """Centre that was called or that calls."""
    called: str = ""
    """Number as dialled; kept when centres share seats."""
    caller: str | None = None
    """Number of the citizen; None: anonymous."""
    origin: str = ""
    """``trunk:<id>`` or ``seat:<id>``."""
    started_at: float
    queued_at: float | None = None
    answered_at: float | None = None
    answered_by: str = ""
    ended_at: float | None = None
    waited: float | None = None
    """Seconds from queue entry to a person's answer, or to the end."""
    end_cause: str = ""
    """caller_left | staff_left | abandoned | refused | failed | room_lost | node_lost | completed."""
    overflowed_to: str = ""
    after: str = ""
    """The call that this one takes up (ring-back, call-back)."""
    case: str = ""
    sip_call_id: str = ""


class PartyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One party of a call; a seat that rang without answering has a row as well."""

    id: str
    call: str
    rev: int
    role: Role
    seat: str = ""
    number: str | None = None
    centre: str = ""
    """For whom it takes part; of a helping seat the helped centre."""
    home: str = ""
    """Where a helping seat is (``JoinQueue.home``); empty for all others."""
    invited_at: float
    ringing_at: float | None = None
    joined_at: float | None = None
    """Answered (for the caller: answered by a person)."""
    left_at: float | None = None
    held_seconds: float = 0
    end_cause: str = ""
    """left | dropped | no_answer | busy | refused | unreachable | cancelled | taken_over | room_lost | error."""
    sip_code: int = 0
    via_transfer: str = ""
    mode: str = ""
    """For supervisors: listen, whisper or barge."""


class TransferFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to bring another party in."""

    id: str
    call: str
    rev: int
    kind: TransferKind
    dangerous: bool = False
    by: Literal["key", "refer", "command"]
    asker: str
    """Party id."""
    asker_seat: str = ""
    from_centre: str = ""
    target: str = ""
    to_centre: str = ""
    started_at: float
    ringing_at: float | None = None
    answered_at: float | None = None
    answered_by: str = ""
    """Seat or outside line."""
    ended_at: float | None = None
    outcome: str = ""
    """answered | refused | busy | no_answer | unreachable | no_seats | cancelled | caller_left | failed."""
    asker_left_at: float | None = None
    went_back_to: str = ""
    """asker | queue | nobody."""
    step: int = 0
    """Skill step that answered: 0 linkage seats, 1 the ordinary queue."""
    case: str = ""


class LiveCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call in progress as its node sees it now: the value of a field of :data:`LIVE`."""

    call: CallFacts
    parties: tuple[PartyFacts, ...] = ()
    transfers: tuple[TransferFacts, ...] = ()
    node: str = ""
    room: str = ""
    room_pid: int = 0
    """The room process that carries the call."""
    at: float = 0
    """When this was written."""


class Event(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    id: str
    at: float
    node: str
    call: str = ""


class CallChanged(Event, frozen=True):
    """A call began or one of its facts changed; ``facts.ended_at`` set means it is over."""

    facts: CallFacts


class PartyChanged(Event, frozen=True):
    facts: PartyFacts


class TransferChanged(Event, frozen=True):
    facts: TransferFacts


class RecordingReady(Event, frozen=True):
    """A recording is complete on disk; ``path`` is relative to the data folder."""

    recording: str
    path: str
    started_at: float
    seconds: float
    sha256: str
    size: int
    repaired: bool = False
    caller_silent: bool = False
    """Nothing was to be heard on the caller's side."""


class SeatChanged(Event, frozen=True):
    seat: str
    centre: str
    status: SeatStatus
    reason: str
    state: SeatState
    owner: str = ""
    helps: tuple[str, ...] = ()
    """Centres that it helps beside its own."""


class DigitPressed(Event, frozen=True):
    """A key that commanded something, and what."""

    party: str
    digits: str
    meaning: str


class PageDone(Event, frozen=True, kw_only=True):
    """How a page ended. ``outcome``: accepted | refused | escalated (or another of ``Page.keys``) | no_key | no_answer
    | busy | rejected | unreachable | stopped | failed. ``call`` is empty if it was stopped before it had a line."""

    page: str
    to: str
    outcome: str
    digit: str = ""
    rang_at: float | None = None
    answered_at: float | None = None
    ended_at: float


class RtpIntruder(Event, frozen=True):
    """A leg's audio came from a stranger; the leg was moved to a fresh port."""

    party: str
    was: str
    now: str


class CommandDone(Event, frozen=True):
    command: str
    ok: bool
    code: str = ""
    """Stable error code, e.g. ``call.full``."""
    message: str = ""
    result: dict[str, str] = {}


AnyEvent = (
    CallChanged
    | PartyChanged
    | TransferChanged
    | RecordingReady
    | SeatChanged
    | DigitPressed
    | PageDone
    | RtpIntruder
    | CommandDone
)

_commands: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand)
_events: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_live = msgspec.json.Decoder(LiveCall)


def encode(record: Command | Event | LiveCall) -> bytes:
    return msgspec.json.encode(record)


def decode_command(data: bytes) -> AnyCommand:
    """Raise :class:`msgspec.ValidationError` with the field that does not fit."""
    return _commands.decode(data)


def decode_event(data: bytes) -> AnyEvent:
    return _events.decode(data)


def decode_live(data: bytes) -> LiveCall:
    return _live.decode(data)
