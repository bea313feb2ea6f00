"""Seats sign in: digest, expiry, Path, connections, and who is turned away."""

from __future__ import annotations

import pytest_twisted
from twisted.internet import reactor, task

from config.model import Limits
from tests.edge.peers import OUTER, PASSWORDS, REALM, credentials, house, in_dialog, invite_as_seat, register, reply, request


@pytest_twisted.ensureDeferred
async def test_challenge_offers_sha256_first_and_both_are_accepted() -> None:
    async with house() as here:
        phone = here.seat()
        target, source = f"sip:{REALM}", f"sip:8001@{REALM}"
        for nc, wanted in ((1, "SHA-256"), (2, "MD5")):
            first = request("REGISTER", target, phone, source=source, to=f"<{source}>")
            phone.send(first)
            challenges = (await phone.response(401)).all("www-authenticate")
            assert ["SHA-256" in value for value in challenges] == [True, False]
            chosen = next(value for value in challenges if f"algorithm={wanted}" in value)
            value = credentials(chosen, "REGISTER", target, "8001", PASSWORDS["8001"], nc)
            phone.send(request("REGISTER", target, phone, source=source, to=f"<{source}>",
                               extra=f"Authorization: {value}\r\n"))  # fmt: skip
            assert (await phone.final()).status == 200


@pytest_twisted.ensureDeferred
async def test_a_phone_that_stumbles_over_sha256_is_offered_md5_alone() -> None:
    async with house() as here:
        phone = here.seat()
        offered = []
        for extra in ("", "", "User-Agent: baresip v1.0.0 (x86_64/linux)\r\n"):
            source = f"sip:{8002 if extra else 8001}@{REALM}"
            phone.send(request("REGISTER", f"sip:{REALM}", phone, source=source, to=f"<{source}>", extra=extra))
            offered.append(len((await phone.response(401)).all("www-authenticate")))
        assert offered == [2, 1, 1]
        assert (await register(phone)).status == 200
        phone.send(request("INVITE", f"sip:12345@{REALM}", phone))
        assert len((await phone.response(407)).all("proxy-authenticate")) == 2


@pytest_twisted.ensureDeferred
async def test_registration_lasts_as_long_as_asked_and_ends() -> None:
    clock = task.Clock()
    async with house(clock) as here:
        phone = here.seat()
        answer = await register(phone, expires=60)
        assert answer.get("contact") == f"<sip:me@127.0.0.1:{phone.port}>;expires=60"
        clock.pump([1.0] * 59)
        assert here.door.is_registered("8001")
        clock.pump([1.0] * 2)
        assert not here.door.is_registered("8001")
        assert here.board.events[-1] == ("gone", "8001", "expired")
        await register(phone)
        assert (await register(phone, expires=0)).get("contact") is None
        assert here.board.events[-1] == ("gone", "8001", "unregistered")
        await register(phone)
        assert (await register(phone, contact="*", expires=0)).status == 200
        assert not here.door.is_registered("8001")
        assert (await register(phone, contact="*", expires=60)).status == 400


@pytest_twisted.ensureDeferred
async def test_expiry_below_the_least_is_423_and_above_the_most_is_cut() -> None:
    async with house(min_expires=60, max_expires=600) as here:
        phone = here.seat()
        brief = await register(phone, expires=10)
        assert (brief.status, brief.get("min-expires")) == (423, "60")
        assert "expires=600" in ((await register(phone, expires=90000)).get("contact") or "")


@pytest_twisted.ensureDeferred
async def test_the_newest_contact_is_rung_and_a_refresh_changes_nothing() -> None:
    async with house() as here:
        first, second, room = here.seat(), here.seat(), here.room("room-1")
        await register(first)
        await register(second)
        await register(first)
        registered = [event for event in here.board.events if event[0] == "registered"]
        assert len(registered) == 2
        room.peer.send(room.invite("sip:8001@seats.hotline.invalid"))
        seen = await second.request("INVITE")
        second.send(reply(seen, 486))
        await room.peer.response(486)
        await register(second, expires=0)
        assert here.door.is_registered("8001")
        room.peer.send(room.invite("sip:8001@seats.hotline.invalid"))
        await first.request("INVITE")


