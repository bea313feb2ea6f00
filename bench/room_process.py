"""Room processes driven directly over their unix sockets, without switchboard and front door."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import processes
from bench.loop import Late, Loop
from telephony.ipc import framing, messages

FIRST_PORT = 30000
PORTS = 16
"""RTP port numbers per room."""


class Room:
    """One ``python -m telephony.room``; :meth:`ready` blocks until it can be used."""

    def __init__(self, loop: Loop, folder: Path, number: int, door: tuple[str, int]) -> None:
        self._loop = loop
        self.name = f"b{number}"
        self._path = folder / f"{self.name}.sock"
        first = FIRST_PORT + number * PORTS
        self.began = time.monotonic()
        self.log = (folder / f"{self.name}.log").open("wb")
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "telephony.room", "--name", self.name, "--socket", str(self._path),
                "--door", f"{door[0]}:{door[1]}", "--contact", self.name, "--rtp", f"{first}-{first + PORTS - 1}",
                "--spool", str(folder / "spool"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log,
        )  # fmt: skip
        self.started = 0.0
        """Seconds from start to ready."""
        self.hello: messages.Hello | None = None
        self.up: set[str] = set()
        """Legs that are confirmed and have media."""
        self.cleared = 0
        self._confirmed: set[str] = set()
        self._sounding: set[str] = set()
        self.trouble: list[str] = []
        self.on_pong: Callable[[messages.Pong], None] = lambda pong: None
        self._socket: socket.socket | None = None
        self._unpacker = framing.Unpacker(messages.FromRoom)

    @property
    def pid(self) -> int:
        return self.process.pid

    def ready(self) -> None:
        """Wait for its first line, and attach. Raise :class:`Late` if it has ended instead."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line or not json.loads(line).get("ready"):
            raise Late(f"a room did not start; see {self.log.name}")
        self.started = time.monotonic() - self.began
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self._path))
        connection.setblocking(False)
        self._socket = connection
        self._loop.read(connection.fileno(), self._receive)
        self.send(messages.Attach())

    def send(self, *commands: messages.Message) -> None:
        assert self._socket is not None
        self._socket.sendall(b"".join(framing.pack(command) for command in commands))

    def _receive(self) -> None:
        assert self._socket is not None
        data = self._socket.recv(1 << 16)
        if not data:
            self._loop.forget(self._socket.fileno())
            return
        last = 0
        for event in self._unpacker.feed(data):
            last = max(last, getattr(event, "seq", 0) if isinstance(event, messages.Event) else 0)
            self._take(event)
        if last:
            self.send(messages.Ack(seq=last))

    def _take(self, event: messages.Message) -> None:
        match event:
            case messages.Hello():
                self.hello = event
            case messages.Established(leg=leg):
                self._confirmed.add(leg)
            case messages.Media(leg=leg):
                self._sounding.add(leg)
            case messages.Ended(leg=leg):
                self._confirmed.discard(leg)
                self._sounding.discard(leg)
            case messages.Cleared():
                self.cleared += 1
            case messages.Trouble(command=command, error=error):
                self.trouble.append(f"{command}: {error}")
            case messages.Pong():
                self.on_pong(event)
        self.up = self._confirmed & self._sounding

    def leave(self) -> None:
        """Close the connection; the process is ended by :func:`bench.processes.end`."""
        if self._socket is not None:
            self._loop.forget(self._socket.fileno())
            self._socket.close()
            self._socket = None


class Rooms:
    """A growing set of rooms; all of them are ended at the end."""

    def __init__(self, loop: Loop, folder: Path, door: tuple[str, int]) -> None:
        self._loop, self._folder, self._door = loop, folder, door
        self.all: list[Room] = []
        folder.mkdir(parents=True, exist_ok=True)

    def grow(self, count: int) -> list[Room]:
        """Start rooms, four at a time, until there are ``count``; returns the new ones."""
        new: list[Room] = []
        while len(self.all) < count:
            batch = []
            for _ in range(min(4, count - len(self.all))):
                batch.append(Room(self._loop, self._folder, len(self.all), self._door))
                self.all.append(batch[-1])
            for room in batch:
                room.ready()
            new += batch
        self._loop.until(lambda: all(room.hello for room in self.all), "all rooms say hello")
        return new

    @property
    def pids(self) -> list[int]:
        return [room.pid for room in self.all]

    def ping_every(self, seconds: float) -> None:
        """Ask all rooms how they are, as the switchboard's pool does."""
        for room in self.all:
            room.send(messages.Ping(nonce=1))
        self._loop.after(seconds, lambda: self.ping_every(seconds) if self.all else None)

    def close(self) -> None:
        rooms, self.all = self.all, []
        for room in rooms:
            room.leave()
        processes.end(room.process for room in rooms)
        for room in rooms:
            if room.process.stdout is not None:
                room.process.stdout.close()
            room.log.close()
