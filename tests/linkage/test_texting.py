"""Text messages: from the engine's decision to the gateway, by real HTTP, on each kind of database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from config import settings as configuration
from config.model import SmsGateway
from router import job
from router.jobs import Parts
from router.journal import relay, routes
from router.journal.deliver import Deliverer
from router.linkage.emergency import events
from router.linkage.notifying import attempts, gateway, requests, texting
from router.linkage.notifying.texting import KIND, Texts
from router.storage.journal import Delivery, JournalEntry, Outbox
from router.storage.notifying import LinkageAttempt
from tests.casework.parts import HOUSING, unit
from tests.linkage import smsgate
from tests.linkage.parts import Station
from tests.linkage.smsgate import Gate, rules
from tests.storage.parts import run

MOBILE = "13900000001"
RULES = job.Rules(poll=0.05, first_wait=0.02, longest_wait=0.1)


@pytest.fixture
def gate() -> Iterator[Gate]:
    with smsgate.gateway() as one:
        yield one


def deliver(station: Station, given: SmsGateway | None, secret: str = "") -> None:
    """What relay and deliverer do once, by the clock of the test."""

    async def once() -> None:
        async with station.database.write() as session:
            found = (await session.scalars(select(Outbox).order_by(Outbox.serial))).all()
            parcels = await texting.route(session, [relay.item(one) for one in found])
            await routes.write(session, parcels, station.now)
        provider = gateway.HttpGateway(given, lambda: secret) if given else None
        sender = Texts(station.database, provider, clock=lambda: station.now.timestamp())
        clock, chance = (lambda: station.now.timestamp()), (lambda: 1.0)
        one = Deliverer(station.database, "w1", {KIND: sender}, rules=RULES, clock=clock, chance=chance)
        await one.once()
        while one._tasks:
            await asyncio.wait(list(one._tasks))
        await sender.close()

    run(once())


def message(station: Station, event: str) -> LinkageAttempt:
    (one,) = station.attempts(event, "sms")
    return one


def waiting(station: Station) -> int:
    return sum(one.done_at is None for one in station.rows(Delivery, Delivery.kind == KIND))


# --- the way of a message


def test_a_message_reaches_the_gateway_and_is_written_down(station: Station, gate: Gate) -> None:
    event = station.started()
    deliver(station, rules(gate))
    (got,) = gate.got
    sent = message(station, event.id)
    assert (got.method, got.path, got.headers["content-type"]) == ("POST", "/send", "application/json; charset=utf-8")
    assert got.body == {
        "to": [MOBILE],
        "content": sent.words,
        "sign": "某市应急",
        "more": {"id": sent.id, "flash": False, "n": 3},
    }
    assert event.number in sent.words
    assert (sent.state, sent.outcome, sent.note) == ("done", "delivered", "已交短信网关")
    assert sent.sent_at == sent.ended_at == station.now
    chain = events.chain(event.id)
    (entry,) = station.rows(JournalEntry, JournalEntry.chain == chain, JournalEntry.action == "attempt.ended")
    assert (entry.subject, entry.detail) == (sent.id, {"channel": "sms", "outcome": "delivered", "post": "gas", "rung": 0})
    assert waiting(station) == 0


def test_the_number_never_leaves_the_attempt(station: Station, gate: Gate) -> None:
    event = station.started()
    gate.says(400, {"error": f"bad {MOBILE}"})
    deliver(station, rules(gate))
    kept: list[Any] = [one.body for one in station.rows(Outbox)] + [one.detail for one in station.rows(JournalEntry)]
    kept += [[one.body, one.last_error] for one in station.rows(Delivery, Delivery.kind == KIND)]
    assert "bad …" in str(message(station, event.id).note)
    assert not [one for one in kept if MOBILE in json.dumps(one)]


def test_a_message_is_sent_once_however_often_it_is_delivered(station: Station, gate: Gate) -> None:
    station.started()
    for _ in range(3):
        deliver(station, rules(gate))
        station.wait(hours=7)
    assert len(gate.got) == 1


def test_without_a_gateway_a_message_fails_once_and_says_so(station: Station) -> None:
    event = station.started()
    deliver(station, None)
    failed = message(station, event.id)
    assert (failed.state, failed.outcome, failed.note, failed.sent_at) == ("done", "failed", "未配置短信网关", None)
    assert waiting(station) == 0
    station.wait(days=1)
    deliver(station, None)
    assert message(station, event.id).ended_at == failed.ended_at
    assert station.written(event.id).count("attempt.ended") == 1


def test_a_message_that_was_called_off_is_not_sent_any_more(station: Station, gate: Gate) -> None:
    event = station.started()
    station.do(unit(HOUSING), requests.accept, station.request(event.id, "gas").id, via="desk", who="值班员")
    deliver(station, rules(gate))
    assert gate.got == []
    assert message(station, event.id).state == "cancelled"
    assert waiting(station) == 0


def test_a_message_that_waits_for_the_gateway_can_still_be_called_off(station: Station, gate: Gate) -> None:
    event = station.started()
    gate.says(503)
    deliver(station, rules(gate))
    assert message(station, event.id).state == "queued"
    station.do(unit(HOUSING), requests.accept, station.request(event.id, "gas").id, via="desk", who="值班员")
    gate.says(200)
    station.wait(minutes=2)
    deliver(station, rules(gate))
    assert len(gate.got) == 1
    assert (message(station, event.id).state, waiting(station)) == ("cancelled", 0)


def test_what_is_taken_while_it_is_sent_stays_called_off(station: Station, gate: Gate) -> None:
    event = station.started()
    gas = station.request(event.id, "gas").id

    def answer(_: Any) -> smsgate.Answer:
        station.do(unit(HOUSING), requests.accept, gas, via="desk", who="值班员")
        return 200, b""

    gate.answer = answer
    deliver(station, rules(gate))
    assert (message(station, event.id).state, message(station, event.id).outcome) == ("cancelled", None)
    assert "attempt.ended" not in station.written(event.id)


# --- what gateways answer


def test_what_fails_for_now_is_tried_again_under_the_same_id(station: Station, gate: Gate) -> None:
    event = station.started()
    gate.says(503)
    deliver(station, rules(gate))
    assert (message(station, event.id).state, waiting(station)) == ("queued", 1)
    gate.says(200)
    station.wait(seconds=2)
    deliver(station, rules(gate))
    first, second = gate.got
    assert first == second
    assert first.headers["idempotency-key"] == first.body["more"]["id"] == message(station, event.id).id
    assert message(station, event.id).outcome == "delivered"


def test_a_gateway_that_does_not_answer_is_tried_again(station: Station, gate: Gate) -> None:
    event = station.started()
    gate.open.clear()
    deliver(station, rules(gate, timeout=0.3))
    (one,) = station.rows(Delivery, Delivery.kind == KIND)
    assert (one.last_error, one.done_at, message(station, event.id).state) == ("no answer within 0.3 s", None, "queued")
    gate.open.set()
    station.wait(seconds=2)
    deliver(station, rules(gate))
    assert message(station, event.id).outcome == "delivered"


def test_a_refusal_is_final_and_says_why(station: Station, gate: Gate) -> None:
    event = station.started()
    gate.says(400, "签名未审核".encode())
    deliver(station, rules(gate))
    failed = message(station, event.id)
    assert (failed.state, failed.outcome, failed.note) == ("done", "failed", "短信网关拒绝(HTTP 400):签名未审核")
    assert waiting(station) == 0, "nobody need look at it every few hours"
    station.wait(hours=7)
    deliver(station, rules(gate))
    assert (len(gate.got), waiting(station)) == (1, 0)


def test_a_message_that_no_gateway_took_in_a_quarter_of_an_hour_has_failed(station: Station, gate: Gate) -> None:
    event = station.started()
    gate.says(503)
    for _ in range(15):
        deliver(station, rules(gate))
        station.wait(minutes=1)
    tried = len(gate.got)
    assert message(station, event.id).state == "queued"
    station.wait(minutes=1)
    gate.says(200)
    deliver(station, rules(gate))
    failed = message(station, event.id)
    assert (failed.outcome, failed.note, len(gate.got)) == ("failed", "短信网关15分钟内未能发出", tried)
    assert waiting(station) == 0


# --- what is sent


def test_a_long_message_is_cut_and_says_where_the_rest_is(station: Station, gate: Gate) -> None:
    station.started(place="盘龙区" + "长" * 90)
    deliver(station, rules(gate, characters=60))
    text = gate.got[0].body["content"]
    assert (len(text), text.endswith("…(详见工作台)")) == (60, True)
    assert texting.shortened("字" * 60, 60) == "字" * 60


def test_an_installation_as_it_is_shipped_sends_none(station: Station, tmp_path: Path) -> None:
    made = texting.senders(configuration.load(env={"HOTLINE_DATA_DIR": str(tmp_path)}))
    assert set(made) == {KIND}
    parts: Any = Parts(redis=None, database=station.database, owner="w1")  # type: ignore[arg-type]
    assert isinstance(sender := made[KIND](parts), Texts)
    assert sender.provider is None


def test_only_news_of_messages_become_deliveries(station: Station) -> None:
    event = station.started()

    async def parcels() -> list[routes.Parcel]:
        async with station.database.read() as session:
            found = (await session.scalars(select(Outbox))).all()
            return await texting.route(session, [relay.item(one) for one in found])

    (one,) = run(parcels())
    assert (one.kind, one.receiver, one.item.topic) == ("sms", texting.RECEIVER, attempts.MESSAGE)
    assert one.body == {"attempt": message(station, event.id).id}
