"""Random histories, played to the board on a real Valkey and to the oracle, on a clock moved by hand."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
import pytest_twisted
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from redis.asyncio import Redis
from twisted.internet.defer import ensureDeferred

from telephony.machines import seat as machine
from telephony.queues import records
from telephony.queues.board import Board
from tests.queues import waits
from tests.queues.conftest import Clock, fresh_board
from tests.queues.oracle import Oracle

T = TypeVar("T")

CENTRE, NEIGHBOUR = "12345", "12345-b"
CENTRES = (CENTRE, NEIGHBOUR)
SEATS = {
    "8001": (CENTRE, ("desk",), 0),
    "8002": (CENTRE, ("desk", "english"), 0),
    "8003": (CENTRE, ("desk",), 1),
    "9101": (CENTRE, ("linkage",), 0),
    "8101": (NEIGHBOUR, ("desk",), 0),
    "8102": (NEIGHBOUR, ("linkage",), 1),
}
STEPS = (
    (records.Step(("desk",), 10),),
    (records.Step(("linkage",), 10), records.Step(("desk",), 10)),
    (records.Step(("english",), 0), records.Step(("desk", "linkage"), 5)),
    (records.Step(("nobody",), 10), records.Step(("linkage",), 4), records.Step(("english",), 4)),
)

seats = st.sampled_from(sorted(SEATS))
attempts = st.sampled_from(["a", "b", "c", "d"])
owners = st.sampled_from(["a", "b", "c", "d", "p", "q"])
nodes = st.sampled_from(["n1", "n2"])
centres = st.sampled_from([CENTRE, CENTRE, NEIGHBOUR])
pauses = st.sampled_from([0.0, 0.25, 1.0, 4.0, 5.0, 9.75, 10.0, 30.0])


waiting_calls = st.builds(
    lambda attempt, age, **rest: records.Waiting(id=attempt, call=f"call-{attempt}", since=age, **rest),
    attempts,
    st.sampled_from([0.0, 0.0, 3.0, 12.0]),
    centre=centres,
    steps=st.sampled_from(STEPS),
    rank=st.integers(0, 2),
    node=nodes,
    exclude=st.sampled_from([(), (), ("8001",), ("8001", "8002"), ("8001", "8002", "8003", "9101")]),
    again=st.booleans(),
)
"""``since`` is an age here."""


class Histories(RuleBasedStateMachine):
    client: Redis

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(1_800_000_000.0)
        self.board: Board = fresh_board(self.client, self.clock)
        self.oracle = Oracle()
        self.oracle.now = self.clock.now
        self.spans: list[machine.Span] = []
        self.excludes: dict[str, tuple[str, ...]] = {}

    def ask(self, coroutine: Coroutine[Any, Any, T]) -> T:
        result: T = waits.waited(ensureDeferred(coroutine))
        for change in getattr(result, "changes", ()):
            if change.span is not None:
                self.spans.append(change.span)
        return result

    @initialize(
        order=st.permutations(sorted(SEATS)),
        crowd=st.lists(waiting_calls, max_size=5),
        helper=st.sampled_from(["", "8101", "8102"]),
    )
    def people_sit_down_and_call(self, order: list[str], crowd: list[records.Waiting], helper: str) -> None:
        for node in ("n1", "n2"):
            self.renew(node, {"call-a", "call-b", "call-c", "call-d"})
        for seat in order:
            self.sign_in(seat, True)
            self.time_passes(1.0)
        if helper:
            self.join(helper, ("desk",), "530181", False)
        for waiting in crowd:
            self.enqueue(waiting, False)

    # --- what happens

    @rule(seconds=pauses)
    def time_passes(self, seconds: float) -> None:
        self.clock.forward(seconds)
        self.oracle.now = self.clock.now

    @rule(seat=seats, available=st.booleans())
    def sign_in(self, seat: str, available: bool) -> None:
        centre, groups, priority = SEATS[seat]
        assert self.ask(self.board.sign_in(seat, centre, groups, priority, available))
        self.oracle.sign_in(seat, centre, groups, priority, available)

    def known(self, seat: str) -> bool:
        return seat in self.oracle.seats

    @rule(seat=seats, why=st.sampled_from(["unregistered", "expired"]))
    def sign_out(self, seat: str, why: str) -> None:
        if self.known(seat):
            self.ask(self.board.sign_out(seat, why))
            self.oracle.sign_out(seat, why)

    @rule(
        seat=seats,
        status=st.sampled_from(["available", "available", "paused", "wrap-up", "off"]),
        reason=st.sampled_from(["", "lunch"]),
        wrap=st.sampled_from([None, 5.0]),
    )
    def set_status(self, seat: str, status: machine.Status, reason: str, wrap: float | None) -> None:
        if self.known(seat):
            until = self.clock.now + wrap if wrap and status == "wrap-up" else None
            self.ask(self.board.set_status(seat, status, reason, until))
            self.oracle.set_status(seat, status, reason, until)

    @rule(waiting=waiting_calls, head=st.sampled_from([False, False, True]))
    def enqueue(self, waiting: records.Waiting, head: bool) -> None:
        waiting = msgspec.structs.replace(waiting, since=self.clock.now - waiting.since)
        self.ask(self.board.requeue_at_head(waiting) if head else self.board.enqueue(waiting))
        self.oracle.enqueue(waiting, head)

    @rule(attempt=attempts)
    def leave(self, attempt: str) -> None:
        assert bool(self.ask(self.board.leave(attempt))) == self.oracle.leave(attempt)

    @rule(
        seat=seats,
        groups=st.sampled_from([("desk",), ("linkage",), ("desk", "english")]),
        home=st.sampled_from(["530181", '安宁/"东"']),
        exclusive=st.booleans(),
    )
    def join(self, seat: str, groups: tuple[str, ...], home: str, exclusive: bool) -> None:
        """A seat helps the other centre."""
        if self.known(seat):
            centre = NEIGHBOUR if SEATS[seat][0] == CENTRE else CENTRE
            assert self.ask(self.board.join(seat, centre, groups, home, exclusive))
            assert self.oracle.join(seat, machine.Help(centre, groups, home, exclusive))

    @rule(seat=seats, centre=centres)
    def withdraw(self, seat: str, centre: str) -> None:
        if self.known(seat):
            assert self.ask(self.board.withdraw(seat, centre))
            self.oracle.withdraw(seat, centre)

    @rule()
    def withdraw_whoever_is_held(self) -> None:
        """Helpers are called back at the moment when they ring or talk."""
        for seat in list(self.oracle.seats.values()):
            if seat.owner and seat.helps:
                self.withdraw(seat.id, seat.helps[0].centre)

    @rule(centre=centres, ttl=st.sampled_from([4.0, 30.0]), node=st.sampled_from(["", "", "n1"]))
    def match(self, centre: str, ttl: float, node: str) -> None:
        free = {seat for seat in self.oracle.seats if self.oracle.seen(seat).state in ("idle", "reserved", "ringing")}
        foreseen = self.ask(self.board.next_wakeup(centre))
        round_ = self.ask(self.board.match(centre, ttl, node or None))
        offers, hopeless = self.oracle.match(centre, ttl, node)
        assert [(o.attempt, o.seat, o.step, o.home) for o in round_] == offers
        assert [(h.attempt, h.why) for h in round_.hopeless] == hopeless
        won = [offer.seat for offer in round_]
        assert len(set(won)) == len(won) and set(won) <= free
        for wakeup in (foreseen, round_.wakeup):
            assert wakeup is None or wakeup > self.clock.now

    @rule(answers=st.booleans(), seconds=pauses, wrap=st.sampled_from([None, 5.0, 20.0]), unreachable=st.booleans())
    def phones_ring(self, answers: bool, seconds: float, wrap: float | None, unreachable: bool) -> None:
        """A whole turn: everybody who can be served is rung, and answers and hangs up, or not."""
        for centre in CENTRES:
            self.match(centre, 30.0, "")
        held = {s.id: s.owner for s in self.oracle.seats.values() if s.state == "reserved"}
        for seat, owner in held.items():
            self.ringing(seat, owner, False)
            if answers:
                self.talking(seat, owner, False, "n1")
                self.leave(owner)
        self.time_passes(seconds)
        for seat, owner in held.items():
            self.release(seat, owner, False, wrap if answers else None, unreachable and not answers)

    @rule(seat=seats, owner=owners, node=nodes, force=st.booleans())
    def claim(self, seat: str, owner: str, node: str, force: bool) -> None:
        if self.known(seat):
            done = self.ask(self.board.claim(seat, owner, call=f"call-{owner}", node=node, force=force, ttl=10))
            assert bool(done) == self.oracle.claim(seat, owner, f"call-{owner}", node, 10, force)

    def held(self, seat: str, owner: str, mine: bool) -> str:
        """Mostly the real owner, else things never get far."""
        return self.oracle.seats[seat].owner or owner if mine else owner

    @rule(seat=seats, owner=owners, mine=st.booleans())
    def ringing(self, seat: str, owner: str, mine: bool) -> None:
        if self.known(seat):
            owner = self.held(seat, owner, mine)
            assert bool(self.ask(self.board.ringing(seat, owner, 20))) == self.oracle.ringing(seat, owner, 20)

    @rule(seat=seats, owner=owners, mine=st.booleans(), node=nodes)
    def talking(self, seat: str, owner: str, mine: bool, node: str) -> None:
        if self.known(seat):
            owner = self.held(seat, owner, mine)
            done = self.ask(self.board.talking(seat, owner, f"call-{owner}", node))
            assert bool(done) == self.oracle.talking(seat, owner, f"call-{owner}", node)

    @rule(seat=seats, node=nodes)
    def own_call(self, seat: str, node: str) -> None:
        if self.known(seat):
            done = self.ask(self.board.busy_by_own_call(seat, "own", "call-own", node))
            assert bool(done) == self.oracle.own_call(seat, "own", "call-own", node)

    @rule(
        seat=seats,
        owner=owners,
        mine=st.sampled_from([True, True, False]),
        wrap=st.sampled_from([None, 5.0]),
        unreachable=st.booleans(),
    )
    def release(self, seat: str, owner: str, mine: bool, wrap: float | None, unreachable: bool) -> None:
        if self.known(seat):
            owner = self.held(seat, owner, mine)
            until = self.clock.now + wrap if wrap else None
            done = self.ask(self.board.release(seat, owner, until, unreachable))
            assert bool(done) == self.oracle.release(seat, owner, until, unreachable)

    @rule(node=nodes, calls=st.sets(owners.map("call-{}".format)))
    def renew(self, node: str, calls: set[str]) -> None:
        self.ask(self.board.renew(node, sorted(calls)))
        self.oracle.renew(node, calls)

    @rule(node=nodes)
    def reset_node(self, node: str) -> None:
        self.ask(self.board.reset_node(node))
        self.oracle.reset_node(node)

    @rule()
    def sweep(self) -> None:
        self.ask(self.board.sweep())
        self.oracle.sweep()

    # --- what is always true

    @invariant()
    def board_and_oracle_agree(self) -> None:
        found = self.ask(self.board.seats())
        assert found == sorted((self.oracle.seen(seat) for seat in self.oracle.seats), key=lambda seat: seat.id)
        for centre in CENTRES:
            queued = self.ask(self.board.waiting(centre))
            assert [(q.waiting.id, bool(q.seat)) for q in queued] == [(a, bool(s)) for a, s in self.oracle.waiting(centre)]
            assert [q.waiting for q in queued] == [self.oracle.entries[q.waiting.id].waiting for q in queued]
        assert Counter(self.spans) == Counter(self.oracle.spans)

    @invariant()
    def a_held_seat_has_an_owner_and_an_end(self) -> None:
        for seat in self.oracle.seats.values():
            assert (seat.state == "idle") == (seat.owner == "") == (seat.expires is None)
            assert seat.status == "wrap-up" or seat.wrap_up_until is None

    # --- how it ends

    def teardown(self) -> None:
        """Whatever has happened: once people are back at their seats and answer, everybody who waits is served in a while, and
        then every seat is free."""
        expected = {q.waiting.id for centre in CENTRES for q in self.ask(self.board.waiting(centre))}
        if not self.oracle.seats:
            return
        for seat in SEATS:
            self.sign_in(seat, True)
            self.set_status(seat, "available", "", None)
            for help_ in self.oracle.seats[seat].helps:
                if help_.exclusive:  # its own centre may have nobody else
                    self.withdraw(seat, help_.centre)
        served: set[str] = set()
        for _ in itertools.repeat(None, 40):
            self.clock.forward(5)
            self.oracle.now = self.clock.now
            for node in ("n1", "n2"):
                calls = {f"call-{attempt}" for attempt in expected - served}
                # what still talks from before is over: nobody renews it, and its lease ends it
                self.ask(self.board.renew(node, sorted(calls if node == "n1" else ()), sorted(expected - served)))
            for centre in CENTRES:
                self.serve_all(centre, served)
        assert [self.ask(self.board.waiting(centre)) for centre in CENTRES] == [[], []]
        for _ in itertools.repeat(None, 7):  # longer than a lease, and never so long that it looks like an outage
            self.clock.forward(5)
            self.ask(self.board.renew("n1", []))
        self.ask(self.board.sweep())
        assert {seat.state for seat in self.ask(self.board.seats())} == {"idle"}

    def serve_all(self, centre: str, served: set[str]) -> None:
        round_ = self.ask(self.board.match(centre))
        for hopeless in round_.hopeless:
            assert hopeless.why == "tried"
            self.ask(self.board.leave(hopeless.attempt))
            served.add(hopeless.attempt)
        for offer in round_:
            assert offer.attempt not in served
            assert self.ask(self.board.talking(offer.seat, offer.attempt, offer.call, offer.node))
            assert self.ask(self.board.leave(offer.attempt))
            assert self.ask(self.board.release(offer.seat, offer.attempt))
            served.add(offer.attempt)
        for queued in self.ask(self.board.waiting(centre)):
            if queued.seat:  # rung or talked to when the history ended: whoever held it lets go
                assert self.ask(self.board.release(queued.seat, queued.waiting.id))


@pytest_twisted.ensureDeferred
async def test_board_and_oracle_agree_on_random_histories_and_nobody_waits_for_ever(client: Redis) -> None:
    histories = type("Histories", (Histories,), {"client": client})
    rules = settings(
        max_examples=80,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # making a failure shorter takes minutes: add Phase.shrink when there is one
        suppress_health_check=list(HealthCheck),
    )
    await waits.aside(functools.partial(run_state_machine_as_test, histories, settings=rules))
