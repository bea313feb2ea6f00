"""Requests from rooms: to a seat's phone, to a trunk, or within a dialog; nowhere else."""

from __future__ import annotations

from telephony.edge import uri
from telephony.edge.core import Core
from telephony.edge.flow import Flow, Party
from telephony.edge.message import Message
from telephony.edge.outgoing import LONGEST, Entry, Outgoing
from telephony.edge.relay import Relay, hop

SEATS_DOMAIN = "seats.hotline.invalid"
TRUNKS_DOMAIN = ".trunks.hotline.invalid"


class Inside:
    def __init__(self, core: Core, relay: Relay, outgoing: Outgoing) -> None:
        self._core = core
        self._relay = relay
        self._outgoing = outgoing

    def request(self, request: Message, flow: Flow) -> None:
        core = self._core
        room = core.room_at.get((flow.host, flow.port))
        via = request.top_via()
        if room is None or via is None:
            core.guard.counts["stranger"] += 1
            core.answer(request, flow, 403, "Not a room")
            return
        if via.param("rport") is not None or via.host != flow.host:
            request.set_top_via(via.stamped(flow.host, flow.port))
        kept = self._outgoing.get(self._relay.branch(request)) if request.method in ("INVITE", "ACK", "CANCEL") else None
        if kept is not None:
            self._again(request, kept)
        elif request.to_tag:
            self._in_dialog(request, flow, via.branch)
        elif request.method == "INVITE":
            self._invite(request, flow, room)
        elif request.method == "OPTIONS":
            core.answer(request, flow, 200)
        else:
            core.answer(request, flow, 481)

    def _again(self, request: Message, kept: Entry) -> None:
        """What follows an INVITE goes the same way: its retransmission, its CANCEL, the ACK of its failure."""
        if request.method == "INVITE":
            self._core.wire.send(kept.flow, kept.data)
        elif hop(request):
            request.uri = kept.request.uri
            request.replace_all("Route", list(kept.routes))
            self._core.wire.send(kept.flow, self._relay.outward(request, kept.flow))

    def _in_dialog(self, request: Message, flow: Flow, branch: str) -> None:
        core = self._core
        if request.method == "ACK":
            if request.to_tag == core.signer.tag(request.call_id, request.from_tag, branch):
                return
            self._outgoing.confirmed(request)
        token, _ = self._relay.take_routes(request)
        way = self._relay.way(token, uri.parse(request.uri))
        if way is None:
            core.answer(request, flow, 404)
        elif not hop(request):
            core.answer(request, flow, 483)
        else:
            original = request.copy() if way[0].conn else request
            if not core.wire.send(way[0], self._relay.outward(request, way[0])):
                core.answer(original, flow, 430)

    def _invite(self, request: Message, flow: Flow, room: str) -> None:
        core = self._core
        target = uri.parse(request.uri)
        host = target.host if target else ""
        if target is None or not target.user or (host != SEATS_DOMAIN and not host.endswith(TRUNKS_DOMAIN)):
            core.answer(request, flow, 404)
            return
        seat, trunk = host == SEATS_DOMAIN, host.removesuffix(TRUNKS_DOMAIN)
        found = self._seat(target.user) if seat else self._trunk(trunk, target.user)
        if isinstance(found, int):
            core.answer(request, flow, found)
            return
        way, party, destination, routes = found
        if not hop(request):
            core.answer(request, flow, 483)
            return
        branch = self._relay.branch(request)
        leg = request.get("x-hotline-leg") or ""
        original = request.copy()
        request.uri = destination
        request.replace_all("Route", list(routes))
        self._relay.record(request, way, party, inward=False)
        data = self._relay.outward(request, way)
        self._outgoing.keep(Entry(branch, room, leg, way, request, data, core.now() + LONGEST, routes))
        if not core.wire.send(way, data):
            core.answer(original, flow, 480 if party.kind == "seat" else 503)

    def _seat(self, seat: str) -> tuple[Flow, Party, str, tuple[str, ...]] | int:
        binding = self._core.bindings.newest(seat)
        if binding is None:
            return 480 if self._core.plan.knows_seat(seat) else 404
        return binding.flow, Party("seat", seat), binding.contact, binding.path

    def _trunk(self, name: str, number: str) -> tuple[Flow, Party, str, tuple[str, ...]] | int:
        trunks = self._core.trunks
        trunk = next((found for found in self._core.settings.trunks if found.id.lower() == name), None)
        if trunk is None:
            return 404
        way = trunks.way(trunk)
        if way is None:
            return 503
        return way, Party("trunk", trunk.id), trunks.target(trunk, number), ()
