"""Events into rows in any order, and the questions asked of them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession

from router.storage import call_records, migrations
from router.storage import engine as engines
from router.storage.base import Base
from router.storage.call_records import CallFilter, CallRecord
from router.storage.calls import Call
from router.storage.engine import Database
from telephony import contract
from tests.storage import facts
from tests.storage.facts import T0
from tests.storage.parts import run

T = TypeVar("T")


def with_events(url: str, batches: Sequence[Sequence[Any]], ask: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Migrate, apply each batch in a transaction of its own, and ask."""
    migrations.upgrade(url)

    async def go() -> T:
        database = Database(url)
        try:
            for batch in batches:
                async with database.write() as session:
                    await call_records.apply_all(session, batch)
            async with database.read() as session:
                return await ask(session)
        finally:
            await database.close()

    return run(go())


def a_call_with_everything() -> list[Any]:
    return [
        facts.call("c1", 1),
        facts.call("c1", 2, queued_at=T0 + 1),
        facts.call("c1", 3, queued_at=T0 + 1, answered_at=T0 + 4.25, answered_by="9001", waited=3.25, case="m-7"),
        facts.party("p1", "c1", 1, number="13900000001"),
        facts.party("p1", "c1", 2, number="13900000001", joined_at=T0 + 4.25),
        facts.party("p2", "c1", 1, role="police", seat="9001"),
        facts.party("p2", "c1", 2, role="police", seat="9001", joined_at=T0 + 4.25, held_seconds=2.5),
        facts.transfer("t1", "c1", 1, dangerous=True, target="12345"),
        facts.transfer("t1", "c1", 2, dangerous=True, target="12345", outcome="no_answer", went_back_to="asker"),
        facts.recording("r1", "c1"),
        facts.event(contract.DigitPressed, "c1", party="p2", digits="*1", meaning="one-key"),
        facts.event(contract.RtpIntruder, "c1", party="p1", was="192.0.2.1:4000", now="192.0.2.9:4000"),
        facts.event(contract.PageDone, "c1", page="g1", to="7001", outcome="accepted", digit="1", ended_at=T0 + 9),
        facts.event(contract.CommandDone, "c1", command="x", ok=True),
    ]


def expect_everything(record: call_records.CallRecord | None) -> None:
    assert record is not None and record.call is not None
    assert (record.call.rev, record.call.answered_by, record.call.waited, record.call.case) == (3, "9001", 3.25, "m-7")
    assert (record.call.queued_at, record.call.answered_at, record.call.live) == (T0 + 1, T0 + 4.25, True)
    assert [(p.id, p.rev, p.seat, p.joined_at, p.held_seconds) for p in record.parties] == [
        ("p1", 2, "", T0 + 4.25, 0.0),
        ("p2", 2, "9001", T0 + 4.25, 2.5),
    ]
    assert [(t.rev, t.outcome, t.dangerous, t.call) for t in record.transfers] == [(2, "no_answer", True, "c1")]
    assert [(r.id, r.path, r.size) for r in record.recordings] == [("r1", "recordings/r1.wav", 200044)]
    assert [(p.id, p.number, p.outcome, p.ended_at) for p in record.pages] == [("g1", "7001", "accepted", T0 + 9)]
    assert {note.kind: note.detail for note in record.notes} == {
        "DigitPressed": {"party": "p2", "digits": "*1", "meaning": "one-key"},
        "RtpIntruder": {"party": "p1", "was": "192.0.2.1:4000", "now": "192.0.2.9:4000"},
    }


@pytest.mark.parametrize("seed", range(4))
def test_events_in_any_order_and_repeated_end_in_the_same_rows(database_url: str, seed: int) -> None:
    shuffled = random.Random(seed)
    events = a_call_with_everything() * 2
    shuffled.shuffle(events)
    batches = [events[start : start + 5] for start in range(0, len(events), 5)]
    expect_everything(with_events(database_url, batches, lambda session: call_records.show_call(session, "c1")))


def test_an_older_word_never_replaces_a_newer_one(database_url: str) -> None:
    batches = [[facts.call("c1", 5, end_cause="completed", ended_at=T0 + 60)], [facts.call("c1", 4)]]
    record = with_events(database_url, batches, lambda session: call_records.show_call(session, "c1"))
    assert record and record.call and (record.call.rev, record.call.end_cause) == (5, "completed")


def test_a_party_before_its_call_is_kept_and_shown(database_url: str) -> None:
    record = with_events(database_url, [[facts.party("p1", "c9")]], lambda session: call_records.show_call(session, "c9"))
    assert record and record.call is None and [p.id for p in record.parties] == ["p1"]


def test_where_a_helping_seat_is_is_kept_with_its_party(sqlite_url: str) -> None:
    """On tables made of the models as they are, whatever migrations there are."""
    engine = create_engine(engines.parse(sqlite_url, sync=True))
    Base.metadata.create_all(engine)
    engine.dispose()
    helper = facts.party("p2", "c1", 1, role="police", seat="9201", centre="110", home="530181")
    batch = [facts.call("c1"), facts.party("p1", "c1"), helper]

    async def go() -> CallRecord | None:
        database = Database(sqlite_url)
        try:
            async with database.write() as session:
                await call_records.apply_all(session, batch)
                return await call_records.show_call(session, "c1")
        finally:
            await database.close()

    record = run(go())
    assert record is not None
    assert [(party.seat, party.centre, party.home) for party in record.parties] == [("", "", ""), ("9201", "110", "530181")]


