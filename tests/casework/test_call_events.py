"""Calls become drafts and handoffs: the call core's events through a real stream, taken by the worker's consumer."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router import bus
from router.casework import call_events, cases, handoffs, transfers
from router.consumer import Consumer, Rules
from router.storage.casework import Case, CaseCall, Handoff
from router.storage.engine import Database
from router.storage.journal import JournalEntry, Outbox
from telephony import contract
from tests.api.parts import redis_now, shared_valkey
from tests.casework.parts import Desk, operator, police
from tests.storage import facts
from tests.storage.facts import T0
from tests.storage.parts import run
from tests.worker import stack

__all__ = ["redis_now", "shared_valkey"]

ANSWERED: dict[str, Any] = {
    "centre": "12345",
    "called": "12345",
    "caller": "+8613900139000",
    "queued_at": T0 + 1,
    "answered_at": T0 + 9,
}
TO_110: dict[str, Any] = {
    "asker_seat": "8001",
    "from_centre": "12345",
    "target": "110",
    "to_centre": "110",
    "started_at": T0 + 60,
}


class Line:
    """Tells events and waits until the worker's consumer of casework has acknowledged them."""

    def __init__(self, desk: Desk, redis_url: str) -> None:
        self.desk = desk
        self.url = redis_url

    def tell(self, *events: contract.Event) -> None:
        with stack.connect(self.url) as client:
            stack.put(client, *events)
        run(self._take(len(events)))

    async def _take(self, count: int) -> None:
        client, database = bus.connect(self.url), Database(str(self.desk.database.engine.url.render_as_string(False)))
        stop = asyncio.Event()
        one = Consumer(client, database, call_events.group(self.desk.town), Rules(block=0.02, gather=0.01))
        running = asyncio.create_task(one.run(stop))
        try:
            while one.handled < count:
                assert not running.done(), running.exception()
                await asyncio.sleep(0.005)
        finally:
            stop.set()
            await running
            await client.aclose()
            await database.close()

    @property
    def cases(self) -> list[Case]:
        return self.desk.rows(Case)

    @property
    def handoff(self) -> Handoff:
        (found,) = self.desk.rows(Handoff)
        return found

    def news(self, topic: str) -> list[dict[str, Any]]:
        return [dict(row.body) for row in self.desk.rows(Outbox, Outbox.topic == topic)]


@pytest.fixture
def line(furnished_sqlite: Path, redis_now: str, tmp_path: Path) -> Iterator[Line]:
    for part in furnished_sqlite.parent.glob(f"{furnished_sqlite.name}*"):
        shutil.copy(part, tmp_path / part.name)
    desk = Desk(Database(f"sqlite:///{tmp_path / furnished_sqlite.name}"), tmp_path, at(100))
    yield Line(desk, redis_now)
    run(desk.close())


@pytest.fixture
def each_line(desk: Desk, redis_now: str) -> Line:
    """On each kind of database in turn."""
    return Line(desk, redis_now)


