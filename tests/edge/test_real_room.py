"""The door with a real room behind it: what pjsip makes of our headers, and we of its."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet import defer, endpoints, protocol, reactor

from telephony.edge.ports import Place
from telephony.ipc import framing, messages
from tests.edge.peers import OUTER, PATIENCE, SDP, House, house, in_dialog, outside_sees, register, reply, request


class _Program(protocol.ProcessProtocol):
    def __init__(self) -> None:
        self.ready: defer.Deferred[dict[str, Any]] = defer.Deferred()
        self.ended: defer.Deferred[None] = defer.Deferred()
        self._output = b""

    def outReceived(self, data: bytes) -> None:
        self._output += data
        if b"\n" in self._output and not self.ready.called:
            self.ready.callback(json.loads(self._output.split(b"\n", 1)[0]))

    def processEnded(self, reason: object) -> None:
        self.ended.callback(None)


class _Link(protocol.Protocol):
    """The switchboard's end of a room's socket."""

    def __init__(self) -> None:
        self._unpacker = framing.Unpacker(messages.FromRoom)
        self._events: list[Any] = []
        self._waiting: list[tuple[Callable[[Any], bool], defer.Deferred[Any]]] = []

    def dataReceived(self, data: bytes) -> None:
        for event in self._unpacker.feed(data):
            for waiting in self._waiting:
                if waiting[0](event):
                    self._waiting.remove(waiting)
                    waiting[1].callback(event)
                    break
            else:
                self._events.append(event)

    def tell(self, command: messages.Message) -> None:
        self.transport.write(framing.pack(command))

    async def hear(self, kind: type[Any], wanted: Callable[[Any], bool] = lambda event: True) -> Any:
        def fits(event: Any) -> bool:
            return isinstance(event, kind) and wanted(event)

        for event in self._events:
            if fits(event):
                self._events.remove(event)
                return event
        waiting: defer.Deferred[Any] = defer.Deferred()
        self._waiting.append((fits, waiting))
        waiting.addTimeout(PATIENCE, reactor)
        return await waiting


@asynccontextmanager
async def real_room(here: House, folder: Path) -> AsyncIterator[_Link]:
    """A room process, attached to and open at the door; it is killed at the end."""
    host, port = here.door.rooms_address
    program = _Program()
    first = 21000 + os.getpid() % 200 * 20
    arguments = ["--name", "real-1", "--socket", str(folder / "r.sock"), "--door", f"{host}:{port}", "--contact",
                 here.door.room_token("real-1"), "--rtp", f"{first}-{first + 19}", "--spool", str(folder)]  # fmt: skip
    process = reactor.spawnProcess(
        program, sys.executable, [sys.executable, "-m", "telephony.room", *arguments], env=os.environ, path=str(Path.cwd())
    )
    try:
        program.ready.addTimeout(PATIENCE, reactor)
        await program.ready
        link = await endpoints.connectProtocol(endpoints.UNIXClientEndpoint(reactor, str(folder / "r.sock")), _Link())
        link.tell(messages.Attach())
        hello = await link.hear(messages.Hello)
        here.door.open_room("real-1", hello.host, hello.port)
        yield link
    finally:
        if not program.ended.called:
            process.signalProcess("KILL")
            await program.ended


@pytest_twisted.ensureDeferred
async def test_a_real_room_answers_and_ends_a_call(tmp_path: Path) -> None:
    async with house() as here, real_room(here, tmp_path) as link:
        trunk = here.trunk()
        here.board.verdict = Place("real-1")
        invite = request(
            "INVITE", f"sip:12345@{OUTER}", trunk, source="sip:13800138000@carrier",
            extra="Content-Type: application/sdp\r\n", body=SDP,
        )  # fmt: skip
        trunk.send(invite)
        incoming = await link.hear(messages.Incoming)
        assert incoming.leg == here.board.calls[0].leg
        link.tell(messages.Answer(leg=incoming.leg, code=200))
        answer = await trunk.response(200)
        trunk.send(in_dialog("ACK", answer, invite, trunk, cseq=1))
        established = await link.hear(messages.Established)
        assert established.dialog.call_id == invite.call_id
        link.tell(messages.HangUp(leg=incoming.leg))
        bye = await trunk.request("BYE")
        trunk.send(reply(bye, 200))
        await link.hear(messages.Ended)
        assert "127.0.0.1" not in outside_sees(trunk)
        assert here.door.counts["error"] == 0


@pytest_twisted.ensureDeferred
async def test_a_real_room_killed_in_a_call_is_ended_at_both_ends(tmp_path: Path) -> None:
    async with house() as here:
        async with real_room(here, tmp_path) as link:
            trunk, phone = here.trunk(), await here.tcp("seats")
            await register(phone)
            here.board.verdict = Place("real-1")
            invite = request(
                "INVITE", f"sip:12345@{OUTER}", trunk, source="sip:13800138000@carrier",
                extra="Content-Type: application/sdp\r\n", body=SDP,
            )  # fmt: skip
            trunk.send(invite)
            leg = (await link.hear(messages.Incoming)).leg
            link.tell(messages.Answer(leg=leg))
            trunk.send(in_dialog("ACK", await trunk.response(200), invite, trunk, cseq=1))
            caller = await link.hear(messages.Established)
            link.tell(messages.Dial(leg="out", uri="sip:8001@seats.hotline.invalid", caller="13800138000"))
            seen = await phone.request("INVITE")
            contact = f"<sip:me@127.0.0.1:{phone.port};transport=tcp>"
            phone.send(reply(seen, 180, contact=contact))
            await link.hear(messages.Progress, lambda event: event.code == 180)
            typed = "Content-Type: application/sdp\r\n"
            phone.send(reply(seen, 200, contact=contact, body=SDP, extra=typed))
            await phone.request("ACK")
            seat = await link.hear(messages.Established)
        assert here.door.room_died("real-1") == []
        for dialog in (caller.dialog, seat.dialog):
            here.door.end_dialog(dialog)
        bye = await trunk.request("BYE")
        assert (bye.call_id, bye.to_tag) == (invite.call_id, invite.from_tag)
        trunk.send(reply(bye, 200))
        bye = await phone.request("BYE")
        assert (bye.call_id, bye.to_tag, bye.from_tag) == (seen.call_id, "peer", seen.from_tag)
        phone.send(reply(bye, 200))
        assert "127.0.0.1" not in outside_sees(trunk, phone)
