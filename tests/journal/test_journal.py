"""Entries are appended to one chain in a row, and read back as they were written."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from router.journal import chain as links
from router.journal import journal, redact
from router.journal.journal import Note
from router.journal.verify import verify
from router.storage import sealed
from tests.journal.kit import OPERATOR, RING, T0, opened, write, write_notes
from tests.storage.parts import run


def test_a_timeline_is_read_in_pages_both_ways(url: str) -> None:
    async def story() -> None:
        async with opened(url) as database:
            await write(database, "case:1", *(f"step.{number}" for number in range(1, 8)))
            await write(database, "case:2", "other")
            async with database.read() as session:
                first = await journal.timeline(session, "case:1", limit=3)
                second = await journal.timeline(session, "case:1", after=first[-1].seq, limit=10)
                newest = await journal.timeline(session, "case:1", limit=2, newest_first=True)
                older = await journal.timeline(session, "case:1", limit=2, after=newest[-1].seq, newest_first=True)
        assert [one.action for one in first + second] == [f"step.{number}" for number in range(1, 8)]
        assert [one.seq for one in newest + older] == [7, 6, 5, 4]
        assert (first[0].at, first[0].actor, first[0].unit, first[0].detail) == (T0, "u-li", "12345", {"state": "step.1"})

    run(story())


def test_many_writers_of_one_chain_leave_no_gap(url: str) -> None:
    async def story() -> None:
        async with opened(url) as database:
            await asyncio.gather(*(write(database, "case:1", f"a{n}", f"b{n}") for n in range(8)))
            async with database.read() as session:
                entries = await journal.timeline(session, "case:1")
            assert [one.seq for one in entries] == list(range(1, 17))
            assert all(entries[at].action[1:] == entries[at + 1].action[1:] for at in range(0, 16, 2))
            assert (await verify(database, [])).ok

    run(story())


def test_a_detail_is_hashed_as_the_database_gives_it_back(url: str) -> None:
    odd = {"10": (1, 2), "9": 0.1, 2: "字\u0000字", "deep": {"b": None, "a": [True, 1e300]}}

    async def story() -> None:
        async with opened(url) as database:
            await write_notes(database, "case:1", [Note("odd", "t1", odd)])  # type: ignore[arg-type]
            async with database.read() as session:
                (entry,) = await journal.timeline(session, "case:1")
            assert entry.detail == {"10": [1, 2], "9": 0.1, "2": "字\u0000字", "deep": {"b": None, "a": [True, 1e300]}}
            assert (await verify(database, [])).ok

    run(story())


@pytest.mark.parametrize("detail", [{"x": float("nan")}, {"x": "half \ud800"}, {"x": T0}])
def test_a_detail_that_json_cannot_say_is_refused_and_nothing_is_written(sqlite: str, detail: dict[str, object]) -> None:
    async def story() -> None:
        async with opened(sqlite) as database:
            with pytest.raises((ValueError, TypeError)):
                await write_notes(database, "case:1", [Note("good", "t1"), Note("bad", "t1", detail)])
            async with database.read() as session:
                assert (await session.execute(select(journal.ENTRY.c.seq))).all() == []

    run(story())


def test_the_link_covers_every_member() -> None:
    said = {
        "chain": "case:1",
        "seq": 1,
        "at": T0,
        "actor": "u",
        "unit": "12345",
        "desk": "110",
        "action": "a",
        "subject": "s",
        "detail": {"x": 1},
        "previous": links.FIRST,
    }
    other = {**said, "at": T0.replace(microsecond=123457), "seq": 2, "detail": {"x": 2}, "previous": "1" * 64}
    other |= {name: f"{said[name]}x" for name in ("chain", "actor", "unit", "desk", "action", "subject")}
    hashes = {links.link(**{**said, name: other[name]}) for name in said}  # type: ignore[arg-type]
    assert len(hashes | {links.link(**said)}) == len(said) + 1  # type: ignore[arg-type]


def test_personal_data_is_named_by_a_salted_hash() -> None:
    name = redact.ref("number", "13800138000")
    assert name == redact.ref("number", "13800138000") != redact.ref("place", "13800138000")
    assert "13800138000" not in name and len(name) == len("number:") + 32
    sealed.use(sealed.Ring(RING.keys, b"j" * 32))
    assert redact.ref("number", "13800138000") != name


def test_erasing_a_case_leaves_a_note_and_nothing_else(url: str) -> None:
    async def story() -> None:
        async with opened(url) as database:
            await write(database, "case:1", "a", "b", "c")
            async with database.write() as session:
                await journal.erase(session, "1", OPERATOR, T0)
            async with database.read() as session:
                assert await journal.timeline(session, "case:1") == []
                (note,) = await journal.timeline(session, journal.SYSTEM)
            assert (note.action, note.subject, note.detail["seq"]) == ("case.erased", "1", 3)

    run(story())
