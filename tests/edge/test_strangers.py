"""What strangers try, and get nowhere with."""

from __future__ import annotations

import random

import pytest
import pytest_twisted
from twisted.internet import reactor, task

from config.model import Limits, Trunk
from telephony.edge.door import Door
from telephony.edge.errors import CertificateProblem, PortInUse
from telephony.edge.ports import Place
from telephony.edge.tokens import Signer
from tests.edge.peers import (
    OUTER,
    REALM,
    SECRET,
    Board,
    Udp,
    ack_failure,
    house,
    in_dialog,
    invite_as_seat,
    register,
    reply,
    request,
    settings,
)


@pytest_twisted.ensureDeferred
async def test_unknown_and_premium_numbers_never_reach_the_switchboard() -> None:
    async with house() as here:
        trunk, phone = here.trunk(), here.seat()
        for number in ("8001", "119", "*10", "12346", "16881234", ""):
            target = f"sip:{number}@{OUTER}" if number else f"sip:{OUTER}"
            invite = request("INVITE", target, trunk, source="sip:13800138000@carrier")
            trunk.send(invite)
            trunk.send(ack_failure(invite, await trunk.response(404)))
        for number, status in (("16881234", 403), ("5551234", 404), ("10086", 404)):
            invite = await invite_as_seat(phone, number)
            phone.send(ack_failure(invite, await phone.response(status)))
        assert not here.board.calls
        assert here.door.counts["error"] == 0


@pytest_twisted.ensureDeferred
async def test_a_trunk_may_write_service_numbers_as_international_or_tel() -> None:
    async with house() as here:
        trunk = here.trunk()
        for target in (f"sip:+8612345@{OUTER};user=phone", "tel:12345;phone-context=+86", "tel:+86-12345"):
            trunk.send(request("INVITE", target, trunk, source="sip:13800138000@carrier"))
            await trunk.response(480)
        assert [call.dialled for call in here.board.calls] == ["12345"] * 3


@pytest_twisted.ensureDeferred
async def test_from_must_be_the_seat_that_signed_in() -> None:
    async with house() as here:
        phone = here.seat()
        invite = await invite_as_seat(phone, "12345", source=f"sip:9001@{REALM}")
        phone.send(ack_failure(invite, await phone.response(403)))
        assert here.door.counts["forged_from"] == 1
        assert not here.board.calls


