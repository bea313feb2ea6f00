"""Calls through the door, on real sockets, with scripted phones, trunks and rooms."""

from __future__ import annotations

import pytest_twisted
from twisted.internet import defer

from config.model import Trunk
from telephony.edge import message as sip
from telephony.edge import uri
from telephony.edge.ports import Place, Refuse
from tests.edge.peers import (
    OUTER,
    SDP,
    Udp,
    ack_failure,
    follow_up,
    from_callee,
    house,
    in_dialog,
    invite_as_seat,
    outside_sees,
    register,
    reply,
    request,
)


@pytest_twisted.ensureDeferred
async def test_call_from_trunk_reaches_its_room_and_ends() -> None:
    async with house() as here:
        trunk, room = here.trunk(), here.room("room-1")
        here.board.verdict = Place("room-1")
        invite = request(
            "INVITE", f"sip:12345@{OUTER}", trunk, source="sip:+8613800138000@carrier", body=SDP,
            extra="X-Hotline-Leg: forged\r\nX-Hotline-Case: forged\r\nX-Other: 城管\r\n",
        )  # fmt: skip
        trunk.send(invite)
        await trunk.response(100)
        seen = await room.peer.request("INVITE")
        (call,) = here.board.calls
        assert (call.origin.kind, call.origin.id, call.origin.transport) == ("trunk", "t1", "udp")
        assert (call.caller.number, call.dialled) == ("13800138000", "12345")
        assert seen.all("x-hotline-leg") == [call.leg]
        assert not seen.all("x-hotline-case")
        assert seen.get("x-other") == "城管"
        assert seen.body == SDP
        assert seen.get("max-forwards") == "69"
        inner, outer = seen.values("record-route")
        assert "127.0.0.1" in inner
        assert OUTER in outer

        room.answer(seen, 180)
        await trunk.response(180)
        room.answer(seen, 200, SDP)
        answer = await trunk.response(200, "INVITE")
        contact = uri.address(answer.get("contact") or "")
        assert contact and contact.uri == f"sip:{here.door.room_token('room-1')}@{OUTER}:{here.door.ports['trunks']}"
        assert len(answer.values("via")) == 1
        trunk.send(in_dialog("ACK", answer, invite, trunk, cseq=1))
        await room.peer.request("ACK")

        trunk.send(in_dialog("INFO", answer, invite, trunk, cseq=2, extra="X-Hotline-Call: forged\r\n"))
        info = await room.peer.request("INFO")
        assert not info.all("x-hotline-call")
        room.answer(info, 200)
        await trunk.response(200, "INFO")

        room.peer.send(from_callee("BYE", seen, room.tag, room.peer))
        bye = await trunk.request("BYE")
        assert not bye.all("route")
        trunk.send(reply(bye, 200))
        await room.peer.response(200, "BYE")
        assert "127.0.0.1" not in outside_sees(trunk)


@pytest_twisted.ensureDeferred
async def test_room_calls_registered_seat_and_either_side_can_end() -> None:
    async with house() as here:
        phone, room = here.seat(), here.room("r.1")
        assert (await register(phone)).status == 200
        assert here.board.events == [("registered", "8001", "127.0.0.1")]
        assert here.door.is_registered("8001")
        invite = room.invite(
            "sip:8001@seats.hotline.invalid", extra="X-Hotline-Call: c1\r\nX-Hotline-Kind: direct\r\nX-Hotline-Odd: x\r\n"
        )
        room.peer.send(invite)
        seen = await phone.request("INVITE")
        assert seen.uri == f"sip:me@127.0.0.1:{phone.port}"
        assert (seen.get("x-hotline-call"), seen.get("x-hotline-kind")) == ("c1", "direct")
        assert not seen.all("x-hotline-leg")
        assert not seen.all("x-hotline-odd")
        assert not seen.all("route")
        phone.send(reply(seen, 180, contact=f"<sip:me@127.0.0.1:{phone.port}>"))
        await room.peer.response(180)
        phone.send(reply(seen, 200, contact=f"<sip:me@127.0.0.1:{phone.port}>", body=SDP))
        answer = await room.peer.response(200, "INVITE")
        assert branch(answer) == branch(invite)
        assert [OUTER in value for value in answer.values("record-route")] == [True, False]
        room.peer.send(in_dialog("ACK", answer, invite, room.peer, cseq=1))
        await phone.request("ACK")
        room.peer.send(in_dialog("NOTIFY", answer, invite, room.peer, cseq=2, extra="Event: refer\r\n"))
        notify = await phone.request("NOTIFY")
        phone.send(reply(notify, 200))
        await room.peer.response(200, "NOTIFY")
        phone.send(from_callee("BYE", seen, "peer", phone))
        bye = await room.peer.request("BYE")
        room.answer(bye, 200)
        await phone.response(200, "BYE")
        assert "127.0.0.1" not in outside_sees(phone)


