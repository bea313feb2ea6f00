"""Checkpoints: signed lines outside SQL, through crashes, power cuts and full disks."""

from __future__ import annotations

import asyncio
import concurrent.futures
import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select, update

from router.journal import book, checkpoint
from router.journal.book import BookUnwritable
from router.journal.checkpoint import HEAD, Sealer, seal
from router.journal.findings import Findings
from router.journal.verify import verify
from router.storage.engine import Database
from tests.journal.kit import T0, Clock, opened, write
from tests.storage.parts import run


def lines(data: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in book.months(data / "journal") for line in file.read_bytes().splitlines()]


async def whole(database: Database, data: Path) -> Findings:
    return await verify(database, [data / "journal"])


def test_a_line_holds_the_heads_that_changed_since_the_last_one(url: str, tmp_path: Path) -> None:
    async def story() -> None:
        written = checkpoint.book_of(tmp_path)
        async with opened(url) as database:
            await write(database, "case:1", "a", "b")
            await write(database, "case:2", "a")
            assert await seal(database, written, T0) == 2
            assert await seal(database, written, T0) == 0
            await write(database, "case:2", "b")
            assert await seal(database, written, T0 + dt.timedelta(minutes=1)) == 1
            first, second = lines(tmp_path)
            assert {chain: head[0] for chain, head in first["heads"].items()} == {"case:1": 2, "case:2": 1}
            assert {chain: head[0] for chain, head in second["heads"].items()} == {"case:2": 2}
            assert (first["number"], second["number"], second["totals"]) == (1, 2, {"chains": 2, "entries": 4})
            raw = (tmp_path / "journal" / "2026-05.jsonl").read_bytes().splitlines()
            assert second["previous"] == book.hash_of(raw[0])
            found = await whole(database, tmp_path)
            assert (found.ok, found.checkpoints, found.chains, found.entries) == (True, 2, 2, 4)

    run(story())


def test_what_is_written_while_a_line_is_made_waits_for_the_next(sqlite: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(sqlite) as database:
            await write(database, "case:1", "a")
            written = checkpoint.book_of(tmp_path)
            append = written.append

            def slowly(*arguments: Any) -> Any:
                mark = append(*arguments)
                asyncio.run_coroutine_threadsafe(write(database, "case:1", "b"), loop).result()
                return mark

            loop = asyncio.get_running_loop()
            written.append = slowly  # type: ignore[method-assign]
            await seal(database, written, T0)
            written.append = append  # type: ignore[method-assign]
            assert await seal(database, written, T0) == 1
            assert [line["heads"]["case:1"][0] for line in lines(tmp_path)] == [1, 2]

    run(story())


def test_a_crash_between_disk_and_database_is_harmless(url: str, tmp_path: Path) -> None:
    async def story() -> None:
        written = checkpoint.book_of(tmp_path)
        async with opened(url) as database:
            await write(database, "case:1", "a")
            async with database.read() as session:
                row = (await session.execute(select(HEAD))).one()
            written.append({"case:1": (row.seq, row.hash)}, {"chains": 1, "entries": 1}, T0)  # and the process is gone
            assert await seal(database, written, T0) == 1
            assert [line["number"] for line in lines(tmp_path)] == [1, 2]
            assert (await whole(database, tmp_path)).ok

    run(story())


def test_a_torn_line_is_cut_off_and_told(sqlite: str, tmp_path: Path) -> None:
    async def story() -> None:
        written = checkpoint.book_of(tmp_path)
        async with opened(sqlite) as database:
            await write(database, "case:1", "a")
            await seal(database, written, T0)
            file = tmp_path / "journal" / "2026-05.jsonl"
            with file.open("ab") as stream:
                stream.write(b'{"book":"torn by a power c')
            torn = await whole(database, tmp_path)
            assert (torn.ok, [one.code for one in torn.notes]) == (True, ["checkpoint.torn"])
            await write(database, "case:1", "b")
            with structlog.testing.capture_logs() as logs:
                await seal(database, written, T0)
            assert [line["event"] for line in logs] == ["journal.torn_checkpoint_cut_off"]
            assert lines(tmp_path)[1]["repaired"]["bytes"] == 26
            found = await whole(database, tmp_path)
            assert (found.ok, [one.code for one in found.notes]) == (True, ["checkpoint.repaired"])

    run(story())


def test_the_first_line_of_a_month_may_be_torn_too(tmp_path: Path) -> None:
    written = checkpoint.book_of(tmp_path)
    written.append({"case:1": (1, "a")}, {}, T0)
    (tmp_path / "journal" / "2026-06.jsonl").write_bytes(b'{"bo')
    mark = written.append({"case:1": (2, "b")}, {}, T0 + dt.timedelta(days=31))
    assert mark.number == 2
    assert [len(file.read_bytes().splitlines()) for file in book.months(tmp_path / "journal")] == [1, 1]


def test_months_have_files_and_a_clock_that_goes_back_keeps_the_order(sqlite: str, tmp_path: Path) -> None:
    async def story() -> None:
        written = checkpoint.book_of(tmp_path)
        async with opened(sqlite) as database:
            for days in (0, 30, -10, 60):
                await write(database, "case:1", "a")
                await seal(database, written, T0 + dt.timedelta(days=days))
            names = [file.name for file in book.months(tmp_path / "journal")]
            assert names == ["2026-05.jsonl", "2026-06.jsonl", "2026-07.jsonl"]
            assert [line["number"] for line in lines(tmp_path)] == [1, 2, 3, 4]
            assert (await whole(database, tmp_path)).ok

    run(story())


def test_keys_are_private_and_the_public_one_lies_beside_the_lines(tmp_path: Path) -> None:
    checkpoint.book_of(tmp_path).append({"case:1": (1, "a")}, {}, T0)
    key = tmp_path / "secrets" / "journal.key"
    assert key.stat().st_mode & 0o777 == 0o600
    (public,) = book.public_keys(tmp_path / "journal")
    assert public == book.key_id(book.private_key(key).public_key()) == lines(tmp_path)[0]["key"]
    key.chmod(0o644)
    with pytest.raises(BookUnwritable, match="other users"):
        checkpoint.book_of(tmp_path).append({"case:1": (2, "a")}, {}, T0)


def test_two_that_seal_at_once_make_one_book(tmp_path: Path) -> None:
    """The lock is on open files: two of one process wait for each other as two processes do."""

    def many(chain: str) -> None:
        written = checkpoint.book_of(tmp_path)
        for number in range(15):
            written.append({chain: (number + 1, "h")}, {}, T0)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(many, ("case:1", "case:2")))
    found = lines(tmp_path)
    assert [line["number"] for line in found] == list(range(1, 31))
    assert len({line["book"] for line in found}) == 1
    raw = (tmp_path / "journal" / "2026-05.jsonl").read_bytes().splitlines()
    assert [line["previous"] for line in found[1:]] == [book.hash_of(one) for one in raw[:-1]]


