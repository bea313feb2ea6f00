"""A flow: the way between the door and one remote address, by one listener or connection (RFC 5626 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from telephony.edge import uri

Side = Literal["seats", "trunks", "rooms"]


class Flow(NamedTuple):
    """``face`` is the code of the listener; ``conn`` numbers a TCP or TLS connection, 0 for UDP."""

    face: str
    host: str
    port: int
    conn: int = 0


@dataclass(frozen=True, slots=True)
class Face:
    """One listener as the outside sees it: the address that it tells others, and its transport (UDP, TCP, TLS)."""

    code: str
    side: Side
    transport: str
    host: str
    port: int

    @property
    def sent_by(self) -> str:
        return f"{uri.host_text(self.host)}:{self.port}"

    def uri(self, user: str) -> str:
        """A SIP URI of this listener."""
        transport = "" if self.transport == "UDP" else f";transport={self.transport.lower()}"
        return f"sip:{user}@{self.sent_by}{transport}" if user else f"sip:{self.sent_by}{transport}"


SEATS_UDP, SEATS_TCP, SEATS_TLS, TRUNKS_UDP, TRUNKS_TCP, TRUNKS_TLS, ROOMS = "su", "st", "ss", "tu", "tt", "ts", "r"
SIDES: dict[str, Side] = {
    SEATS_UDP: "seats",
    SEATS_TCP: "seats",
    SEATS_TLS: "seats",
    TRUNKS_UDP: "trunks",
    TRUNKS_TCP: "trunks",
    TRUNKS_TLS: "trunks",
    ROOMS: "rooms",
}
TRANSPORTS = {
    SEATS_UDP: "UDP",
    SEATS_TCP: "TCP",
    SEATS_TLS: "TLS",
    TRUNKS_UDP: "UDP",
    TRUNKS_TCP: "TCP",
    TRUNKS_TLS: "TLS",
    ROOMS: "UDP",
}


@dataclass(frozen=True, slots=True)
class Party:
    """Who is at the far end of a flow: a seat or a trunk, by id."""

    kind: Literal["seat", "trunk"]
    id: str
