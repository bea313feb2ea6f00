"""INVITEs from rooms: kept until their final answer (and 64*T1 beyond), so that CANCEL and the ACK of a failure go the same
way, and so that the door can end what a dead room leaves ringing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import structlog

from telephony.edge import uri
from telephony.edge.client import Client
from telephony.edge.core import Core
from telephony.edge.flow import Flow
from telephony.edge.message import Message
from telephony.edge.ports import Orphan
from telephony.edge.settings import KEEP

log = structlog.get_logger(__name__)

LONGEST = 600.0
"""Seconds that an INVITE without a final answer is kept at most."""


@dataclass(slots=True)
class Entry:
    branch: str
    room: str
    leg: str
    flow: Flow
    request: Message
    """As sent to the outside."""
    data: bytes
    until: float
    routes: tuple[str, ...] = ()
    """Route values that the door added (Path)."""
    provisional: bool = False
    status: int = 0
    """The final answer."""
    answer: Message | None = None
    """A 2xx that the room has not acknowledged yet."""
    orphan: bool = False
    cancelled: bool = False
    ended: bool = False


class Outgoing:
    def __init__(self, core: Core, client: Client) -> None:
        self._core = core
        self._client = client
        self._entries: dict[str, Entry] = {}
        self._unacked: dict[tuple[str, str], Entry] = {}
        self._ending: deque[Entry] = deque()

    def get(self, branch: str) -> Entry | None:
        return self._entries.get(branch)

    def keep(self, entry: Entry) -> None:
        self._entries[entry.branch] = entry

    def confirmed(self, ack: Message) -> None:
        """The room's ACK of a 2xx went by."""
        entry = self._unacked.pop((ack.call_id, ack.from_tag), None)
        if entry is not None:
            entry.answer = None

    def response(self, response: Message, branch: str) -> bool:
        """Note an answer to an INVITE; True if it was for a dead room and is dealt with."""
        entry = self._entries.get(branch)
        if entry is None:
            return False
        if response.status < 200:
            entry.provisional = True
            if entry.orphan:
                self._cancel(entry)
            return entry.orphan
        if not entry.status:
            entry.status = response.status
            entry.until = self._core.now() + KEEP
            self._ending.append(entry)
            if response.status < 300 and not entry.orphan:
                entry.answer = response.copy()
                self._unacked[(response.call_id, response.from_tag)] = entry
        if not entry.orphan:
            return False
        if response.status < 300:
            self._hang_up(entry, response)
        else:
            self._ack_failure(entry, response)
        return True

    def room_died(self, room: str) -> list[Orphan]:
        """Stop what the room was ringing, end what it had not acknowledged yet; return the legs without a final answer."""
        orphans = []
        for entry in self._entries.values():
            if entry.room != room or entry.orphan:
                continue
            entry.orphan = True
            if not entry.status:
                orphans.append(Orphan(entry.leg, "outgoing"))
                if entry.provisional:  # before any answer a CANCEL may not be sent (RFC 3261 9.1)
                    self._cancel(entry)
            elif entry.answer is not None:
                self._unacked.pop((entry.answer.call_id, entry.answer.from_tag), None)
                self._hang_up(entry, entry.answer)
        return orphans

    def sweep(self) -> None:
        now = self._core.now()
        while self._ending and self._ending[0].until <= now:
            entry = self._ending.popleft()
            self._entries.pop(entry.branch, None)
            self._unacked.pop((entry.request.call_id, entry.request.from_tag), None)

    def sweep_stuck(self) -> None:
        """Forget INVITEs that never got a final answer (looks at all of them: not for every second)."""
        now = self._core.now()
        for branch in [b for b, entry in self._entries.items() if not entry.status and entry.until <= now]:
            del self._entries[branch]

    def _cancel(self, entry: Entry) -> None:
        if entry.cancelled or entry.status:
            return
        entry.cancelled = True
        self._client.send(_follow_up(entry.request, "CANCEL"), entry.flow, entry.branch)

    def _ack_failure(self, entry: Entry, response: Message) -> None:
        """RFC 3261 17.1.1.3: same branch, To of the answer."""
        ack = _follow_up(entry.request, "ACK")
        ack.set("To", response.get("to") or "")
        self._core.wire.send(entry.flow, ack.encode())

    def _hang_up(self, entry: Entry, answer: Message) -> None:
        """The phone answered a dead room: acknowledge and end the dialog (RFC 3261 13.2.2.4, 15)."""
        contact = uri.address(next(iter(answer.values("contact")), ""))
        target = contact.uri if contact else entry.request.uri
        routes = [value for value in reversed(answer.values("record-route")) if not self._own(value)]
        face = self._core.faces[entry.flow.face]
        ack = self._in_dialog(entry, answer, "ACK", target, routes, entry.request.cseq)
        branch = f"{entry.branch}k"
        ack.first("Via", f"SIP/2.0/{face.transport} {face.sent_by};branch={branch};rport")
        self._core.wire.send(entry.flow, ack.encode())
        if not entry.ended:
            entry.ended = True
            bye = self._in_dialog(entry, answer, "BYE", target, routes, entry.request.cseq + 1)
            self._client.start(bye, entry.flow)

    def _own(self, value: str) -> bool:
        address = uri.address(value)
        target = uri.parse(address.uri) if address else None
        return target is not None and self._core.is_own_route(target)

    @staticmethod
    def _in_dialog(entry: Entry, answer: Message, method: str, target: str, routes: list[str], cseq: int) -> Message:
        found = Message(method, target)
        for route in routes:
            found.add("Route", route)
        found.add("Max-Forwards", "70")
        for name, key in (("From", "from"), ("To", "to"), ("Call-ID", "call-id")):
            found.add(name, answer.get(key) or "")
        found.add("CSeq", f"{cseq} {method}")
        found.add("Content-Length", "0")
        return found


def _follow_up(invite: Message, method: str) -> Message:
    """A CANCEL or ACK of an INVITE that was sent: same target, top Via, Route, From, To, Call-ID and CSeq number."""
    found = Message(method, invite.uri)
    found.add("Via", invite.values("via")[0])
    for route in invite.values("route"):
        found.add("Route", route)
    found.add("Max-Forwards", "70")
    for name, key in (("From", "from"), ("To", "to"), ("Call-ID", "call-id")):
        found.add(name, invite.get(key) or "")
    found.add("CSeq", f"{invite.cseq} {method}")
    found.add("Content-Length", "0")
    return found