FULL = """
import asyncio, pathlib, resource, sys
import structlog
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
from router.journal import checkpoint
from router.journal.checkpoint import Sealer
from router.storage.engine import Database
from tests.journal.kit import T0, Clock, write

async def main(url, data):
    clock = Clock()
    database = Database(url)
    sealer = Sealer(database, checkpoint.book_of(data), "w1", clock=clock)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    await write(database, "case:1", "a")
    await sealer.once()
    lock = database.write
    for minute in range(3):
        clock.now += 60
        await write(database, "case:1", "b")
        append = sealer.book.append
        def full(*arguments):
            size = (data / "journal" / "2026-05.jsonl").stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limit[1]))  # the disk is full 100 bytes later
            try:
                return append(*arguments)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        sealer.book.append = full
        await sealer.once()
        sealer.book.append = append
    clock.now += 60
    await sealer.once()
    await database.close()

asyncio.run(main(sys.argv[1], pathlib.Path(sys.argv[2])))
"""


def test_a_full_disk_is_told_once_and_sealing_goes_on_when_there_is_room(sqlite: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, sqlite, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("journal.checkpoint_unwritable") == 1
    assert done.stderr.count("journal.checkpoints_go_on") == 1
    first, second = lines(tmp_path)
    assert (first["heads"]["case:1"][0], second["heads"]["case:1"][0], second["number"]) == (1, 4, 2)

    async def story() -> None:
        async with opened(sqlite) as database:
            found = await whole(database, tmp_path)
            assert (found.ok, found.notes) == (True, [])

    run(story())


def test_of_two_sealers_one_seals_and_the_other_takes_over(url: str, tmp_path: Path) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database:
            one, two = (Sealer(database, checkpoint.book_of(tmp_path), name, clock=clock) for name in ("w1", "w2"))
            await write(database, "case:1", "a")
            await one.once()
            await write(database, "case:1", "b")
            await two.once()
            assert [line["heads"]["case:1"][0] for line in lines(tmp_path)] == [1]
            stop = asyncio.Event()
            stop.set()
            await one.run(stop)  # a graceful stop gives the lease back
            clock.now += 60
            await two.once()
            assert [line["heads"]["case:1"][0] for line in lines(tmp_path)] == [1, 2]

    run(story())


def test_a_chain_that_was_only_locked_is_not_sealed(sqlite: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(sqlite) as database:
            async with database.write() as session:
                await session.execute(HEAD.insert().values(chain="case:1", seq=0, hash="0" * 64, unsealed=True))
            assert await seal(database, checkpoint.book_of(tmp_path), T0) == 0
            assert not (tmp_path / "journal").exists()
            async with database.write() as session:
                assert (await session.execute(update(HEAD).where(HEAD.c.unsealed).values(seq=0))).rowcount == 0  # type: ignore[attr-defined]

    run(story())
