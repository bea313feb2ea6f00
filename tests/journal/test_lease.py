"""Leases: one holder at a time, ended by time, by a graceful stop, never by another."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from router.journal import lease
from router.journal.lease import Holder
from router.storage.base import moment
from tests.journal.kit import Clock, opened
from tests.storage.parts import run


def test_one_at_a_time(url: str) -> None:
    async def story() -> None:
        async with opened(url) as database:
            holders = [Holder(database, "job", f"w{n}") for n in range(6)]
            assert sum(await asyncio.gather(*(one.take() for one in holders))) == 1
            assert sum(await asyncio.gather(*(one.take() for one in holders))) == 1

    run(story())


def test_it_runs_out_by_itself(url: str) -> None:
    async def story() -> None:
        async with opened(url) as database:
            one, two = Holder(database, "job", "w1"), Holder(database, "job", "w2")
            assert await one.take()
            assert not await two.take()
            async with database.write() as session:
                await session.execute(update(lease.LEASE).values(until=moment(1000.0)))
            assert await two.take()
            with pytest.raises(lease.Lost):
                async with database.write() as session:
                    await one.keep(session)
            assert not one.sure and not await one.take()

    run(story())


def test_a_holder_gives_back_only_what_is_its_own(url: str) -> None:
    async def story() -> None:
        async with opened(url) as database:
            one, two = Holder(database, "job", "w1"), Holder(database, "job", "w2")
            assert await one.take()
            await two.give_back()
            assert not await two.take()
            await one.give_back()
            assert await two.take()

    run(story())


def test_certainty_ends_well_before_the_lease(sqlite: str) -> None:
    async def story() -> None:
        elapsed = Clock(100.0)
        async with opened(sqlite) as database:
            one = Holder(database, "job", "w1", seconds=4, elapsed=elapsed)
            assert await one.take() and one.sure
            elapsed.now += 1.9
            assert one.sure
            elapsed.now += 0.2
            assert not one.sure and await one.take() and one.sure

    run(story())
