"""What the room's tests stand on: a minimal stateless SIP forwarder as front door, and a driver of the room program."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import select
import socket
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from robots import ear, handset, tones, wav
from telephony.ipc import framing, messages

PATIENCE = 20.0
"""Seconds; a wait returns as soon as the event comes."""
Kind = TypeVar("Kind", bound=messages.Message)
Address = tuple[str, int]


class Forwarder:
    """Forwards SIP by the user part of the request URI, record-routes, and adds no state of its own."""

    def __init__(self) -> None:
        self.users: dict[str, Address] = {}
        self.messages: list[str] = []
        self.lose: Callable[[str], bool] = lambda message: False
        """Messages for which this is true are lost."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address: Address = self._socket.getsockname()
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        return f"{self.address[0]}:{self.address[1]}"

    def seen(self, pattern: str) -> list[str]:
        return [message for message in list(self.messages) if re.search(pattern, message)]

    def close(self) -> None:
        self._stop.close()
        self._thread.join(5)
        self._socket.close()
        self._stopped.close()

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._socket, self._stopped], [], [])
            if self._stopped in ready:
                return
            with contextlib.suppress(OSError):  # a phone that has gone answers with ICMP
                data, _ = self._socket.recvfrom(65535)
                if len(data) > 8:
                    self._forward(data.decode())

    def _forward(self, message: str) -> None:
        self.messages.append(message)
        if self.lose(message):
            return
        head, blank, body = message.partition("\r\n\r\n")
        lines = head.split("\r\n")
        vias = [at for at, line in enumerate(lines) if line.lower().startswith("via:")]
        if lines[0].startswith("SIP/2.0"):
            hop = re.search(r"SIP/2.0/UDP ([0-9.]+):(\d+)", lines[vias[1]])
            del lines[vias[0]]
            assert hop, lines
            target = (hop[1], int(hop[2]))
        else:
            found = self._target(lines)
            if found is None:
                if not lines[0].startswith("ACK"):
                    self._reply(lines, "404 Not Found")
                return
            target = found
            vias = [at for at, line in enumerate(lines) if line.lower().startswith("via:")]
            branch = re.search(r"branch=([^;\s]+)", lines[vias[0]])
            assert branch
            if lines[0].startswith("INVITE"):
                self._reply(lines, "100 Trying")
            token = hashlib.sha1(branch[1].encode()).hexdigest()[:16]
            added = [f"Via: SIP/2.0/UDP {self.name};branch=z9hG4bK{token}"]
            if lines[0].startswith("INVITE") and not re.search(r"(?im)^to:.*tag=", head):
                added.append(f"Record-Route: <sip:{self.name};lr>")
            lines[vias[0] : vias[0]] = added
        self._socket.sendto(("\r\n".join(lines) + blank + body).encode(), target)

    def _reply(self, lines: list[str], status: str) -> None:
        """A reply of the front door's own: nothing in it is of a phone."""
        names = ("via:", "from:", "to:", "call-id:", "cseq:")
        kept = [line for line in lines[1:] if line.lower().startswith(names)]
        if status[0] != "1":
            kept = [line + ";tag=door" if re.match(r"(?i)to:(?!.*;tag=)", line) else line for line in kept]
        hop = re.search(r"SIP/2.0/UDP ([0-9.]+):(\d+)", kept[0])
        assert hop, kept
        reply = [f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""]
        self._socket.sendto("\r\n".join(reply).encode(), (hop[1], int(hop[2])))

    def _target(self, lines: list[str]) -> Address | None:
        route = next((at for at, line in enumerate(lines) if line.lower().startswith("route:")), None)
        if route is not None:
            assert self.name in lines[route], lines
            del lines[route]
        uri = re.match(r"\S+ sips?:(?:([^@\s]+)@)?([^;:\s]+)(?::(\d+))?", lines[0])
        assert uri, lines[0]
        if uri[1] in self.users:
            return self.users[uri[1]]
        return (uri[2], int(uri[3])) if uri[3] else None


