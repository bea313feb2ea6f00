"""Numbers over the phone: read back as written, a slip is noticed, none is given twice."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.casework import numbering
from router.errors import Invalid
from router.storage import migrations
from router.storage.engine import Database
from tests.storage.parts import run

DAY = dt.date(2026, 11, 25)
KINDS = st.sampled_from(sorted(numbering.LETTERS))
COUNTS = st.integers(1, 9_999_999)


@given(KINDS, COUNTS)
def test_a_number_is_read_however_it_is_written(kind: numbering.Kind, count: int) -> None:
    number = numbering.write(kind, DAY, count)
    assert numbering.read(number) == number
    assert numbering.read(f" {number.lower().replace('-', ' ')} ") == number


@given(KINDS, COUNTS, st.data())
def test_one_wrong_digit_or_two_swapped_are_noticed(kind: numbering.Kind, count: int, data: st.DataObject) -> None:
    number = numbering.write(kind, DAY, count)
    places = [place for place, char in enumerate(number) if char.isdigit()]
    at = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[at]]))
    with pytest.raises(Invalid):
        numbering.read(number[:at] + other + number[at + 1 :])
    index = data.draw(st.integers(0, len(places) - 2))
    left, right = places[index], places[index + 1]
    if number[left] != number[right]:
        swapped = list(number)
        swapped[left], swapped[right] = swapped[right], swapped[left]
        with pytest.raises(Invalid):
            numbering.read("".join(swapped))


@pytest.mark.parametrize(
    "text", ["", "G", "X261125-00042-7", "G261125-00042", "G261125-00042-7-7", "G２61125", "' OR 1=1", "G" * 500]
)
def test_what_is_no_number_is_told(text: str) -> None:
    with pytest.raises(Invalid, match="单号"):
        numbering.read(text)


def test_many_at_once_get_numbers_without_gaps(database_url: str) -> None:
    migrations.upgrade(database_url)

    async def take() -> list[str]:
        database = Database(database_url)

        async def one() -> str:
            async with database.write() as session:
                return await numbering.next_number(session, "ticket", dt.datetime(2026, 11, 25, 3, tzinfo=dt.UTC))

        try:
            return list(await asyncio.gather(*(one() for _ in range(12))))
        finally:
            await database.close()

    assert sorted(run(take())) == [numbering.write("ticket", DAY, count) for count in range(1, 13)]


def test_nobody_waits_for_a_number_that_another_transaction_holds(postgresql_url: str) -> None:
    migrations.upgrade(postgresql_url)
    now = dt.datetime(2026, 11, 25, 3, tzinfo=dt.UTC)

    async def take() -> list[str]:
        here, elsewhere = Database(postgresql_url), Database(postgresql_url)
        try:
            async with here.write() as slow:
                first = await numbering.next_number(slow, "case", now)
                async with elsewhere.write() as quick:
                    second = await numbering.next_number(quick, "case", now)
                await slow.rollback()
            async with elsewhere.write() as later:
                return [first, second, await numbering.next_number(later, "case", now)]
        finally:
            await here.close()
            await elsewhere.close()

    assert run(take(), 20) == [numbering.write("case", DAY, count) for count in (1, 2, 3)]


def test_two_processes_never_give_out_the_same_number(postgresql_url: str) -> None:
    migrations.upgrade(postgresql_url)
    now = dt.datetime(2026, 11, 25, 3, tzinfo=dt.UTC)

    async def take(count: int) -> list[str]:
        database = Database(postgresql_url)
        try:
            async with database.write() as session:
                return [await numbering.next_number(session, "case", now) for _ in range(count)]
        finally:
            await database.close()

    # each event loop has a block of its own, as each process has
    taken = [number for _ in range(3) for number in run(take(numbering.BLOCK + 3))]
    assert len(set(taken)) == len(taken)
