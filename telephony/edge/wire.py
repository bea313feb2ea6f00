"""Sockets of the front door: UDP, TCP and TLS listeners, and connections to trunks. Bytes in, bytes out, by flow."""

from __future__ import annotations

import itertools
import secrets
import socket
from typing import Any, Protocol

import structlog
from OpenSSL import SSL
from twisted.internet import address, error, interfaces, protocol, ssl
from zope.interface import implementer

from telephony.edge import stream
from telephony.edge.errors import CertificateProblem, Malformed, PortInUse
from telephony.edge.flow import SIDES, TRANSPORTS, Flow

log = structlog.get_logger(__name__)

BUFFER = 1 << 21
"""Bytes of socket buffer asked for on UDP, so that a burst is not lost."""
FIRST_MESSAGE = 30.0
"""Seconds within which a new connection must bring a whole message, and a begun message must end."""
IDLE = 7200.0
"""Seconds after which a silent connection is closed."""
MOST_CONNECTIONS = 4000
MOST_UNSENT = 1 << 20
"""Bytes that may wait on a connection that does not take them; more, and it is closed."""


class Owner(Protocol):
    """Who gets what arrives."""

    def arrived(self, data: bytes, flow: Flow) -> None: ...

    def lost(self, flow: Flow) -> None:
        """A connection is gone."""

    def unsent(self, flow: Flow, pieces: list[bytes]) -> None:
        """A connection could not be made; these were to go over it."""

    def spoilt(self, flow: Flow, why: Malformed) -> None:
        """A stream brought bytes that can't be followed; it is being closed."""


class _Datagrams(protocol.DatagramProtocol):  # type: ignore[misc]
    def __init__(self, face: str, owner: Owner) -> None:
        self._face = face
        self._owner = owner

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self._owner.arrived(datagram, Flow(self._face, addr[0], addr[1]))


class _Connection(protocol.Protocol):  # type: ignore[misc]
    def __init__(self, wire: Wire, face: str, number: int, outgoing: Flow | None = None) -> None:
        self._wire = wire
        self._face = face
        self._number = number
        self._framer = stream.Framer(wire.largest)
        self._deadline: Any = None
        self._held: int | None = None
        self.flow = outgoing
        self.queued: list[bytes] | None = [] if outgoing else None

    def connectionMade(self) -> None:
        if self.flow is None:
            peer = self.transport.getPeer()
            if not isinstance(peer, (address.IPv4Address, address.IPv6Address)) or not self._wire.adopt(self._number, self):
                self.transport.abortConnection()
                return
            self.flow = Flow(self._face, peer.host, peer.port, self._number)
        self.transport.setTcpKeepAlive(True)
        self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)
        self._expect(IDLE if self.queued is not None else FIRST_MESSAGE)
        waiting, self.queued = self.queued, None
        for data in waiting or []:
            self.transport.write(data)

    def _expect(self, seconds: float) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = self._wire.clock.callLater(seconds, self.transport.abortConnection)

    def dataReceived(self, data: bytes) -> None:
        flow = self.flow
        if flow is None:
            return
        try:
            messages = self._framer.feed(data)
        except Malformed as problem:
            self._wire.owner.spoilt(flow, problem)
            self.transport.abortConnection()
            return
        if messages:
            self._expect(FIRST_MESSAGE if self._framer.waiting else IDLE)
        for message in messages:
            if message == stream.PING:
                self.transport.write(stream.PONG)
            else:
                self._wire.owner.arrived(message, flow)

    def send(self, data: bytes) -> bool:
        if self.queued is not None:
            self.queued.append(data)
            return True
        if self._held is not None:
            self._held += len(data)
            if self._held > MOST_UNSENT:
                self.transport.abortConnection()
                return False
        self.transport.write(data)
        return True

    def pauseProducing(self) -> None:
        """The other end does not read: count what piles up."""
        self._held = 0

    def resumeProducing(self) -> None:
        self._held = None

    def stopProducing(self) -> None:
        pass

    def connectionLost(self, reason: object = protocol.connectionDone) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        if self.flow is not None:
            self._wire.forget(self.flow)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abortConnection()


class _Acceptor(protocol.Factory):  # type: ignore[misc]
    noisy = False

    def __init__(self, wire: Wire, face: str) -> None:
        self._wire = wire
        self._face = face

    def buildProtocol(self, addr: object) -> _Connection:
        return _Connection(self._wire, self._face, self._wire.number())


class _Caller(protocol.ClientFactory):  # type: ignore[misc]
    noisy = False

    def __init__(self, wire: Wire, connection: _Connection) -> None:
        self._wire = wire
        self._connection = connection

    def buildProtocol(self, addr: object) -> _Connection:
        return self._connection

    def clientConnectionFailed(self, connector: object, reason: object) -> None:
        self._wire.failed(self._connection)