class RoomProcess:
    """The room program and a switchboard's connection to it."""

    _ports = 24000

    def __init__(
        self, folder: Path, door: Forwarder, name: str = "r1", *, contact: str = "token1", attach: bool = True, **more: Any
    ):
        first = RoomProcess._ports
        RoomProcess._ports = 24000 + (first - 24000 + 64) % 6400
        self.name, self.contact, self.door = name, contact, door
        self.socket_path = folder / f"{name}.sock"
        self.spool = folder / "spool"
        self.rtp = (first, first + 63)
        arguments = {
            "name": name, "socket": self.socket_path, "door": door.name, "contact": contact,
            "rtp": f"{first}-{first + 63}", "spool": self.spool, "log-level": "debug", **more,
        }  # fmt: skip
        self.log = (folder / f"{name}.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "telephony.room", *(f"--{key.replace('_', '-')}={value}" for key, value in arguments.items())],
            stdout=subprocess.PIPE,
            stderr=self.log,
            cwd=Path(__file__).resolve().parents[2],
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the room did not start: {(folder / f'{name}.log').read_text()}")
        self.ready = json.loads(line)
        self.events: list[Any] = []
        self._taken: set[int] = set()
        self._came = threading.Condition()
        door.users[contact] = ("127.0.0.1", self.ready["port"])
        self._connection: socket.socket | None = None
        if attach:
            self.attach()

    # --- the connection

    def attach(self, after: int = 0) -> messages.Hello:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self.socket_path))
        self._connection = connection
        with self._came:
            self.events.clear()
            self._taken.clear()
        self._reader = threading.Thread(target=self._read, args=(connection,), daemon=True)
        self._reader.start()
        self.send(messages.Attach(after=after))
        return self.wait(messages.Hello)

    def detach(self) -> None:
        assert self._connection is not None
        self._connection.shutdown(socket.SHUT_RDWR)
        self._reader.join(PATIENCE)
        self._connection.close()

    def send(self, *commands: messages.Message) -> None:
        assert self._connection is not None
        self._connection.sendall(b"".join(framing.pack(command) for command in commands))

    def _read(self, connection: socket.socket) -> None:
        unpacker = framing.Unpacker(messages.FromRoom)
        while True:
            try:
                data = connection.recv(65536)
            except OSError:
                data = b""
            with self._came:
                if not data:
                    self._came.notify_all()
                    return
                known = {event.seq for event in self.events if isinstance(event, messages.Event)}
                for event in unpacker.feed(data):
                    if not (isinstance(event, messages.Event) and event.seq in known):  # repeated after another Attach
                        self.events.append(event)
                self._came.notify_all()

    # --- events

    def wait(self, kind: type[Kind], timeout: float = PATIENCE, **match: Any) -> Kind:
        """The first event of that kind nobody has waited for yet; a fact is matched by value."""
        until = time.monotonic() + timeout
        with self._came:
            while True:
                for at, event in enumerate(self.events):
                    if at in self._taken or not isinstance(event, kind):
                        continue
                    if all(getattr(event, key) == value for key, value in match.items()):
                        self._taken.add(at)
                        return event
                if not self._came.wait(until - time.monotonic()):
                    raise AssertionError(f"no {kind.__name__} {match} in {timeout} s; came: {self.events}")

    def seen(self, kind: type[Kind], **match: Any) -> list[Kind]:
        with self._came:
            return [
                event
                for event in self.events
                if isinstance(event, kind) and all(getattr(event, key) == value for key, value in match.items())
            ]

    def ping(self) -> messages.Pong:
        """Wait until everything sent before has been carried out."""
        nonce = time.monotonic_ns()
        self.send(messages.Ping(nonce=nonce))
        return self.wait(messages.Pong, nonce=nonce)

    # --- short forms

    def dial(self, leg: str, user: str, *, headers: dict[str, str] | None = None, caller: str = "13900001111") -> None:
        self.send(messages.Dial(leg=leg, uri=f"sip:{user}@seats.hotline.invalid", caller=caller, headers=headers or {}))

    def together(self, *those: str) -> None:
        """All of them hear all others."""
        self.send(messages.Mix(hears={ear: tuple(other for other in those if other != ear) for ear in those}))

    def tape(self, recording: str, folder: Path, caller: tuple[str, ...], staff: tuple[str, ...]) -> tuple[Path, Path]:
        files = folder / f"{recording}-caller.wav", folder / f"{recording}-staff.wav"
        self.send(
            messages.Tape(recording=recording, caller_file=str(files[0]), staff_file=str(files[1]), caller=caller, staff=staff)
        )
        return files

    # --- life

    def kill(self) -> None:
        """End the process as a crash would."""
        self.process.kill()
        self.process.wait(PATIENCE)
        if self._connection is not None:
            self._reader.join(PATIENCE)
            self._connection.close()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.log.close()


def until(true: Callable[[], Any], what: str, timeout: float = PATIENCE) -> None:
    """Wait for a fact that nobody tells (a growing file, a lost process)."""
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, f"{what}: not within {timeout} s"
        time.sleep(0.02)


def listen(path: Path, hz: float, seconds: float = 0.3) -> None:
    """Wait until a tape that is still being written has heard a tone for so many seconds."""
    until(lambda: path.exists() and path.stat().st_size > 4000 and ear.hears(path, hz, seconds), f"{path.name}: {hz} Hz")


def tone_file(path: Path, hz: float, seconds: float, level: float = tones.LEVEL) -> str:
    time_axis = np.arange(int(seconds * tones.RATE)) / tones.RATE
    wav.save(path, (np.sin(2 * np.pi * hz * time_axis) * level * 32767).astype(np.int16))
    return str(path)


def frames(path: Path) -> int:
    """Samples of a finished WAV file, by its header."""
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        assert path.stat().st_size == 44 + 2 * file.getnframes()
        return file.getnframes()


def enter(room: RoomProcess, caller: handset.Phone, leg: str, *, answer: bool = True) -> int:
    """The caller rings the room on a named leg; the phone's number of the call."""
    call = caller.dial(f"sip:{room.contact}@{room.door.name}", headers={"X-Hotline-Leg": leg})
    room.wait(messages.Incoming, leg=leg)
    if answer:
        room.send(messages.Answer(leg=leg))
        room.wait(messages.Established, leg=leg)
        room.wait(messages.Media, leg=leg)
    return call


def bring(room: RoomProcess, leg: str, user: str, **more: Any) -> None:
    """The room calls a phone that answers by itself."""
    room.dial(leg, user, **more)
    room.wait(messages.Established, leg=leg)
    room.wait(messages.Media, leg=leg)
