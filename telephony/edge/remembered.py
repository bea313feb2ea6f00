"""Registrations over UDP on disk, so that seats are rung at once after a restart and not only when their phones register
again. TCP and TLS phones lose their connection with the restart and come back by themselves."""

from __future__ import annotations

from pathlib import Path

import msgspec

from telephony.edge.bindings import Binding, Bindings
from telephony.edge.flow import SEATS_UDP, Flow


class Row(msgspec.Struct, frozen=True):
    """One contact; ``until`` in seconds since 1970."""

    seat: str
    contact: str
    host: str
    port: int
    path: tuple[str, ...]
    until: float
    call_id: str
    cseq: int
    instance: str


def save(file: Path, bindings: Bindings, clock: float, wall: float) -> None:
    """Write what is registered now, in the order of registration. ``clock`` is the bindings' time, ``wall`` the time of day.
    Raises ``OSError``."""
    rows = [
        Row(b.seat, b.contact, b.flow.host, b.flow.port, b.path, wall + b.expires - clock, b.call_id, b.cseq, b.instance)
        for b in sorted(bindings.all(), key=lambda b: b.order)
        if b.flow.face == SEATS_UDP
    ]
    temporary = file.with_suffix(".new")
    temporary.write_bytes(msgspec.json.encode(rows))
    temporary.chmod(0o600)
    temporary.replace(file)


def load(file: Path, bindings: Bindings, clock: float, wall: float) -> list[str]:
    """Put back what has not run out; returns the seats. A file that is missing or can't be read counts as empty."""
    try:
        rows = msgspec.json.decode(file.read_bytes(), type=list[Row])
    except (OSError, msgspec.MsgspecError):
        return []
    found: dict[str, None] = {}
    for row in rows:
        if row.until > wall and not bindings.of(row.seat):
            flow = Flow(SEATS_UDP, row.host, row.port)
            expires = clock + row.until - wall
            bindings.put(Binding(row.seat, row.contact, flow, row.path, expires, row.call_id, row.cseq, row.instance, order=0))
            found[row.seat] = None
    return list(found)
