"""Both ways that messages travel: pushed to an HTTP server of another maker, and through a database that two systems share."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from router.casework import handoffs
from router.exchange import fetch, incoming, outgoing, poll, shared
from router.exchange.outgoing import Sender
from router.exchange.validate import validate
from router.journal import relay, routes
from router.journal.deliver import Deliverer
from router.storage.base import table_of
from router.storage.casework import Attachment, Case
from router.storage.exchange import ExchangeMessage
from router.storage.journal import Delivery, JournalEntry, Outbox
from router.storage.organisation import Peer
from tests.casework.parts import operator, police
from tests.exchange.foreign import ForeignSystem
from tests.exchange.parts import Installation
from tests.exchange.test_incoming import handoff, here
from tests.exchange.test_two_systems import mirrored, register
from tests.storage.parts import DATABASE_KINDS, postgresql_database, run

__all__ = ["here"]
OUTBOX = table_of(Outbox)


@pytest.fixture
def foreign() -> Iterator[ForeignSystem]:
    with ForeignSystem() as system:
        yield system


def change_peer(one: Installation, **values: Any) -> None:
    async def step() -> None:
        async with one.desk.database.write() as session:
            await session.execute(update(Peer).values(**values))

    run(step())


def post(one: Installation) -> None:
    """What the relay does for peers: write the messages and their deliveries."""

    async def step() -> None:
        async with one.desk.database.write() as session:
            query = select(OUTBOX).where(OUTBOX.c.published_at.is_(None)).order_by(OUTBOX.c.serial)
            items = [relay.item(row) for row in (await session.execute(query)).all()]
            await routes.write(session, await one.outgoing.route(session, items), one.desk.now)
            await session.execute(update(OUTBOX).values(published_at=one.desk.now))

    run(step())


def deliver(one: Installation, seconds: float = 0.0) -> None:
    """Let the deliverer do what is due ``seconds`` from now."""
    one.wait(seconds=seconds)

    async def step() -> None:
        pool = shared.Pool(one.system)
        senders = {
            outgoing.KIND: Sender(one.desk.database, pool),
            incoming.FILE: fetch.Fetcher(one.desk.database, one.services, clock=lambda: one.desk.now.timestamp()),
        }
        job = Deliverer(one.desk.database, "test", senders, clock=lambda: one.desk.now.timestamp(), chance=lambda: 0.0)
        for _ in range(12):
            await job.once()
            if not job._tasks:
                break
            await asyncio.gather(*list(job._tasks))
        for sender in senders.values():
            await sender.close()

    run(step())


def waiting(one: Installation) -> list[Delivery]:
    return one.desk.rows(Delivery, Delivery.done_at.is_(None))


# --- REST


def test_messages_are_pushed_in_order_with_the_token(hotline: Installation, foreign: ForeignSystem) -> None:
    change_peer(hotline, url=foreign.url)
    case = register(hotline, operator(), "110")
    hotline.desk.do(operator(), handoffs.cancel, hotline.desk.handoff(case.id).id, "诉求人撤回")
    post(hotline)
    deliver(hotline)
    assert [one["kind"] for one in foreign.messages][:2] == ["handoff", "cancellation"]
    assert [one["sequence"] for one in foreign.messages] == list(range(1, len(foreign.messages) + 1))
    assert all(validate(one) == [] for one in foreign.messages) and set(foreign.paths) == {"/exchange/messages"}
    assert waiting(hotline) == []
    assert {row.state for row in hotline.desk.rows(ExchangeMessage)} == {"taken"}


def test_an_outage_is_bridged_and_nothing_comes_twice_or_changed(hotline: Installation, foreign: ForeignSystem) -> None:
    change_peer(hotline, url=foreign.url)
    foreign.stop()
    register(hotline, operator(), "110")
    post(hotline)
    deliver(hotline)
    assert waiting(hotline) and all(one.attempts <= 1 for one in waiting(hotline))
    said = hotline.sent()
    hotline.desk.do(operator(), handoffs.cancel, hotline.desk.handoff(case_of(hotline)).id, "撤回")
    foreign.restart()
    foreign.answers = [(503, {}), (200, {})]
    deliver(hotline, 120)
    deliver(hotline, 120)
    post(hotline)
    deliver(hotline, 120)
    assert foreign.messages[0] == said[0], "every attempt sends the same text"
    assert [one["sequence"] for one in foreign.messages] == list(range(1, len(foreign.messages) + 1))
    assert waiting(hotline) == []


def case_of(one: Installation) -> str:
    return one.desk.rows(Case)[0].id


def test_a_refusal_is_kept_for_a_person_and_holds_up_nothing(hotline: Installation, foreign: ForeignSystem) -> None:
    change_peer(hotline, url=foreign.url)
    foreign.answers = [(422, {"code": "exchange.invalid"}), (200, {})]
    case = register(hotline, operator(), "110")
    hotline.desk.do(operator(), handoffs.cancel, hotline.desk.handoff(case.id).id, "撤回")
    post(hotline)
    deliver(hotline)
    assert [one["kind"] for one in foreign.messages][:1] == ["cancellation"]
    (refused,) = hotline.desk.rows(Delivery, Delivery.refused)
    assert refused.last_status == 422 and "exchange.invalid" in (refused.last_error or "")
    assert "refused" in {row.state for row in hotline.desk.rows(ExchangeMessage)}


def test_a_token_that_ran_out_is_no_fault_of_the_message(hotline: Installation, foreign: ForeignSystem) -> None:
    change_peer(hotline, url=foreign.url, token="old")
    register(hotline, operator(), "110")
    post(hotline)
    deliver(hotline)
    assert foreign.messages == [] and not any(one.refused for one in waiting(hotline))
    change_peer(hotline, token="token")
    deliver(hotline, 120)
    deliver(hotline, 120)
    assert foreign.messages and waiting(hotline) == []


def test_a_peer_without_an_address_is_not_pushed_to(hotline: Installation) -> None:
    change_peer(hotline, url=None)
    register(hotline, operator(), "110")
    post(hotline)
    assert hotline.desk.rows(Delivery) == [] and {row.state for row in hotline.desk.rows(ExchangeMessage)} == {"ready"}


def test_a_peer_that_rests_or_was_removed_gets_nothing(hotline: Installation, foreign: ForeignSystem) -> None:
    change_peer(hotline, url=foreign.url)
    register(hotline, operator(), "110")
    post(hotline)
    change_peer(hotline, active=False)
    deliver(hotline)
    assert foreign.messages == [] and waiting(hotline)
    change_peer(hotline, active=True)
    deliver(hotline, 60)
    assert foreign.messages and waiting(hotline) == []


def test_files_are_fetched_from_the_peer_s_own_server_only(here: Installation, foreign: ForeignSystem) -> None:
    change_peer(here, url=foreign.url)
    matter = handoff()["body"]["matter"]
    photo = b"\xff\xd8\xff\xe0 a photo"
    about = {"name": "现场.jpg", "type": "image/jpeg", "size": len(photo), "sha256": hashlib.sha256(photo).hexdigest()}
    foreign.files = {"/files/1": photo, "/files/2": photo + b"!"}
    elsewhere = [f"http://127.0.0.2:{foreign.port}/files/1", "https://cloud.example.cn/files/1"]
    addresses = ["/files/1", "/files/2", *elsewhere]
    attached = [
        {**about, "name": f"{number}.jpg", "url": url, "police_only": bool(number % 2)} for number, url in enumerate(addresses)
    ]
    for number, one in enumerate(attached):
        document = handoff(1, matter={**matter, "attachments": [one]})
        document |= {"id": f"f-{number}", "case": {"system": "kunming-12345", "number": f"S-{number}"}}
        document["body"]["number"] = f"L-{number}"
        assert here.take(document).refusal is None
    deliver(here)
    assert [(one.name, one.sha256) for one in here.desk.rows(Attachment)] == [("0.jpg", about["sha256"])]
    assert sorted(set(foreign.paths)) == ["/files/1", "/files/2"]
    assert len(here.desk.rows(Delivery, Delivery.refused)) == 3


# --- a shared database


@pytest.fixture(params=DATABASE_KINDS)
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database for two systems, each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/shared/exchange.db"
        return
    with postgresql_database() as url:
        yield url


@pytest.fixture
def joined(hotline: Installation, police_line: Installation, shared_url: str) -> tuple[Installation, Installation]:
    """Two systems that have nothing but a database in common."""
    assert shared.prepare(shared_url) and not shared.prepare(shared_url)
    for one in (hotline, police_line):
        change_peer(one, transport="database", url=shared_url, token=None)
    return hotline, police_line


def look(one: Installation) -> int:
    """Poll once; return how many messages were taken."""

    async def step() -> int:
        pool = shared.Pool(one.system)
        job = poll.Poller(one.desk.database, "test", pool, one.local, one.services, clock=lambda: one.desk.now.timestamp())
        await job.once()
        await job._lease.give_back()
        await pool.close()
        return job.taken

    return run(step())


def round_trip(*both: Installation) -> None:
    """Until nothing more is said."""
    while True:
        for one in both:
            post(one)
            deliver(one)
        if not sum(look(one) for one in both):
            return


def test_a_matter_goes_over_and_comes_back_by_the_database_alone(joined: tuple[Installation, Installation]) -> None:
    from router.casework import orders

    hotline, police_line = joined
    case = register(hotline, operator(), "110")
    round_trip(hotline, police_line)
    theirs = mirrored(police_line)
    police_line.desk.do(police(), handoffs.accept, police_line.desk.handoff(theirs.id).id)
    police_line.desk.do(police(), orders.answer, police_line.desk.order(theirs.id).id, "已电话劝离")
    round_trip(hotline, police_line)
    assert hotline.desk.handoff(case.id).state == "fed-back"
    assert hotline.desk.ticket(case.id).result == "已电话劝离"
    for one in joined:
        out = one.desk.rows(ExchangeMessage, ExchangeMessage.direction == "out")
        assert out and {row.state for row in out} == {"taken"}, "the other's receipts were read"
    assert len(police_line.desk.rows(Case)) == 1


def test_a_shared_database_that_is_away_is_waited_for(hotline: Installation, police_line: Installation, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/later/exchange.db"
    for one in (hotline, police_line):
        change_peer(one, transport="database", url=url, token=None)
    register(hotline, operator(), "110")
    post(hotline)
    deliver(hotline)
    assert look(police_line) == 0 and waiting(hotline)
    shared.prepare(url)
    deliver(hotline, 120)
    deliver(hotline, 120)
    assert waiting(hotline) == [] and look(police_line) > 0
    assert mirrored(police_line).words


def put(one: Installation, message_id: str, document: str) -> None:
    """A row that the other side wrote by hand."""

    async def step() -> None:
        pool = shared.Pool("kunming-12345")
        peer = one.peer()
        row = ExchangeMessage(message_id=message_id, kind="handoff", system="kunming-12345", number="S-1", sequence=1)
        row.document = document
        peer.id = one.system  # the writer's view: its peer is this installation
        await pool.put(peer, row)
        await pool.close()

    run(step())


def receipts(one: Installation, ids: list[str]) -> dict[str, tuple[str, str]]:
    async def step() -> dict[str, tuple[str, str]]:
        pool, peer = shared.Pool("kunming-12345"), one.peer()
        peer.id = one.system
        found = await pool.receipts(peer, ids)
        await pool.close()
        return found

    return run(step())


def test_what_somebody_wrote_by_hand_is_answered_in_the_table(here: Installation, shared_url: str) -> None:
    shared.prepare(shared_url)
    change_peer(here, transport="database", url=shared_url, token=None)
    put(here, "m-1", json.dumps(handoff(), ensure_ascii=False))
    put(here, "m-2", "{broken")
    put(here, "other-id", json.dumps({**handoff(3), "id": "m-3", "sequence": 3}))
    put(here, "m-4", json.dumps({**handoff(4), "kind": "ticket", "body": {}}))
    assert look(here) == 4
    found = receipts(here, ["m-1", "m-2", "other-id", "m-4"])
    assert {name: status for name, (status, _) in found.items()} == {
        "m-1": "taken",
        "m-2": "refused",
        "other-id": "refused",
        "m-4": "refused",
    }
    assert json.loads(found["m-1"][1])["case"] == here.desk.rows(Case)[0].number
    problems = json.loads(found["m-4"][1])["problems"]
    assert {one["path"] for one in problems} == {"body.number", "body.state", "body.created_at"}
    assert look(here) == 0, "answered once"
    assert [row.message_id for row in here.desk.rows(ExchangeMessage)] == ["m-1"]


def test_a_message_that_waits_is_answered_again_when_it_is_done(here: Installation, tmp_path: Path) -> None:
    from tests.exchange.test_incoming import ticket

    url = f"sqlite:///{tmp_path}/s.db"
    shared.prepare(url)
    change_peer(here, transport="database", url=url, token=None)
    put(here, "m-2", json.dumps(ticket(2, "dispatched")))
    look(here)
    assert receipts(here, ["m-2"])["m-2"][0] == "waiting"
    put(here, "m-1", json.dumps(handoff()))
    look(here)
    look(here)
    assert {status for status, _ in receipts(here, ["m-1", "m-2"]).values()} == {"taken"}


def test_a_refusal_in_the_table_reaches_the_sender(joined: tuple[Installation, Installation]) -> None:
    hotline, police_line = joined
    case = register(hotline, operator(), "110")
    round_trip(hotline, police_line)

    async def clash(work: Any) -> None:
        await work.session.execute(text("UPDATE handoff SET state = 'accepted'"))

    police_line.desk.do(police(), clash)
    hotline.desk.do(operator(), handoffs.cancel, hotline.desk.handoff(case.id).id, "撤回")
    round_trip(hotline, police_line)
    refused = hotline.desk.rows(ExchangeMessage, ExchangeMessage.state == "refused")
    assert [row.kind for row in refused] == ["cancellation"] and refused[0].receipt is not None
    assert refused[0].receipt["code"] == "transition.impossible"
    assert hotline.desk.rows(JournalEntry, JournalEntry.action == "exchange.refused_by_peer")


def test_the_same_id_with_another_text_is_never_overwritten(here: Installation, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    shared.prepare(url)
    change_peer(here, transport="database", url=url, token=None)
    put(here, "m-1", "one")
    put(here, "m-1", "one")
    with pytest.raises(shared.Other):
        put(here, "m-1", "two")


def test_an_event_that_is_published_twice_is_told_once(hotline: Installation) -> None:
    register(hotline, operator(), "110")
    hotline.publish()
    before = hotline.sent()

    async def forget() -> None:
        async with hotline.desk.database.write() as session:
            await session.execute(update(OUTBOX).values(published_at=None))

    run(forget())
    hotline.publish()
    after = hotline.sent()
    assert [one for one in after if one in before] == before and len({one["id"] for one in after}) == len(after)
