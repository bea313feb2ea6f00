"""What consumers remember and what they bury."""

from __future__ import annotations

from router.storage import inbox, migrations
from router.storage.engine import Database
from router.storage.inbox import Letter
from tests.storage.facts import T0
from tests.storage.parts import run


def test_an_event_is_new_once_for_each_consumer(database_url: str) -> None:
    migrations.upgrade(database_url)

    async def go() -> list[set[str]]:
        database = Database(database_url)
        found = []
        for consumer, events in (("a", ["1", "2", "2"]), ("a", ["2", "3"]), ("b", ["3"])):
            async with database.write() as session:
                found.append(await inbox.remember(session, consumer, events, T0))
        await database.close()
        return found

    assert run(go()) == [{"1", "2"}, {"3"}, {"3"}]


def test_what_a_failed_transaction_remembered_is_new_again(database_url: str) -> None:
    migrations.upgrade(database_url)

    async def go() -> set[str]:
        database = Database(database_url)
        try:
            async with database.write() as session:
                await inbox.remember(session, "a", ["1"], T0)
                raise LookupError
        except LookupError:
            pass
        async with database.write() as session:
            found = await inbox.remember(session, "a", ["1"], T0)
        await database.close()
        return found

    assert run(go()) == {"1"}


def test_more_events_than_one_statement_takes_are_remembered(database_url: str) -> None:
    migrations.upgrade(database_url)
    many = [f"event-{number:05}" for number in range(1001)]

    async def go() -> tuple[int, int]:
        database = Database(database_url)
        async with database.write() as session:
            first = await inbox.remember(session, "a", many, T0)
        async with database.write() as session:
            second = await inbox.remember(session, "a", many, T0)
        await database.close()
        return len(first), len(second)

    assert run(go()) == (1001, 0)


def test_only_what_is_old_is_forgotten(database_url: str) -> None:
    migrations.upgrade(database_url)

    async def go() -> set[str]:
        database = Database(database_url)
        for event, at in (("old", T0), ("recent", T0 + 100)):
            async with database.write() as session:
                await inbox.remember(session, "a", [event], at)
        async with database.write() as session:
            await inbox.forget(session, "a", T0 + 50)
            found = await inbox.remember(session, "a", ["old", "recent"], T0 + 200)
        await database.close()
        return found

    assert run(go()) == {"old"}


def test_a_dead_letter_is_kept_once_with_its_body_and_reason(database_url: str) -> None:
    migrations.upgrade(database_url)
    letter = Letter(entry="1-0", reason="no \0 JSON", body=b"\xff\x00")

    async def go() -> list[inbox.StoredLetter]:
        database = Database(database_url)
        for at in (T0, T0 + 1):
            async with database.write() as session:
                await inbox.bury(session, "a", [letter], at)
        async with database.read() as session:
            found = await inbox.letters(session)
        await database.close()
        return found

    assert [(one.consumer, one.entry, one.at, one.reason, one.body) for one in run(go())] == [
        ("a", "1-0", T0, "no \\0 JSON", b"\xff\x00")
    ]
