"""A room dies: what the door does for those who were in it, or about to be."""

from __future__ import annotations

import pytest_twisted
from twisted.internet import task

from telephony.edge import message as sip
from telephony.edge import uri
from telephony.edge.ports import Orphan, Place
from telephony.ipc.messages import Dialog
from tests.edge.peers import (
    OUTER,
    SDP,
    House,
    Room,
    Udp,
    ack_failure,
    follow_up,
    house,
    in_dialog,
    register,
    reply,
    request,
)


async def call_in(here: House, trunk: Udp, room: Room) -> tuple[sip.Message, sip.Message]:
    """An INVITE from the trunk, as sent and as the room saw it."""
    here.board.verdict = Place(room.name)
    invite = request("INVITE", f"sip:12345@{OUTER}", trunk, source="sip:13800138000@carrier", body=SDP)
    trunk.send(invite)
    return invite, await room.peer.request("INVITE")


@pytest_twisted.ensureDeferred
async def test_unanswered_caller_goes_on_in_another_room() -> None:
    async with house() as here:
        trunk, first, second = here.trunk(), here.room("room-1"), here.room("room-2")
        invite, seen = await call_in(here, trunk, first)
        leg = here.board.calls[0].leg
        first.answer(seen, 180)
        await trunk.response(180)
        assert not here.door.replace(leg, "room-2"), "its room lives"
        assert here.door.room_died("room-1") == [Orphan(leg, "incoming")]
        assert here.door.replace(leg, "room-2")
        again = await second.peer.request("INVITE")
        assert again.get("x-hotline-leg") == leg
        assert again.body == SDP
        assert again.top_via().branch != seen.top_via().branch  # type: ignore[union-attr]
        second.answer(again, 200, SDP)
        answer = await trunk.response(200)
        assert answer.to_tag == second.tag
        trunk.send(in_dialog("ACK", answer, invite, trunk, cseq=1))
        await second.peer.request("ACK")
        assert not here.door.replace(leg, "room-2")


@pytest_twisted.ensureDeferred
async def test_cancel_after_a_replacement_reaches_the_new_room() -> None:
    async with house() as here:
        trunk, first, second = here.trunk(), here.room("room-1"), here.room("room-2")
        invite, _ = await call_in(here, trunk, first)
        leg = here.board.calls[0].leg
        here.door.room_died("room-1")
        here.door.replace(leg, "room-2")
        again = await second.peer.request("INVITE")
        trunk.send(follow_up(invite, "CANCEL"))
        cancel = await second.peer.request("CANCEL")
        assert cancel.top_via().branch == again.top_via().branch  # type: ignore[union-attr]
        second.answer(cancel, 200)
        await trunk.response(200, "CANCEL")
        second.answer(again, 487)
        answer = await trunk.response(487)
        trunk.send(ack_failure(invite, answer))
        ack = await second.peer.request("ACK")
        assert ack.top_via().branch == again.top_via().branch  # type: ignore[union-attr]


@pytest_twisted.ensureDeferred
async def test_a_caller_who_gave_up_between_rooms_is_not_replaced() -> None:
    async with house() as here:
        trunk, room = here.trunk(), here.room("room-1")
        here.room("room-2")
        invite, _ = await call_in(here, trunk, room)
        leg = here.board.calls[0].leg
        here.door.room_died("room-1")
        trunk.send(follow_up(invite, "CANCEL"))
        await trunk.response(200, "CANCEL")
        trunk.send(ack_failure(invite, await trunk.response(487)))
        assert here.board.events == [("abandoned", leg)]
        assert not here.door.replace(leg, "room-2")


@pytest_twisted.ensureDeferred
async def test_an_orphan_that_nobody_takes_is_refused_in_the_end() -> None:
    clock = task.Clock()
    async with house(clock) as here:
        trunk, room = here.trunk(), here.room("room-1")
        await call_in(here, trunk, room)
        here.door.room_died("room-1")
        clock.pump([1.0] * 34)
        await trunk.response(503)


@pytest_twisted.ensureDeferred
async def test_dialog_is_ended_in_the_dead_rooms_name_and_repeated_until_answered() -> None:
    clock = task.Clock()
    async with house(clock) as here:
        trunk, room = here.trunk(), here.room("room-1")
        invite, seen = await call_in(here, trunk, room)
        room.answer(seen, 200, SDP)
        answer = await trunk.response(200)
        trunk.send(in_dialog("ACK", answer, invite, trunk, cseq=1))
        await room.peer.request("ACK")
        assert here.door.room_died("room-1") == []
        contact = uri.address(seen.get("contact") or "")
        assert contact
        here.door.end_dialog(
            Dialog(
                call_id=seen.call_id,
                local_tag=room.tag,
                remote_tag=seen.from_tag,
                local_uri=f"sip:12345@{OUTER}",
                remote_uri="sip:13800138000@carrier",
                cseq=7,
                routes=tuple(seen.values("record-route")),
                target=contact.uri,
            )
        )
        bye = await trunk.request("BYE")
        assert (bye.cseq, bye.to_tag, bye.from_tag) == (1007, seen.from_tag, room.tag)
        assert "127.0.0.1" not in (bye.get("via") or "")
        assert not bye.all("route")
        clock.advance(0.5)
        again = await trunk.request("BYE")
        trunk.send(reply(again, 200))
        trunk.send(request("OPTIONS", f"sip:{OUTER}", trunk))
        await trunk.response(200)
        clock.pump([1.0] * 40)
        trunk.send(request("OPTIONS", f"sip:{OUTER}", trunk))
        await trunk.response(200)
        assert not [m for m in trunk.messages if m.method == "BYE"]
        late = in_dialog("INFO", answer, invite, trunk, cseq=3)
        trunk.send(late)
        await trunk.response(481)


