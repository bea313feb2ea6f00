"""One room process as the switchboard sees it: its pipe, its socket, its state."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol

import structlog
from twisted.internet import error, protocol
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.python.failure import Failure

from telephony.ipc import framing, messages

log = structlog.get_logger()

State = Literal["starting", "idle", "busy", "leaving", "dead"]


class Tenant(Protocol):
    """Whoever uses a room."""

    def room_event(self, event: messages.Message) -> None: ...

    def room_lost(self) -> None:
        """The process is gone, or can't be reached any more."""
        ...


class Room:
    """A room process and the connection to it. Created by the pool."""

    def __init__(self, name: str, socket: Path, ports: tuple[int, int], spool: Path) -> None:
        self.name = name
        self.socket = socket
        self.ports = ports
        self.spool = spool
        self.state: State = "starting"
        self.tenant: Tenant | None = None
        self.pid = 0
        self.address: tuple[str, int] = ("", 0)
        self.calls = 0
        self.rss_kb = 0
        self.idle_since = 0.0
        self.pinged_at: float | None = None
        self.ready: Deferred[Room] = Deferred()
        self.on_lost: Callable[[Room], None] = lambda room: None
        self.on_ended: Callable[[Room], None] = lambda room: None
        self.on_cleared: Callable[[Room], None] = lambda room: None
        self._link: _Link | None = None
        self.process: Any = None

    def send(self, command: messages.Message) -> None:
        """Give the room a command; after its death nothing happens."""
        if self._link is not None and self._link.transport is not None:
            self._link.transport.write(framing.pack(command))

    def kill(self, signal: str = "KILL") -> None:
        """End the process; KILL is for rooms that do not answer."""
        if self.process is not None:
            try:
                self.process.signalProcess(signal)
            except error.ProcessExitedAlready:
                pass

    async def connect(self, reactor: Any) -> None:
        link = _Link(self)
        await connectProtocol(UNIXClientEndpoint(reactor, str(self.socket)), link)
        self._link = link
        self.send(messages.Attach())

    def received(self, event: messages.Message) -> None:
        match event:
            case messages.Hello():
                self.pid = event.pid
                self.address = (event.host, event.port)
                if not self.ready.called:
                    self.ready.callback(self)
                return
            case messages.Pong():
                self.pinged_at = None
                self.rss_kb = event.rss_kb
                return
        seq = getattr(event, "seq", 0)
        tenant = self.tenant
        if isinstance(event, messages.Cleared):
            self.on_cleared(self)
        elif tenant is not None:
            tenant.room_event(event)
        self.send(messages.Ack(seq=seq))

    def lost(self) -> None:
        """The connection or the process is gone: told once."""
        if self.state == "dead":
            return
        expected = self.state == "leaving"
        self.state = "dead"
        self._link = None
        if not self.ready.called:
            self.ready.errback(Failure(RoomFailed(f"room {self.name} ended while starting")))
        if not expected:
            log.error("room.lost", room=self.name, pid=self.pid)
        self.on_lost(self)
        tenant, self.tenant = self.tenant, None
        if tenant is not None:
            tenant.room_lost()


class RoomFailed(Exception):
    """A room process could not be started."""


class _Link(protocol.Protocol):
    """The unix socket to a room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._unpacker = framing.Unpacker(messages.FromRoom)

    def dataReceived(self, data: bytes) -> None:
        try:
            found = self._unpacker.feed(data)
        except framing.FrameError as problem:
            log.error("room.unreadable", room=self._room.name, error=str(problem))
            self._room.kill()
            return
        for event in found:
            try:
                self._room.received(event)
            except Exception:
                log.exception("room.event_failed", room=self._room.name, event_kind=type(event).__name__)

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        self._room.lost()


class Process(protocol.ProcessProtocol):
    """Pipe of a room: one JSON line when it is ready, then logs on stderr."""

    def __init__(self, room: Room, reactor: Any) -> None:
        self._room = room
        self._reactor = reactor
        self._out = b""
        self._connecting = False

    def outReceived(self, data: bytes) -> None:
        if self._connecting:
            return
        self._out += data
        line, found, _ = self._out.partition(b"\n")
        if found:
            self._connecting = True
            try:
                json.loads(line)["ready"]
            except (ValueError, KeyError, TypeError):
                log.error("room.bad_start", room=self._room.name, said=line[:200].decode(errors="replace"))
                self._room.kill()
                return
            Deferred.fromCoroutine(self._room.connect(self._reactor)).addErrback(self._unreachable)

    def _unreachable(self, failure: Failure) -> None:
        log.error("room.unreachable", room=self._room.name, error=str(failure.value))
        self._room.kill()

    def errReceived(self, data: bytes) -> None:
        for line in data.decode(errors="replace").splitlines():
            if line.strip():
                log.debug("room.says", room=self._room.name, line=line[:2000])

    def processEnded(self, reason: Failure) -> None:
        code = getattr(reason.value, "exitCode", None)
        signal = getattr(reason.value, "signal", None)
        if code or signal:
            log.warning("room.ended", room=self._room.name, code=code, signal=signal)
        self._room.process = None
        self._room.lost()
        self._room.on_ended(self._room)
