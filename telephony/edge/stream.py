"""Cuts a byte stream (TCP, TLS) into SIP messages and keepalives (RFC 3261 18.3, RFC 5626 3.5.1)."""

from __future__ import annotations

import re

from telephony.edge.errors import Malformed

PING = b"\r\n\r\n"
PONG = b"\r\n"
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t\r\n]*([^\r\n]*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


class Framer:
    """Feed it what arrives; it gives back whole messages, and :data:`PING` for each double CRLF between messages."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._buffer = bytearray()
        self._searched = 0
        self._wanted = 0

    @property
    def waiting(self) -> bool:
        """A message has begun and is not complete."""
        return bool(self._buffer.strip(b"\r\n")) if len(self._buffer) < 8 else True

    def feed(self, data: bytes) -> list[bytes]:
        """Raise :class:`Malformed` if the stream can't be followed any further: it is to be closed."""
        self._buffer += data
        found: list[bytes] = []
        while self._buffer:
            piece = self._next()
            if piece is None:
                break
            if piece:
                found.append(piece)
        return found

    def _next(self) -> bytes | None:
        """A message, a ping, empty bytes for a bare CRLF that was skipped, or None: more is needed."""
        buffer = self._buffer
        if not self._wanted and buffer[0] in b"\r\n":
            if buffer.startswith(PING):
                del buffer[:4]
                return PING
            if PING.startswith(buffer):
                return None
            del buffer[: 2 if buffer.startswith(PONG) else 1]
            return b""
        if not self._wanted:
            end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
            if end < 0:
                self._searched = len(buffer)
                if len(buffer) > self._largest:
                    raise Malformed(413, "headers too large")
                return None
            self._wanted = end + 4 + self._length(bytes(buffer[:end]))
            if self._wanted > self._largest:
                raise Malformed(413, "message too large")
        if len(buffer) < self._wanted:
            return None
        message = bytes(buffer[: self._wanted])
        del buffer[: self._wanted]
        self._searched = self._wanted = 0
        return message

    @staticmethod
    def _length(head: bytes) -> int:
        found = set(_LENGTH.findall(head))
        if len(found) != 1:
            raise Malformed(400, "a stream needs one Content-Length")
        (value,) = found
        if not value.isdigit() or len(value) > 8:
            raise Malformed(400, "bad Content-Length")
        return int(value)