class Wire:
    """All sockets of one door. ``clock`` may be another than the reactor (deadlines of connections)."""

    def __init__(self, reactor: Any, owner: Owner, largest: int, clock: Any = None) -> None:
        self._reactor = reactor
        self.clock = clock or reactor
        self.owner = owner
        self.largest = largest
        self._udp: dict[str, Any] = {}
        self._ports: list[Any] = []
        self._connections: dict[int, _Connection] = {}
        # Connections are numbered from a random start, so that a number of an earlier run never means another connection.
        self._numbers = itertools.count(secrets.randbelow(1 << 40) + 1)

    def listen_udp(self, face: str, host: str, port: int) -> int:
        """Open a UDP listener and return its port. Raises :class:`PortInUse`."""
        try:
            listener = self._reactor.listenUDP(port, _Datagrams(face, self.owner), interface=host, maxPacketSize=65535)
        except error.CannotListenError as problem:
            raise PortInUse(SIDES[face], "UDP", host, port, _why(problem)) from problem
        handle = listener.getHandle()
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            handle.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        self._udp[face] = listener
        self._ports.append(listener)
        return int(listener.getHost().port)

    def shut_udp(self, face: str) -> None:
        """Close a UDP listener again."""
        listener = self._udp.pop(face)
        self._ports.remove(listener)
        listener.stopListening()

    def listen_stream(self, face: str, host: str, port: int, tls: Any = None) -> int:
        """Open a TCP listener, or a TLS one if a context factory is given, and return its port."""
        factory = _Acceptor(self, face)
        try:
            if tls is None:
                listener = self._reactor.listenTCP(port, factory, backlog=511, interface=host)
            else:
                listener = self._reactor.listenSSL(port, factory, tls, backlog=511, interface=host)
        except error.CannotListenError as problem:
            raise PortInUse(SIDES[face], TRANSPORTS[face], host, port, _why(problem)) from problem
        self._ports.append(listener)
        return int(listener.getHost().port)

    def connect(self, face: str, host: str, port: int, name: str) -> Flow:
        """Begin a connection to a trunk; what is sent over the flow waits until it stands. ``name``: the host that a TLS
        certificate must be for."""
        number = self.number()
        flow = Flow(face, host, port, number)
        connection = _Connection(self, face, number, flow)
        self._connections[number] = connection
        factory = _Caller(self, connection)
        if TRANSPORTS[face] == "TLS":
            self._reactor.connectSSL(host, port, factory, ssl.optionsForClientTLS(name), timeout=5)
        else:
            self._reactor.connectTCP(host, port, factory, timeout=5)
        return flow

    def connection(self, number: int) -> Flow | None:
        """The flow of a connection that stands (or is being made), by its number."""
        connection = self._connections.get(number)
        return None if connection is None else connection.flow

    def alive(self, flow: Flow) -> bool:
        """Whether something can be sent by this flow."""
        if not flow.conn:
            return flow.face in self._udp
        connection = self._connections.get(flow.conn)
        return connection is not None and connection.flow == flow

    def send(self, flow: Flow, data: bytes) -> bool:
        """Send by this flow; False if its connection is gone or the address can't be reached by it."""
        if flow.conn:
            connection = self._connections.get(flow.conn)
            return connection is not None and connection.flow == flow and connection.send(data)
        port = self._udp.get(flow.face)
        if port is None:
            return False
        try:
            port.write(data, (flow.host, flow.port))
        except (OSError, ValueError, error.InvalidAddressError, error.MessageLengthError) as problem:
            log.warning("datagram not sent", face=flow.face, error=type(problem).__name__)
            return False
        return True

    def number(self) -> int:
        return next(self._numbers)

    def adopt(self, number: int, connection: _Connection) -> bool:
        """Take note of a connection that was accepted; False if there are too many."""
        if len(self._connections) >= MOST_CONNECTIONS:
            return False
        self._connections[number] = connection
        return True

    def forget(self, flow: Flow) -> None:
        if self._connections.pop(flow.conn, None) is not None:
            self.owner.lost(flow)

    def failed(self, connection: _Connection) -> None:
        flow = connection.flow
        if flow is None:
            return
        self._connections.pop(flow.conn, None)
        self.owner.unsent(flow, connection.queued or [])

    async def close(self) -> None:
        """Stop listening and drop all connections."""
        ports, self._ports = self._ports, []
        for connection in list(self._connections.values()):
            connection.close()
        self._udp.clear()
        for port in ports:
            stopped = port.stopListening()
            if stopped is not None:
                await stopped


@implementer(interfaces.IOpenSSLContextFactory)
class TlsServer:
    """Context factory of the TLS listener (TLS 1.2 and later). Raises :class:`CertificateProblem`."""

    def __init__(self, certificate: str, key: str) -> None:
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.set_min_proto_version(SSL.TLS1_2_VERSION)
        for path, load in (
            (certificate, self._context.use_certificate_chain_file),
            (key, self._context.use_privatekey_file),
        ):
            try:
                load(path)
            except SSL.Error as problem:
                raise CertificateProblem(path, "unreadable or not PEM") from problem
        try:
            self._context.check_privatekey()
        except SSL.Error as problem:
            raise CertificateProblem(key, "the key is not the certificate's") from problem

    def getContext(self) -> Any:
        return self._context


def _why(problem: Any) -> str:
    cause = getattr(problem, "socketError", None)
    return getattr(cause, "strerror", None) or str(cause or problem)
