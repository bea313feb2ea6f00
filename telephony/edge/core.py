"""What all parts of the front door share: addresses, rooms, tokens, and how an answer is built and sent."""

from __future__ import annotations

from typing import Any

from telephony.edge import uri
from telephony.edge.bindings import Bindings
from telephony.edge.dialplan import DialPlan
from telephony.edge.digest import Digest, Ha1Of
from telephony.edge.flow import ROOMS, Face, Flow
from telephony.edge.guard import Guard
from telephony.edge.message import Message
from telephony.edge.ports import Switchboard
from telephony.edge.settings import DoorSettings
from telephony.edge.tokens import Signer
from telephony.edge.trunks import Trunks
from telephony.edge.wire import Wire

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "INFO", "REFER", "NOTIFY", "UPDATE", "PRACK")
ALLOW = ", ".join(METHODS)
KNOWN = frozenset((*METHODS, "MESSAGE", "SUBSCRIBE", "PUBLISH"))
PREFIX = "x-hotline-"
"""Our own headers."""
Headers = tuple[tuple[str, str], ...]
Key = tuple[str, str, int, str]
"""Names a server transaction: Call-ID, From tag, CSeq number, top branch."""

REASONS = {
    100: "Trying", 200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 407: "Proxy Authentication Required", 413: "Request Entity Too Large",
    416: "Unsupported URI Scheme", 420: "Bad Extension", 423: "Interval Too Brief", 430: "Flow Failed",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
    486: "Busy Here", 487: "Request Terminated", 489: "Bad Event", 500: "Server Internal Error", 501: "Not Implemented",
    503: "Service Unavailable", 505: "Version Not Supported", 603: "Decline",
}  # fmt: skip


class Core:
    """Built in two steps: the faces are known only once the sockets are open (see ``Door.startService``)."""

    def __init__(
        self, settings: DoorSettings, switchboard: Switchboard, ha1_of: Ha1Of, secret: bytes, wire: Wire, clock: Any
    ) -> None:
        self.settings = settings
        self.switchboard = switchboard
        self.wire = wire
        self.clock = clock
        self.signer = Signer(secret)
        self.bindings = Bindings()
        self.digest = Digest(settings.realm, ha1_of)
        self.guard = Guard(settings.limits, self.bindings.live_at)
        self.plan = DialPlan(settings.centres, settings.seats, settings.outside, settings.dial_rules)
        self.trunks = Trunks(settings.trunks, wire)
        self.faces: dict[str, Face] = {}
        self.rooms: dict[str, tuple[str, int]] = {}
        self.room_at: dict[tuple[str, int], str] = {}
        self._own: set[tuple[str, int]] = set()
        self._names = {
            name.lower() for name in (settings.realm, settings.advertise, settings.bind, "localhost", *settings.names)
        } | {"127.0.0.1", "::1"}

    def now(self) -> float:
        """Seconds on the handed-in clock."""
        return float(self.clock.seconds())

    def add_face(self, face: Face) -> None:
        self.faces[face.code] = face
        hosts = {face.host.lower(), *self._names} if face.code != ROOMS else {face.host}
        self._own |= {(host, face.port) for host in hosts}

    def names_us(self, target: uri.Uri) -> bool:
        """Whether a request URI's host part means this installation."""
        return target.scheme == "tel" or target.host in self._names

    def is_own_route(self, route: uri.Uri) -> bool:
        """Whether a Route value leads here."""
        if route.user.startswith("f-") and self.signer.flow_of(route.user) is not None:
            return True
        default = 5061 if route.transport == "tls" else 5060
        return (route.host, route.port or default) in self._own

    def is_inner(self, target: uri.Uri) -> bool:
        """Whether a URI is the rooms' listener, which nobody outside may see."""
        face = self.faces[ROOMS]
        return target.port == face.port and target.host == face.host

    def room_flow(self, room: str) -> Flow | None:
        address = self.rooms.get(room)
        return None if address is None else Flow(ROOMS, *address)

    def key(self, message: Message) -> Key:
        via = message.top_via()
        return (message.call_id, message.from_tag, message.cseq, via.branch if via else "")

    def reply(self, request: Message, status: int, reason: str = "", headers: Headers = ()) -> Message:
        """An answer by the door itself. Its To tag is signed, so that the ACK is known again without any memory."""
        found = Message(request.method, status=status, reason=reason or REASONS.get(status, "Error"))
        found.call_id, found.cseq, found.from_tag, found.to_tag = (
            request.call_id,
            request.cseq,
            request.from_tag,
            request.to_tag,
        )
        for key, line in zip(request.keys, request.lines, strict=True):
            if key in ("via", "from", "to", "call-id", "cseq"):
                found.keys.append(key)
                found.lines.append(line)
        if not found.to_tag and status > 100:
            via = request.top_via()
            found.to_tag = self.signer.tag(request.call_id, request.from_tag, via.branch if via else "")
            found.set("To", f"{request.get('to') or ''};tag={found.to_tag}")
        for name, value in headers:
            found.add(name, value)
        found.add("Content-Length", "0")
        return found

    def way_back(self, request: Message, flow: Flow) -> Flow:
        """Where answers to a request go: its connection, or the source address with the port that Via asks for (RFC 3261
        18.2.2, RFC 3581 4)."""
        if flow.conn:
            return flow
        via = request.top_via()
        if via is None or via.param("rport") is not None:
            return flow
        return flow._replace(port=via.port or 5060)

    def answer(self, request: Message, flow: Flow, status: int, reason: str = "", headers: Headers = ()) -> None:
        """Answer statelessly: a retransmitted request gets the same again. An ACK gets nothing."""
        if request.method != "ACK":
            self.wire.send(self.way_back(request, flow), self.reply(request, status, reason, headers).encode())
