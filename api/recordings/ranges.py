"""Reads the header Range (RFC 9110, 14.1.2) for one piece of a file. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes=\s*(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))\s*", re.IGNORECASE)


class Unsatisfiable(ValueError):
    """The file has no byte of that range (416)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes ``first`` to ``last``, both included, of a file of ``size`` bytes."""

    first: int
    last: int
    size: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    @property
    def told(self) -> str:
        """As the header Content-Range says it."""
        return f"bytes {self.first}-{self.last}/{self.size}"


def read(header: str | None, size: int) -> Piece | None:
    """The piece that is asked for; None: the whole file, also for what is no range in bytes or more than one (which a server may
    ignore). Raise :class:`Unsatisfiable`."""
    found = _ONE.fullmatch(header) if header is not None else None
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        length = min(int(suffix), size)
        if length == 0:
            raise Unsatisfiable
        return Piece(size - length, size - 1, size)
    begin, end = int(first), int(last) if last else size - 1
    if last and end < begin:
        return None
    if begin >= size:
        raise Unsatisfiable
    return Piece(begin, min(end, size - 1), size)
