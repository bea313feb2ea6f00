"""Scripted SIP peers on real sockets, a switchboard that does as the test says, and a door between them."""

from __future__ import annotations

import hashlib
import itertools
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from twisted.internet import defer, endpoints, protocol, reactor, ssl, task

from config.model import Centre, DialRule, Outside, QueueRules, Seat, Step, Trunk
from config.secrets import hashes
from telephony.edge import message as sip
from telephony.edge import stream, uri
from telephony.edge.door import Door
from telephony.edge.ports import IncomingCall, Place, ReferRequest, Refuse
from telephony.edge.settings import DoorSettings

PATIENCE = 20
REALM = "hotline.test"
SECRET = b"0123456789abcdef0123456789abcdef"
PASSWORDS = {"8001": "right-horse", "8002": "battery-staple", "9001": "correct-one"}
OUTER = "198.51.100.7"
"""What the door tells others its address is; nothing outside may show another."""
SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
_counter = itertools.count(1)


def settings(**changes: Any) -> DoorSettings:
    steps = [Step(groups=["all"])]
    rules = QueueRules(direct=steps, transfer=steps, greeting="hello")
    values: dict[str, Any] = {
        "realm": REALM,
        "bind": "127.0.0.1",
        "advertise": OUTER,
        "seat_port": 0,
        "trunk_port": 0,
        "tls_port": 0,
        "centres": (
            Centre(id="gov", kind="12345", name="12345", numbers=["12345"], tag="12345 转接", queue=rules),
            Centre(id="police", kind="110", name="110", numbers=["110"], tag="110 转接", queue=rules),
        ),
        "seats": (
            Seat(id="8001", centre="gov", role="operator"),
            Seat(id="8002", centre="gov", role="operator"),
            Seat(id="9001", centre="police", role="police"),
        ),
        "trunks": (Trunk(id="t1", addresses=["127.0.0.0/8"], host="127.0.0.1", port=5999, identity=True),),
        "outside": (Outside(id="fire", name="119", number="119", trunk="t1"),),
        "dial_rules": (
            DialRule(pattern=r"0?1[3-9]\d{9}", trunk="t1"),
            DialRule(pattern=r"1688\d+", trunk=None),
        ),
        "min_expires": 5,
    }
    return DoorSettings(**(values | changes))


class Board:
    """A switchboard. ``verdict`` is what it decides about calls; a Deferred makes it think."""

    def __init__(self) -> None:
        self.verdict: Any = Refuse(480)
        self.calls: list[IncomingCall] = []
        self.events: list[tuple[Any, ...]] = []
        self.refers: list[ReferRequest] = []
        self.refer_status = 202

    async def admit(self, call: IncomingCall) -> Place | Refuse:
        self.calls.append(call)
        verdict = self.verdict
        if isinstance(verdict, defer.Deferred):
            verdict = await verdict
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    def abandoned(self, leg: str) -> None:
        self.events.append(("abandoned", leg))

    def refer(self, request: ReferRequest) -> int:
        self.refers.append(request)
        return self.refer_status

    def seat_registered(self, seat: str, address: str) -> None:
        self.events.append(("registered", seat, address))

    def seat_gone(self, seat: str, why: str) -> None:
        self.events.append(("gone", seat, why))