@pytest_twisted.ensureDeferred
async def test_path_is_kept_returned_and_used_as_route() -> None:
    async with house() as here:
        edge, room = here.seat(), here.room("room-1")
        answer = await register(
            edge, extra="Supported: path\r\nPath: <sip:edge.example;lr>\r\n", contact="<sip:8001@10.9.8.7:5071>"
        )
        assert answer.values("path") == ["<sip:edge.example;lr>"]
        invite = room.invite("sip:8001@seats.hotline.invalid")
        room.peer.send(invite)
        seen = await edge.request("INVITE")
        assert seen.values("route") == ["<sip:edge.example;lr>"]
        assert seen.uri == "sip:8001@10.9.8.7:5071"


@pytest_twisted.ensureDeferred
async def test_an_old_nonce_is_stale_and_the_phone_goes_on_with_the_new_one() -> None:
    clock = task.Clock()
    async with house(clock) as here:
        phone = here.seat()
        target, source = f"sip:{REALM}", f"sip:8001@{REALM}"
        phone.send(request("REGISTER", target, phone, source=source, to=f"<{source}>"))
        old = (await phone.response(401)).all("www-authenticate")[0]
        clock.pump([1.0] * 400)
        stale = credentials(old, "REGISTER", target, "8001", PASSWORDS["8001"])
        phone.send(request("REGISTER", target, phone, source=source, to=f"<{source}>", extra=f"Authorization: {stale}\r\n"))
        again = (await phone.response(401)).all("www-authenticate")[0]
        assert "stale=true" in again
        fresh = credentials(again, "REGISTER", target, "8001", PASSWORDS["8001"])
        phone.send(request("REGISTER", target, phone, source=source, to=f"<{source}>", extra=f"Authorization: {fresh}\r\n"))
        await phone.response(200)
        assert here.door.counts["wrong_secret"] == 0
    async with house() as restarted:
        phone = restarted.seat()
        known = credentials(again, "REGISTER", target, "8001", PASSWORDS["8001"], nc=2)
        phone.send(request("REGISTER", target, phone, source=source, to=f"<{source}>", extra=f"Authorization: {known}\r\n"))
        assert "stale=true" in (await phone.response(401)).all("www-authenticate")[0]


@pytest_twisted.ensureDeferred
async def test_recorded_credentials_are_worth_nothing() -> None:
    async with house() as here:
        phone, thief = here.seat(), here.seat()
        invite = await invite_as_seat(phone, "12345")
        value = invite.all("proxy-authorization")[0]
        await phone.response(480)
        thief.send(request("INVITE", invite.uri, thief, source=f"sip:8001@{REALM}", extra=f"Proxy-Authorization: {value}\r\n"))
        assert "stale=true" in (await thief.response(407)).all("proxy-authenticate")[0]
        other = f"sip:110@{REALM}"
        thief.send(request("INVITE", other, thief, source=f"sip:8001@{REALM}", extra=f"Proxy-Authorization: {value}\r\n"))
        await thief.response(403)
        assert len(here.board.calls) == 1


@pytest_twisted.ensureDeferred
async def test_wrong_secrets_ban_that_user_at_that_address_only() -> None:
    clock = task.Clock()
    async with house(clock, limits=Limits(failures_to_ban=3, ban_seconds=60)) as here:
        phone = here.seat()
        for _ in range(3):
            assert (await register(phone, "8001", "wrong")).reason == "Forbidden"
        banned = await register(phone, "8001")
        assert (banned.status, banned.reason) == (403, "Too many failures")
        assert (await register(phone, "8002")).status == 200, "another user of the same address is not harmed"
        await register(phone, "8002", expires=0)
        assert (await register(phone, "8001")).reason == "Too many failures"
        clock.pump([1.0] * 61)
        assert (await register(phone, "8001")).status == 200


@pytest_twisted.ensureDeferred
async def test_an_address_with_live_registrations_is_never_banned_nor_throttled() -> None:
    clock = task.Clock()
    limits = Limits(failures_to_ban=2, requests_per_second=20)
    async with house(clock, limits=limits) as here:
        operator, clumsy = here.seat(), here.seat()
        await register(operator, "9001")
        for _ in range(5):
            assert (await register(clumsy, "8001", "wrong")).status == 403
        assert (await register(clumsy, "8001")).status == 200
        for _ in range(100):
            operator.send(request("OPTIONS", f"sip:{OUTER}", operator))
        for _ in range(100):
            await operator.response(200, "OPTIONS")
        assert here.door.counts["flood"] == 0