def test_a_repaired_recording_replaces_the_first_word_about_it(database_url: str) -> None:
    repaired = facts.recording("r1", "c1", at=T0 + 5, repaired=True, seconds=20.0)
    record = with_events(database_url, [[repaired], [facts.recording("r1", "c1")]], lambda s: call_records.recordings_of(s, "c1"))
    assert [(one.repaired, one.seconds) for one in record] == [(True, 20.0)]


def test_a_call_nobody_knows_is_none(database_url: str) -> None:
    assert with_events(database_url, [], lambda session: call_records.show_call(session, "nobody")) is None


def test_long_and_strange_texts_from_phones_cost_no_record(database_url: str) -> None:
    strange = "😀" + "长" * 5000
    sent = facts.call("c1", sip_call_id=f"\0{strange}")
    record = with_events(database_url, [[sent]], lambda session: call_records.show_call(session, "c1"))
    assert record and record.call and record.call.sip_call_id == strange


CALLS = [
    facts.call("left", 1, started_at=T0 + 1, ended_at=T0 + 20, end_cause="abandoned", caller="13900000002"),
    facts.call("left-12345", 1, started_at=T0 + 2, ended_at=T0 + 20, end_cause="caller_left", centre="12345"),
    facts.call("served", 1, started_at=T0 + 3, ended_at=T0 + 90, answered_at=T0 + 9, end_cause="caller_left"),
    facts.call("silent", 1, started_at=T0 + 4, ended_at=T0 + 30, answered_at=T0 + 9, end_cause="completed"),
    facts.call("busy", 1, started_at=T0 + 5, ended_at=T0 + 30, end_cause="overflow"),
    facts.call("waiting", 1, started_at=T0 + 6),
    facts.call("inside", 1, started_at=T0 + 7, ended_at=T0 + 8, end_cause="caller_left", kind="internal"),
    facts.recording("r1", "served"),
    facts.recording("r2", "silent", caller_silent=True),
]


def ids(url: str, wanted: CallFilter) -> list[str]:
    found = with_events(url, [CALLS], lambda session: call_records.list_calls(session, wanted))
    return [one.id for one in found.calls]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (CallFilter(), ["inside", "waiting", "busy", "silent", "served", "left-12345", "left"]),
        (CallFilter(abandoned=True), ["left-12345", "left"]),
        (CallFilter(silent=True), ["silent"]),
        (CallFilter(abandoned=True, silent=True, centres=("110",)), ["silent", "left"]),
        (CallFilter(answered=True), ["silent", "served"]),
        (CallFilter(answered=False, ended=True, kind="inbound"), ["busy", "left-12345", "left"]),
        (CallFilter(ended=False), ["waiting"]),
        (CallFilter(caller="13900000002"), ["left"]),
        (CallFilter(since=T0 + 3, until=T0 + 5), ["silent", "served"]),
        (CallFilter(case="none"), []),
    ],
)
def test_calls_are_found_by_what_is_asked(sqlite_url: str, wanted: CallFilter, found: list[str]) -> None:
    assert ids(sqlite_url, wanted) == found


def test_postgresql_finds_the_same(database_url: str) -> None:
    assert ids(database_url, CallFilter(abandoned=True, silent=True, centres=("110",))) == ["silent", "left"]
    assert ids(database_url, CallFilter(answered=True, since=T0)) == ["silent", "served"]


def test_calls_to_ring_back_carry_their_numbers_and_why(database_url: str) -> None:
    found = with_events(database_url, [CALLS], lambda s: call_records.abandoned_and_silent(s, ["110"]))
    assert [(one.id, one.caller, one.abandoned, one.silent) for one in found] == [
        ("silent", "13900000001", False, True),
        ("left", "13900000002", True, False),
    ]


def test_a_list_comes_in_pages_with_the_total(database_url: str) -> None:
    async def ask(session: AsyncSession) -> list[call_records.CallList]:
        return [await call_records.list_calls(session, CallFilter(), limit=3, page=page) for page in (1, 3, 4)]

    pages = with_events(database_url, [CALLS], ask)
    assert [(page.total, len(page.calls)) for page in pages] == [(7, 3), (7, 1), (7, 0)]


def test_a_page_out_of_range_is_refused(sqlite_url: str) -> None:
    for limit, page in ((0, 1), (5000, 1), (10, 0)):
        with pytest.raises(ValueError, match="limit must be"):
            with_events(sqlite_url, [], lambda s, n=limit, p=page: call_records.list_calls(s, CallFilter(), limit=n, page=p))


def test_a_seats_history_is_kept_whole(database_url: str) -> None:
    changes = [
        facts.event(contract.SeatChanged, "", seat="8001", centre="12345", status=status, reason=reason, state="idle", at=T0 + n)
        for n, (status, reason) in enumerate([("available", ""), ("paused", "lunch"), ("available", "")])
    ]
    history = with_events(database_url, [changes, changes[:1]], lambda s: call_records.seat_history(s, "8001", since=T0 + 1))
    assert [(h.at - T0, h.status, h.reason) for h in history] == [(2, "available", ""), (1, "paused", "lunch")]


def test_a_moment_without_a_zone_is_refused(sqlite_url: str) -> None:
    async def ask(session: AsyncSession) -> None:
        session.add(Call(id="x", rev=1, kind="inbound", started_at=dt.datetime(2026, 1, 1)))
        await session.flush()

    with pytest.raises(Exception, match="time zone"):
        with_events(sqlite_url, [], ask)


def test_sqlite_keeps_a_journal_and_its_promises(sqlite_url: str) -> None:
    async def ask(session: AsyncSession) -> list[Any]:
        return [
            (await session.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]

    assert with_events(sqlite_url, [], ask) == ["wal", 2, 1, 5000]