class Inbox:
    """Messages that arrived and were not taken yet."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.messages: list[sip.Message] = []
        self._waiting: list[tuple[Callable[[sip.Message], bool], defer.Deferred[sip.Message]]] = []

    def put(self, data: bytes) -> None:
        self.raw.append(data)
        if not data.strip():
            return
        found = sip.parse(data)
        for waiting in self._waiting:
            if waiting[0](found):
                self._waiting.remove(waiting)
                waiting[1].callback(found)
                return
        self.messages.append(found)

    async def take(self, wanted: Callable[[sip.Message], bool]) -> sip.Message:
        for found in self.messages:
            if wanted(found):
                self.messages.remove(found)
                return found
        waiting: defer.Deferred[sip.Message] = defer.Deferred()
        self._waiting.append((wanted, waiting))
        waiting.addTimeout(PATIENCE, reactor)
        try:
            return await waiting
        except defer.TimeoutError:
            seen = [f"{m.status or ''} {m.method}" for m in self.messages]
            raise AssertionError(f"what was waited for never came; got instead: {seen}") from None

    async def request(self, method: str) -> sip.Message:
        return await self.take(lambda m: m.is_request and m.method == method)

    async def response(self, status: int, method: str = "") -> sip.Message:
        return await self.take(lambda m: m.status == status and method in ("", m.method))

    async def final(self) -> sip.Message:
        return await self.take(lambda m: m.status >= 200)


class Udp(protocol.DatagramProtocol, Inbox):
    kind = "UDP"

    def __init__(self) -> None:
        Inbox.__init__(self)
        self.listener = reactor.listenUDP(0, self, interface="127.0.0.1", maxPacketSize=65535)
        self.port = self.listener.getHost().port
        self.to = ("127.0.0.1", 0)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self.put(datagram)

    def send(self, data: bytes | sip.Message) -> None:
        self.transport.write(data if isinstance(data, bytes) else data.encode(), self.to)

    async def close(self) -> None:
        await self.listener.stopListening()


class Stream(protocol.Protocol, Inbox):
    kind = "TCP"

    def __init__(self) -> None:
        Inbox.__init__(self)
        self.framer = stream.Framer(65535)
        self.bytes = b""
        self.gone: defer.Deferred[None] = defer.Deferred()
        self.port = 0

    def connectionMade(self) -> None:
        self.port = self.transport.getHost().port

    def dataReceived(self, data: bytes) -> None:
        self.bytes += data
        for found in self.framer.feed(data):
            self.put(found)

    def connectionLost(self, reason: object = protocol.connectionDone) -> None:
        self.gone.callback(None)

    def send(self, data: bytes | sip.Message) -> None:
        self.transport.write(data if isinstance(data, bytes) else data.encode())

    async def close(self) -> None:
        self.transport.abortConnection()
        await self.gone


class House:
    """A door with its switchboard, and whoever is connected to it."""

    def __init__(self, door: Door, board: Board) -> None:
        self.door = door
        self.board = board
        self.peers: list[Udp | Stream] = []

    def udp(self, listener: str) -> Udp:
        peer = Udp()
        peer.to = ("127.0.0.1", self.door.ports[listener])
        self.peers.append(peer)
        return peer

    def seat(self) -> Udp:
        return self.udp("seats")

    def trunk(self) -> Udp:
        return self.udp("trunks")

    def room(self, name: str) -> Room:
        peer = self.udp("rooms")
        self.door.open_room(name, "127.0.0.1", peer.port)
        return Room(self, peer, name)

    async def tcp(self, listener: str) -> Stream:
        return await self._connect(endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", self.door.ports[listener]), "TCP")

    async def tls(self) -> Stream:
        options = ssl.CertificateOptions()
        return await self._connect(endpoints.SSL4ClientEndpoint(reactor, "127.0.0.1", self.door.ports["tls"], options), "TLS")

    async def _connect(self, endpoint: Any, kind: str) -> Stream:
        peer = await endpoints.connectProtocol(endpoint, Stream())
        peer.kind = kind
        self.peers.append(peer)
        return peer


@asynccontextmanager
async def house(clock: task.Clock | None = None, secret: bytes = SECRET, **changes: Any) -> AsyncIterator[House]:
    board = Board()
    ha1 = {seat: hashes(seat, REALM, password) for seat, password in PASSWORDS.items()}
    door = Door(reactor, settings(**changes), board, ha1.get, secret, clock)
    door.startService()
    found = House(door, board)
    try:
        yield found
    finally:
        for peer in found.peers:
            await peer.close()
        await door.stopService()


class Room:
    """A stand-in for a room's SIP side."""

    def __init__(self, house: House, peer: Udp, name: str) -> None:
        self.house = house
        self.peer = peer
        self.name = name
        token = house.door.room_token(name)
        host, port = house.door.rooms_address
        self.contact = f"<sip:{token}@{host}:{port}>"
        self.tag = secrets.token_hex(4)

    def answer(self, request: sip.Message, status: int, body: bytes = b"") -> None:
        self.peer.send(reply(request, status, contact=self.contact, tag=self.tag, body=body))

    def invite(self, target: str, leg: str = "leg-out", extra: str = "") -> sip.Message:
        host, port = self.house.door.rooms_address
        return request(
            "INVITE",
            target,
            self.peer,
            source="sip:13800138000@127.0.0.1",
            contact=self.contact,
            extra=f"Route: <sip:{host}:{port};lr>\r\nX-Hotline-Leg: {leg}\r\n" + extra,
            body=SDP,
        )