@pytest_twisted.ensureDeferred
async def test_seat_without_a_phone_is_480_at_once_and_strange_targets_404() -> None:
    async with house() as here:
        room = here.room("room-1")
        for target, status in (
            ("sip:8001@seats.hotline.invalid", 480),
            ("sip:7777@seats.hotline.invalid", 404),
            ("sip:119@nowhere.trunks.hotline.invalid", 404),
            ("sip:victim@203.0.113.9", 404),
        ):
            invite = room.invite(target)
            room.peer.send(invite)
            answer = await room.peer.final()
            assert answer.status == status, target
            room.peer.send(ack_failure(invite, answer))


@pytest_twisted.ensureDeferred
@pytest_twisted.ensureDeferred
async def test_room_calls_through_a_trunk_without_own_headers() -> None:
    carrier = Udp()
    trunks = (Trunk(id="T-1", addresses=["127.0.0.1"], host="127.0.0.1", port=carrier.port),)
    async with house(trunks=trunks) as here:
        here.peers.append(carrier)
        carrier.to = ("127.0.0.1", here.door.ports["trunks"])
        room = here.room("room-1")
        invite = room.invite("sip:119@T-1.trunks.hotline.invalid", extra="X-Hotline-Call: secret\r\n")
        room.peer.send(invite)
        seen = await carrier.request("INVITE")
        assert seen.uri == f"sip:119@127.0.0.1:{carrier.port}"
        assert not [key for key in seen.keys if key.startswith("x-hotline")]
        carrier.send(reply(seen, 200, contact=f"<sip:119@127.0.0.1:{carrier.port}>", body=SDP))
        answer = await room.peer.response(200)
        room.peer.send(in_dialog("ACK", answer, invite, room.peer, cseq=1))
        await carrier.request("ACK")
        room.peer.send(in_dialog("BYE", answer, invite, room.peer, cseq=2))
        bye = await carrier.request("BYE")
        carrier.send(reply(bye, 200))
        await room.peer.response(200, "BYE")
        assert "127.0.0.1" not in outside_sees(carrier)


@pytest_twisted.ensureDeferred
async def test_a_trunk_by_tcp_that_is_down_is_a_503() -> None:
    gone = Udp()
    trunks = (Trunk(id="t1", addresses=["127.0.0.1"], host="127.0.0.1", port=gone.port, transport="tcp"),)
    await gone.close()
    async with house(trunks=trunks) as here:
        room = here.room("room-1")
        invite = room.invite("sip:119@t1.trunks.hotline.invalid")
        room.peer.send(invite)
        answer = await room.peer.response(503)
        room.peer.send(ack_failure(invite, answer))
        assert here.door.counts["trunk_down"] == 1


@pytest_twisted.ensureDeferred
async def test_refusal_is_repeated_until_its_ack_and_then_no_more() -> None:
    async with house() as here:
        trunk = here.trunk()
        here.board.verdict = Refuse(486, "All busy", (("Retry-After", "5"),))
        invite = request("INVITE", f"sip:110@{OUTER}", trunk, source="sip:13800138000@carrier")
        trunk.send(invite)
        first = await trunk.response(486)
        assert (first.reason, first.get("retry-after")) == ("All busy", "5")
        second = await trunk.response(486)
        assert second.to_tag == first.to_tag
        trunk.send(ack_failure(invite, first))
        trunk.send(request("OPTIONS", f"sip:{OUTER}", trunk))
        await trunk.response(200, "OPTIONS")
        assert not here.door._finals._answers
        assert here.door.counts["error"] == 0


