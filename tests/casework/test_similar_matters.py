"""The index of open matters keeps in step with what any process commits, and stays within its bounds."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from router import ids
from router.casework import similar
from router.casework.similar import Asked, Similar
from router.storage.base import table_of
from router.storage.casework import Case
from router.storage.engine import Database
from router.storage.journal import Outbox
from tests.casework.parts import DALI, KUNMING, START, keys
from tests.storage.parts import run

LEAK = "翠湖小区水管爆裂,路面全是水"
NOISE = "工地半夜打桩,吵得睡不着"


@pytest.fixture(autouse=True)
def opened_keys() -> None:
    keys()


class Others:
    """Other processes, which commit matters and tell of them."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.number = 0

    async def open(self, words: str, *, minutes: int = 0, serial: int | None = None, **more: Any) -> str:
        self.number += 1
        at = START + dt.timedelta(minutes=minutes or self.number)
        row: dict[str, Any] = {
            "id": ids.new(), "rev": 1, "number": f"S{self.number}", "city": KUNMING, "state": "open", "channel": "phone",
            "first_centre": "12345", "first_answered_at": at, "words": words, "place": "五华区翠湖小区3栋", "asked": {},
            "division": "530102", "item_chosen": False, "urgency": "normal", "confidentiality": "open", "legal_hold": False,
            "created_at": at, "created_by": "x", "updated_at": at,
        }  # fmt: skip
        async with self.database.write() as session:
            await session.execute(insert(table_of(Case)), [row | more])
            await self._tell(session, row["id"], serial)
        return str(row["id"])

    async def change(self, id_: str, **values: Any) -> None:
        async with self.database.write() as session:
            await session.execute(update(Case).where(Case.id == id_).values(**values))
            await self._tell(session, id_)

    async def _tell(self, session: Any, case: str, serial: int | None = None) -> None:
        row: dict[str, Any] = {"id": ids.new(), "at": START, "topic": "case.edited", "case_id": case, "audience": {}, "body": {}}
        await session.execute(insert(table_of(Outbox)), [row | ({} if serial is None else {"serial": serial})])


@asynccontextmanager
async def town(url: str, **more: Any) -> AsyncIterator[tuple[Others, Similar]]:
    others, own = Others(url), Database(url)
    index = Similar(own, [KUNMING], clock=lambda: START + dt.timedelta(days=1), **({"patience": 30.0} | more))
    try:
        yield others, index
    finally:
        await index.close()
        await own.close()
        await others.database.close()


async def found(index: Similar, words: str, city: str = KUNMING) -> list[str]:
    return [one.id for one in (await index.like(city, Asked(words), START + dt.timedelta(days=1))).matches if one.score > 0.5]


def test_what_others_commit_is_found_changed_and_gone(town_url: str) -> None:
    async def go() -> None:
        async with town(town_url) as (others, index):
            first = await others.open(LEAK)
            await others.open(LEAK, state="draft")
            await others.open(LEAK, city=DALI)
            await others.open(LEAK, merged_into=first)
            assert await found(index, LEAK) == [first] and len(index) == 1
            second = await others.open(LEAK)
            assert set(await found(index, LEAK)) == {first, second}
            await others.change(second, words=NOISE, place="官渡区世纪城")
            assert await found(index, LEAK) == [first] and await found(index, NOISE) == [second]
            await others.change(first, state="closed")
            assert await found(index, LEAK) == [] and len(index) == 1
            await others.change(first, state="open")
            assert await found(index, LEAK) == [first]
            assert await found(index, LEAK, DALI) == [], "a city without a centre here"

    run(go())


def test_a_transaction_that_commits_late_is_not_missed(town_url: str) -> None:
    """It drew its serial before another one, and was committed after it."""

    async def go() -> None:
        seconds = [0.0]
        async with town(town_url, elapsed=lambda: seconds[0]) as (others, index):
            assert await found(index, LEAK) == []
            early = await others.open(LEAK, serial=9_000)
            assert await found(index, LEAK) == [early]
            seconds[0] += similar.LATE / 2
            late = await others.open(LEAK, serial=8_999)
            assert set(await found(index, LEAK)) == {early, late}
            seconds[0] += similar.FORGOTTEN * 2
            assert set(await found(index, LEAK)) == {early, late}, "made anew after a long time"

    run(go())


def test_only_the_newest_are_kept_and_old_ones_are_not_looked_for(town_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "PAGE", 3)
    monkeypatch.setattr(similar, "NEWEST", 2)
    monkeypatch.setattr(similar, "BATCH", 4)

    async def go() -> None:
        async with town(town_url, most=7) as (others, index):
            await others.open(LEAK, minutes=-31 * 24 * 60)
            cases = [await others.open(LEAK, minutes=number) for number in range(1, 13)]
            assert set(await found(index, LEAK)) == set(cases[-7:]) and len(index) == 7
            newest = await others.open(LEAK, minutes=20)
            assert set(await found(index, LEAK)) == {newest, *cases[-6:]}, "the oldest goes first"

    run(go())


def test_who_asks_while_it_is_read_is_told_what_there_is(town_url: str) -> None:
    async def go() -> None:
        async with town(town_url, patience=0.0) as (others, index):
            await others.open(LEAK)
            asked = Asked(LEAK)
            assert not (await index.like(KUNMING, asked, START)).complete
            for _ in range(3_000):
                await asyncio.sleep(0.01)
                if (await index.like(KUNMING, asked, START)).matches:
                    break
            else:
                pytest.fail("it is never read")
        async with town(town_url) as (_, index):
            assert (await index.like(KUNMING, asked, START)).complete

    run(go())


def test_a_database_that_is_away_costs_matches_only(town_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        async with town(town_url) as (others, index):
            case = await others.open(LEAK)
            with monkeypatch.context() as patch:
                patch.setattr(index, "_rows", lambda *_: (_ for _ in ()).throw(OSError("away")))
                told = await index.like(KUNMING, Asked(LEAK), START)
                assert (list(told.matches), told.complete) == ([], False)
            assert await found(index, LEAK) == [case]
            async with others.database.read() as session:
                assert await session.scalar(select(Case.state).where(Case.id == case)) == "open"

    run(go())
