"""Where front door and switchboard meet: what each may ask of the other. Types only, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from telephony.ipc import messages


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom an initial request comes from, as proven at the door."""

    kind: Literal["seat", "trunk"]
    id: str
    """Seat id (digest passed) or trunk id (known address)."""
    address: str
    port: int
    transport: str


@dataclass(frozen=True, slots=True)
class Caller:
    number: str | None
    """Normalised: digits only, without +86/0086; domestic long-distance 0 kept on landlines, dropped before a mobile number.
    None: anonymous."""
    display: str = ""


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A new INVITE that passed the door's checks."""

    leg: str
    """Fresh id; the INVITE reaches the room with ``X-Hotline-Leg: <leg>``."""
    origin: Origin
    caller: Caller
    dialled: str
    """User part of the request URI, e.g. 12345, 110, *218001, 8002."""
    sip_call_id: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Send the INVITE to this room."""

    room: str


@dataclass(frozen=True, slots=True)
class Refuse:
    code: int
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ReferRequest:
    """A phone in a call asks for a transfer (RFC 3515)."""

    room: str
    sip_call_id: str
    """Call-ID of the dialog it came in."""
    origin_seat: str | None
    """The authenticated or registered seat that sent it, None for anyone else."""
    target: str
    """User part of Refer-To."""
    replaces: bool
    """Refer-To carries Replaces (attended transfer by the phone)."""


class Switchboard(Protocol):
    """What the front door asks of the switchboard."""

    async def admit(self, call: IncomingCall) -> Place | Refuse:
        """Decide about a new call; a Twisted coroutine. The door has answered 100 already."""
        ...

    def abandoned(self, leg: str) -> None:
        """The caller cancelled before the INVITE reached its room: no such leg will come."""
        ...

    def refer(self, request: ReferRequest) -> int:
        """Status code for a REFER: 202 and a transfer starts, or 403, 404, 481, 501…"""
        ...

    def seat_registered(self, seat: str, address: str) -> None:
        """A seat has a phone now (first registration or a changed contact)."""
        ...

    def seat_gone(self, seat: str, why: Literal["unregistered", "expired", "connection lost"]) -> None: ...


@dataclass(frozen=True, slots=True)
class Orphan:
    """An INVITE that a dead room leaves without a final answer."""

    leg: str
    kind: Literal["incoming", "outgoing"]


class FrontDoor(Protocol):
    """What the switchboard asks of the front door."""

    rooms_address: tuple[str, int]
    """Loopback address that rooms send their SIP to."""

    def room_token(self, room: str) -> str:
        """User part of the Contact a room must use (``sip:<token>@rooms_address``); signed, so that it survives a restart."""
        ...

    def open_room(self, room: str, host: str, port: int) -> None:
        """A room is ready at this SIP address."""
        ...

    def close_room(self, room: str) -> None:
        """A room has left in good order."""
        ...

    def is_registered(self, seat: str) -> bool: ...

    def room_died(self, room: str) -> list[Orphan]:
        """Forget a dead room: CANCEL what it was still ringing, keep the unanswered INVITEs it was sent for ``replace``."""
        ...

    def replace(self, leg: str, room: str) -> bool:
        """Send the kept INVITE of an orphaned incoming leg to another room; False if its caller is gone."""
        ...

    def end_dialog(self, dialog: messages.Dialog) -> None:
        """Send BYE in a dead room's name (CSeq + 1000)."""
        ...