@pytest_twisted.ensureDeferred
async def test_a_flood_of_a_stranger_is_dropped_and_over_later() -> None:
    clock = task.Clock()
    async with house(clock, limits=Limits(requests_per_second=5)) as here:
        stranger = here.seat()
        for _ in range(50):
            stranger.send(request("OPTIONS", f"sip:{OUTER}", stranger))
        for _ in range(10):
            await stranger.response(200)
        clock.advance(1)
        stranger.send(request("OPTIONS", f"sip:{OUTER}", stranger, call_id="after"))
        await stranger.take(lambda m: m.call_id == "after")
        assert here.door.counts["flood"] == 40
        assert not stranger.messages


@pytest_twisted.ensureDeferred
async def test_unknown_seats_other_users_and_other_domains_are_refused() -> None:
    async with house() as here:
        phone = here.seat()
        assert (await register(phone, "6666", "whatever")).status == 403
        target = f"sip:{REALM}"
        phone.send(request("REGISTER", target, phone, source="sip:8002@x", to=f"<sip:8002@{REALM}>"))
        value = credentials((await phone.response(401)).all("www-authenticate")[0], "REGISTER", target, "8001", PASSWORDS["8001"])
        phone.send(request("REGISTER", target, phone, to=f"<sip:8002@{REALM}>", extra=f"Authorization: {value}\r\n"))
        await phone.response(403)
        phone.send(request("REGISTER", "sip:elsewhere.example", phone, to="<sip:8001@elsewhere.example>"))
        await phone.response(404)
        phone.send(request("REGISTER", target, phone, extra="Require: gruu, path\r\n"))
        refused = await phone.response(420)
        assert refused.get("unsupported") == "gruu"
        assert not here.board.events


@pytest_twisted.ensureDeferred
async def test_any_host_part_of_this_installation_is_accepted() -> None:
    async with house(names=("sip.city.example",)) as here:
        phone = here.seat()
        for host in (REALM, OUTER, "127.0.0.1", "sip.city.example", "SIP.City.Example"):
            await invite_as_seat(phone, "12345", target=f"sip:12345@{host}")
            await phone.response(480)
        assert [call.dialled for call in here.board.calls] == ["12345"] * 5


@pytest_twisted.ensureDeferred
async def test_tcp_seat_is_rung_on_its_connection_and_gone_with_it() -> None:
    async with house() as here:
        phone, room = await here.tcp("seats"), here.room("room-1")
        assert (await register(phone)).status == 200
        await _ring_and_answer(here, phone, room)
        phone.transport.write(b"\r\n\r\n")
        phone.send(request("OPTIONS", f"sip:{OUTER}", phone))
        await phone.response(200, "OPTIONS")
        assert b"\r\nSIP/2.0 200" in phone.bytes, "the double CRLF was answered before"
        await phone.close()
        here.peers.remove(phone)
        while ("gone", "8001", "connection lost") not in here.board.events:
            await task.deferLater(reactor, 0.01)
        invite = room.invite("sip:8001@seats.hotline.invalid")
        room.peer.send(invite)
        await room.peer.response(480)


@pytest_twisted.ensureDeferred
async def test_tls_seat_is_rung_on_its_connection(certificate: tuple[str, str]) -> None:
    async with house(tls_certificate=certificate[0], tls_key=certificate[1]) as here:
        phone, room = await here.tls(), here.room("room-1")
        assert (await register(phone, contact="<sips:me@10.1.2.3:5061>")).status == 200
        seen = await _ring_and_answer(here, phone, room)
        assert f"{OUTER}:{here.door.ports['tls']};transport=tls" in (seen.get("contact") or "")
        assert (seen.get("via") or "").startswith("SIP/2.0/TLS")


async def _ring_and_answer(here, phone, room):  # type: ignore[no-untyped-def]
    invite = room.invite("sip:8001@seats.hotline.invalid")
    room.peer.send(invite)
    seen = await phone.request("INVITE")
    phone.send(reply(seen, 200, contact="<sips:me@10.1.2.3:5061>"))
    answer = await room.peer.response(200)
    assert "sips:" not in (answer.get("contact") or ""), "a room would look for TLS"
    room.peer.send(in_dialog("ACK", answer, invite, room.peer, cseq=1))
    await phone.request("ACK")
    room.peer.send(in_dialog("BYE", answer, invite, room.peer, cseq=2))
    phone.send(reply(await phone.request("BYE"), 200))
    await room.peer.response(200, "BYE")
    return seen
