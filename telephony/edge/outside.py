"""Requests from seats and trunks: who asks, may they, and which room is it for."""

from __future__ import annotations

import secrets
from collections import deque

import structlog

from config.model import Trunk
from telephony.edge import numbers, uri
from telephony.edge.auth import Auth
from telephony.edge.core import ALLOW, KNOWN, PREFIX, Core
from telephony.edge.dialplan import Allowed, Forbidden
from telephony.edge.finals import Finals
from telephony.edge.flow import ROOMS, Flow, Party
from telephony.edge.incoming import Entry, Incoming
from telephony.edge.message import Message
from telephony.edge.ports import Caller, IncomingCall, Origin, ReferRequest
from telephony.edge.registrar import Registrar
from telephony.edge.relay import Relay, hop
from telephony.edge.settings import KEEP
from telephony.edge.tokens import OURS

log = structlog.get_logger(__name__)

_TOLD = ("user-agent", "privacy", "p-asserted-identity", "diversion", "history-info", "referred-by", "replaces", "subject",
         "alert-info", "geolocation")  # fmt: skip
"""Headers of a new INVITE that the switchboard gets to see."""
_ALLOW = (("Allow", ALLOW), ("Accept", "application/sdp"), ("Supported", "path"))


class Outside:
    def __init__(self, core: Core, relay: Relay, auth: Auth, registrar: Registrar, incoming: Incoming, finals: Finals) -> None:
        self._core = core
        self._relay = relay
        self._auth = auth
        self._registrar = registrar
        self._incoming = incoming
        self._finals = finals
        self._refers: dict[tuple[str, str, int], int] = {}
        self._refers_until: deque[tuple[float, tuple[str, str, int]]] = deque()

    def request(self, request: Message, flow: Flow, trunk: Trunk | None) -> None:
        """``trunk``: whom the address belongs to, None for the seats' listeners."""
        via = request.top_via()
        if via is None:
            return
        request.set_top_via(via.stamped(flow.host, flow.port))
        if request.method == "ACK":
            self._ack(request, flow, via.branch)
            return
        if request.method == "CANCEL":
            self._incoming.cancel(request, flow)
            return
        if not self._passable(request, flow):
            return
        if request.method == "REGISTER" and trunk is None:
            self._registrar.register(request, flow)
        elif request.to_tag:
            self._in_dialog(request, flow)
        elif request.method == "INVITE":
            self._invite(request, flow, trunk)
        else:
            self._alone(request, flow)

    def sweep(self) -> None:
        while self._refers_until and self._refers_until[0][0] <= self._core.now():
            self._refers.pop(self._refers_until.popleft()[1], None)

    def _passable(self, request: Message, flow: Flow) -> bool:
        """RFC 3261 16.3: hops, loops, URI scheme, extensions. Answers what may not pass."""
        core = self._core
        if not hop(request):
            core.answer(request, flow, 483)
            return False
        if not request.has_one_via() and any(OURS in value for value in request.values("via")[1:]):
            core.guard.counts["loop"] += 1
            core.answer(request, flow, 482)
            return False
        target = uri.parse(request.uri)
        if target is None or target.scheme not in ("sip", "sips", "tel"):
            core.answer(request, flow, 416)
            return False
        wanted = request.values("proxy-require")
        if wanted:
            core.answer(request, flow, 420, headers=(("Unsupported", ", ".join(wanted)),))
            return False
        return True

    def _ack(self, request: Message, flow: Flow, branch: str) -> None:
        """Never answered: of our own failure it ends here, of a room's failure it goes the INVITE's way, of a 2xx by token."""
        core = self._core
        if request.to_tag == core.signer.tag(request.call_id, request.from_tag, branch):
            self._finals.acked(core.key(request))
            return
        if not hop(request) or self._incoming.ack_failure(request, flow):
            return
        room = self._room(request)
        if room is not None:
            self._incoming.confirmed(request)
            self._inward(request, flow, room)

    def _in_dialog(self, request: Message, flow: Flow) -> None:
        core = self._core
        token, _ = self._relay.take_routes(request)
        room = self._room(request)
        if room is None or room not in core.rooms:
            core.answer(request, flow, 481)
        elif request.method == "REFER":
            self._refer(request, flow, room, token)
        elif not self._inward(request, flow, room):
            core.answer(request, flow, 481)

    def _room(self, request: Message) -> str | None:
        target = uri.parse(request.uri)
        return self._core.signer.room_of(target.user) if target else None

    def _inward(self, request: Message, flow: Flow, room: str) -> bool:
        request.strip(PREFIX)
        request.remove("route")
        return self._relay.inward(request, flow, room)

    def _alone(self, request: Message, flow: Flow) -> None:
        """A request outside any dialog that is no INVITE."""
        core = self._core
        if request.method == "OPTIONS":
            core.answer(request, flow, 200, headers=_ALLOW)
        elif request.method in ("SUBSCRIBE", "PUBLISH"):
            core.answer(request, flow, 489)
        elif request.method == "BYE":
            core.answer(request, flow, 481)
        elif request.method == "REFER":
            core.answer(request, flow, 403, "Only within a call")
        elif request.method in KNOWN:
            core.answer(request, flow, 405, headers=(("Allow", ALLOW),))
        else:
            core.answer(request, flow, 501, headers=(("Allow", ALLOW),))

    # --- new calls

    def _invite(self, request: Message, flow: Flow, trunk: Trunk | None) -> None:
        core = self._core
        key = core.key(request)
        known = self._incoming.get(key)
        if known is not None:
            self._incoming.repeated(known)
            return
        checked = self._from_trunk(request, flow, trunk) if trunk is not None else self._from_seat(request, flow)
        if checked is None:
            return
        party, caller, dialled = checked
        told = {name: ", ".join(request.all(name)) for name in _TOLD if name in request.keys}
        request.strip(PREFIX)
        for name in ("route", "authorization", "proxy-authorization"):
            request.remove(name)
        request.uri = f"sip:{dialled}@{core.faces[ROOMS].sent_by}"
        leg = secrets.token_hex(8)
        origin = Origin(party.kind, party.id, flow.host, flow.port, core.faces[flow.face].transport.lower())
        call = IncomingCall(leg, origin, caller, dialled, request.call_id, told)
        self._incoming.begin(Entry(key, leg, flow, party, request), call)

    def _from_trunk(self, request: Message, flow: Flow, trunk: Trunk) -> tuple[Party, Caller, str] | None:
        core = self._core
        target = uri.parse(request.uri)
        decision = core.plan.from_trunk(target.user if target else "", trunk.country)
        if not isinstance(decision, Allowed):
            core.guard.counts["unknown_number"] += 1
            core.answer(request, flow, 404)
            return None
        caller = numbers.caller(request, trusted=trunk.identity, country=trunk.country)
        return Party("trunk", trunk.id), caller, decision.dialled

    def _from_seat(self, request: Message, flow: Flow) -> tuple[Party, Caller, str] | None:
        core = self._core
        seat = self._auth.user(request, flow, "proxy")
        if seat is None:
            return None
        target, sender = uri.parse(request.uri), uri.address(request.get("from") or "")
        named = uri.parse(sender.uri) if sender else None
        if sender is None or named is None or named.user != seat:
            core.guard.counts["forged_from"] += 1
            core.answer(request, flow, 403, "From is not the seat that signed in")
            return None
        if target is None or not core.names_us(target):
            core.guard.counts["relay"] += 1
            core.answer(request, flow, 403, "No relaying")
            return None
        decision = core.plan.from_seat(seat, target.user)
        if not isinstance(decision, Allowed):
            core.answer(request, flow, 403 if isinstance(decision, Forbidden) else 404)
            return None
        return Party("seat", seat), Caller(seat, sender.display), decision.dialled

    # --- transfers asked for by phones

    def _refer(self, request: Message, flow: Flow, room: str, token: tuple[Flow, Party] | None) -> None:
        """RFC 3515: answered here, run by the switchboard; the room tells the phone how it goes."""
        core = self._core
        key = (request.call_id, request.from_tag, request.cseq)
        status = self._refers.get(key)
        if status is None:
            status = self._ask_refer(request, flow, room, token)
            self._refers[key] = status
            self._refers_until.append((core.now() + KEEP, key))
        contact = core.faces[flow.face].uri(core.signer.room(room))
        core.answer(request, flow, status, headers=(("Contact", f"<{contact}>"),) if status < 300 else ())

    def _ask_refer(self, request: Message, flow: Flow, room: str, token: tuple[Flow, Party] | None) -> int:
        values = request.all("refer-to")
        if len(values) != 1:
            return 400
        text = values[0].strip()
        if "<" in text:
            address = uri.address(text)
            text = address.uri if address else ""
        elif "?" not in text:
            text = text.split(";", 1)[0]
        target = uri.parse(text)
        if target is None or target.scheme not in ("sip", "sips", "tel"):
            return 416
        replaces = "replaces=" in target.raw.partition("?")[2].lower()
        seat = self._seat_behind(flow, token)
        return self._core.switchboard.refer(ReferRequest(room, request.call_id, seat, target.user, replaces))

    def _seat_behind(self, flow: Flow, token: tuple[Flow, Party] | None) -> str | None:
        """The seat that a request in a dialog comes from: named by the dialog's flow token, which its phone alone was
        given, and sent from there or from where that seat is registered; else whoever is registered at this very flow."""
        core = self._core
        if token is not None:
            known, party = token
            if party.kind == "seat" and (known == flow or any(b.flow == flow for b in core.bindings.of(party.id))):
                return party.id
            return None
        found = {binding.seat for binding in core.bindings.all() if binding.flow == flow}
        return found.pop() if len(found) == 1 else None
