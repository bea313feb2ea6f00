"""Timers run once each, at their time, whatever dies, and nobody's fault stops the others."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from router import job
from router.journal import outbox
from router.journal.outbox import News
from router.storage.base import moment
from router.storage.engine import Database
from router.timers import runner, timers
from router.timers.runner import Due, Handle, Handlers, Runner
from router.timers.timers import TIMER, Plan
from tests.journal.kit import T0, Clock, happens, opened
from tests.storage.parts import DATABASE_KINDS, run

needs_postgresql = pytest.mark.parametrize("server", [kind for kind in DATABASE_KINDS if kind == "postgresql"])
RULES = job.Rules(poll=0.02, first_wait=0.01, longest_wait=0.05)


def after(seconds: float) -> dt.datetime:
    return T0 + dt.timedelta(seconds=seconds)


async def set_(database: Database, *plans: Plan, now: dt.datetime = T0) -> None:
    async with database.write() as session:
        await timers.set_(session, plans, now)


async def said(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
    """A handler that leaves a trace in its transaction."""
    await outbox.write(session, [News(timer.id, {"late": (now - timer.due_at).total_seconds()})], now)


async def traces(database: Database) -> list[str]:
    async with database.read() as session:
        return list((await session.execute(select(outbox.OUTBOX.c.topic).order_by(outbox.OUTBOX.c.serial))).scalars())


async def _enough(database: Database, count: int) -> bool:
    return len(await traces(database)) >= count


async def row(database: Database, id_: str) -> Any:
    async with database.read() as session:
        return (await session.execute(select(TIMER).where(TIMER.c.id == id_))).one()


def worker(database: Database, clock: Clock, handle: Handle = said, owner: str = "w1", **options: Any) -> Runner:
    handlers = Handlers()
    handlers.register("test", handle)
    return Runner(database, owner, handlers, rules=RULES, clock=clock, chance=lambda: 1.0, **options)


async def look(*runners: Runner) -> None:
    """Each looks once; what they begin ends."""
    await asyncio.gather(*(one.once() for one in runners))
    for one in runners:
        await one.drained()


def test_a_timer_runs_at_its_time_and_once(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database:
            await set_(database, Plan("a", "test", after(10)), Plan("b", "test", after(0.5)), Plan("c", "other-kind", T0))
            one = worker(database, clock)
            assert 0 < await one.once() <= RULES.poll
            await one.drained()
            assert await traces(database) == []
            clock.now += 0.5
            await look(one)
            clock.now += 9.5
            await look(one)
            clock.now += 100
            await look(one)
            assert await traces(database) == ["b", "a"]
            assert ((await row(database, "a")).state, (await row(database, "a")).ended_at) == ("done", after(10))
            assert (await row(database, "c")).state == "pending"  # its handler is in another program

    run(story())


def test_a_second_timer_with_the_same_id_takes_the_place_of_the_first(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database:
            await set_(database, Plan("a", "test", after(10), subject="s1"))
            await set_(database, Plan("a", "test", after(20), subject="s1"))
            clock.now += 15
            await look(worker(database, clock))
            assert await traces(database) == []
            async with database.write() as session:
                await timers.cancel(session, "s1", after(15), kinds=["other"])
                assert (await session.execute(select(TIMER.c.state))).scalars().all() == ["pending"]
                await timers.cancel(session, "s1", after(15), kinds=["test"])
            clock.now += 15
            await look(worker(database, clock))
            assert (await traces(database), (await row(database, "a")).state) == ([], "cancelled")

    run(story())


def test_two_workers_do_nothing_twice(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database, opened(url) as other:
            await set_(database, *(Plan(f"t{n:03}", "test", after(-n), subject=f"s{n % 7}") for n in range(60)))
            one, two = worker(database, clock), worker(other, clock, owner="w2")
            stop = asyncio.Event()
            tasks = [asyncio.create_task(each.run(stop)) for each in (one, two)]
            await happens(lambda: _enough(database, 60), "all timers to run")
            stop.set()
            await asyncio.gather(*tasks)
            found = await traces(database)
            assert (len(found), len(set(found))) == (60, 60)

    run(story())


def test_a_worker_whose_lease_has_gone_to_another_writes_nothing(url: str) -> None:
    """It stood still in the middle of its work; meanwhile another did it."""

    async def story() -> None:
        clock, late = Clock(), Clock()
        late.now += runner.LEASE_SECONDS + 1
        async with opened(url) as database:
            entered, go_on = asyncio.Event(), asyncio.Event()

            async def slow(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
                entered.set()
                await go_on.wait()
                await said(session, timer, now)

            await set_(database, Plan("a", "test", T0))
            slept = worker(database, clock, slow)
            (due,) = await slept._claim(clock.now)
            await look(worker(database, late, owner="w2"))
            assert await traces(database) == ["a"]
            go_on.set()
            await slept._run(due)
            assert entered.is_set() and await traces(database) == ["a"]

    run(story())


def test_a_timer_that_is_moved_while_it_runs_is_undone_and_runs_at_its_new_time(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database:
            await set_(database, Plan("a", "test", T0))
            one = worker(database, clock)
            (due,) = await one._claim(clock.now)
            await set_(database, Plan("a", "test", after(60)))
            await one._run(due)
            assert await traces(database) == []
            clock.now += 60
            await look(one)
            assert await traces(database) == ["a"]

    run(story())


def test_a_handler_may_move_or_cancel_its_own_timer(url: str) -> None:
    async def again(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        await said(session, timer, now)
        if timer.id == "moves" and now < after(60):
            await timers.set_(session, [Plan("moves", "test", after(60), subject="s1")], now)
        if timer.id == "ends":
            await timers.set_(session, [Plan("ends", "test", after(60), subject="s2")], now)
            await timers.cancel(session, "s2", now)

    async def story() -> None:
        clock = Clock()
        async with opened(url) as database:
            await set_(
                database,
                Plan("moves", "test", T0, subject="s1"),
                Plan("ends", "test", T0, subject="s2", every=5),
                Plan("falls", "test", after(90), subject="s2"),
            )
            one = worker(database, clock, again)
            for _ in range(4):
                await look(one)
                clock.now += 40
            assert sorted(await traces(database)) == ["ends", "moves", "moves"]
            states = {name: (await row(database, name)).state for name in ("moves", "ends", "falls")}
            assert states == {"moves": "done", "ends": "cancelled", "falls": "cancelled"}

    run(story())


def test_what_fails_is_tried_again_later_and_kept_for_a_person_in_the_end(url: str) -> None:
    async def fails(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        await said(session, timer, now)
        raise ValueError("no such ticket")

    async def story() -> None:
        clock = Clock()
        async with opened(url) as database:
            await set_(database, Plan("a", "test", T0, subject="s1"), Plan("r", "test", T0, every=3600))
            one = worker(database, clock, fails, tries=3)
            with structlog.testing.capture_logs() as logs:
                await look(one)
                await look(one)  # not before its pause is over
                assert (await row(database, "a")).attempts == 1
                for _ in range(5):
                    clock.now += 10
                    await look(one)
            kept, recurs = await row(database, "a"), await row(database, "r")
            assert (kept.state, kept.attempts, kept.last_error) == ("failed", 3, "ValueError: no such ticket")
            assert (recurs.state, recurs.attempts, recurs.due_at) == ("pending", 0, after(3600))
            assert recurs.last_error == "ValueError: no such ticket"
            assert await traces(database) == []  # what a failed run wrote is undone
            events = [line["event"] for line in logs if line["timer"] == "a"]
            assert events == ["timers.handler_failed"] * 2 + ["timers.failed"]
            assert [line["event"] for line in logs if line["timer"] == "r"][-1] == "timers.run_given_up"

    run(story())


@pytest.mark.parametrize("fault", ["SELECT no_such_column FROM timer", "hang", "own row"])
def test_other_faults_of_a_handler_count_as_failures_and_stop_nobody_else(url: str, fault: str) -> None:
    async def handle(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        if timer.id != "bad":
            return await said(session, timer, now)
        if fault == "hang":
            return await asyncio.sleep(60)
        if fault == "own row":
            await session.execute(update(TIMER).where(TIMER.c.id == "bad").values(state="cancelled"))
            return None
        await session.execute(text(fault))
        return None

    async def story() -> None:
        clock = Clock()
        async with opened(url) as database:
            await set_(database, Plan("bad", "test", after(-1)), Plan("good", "test", T0))
            one = worker(database, clock, handle, longest_run=0.3)
            with structlog.testing.capture_logs() as logs:
                await look(one)
                await look(one)
            assert [line["event"] for line in logs] == ["timers.handler_failed"]
            bad = await row(database, "bad")
            assert (bad.state, bad.attempts, bad.lease_owner, bool(bad.last_error)) == ("pending", 1, None, True)
            assert await traces(database) == ["good"]

    run(story())


def test_an_outage_counts_as_no_attempt(sqlite: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(sqlite) as database:
            await set_(database, Plan("a", "test", T0))
            away = [True]

            async def handle(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
                if away:
                    away.pop()
                    await session.execute(text("SELECT 1"))
                    raise _locked()
                await said(session, timer, now)

            one = worker(database, clock, handle)
            stop = asyncio.Event()
            with structlog.testing.capture_logs() as logs:
                task = asyncio.create_task(one.run(stop))
                await happens(lambda: _enough(database, 1), "the timer to run")
                stop.set()
                await task
            assert [line["event"] for line in logs] == ["timers.database_lost", "timers.goes_on"]
            assert (await row(database, "a")).attempts == 0

    run(story())


def _locked() -> Exception:
    import sqlite3

    from sqlalchemy.exc import OperationalError

    return OperationalError("UPDATE …", {}, sqlite3.OperationalError("database is locked"))


def test_a_recurring_timer_keeps_its_rhythm_and_makes_up_for_nothing(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database:
            await set_(database, Plan("a", "test", after(10), every=10))
            one = worker(database, clock)
            clock.now += 13  # three seconds late
            await look(one)
            assert (await row(database, "a")).due_at == after(20)
            clock.now += 1000  # asleep for a hundred runs
            await look(one)
            await look(one)
            assert (await traces(database), (await row(database, "a")).due_at) == (["a", "a"], after(1020))

    run(story())


def test_late_timers_run_or_are_skipped_by_their_policy(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        clock.now += 100
        async with opened(url) as database:
            await set_(
                database,
                Plan("runs", "test", T0),
                Plan("too-late", "test", T0, misfire="skip", grace=99),
                Plan("in-time", "test", T0, misfire="skip", grace=101),
                Plan("next", "test", T0, every=60, misfire="skip", grace=30),
            )
            with structlog.testing.capture_logs() as logs:
                await look(worker(database, clock))
            assert sorted(await traces(database)) == ["in-time", "runs"]
            assert (await row(database, "too-late")).state == "skipped"
            assert ((await row(database, "next")).state, (await row(database, "next")).due_at) == ("pending", after(120))
            assert [line["event"] for line in logs] == ["timers.skipped"] * 2

    run(story())


def test_timers_of_one_subject_run_in_order(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database:
            plans = [Plan(f"{subject}{n}", "test", after(n - 9), subject=subject) for n in range(8) for subject in "xy"]
            await set_(database, *plans)
            one = worker(database, clock)
            for _ in range(3):
                await look(one)
            found = await traces(database)
            for subject in "xy":
                assert [name for name in found if name[0] == subject] == [f"{subject}{n}" for n in range(8)]

    run(story())


@needs_postgresql
def test_a_slow_handler_holds_up_no_other_subject(server: str, postgresql: str) -> None:
    """On SQLite one writes at a time anyway."""

    async def story() -> None:
        clock = Clock()
        other = asyncio.Event()

        async def handle(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
            if timer.subject == "slow":
                await other.wait()
            else:
                other.set()
            await said(session, timer, now)

        async with opened(postgresql) as database:
            await set_(database, Plan("a", "test", after(-5), subject="slow"), Plan("b", "test", after(-4), subject="quick"))
            await look(worker(database, clock, handle))
            assert sorted(await traces(database)) == ["a", "b"]

    run(story())


def test_a_graceful_stop_ends_the_handler_at_hand_and_gives_the_rest_back(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database:
            stop = asyncio.Event()

            async def handle(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
                stop.set()
                await said(session, timer, now)

            await set_(database, *(Plan(f"t{n}", "test", after(n - 9), subject="s") for n in range(5)))
            await worker(database, clock, handle).run(stop)
            assert await traces(database) == ["t0"]
            await look(worker(database, clock, owner="w2"))  # at once, not after the lease
            assert len(await traces(database)) == 5

    run(story())


def test_standing_timers_go_on_at_their_own_time_after_a_restart(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database:

            async def start(every: float, at: dt.datetime) -> None:
                async with database.write() as session:
                    await timers.ensure(session, [Plan("daily", "test", at, every=every)], at)

            await start(100, T0)
            await look(worker(database, clock))
            await start(100, after(50))
            assert (await row(database, "daily")).due_at == after(100)
            await start(200, after(60))
            assert ((await row(database, "daily")).due_at, (await row(database, "daily")).every) == (after(60), 200)

    run(story())


def test_an_idle_runner_sleeps_until_the_next_timer_but_no_longer_than_a_look(sqlite: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(sqlite) as database:
            one = worker(database, clock)
            one.rules = job.Rules(poll=1)
            assert await one.once() == 1
            await set_(database, Plan("a", "test", after(0.25)))
            assert await one.once() == pytest.approx(0.25)
            with _no_writes(database) as wrote:
                await one.once()
            assert wrote == []

    run(story())


@contextlib.contextmanager
def _no_writes(database: Database) -> Iterator[list[str]]:
    """What is written meanwhile."""
    from sqlalchemy import event

    seen: list[str] = []

    def on_execute(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("SELECT", "BEGIN DEFERRED", "PRAGMA")):
            seen.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", on_execute)
    try:
        yield seen
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", on_execute)


def test_ended_timers_are_dropped_after_a_month_and_failed_ones_stay(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database:
            await set_(database, Plan("done", "test", T0), Plan("failed", "test", T0), Plan("waits", "other", T0))
            async with database.write() as session:
                for state in ("done", "failed"):
                    await session.execute(update(TIMER).where(TIMER.c.id == state).values(state=state, ended_at=T0))
            clock.now += runner.KEEP_ENDED + 1
            await look(worker(database, clock))
            async with database.read() as session:
                assert (await session.execute(select(func.count()).select_from(TIMER))).scalar() == 2
            assert (await row(database, "failed")).state == "failed"

    run(story())


def test_when_a_recurring_timer_comes_next() -> None:
    for late, expected in ((0, 10), (9.9, 10), (10, 20), (25, 30), (-3, 10)):
        assert runner.next_time(T0, 10, after(late)) == after(expected)
    assert runner.backoff(1, 1.0) == 2 and runner.backoff(30, 1.0) == 600 and runner.backoff(30, 0.0) == 300
    assert moment(T0.timestamp()) == T0
