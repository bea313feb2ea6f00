"""The door against other implementations: calls by sipp, registrations and ringing by baresip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import defer, error, protocol, reactor, task

from telephony.edge import message as sip
from telephony.edge.ports import Place
from tests.edge.peers import PASSWORDS, SDP, House, Room, ack_failure, follow_up, house

_CALL = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="call">
  <send retrans="500"><![CDATA[
INVITE sip:12345@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:13800138000@[local_ip]:[local_port]>;tag=[pid]t[call_number]
To: <sip:12345@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:13800138000@[local_ip]:[local_port];transport=[transport]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
]]></send>
  <recv response="100"/>
  <recv response="180" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
[routes]
From: <sip:13800138000@[local_ip]:[local_port]>;tag=[pid]t[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Content-Length: 0

]]></send>
  <pause milliseconds="50"/>
  <send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
[routes]
From: <sip:13800138000@[local_ip]:[local_port]>;tag=[pid]t[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 2 BYE
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
"""


class _Child(protocol.ProcessProtocol):
    def __init__(self) -> None:
        self.output = b""
        self.ended: defer.Deferred[int] = defer.Deferred()

    def outReceived(self, data: bytes) -> None:
        self.output = (self.output + data)[-20000:]

    errReceived = outReceived

    def processEnded(self, reason: object) -> None:
        status = reason.value.exitCode  # type: ignore[attr-defined]
        self.ended.callback(-1 if status is None else status)


async def sipp(folder: Path, *arguments: str) -> None:
    """Run sipp to its end; it must report success."""
    child = _Child()
    process = reactor.spawnProcess(
        child, "sipp", ["sipp", "127.0.0.1:" + arguments[0], "-i", "127.0.0.1", "-nostdin", "-timeout", "40", *arguments[1:]],
        env=dict(os.environ, TERM="dumb"), path=str(folder),
    )  # fmt: skip
    child.ended.addTimeout(60, reactor)
    try:
        status = await child.ended
    except defer.TimeoutError:
        process.signalProcess("KILL")
        raise
    except error.ProcessExitedAlready:
        status = 0
    assert status == 0, child.output.decode(errors="replace")[-3000:]


def answering(here: House, name: str) -> Room:
    """A room that answers whatever comes."""
    room = here.room(name)

    def put(data: bytes) -> None:
        found = sip.parse(data)
        if found.is_request and found.method == "INVITE":
            room.answer(found, 180)
            room.answer(found, 200, SDP)
        elif found.is_request and found.method != "ACK":
            room.answer(found, 200)

    room.peer.put = put  # type: ignore[method-assign]
    return room


@pytest.mark.parametrize("transport", ["u1", "t1"])
@pytest_twisted.ensureDeferred
async def test_sipp_calls_through_the_trunk(tmp_path: Path, transport: str) -> None:
    async with house(advertise="127.0.0.1") as here:
        answering(here, "room-1")
        here.board.verdict = Place("room-1")
        scenario = tmp_path / "call.xml"
        scenario.write_text(_CALL)
        port = str(here.door.ports["trunks"])
        await sipp(tmp_path, port, "-sf", str(scenario), "-m", "40", "-r", "40", "-t", transport)
        assert len(here.board.calls) == 40
        assert not here.door.counts


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest_twisted.ensureDeferred
async def test_baresip_registers_rings_and_stops_ringing(tmp_path: Path, transport: str) -> None:
    async with house(advertise="127.0.0.1") as here:
        room = here.room("room-1")
        port = here.door.ports["seats"]
        (tmp_path / "config").write_text(
            "module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule_app account.so\nmodule_app menu.so\n"
            "module ausine.so\naudio_player ausine\naudio_source ausine\nsip_listen 127.0.0.1:0\n"
        )
        (tmp_path / "accounts").write_text(
            f"<sip:8001@127.0.0.1:{port};transport={transport}>;auth_user=8001;auth_pass={PASSWORDS['8001']};regint=60\n"
        )
        (tmp_path / "contacts").write_text("")
        child = _Child()
        process = reactor.spawnProcess(child, "baresip", ["baresip", "-f", str(tmp_path)], env=dict(os.environ, TERM="dumb"))
        try:
            for _ in range(250):
                if here.door.is_registered("8001"):
                    break
                await task.deferLater(reactor, 0.02)
            else:
                raise AssertionError(child.output.decode(errors="replace"))
            invite = room.invite("sip:8001@seats.hotline.invalid")
            room.peer.send(invite)
            await room.peer.response(180)
            room.peer.send(follow_up(invite, "CANCEL"))
            await room.peer.response(200, "CANCEL")
            room.peer.send(ack_failure(invite, await room.peer.response(487)))
            assert here.door.counts["wrong_secret"] == 0
        finally:
            process.signalProcess("TERM")
            await child.ended
