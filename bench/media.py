"""Cheap audio for many legs from one thread: ready-made PCMA packets every 20 ms, and what arrives timed by the kernel.

Each leg has a socket of its own. Sending is spread over the 20 ms in slots of 2 ms, as independent phones would be; what has
arrived is fetched once per slot. Arrival times are the kernel's (``SO_TIMESTAMPNS``), so a late bench spoils no gap.
"""

from __future__ import annotations

import math
import os
import select
import socket
import struct
import time
from collections import deque

from bench.loop import Loop

PACKET = 0.02
SLOTS = 10
_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("qq")
_HEADER = struct.Struct(">BBHII")
_EVENT = struct.Struct(">BBH")
_KEYS = {key: number for number, key in enumerate("0123456789*#")}
_KEY_PACKETS = 5
"""A key is held for 100 ms."""
_KEY_ENDS = 3
_KEY_PAUSE = 3


def stamp(ancillary: list[tuple[int, int, bytes]]) -> float:
    """The kernel's arrival time (seconds since 1970) of a datagram received with ``recvmsg``; the present if it tells none."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack(data[:16])
            return float(seconds + nanoseconds / 1e9)
    return time.time()


def timed_socket(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A UDP socket whose datagrams carry the kernel's arrival time."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    made.setblocking(False)
    try:
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def _alaw(sample: int) -> int:
    """One 16 bit sample as A-law (ITU-T G.711)."""
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(abs(sample), 32635) >> 4
    if magnitude < 16:
        return (sign | magnitude) ^ 0x55
    exponent = magnitude.bit_length() - 4
    return (sign | exponent << 4 | (magnitude >> (exponent - 1)) & 0x0F) ^ 0x55


def tone(hz: int, level: float = 0.2) -> list[bytes]:
    """Half a second of a tone as 25 PCMA payloads that can be repeated for ever (``hz`` is even)."""
    samples = [_alaw(int(level * 32767 * math.sin(2 * math.pi * hz * n / 8000))) for n in range(4000)]
    return [bytes(samples[n : n + 160]) for n in range(0, 4000, 160)]


class Stream:
    """The audio of one leg. Statistics run from the last :meth:`reset`."""

    def __init__(self, payloads: list[bytes]) -> None:
        self.socket = timed_socket()
        self.port: int = self.socket.getsockname()[1]
        self.remote: tuple[str, int] | None = None
        self.event_type = 101
        self._payloads = payloads
        self._ssrc = int.from_bytes(os.urandom(4))
        self._sequence = 0
        self._time = 0
        self._keys: deque[tuple[int, bool, bool]] = deque()
        self._key_time = 0
        self._key_length = 0
        self.pressed_at: list[float] = []
        """When the first packet of each key left, seconds since 1970."""
        self.reset()

    def reset(self) -> None:
        self.packets = 0
        self.first = self.last = 0.0
        self.gap = 0.0
        self.loud = 0

    @property
    def rate(self) -> float:
        """Packets per second that have arrived."""
        return (self.packets - 1) / (self.last - self.first) if self.packets > 1 else 0.0

    def press(self, keys: str) -> None:
        """Send keys by RFC 4733, each 100 ms long with 60 ms of audio after it."""
        for key in keys:
            number = _KEYS[key]
            self._keys += [(number, n == 0, False) for n in range(_KEY_PACKETS)]
            self._keys += [(number, False, True)] * _KEY_ENDS
            self._keys += [(-1, False, False)] * _KEY_PAUSE

    def send(self) -> None:
        """The next 20 ms."""
        if self.remote is None:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._time = (self._time + 160) & 0xFFFFFFFF
        number, begins, ends = self._keys.popleft() if self._keys else (-1, False, False)
        if number < 0:
            body = self._payloads[self._sequence % len(self._payloads)]
            data = _HEADER.pack(0x80, 8, self._sequence, self._time, self._ssrc) + body
        else:
            if begins:
                self._key_time, self._key_length = self._time, 0
                self.pressed_at.append(time.time())
            self._key_length += 0 if ends else 160
            kind = self.event_type | (0x80 if begins else 0)
            data = _HEADER.pack(0x80, kind, self._sequence, self._key_time, self._ssrc)
            data += _EVENT.pack(number, 0x8A if ends else 0x0A, self._key_length)
        try:
            self.socket.sendto(data, self.remote)
        except OSError:
            pass  # a room that was killed answers with ICMP

    def receive(self) -> None:
        """Take one packet that is there."""
        try:
            data, ancillary, _, _ = self.socket.recvmsg(2048, 64)
        except OSError:
            return
        arrived = stamp(ancillary)
        if len(data) < 172:
            return
        if self.packets:
            self.gap = max(self.gap, arrived - self.last)
        else:
            self.first = arrived
        self.last = arrived
        self.packets += 1
        self.loud += data[52] & 0x7F != 0x55


class Media:
    """All streams of a bench, driven by its loop."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._poll = select.epoll()
        self._streams: dict[int, Stream] = {}
        self._slots: list[list[Stream]] = [[] for _ in range(SLOTS)]
        self._turn = 0
        self._due = time.monotonic()
        self._timer = loop.at(self._due, self._slot)

    def open(self, hz: int) -> Stream:
        stream = Stream(tone(hz))
        self._streams[stream.socket.fileno()] = stream
        self._poll.register(stream.socket.fileno(), select.EPOLLIN)
        min(self._slots, key=len).append(stream)
        return stream

    def shut(self, stream: Stream) -> None:
        if self._streams.pop(stream.socket.fileno(), None) is None:
            return
        self._poll.unregister(stream.socket.fileno())
        next(slot for slot in self._slots if stream in slot).remove(stream)
        stream.socket.close()

    def reset(self) -> None:
        """Begin all statistics anew."""
        self.fetch()
        for stream in self._streams.values():
            stream.reset()

    def fetch(self) -> None:
        """Take everything that has arrived."""
        while ready := self._poll.poll(0, 1024):
            for descriptor, _ in ready:
                self._streams[descriptor].receive()

    def _slot(self) -> None:
        for stream in self._slots[self._turn]:
            stream.send()
        self._turn = (self._turn + 1) % SLOTS
        self.fetch()
        self._due += PACKET / SLOTS
        behind = time.monotonic() - self._due
        if behind > 1:
            self._due += behind
        self._timer = self._loop.at(self._due, self._slot)

    def close(self) -> None:
        self._loop.cancel(self._timer)
        for stream in list(self._streams.values()):
            self.shut(stream)
        self._poll.close()
