"""The front door as a service: opens the sockets, hands each message to whom it concerns, and serves the switchboard."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import structlog
from twisted.application import service
from twisted.internet import task
from twisted.internet.defer import Deferred

from telephony.edge import flow as flows
from telephony.edge import message, remembered
from telephony.edge.auth import Auth
from telephony.edge.client import Client
from telephony.edge.core import Core
from telephony.edge.digest import Ha1Of
from telephony.edge.errors import Malformed, PortInUse
from telephony.edge.finals import Finals
from telephony.edge.flow import SIDES, Face, Flow
from telephony.edge.incoming import Incoming
from telephony.edge.inside import Inside
from telephony.edge.outgoing import Outgoing
from telephony.edge.outside import Outside
from telephony.edge.ports import Orphan, Switchboard
from telephony.edge.registrar import Registrar
from telephony.edge.relay import Relay
from telephony.edge.settings import DoorSettings
from telephony.edge.tokens import OURS
from telephony.edge.trunks import REFRESH
from telephony.edge.wire import TlsServer, Wire
from telephony.ipc import messages

log = structlog.get_logger(__name__)

SWEEP = 1.0
"""Seconds between tidyings."""
SWEEP_STUCK = 60


class Door(service.Service):  # type: ignore[misc]
    """Implements ``telephony.edge.ports.FrontDoor``.

    ``ha1_of`` gives a seat's HA1 by algorithm (``config.secrets.Secrets.ha1``), ``secret`` is the installation's server secret,
    ``clock`` may stand in for the reactor's time in tests. :meth:`startService` raises :class:`PortInUse` or
    :class:`CertificateProblem`, with nothing left open."""

    def __init__(
        self,
        reactor: Any,
        settings: DoorSettings,
        switchboard: Switchboard,
        ha1_of: Ha1Of,
        secret: bytes,
        clock: Any = None,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._wire = Wire(reactor, self, settings.limits.message_bytes, clock)
        self._core = core = Core(settings, switchboard, ha1_of, secret, self._wire, clock or reactor)
        self._relay = relay = Relay(core)
        self._client = Client(core, relay)
        self._finals = Finals(core)
        self._incoming = Incoming(core, relay, self._finals, self._client)
        self._outgoing = Outgoing(core, self._client)
        auth = Auth(core)
        self._registrar = Registrar(core, auth)
        self._outside = Outside(core, relay, auth, self._registrar, self._incoming, self._finals)
        self._inside = Inside(core, relay, self._outgoing)
        self._sweeper = task.LoopingCall(self._sweep)
        self._sweeper.clock = core.clock
        self._sweeps = 0
        self._restored = False
        self._saved = 0
        self.ports: dict[str, int] = {}
        """Port by listener: ``seats``, ``tls`` (if there is one), ``trunks``, ``rooms``."""
        self.rooms_address: tuple[str, int] = (settings.rooms_host, settings.rooms_port)

    @property
    def counts(self) -> Counter[str]:
        """What was turned away since the start, by kind."""
        return self._core.guard.counts

    # --- service

    def startService(self) -> None:
        try:
            self._open()
        except Exception:
            Deferred.fromCoroutine(self._wire.close())
            raise
        super().startService()
        self._sweeper.start(SWEEP, now=False)
        if self._core.trunks.by_name:
            Deferred.fromCoroutine(self._core.trunks.resolve(self._reactor))

    def stopService(self) -> Deferred[None]:
        super().stopService()
        if self._sweeper.running:
            self._sweeper.stop()
        self._save()
        self._client.close()
        self._finals.close()
        return Deferred.fromCoroutine(self._wire.close())

    def _open(self) -> None:
        settings, wire = self._settings, self._wire
        tls = None
        if settings.tls_certificate and settings.tls_key:
            tls = TlsServer(settings.tls_certificate, settings.tls_key)
        rooms = wire.listen_udp(flows.ROOMS, settings.rooms_host, settings.rooms_port)
        seats = self._pair(flows.SEATS_UDP, flows.SEATS_TCP, settings.seat_port)
        trunks = self._pair(flows.TRUNKS_UDP, flows.TRUNKS_TCP, settings.trunk_port)
        self.ports = {"rooms": rooms, "seats": seats, "trunks": trunks}
        self.rooms_address = (settings.rooms_host, rooms)
        faces = dict.fromkeys((flows.SEATS_UDP, flows.SEATS_TCP), seats)
        faces |= dict.fromkeys((flows.TRUNKS_UDP, flows.TRUNKS_TCP, flows.TRUNKS_TLS), trunks)
        if tls is not None:
            self.ports["tls"] = wire.listen_stream(flows.SEATS_TLS, settings.bind, settings.tls_port, tls)
            faces[flows.SEATS_TLS] = self.ports["tls"]
        for code, port in faces.items():
            self._core.add_face(Face(code, SIDES[code], flows.TRANSPORTS[code], settings.advertise, port))
        self._core.add_face(Face(flows.ROOMS, "rooms", "UDP", settings.rooms_host, rooms))

    def _pair(self, udp: str, tcp: str, port: int) -> int:
        """UDP and TCP on one port; with port 0 any that is free for both."""
        for attempt in range(20):
            found = self._wire.listen_udp(udp, self._settings.bind, port)
            try:
                self._wire.listen_stream(tcp, self._settings.bind, found)
            except PortInUse:
                if port or attempt == 19:
                    raise
                self._wire.shut_udp(udp)
            else:
                return found
        raise AssertionError("unreachable")

    def _sweep(self) -> None:
        try:
            self._tidy()
        except Exception:  # a fault in one round must not end the rounds
            log.exception("tidying failed")

    def _tidy(self) -> None:
        self._sweeps += 1
        self._save()
        self._incoming.sweep()
        self._outgoing.sweep()
        self._outside.sweep()
        self._registrar.sweep()
        self._core.guard.sweep(self._core.now())
        if self._sweeps % SWEEP_STUCK == 0:
            self._outgoing.sweep_stuck()
        if self._core.trunks.by_name and self._sweeps % int(REFRESH / SWEEP) == 0:
            Deferred.fromCoroutine(self._core.trunks.resolve(self._reactor))

    def restore(self) -> None:
        """Take up the registrations of a former life; the switchboard is told of each as of a new one."""
        if self._settings.memory is not None:
            core = self._core
            known = {seat.id for seat in self._settings.seats}
            for seat in remembered.load(self._settings.memory, core.bindings, core.now(), time.time()):
                newest = core.bindings.newest(seat)
                if seat not in known:
                    core.bindings.remove(seat)
                elif newest is not None:
                    core.switchboard.seat_registered(seat, newest.flow.host)
        self._restored = True

    def _save(self) -> None:
        bindings, file = self._core.bindings, self._settings.memory
        if file is None or not self._restored or bindings.changes == self._saved:
            return
        try:
            remembered.save(file, bindings, self._core.now(), time.time())
            self._saved = bindings.changes
        except OSError as problem:
            log.error("registrations can't be written", file=str(file), error=str(problem))

    # --- what arrives

    def arrived(self, data: bytes, flow: Flow) -> None:
        try:
            self._take(data, flow)
        except Exception:  # no message may harm the door, whatever it sets off
            self.counts["error"] += 1
            log.exception("message could not be handled", face=flow.face)

    def _take(self, data: bytes, flow: Flow) -> None:
        core = self._core
        if len(data) < 8 and not data.strip(b"\r\n\0 "):
            return  # keepalive
        side = SIDES[flow.face]
        trunk = core.trunks.at(flow.host) if side == "trunks" else None
        if side != "rooms" and trunk is None and not core.guard.admits(flow.host, core.now()):
            return
        try:
            found = message.parse(data, self._settings.limits.message_bytes)
        except Malformed as problem:
            self.counts["malformed"] += 1
            if problem.message is not None and (side != "trunks" or trunk is not None):
                core.answer(problem.message, flow, problem.status, problem.reason.capitalize())
            return
        if side == "rooms":
            if found.is_request:
                self._inside.request(found, flow)
            else:
                self._answer_from_room(found)
        elif not found.is_request:
            self._answer_from_outside(found)
        elif side == "trunks" and trunk is None:
            self.counts["stranger"] += 1
            core.answer(found, flow, 403, "Unknown trunk")
        else:
            self._outside.request(found, flow, trunk)

    def _answer_from_room(self, response: message.Message) -> None:
        if response.status == 100:
            return  # the caller has ours
        way = self._relay.answer_from_room(response)
        if way is None:
            self.counts["stray"] += 1
            return
        if response.method == "INVITE" and response.status >= 200:
            self._incoming.answered(response)
        if not self._wire.send(*way):
            self.counts["unsent"] += 1

    def _answer_from_outside(self, response: message.Message) -> None:
        via = response.top_via()
        if via is None or not via.branch.startswith(OURS):
            self.counts["stray"] += 1
            return
        if self._client.take(response, via.branch):
            return
        if response.method == "INVITE" and self._outgoing.response(response, via.branch):
            return
        way = self._relay.answer_from_outside(response, via)
        if way is None:
            self.counts["stray"] += 1
            return
        self._wire.send(way[1], way[2])

    def lost(self, flow: Flow) -> None:
        if SIDES[flow.face] == "seats":
            self._registrar.connection_lost(flow)

    def unsent(self, flow: Flow, pieces: list[bytes]) -> None:
        """A trunk can't be connected to: tell the rooms that wait."""
        self.counts["trunk_down"] += 1
        log.warning("trunk can't be connected to", address=flow.host, port=flow.port)
        for data in pieces:
            request = message.parse(data)
            if request.is_request and request.method != "ACK":
                self._answer_from_outside(self._core.reply(request, 503))

    def spoilt(self, flow: Flow, why: Malformed) -> None:
        self.counts["malformed"] += 1
        log.info("stream closed", face=flow.face, why=why.reason)

    # --- FrontDoor

    def room_token(self, room: str) -> str:
        return self._core.signer.room(room)

    def open_room(self, room: str, host: str, port: int) -> None:
        self.close_room(room)
        self._core.rooms[room] = (host, port)
        self._core.room_at[(host, port)] = room

    def close_room(self, room: str) -> None:
        address = self._core.rooms.pop(room, None)
        if address is not None and self._core.room_at.get(address) == room:
            del self._core.room_at[address]

    def is_registered(self, seat: str) -> bool:
        return self._core.bindings.newest(seat) is not None

    def room_died(self, room: str) -> list[Orphan]:
        self.close_room(room)
        return self._incoming.room_died(room) + self._outgoing.room_died(room)

    def replace(self, leg: str, room: str) -> bool:
        return self._incoming.replace(leg, room)

    def end_dialog(self, dialog: messages.Dialog) -> None:
        self._client.end_dialog(dialog)
