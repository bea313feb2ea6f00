"""The room's end of the unix socket: listens, attaches one switchboard at a time, keeps events until acknowledged."""

from __future__ import annotations

import logging
import select
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from telephony.ipc import framing, messages
from telephony.ipc.spool import Spool

log = logging.getLogger("room.link")
MOST_UNSENT = 4 << 20
"""Bytes a switchboard may leave unread before it is cut off; it finds the events again when it attaches."""
Numbered = TypeVar("Numbered", bound=messages.Event)


class Link:
    """Commands in, events out. ``on_command`` is called from :meth:`handle`, once per command, in order.

    ``register``/``unregister`` are told which file descriptors to poll and for what.
    """

    def __init__(
        self,
        path: Path,
        spool: Spool,
        poll: select.poll,
        on_command: Callable[[messages.Message], None],
        hello: Callable[[int], messages.Hello],
    ) -> None:
        self._path = path
        self._spool = spool
        self._poll = poll
        self._on_command = on_command
        self._hello = hello
        self._listener = _listen(path)
        self._poll.register(self._listener, select.POLLIN)
        self._peer: socket.socket | None = None
        self._attached = False
        self._unpacker = framing.Unpacker(messages.Command)
        self._unsent = bytearray()
        self._seq = 0
        self._kept: deque[tuple[int, bytes]] = deque()
        self._spool_works = True

    @property
    def attached(self) -> bool:
        """A switchboard is connected and has said :class:`~telephony.ipc.messages.Attach`."""
        return self._attached

    @property
    def unsent(self) -> bool:
        return bool(self._unsent)

    def emit(self, event: Numbered) -> Numbered:
        """Number an event, put it on disk, keep it until acknowledged, and send it if a switchboard is attached."""
        self._seq += 1
        event = msgspec.structs.replace(event, seq=self._seq)
        frame = framing.pack(event)
        self._kept.append((self._seq, frame))
        try:
            self._spool.append(frame)
            self._spool_works = True
        except OSError as error:
            if self._spool_works:
                log.error("events are no longer written to disk", extra={"error": str(error)})
            self._spool_works = False
        if self._attached:
            self._send(frame)
        return event

    def tell(self, message: messages.Message) -> None:
        """Send what is about now only (Hello, Pong); dropped if nobody is attached."""
        if self._attached:
            self._send(framing.pack(message))

    def acknowledge(self, seq: int) -> None:
        while self._kept and self._kept[0][0] <= seq:
            self._kept.popleft()
        if not self._kept:
            try:
                self._spool.clear()
            except OSError as error:
                log.error("the spool could not be emptied", extra={"error": str(error)})

    def handle(self, descriptor: int, what: int) -> bool:
        """Serve a polled descriptor; False if it is none of the link's."""
        if descriptor == self._listener.fileno():
            self._accept()
        elif self._peer is not None and descriptor == self._peer.fileno():
            if what & select.POLLOUT:
                self.flush()
            if what & (select.POLLIN | select.POLLHUP | select.POLLERR):
                self._receive()
        else:
            return False
        return True

    def _accept(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except OSError as error:
            log.warning("a connection could not be accepted", extra={"error": str(error)})
            return
        if self._peer is not None:
            log.info("another switchboard takes over")
            self._drop()
        peer.setblocking(False)
        self._peer = peer
        self._unpacker = framing.Unpacker(messages.Command)
        self._poll.register(peer, select.POLLIN)

    def _receive(self) -> None:
        peer = self._peer
        if peer is None:
            return
        try:
            data = peer.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError as error:
            log.info("the switchboard's connection broke", extra={"error": str(error)})
            self._drop()
            return
        if not data:
            log.info("the switchboard has closed its connection")
            self._drop()
            return
        try:
            found = self._unpacker.feed(data)
        except framing.FrameError as error:
            log.error("unreadable command, connection closed", extra={"error": str(error)})
            self._drop()
            return
        for command in found:
            if isinstance(command, messages.Attach):
                self._attach(command.after)
            elif isinstance(command, messages.Ack):
                self.acknowledge(command.seq)
            else:
                self._on_command(command)

    def _attach(self, after: int) -> None:
        self._attached = True
        self._send(framing.pack(self._hello(self._seq)))
        for seq, frame in tuple(self._kept):
            if seq > after:
                self._send(frame)

    def _send(self, frame: bytes) -> None:
        if self._peer is None:
            return
        waiting = bool(self._unsent)
        self._unsent += frame
        if not waiting:
            self.flush()
        if len(self._unsent) > MOST_UNSENT:
            log.error("the switchboard does not read, connection closed")
            self._drop()

    def flush(self) -> None:
        """Send what the socket takes now."""
        peer = self._peer
        if peer is None:
            return
        try:
            while self._unsent:
                del self._unsent[: peer.send(self._unsent)]
        except BlockingIOError:
            pass  # the rest goes when the socket takes more
        except OSError as error:
            log.info("the switchboard's connection broke", extra={"error": str(error)})
            self._drop()
            return
        self._poll.modify(peer, select.POLLIN | (select.POLLOUT if self._unsent else 0))

    def _drop(self) -> None:
        peer, self._peer = self._peer, None
        self._attached = False
        self._unsent.clear()
        if peer is not None:
            self._poll.unregister(peer)
            peer.close()

    def close(self) -> None:
        """Send what can be sent at once, close, and remove the socket file."""
        self.flush()
        self._drop()
        self._poll.unregister(self._listener)
        self._listener.close()
        self._path.unlink(missing_ok=True)
        self._spool.close()


def _listen(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.setblocking(False)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(4)
    return listener
