"""What switchboard and room say to each other. No Twisted, no pjsua2: plain typed records.

A room listens on a unix socket of its own; the switchboard connects, sends :class:`Attach` and from then on commands. The room
keeps its call when the socket closes. Each event carries ``seq``, rising by one; the room keeps events until they are
acknowledged (:class:`Ack`) and repeats those after ``Attach.after`` to whoever attaches. Legs, plays and recordings are
named by the switchboard (for an incoming INVITE by the front door, in the ``X-Hotline-Leg`` header).
"""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Base of all messages: the wire form is MessagePack with the class name as tag."""


class Dialog(Message, frozen=True):
    """What somebody else needs to end a confirmed dialog in the room's name (RFC 3261 12)."""

    call_id: str
    local_tag: str
    remote_tag: str
    local_uri: str
    remote_uri: str
    cseq: int
    """The last CSeq that the room itself has sent in this dialog (0: none yet)."""
    routes: tuple[str, ...] = ()
    """The route set as Route header values, in the order to be sent."""
    target: str = ""
    """The remote target (Contact) URI."""


# --- commands: switchboard to room


class Attach(Message, frozen=True):
    """First message on a connection. Events with a greater ``seq`` are repeated."""

    after: int = 0


class Ack(Message, frozen=True):
    """Events up to ``seq`` are safe with the switchboard."""

    seq: int


class Answer(Message, frozen=True):
    """Answer an incoming leg: 180, 183 (early media) or 200."""

    leg: str
    code: int = 200


class Dial(Message, frozen=True):
    """Call ``uri`` by way of the front door, and name the new leg ``leg``."""

    leg: str
    uri: str
    caller: str
    """User part of From."""
    display: str = ""
    headers: dict[str, str] = {}


class HangUp(Message, frozen=True):
    """End a leg in whatever state: BYE, CANCEL, or a failure reply with ``code`` to an unanswered incoming leg."""

    leg: str
    code: int = 0
    reason: str = ""
    """Text of a Reason header (RFC 3326), empty for none."""


class Mix(Message, frozen=True):
    """The whole who-hears-whom matrix: each listener with those it hears. Legs not named hear nobody. Legs not yet (or no
    longer) with media are passed over and joined as soon as they have media."""

    hears: dict[str, tuple[str, ...]]


class Play(Message, frozen=True):
    """Play WAV files (8 kHz, 16 bit, mono) in turn to a leg's ear, mixed with what it hears, in place of what was playing to it.
    ``Played`` follows when the last file has ended by itself; a loop never ends by itself. Playing starts when the leg has
    media."""

    leg: str
    play: str
    files: tuple[str, ...]
    loop: bool = False


class StopPlay(Message, frozen=True):
    leg: str


class Tape(Message, frozen=True):
    """Record on a true time line: two mono WAV files of equal length that start in the same tick. ``caller`` legs go to the
    first, ``staff`` legs and the one-shot prompts of caller legs to the second. Sent again with the same ``recording`` it
    changes who is on which; the files stay. A leg whispering to staff only is in neither list."""

    recording: str
    caller_file: str
    staff_file: str
    caller: tuple[str, ...]
    staff: tuple[str, ...]


class StopTape(Message, frozen=True):
    """Close the files; ``Taped`` follows when their headers are written."""

    recording: str


class Notify(Message, frozen=True):
    """Tell a phone that sent REFER how its transfer goes: NOTIFY with a SIP status line (RFC 3515)."""

    leg: str
    status: str
    """E.g. ``SIP/2.0 180 Ringing``."""
    final: bool = False


class Ping(Message, frozen=True):
    nonce: int


class Clear(Message, frozen=True):
    """End whatever is left and be ready for the next call; ``Cleared`` follows."""


class Quit(Message, frozen=True):
    """Hang up, tidy and leave."""


# --- events: room to switchboard


class Event(Message, frozen=True, kw_only=True):
    seq: int = 0


class Hello(Message, frozen=True):
    """Answer to ``Attach``, before repeated events."""

    room: str
    pid: int
    host: str
    port: int
    """The room's own SIP address (UDP)."""
    legs: tuple[str, ...] = ()
    seq: int = 0
    """The newest event's number."""


class Incoming(Event, frozen=True):
    """An INVITE came in on a leg that the front door has named."""

    leg: str
    call_id: str


class Dialing(Event, frozen=True):
    """An INVITE went out."""

    leg: str
    call_id: str


class Progress(Event, frozen=True):
    """A provisional reply (1xx) to a leg that was dialled. 100 counts only when ``remote`` is true: it came from beyond the
    front door."""

    leg: str
    code: int
    remote: bool = True


class Established(Event, frozen=True):
    """A dialog is confirmed: answered and acknowledged."""

    leg: str
    dialog: Dialog


class Media(Event, frozen=True):
    """Audio of a leg started or changed: codec name, and whether the phone put us on hold."""

    leg: str
    codec: str
    held: bool


class Ended(Event, frozen=True):
    """A leg is gone. ``by``: ``us`` | ``them`` | ``error``. ``code`` is the SIP status that ended it (200 for a BYE)."""

    leg: str
    code: int
    reason: str
    by: str


class Digit(Event, frozen=True):
    """One key press, told once, by RFC 4733 or INFO."""

    leg: str
    digit: str


class Played(Event, frozen=True):
    leg: str
    play: str


class PlayFailed(Event, frozen=True):
    """A prompt could not be played (missing or unfit file); the leg hears nothing of it."""

    leg: str
    play: str
    error: str


class Taped(Event, frozen=True):
    recording: str


class Stalled(Event, frozen=True):
    """No audio has come from a leg for more than a second and its phone does not answer us either (``on``), or it is there
    again. A phone that stays silent so is given up a few seconds later: ``Ended`` with ``by`` error and code 408."""

    leg: str
    on: bool


class RtpMoved(Event, frozen=True):
    """A leg's audio suddenly comes from elsewhere than it was negotiated, and was not followed quietly."""

    leg: str
    was: str
    now: str


class Trouble(Event, frozen=True):
    """A command could not be carried out; ``leg`` may be empty."""

    leg: str
    command: str
    error: str


class Cleared(Event, frozen=True):
    """No legs, no players, no files: ready for another call."""


class Pong(Message, frozen=True):
    """Not numbered: it is about now only."""

    nonce: int
    rss_kb: int
    legs: int
    calls: int
    """Legs served since start."""


Command = Attach | Ack | Answer | Dial | HangUp | Mix | Play | StopPlay | Tape | StopTape | Notify | Ping | Clear | Quit
FromRoom = (
    Hello
    | Incoming
    | Dialing
    | Progress
    | Established
    | Media
    | Ended
    | Digit
    | Played
    | PlayFailed
    | Taped
    | Stalled
    | RtpMoved
    | Trouble
    | Cleared
    | Pong
)
