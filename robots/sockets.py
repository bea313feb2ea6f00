"""The sockets that pjsip has open in this process: wait for them together with the commands, or empty one unheard."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path


class Sockets:
    """Wakes the loop as soon as there is a command or a packet."""

    def __init__(self, stdin: int) -> None:
        self._stdin = stdin
        self._poll = select.poll()
        self._polled: set[int] = set()

    def watch(self, only_udp_port: int = 0) -> None:
        """Look up the sockets anew: all of them, or only the UDP socket of a port."""
        for fd in self._polled:
            self._poll.unregister(fd)
        self._polled = {self._stdin, *(_udp(only_udp_port) if only_udp_port else _all())}
        for fd in self._polled:
            self._poll.register(fd, select.POLLIN)

    def wait(self, seconds: float) -> bool:
        """Wait; True if one of the sockets has been closed meanwhile, so that :meth:`watch` is due."""
        return any(events & select.POLLNVAL for _, events in self._poll.poll(seconds * 1000))


def drain(udp_port: int) -> Iterator[str]:
    """Take all datagrams from the UDP socket of a port before pjsip sees them."""
    for fd in _udp(udp_port):
        with socket.socket(fileno=os.dup(fd)) as copy:
            while True:
                try:
                    data = copy.recv(65535, socket.MSG_DONTWAIT)
                except OSError:
                    break
                yield data.decode("utf-8", "replace")


def _all() -> list[int]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        fd = int(entry.name)
        try:
            if fd > 2 and str(entry.readlink()).startswith("socket:"):
                found.append(fd)
        except OSError:
            continue  # the listing's own descriptor is gone by now
    return found


def _udp(port: int) -> list[int]:
    found = []
    for fd in _all():
        with socket.socket(fileno=os.dup(fd)) as copy:
            if copy.family == socket.AF_INET and copy.type == socket.SOCK_DGRAM and copy.getsockname()[1] == port:
                found.append(fd)
    return found
