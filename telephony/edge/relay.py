"""Carries messages between rooms and the outside: the dialog-stateless proxy proper (RFC 3261 16.11).

Towards the room a request gets our Via ``127.0.0.1`` with the incoming flow in its parameters (``i`` listener, ``n`` connection,
``a`` attempt), two Record-Routes (RFC 5658): the rooms' listener on top, below it the outside listener with a signed flow token
as user. Towards the outside nothing of the inside shows:

* the room's Via travels veiled in a parameter (``h``) of ours and is put back on the answer, whose branch proves that it
  answers a request of ours;
* the inner Record-Route is not sent out and is put back on what comes in;
* the room's Contact ``sip:<token>@127.0.0.1:<port>`` becomes ``sip:<token>@<advertised address>:<port>;transport=…`` of the
  listener that the message leaves by; the signed token brings requests for it back to the room from any listener.

So CANCEL, the ACK of a failure, retransmissions and answers find their way by themselves, also over a restart of the door."""

from __future__ import annotations

from telephony.edge import uri
from telephony.edge.core import PREFIX, Core
from telephony.edge.flow import ROOMS, SIDES, Flow, Party
from telephony.edge.message import Message, Via, split_list
from telephony.edge.tokens import OURS, unveil, veil

FOR_SEATS = frozenset(PREFIX + name for name in ("call", "caller", "asker", "kind", "case"))
"""Headers of ours that a seat's phone may see."""


def hop(message: Message) -> bool:
    """Count one hop (RFC 3261 16.6 step 3); False if there are none left."""
    value = message.get("max-forwards")
    if value is None:
        message.add("Max-Forwards", "70")
        return True
    if not (value.isascii() and value.isdigit()) or int(value[:9]) == 0:
        return False
    message.set("Max-Forwards", str(min(int(value[:9]), 255) - 1))
    return True


