"""INVITEs from outside: kept from their arrival to their final answer (and 64*T1 beyond), so that retransmissions, CANCEL and
the ACK of a failure reach the same room, and so that another room can take over when one dies."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import structlog
from twisted.internet.defer import Deferred

from telephony.edge import uri
from telephony.edge.client import Client
from telephony.edge.core import PREFIX, Core, Headers, Key
from telephony.edge.finals import Finals
from telephony.edge.flow import Flow, Party
from telephony.edge.message import Message
from telephony.edge.ports import IncomingCall, Orphan, Place, Refuse
from telephony.edge.relay import Relay
from telephony.edge.settings import KEEP
from telephony.ipc import messages

log = structlog.get_logger(__name__)

State = Literal["asking", "placed", "orphaned", "refused", "cancelled", "answered"]


@dataclass(slots=True)
class Entry:
    key: Key
    leg: str
    flow: Flow
    """Where the INVITE came from."""
    party: Party
    request: Message
    """As it came in, cleaned; still without our Via, Record-Route and leg."""
    state: State = "asking"
    room: str = ""
    attempt: int = 0
    answer_tag: str = ""
    """To tag of a 2xx whose ACK has not been seen."""
    until: float = 0.0


class Incoming:
    def __init__(self, core: Core, relay: Relay, finals: Finals, client: Client) -> None:
        self._core = core
        self._relay = relay
        self._finals = finals
        self._client = client
        self._entries: dict[Key, Entry] = {}
        self._legs: dict[str, Entry] = {}
        self._unacked: dict[tuple[str, str], Entry] = {}
        self._ending: deque[Entry] = deque()

    def get(self, key: Key) -> Entry | None:
        return self._entries.get(key)

    def begin(self, entry: Entry, call: IncomingCall) -> None:
        """Answer 100 and ask the switchboard."""
        self._entries[entry.key] = entry
        self._legs[entry.leg] = entry
        self._core.answer(entry.request, entry.flow, 100)
        asking = Deferred.fromCoroutine(self._ask(entry, call))
        asking.addErrback(lambda failure: log.error("admission failed", error=failure.getTraceback()))

    async def _ask(self, entry: Entry, call: IncomingCall) -> None:
        try:
            verdict = await self._core.switchboard.admit(call)
        except Exception:  # whatever goes wrong over there, this caller gets an answer
            log.exception("switchboard could not decide about a call", leg=entry.leg)
            verdict = Refuse(500)
        if entry.state != "asking":
            return
        if isinstance(verdict, Place):
            if not self._place(entry, verdict.room):
                log.error("call placed in a room that is not open", leg=entry.leg, room=verdict.room)
                self._core.switchboard.abandoned(entry.leg)
                self._refuse(entry, 503, "", ())
        else:
            self._refuse(entry, verdict.code, verdict.reason, verdict.headers)

    def _place(self, entry: Entry, room: str) -> bool:
        entry.room = room
        entry.state = "placed"
        return self._forward(entry)

    def _forward(self, entry: Entry) -> bool:
        request = entry.request.copy()
        self._relay.record(request, entry.flow, entry.party, inward=True)
        request.add("X-Hotline-Leg", entry.leg)
        return self._relay.inward(request, entry.flow, entry.room, entry.attempt)

    def _refuse(self, entry: Entry, status: int, reason: str, headers: Headers) -> None:
        entry.state = "cancelled" if status == 487 else "refused"
        reply = self._core.reply(entry.request, status, reason, headers)
        self._finals.send(entry.key, self._core.way_back(entry.request, entry.flow), reply.encode())
        self._end(entry)

    def _end(self, entry: Entry) -> None:
        self._legs.pop(entry.leg, None)
        if not entry.until:
            entry.until = self._core.now() + KEEP
            self._ending.append(entry)

    def repeated(self, entry: Entry) -> None:
        """The same INVITE again."""
        if entry.state in ("asking", "orphaned"):
            self._core.answer(entry.request, entry.flow, 100)
        elif entry.state in ("refused", "cancelled"):
            self._finals.again(entry.key)
        elif not self._forward(entry):
            self._core.answer(entry.request, entry.flow, 100)

    def cancel(self, request: Message, flow: Flow) -> None:
        """CANCEL (RFC 3261 9.2, 16.10)."""
        entry = self._entries.get(self._core.key(request))
        if entry is None:
            self._core.answer(request, flow, 481)
            return
        if entry.state in ("placed", "answered") and self._core.room_flow(entry.room) is not None:
            request.strip(PREFIX)
            request.remove("route")
            self._relay.inward(request, flow, entry.room, entry.attempt)
            return
        self._core.answer(request, flow, 200)
        if entry.state in ("asking", "orphaned", "placed"):
            self._refuse(entry, 487, "", ())
            self._core.switchboard.abandoned(entry.leg)

    def ack_failure(self, request: Message, flow: Flow) -> bool:
        """True if this ACK belongs to an INVITE kept here: it has gone where that went."""
        entry = self._entries.get(self._core.key(request))
        if entry is None:
            return False
        if entry.state in ("placed", "answered"):
            request.strip(PREFIX)
            request.remove("route")
            self._relay.inward(request, flow, entry.room, entry.attempt)
        return True

    def confirmed(self, ack: Message) -> None:
        """The ACK of a 2xx went by."""
        entry = self._unacked.pop((ack.call_id, ack.from_tag), None)
        if entry is not None:
            entry.answer_tag = ""

    def answered(self, response: Message) -> None:
        """A room's final answer to an INVITE went by (our Via is off already)."""
        entry = self._entries.get(self._core.key(response))
        if entry is None or entry.state != "placed":
            return
        entry.state = "answered"
        if response.status < 300:
            entry.answer_tag = response.to_tag
            self._unacked[(response.call_id, response.from_tag)] = entry
        self._end(entry)

    def room_died(self, room: str) -> list[Orphan]:
        """The unanswered INVITEs of a dead room wait for :meth:`replace`; dialogs that it had answered, but that no ACK has
        confirmed, are ended here, for the room has not told of them yet."""
        orphans = []
        for entry in self._entries.values():
            if entry.room != room:
                continue
            if entry.state == "placed":
                entry.state = "orphaned"
                entry.until = self._core.now() + KEEP
                self._ending.append(entry)
                orphans.append(Orphan(entry.leg, "incoming"))
            elif entry.answer_tag:
                self._unacked.pop((entry.request.call_id, entry.request.from_tag), None)
                self._bye(entry)
        return orphans

    def replace(self, leg: str, room: str) -> bool:
        entry = self._legs.get(leg)
        if entry is None or entry.state != "orphaned" or room not in self._core.rooms:
            return False
        self._ending.remove(entry)
        entry.until = 0.0
        entry.attempt += 1
        return self._place(entry, room)

    def sweep(self) -> None:
        """Forget what is over; an orphan that nobody took is refused."""
        now = self._core.now()
        while self._ending and self._ending[0].until <= now:
            entry = self._ending.popleft()
            if entry.state == "orphaned":
                entry.until = 0.0
                self._refuse(entry, 503, "", ())
                continue
            self._entries.pop(entry.key, None)
            self._unacked.pop((entry.request.call_id, entry.request.from_tag), None)

    def _bye(self, entry: Entry) -> None:
        """End, in the room's name, a dialog that an INVITE from outside began (RFC 3261 12.1.1)."""
        tag, entry.answer_tag = entry.answer_tag, ""
        request = entry.request.copy()
        self._relay.record(request, entry.flow, entry.party, inward=False)
        contact = uri.address(next(iter(request.values("contact")), ""))
        to, caller = uri.address(request.get("to") or ""), uri.address(request.get("from") or "")
        if contact is None or to is None or caller is None:
            return
        self._client.end_dialog(
            messages.Dialog(
                call_id=request.call_id,
                local_tag=tag,
                remote_tag=request.from_tag,
                local_uri=to.uri,
                remote_uri=caller.uri,
                cseq=0,
                routes=tuple(request.values("record-route")),
                target=contact.uri,
            )
        )