@pytest_twisted.ensureDeferred
async def test_an_answer_that_no_ack_confirmed_is_ended_by_the_door_itself() -> None:
    async with house() as here:
        trunk, room = here.trunk(), here.room("room-1")
        _, seen = await call_in(here, trunk, room)
        room.answer(seen, 200, SDP)
        await trunk.response(200)
        assert here.door.room_died("room-1") == []
        bye = await trunk.request("BYE")
        assert (bye.call_id, bye.from_tag, bye.to_tag) == (seen.call_id, room.tag, seen.from_tag)
        assert bye.uri == f"sip:me@127.0.0.1:{trunk.port}"
        trunk.send(reply(bye, 200))


@pytest_twisted.ensureDeferred
async def test_a_ringing_seat_stops_ringing() -> None:
    async with house() as here:
        phone, room = here.seat(), here.room("room-1")
        await register(phone)
        room.peer.send(room.invite("sip:8001@seats.hotline.invalid", leg="leg-9"))
        seen = await phone.request("INVITE")
        phone.send(reply(seen, 180))
        await room.peer.response(180)
        assert here.door.room_died("room-1") == [Orphan("leg-9", "outgoing")]
        cancel = await phone.request("CANCEL")
        assert cancel.top_via().branch == seen.top_via().branch  # type: ignore[union-attr]
        assert (cancel.uri, cancel.cseq) == (seen.uri, seen.cseq)
        phone.send(reply(cancel, 200))
        phone.send(reply(seen, 487))
        ack = await phone.request("ACK")
        assert ack.top_via().branch == seen.top_via().branch  # type: ignore[union-attr]
        assert ack.to_tag == "peer"


@pytest_twisted.ensureDeferred
async def test_a_seat_that_has_not_rung_yet_is_cancelled_when_it_does() -> None:
    async with house() as here:
        phone, room = here.seat(), here.room("room-1")
        await register(phone)
        room.peer.send(room.invite("sip:8001@seats.hotline.invalid"))
        seen = await phone.request("INVITE")
        assert len(here.door.room_died("room-1")) == 1
        phone.send(request("OPTIONS", f"sip:{OUTER}", phone))
        await phone.response(200)
        assert not [m for m in phone.messages if m.method == "CANCEL"]
        phone.send(reply(seen, 180))
        await phone.request("CANCEL")


@pytest_twisted.ensureDeferred
async def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_ended() -> None:
    async with house() as here:
        phone, room = here.seat(), here.room("room-1")
        await register(phone)
        room.peer.send(room.invite("sip:8001@seats.hotline.invalid"))
        seen = await phone.request("INVITE")
        phone.send(reply(seen, 180))
        await room.peer.response(180)
        here.door.room_died("room-1")
        answer = reply(seen, 200, contact=f"<sip:me@127.0.0.1:{phone.port}>", body=SDP)
        phone.send(answer)
        ack = await phone.request("ACK")
        assert ack.cseq == seen.cseq
        bye = await phone.request("BYE")
        assert (bye.cseq, bye.to_tag) == (seen.cseq + 1, "peer")
        phone.send(answer)
        await phone.request("ACK")
        phone.send(reply(bye, 200))


@pytest_twisted.ensureDeferred
async def test_a_seat_that_answered_but_was_not_acknowledged_is_ended() -> None:
    async with house() as here:
        phone, room = here.seat(), here.room("room-1")
        await register(phone)
        room.peer.send(room.invite("sip:8001@seats.hotline.invalid"))
        seen = await phone.request("INVITE")
        phone.send(reply(seen, 200, contact=f"<sip:me@127.0.0.1:{phone.port}>", body=SDP))
        await room.peer.response(200)
        assert here.door.room_died("room-1") == []
        await phone.request("ACK")
        await phone.request("BYE")


@pytest_twisted.ensureDeferred
async def test_other_rooms_calls_notice_nothing() -> None:
    async with house() as here:
        trunk, dying, living = here.trunk(), here.room("room-1"), here.room("room-2")
        await call_in(here, trunk, dying)
        invite, seen = await call_in(here, trunk, living)
        here.door.room_died("room-1")
        living.answer(seen, 200, SDP)
        answer = await trunk.response(200)
        trunk.send(in_dialog("ACK", answer, invite, trunk, cseq=1))
        await living.peer.request("ACK")


@pytest_twisted.ensureDeferred
async def test_dialogs_survive_a_restart_of_the_door() -> None:
    async with house() as before:
        trunk, room = before.trunk(), before.room("room-1")
        invite, seen = await call_in(before, trunk, room)
        room.answer(seen, 200, SDP)
        answer = await trunk.response(200)
        ports = dict(before.door.ports)
    async with house(seat_port=ports["seats"], trunk_port=ports["trunks"], rooms_port=ports["rooms"]) as after:
        trunk2 = after.trunk()
        room2 = after.room("room-1")
        trunk2.send(in_dialog("BYE", answer, invite, trunk2, cseq=2))
        bye = await room2.peer.request("BYE")
        room2.answer(bye, 200)
        await trunk2.response(200, "BYE")
