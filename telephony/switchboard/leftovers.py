"""Rooms that a former life of this node left running: they are told to hang up and leave, so that no call and no process is
stranded. (A room keeps its call without a switchboard; taking such calls over begins where this module attaches.)"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from twisted.internet import error, protocol
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.python.failure import Failure

from telephony.ipc import framing, messages

log = structlog.get_logger()

PATIENCE = 5.0
"""Seconds that a room may take to leave before it is killed."""

PORT_FILE = "rooms.port"


def remembered_port(run_dir: Path) -> int:
    """The port where rooms of a former life look for the front door; 0 if there is none."""
    try:
        return int((run_dir / PORT_FILE).read_text())
    except (OSError, ValueError):
        return 0


def remember_port(run_dir: Path, port: int) -> None:
    (run_dir / PORT_FILE).write_text(str(port))


async def retire(
    reactor: Any, run_dir: Path, open_room: Callable[[str, str, int], None], close_room: Callable[[str], None]
) -> int:
    """Let all rooms with a socket in ``run_dir`` hang up and leave; returns how many there were."""
    found = [_Leftover(path, open_room) for path in _sockets(run_dir)]
    await DeferredList([Deferred.fromCoroutine(one.connect(reactor)) for one in found], consumeErrors=True)
    there = [one for one in found if one.connected]
    late = reactor.callLater(PATIENCE, _kill_all, there)
    await DeferredList([one.ended for one in there], consumeErrors=True)
    if late.active():
        late.cancel()
    for one in found:
        if one.name:
            close_room(one.name)
        one.path.unlink(missing_ok=True)
    if there:
        log.warning("rooms.retired", count=len(there))
    return len(there)


def _sockets(run_dir: Path) -> list[Path]:
    return sorted(run_dir.glob("r*.sock"))


def _kill_all(rooms: list[_Leftover]) -> None:
    for room in rooms:
        room.kill()


class _Leftover(protocol.Protocol):
    def __init__(self, path: Path, open_room: Callable[[str, str, int], None]) -> None:
        self.path = path
        self.name = ""
        self.pid = 0
        self.ended: Deferred[None] = Deferred()
        self._open_room = open_room
        self._unpacker = framing.Unpacker(messages.FromRoom)

    async def connect(self, reactor: Any) -> None:
        try:
            await connectProtocol(UNIXClientEndpoint(reactor, str(self.path), timeout=2), self)
        except error.ConnectError:
            return
        self.transport.write(framing.pack(messages.Attach()))

    def dataReceived(self, data: bytes) -> None:
        try:
            said = self._unpacker.feed(data)
        except framing.FrameError:
            self.transport.loseConnection()
            return
        for message in said:
            if isinstance(message, messages.Hello):
                self.name, self.pid = message.room, message.pid
                self._open_room(message.room, message.host, message.port)
                self.transport.write(framing.pack(messages.Quit()))

    def kill(self) -> None:
        """Only what is still the room we spoke with."""
        if self.ended.called or not self.pid:
            return
        try:
            if str(self.path) in Path(f"/proc/{self.pid}/cmdline").read_text():
                os.kill(self.pid, signal.SIGKILL)
        except OSError:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        if not self.ended.called:
            self.ended.callback(None)
