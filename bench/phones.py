"""Many simple SIP phones on one UDP socket: they register, dial, answer at once, and note when everything happened.

Just enough SIP for a bench on loopback: digest (RFC 7616), dialogs with route sets (RFC 3261 12), retransmission of what is not
answered, repeated answers to what is repeated. Times are seconds since 1970; those of arrivals are the kernel's.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.loop import Loop
from bench.media import Media, Stream, stamp, timed_socket
from telephony.edge import message as sip
from telephony.edge import uri
from telephony.edge.errors import Malformed

T1 = 0.5
TRIES = 5
Address = tuple[str, int]
_AUDIO = re.compile(rb"m=audio (\d+)")
_HOST = re.compile(rb"c=IN IP4 (\S+)")
_EVENT = re.compile(rb"a=rtpmap:(\d+) telephone-event/8000")
_PARAM = re.compile(r'(\w+)="?([^",]*)"?')


@dataclass(eq=False)
class Leg:
    """One call of one phone."""

    phones: Phones
    user: str
    peer: str
    """Who called us, or whom we dialled."""
    call_id: str
    local: str
    """Our From or To value, with tag."""
    remote: str
    target: str
    incoming: bool
    to: Address
    routes: list[str] = field(default_factory=list)
    cseq: int = 1
    stream: Stream | None = None
    request: sip.Message | None = None
    """The INVITE."""
    status: int = 0
    """Final answer to the INVITE."""
    times: dict[str, float] = field(default_factory=dict)
    """``invited``, ``ringing``, ``answered``, ``confirmed``, ``bye`` (either side's), ``over``."""
    event_type: int = 101
    answer: bytes = b""
    via: str = ""

    def said(self, what: str, moment: float) -> None:
        self.times.setdefault(what, moment)

    @property
    def up(self) -> bool:
        return "confirmed" in self.times and "bye" not in self.times

    @property
    def over(self) -> bool:
        return "over" in self.times

    def hang_up(self) -> None:
        self.said("bye", time.time())
        self.phones.within(self, "BYE")

    def info_key(self, key: str) -> float:
        """Press a key by INFO; returns when it left."""
        left = time.time()
        self.phones.within(self, "INFO", f"Signal={key}\r\nDuration=100\r\n".encode(), "application/dtmf-relay")
        return left


class Phones:
    """``on_invite`` decides about an incoming call by calling :meth:`ring` and :meth:`accept` or :meth:`refuse`; ``on_ended`` is
    told when a leg is over. Without ``media`` phones tell a port at which nobody listens and send no audio."""

    def __init__(self, loop: Loop, *, port: int = 0, media: Media | None = None) -> None:
        self._loop = loop
        self._socket = timed_socket(port=port)
        self.address: Address = self._socket.getsockname()
        self._media = media
        self._legs: dict[str, Leg] = {}
        self._repeats: dict[str, int] = {}
        self._registrations: dict[str, Callable[[sip.Message], None]] = {}
        self._numbers = itertools.count(1)
        self._mark = os.urandom(4).hex()
        self._mute = timed_socket() if media is None else None
        self.on_invite: Callable[[Leg], None] = self.accept
        self.on_answer: Callable[[Leg], None] = lambda leg: None
        """A dialled leg has got its final answer."""
        self.on_confirmed: Callable[[Leg], None] = lambda leg: None
        """An incoming leg that we answered was acknowledged."""
        self.on_ended: Callable[[Leg], None] = lambda leg: None
        self.contact = ""
        """Contact value of all phones; empty: each has its own."""
        self.repeated = 0
        """Retransmissions that were needed."""
        loop.read(self._socket.fileno(), self._receive)

    @property
    def legs(self) -> list[Leg]:
        return list(self._legs.values())

    # --- what phones do

    def register(self, user: str, secret: str, registrar: Address, realm: str) -> Callable[[], bool]:
        """Register for an hour; the result tells whether it has been accepted. Raises RuntimeError later if it is refused."""
        call_id, done = f"{self._mark}-reg-{user}", [False]
        target = f"sip:{registrar[0]}:{registrar[1]}"

        def send(cseq: int, credentials: str) -> None:
            found = sip.Message("REGISTER", target)
            found.add("Via", self._via(f"{call_id}-{cseq}"))
            found.add("Max-Forwards", "70")
            found.add("From", f"<sip:{user}@{realm}>;tag={self._mark}")
            found.add("To", f"<sip:{user}@{realm}>")
            found.add("Call-ID", call_id)
            found.add("CSeq", f"{cseq} REGISTER")
            found.add("Contact", f"<sip:{user}@{self.address[0]}:{self.address[1]}>;expires=3600")
            if credentials:
                found.add("Authorization", credentials)
            found.add("Content-Length", "0")
            self._reliably(call_id, found.encode(), registrar)

        def answered(response: sip.Message) -> None:
            self._enough(call_id)
            if response.status == 200:
                done[0] = True
            elif response.status == 401 and response.cseq == 1:
                send(2, _credentials(response.all("www-authenticate")[0], user, secret, "REGISTER", target))
            else:
                raise RuntimeError(f"{user} can't register: {response.status} {response.reason}")

        self._registrations[call_id] = answered
        send(1, "")
        return lambda: done[0]

    def dial(self, number: str, to: Address, caller: str, hz: int = 440) -> Leg:
        """Call a number at a SIP address."""
        number_of_call = next(self._numbers)
        call_id = f"{self._mark}-{number_of_call}"
        leg = Leg(
            self,
            caller,
            number,
            call_id,
            f"<sip:{caller}@{self.address[0]}>;tag={call_id}",
            f"<sip:{number}@{to[0]}>",
            f"sip:{number}@{to[0]}:{to[1]}",
            False,
            to,
        )
        self._legs[call_id] = leg
        if self._media is not None:
            leg.stream = self._media.open(hz)
        leg.via = self._via(f"{call_id}-1")
        body = self._sdp(leg)
        found = self._request(leg, "INVITE", leg.via, body, "application/sdp")
        leg.request = found
        leg.said("invited", time.time())
        self._reliably(f"{call_id}-INVITE", found.encode(), to)
        return leg

    def ring(self, leg: Leg) -> None:
        self._answer(leg, 180)

    def accept(self, leg: Leg, hz: int = 600) -> None:
        """Answer with 200 and audio."""
        if self._media is not None and leg.stream is None:
            leg.stream = self._media.open(hz)
        self._talk(leg)
        leg.status = 200
        leg.said("answered", time.time())
        self._answer(leg, 200, self._sdp(leg))

    def refuse(self, leg: Leg, code: int = 486) -> None:
        leg.status = code
        self._answer(leg, code)

    def within(self, leg: Leg, method: str, body: bytes = b"", kind: str = "") -> None:
        """A request inside the leg's dialog, repeated until it is answered."""
        leg.cseq += 1
        found = self._request(leg, method, self._via(f"{leg.call_id}-{leg.cseq}"), body, kind)
        self._reliably(f"{leg.call_id}-{method}", found.encode(), leg.to)

    def close(self) -> None:
        for handle in self._repeats.values():
            self._loop.cancel(handle)
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        if self._mute is not None:
            self._mute.close()

    # --- what arrives

    def _receive(self) -> None:
        for _ in range(64):
            try:
                data, ancillary, _, source = self._socket.recvmsg(65535, 64)
            except OSError:
                return
            if len(data) < 8:
                continue
            try:
                found = sip.parse(data)
            except Malformed:
                continue
            moment = stamp(ancillary)
            if found.is_request:
                self._asked(found, source, moment)
            elif found.method == "REGISTER":
                self._registrations[found.call_id](found)
            else:
                self._told(found, moment)

    def _asked(self, request: sip.Message, source: Address, moment: float) -> None:
        leg = self._legs.get(request.call_id)
        if request.method == "INVITE" and not request.to_tag:
            if leg is None:
                self._invited(request, source, moment)
            elif leg.answer:
                self._send(leg.answer, leg.to)
        elif leg is None:
            if request.method != "ACK":
                self._reply(request, source, 481)
        elif request.method == "ACK":
            self._enough(f"{leg.call_id}-200")
            if leg.status == 200 and "confirmed" not in leg.times:
                leg.said("confirmed", moment)
                self.on_confirmed(leg)
        elif request.method == "CANCEL":
            self._reply(request, source, 200)
            if not leg.status:
                self.refuse(leg, 487)
                self._over(leg, moment)
        elif request.method == "BYE":
            self._reply(request, source, 200)
            leg.said("bye", moment)
            self._over(leg, moment)
        elif request.method == "INVITE":
            self._talk(leg, request)
            leg.request = request
            self._answer(leg, 200, self._sdp(leg))
        else:
            self._reply(request, source, 200)

    def _invited(self, request: sip.Message, source: Address, moment: float) -> None:
        asked, sender = uri.parse(request.uri), uri.address(request.get("from") or "")
        contact = uri.address(request.get("contact") or "")
        named = uri.parse(sender.uri) if sender else None
        leg = Leg(
            self,
            asked.user if asked else "",
            named.user if named else "",
            request.call_id,
            f"{request.get('to')};tag={self._mark}{next(self._numbers)}",
            request.get("from") or "",
            contact.uri if contact else "",
            True,
            source,
            routes=request.values("record-route"),
            request=request,
        )
        leg.said("invited", moment)
        self._legs[leg.call_id] = leg
        self.on_invite(leg)

    def _told(self, response: sip.Message, moment: float) -> None:
        leg = self._legs.get(response.call_id)
        if leg is None:
            return
        if response.status >= 200 or response.method == "INVITE":
            self._enough(f"{leg.call_id}-{response.method}")
        if response.method == "BYE" and response.status >= 200:
            self._over(leg, moment)
        if response.method != "INVITE" or leg.incoming:
            return
        if response.status in (180, 183):
            leg.said("ringing", moment)
        if response.status < 200:
            return
        new = not leg.status
        if response.status < 300:
            contact = uri.address(response.get("contact") or "")
            leg.status, leg.remote = response.status, response.get("to") or ""
            leg.target = contact.uri if contact else leg.target
            leg.routes = response.values("record-route")[::-1]
            self._send(self._request(leg, "ACK", self._via(f"{leg.call_id}-ack"), cseq=response.cseq).encode(), leg.to)
            if new:
                leg.said("answered", moment)
                leg.said("confirmed", moment)
                self._talk(leg, response)
        else:
            ack = self._request(leg, "ACK", leg.via, cseq=response.cseq)
            ack.set("To", response.get("to") or "")
            self._send(ack.encode(), leg.to)
            leg.status = response.status
            self._over(leg, moment)
        if new:
            self.on_answer(leg)

    def _over(self, leg: Leg, moment: float) -> None:
        if leg.over:
            return
        leg.said("over", moment)
        self._enough(f"{leg.call_id}-BYE")
        if leg.stream is not None and self._media is not None:
            self._media.shut(leg.stream)
        self._loop.after(8 * T1, lambda: self._forget(leg))
        self.on_ended(leg)

    def _forget(self, leg: Leg) -> None:
        self._legs.pop(leg.call_id, None)

    # --- messages

    def _via(self, branch: str) -> str:
        return f"SIP/2.0/UDP {self.address[0]}:{self.address[1]};rport;branch=z9hG4bK{branch}"

    def _contact(self, leg: Leg) -> str:
        return self.contact or f"<sip:{leg.user}@{self.address[0]}:{self.address[1]}>"

    def _request(
        self, leg: Leg, method: str, via: str, body: bytes = b"", kind: str = "", cseq: int | None = None
    ) -> sip.Message:
        found = sip.Message(method, leg.target)
        found.add("Via", via)
        found.add("Max-Forwards", "70")
        for route in leg.routes:
            found.add("Route", route)
        found.add("From", leg.local)
        found.add("To", leg.remote)
        found.add("Call-ID", leg.call_id)
        found.add("CSeq", f"{leg.cseq if cseq is None else cseq} {method}")
        found.add("Contact", self._contact(leg))
        if body:
            found.add("Content-Type", kind)
        found.add("Content-Length", str(len(body)))
        found.body = body
        return found

    def _reply(self, request: sip.Message, to: Address, status: int) -> None:
        self._send(_response(request, status).encode(), to)

    def _answer(self, leg: Leg, status: int, body: bytes = b"") -> None:
        request = leg.request
        assert request is not None
        found = _response(request, status)
        found.set("To", leg.local if leg.incoming else request.get("to") or "")
        for route in request.values("record-route"):
            found.add("Record-Route", route)
        found.add("Contact", self._contact(leg))
        found.remove("content-length")
        if body:
            found.add("Content-Type", "application/sdp")
        found.add("Content-Length", str(len(body)))
        found.body = body
        leg.answer = found.encode()
        if status >= 200:
            self._reliably(f"{leg.call_id}-200", leg.answer, leg.to)
        else:
            self._send(leg.answer, leg.to)

    def _sdp(self, leg: Leg) -> bytes:
        bound: Any = leg.stream.socket if leg.stream is not None else self._mute
        event = leg.event_type
        return (
            f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {bound.getsockname()[1]} RTP/AVP 8 {event}\r\na=rtpmap:8 PCMA/8000\r\n"
            f"a=rtpmap:{event} telephone-event/8000\r\na=fmtp:{event} 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
        ).encode()

    def _talk(self, leg: Leg, message: sip.Message | None = None) -> None:
        """Send audio where the other side wants it."""
        body = (message or leg.request or sip.Message()).body
        port, host, event = _AUDIO.search(body), _HOST.search(body), _EVENT.search(body)
        if event:
            leg.event_type = int(event[1])
        if leg.stream is not None and port and host:
            leg.stream.remote = (host[1].decode(), int(port[1]))
            leg.stream.event_type = leg.event_type

    # --- sending

    def _send(self, data: bytes, to: Address) -> None:
        try:
            self._socket.sendto(data, to)
        except OSError:
            pass  # as if lost: it is repeated

    def _reliably(self, key: str, data: bytes, to: Address, tries: int = TRIES, wait: float = T1) -> None:
        self._enough(key)
        self._send(data, to)

        def again() -> None:
            self._repeats.pop(key, None)
            if tries > 1:
                self.repeated += 1
                self._reliably(key, data, to, tries - 1, wait * 2)

        self._repeats[key] = self._loop.after(wait, again)

    def _enough(self, key: str) -> None:
        handle = self._repeats.pop(key, None)
        if handle is not None:
            self._loop.cancel(handle)


def _response(request: sip.Message, status: int) -> sip.Message:
    found = sip.Message(request.method, status=status, reason="OK" if status == 200 else "Bench")
    for key, line in zip(request.keys, request.lines, strict=True):
        if key in ("via", "from", "to", "call-id", "cseq"):
            found.keys.append(key)
            found.lines.append(line)
    found.add("Content-Length", "0")
    return found


def _credentials(challenge: str, user: str, secret: str, method: str, target: str) -> str:
    """Authorization for a challenge with SHA-256 and qop=auth (RFC 7616 3.4.1)."""
    given = dict(_PARAM.findall(challenge))
    name = given.get("algorithm", "MD5")

    def digest(text: str) -> str:
        return hashlib.new("sha256" if name == "SHA-256" else "md5", text.encode()).hexdigest()

    nonce, once = given["nonce"], os.urandom(8).hex()
    first = digest(f"{user}:{given['realm']}:{secret}")
    answer = digest(f"{first}:{nonce}:00000001:{once}:auth:{digest(f'{method}:{target}')}")
    return (
        f'Digest username="{user}", realm="{given["realm"]}", nonce="{nonce}", uri="{target}", algorithm={name}, '
        f'qop=auth, nc=00000001, cnonce="{once}", response="{answer}"'
    )
