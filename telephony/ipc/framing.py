"""Frames on a stream: four bytes of length (big endian), then MessagePack."""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from telephony.ipc import messages

LARGEST = 1 << 20
_LENGTH = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()


class FrameError(ValueError):
    """The other side sent something that is no frame of ours."""


def pack(message: messages.Message) -> bytes:
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


class Unpacker:
    """Turns pieces of a stream into messages of one direction (``messages.Command`` or ``messages.FromRoom``)."""

    def __init__(self, kind: Any) -> None:
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """Return the messages that are complete now; raise :class:`FrameError` on one that can't be read."""
        self._buffer += data
        found: list[Any] = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > LARGEST:
                raise FrameError(f"a frame of {length} bytes is larger than the {LARGEST} allowed")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                break
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            try:
                found.append(self._decoder.decode(body))
            except msgspec.MsgspecError as error:
                raise FrameError(f"a frame could not be read: {error}") from error
        return found
