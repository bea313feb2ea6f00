"""The HTTP interface: a foreign system pushes, pulls and asks; administrators keep the list of peers."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

from sqlalchemy import select

from config.settings import Settings
from router.casework import attachments, handoffs, town
from router.casework.work import Work
from router.catalog import versions
from router.exchange import outgoing, validate
from router.journal import relay
from router.storage.base import table_of
from router.storage.casework import Attachment, Case, Handoff
from router.storage.exchange import ExchangeMessage
from router.storage.journal import JournalEntry, Outbox
from router.storage.organisation import Peer
from tests.api import parts
from tests.api.parts import (
    Person,
    Stand,
    cheap_passwords,
    migrated_postgresql,
    migrated_postgresql_url,
    migrated_sqlite,
    migrated_sqlite_url,
    migrated_url,
    plain_logs,
    redis_now,
    settings,
    shared_valkey,
    sqlite_settings,
)
from tests.casework.parts import CATALOG, KUNMING
from tests.exchange.test_incoming import handoff, ticket
from tests.storage.parts import run

__all__ = [
    "cheap_passwords",
    "migrated_postgresql",
    "migrated_postgresql_url",
    "migrated_sqlite",
    "migrated_sqlite_url",
    "migrated_url",
    "plain_logs",
    "redis_now",
    "settings",
    "shared_valkey",
    "sqlite_settings",
]

PATH = "/api/v1/exchange"
NEW = {"id": "kunming-12345", "name": "外地热线系统", "centre": "12345", "transport": "rest"}


def document(found: dict[str, Any]) -> dict[str, Any]:
    """Our own name is the shipped one."""
    return {**found, "to": {"system": "hotline", "centre": "110"}}


async def joined(stand: Stand) -> Person:
    """A foreign hotline that stands for our centre 12345, signed in; no address: it pulls."""
    async with stand.state.database.write() as session:
        await versions.ensure_first(session, CATALOG, KUNMING, stand.clock() - dt.timedelta(days=1))
    account = await stand.account("integration", unit="12345")
    administrator = await stand.sign_in("administrator")
    answer = await administrator.post("/api/v1/peers", json={**NEW, "account": account.id})
    assert answer.status_code == 201, answer.text
    return await stand.sign_in("integration", unit="12345")


async def rows(stand: Stand, model: Any) -> list[Any]:
    async with stand.state.database.read() as session:
        return list((await session.scalars(select(model))).all())


def work(stand: Stand, session: Any, person: Person) -> Work:
    return Work(session, person.actor(), stand.clock(), town.of(stand.state.settings))


async def publish(stand: Stand) -> None:
    """What the relay does."""
    out = outgoing.Outgoing("hotline", town.of(stand.state.settings).attachments, "https://hotline.example.cn" + PATH)
    async with stand.state.database.write() as session:
        found = (await session.execute(select(table_of(Outbox)).order_by(table_of(Outbox).c.serial))).all()
        await out.route(session, [relay.item(row) for row in found])


def test_a_push_is_taken_once_however_often_and_by_however_many(settings: Settings) -> None:
    async def go() -> None:
        async with parts.standing(settings) as stand:
            peer = await joined(stand)
            said = document(handoff())
            answers = await asyncio.gather(*(peer.post(f"{PATH}/messages", json=said) for _ in range(4)))
            assert {one.status_code for one in answers} == {200}
            assert sorted(one.json()["status"] for one in answers) == ["repeated", "repeated", "repeated", "taken"]
            (case,) = await rows(stand, Case)
            assert {one.json()["case"] for one in answers} == {case.number}
            assert len(await rows(stand, Handoff)) == 1 and case.urgency == "danger"
            (kept,) = await rows(stand, Peer)
            assert kept.last_seen_at == stand.clock()

            waits = await peer.post(f"{PATH}/messages", json=document(ticket(3, "signed")))
            assert (waits.status_code, waits.json()["status"]) == (202, "waiting")

            shown = (await peer.get(f"{PATH}/cases/S-1", params={"system": "kunming-12345"})).json()
            assert shown["case"] == case.number and shown["order"]["state"] == "dispatched"
            assert [(one["number"], one["state"]) for one in shown["handoffs"]] == [("L-1", "offered")]

    run(go())


def test_what_is_wrong_is_told_and_a_refusal_is_kept(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with parts.standing(sqlite_settings) as stand:
            peer = await joined(stand)
            wrong = document(handoff(reason=""))
            answer = await peer.post(f"{PATH}/messages", json={**wrong, "sequence": 0})
            assert (answer.status_code, answer.json()["code"]) == (422, "exchange.invalid")
            assert {one["path"] for one in answer.json()["facts"]["problems"]} == {"sequence", "body.reason"}
            for body in (b"", b"{", b"[]", b"\xff", b'{"a": 1e999}'):
                assert (await peer.post(f"{PATH}/messages", content=body)).status_code == 422
            assert await rows(stand, ExchangeMessage) == []

            foreign = await peer.post(f"{PATH}/messages", json={**document(handoff()), "from": {"system": "x", "centre": "1"}})
            assert (foreign.status_code, foreign.json()["code"]) == (403, "exchange.wrong_address")
            unknown = await peer.post(f"{PATH}/messages", json=document(ticket(1, "signed")))
            assert (unknown.status_code, unknown.json()["code"]) == (404, "exchange.unknown")
            assert [row.state for row in await rows(stand, ExchangeMessage)] == ["refused"]
            changed = await peer.post(f"{PATH}/messages", json=document(ticket(1, "closed")))
            assert (changed.status_code, changed.json()["code"]) == (409, "exchange.conflict")

    run(go())


def test_a_peer_pulls_what_is_for_it_and_nothing_else(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with parts.standing(sqlite_settings) as stand:
            peer, police = await joined(stand), await stand.sign_in("police")
            big = ("说" * 100_000).encode()
            async with stand.state.database.write() as session:
                from router.casework import cases

                given = {"channel": "web", "words": "有人聚众赌博", "place": "盘龙区北京路1号", "dispatch": False}
                made = await cases.register(work(stand, session, police), cases.Registration(hand_over=False, **given))
                alone = await cases.register(work(stand, session, police), cases.Registration(hand_over=False, **given))
                doing = work(stand, session, police)
                await attachments.add(doing, made.case.id, "长.txt", big)
                await attachments.add(doing, made.case.id, "内部.txt", "线索".encode(), police_only=True)
                row = await handoffs.offer(doing, await doing.hold(made.case.id), to="12345", mode="online", reason="属12345")
            await publish(stand)
            found = (await peer.get(f"{PATH}/messages")).json()
            said = found["items"][0]["message"]
            assert said["kind"] == "handoff" and said["body"]["number"] == row.number and not validate.validate(said)
            (file,) = said["body"]["matter"]["attachments"]
            assert "content" not in file and file["url"].startswith("https://hotline.example.cn/api/v1/exchange/attachments/")
            fetched = await peer.get(file["url"].removeprefix("https://hotline.example.cn"))
            assert fetched.content == big and fetched.headers["content-type"] == "application/octet-stream"
            inner = next(one for one in await rows(stand, Attachment) if one.police_only)
            assert (await peer.get(f"{PATH}/attachments/{inner.id}")).status_code == 404
            reads = [one.detail for one in await rows(stand, JournalEntry) if one.action == "attachment.read"]
            assert reads == [{"peer": "kunming-12345"}]

            after = (await peer.get(f"{PATH}/messages", params={"after": found["next"]})).json()
            assert after == {"items": [], "next": found["next"]}
            assert {one.state for one in await rows(stand, ExchangeMessage)} == {"taken"}
            assert (await peer.get(f"{PATH}/cases/{made.case.number}")).status_code == 200
            assert (await peer.get(f"{PATH}/cases/{alone.case.number}")).status_code == 404

    run(go())


def test_nobody_but_a_peer_comes_in(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with parts.standing(sqlite_settings) as stand:
            peer = await joined(stand)
            async with stand.client() as stranger:
                assert (await stranger.post(f"{PATH}/messages", json={})).status_code == 401
            for role in ("operator", "police", "supervisor", "administrator", "agency"):
                person = await stand.sign_in(role)
                assert (await person.post(f"{PATH}/messages", json=document(handoff()))).status_code == 403
                assert (await person.get(f"{PATH}/messages")).status_code == 403
            other = await stand.sign_in("integration", unit="110")
            answer = await other.post(f"{PATH}/messages", json=document(handoff()))
            assert (answer.status_code, answer.json()["code"]) == (403, "exchange.not_a_peer")
            administrator = await stand.sign_in("administrator")
            assert (await administrator.delete("/api/v1/peers/kunming-12345")).status_code == 204
            assert (await peer.get(f"{PATH}/messages")).json()["code"] == "exchange.not_a_peer"

    run(go())


def test_programs_push_with_their_token(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with parts.standing(sqlite_settings) as stand:
            await joined(stand)
            account = await stand.account("integration", unit="12345")
            async with stand.client() as program:
                got = await program.post("/api/v1/auth/token", json={"username": account.username, "password": parts.PASSWORD})
                assert got.status_code == 200, got.text
                headers = {"Authorization": f"Bearer {got.json()['access_token']}"}
                answer = await program.post(f"{PATH}/messages", json=document(handoff()), headers=headers)
                assert answer.status_code == 200, answer.text
                assert (await program.get(f"{PATH}/schema", headers=headers)).json()["title"] == "hotline-exchange/1"

    run(go())


def test_administrators_keep_the_list_of_peers(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with parts.standing(sqlite_settings) as stand:
            await joined(stand)
            administrator, account = await stand.sign_in("administrator"), await stand.account("integration", unit="12345")
            shown = await administrator.get("/api/v1/peers/kunming-12345")
            assert shown.json()["has_token"] is False and shown.headers["etag"] == '"1"'
            body = {**NEW, "account": account.id, "url": "https://peer.example.cn/x", "token": "geheim"}
            del body["id"]
            tag = {"If-Match": '"1"'}
            changed = await administrator.put("/api/v1/peers/kunming-12345", json=body, headers=tag)
            assert changed.status_code == 200 and changed.json()["has_token"] is True and "geheim" not in changed.text
            assert (await administrator.put("/api/v1/peers/kunming-12345", json=body, headers=tag)).status_code == 412
            (row,) = await rows(stand, Peer)
            assert (row.token, row.rev) == ("geheim", 2)
            listed = (await administrator.get("/api/v1/peers")).json()
            assert [one["id"] for one in listed] == ["kunming-12345"] and "token" not in listed[0]
            told = [one.action for one in await rows(stand, JournalEntry) if one.action.startswith("peer.")]
            assert told == ["peer.added", "peer.changed"]
            for role in ("operator", "integration", "supervisor"):
                assert (await (await stand.sign_in(role)).get("/api/v1/peers")).status_code == 403

    run(go())


WRONG: list[tuple[dict[str, str], str]] = [
    ({"id": "hotline"}, "id"),
    ({"centre": "nowhere"}, "centre"),
    ({"account": "nobody"}, "account"),
    ({"url": "http://peer.example.cn/x", "token": "t"}, "url"),
    ({"url": "https://user:pass@peer.example.cn/x", "token": "t"}, "url"),
    ({"url": "https://peer.example.cn/x"}, "token"),
    ({"transport": "database"}, "url"),
    ({"transport": "database", "url": "mysql://a@b/c"}, "url"),
    ({"transport": "database", "url": "postgresql://a:secret@b/c"}, "url"),
    ({"id": "second"}, "centre"),
    ({"id": "kunming-12345"}, "id"),
]


def test_a_peer_that_can_t_be_is_refused(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with parts.standing(sqlite_settings) as stand:
            await joined(stand)
            account = await stand.account("integration", unit="110", username="second")
            administrator = await stand.sign_in("administrator")
            for change, field in WRONG:
                given = {**NEW, "id": "kunming-110", "centre": "110", "account": account.id, **change}
                if change.get("id") == "second":
                    given["centre"] = "12345"
                answer = await administrator.post("/api/v1/peers", json=given)
                assert answer.status_code in (409, 422) and answer.json()["field"] == field, (change, answer.text)
                assert "secret" not in answer.text and len(await rows(stand, Peer)) == 1

    run(go())
