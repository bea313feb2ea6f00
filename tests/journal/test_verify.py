"""Whatever somebody with the database in hand does to the journal is found, and the first broken link is named."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router.journal import book, checkpoint, journal
from router.journal import chain as links
from router.journal.checkpoint import seal
from router.journal.findings import Finding, Findings
from router.journal.journal import ENTRY, HEAD
from router.journal.verify import verify
from router.storage.engine import Database
from tests.journal.kit import OPERATOR, T0, opened, write
from tests.storage.parts import run

Tamper = Callable[[AsyncSession], Awaitable[None]]
CHAIN = "case:2"


async def told(database: Database, data: Path, **options: Any) -> Findings:
    own = book.key_id(book.private_key(data / "secrets" / "journal.key").public_key())
    return await verify(database, [data / "journal"], batch=4, own_key=own, **options)


async def filled(database: Database, data: Path) -> None:
    """Three chains in two checkpoints; case:2 has 6 entries, of which 3 and then 5 are sealed."""
    written = checkpoint.book_of(data)
    await write(database, "case:1", "a", "b")
    await write(database, CHAIN, "a", "b", "c")
    await write(database, "user:9", "signed-in")
    await seal(database, written, T0)
    await write(database, CHAIN, "d", "e")
    await seal(database, written, T0 + dt.timedelta(minutes=1))
    await write(database, CHAIN, "f")


async def rewrite(session: AsyncSession, chain: str, *, first: int, keep: int | None = None) -> None:
    """Forge a chain from an entry on, so that all its links fit, its end included."""
    rows = (await session.execute(select(ENTRY).where(ENTRY.c.chain == chain).order_by(ENTRY.c.seq))).mappings().all()
    previous, last = links.FIRST, 0
    for row in rows:
        if keep is not None and row["seq"] > keep:
            await session.execute(delete(ENTRY).where(ENTRY.c.chain == chain, ENTRY.c.seq == row["seq"]))
            continue
        said = {name: row[name] for name in row if name != "hash"} | {"previous": previous}
        if row["seq"] >= first:
            said["subject"] = "forged"
        previous, last = links.link(**said), row["seq"]
        where = (ENTRY.c.chain == chain, ENTRY.c.seq == row["seq"])
        await session.execute(update(ENTRY).where(*where).values(**said, hash=previous))
    await session.execute(update(HEAD).where(HEAD.c.chain == chain).values(seq=last, hash=previous, unsealed=True))


def entry(seq: int) -> Any:
    return (ENTRY.c.chain == CHAIN) & (ENTRY.c.seq == seq)


async def edited(session: AsyncSession) -> None:
    await session.execute(update(ENTRY).where(entry(2)).values(actor="somebody-else"))


async def edited_detail(session: AsyncSession) -> None:
    await session.execute(update(ENTRY).where(entry(6)).values(detail={"state": "better"}))


async def cut(session: AsyncSession) -> None:
    await session.execute(delete(ENTRY).where(ENTRY.c.chain == CHAIN, ENTRY.c.seq > 4))


async def cut_with_head(session: AsyncSession) -> None:
    await rewrite(session, CHAIN, first=99, keep=4)


async def middle_removed(session: AsyncSession) -> None:
    await session.execute(delete(ENTRY).where(entry(2) | entry(3)))


async def beginning_removed(session: AsyncSession) -> None:
    await session.execute(delete(ENTRY).where(entry(1)))


async def replaced(session: AsyncSession) -> None:
    row = dict((await session.execute(select(ENTRY).where(entry(3)))).mappings().one())
    said = {**{name: value for name, value in row.items() if name != "hash"}, "previous": "1" * 64}
    await session.execute(update(ENTRY).where(entry(3)).values(previous=said["previous"], hash=links.link(**said)))


async def rewritten(session: AsyncSession) -> None:
    await rewrite(session, CHAIN, first=2)


async def rewritten_late(session: AsyncSession) -> None:
    await rewrite(session, CHAIN, first=5)


async def removed(session: AsyncSession) -> None:
    await session.execute(delete(ENTRY).where(ENTRY.c.chain == CHAIN))
    await session.execute(delete(HEAD).where(HEAD.c.chain == CHAIN))


async def entries_removed(session: AsyncSession) -> None:
    await session.execute(delete(ENTRY).where(ENTRY.c.chain == CHAIN))


async def head_removed(session: AsyncSession) -> None:
    await session.execute(delete(HEAD).where(HEAD.c.chain == CHAIN))


async def head_moved(session: AsyncSession) -> None:
    await session.execute(update(HEAD).where(HEAD.c.chain == CHAIN).values(hash="2" * 64))


async def head_behind(session: AsyncSession) -> None:
    row = (await session.execute(select(ENTRY.c.hash).where(entry(5)))).scalar_one()
    await session.execute(update(HEAD).where(HEAD.c.chain == CHAIN).values(seq=5, hash=row))


DEEDS: dict[Tamper, tuple[str, int]] = {
    edited: ("entry.edited", 2),
    edited_detail: ("entry.edited", 6),
    cut: ("tail.cut", 5),
    cut_with_head: ("tail.cut", 5),
    middle_removed: ("entry.missing", 2),
    beginning_removed: ("entry.missing", 1),
    replaced: ("entry.relinked", 3),
    rewritten: ("chain.rewritten", 3),
    rewritten_late: ("chain.rewritten", 5),
    removed: ("chain.missing", 1),
    entries_removed: ("tail.cut", 1),
    head_removed: ("head.missing", 6),
    head_moved: ("head.disagrees", 6),
    head_behind: ("head.disagrees", 6),
}


def test_every_deed_against_a_chain_is_found_and_only_that_chain_is_named(url: str, tmp_path: Path) -> None:
    """One database, one deed after the other, each undone: the state between is whole each time."""

    async def story() -> None:
        async with opened(url) as database:
            await filled(database, tmp_path)
            whole = await told(database, tmp_path)
            assert (whole.ok, whole.entries, whole.chains, whole.notes) == (True, 9, 3, [])
            async with database.read() as session:
                entries = (await session.execute(select(ENTRY))).mappings().all()
                heads = (await session.execute(select(HEAD))).mappings().all()
            outcomes = {}
            for deed in DEEDS:
                async with database.write() as session:
                    await deed(session)
                found = await told(database, tmp_path)
                outcomes[deed] = [(one.chain, one.code, one.seq) for one in found.broken]
                one_chain = await told(database, tmp_path, chain=CHAIN)
                assert [(one.chain, one.code, one.seq) for one in one_chain.broken] == outcomes[deed]
                other = await told(database, tmp_path, chain="case:1")
                assert (other.ok, other.entries) == (True, 2)
                async with database.write() as session:
                    await session.execute(delete(ENTRY))
                    await session.execute(delete(HEAD))
                    await session.execute(insert(ENTRY), [dict(row) for row in entries])
                    await session.execute(insert(HEAD), [dict(row) for row in heads])
            assert outcomes == {deed: [(CHAIN, code, seq)] for deed, (code, seq) in DEEDS.items()}

    run(story())


def test_a_rewritten_chain_that_is_sealed_again_still_contradicts_the_older_line(sqlite: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(sqlite) as database:
            await filled(database, tmp_path)
            async with database.write() as session:
                await rewritten(session)
            await seal(database, checkpoint.book_of(tmp_path), T0 + dt.timedelta(minutes=2))
            await write(database, CHAIN, "g")
            found = await told(database, tmp_path)
            (one,) = found.broken
            assert str(one).startswith("case:2, entry 3, 2026-05.jsonl:1: the chain was rewritten after it was sealed")

    run(story())


def file_of(data: Path) -> Path:
    return data / "journal" / "2026-05.jsonl"


def change(data: Path, at: int, **said: Any) -> None:
    raw = file_of(data).read_bytes().splitlines()
    raw[at] = json.dumps({**json.loads(raw[at]), **said}, separators=(",", ":"), sort_keys=True).encode()
    file_of(data).write_bytes(b"".join(line + b"\n" for line in raw))


def line_edited(data: Path) -> None:
    change(data, 0, heads={"case:1": [2, "0" * 64]})


def line_removed(data: Path) -> None:
    raw = file_of(data).read_bytes().splitlines(keepends=True)
    file_of(data).write_bytes(b"".join(raw[1:]))


def last_line_removed(data: Path) -> None:
    raw = file_of(data).read_bytes().splitlines(keepends=True)
    file_of(data).write_bytes(b"".join(raw[:-1]))


def signature_removed(data: Path) -> None:
    change(data, 1, signature="")


def line_garbled(data: Path) -> None:
    raw = file_of(data).read_bytes().splitlines(keepends=True)
    file_of(data).write_bytes(b"garbled\n" + raw[1])


def signed_by_another(data: Path) -> None:
    """The last line is forged with a key that the forger put beside the lines."""
    last_line_removed(data)
    forger = book.Book(data / "journal", data / "elsewhere" / "journal.key")
    forger.append({"case:1": (2, "0" * 64)}, {}, T0)


def all_removed(data: Path) -> None:
    shutil.rmtree(data / "journal")


@pytest.mark.parametrize(
    ("deed", "code", "where"),
    [
        (line_edited, "checkpoint.edited", "2026-05.jsonl:1"),
        (line_removed, "checkpoint.removed", "2026-05.jsonl:1"),
        (last_line_removed, "checkpoint.cut", ""),
        (signature_removed, "checkpoint.edited", "2026-05.jsonl:2"),
        (line_garbled, "checkpoint.damaged", "2026-05.jsonl:1"),
        (signed_by_another, "checkpoint.foreign", "number 2"),
        (all_removed, "book.removed", ""),
    ],
)
def test_deeds_against_checkpoints_are_found(
    sqlite: str, tmp_path: Path, deed: Callable[[Path], None], code: str, where: str
) -> None:
    async def story() -> Findings:
        async with opened(sqlite) as database:
            await filled(database, tmp_path)
            deed(tmp_path)
            return await told(database, tmp_path)

    found = run(story())
    assert (code, where) in [(one.code, one.checkpoint) for one in found.broken], [str(one) for one in found.broken]


def test_sealing_goes_on_behind_a_garbled_line(sqlite: str, tmp_path: Path) -> None:
    async def story() -> Findings:
        async with opened(sqlite) as database:
            await filled(database, tmp_path)
            file_of(tmp_path).write_bytes(file_of(tmp_path).read_bytes().splitlines(keepends=True)[0] + b"\n")
            await seal(database, checkpoint.book_of(tmp_path), T0 + dt.timedelta(minutes=2))
            return await told(database, tmp_path)

    found = run(story())
    assert [(one.code, one.checkpoint) for one in found.broken] == [("checkpoint.damaged", "2026-05.jsonl:2")]
    assert found.checkpoints == 3


def test_an_auditor_checks_with_the_copy_and_the_key_that_was_taken_away(sqlite: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(sqlite) as database:
            await filled(database, tmp_path)
            away = tmp_path / "away"
            shutil.copytree(tmp_path / "journal", away)
            # The culprit has the machine: rewrites the chain, and makes new checkpoints with a new key.
            shutil.rmtree(tmp_path / "journal")
            (tmp_path / "secrets" / "journal.key").unlink()
            async with database.write() as session:
                await session.execute(update(HEAD).values(unsealed=True))
                await rewritten(session)
            await seal(database, checkpoint.book_of(tmp_path), T0)
            assert (await told(database, tmp_path)).ok  # nothing here contradicts it; the database still names the old book
            keys = book.public_keys(away)
            found = await verify(database, [away, tmp_path / "journal"], keys=keys)
            assert {one.code for one in found.broken} == {"chain.rewritten", "checkpoint.unsigned"}

    run(story())


def test_chains_erased_by_law_are_no_fault_and_go_on(url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(url) as database:
            await filled(database, tmp_path)
            async with database.write() as session:
                await journal.erase(session, "2", OPERATOR, T0)
            found = await told(database, tmp_path)
            assert (found.ok, found.erased, found.chains) == (True, 1, 3)  # case:1, user:9, system
            await seal(database, checkpoint.book_of(tmp_path), T0)
            assert (await told(database, tmp_path)).ok

            # somebody looks at what is left of the case: its chain goes on
            await write(database, CHAIN, "g", "h")
            await seal(database, checkpoint.book_of(tmp_path), T0)
            async with database.read() as session:
                assert [one.seq for one in await journal.timeline(session, CHAIN)] == [7, 8]
            assert (await told(database, tmp_path)).ok
            async with database.write() as session:
                await session.execute(delete(ENTRY).where(entry(7)))
            found = await told(database, tmp_path)
            assert [(one.code, one.chain, one.seq) for one in found.broken] == [("entry.missing", CHAIN, 7)]

    run(story())


def test_a_note_of_erasing_that_is_a_lie_excuses_nothing(sqlite: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(sqlite) as database:
            await filled(database, tmp_path)
            note = journal.Note(journal.ERASED, "1", {"chain": "case:1", "seq": 1, "hash": "3" * 64})
            async with database.write() as session:
                await journal.write(session, journal.SYSTEM, OPERATOR, [note], T0)
                await session.execute(delete(ENTRY).where(ENTRY.c.chain == "case:1"))
                await session.execute(delete(HEAD).where(HEAD.c.chain == "case:1"))
            found = await told(database, tmp_path)
            assert [(one.code, one.chain) for one in found.broken] == [("chain.rewritten", "case:1")]
            async with database.write() as session:  # a lie about what is still there
                lie = journal.Note(journal.ERASED, "2", {"chain": CHAIN, "seq": 2, "hash": "4" * 64})
                await journal.write(session, journal.SYSTEM, OPERATOR, [lie], T0)
                await session.execute(delete(ENTRY).where(ENTRY.c.chain == CHAIN, ENTRY.c.seq <= 2))
            found = await told(database, tmp_path)
            assert ("entry.relinked", CHAIN, 3) in [(one.code, one.chain, one.seq) for one in found.broken]

    run(story())


def test_chains_that_are_erased_while_they_are_verified_are_no_fault(url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(url) as database:
            await filled(database, tmp_path)
            for number in range(10, 30):
                await write(database, f"case:{number}", "a", "b", "c", "d", "e")
            await seal(database, checkpoint.book_of(tmp_path), T0)

            async def erase() -> None:
                for number in range(29, 9, -1):
                    async with database.write() as session:
                        await journal.erase(session, str(number), OPERATOR, T0)

            erasing = asyncio.create_task(erase())
            while not erasing.done():
                found = await told(database, tmp_path)
                assert found.ok, [str(one) for one in found.broken]
            await erasing

    run(story())


def test_a_chain_that_only_another_machine_sealed_is_missed_in_the_count(sqlite: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(sqlite) as database:
            await write(database, "case:1", "a")
            await seal(database, checkpoint.book_of(tmp_path / "one"), T0)
            await write(database, "case:2", "a")
            await seal(database, checkpoint.book_of(tmp_path / "two"), T0)
            found = await told(database, tmp_path / "two")
            assert (found.ok, [one.code for one in found.notes]) == (True, ["book.elsewhere"])
            async with database.write() as session:
                await session.execute(delete(ENTRY).where(ENTRY.c.chain == "case:1"))
                await session.execute(delete(HEAD).where(HEAD.c.chain == "case:1"))
            found = await told(database, tmp_path / "two")
            assert [one.code for one in found.broken] == ["totals.shrunk"]
            both = await verify(database, [tmp_path / "one" / "journal", tmp_path / "two" / "journal"])
            assert [(one.code, one.chain) for one in both.broken] == [("chain.missing", "case:1")]

    run(story())


def test_a_journal_that_grows_while_it_is_verified_is_whole(url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(url) as database:
            await filled(database, tmp_path)

            async def grow() -> None:
                for count in range(8):
                    await write(database, CHAIN, "more")
                    await write(database, f"case:{count}", "more")
                    await seal(database, checkpoint.book_of(tmp_path), T0)

            growing = asyncio.create_task(grow())
            walks = 0
            while not growing.done():
                found = await told(database, tmp_path)
                assert found.ok, [str(one) for one in found.broken]
                walks += 1
            await growing
            assert walks > 1

    run(story())


def test_every_finding_has_words_and_says_where() -> None:
    one = Finding("tail.cut", "case:1", 5, "2026-05.jsonl:3", "detail")
    assert str(one) == "case:1, entry 5, 2026-05.jsonl:3: entries were cut off the end of the chain (detail) [tail.cut]"
    assert one.as_json()["what"] == "entries were cut off the end of the chain"
