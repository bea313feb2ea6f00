"""Trunks: which one an address belongs to, and the way to each."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import structlog
from twisted.internet import defer
from twisted.internet.error import DNSLookupError

from config.model import Trunk
from telephony.edge import uri
from telephony.edge.flow import TRUNKS_TCP, TRUNKS_TLS, TRUNKS_UDP, Flow
from telephony.edge.wire import Wire

log = structlog.get_logger(__name__)

REFRESH = 60.0
"""Seconds between look-ups of trunks that are given by name."""
_FACES = {"udp": TRUNKS_UDP, "tcp": TRUNKS_TCP, "tls": TRUNKS_TLS}


class Trunks:
    def __init__(self, trunks: Sequence[Trunk], wire: Wire) -> None:
        self._trunks = {trunk.id: trunk for trunk in trunks}
        self._wire = wire
        self._networks = [(ipaddress.ip_network(address, strict=False), trunk) for trunk in trunks for address in trunk.addresses]
        self._known: dict[str, Trunk | None] = {}
        self._addresses = {trunk.id: trunk.host for trunk in trunks if _literal(trunk.host)}
        self._connections: dict[str, Flow] = {}

    def get(self, trunk: str) -> Trunk | None:
        return self._trunks.get(trunk)

    def at(self, host: str) -> Trunk | None:
        """The trunk whose signalling comes from this address; the most exact network wins."""
        try:
            return self._known[host]
        except KeyError:
            pass
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return None
        mapped = getattr(address, "ipv4_mapped", None) or address
        found = [(network.prefixlen, trunk) for network, trunk in self._networks if mapped in network]
        trunk = max(found, key=lambda pair: pair[0])[1] if found else None
        if len(self._known) > 10000:
            self._known.clear()
        self._known[host] = trunk
        return trunk

    def named(self, target: uri.Uri) -> Trunk | None:
        """The trunk that a URI's host and port lead to."""
        for trunk in self._trunks.values():
            if target.host in (trunk.host, self._addresses.get(trunk.id)) and (target.port or 5060) == trunk.port:
                return trunk
        return None

    def way(self, trunk: Trunk) -> Flow | None:
        """How to reach a trunk; a connection is begun where none stands. None: its name has not been resolved."""
        address = self._addresses.get(trunk.id)
        if address is None:
            return None
        face = _FACES[trunk.transport]
        if trunk.transport == "udp":
            return Flow(face, address, trunk.port)
        flow = self._connections.get(trunk.id)
        if flow is None or not self._wire.alive(flow):
            flow = self._connections[trunk.id] = self._wire.connect(face, address, trunk.port, trunk.host)
        return flow

    def target(self, trunk: Trunk, number: str) -> str:
        """Request URI of a number behind a trunk."""
        transport = "" if trunk.transport == "udp" else f";transport={trunk.transport}"
        return f"sip:{number}@{uri.host_text(trunk.host)}:{trunk.port}{transport}"

    async def resolve(self, reactor: Any) -> None:
        """Look up the trunks given by name; a name that can't be resolved now keeps its last address."""
        for trunk in self._trunks.values():
            if _literal(trunk.host):
                continue
            try:
                self._addresses[trunk.id] = await reactor.resolve(trunk.host)
            except (DNSLookupError, defer.TimeoutError):
                log.warning("trunk's name can't be resolved", trunk=trunk.id, host=trunk.host)

    @property
    def by_name(self) -> bool:
        """Whether any trunk is given by name."""
        return any(not _literal(trunk.host) for trunk in self._trunks.values())


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