@pytest_twisted.ensureDeferred
async def test_room_failure_ack_reaches_the_room_with_the_same_branch() -> None:
    async with house() as here:
        trunk, room = here.trunk(), here.room("room-1")
        here.board.verdict = Place("room-1")
        invite = request("INVITE", f"sip:12345@{OUTER}", trunk, source="sip:13800138000@carrier")
        trunk.send(invite)
        seen = await room.peer.request("INVITE")
        trunk.send(invite)
        again = await room.peer.request("INVITE")
        assert branch(again) == branch(seen)
        assert len(here.board.calls) == 1
        room.answer(seen, 486)
        answer = await trunk.response(486)
        trunk.send(ack_failure(invite, answer))
        assert branch(await room.peer.request("ACK")) == branch(seen)


@pytest_twisted.ensureDeferred
async def test_cancel_while_the_switchboard_thinks() -> None:
    async with house() as here:
        trunk, room = here.trunk(), here.room("room-1")
        thinking: defer.Deferred[Place] = defer.Deferred()
        here.board.verdict = thinking
        invite = request("INVITE", f"sip:12345@{OUTER}", trunk, source="sip:13800138000@carrier")
        trunk.send(invite)
        await trunk.response(100)
        trunk.send(invite)
        await trunk.response(100)
        trunk.send(follow_up(invite, "CANCEL"))
        await trunk.response(200, "CANCEL")
        answer = await trunk.response(487)
        trunk.send(ack_failure(invite, answer))
        assert here.board.events == [("abandoned", here.board.calls[0].leg)]
        thinking.callback(Place("room-1"))
        trunk.send(request("OPTIONS", f"sip:{OUTER}", trunk))
        await trunk.response(200, "OPTIONS")
        assert not room.peer.raw


@pytest_twisted.ensureDeferred
async def test_cancel_after_placing_goes_to_the_room() -> None:
    async with house() as here:
        trunk, room = here.trunk(), here.room("room-1")
        here.board.verdict = Place("room-1")
        invite = request("INVITE", f"sip:12345@{OUTER}", trunk, source="sip:13800138000@carrier")
        trunk.send(invite)
        seen = await room.peer.request("INVITE")
        trunk.send(follow_up(invite, "CANCEL"))
        cancel = await room.peer.request("CANCEL")
        assert branch(cancel) == branch(seen)
        room.answer(cancel, 200)
        await trunk.response(200, "CANCEL")
        room.answer(seen, 487)
        answer = await trunk.response(487, "INVITE")
        trunk.send(ack_failure(invite, answer))
        await room.peer.request("ACK")
        trunk.send(follow_up(request("INVITE", f"sip:12345@{OUTER}", trunk), "CANCEL"))
        await trunk.response(481, "CANCEL")


@pytest_twisted.ensureDeferred
async def test_room_cancels_a_ringing_seat() -> None:
    async with house() as here:
        phone, room = here.seat(), here.room("room-1")
        await register(phone)
        invite = room.invite("sip:8001@seats.hotline.invalid")
        room.peer.send(invite)
        seen = await phone.request("INVITE")
        phone.send(reply(seen, 180))
        await room.peer.response(180)
        room.peer.send(follow_up(invite, "CANCEL"))
        cancel = await phone.request("CANCEL")
        assert cancel.uri == seen.uri
        assert branch(cancel) == branch(seen)
        phone.send(reply(cancel, 200))
        await room.peer.response(200, "CANCEL")
        phone.send(reply(seen, 487))
        answer = await room.peer.response(487)
        room.peer.send(ack_failure(invite, answer))
        assert branch(await phone.request("ACK")) == branch(seen)
        assert "127.0.0.1" not in outside_sees(phone)


@pytest_twisted.ensureDeferred
async def test_seat_calls_and_is_challenged_and_the_credentials_stay_outside() -> None:
    async with house() as here:
        phone, room = here.seat(), here.room("room-1")
        here.board.verdict = Place("room-1")
        await invite_as_seat(phone, "*218001", extra=f"Route: <sip:{OUTER}:{here.door.ports['seats']};lr>\r\n")
        seen = await room.peer.request("INVITE")
        (call,) = here.board.calls
        assert (call.origin.kind, call.origin.id, call.caller.number) == ("seat", "8001", "8001")
        assert call.dialled == "*218001"
        assert not seen.all("proxy-authorization")
        assert not seen.all("route")


