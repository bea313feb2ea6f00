"""Seats from elsewhere: proposed when a queue is too long, let in and withdrawn on the real stream, never left where they should
not be."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from router import bus, job
from router.access.actor import Actor
from router.errors import Conflict, Forbidden, ImpossibleTransition, Invalid, NotFound, Stale
from router.journal import journal, relay, routes
from router.journal.deliver import Deliverer
from router.linkage.support import reinforcements, reinforcing
from router.linkage.support.reinforcements import NOTICE, TROUBLE, Rules, needed
from router.linkage.support.reinforcing import KIND, Helper, Watcher
from router.storage import call_records
from router.storage.journal import Delivery, JournalEntry, Outbox
from router.storage.resources import Reinforcement
from telephony import contract
from tests import servers
from tests.calls.responder import Answer, Responder, done, responder
from tests.casework.parts import DALI, KUNMING, SYSTEM, installation
from tests.linkage.parts import CHIEF, Station, operator
from tests.storage import facts
from tests.storage.parts import run

ANNING = "110-anning"
FLOOR = reinforcements.of(installation())
BOSS = Actor(id="boss", role="supervisor", unit="110", desk="110", city=KUNMING, side="110")
HOTLINE = Actor(id="hot", role="supervisor", unit="12345", desk="12345", city=KUNMING, side="12345")


def propose(station: Station, centre: str = ANNING, actor: Actor = CHIEF) -> Reinforcement:
    return station.do(actor, reinforcements.propose, centre, "暴雨,话务激增")


def approve(station: Station, row: Reinforcement, *seats: str, actor: Actor = CHIEF, **more: Any) -> Reinforcement:
    return station.do(actor, reinforcements.approve, FLOOR, row.id, seats, **more)


def helping(station: Station, *seats: str) -> Reinforcement:
    return approve(station, propose(station), *seats)


def withdraw(station: Station, row: Reinforcement, actor: Actor = CHIEF) -> Reinforcement:
    return station.do(actor, reinforcements.withdraw, FLOOR, row.id)


def row_of(station: Station, row: Reinforcement) -> Reinforcement:
    return station.rows(Reinforcement, Reinforcement.id == row.id)[0]


# --- how queues are made in a test


def waits(call: str, at: float, centre: str = "110", **more: Any) -> contract.LiveCall:
    facts_ = contract.CallFacts(
        **{"id": call, "rev": 1, "kind": "inbound", "centre": centre, "called": "110", "started_at": at, "queued_at": at, **more}
    )
    return contract.LiveCall(call=facts_, at=at)


def look(station: Station, valkey: servers.Valkey, *live: contract.LiveCall) -> None:
    """One look at queues in which these calls are."""

    async def once() -> None:
        client: Any = bus.connect(valkey.url, name="test")
        try:
            await client.delete(contract.LIVE)
            for one in live:
                await client.hset(contract.LIVE, one.call.id, contract.encode(one))
            clock = station.now.timestamp
            await Watcher(client, station.database, "w1", station.town, FLOOR, clock=clock).once()
        finally:
            await client.aclose()

    run(once())


def crowd(station: Station, count: int = 11, ago: float = 20, **more: Any) -> list[contract.LiveCall]:
    at = station.now.timestamp() - ago
    return [waits(f"c{number}", at, **more) for number in range(count)]


def record(station: Station, *events: contract.AnyEvent) -> None:
    async def write() -> None:
        async with station.database.write() as session:
            await call_records.apply_all(session, events)

    run(write())


def seat(station: Station, name: str, status: str = "available", state: str = "idle") -> None:
    at = station.now.timestamp() - 60
    change: dict[str, Any] = {"seat": name, "centre": "110", "reason": "", "status": status, "state": state, "at": at}
    record(station, facts.event(contract.SeatChanged, "", **change))


def past_calls(station: Station, left: int, taken: int, *, ago: float = 300, **more: Any) -> None:
    """Calls to 110 that ended so long ago: callers who gave up, and those who were answered."""
    at = station.now.timestamp() - ago
    base = {"started_at": at - 60, "queued_at": at - 60, "ended_at": at, **more}
    found = [facts.call(f"left{ago}-{n}", end_cause="abandoned", **base) for n in range(left)]
    found += [facts.call(f"took{ago}-{n}", end_cause="caller_left", answered_at=at - 30, **base) for n in range(taken)]
    record(station, *found)


def proposals(station: Station) -> list[Reinforcement]:
    return sorted(station.rows(Reinforcement), key=lambda one: one.proposed_at)


# --- how the call core is told


def deliver(station: Station, valkey: servers.Valkey) -> None:
    """What relay and deliverer do once, by the clock of the test, one delivery after the other."""

    async def once() -> None:
        async with station.database.write() as session:
            found = (await session.scalars(select(Outbox).order_by(Outbox.serial))).all()
            parcels = await reinforcing.route(session, [relay.item(one) for one in found])
            await routes.write(session, parcels, station.now)
        client = bus.connect(valkey.url, name="test")
        helper = Helper(client, station.database, station.town, clock=station.now.timestamp)
        one = Deliverer(
            station.database, "w1", {KIND: helper}, rules=job.Rules(poll=0.05), clock=station.now.timestamp, chance=lambda: 1.0
        )
        try:
            for _ in range(5):
                await one.once()
                while one._tasks:
                    await asyncio.wait(list(one._tasks))
        finally:
            await client.aclose()

    run(once())


def told(core: Responder) -> list[tuple[str, str]]:
    return [(type(one).__name__, one.seat) for one in core.commands]


def waiting(station: Station) -> int:
    return sum(one.done_at is None for one in station.rows(Delivery, Delivery.kind == KIND))


# --- when help is needed


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ((10, 120, 0.15), ()),
        ((11, 0, 0), ("排队11人,超过10人",)),
        ((1, 121, 0), ("最久等待121秒,超过120秒",)),
        ((0, 0, 0.2), ("近15分钟放弃率20.0%,超过15.0%",)),
        ((11, 130, 0.2), ("排队11人,超过10人", "最久等待130秒,超过120秒", "近15分钟放弃率20.0%,超过15.0%")),
    ],
)
def test_what_passes_a_threshold_is_said_with_its_figure(figures: tuple[int, float, float], said: tuple[str, ...]) -> None:
    assert needed(*figures, 0, Rules()) == said


def test_free_seats_for_all_who_wait_are_enough() -> None:
    assert needed(12, 300, 0.9, 12, Rules()) == ()
    assert len(needed(12, 300, 0.9, 11, Rules())) == 3


@given(
    st.integers(0, 50), st.floats(0, 600), st.floats(0, 1), st.integers(0, 50),
    st.integers(0, 5), st.floats(0, 60), st.floats(0, 1), st.integers(0, 5),
)  # fmt: skip
def test_a_worse_queue_never_needs_less(
    waiting: int, longest: float, share: float, free: int, more: int, longer: float, worse: float, fewer: int
) -> None:
    before = needed(waiting, longest, share, free, Rules())
    after = needed(waiting + more, longest + longer, min(1.0, share + worse), max(0, free - fewer), Rules())
    assert len(after) >= len(before)


# --- proposing


def test_a_long_queue_is_proposed_once_to_its_supervisors(station: Station, valkey: servers.Valkey) -> None:
    for _ in range(3):
        look(station, valkey, *crowd(station))
        station.wait(seconds=reinforcing.EVERY)
    (one,) = proposals(station)
    assert (one.centre, one.state, one.measured["waiting"], one.measured["longest"]) == ("110", "proposed", 11, 20.0)
    (notice,) = station.notices("110", NOTICE)
    assert notice.role == "supervisor" and "排队11人" in notice.text


def test_queues_are_looked_at_every_half_minute_however_often_a_worker_is_woken(station: Station, valkey: servers.Valkey) -> None:
    async def woken() -> list[float]:
        client: Any = bus.connect(valkey.url, name="test")
        one = Watcher(client, station.database, "w1", station.town, FLOOR, clock=station.now.timestamp)
        try:
            found = [await one.once()]
            for live in crowd(station):
                await client.hset(contract.LIVE, live.call.id, contract.encode(live))
            one.clock = (station.now + reinforcing.BACK / 90).timestamp  # ten seconds
            return [*found, await one.once()]
        finally:
            await client.aclose()

    assert run(woken()) == [30.0, 20.0]
    assert proposals(station) == []


def test_those_who_are_answered_overflowed_or_gone_do_not_wait(station: Station, valkey: servers.Valkey) -> None:
    now = station.now.timestamp()
    look(station, valkey, *crowd(station, answered_at=now))
    station.wait(seconds=reinforcing.EVERY)
    record(station, *(facts.call(f"c{n}", rev=9, started_at=now, ended_at=now, end_cause="node_lost") for n in range(11)))
    look(station, valkey, *crowd(station))
    assert proposals(station) == [], "the node that told of them has died"
    station.wait(seconds=reinforcing.EVERY)
    look(station, valkey, *[waits(f"o{n}", now, centre="110", overflowed_to=ANNING) for n in range(11)])
    assert [one.centre for one in proposals(station)] == [ANNING]


def test_a_hand_over_that_waits_counts(station: Station, valkey: servers.Valkey) -> None:
    now = station.now.timestamp()
    asked = contract.TransferFacts(
        id="t", call="c", rev=1, kind="three-way", by="key", asker="p", from_centre="12345", to_centre="110", started_at=now - 130
    )
    talk = waits("c", now - 400, centre="12345", answered_at=now - 380)
    look(station, valkey, contract.LiveCall(call=talk.call, at=talk.at, transfers=(asked,)))
    (one,) = proposals(station)
    assert (one.centre, one.measured["waiting"], one.measured["longest"]) == ("110", 1, 130.0)


def test_free_seats_of_the_centre_keep_it_quiet(station: Station, valkey: servers.Valkey) -> None:
    for name in ("9001", "9090"):
        seat(station, name)
    seat(station, "9002", state="talking")
    one = waits("c", station.now.timestamp() - 300)
    look(station, valkey, one)
    assert proposals(station) == [], "one waits, one is free"
    station.wait(seconds=reinforcing.EVERY)
    look(station, valkey, one, waits("d", station.now.timestamp()))
    assert proposals(station)[0].measured["seats_free"] == 1, "a supervisor's seat takes no callers"


def test_callers_who_give_up_are_counted_over_a_quarter_of_an_hour(station: Station, valkey: servers.Valkey) -> None:
    past_calls(station, 9, 1, ago=901)
    past_calls(station, 4, 5)
    look(station, valkey)
    assert proposals(station) == [], "nine calls say nothing"
    past_calls(station, 0, 11, ago=200)
    station.wait(seconds=reinforcing.EVERY)
    look(station, valkey)
    (one,) = proposals(station)
    assert one.measured["abandoned_share"] == 0.2 and one.reason == "近15分钟放弃率20.0%,超过15.0%"


def test_after_a_no_nothing_is_proposed_for_half_an_hour(station: Station, valkey: servers.Valkey) -> None:
    look(station, valkey, *crowd(station))
    station.do(CHIEF, reinforcements.decline, proposals(station)[0].id, "即将交接班", approver="王值班")
    assert station.notices("110", NOTICE) == []
    station.wait(minutes=29)
    look(station, valkey, *crowd(station))
    assert [(one.state, one.decided_by) for one in proposals(station)] == [("declined", "王值班")]
    station.wait(minutes=2)
    look(station, valkey, *crowd(station))
    assert [one.state for one in proposals(station)] == ["declined", "proposed"]


def test_nothing_is_proposed_while_the_queues_can_not_be_seen(station: Station, valkey: servers.Valkey) -> None:
    past_calls(station, 20, 0)
    valkey.kill()

    async def once() -> float:
        client = bus.connect(valkey.url, name="test")
        try:
            return await Watcher(client, station.database, "w1", station.town, FLOOR, clock=station.now.timestamp).once()
        finally:
            await client.aclose()

    assert run(once()) == reinforcing.EVERY
    assert proposals(station) == []


def test_one_open_proposal_for_each_centre(station: Station) -> None:
    one = propose(station)
    with pytest.raises(Conflict):
        propose(station)
    approve(station, one, "9001")
    with pytest.raises(Conflict):
        propose(station)
    withdraw(station, one)
    assert propose(station).id != one.id
    assert propose(station, "110").state == "proposed"


# --- who may decide, and which seats can help


@pytest.mark.parametrize(
    "seats", [[], ["9201"], ["8001"], ["9090"], ["7001"], ["0000"]], ids=["none", "own", "12345", "supervisor", "duty", "unknown"]
)
def test_seats_that_can_not_help_are_named(station: Station, seats: list[str]) -> None:
    one = propose(station)
    with pytest.raises(Invalid) as error:
        approve(station, one, *seats)
    assert error.value.facts["field"] == "seats"
    assert row_of(station, one).state == "proposed" and station.told(reinforcements.JOIN) == []


def test_supervisors_decide_for_their_own_line_and_city_only(station: Station) -> None:
    one = propose(station, actor=BOSS)
    elsewhere = dataclasses.replace(CHIEF, city=DALI)
    for actor, refusal in ((HOTLINE, Forbidden), (operator(), Forbidden), (elsewhere, NotFound)):
        with pytest.raises(refusal):
            approve(station, one, "9001", actor=actor)
        with pytest.raises(refusal):
            withdraw(station, one, actor)
    assert approve(station, one, "9001", actor=BOSS).state == "active"


def test_seats_of_two_regions_need_the_region_said(station: Station) -> None:
    one = propose(station, "110")
    with pytest.raises(Invalid) as error:
        approve(station, one, "9201", "9301")
    assert error.value.facts["field"] == "region"
    with pytest.raises(Invalid):
        approve(station, one, "9201", region="999999")
    assert approve(station, one, "9201", "9301", region="530000").region == "530000"


def test_two_who_decide_do_not_overwrite_one_another(station: Station) -> None:
    one = propose(station)
    approve(station, one, "9001", rev=1)
    with pytest.raises(Stale):
        station.do(CHIEF, reinforcements.decline, one.id, "不需要", rev=1)
    with pytest.raises(ImpossibleTransition):
        station.do(CHIEF, reinforcements.decline, one.id, "不需要")


def test_each_decision_is_journalled_with_who_and_which_seats(station: Station) -> None:
    one = helping(station, "9002", "9001")
    withdraw(station, one)
    entries = station.rows(JournalEntry, JournalEntry.chain == journal.SYSTEM, JournalEntry.subject == one.id)
    found = {each.action: each for each in entries}
    assert set(found) == {"reinforcement.propose", "reinforcement.approve", "reinforcement.withdraw"}
    assert found["reinforcement.approve"].detail["seats"] == ["9001", "9002"]
    assert row_of(station, one).withdrawn_by == CHIEF.id


# --- what the call core is told


def test_approved_seats_join_and_withdrawn_ones_leave(station: Station, valkey: servers.Valkey) -> None:
    one = helping(station, "9001", "9002")
    with responder(valkey.url) as core:
        deliver(station, valkey)
        assert sorted((each.seat, each.centre, each.groups, each.home, each.exclusive) for each in core.commands) == [
            (name, ANNING, ("dispatch",), "530100", False) for name in ("9001", "9002")
        ]
        station.wait(minutes=5)
        withdraw(station, one)
        withdraw(station, one)
        deliver(station, valkey)
    assert sorted(told(core)[2:]) == [("LeaveQueue", "9001"), ("LeaveQueue", "9002")]
    assert waiting(station) == 0


def test_a_core_that_says_nothing_is_asked_again_with_the_same_id(
    station: Station, valkey: servers.Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reinforcing, "ANSWER", 0.3)
    silent: list[str] = []

    def once_silent(command: contract.AnyCommand) -> list[contract.Event]:
        silent.append(command.id)
        return [] if len(silent) == 1 else [done(command)]

    helping(station, "9001")
    with responder(valkey.url, once_silent) as core:
        deliver(station, valkey)
        assert waiting(station) == 1
        station.wait(seconds=90)
        deliver(station, valkey)
        station.wait(seconds=90)
        deliver(station, valkey)
    assert told(core) == [("JoinQueue", "9001")] * 2 and len({one.id for one in core.commands}) == 1
    assert waiting(station) == 0


def test_a_seat_withdrawn_before_it_was_told_never_joins(station: Station, valkey: servers.Valkey) -> None:
    withdraw(station, helping(station, "9001"))
    with responder(valkey.url) as core:
        deliver(station, valkey)
    assert told(core) and {name for name, _ in told(core)} == {"LeaveQueue"}


def test_an_old_withdrawal_does_not_end_new_help(station: Station, valkey: servers.Valkey) -> None:
    withdraw(station, helping(station, "9001"))
    helping(station, "9001")
    with responder(valkey.url) as core:
        deliver(station, valkey)
    assert told(core) and {name for name, _ in told(core)} == {"JoinQueue"}


def test_withdrawn_while_it_joins_the_seat_is_taken_out_again(station: Station, valkey: servers.Valkey) -> None:
    one = helping(station, "9001")

    def slow(command: contract.AnyCommand) -> list[contract.Event]:
        if isinstance(command, contract.JoinQueue):
            withdraw(station, one)
        return [done(command)]

    with responder(valkey.url, slow) as core:
        deliver(station, valkey)
        assert told(core) == [("JoinQueue", "9001")] and waiting(station) == 1
        station.wait(seconds=5)
        deliver(station, valkey)
    assert {name for name, _ in told(core)[1:]} == {"LeaveQueue"} and waiting(station) == 0


def test_supervisors_learn_of_a_seat_that_the_core_refuses(station: Station, valkey: servers.Valkey) -> None:
    refuse: Answer = lambda command: [done(command, ok=False, code="seat.unknown")]  # noqa: E731
    one = helping(station, "9001")
    with responder(valkey.url, refuse) as core:
        deliver(station, valkey)
        station.wait(hours=1)
        deliver(station, valkey)
    assert len(core.commands) == 1, "it says no again"
    (notice,) = station.notices(ANNING, TROUBLE)
    assert "9001" in notice.text and "seat.unknown" in notice.text
    withdraw(station, one)
    assert station.notices(ANNING, TROUBLE) == []


# --- what came of it


def test_only_what_the_seats_answered_for_the_helped_centre_counts(station: Station) -> None:
    one = helping(station, "9001")
    at = station.now.timestamp() + 10

    def spoke(number: int, **more: Any) -> contract.PartyChanged:
        base: dict[str, Any] = {"role": "police", "seat": "9001", "centre": ANNING, "home": "530100"}
        return facts.party(f"p{number}", f"c{number}", **{**base, "invited_at": at, "joined_at": at + 3, **more})

    record(
        station, spoke(1), spoke(2, joined_at=None), spoke(3, centre="110", home=""), spoke(4, seat="9002"),
        spoke(5, invited_at=at - 60), spoke(6, invited_at=at + 900),
    )  # fmt: skip
    station.wait(minutes=10)
    withdraw(station, one)

    async def count(work: Any) -> int:
        return await reinforcements.answered(work.session, row_now)

    row_now = row_of(station, one)
    assert station.do(SYSTEM, count) == 1


def test_the_shipped_thresholds_are_those_of_the_configuration() -> None:
    limits = installation().installation.linkage
    assert FLOOR.rules == Rules(limits.wait_most, limits.longest_wait, limits.abandoned_share) == Rules(10, 120, 0.15)