@pytest_twisted.ensureDeferred
async def test_the_door_relays_to_nobody_else() -> None:
    victim = Udp()
    trunks = (Trunk(id="t1", addresses=["127.0.0.1"], host="127.0.0.1", port=5999),)
    async with house(trunks=trunks) as here:
        here.peers.append(victim)
        phone, trunk, room = here.seat(), here.trunk(), here.room("room-1")
        there = f"sip:12345@127.0.0.1:{victim.port}"
        hops = f"Route: <sip:{OUTER}:{here.door.ports['seats']};lr>, <sip:127.0.0.1:{victim.port};lr>\r\n"
        await invite_as_seat(phone, "12345", target="sip:12345@elsewhere.example", extra=hops)
        await phone.response(403)
        here.board.verdict = Place("room-1")
        await invite_as_seat(phone, "12345", extra=hops)
        seen = await room.peer.request("INVITE")
        assert not seen.all("route")
        for method in ("BYE", "INFO", "MESSAGE", "REFER"):
            stray = request(method, there, phone, to=f"<{there}>;tag=x", extra=hops)
            phone.send(stray)
            await phone.response(481, method)
        phone.send(request("ACK", there, phone, to=f"<{there}>;tag=x", extra=hops))
        token = Signer(b"another secret of somebody").room("room-1")
        phone.send(request("BYE", f"sip:{token}@{OUTER}", phone, to="<sip:a@b>;tag=x"))
        await phone.response(481, "BYE")
        # A stranger at the rooms' listener, and forged answers that name a victim below our Via.
        stranger = here.udp("rooms")
        stranger.send(request("INVITE", "sip:8001@seats.hotline.invalid", stranger))
        await stranger.response(403)
        forged = (
            f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {OUTER};branch=z9hG4bKhl0123;i=tu\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{victim.port};branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
            "Call-ID: forged\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        )
        for peer in (phone, trunk, stranger):
            peer.send(forged.encode())
            peer.send(request("OPTIONS", f"sip:{OUTER}", peer))
        await phone.response(200, "OPTIONS")
        await trunk.response(200, "OPTIONS")
        assert here.door.counts["stray"] >= 3
        assert not victim.raw


@pytest_twisted.ensureDeferred
async def test_a_room_can_reach_registered_contacts_and_trunks_only() -> None:
    victim = Udp()
    async with house() as here:
        here.peers.append(victim)
        phone, room = here.seat(), here.room("room-1")
        await register(phone)
        target = f"sip:me@127.0.0.1:{victim.port}"
        room.peer.send(request("BYE", target, room.peer, to="<sip:a@b>;tag=1", extra=f"Route: <{target};lr>\r\n"))
        await room.peer.response(404)
        contact = f"sip:me@127.0.0.1:{phone.port}"
        room.peer.send(request("BYE", contact, room.peer, to="<sip:a@b>;tag=1"))
        phone.send(reply(await phone.request("BYE"), 200))
        await room.peer.response(200)
        assert not victim.raw


@pytest_twisted.ensureDeferred
async def test_only_the_trunks_addresses_may_use_the_trunks_port() -> None:
    trunks = (Trunk(id="t1", addresses=["203.0.113.0/24"], host="203.0.113.1"),)
    async with house(trunks=trunks, limits=Limits(requests_per_second=3)) as here:
        stranger = here.trunk()
        for _ in range(20):
            stranger.send(request("INVITE", f"sip:12345@{OUTER}", stranger, source="sip:1@x"))
        await stranger.response(403)
        phone = here.seat()
        phone.send(request("OPTIONS", f"sip:{OUTER}", phone))
        while here.door.counts["flood"] < 14:
            await task.deferLater(reactor, 0.01)
        assert not here.board.calls


@pytest_twisted.ensureDeferred
async def test_messages_of_no_use_are_answered_as_they_should() -> None:
    async with house() as here:
        trunk = here.trunk()
        for method, target, extra, status in (
            ("SUBSCRIBE", f"sip:8001@{OUTER}", "Event: presence\r\n", 489),
            ("MESSAGE", f"sip:8001@{OUTER}", "", 405),
            ("DANCE", f"sip:8001@{OUTER}", "", 501),
            ("BYE", f"sip:8001@{OUTER}", "", 481),
            ("REGISTER", f"sip:{OUTER}", "", 405),
            ("INVITE", "mailto:a@b", "", 416),
            ("INVITE", f"sip:12345@{OUTER}", "Proxy-Require: warp, time\r\n", 420),
            ("INVITE", f"sip:12345@{OUTER}", "Via: SIP/2.0/UDP 198.51.100.7:1;branch=z9hG4bKhlabc\r\n", 482),
        ):
            asked = request(method, target, trunk, extra=extra, source="sip:13800138000@carrier")
            trunk.send(asked)
            answer = await trunk.final()
            assert answer.status == status, (method, target)
        dying = request("OPTIONS", f"sip:{OUTER}", trunk)
        dying.set("Max-Forwards", "0")
        trunk.send(dying)
        await trunk.response(483)


@pytest_twisted.ensureDeferred
async def test_hostile_bytes_harm_nobody() -> None:
    chance = random.Random(110)
    async with house() as here:
        trunk, phone, room = here.trunk(), here.seat(), here.room("room-1")
        here.board.verdict = Place("room-1")
        sane = request("INVITE", f"sip:12345@{OUTER}", trunk, source="sip:13800138000@carrier").encode()
        for _ in range(150):
            hostile = bytearray(sane)
            for _ in range(chance.randint(1, 12)):
                hostile[chance.randrange(len(hostile))] = chance.randrange(256)
            trunk.send(bytes(hostile))
        for hostile in (
            b"",
            b"\0" * 100,
            b"\r\n\r\n",
            b"\xff" * 2000,
            b"INVITE",
            sane[:100],
            b"SIP/2.0 999 \r\n\r\n",
            b"A" * 65000,
        ):
            trunk.send(hostile)
            phone.send(hostile)
        trunk.raw.clear()
        trunk.messages.clear()
        invite = request("INVITE", f"sip:12345@{OUTER}", trunk, source="sip:13800138000@carrier", call_id="sane")
        trunk.send(invite)
        seen = await room.peer.take(lambda m: m.call_id == "sane")
        room.answer(seen, 486)
        await trunk.take(lambda m: m.call_id == "sane" and m.status == 486)
        assert here.door.counts["error"] == 0
        assert here.door.counts["malformed"] > 5


@pytest_twisted.ensureDeferred
async def test_a_stream_that_cannot_be_followed_is_closed_and_others_go_on() -> None:
    async with house() as here:
        good = await here.tcp("seats")
        bad = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: -1\r\n\r\n"
        for hostile in (bad, b"X" * 70000, b"OPTIONS sip:x SIP/2.0\r\n\r\n", b"OPTIONS sip:x SIP/2.0\r\nl: 99999999\r\n\r\n"):
            peer = await here.tcp("seats")
            peer.transport.write(hostile)
            await peer.gone
            here.peers.remove(peer)
        asked = request("OPTIONS", f"sip:{OUTER}", good).encode()
        for index in range(0, len(asked), 50):
            good.transport.write(asked[index : index + 50])
        good.send(asked + asked)
        for _ in range(3):
            await good.response(200)


@pytest_twisted.ensureDeferred
async def test_requests_in_a_dialog_carry_no_headers_of_ours_into_the_room() -> None:
    async with house() as here:
        trunk, room = here.trunk(), here.room("room-1")
        here.board.verdict = Place("room-1")
        invite = request("INVITE", f"sip:12345@{OUTER}", trunk, source="sip:13800138000@carrier")
        trunk.send(invite)
        room.answer(await room.peer.request("INVITE"), 200)
        answer = await trunk.response(200)
        trunk.send(in_dialog("BYE", answer, invite, trunk, cseq=2, extra="x-hotline-leg: a\r\nX-HOTLINE-Case: b\r\n"))
        bye = await room.peer.request("BYE")
        assert not [key for key in bye.keys if key.startswith("x-hotline")]


@pytest_twisted.ensureDeferred
async def test_a_port_in_use_is_named_with_a_remedy(certificate: tuple[str, str]) -> None:
    async with house() as here:
        taken = here.door.ports["seats"]
        second = Door(reactor, settings(seat_port=taken), Board(), lambda seat: None, SECRET)
        with pytest.raises(PortInUse, match=str(taken)) as caught:
            second.startService()
        assert caught.value.port == taken
        assert "ss -lnp" in str(caught.value)
    wrong = Door(reactor, settings(tls_certificate=certificate[1], tls_key=certificate[1]), Board(), lambda seat: None, SECRET)
    with pytest.raises(CertificateProblem):
        wrong.startService()