def request(
    method: str,
    target: str,
    peer: Udp | Stream,
    *,
    source: str = "sip:8001@hotline.test",
    to: str = "",
    call_id: str = "",
    from_tag: str = "",
    branch: str = "",
    cseq: int = 1,
    contact: str = "",
    extra: str = "",
    body: bytes = b"",
    rport: bool = True,
) -> sip.Message:
    """A request as a phone writes it."""
    number = next(_counter)
    branch = branch or f"z9hG4bK-t{number}"
    contact = contact or f"<sip:me@127.0.0.1:{peer.port}{'' if peer.kind == 'UDP' else ';transport=' + peer.kind.lower()}>"
    text = (
        f"{method} {target} SIP/2.0\r\n"
        f"Via: SIP/2.0/{peer.kind} 127.0.0.1:{peer.port};branch={branch}{';rport' if rport else ''}\r\n"
        f"Max-Forwards: 70\r\n"
        f"From: <{source}>;tag={from_tag or f'ft{number}'}\r\n"
        f"To: {to or f'<{target}>'}\r\n"
        f"Call-ID: {call_id or f'call-{number}@test'}\r\n"
        f"CSeq: {cseq} {method}\r\n"
        f"Contact: {contact}\r\n"
        f"{extra}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return sip.parse(text.encode() + body)


def reply(
    request: sip.Message, status: int, *, contact: str = "", tag: str = "peer", body: bytes = b"", extra: str = ""
) -> sip.Message:
    """An answer as a user agent writes it."""
    lines = [f"SIP/2.0 {status} Whatever"]
    for key, line in zip(request.keys, request.lines, strict=True):
        if key in ("via", "from", "call-id", "cseq", "record-route"):
            lines.append(line)
        elif key == "to":
            lines.append(line if request.to_tag or status == 100 else f"{line};tag={tag}")
    if contact:
        lines.append(f"Contact: {contact}")
    lines.append(f"{extra}Content-Length: {len(body)}")
    return sip.parse("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def in_dialog(
    method: str, answer: sip.Message, invite: sip.Message, peer: Udp | Stream, *, cseq: int, extra: str = ""
) -> sip.Message:
    """A request of the caller within the dialog that ``answer`` to ``invite`` began (RFC 3261 12.2.1.1)."""
    contact = uri.address(answer.get("contact") or "")
    routes = "".join(f"Route: {value}\r\n" for value in reversed(answer.values("record-route")))
    return request(
        method,
        contact.uri if contact else "",
        peer,
        source=(uri.address(invite.get("from") or "") or contact).uri,  # type: ignore[union-attr]
        to=answer.get("to") or "",
        call_id=invite.call_id,
        from_tag=invite.from_tag,
        cseq=cseq,
        extra=routes + extra,
    )


def from_callee(method: str, invite: sip.Message, tag: str, peer: Udp | Stream, *, cseq: int = 1, extra: str = "") -> sip.Message:
    """A request of the called side within the dialog that it answered with ``tag`` (RFC 3261 12.1.1)."""
    contact = uri.address(invite.get("contact") or "")
    to, caller = uri.address(invite.get("to") or ""), invite.get("from") or ""
    routes = "".join(f"Route: {value}\r\n" for value in invite.values("record-route"))
    return request(
        method,
        contact.uri if contact else "",
        peer,
        source=to.uri if to else "",
        to=caller,
        call_id=invite.call_id,
        from_tag=tag,
        cseq=cseq,
        extra=routes + extra,
    )


def ack_failure(invite: sip.Message, answer: sip.Message) -> sip.Message:
    """The ACK of a failure: same branch, To of the answer (RFC 3261 17.1.1.3)."""
    ack = follow_up(invite, "ACK")
    ack.set("To", answer.get("to") or "")
    return ack


def follow_up(invite: sip.Message, method: str) -> sip.Message:
    found = sip.Message(method, invite.uri)
    for name, key in (("Via", "via"), ("From", "from"), ("To", "to"), ("Call-ID", "call-id"), ("Route", "route")):
        for value in invite.all(key):
            found.add(name, value)
    found.add("Max-Forwards", "70")
    found.add("CSeq", f"{invite.cseq} {method}")
    found.add("Content-Length", "0")
    return found


def credentials(challenge: str, method: str, target: str, user: str, password: str, nc: int = 1, realm: str = "") -> str:
    """Authorization value for a Digest challenge (RFC 7616)."""
    params = {name.lower(): a or b for name, a, b in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', challenge)}
    hashed = hashlib.sha256 if params.get("algorithm") == "SHA-256" else hashlib.md5

    def h(text: str) -> str:
        return hashed(text.encode()).hexdigest()

    cnonce, count = secrets.token_hex(4), f"{nc:08x}"
    first = h(f"{user}:{realm or params['realm']}:{password}")
    response = h(f"{first}:{params['nonce']}:{count}:{cnonce}:auth:{h(f'{method}:{target}')}")
    return (
        f'Digest username="{user}", realm="{params["realm"]}", nonce="{params["nonce"]}", uri="{target}", '
        f'response="{response}", algorithm={params.get("algorithm", "MD5")}, cnonce="{cnonce}", qop=auth, nc={count}'
    )


async def register(
    peer: Udp | Stream, seat: str = "8001", password: str = "", expires: int = 300, extra: str = "", contact: str = ""
) -> sip.Message:
    """REGISTER, answer the challenge, and return the final answer."""
    target, source = f"sip:{REALM}", f"sip:{seat}@{REALM}"
    extra = f"Expires: {expires}\r\n{extra}"
    first = request("REGISTER", target, peer, source=source, to=f"<{source}>", extra=extra, contact=contact)
    peer.send(first)
    challenge = await peer.take(lambda m: m.method == "REGISTER" and m.status >= 200 and m.call_id == first.call_id)
    if challenge.status != 401:
        return challenge
    value = credentials(challenge.all("www-authenticate")[0], "REGISTER", target, seat, password or PASSWORDS[seat])
    second = request(
        "REGISTER", target, peer, source=source, to=f"<{source}>", call_id=first.call_id, from_tag=first.from_tag, cseq=2,
        extra=f"{extra}Authorization: {value}\r\n", contact=contact,
    )  # fmt: skip
    peer.send(second)
    return await peer.take(lambda m: m.method == "REGISTER" and m.status >= 200 and m.call_id == first.call_id)


async def invite_as_seat(
    peer: Udp | Stream, dialled: str, seat: str = "8001", password: str = "", source: str = "", extra: str = "", target: str = ""
) -> sip.Message:
    """INVITE, answer the challenge, and return the INVITE that was let in or refused for another reason."""
    target = target or f"sip:{dialled}@{REALM}"
    source = source or f"sip:{seat}@{REALM}"
    first = request("INVITE", target, peer, source=source, extra=extra, body=SDP)
    peer.send(first)
    challenge = await peer.response(407)
    peer.send(ack_failure(first, challenge))
    value = credentials(challenge.all("proxy-authenticate")[0], "INVITE", target, seat, password or PASSWORDS[seat])
    second = request(
        "INVITE", target, peer, source=source, call_id=first.call_id, from_tag=first.from_tag, cseq=2, body=SDP,
        extra=f"{extra}Proxy-Authorization: {value}\r\n",
    )  # fmt: skip
    peer.send(second)
    return second


def outside_sees(*peers: Udp | Stream) -> str:
    """All Contact, Via and Record-Route values of others' making that these peers have seen."""
    found = []
    for peer in peers:
        for data in peer.raw:
            if not data.strip():
                continue
            message = sip.parse(data)
            own = f"127.0.0.1:{peer.port}"
            for key in ("via", "contact", "record-route"):
                found += [value for value in message.values(key) if own not in value]
    return "\n".join(found)