def at(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(T0 + seconds, dt.UTC)


def test_an_answered_call_opens_its_draft_and_later_words_change_nothing(line: Line) -> None:
    line.tell(facts.call("c1", 1, **ANSWERED | {"answered_at": None}), facts.party("p1", "c1"))
    assert line.cases == [], "nobody has answered yet"

    answered = facts.call("c1", 2, **ANSWERED, answered_by="8001")
    line.tell(answered)
    (draft,) = line.cases
    assert (draft.state, draft.channel, draft.call_id, draft.first_centre) == ("draft", "phone", "c1", "12345")
    assert (draft.caller_number, draft.first_answered_at, draft.city) == ("13900139000", at(9), "530100")
    assert [row.call_id for row in line.desk.rows(CaseCall)] == ["c1"]
    (told,) = line.news("case.drafted")
    assert (told["case"], told["call"], told["seat"]) == (draft.id, "c1", "8001")
    assert "139" not in str(told), "no number of a phone leaves by the outbox"

    line.tell(answered, facts.call("c1", 3, **ANSWERED, answered_by="8001", ended_at=T0 + 99, end_cause="caller_left"))
    assert [(one.id, one.rev) for one in line.cases] == [(draft.id, draft.rev)]
    assert len(line.news("case.drafted")) == 1


def test_only_calls_of_citizens_that_a_person_answered_open_drafts(line: Line) -> None:
    line.tell(
        facts.call("c1", 1, **ANSWERED | {"kind": "page"}),
        facts.call("c2", 1, **ANSWERED | {"kind": "internal"}),
        facts.call("c3", 1, **ANSWERED | {"answered_at": None, "ended_at": T0 + 30, "end_cause": "abandoned"}),
        facts.call("c4", 1, **ANSWERED | {"caller": None}),
        facts.call("c5", 1, **ANSWERED | {"caller": "<script>"}),
    )
    assert {(one.call_id, one.caller_number) for one in line.cases} == {("c4", None), ("c5", None)}


def test_registering_fills_the_draft_of_the_call(line: Line) -> None:
    line.tell(facts.call("c1", 2, **ANSWERED, answered_by="8001"))
    (draft,) = line.cases
    made = line.desk.register(operator(), "小区垃圾三天没人清运", call="c1")
    assert (made.case.id, made.case.state, made.case.first_answered_at) == (draft.id, "open", at(9))
    assert made.case.caller_number == "13900139000"


def test_a_transfer_is_the_handoff_of_the_calls_draft(each_line: Line) -> None:
    line = each_line
    line.tell(facts.call("c1", 2, **ANSWERED, answered_by="8001"), facts.transfer("t1", "c1", 1, **TO_110))
    (draft,) = line.cases
    offered = line.handoff
    assert (offered.case_id, offered.state, offered.mode, offered.transfer_id) == (draft.id, "offered", "call", "t1")
    assert (offered.from_centre, offered.to_centre, offered.call_id) == ("12345", "110", "c1")
    assert (offered.rung_at, offered.answered_at) == (None, None)

    rings = facts.transfer("t1", "c1", 2, **TO_110, ringing_at=T0 + 61)
    speaks = facts.transfer("t1", "c1", 3, **TO_110, ringing_at=T0 + 61, answered_at=T0 + 65, answered_by="9101", step=0)
    over = facts.transfer(
        "t1", "c1", 4, **TO_110, ringing_at=T0 + 61, answered_at=T0 + 65, answered_by="9101",
        ended_at=T0 + 65, outcome="answered", asker_left_at=T0 + 65,
    )  # fmt: skip
    line.tell(rings)
    assert (line.handoff.rung_at, line.handoff.answered_at) == (at(61), None)
    line.tell(speaks, over, rings)
    done = line.handoff
    assert (done.id, done.state) == (offered.id, "offered"), "to be signed by whoever answered"
    assert (done.rung_at, done.answered_at, done.arrived_at) == (at(61), at(65), at(65))
    hints = [one["hint"] for one in line.news("handoff.transfer")]
    assert hints and not any(hints)
    noted = line.desk.rows(JournalEntry, JournalEntry.action == "handoff.transfer")
    (ended,) = [row for row in noted if row.detail["outcome"]]
    assert (ended.detail["outcome"], ended.detail["answered_by"], ended.subject) == ("answered", "9101", offered.id)


def test_a_failed_transfer_leaves_the_handoff_offered_and_says_go_online(line: Line) -> None:
    line.tell(
        facts.call("c1", 2, **ANSWERED, answered_by="8001"),
        facts.transfer("t1", "c1", 1, **TO_110),
        facts.transfer("t1", "c1", 2, **TO_110, ringing_at=T0 + 61),
        facts.transfer("t1", "c1", 3, **TO_110, ringing_at=T0 + 61, ended_at=T0 + 76, outcome="no_answer", went_back_to="asker"),
    )
    failed = line.handoff
    assert (failed.state, failed.answered_at) == ("offered", None)
    assert [one["hint"] for one in line.news("handoff.transfer")][-1] == "online"
    line.desk.do(police(), handoffs.accept, failed.id)
    assert line.handoff.state == "accepted", "the other side takes it online"


def test_a_second_try_is_the_same_handoff(line: Line) -> None:
    again = TO_110 | {"started_at": T0 + 80, "kind": "three-way"}
    line.tell(
        facts.call("c1", 2, **ANSWERED, answered_by="8001"),
        facts.transfer("t1", "c1", 1, **TO_110, ended_at=T0 + 61, outcome="busy", went_back_to="asker"),
        facts.transfer("t2", "c1", 1, **again),
        facts.transfer("t2", "c1", 2, **again, ringing_at=T0 + 81, answered_at=T0 + 84, answered_by="9101"),
    )
    assert (line.handoff.transfer_id, line.handoff.answered_at) == ("t2", at(84))


def test_transfers_within_a_line_or_to_outside_are_no_handoffs(line: Line) -> None:
    line.tell(
        facts.call("c1", 2, **ANSWERED, answered_by="8001"),
        facts.transfer("t1", "c1", 1, **TO_110 | {"target": "seat:8002", "to_centre": "12345"}),
        facts.transfer("t2", "c1", 1, **TO_110 | {"target": "line:120", "to_centre": ""}),
    )
    assert line.desk.rows(Handoff) == []


def test_a_dangerous_transfer_sends_police_at_once(line: Line) -> None:
    dangerous = TO_110 | {"kind": "three-way", "dangerous": True}
    line.tell(facts.call("c1", 2, **ANSWERED, answered_by="8001"), facts.transfer("t1", "c1", 1, **dangerous))
    order = line.desk.order(line.cases[0].id)
    assert (order.state, order.platform, order.danger_by) == ("dispatched", "110", "person")


@pytest.mark.parametrize("first", ["person", "worker"])
def test_the_handoff_is_the_persons_whoever_is_told_first(line: Line, first: str) -> None:
    line.tell(facts.call("c1", 2, **ANSWERED, answered_by="8001"))
    began = facts.transfer("t1", "c1", 1, **TO_110, case=line.cases[0].id)
    if first == "worker":
        line.tell(began)
    line.desk.do(operator(), transfers.follow, began.facts, "属于警情")
    if first == "person":
        line.tell(began)
    found = line.handoff
    assert (found.by, found.reason, found.transfer_id) == (operator().id, "属于警情", "t1")


def test_a_call_back_and_a_ring_back_belong_to_the_matter(line: Line) -> None:
    line.tell(facts.call("c1", 2, **ANSWERED, answered_by="8001"))
    (draft,) = line.cases
    callback = ANSWERED | {"kind": "callback", "caller": None, "called": "13900139000"}
    line.tell(
        facts.call("c2", 2, **callback, case=draft.id),
        facts.call("c3", 2, **ANSWERED | {"kind": "ringback"}, after="c1"),
        facts.call("c4", 1, **callback | {"answered_at": None}, case=draft.id),
        facts.call("c5", 2, **callback, case="no such case"),
    )
    assert {row.call_id for row in line.desk.rows(CaseCall, CaseCall.case_id == draft.id)} == {"c1", "c2", "c3"}
    assert len(line.cases) == 1
    line.desk.do(operator(), cases.add_call, draft.id, "c4")
    assert len(line.desk.rows(CaseCall)) == 4
