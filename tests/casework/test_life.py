"""Whatever people do in whatever order, what must always hold holds: one truth, no lost danger, no closing past a duty."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule, run_state_machine_as_test

from router import errors
from router.access.actor import Actor
from router.allocation.decision import Ticks
from router.casework import allocate, assignments, faces, handoffs, negotiation, orders, tickets
from router.casework.machines import ORDER, TICKET
from router.journal import chain
from router.storage.casework import Assignment, Case, Deadline, Handoff, PoliceOrder, Ticket
from router.storage.engine import Database
from router.storage.journal import JournalEntry
from tests.casework.parts import LABOUR, OTHER_STATION, STATION, URBAN, Desk, keys, operator, police, unit
from tests.storage.parts import run

TEMPLATE: list[Path] = []
WORDS = ("工地老板拖欠工资三个月", "有人在楼下聚众赌博", "我不想活了,我现在站在楼顶上", "邻居吵架", "医保怎么报销")
ACTORS = (operator(), police(), police("110-anning"), unit(LABOUR), unit(URBAN), unit(STATION), unit(OTHER_STATION))
EXPECTED = (errors.CaseworkError,)


class Life(RuleBasedStateMachine):
    cases: Bundle[str] = Bundle("cases")

    @initialize()
    def town(self) -> None:
        keys()
        self.folder = Path(tempfile.mkdtemp(prefix="life-"))
        for part in TEMPLATE[0].parent.glob(f"{TEMPLATE[0].name}*"):
            shutil.copy(part, self.folder / part.name)
        self.desk = Desk(
            Database(f"sqlite:///{self.folder / TEMPLATE[0].name}"), self.folder, dt.datetime(2026, 11, 25, 2, tzinfo=dt.UTC)
        )
        self.dangerous: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            run(self.desk.close())
            shutil.rmtree(self.folder)

    def attempt(self, actor: Actor, service: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What a person tries; it may be refused, but only with a reason for people."""
        self.desk.wait(seconds=7)
        try:
            return self.desk.do(actor, service, *args, **kwargs)
        except EXPECTED as refused:
            assert refused.what and refused.code
            return None

    @rule(target=cases, words=st.sampled_from(WORDS), mine=st.booleans(), danger=st.sampled_from([None, None, True, False]))
    def register(self, words: str, mine: bool, danger: bool | None) -> Any:
        found = self.desk.register(operator() if mine else police(), words, place="五华区人民中路1号", ticks=Ticks(danger=danger))
        if danger:
            self.dangerous.add(found.case.id)
        return found.case.id if len(self.desk.rows(Case)) < 5 else multiple()

    @rule(case=cases, actor=st.sampled_from(ACTORS), danger=st.booleans(), belongs=st.sampled_from([None, "12345", "110"]))
    def overrule(self, case: str, actor: Actor, danger: bool, belongs: Any) -> None:
        done = self.attempt(actor, allocate.overrule, case, Ticks(danger=danger or None, belongs=belongs), "改判")
        if done is not None and danger:
            self.dangerous.add(case)

    @rule(case=cases, actor=st.sampled_from(ACTORS), data=st.data())
    def ticket(self, case: str, actor: Actor, data: st.DataObject) -> None:
        found = self.desk.rows(Ticket, Ticket.case_id == case)
        if not found:
            return
        key = found[0].id
        steps: dict[str, Callable[[], Any]] = {
            "dispatch": lambda: self.attempt(actor, tickets.dispatch, key, [LABOUR, URBAN], LABOUR, None),
            "answer": lambda: self.attempt(actor, tickets.answer, key, "已答复"),
            "call-back": lambda: self.attempt(actor, tickets.call_back, key, reached=True, resolved=True),
            "rework": lambda: self.attempt(actor, tickets.call_back, key, reached=True, resolved=False),
            "close": lambda: self.attempt(actor, tickets.close, key, resolution="化解", without_call_back="不需要"),
            "reopen": lambda: self.attempt(actor, tickets.reopen, key, "重开"),
            "withdraw": lambda: self.attempt(actor, tickets.withdraw, key, "撤回"),
            "police": lambda: self.ask_police(case, actor, key),
        }
        steps[data.draw(st.sampled_from(sorted(steps)))]()

    def ask_police(self, case: str, actor: Actor, ticket: str) -> None:
        if self.attempt(actor, handoffs.ask_police, ticket, "现场失控") is not None:
            self.dangerous.add(case)

    @rule(case=cases, own=st.booleans(), data=st.data())
    def share(self, case: str, own: bool, data: st.DataObject) -> None:
        found = self.desk.rows(Assignment, Assignment.case_id == case)
        if not found:
            return
        one = data.draw(st.sampled_from(sorted(found, key=lambda row: row.id)))
        actor = unit(one.agency) if own else data.draw(st.sampled_from(ACTORS))
        steps: dict[str, Callable[[], Any]] = {
            "sign": lambda: self.attempt(actor, assignments.sign, one.id),
            "handle": lambda: self.attempt(actor, assignments.handle, one.id),
            "pause": lambda: self.attempt(actor, assignments.pause, one.id, "等待鉴定"),
            "resume": lambda: self.attempt(actor, assignments.resume, one.id),
            "return": lambda: self.attempt(actor, assignments.return_, one.id, "不归我"),
            "dispute": lambda: self.attempt(operator(), assignments.dispute, one.id, "归你"),
            "feedback": lambda: self.attempt(actor, assignments.feedback, one.id, "已办"),
        }
        steps[data.draw(st.sampled_from(sorted(steps)))]()

    @rule(case=cases, actor=st.sampled_from(ACTORS), data=st.data())
    def order(self, case: str, actor: Actor, data: st.DataObject) -> None:
        found = self.desk.rows(PoliceOrder, PoliceOrder.case_id == case)
        if not found:
            return
        key = found[0].id
        steps: dict[str, Callable[[], Any]] = {
            "confirm": lambda: self.attempt(actor, orders.confirm, key),
            "withdraw": lambda: self.withdraw(case, actor, key),
            "dispatch": lambda: self.attempt(actor, orders.dispatch, key, STATION),
            "sign": lambda: self.attempt(actor, orders.sign, key),
            "arrive": lambda: self.attempt(actor, orders.arrive, key),
            "feedback": lambda: self.attempt(actor, orders.feedback, key, "内部", "公开"),
            "close": lambda: self.attempt(actor, orders.close, key),
            "reopen": lambda: self.reopen(case, actor, key),
        }
        steps[data.draw(st.sampled_from(sorted(steps)))]()

    def withdraw(self, case: str, actor: Actor, key: str) -> None:
        if self.attempt(actor, orders.withdraw, key, "误报") is not None:
            self.dangerous.discard(case)

    def reopen(self, case: str, actor: Actor, key: str) -> None:
        if self.attempt(actor, orders.reopen, key, "重开") is not None:
            self.dangerous.discard(case)

    @rule(case=cases, actor=st.sampled_from(ACTORS[:3]), data=st.data())
    def handoff(self, case: str, actor: Actor, data: st.DataObject) -> None:
        found = self.desk.rows(Handoff, Handoff.case_id == case)
        if not found:
            return
        one = max(found, key=lambda row: row.offered_at)
        owner = data.draw(st.sampled_from([one.from_centre, one.to_centre]))
        steps: dict[str, Callable[[], Any]] = {
            "accept": lambda: self.attempt(actor, handoffs.accept, one.id),
            "return": lambda: self.attempt(actor, handoffs.return_, one.id, "不归我"),
            "negotiate": lambda: self.attempt(actor, negotiation.negotiate, one.id),
            "opinion": lambda: self.attempt(actor, negotiation.give_opinion, one.id, owner, "理由"),
            "fail": lambda: self.attempt(actor, negotiation.fail, one.id, "谈不拢"),
            "concede": lambda: self.attempt(actor, negotiation.concede, one.id),
            "cancel": lambda: self.attempt(actor, handoffs.cancel, one.id, "不转了"),
        }
        steps[data.draw(st.sampled_from(sorted(steps)))]()

    @rule(hours=st.sampled_from([0.02, 1, 30, 200]))
    def time_passes(self, hours: float) -> None:
        self.desk.wait(hours=hours)
        self.desk.ring()

    @invariant()
    def what_always_holds(self) -> None:
        if not hasattr(self, "desk"):
            return
        passed = self.desk.rows(Handoff)
        found = {one.case_id: one for one in self.desk.rows(Ticket)}
        sent = {one.case_id: one for one in self.desk.rows(PoliceOrder)}
        for case in self.desk.rows(Case):
            mine = [one for one in (found.get(case.id), sent.get(case.id)) if one is not None]
            waiting = [one for one in passed if one.case_id == case.id and one.state in faces.OPEN_HANDOFFS]
            assert mine, "a registered matter has a face"
            assert len(waiting) <= 1
            if waiting:
                assert not [one for one in mine if one.state == "closed"], "no face is closed while feedback is missing"
            final = all(one.state in TICKET.final | ORDER.final for one in mine)
            assert (case.state == "closed") == final
            if case.id in self.dangerous:
                assert case.id in sent, "danger said by a person has its police order"
                assert sent[case.id].dispatched_at is not None, "and police were sent"
                assert sent[case.id].state not in ("awaiting", "registered")
            if case.state == "closed":
                running = self.desk.rows(Deadline, Deadline.case_id == case.id, Deadline.ended_at.is_(None))
                assert not running, f"{[one.duty for one in running]} goes on after the end"
            self.chain_holds(case.id)

    def chain_holds(self, case: str) -> None:
        previous = chain.FIRST
        for entry in sorted(self.desk.rows(JournalEntry, JournalEntry.chain == f"case:{case}"), key=lambda one: one.seq):
            said = {name: getattr(entry, name) for name in ("chain", "seq", "at", "actor", "unit", "desk", "action", "subject")}
            assert entry.previous == previous
            previous = chain.link(**said, detail=entry.detail, previous=previous)
            assert entry.hash == previous


@pytest.mark.timeout(300)
def test_a_town_s_life(furnished_sqlite: Path) -> None:
    TEMPLATE[:] = [furnished_sqlite]
    settings = hypothesis.settings(
        hypothesis.settings(),
        max_examples=5,
        stateful_step_count=30,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    run_state_machine_as_test(Life, settings=settings)