class Relay:
    def __init__(self, core: Core) -> None:
        self._core = core

    # --- requests

    def branch(self, request: Message, attempt: int = 0) -> str:
        """Our branch for this request as it came in."""
        via = request.top_via()
        if via is None:
            return ""
        return self._core.signer.branch(via.branch, via.sent_by, request.call_id, request.cseq, attempt)

    def inward(self, request: Message, flow: Flow, room: str, attempt: int = 0) -> bool:
        """Send a request from outside (changed in place) to a room; False if there is no such room any more."""
        target = self._core.room_flow(room)
        if target is None:
            return False
        face = self._core.faces[ROOMS]
        branch = self.branch(request, attempt)
        _insecure(request)
        conn = f";n={flow.conn}" if flow.conn else ""
        again = f";a={attempt}" if attempt else ""
        request.first("Via", f"SIP/2.0/UDP {face.sent_by};branch={branch};i={flow.face}{conn}{again}")
        return self._core.wire.send(target, request.encode())

    def record(self, request: Message, flow: Flow, party: Party, *, inward: bool) -> None:
        """Put our Record-Route(s) on a dialog's first request."""
        core = self._core
        outer = core.faces[flow.face].uri(core.signer.flow(flow, party))
        request.first("Record-Route", f"<{outer};lr>")
        if inward:
            request.first("Record-Route", f"<{core.faces[ROOMS].uri('')};lr>")

    def outward(self, request: Message, flow: Flow) -> bytes:
        """Make a room's request (changed in place) fit for the outside; the bytes are to be sent by ``flow``."""
        core = self._core
        branch = self.branch(request)
        vias = ", ".join(request.values("via"))
        request.remove("via")
        face = core.faces[flow.face]
        self._hide(request, flow)
        request.first("Via", f"SIP/2.0/{face.transport} {face.sent_by};branch={branch};rport;h={veil(vias)}")
        return request.encode()

    def take_routes(self, request: Message) -> tuple[tuple[Flow, Party] | None, bool]:
        """Take our own values off the top of Route (RFC 3261 16.4) and undo strict routing; return the flow token found
        among them, and whether other routes are left."""
        core = self._core
        if "route" not in request.keys:
            return None, False
        routes = request.values("route")
        token = None
        asked = uri.parse(request.uri)
        if asked is not None and asked.user.startswith("f-"):
            token = core.signer.flow_of(asked.user)
            last = uri.address(routes.pop()) if token else None
            if last is not None:
                request.uri = last.uri
        while routes:
            address = uri.address(routes[0])
            target = uri.parse(address.uri) if address else None
            if target is None or not core.is_own_route(target):
                break
            token = core.signer.flow_of(target.user) or token
            del routes[0]
        request.replace_all("Route", routes)
        return token, bool(routes)

    def way(self, token: tuple[Flow, Party] | None, target: uri.Uri | None) -> tuple[Flow, Party] | None:
        """Where an in-dialog request of a room goes: the flow of its token (a seat's present flow if its contact has moved),
        a registered contact or a trunk; None: nowhere that we may send to."""
        core = self._core
        if token is None:
            return self._known(target)
        flow, party = token
        if party.kind == "seat":
            binding = core.bindings.find(party.id, target.raw) if target else None
            if binding is not None and core.wire.alive(binding.flow):
                return binding.flow, party
            if core.wire.alive(flow):
                return flow, party
            binding = core.bindings.newest(party.id)
            return (binding.flow, party) if binding is not None else None
        if core.wire.alive(flow):
            return flow, party
        trunk = core.trunks.get(party.id)
        again = core.trunks.way(trunk) if trunk else None
        return (again, party) if again else None

    def _known(self, target: uri.Uri | None) -> tuple[Flow, Party] | None:
        if target is None:
            return None
        core = self._core
        for seat in core.bindings.seats():
            binding = core.bindings.find(seat, target.raw)
            if binding is not None:
                return binding.flow, Party("seat", seat)
        trunk = core.trunks.named(target)
        flow = core.trunks.way(trunk) if trunk else None
        return (flow, Party("trunk", trunk.id)) if trunk and flow else None

    def _hide(self, message: Message, flow: Flow) -> None:
        """What all messages from a room to the outside need: own headers off, Contact at the address that is told."""
        core = self._core
        message.strip(PREFIX, FOR_SEATS if SIDES[flow.face] == "seats" else frozenset())
        for index, key in enumerate(message.keys):
            if key != "contact":
                continue
            address = uri.address(message.lines[index].split(":", 1)[1])
            target = uri.parse(address.uri) if address else None
            if address is None or target is None:
                continue
            room = core.room_at.get((target.host, target.port or 5060))
            if room is not None or core.is_inner(target) or core.signer.room_of(target.user):
                outer = core.faces[flow.face].uri(core.signer.room(room) if room is not None else target.user)
                message.lines[index] = f"Contact: <{outer}>{address.params}"

    # --- answers

    def answer_from_room(self, response: Message) -> tuple[Flow, bytes] | None:
        """Way and bytes of a room's answer towards the outside; None if it answers nothing of ours."""
        core = self._core
        via = response.top_via()
        if via is None or not via.branch.startswith(OURS):
            return None
        response.pop_via()
        below = response.top_via()
        attempt = via.param("a") or "0"
        if below is None or not attempt.isdigit():
            return None
        expected = core.signer.branch(below.branch, below.sent_by, response.call_id, response.cseq, int(attempt))
        face = via.param("i") or ""
        if expected != via.branch or face not in core.faces:
            return None
        conn = via.param("n")
        flow: Flow | None
        if conn is not None:
            flow = core.wire.connection(int(conn)) if conn.isdigit() else None
        else:
            flow = Flow(face, below.param("received") or below.host, port_of(below))
        if flow is None:
            return None
        self._hide(response, flow)
        if "record-route" in response.keys:
            response.replace_all("Record-Route", [v for v in response.values("record-route") if not self._inner(v)])
        return flow, response.encode()

    def answer_from_outside(self, response: Message, via: Via) -> tuple[str, Flow, bytes] | None:
        """Room, way and bytes of an answer towards the room that it belongs to; None if no request of a living room is
        answered by it."""
        core = self._core
        hidden = unveil(via.param("h") or "")
        below = Via.parse(split_list(hidden)[0]) if hidden else None
        if hidden is None or below is None:
            return None
        expected = core.signer.branch(below.branch, below.sent_by, response.call_id, response.cseq)
        if expected != via.branch:
            return None
        address = (below.param("received") or below.host, port_of(below))
        room = core.room_at.get(address)
        if room is None:
            return None
        response.strip(PREFIX)
        _insecure(response)
        response.replace_all("Via", [hidden])
        if "record-route" in response.keys:
            values = response.values("record-route")
            if not any(self._inner(value) for value in values):
                response.replace_all("Record-Route", [*values, f"<{core.faces[ROOMS].uri('')};lr>"])
        return room, Flow(ROOMS, *address), response.encode()

    def _inner(self, value: str) -> bool:
        address = uri.address(value)
        target = uri.parse(address.uri) if address else None
        return target is not None and self._core.is_inner(target)


def _insecure(message: Message) -> None:
    """A room speaks plain SIP to the door alone: with a ``sips`` Contact it would look for TLS towards it."""
    for index, key in enumerate(message.keys):
        if key == "contact" and "sips:" in message.lines[index]:
            message.lines[index] = message.lines[index].replace("sips:", "sip:", 1)


def port_of(via: Via) -> int:
    """Port that answers go to by UDP."""
    rport = via.param("rport")
    return int(rport) if rport and rport.isdigit() else via.port or 5060