@pytest_twisted.ensureDeferred
async def test_switchboard_failure_is_a_500_and_an_unknown_room_a_503() -> None:
    async with house() as here:
        trunk = here.trunk()
        for verdict, status in ((RuntimeError("broken"), 500), (Place("never-opened"), 503)):
            here.board.verdict = verdict
            invite = request("INVITE", f"sip:12345@{OUTER}", trunk, source="sip:13800138000@carrier")
            trunk.send(invite)
            trunk.send(ack_failure(invite, await trunk.response(status)))


@pytest_twisted.ensureDeferred
async def test_refer_is_answered_by_the_door_once_and_not_forwarded() -> None:
    async with house() as here:
        phone, room = here.seat(), here.room("room-1")
        await register(phone)
        here.board.verdict = Place("room-1")
        invite = await invite_as_seat(phone, "12345")
        seen = await room.peer.request("INVITE")
        room.answer(seen, 200, SDP)
        answer = await phone.response(200, "INVITE")
        phone.send(in_dialog("ACK", answer, invite, phone, cseq=2))
        await room.peer.request("ACK")
        refer = in_dialog("REFER", answer, invite, phone, cseq=3, extra="Refer-To: sip:110@hotline.test;method=INVITE\r\n")
        phone.send(refer)
        accepted = await phone.response(202)
        assert accepted.to_tag == room.tag
        assert OUTER in (accepted.get("contact") or "")
        phone.send(refer)
        await phone.response(202)
        (asked,) = here.board.refers
        assert (asked.room, asked.origin_seat, asked.target, asked.replaces) == ("room-1", "8001", "110", False)
        attended = "Refer-To: <sip:8002@hotline.test?Replaces=abc%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n"
        phone.send(in_dialog("REFER", answer, invite, phone, cseq=4, extra=attended))
        await phone.response(202)
        assert (here.board.refers[1].target, here.board.refers[1].replaces) == ("8002", True)
        here.board.refer_status = 403
        stranger = here.seat()
        stranger.send(in_dialog("REFER", answer, invite, stranger, cseq=5, extra="Refer-To: <sip:110@hotline.test>\r\n"))
        await stranger.response(403)
        assert here.board.refers[2].origin_seat is None
        assert not [m for m in room.peer.messages if m.method == "REFER"]


@pytest_twisted.ensureDeferred
async def test_reinvite_and_its_failure_ack_stay_with_the_room() -> None:
    async with house() as here:
        trunk, room = here.trunk(), here.room("room-1")
        here.board.verdict = Place("room-1")
        invite = request("INVITE", f"sip:12345@{OUTER}", trunk, source="sip:13800138000@carrier", body=SDP)
        trunk.send(invite)
        seen = await room.peer.request("INVITE")
        room.answer(seen, 200, SDP)
        answer = await trunk.response(200)
        trunk.send(in_dialog("ACK", answer, invite, trunk, cseq=1))
        await room.peer.request("ACK")
        again = in_dialog("INVITE", answer, invite, trunk, cseq=2)
        trunk.send(again)
        asked = await room.peer.request("INVITE")
        assert not asked.all("x-hotline-leg")
        room.answer(asked, 488)
        refused = await trunk.response(488)
        trunk.send(ack_failure(again, refused))
        assert branch(await room.peer.request("ACK")) == branch(asked)
        assert len(here.board.calls) == 1


@pytest_twisted.ensureDeferred
async def test_answers_without_rport_go_to_the_port_in_via() -> None:
    async with house() as here:
        trunk, listening = here.trunk(), here.trunk()
        trunk.send(request("OPTIONS", f"sip:{OUTER}", listening, rport=False))
        await listening.response(200, "OPTIONS")
        assert not trunk.raw


def branch(message: sip.Message) -> str:
    via = message.top_via()
    assert via is not None
    return via.branch
