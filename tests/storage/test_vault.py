"""Data keys and the database belong together: other keys are refused, changed keys are taken up, everything is sealed anew."""

from __future__ import annotations

import base64
import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Text, delete, insert, select, type_coerce, update

from config.errors import ConfigError
from config.keys import KeyFile
from router.storage import migrations, organisation, rotation, sealed, vault
from router.storage.base import table_of
from router.storage.engine import Database
from router.storage.sealed import KeysMissing
from router.storage.vault import CHECK, KeysRefused
from tests.storage.parts import run

CONTACT = table_of(organisation.DutyContact)
T0 = dt.datetime(2026, 5, 6, tzinfo=dt.UTC)


@pytest.fixture
def url(database_url: str) -> str:
    migrations.upgrade(database_url)
    return database_url


async def contacts(database: Database, count: int, start: int = 0) -> None:
    rows = [
        {
            "id": f"c{number:04}",
            "rev": 1,
            "unit": "110",
            "name": f"王{number}",
            "phone": f"1380000{number:04}",
            "backup_phone": None if number % 2 else "110",
            "post": "值班",
            "verified_at": T0,
        }
        for number in range(start, start + count)
    ]
    async with database.write() as session:
        await session.execute(insert(CONTACT), rows)


async def names(database: Database) -> list[str]:
    async with database.read() as session:
        return list((await session.execute(select(CONTACT.c.name).order_by(CONTACT.c.id))).scalars())


async def tokens(database: Database) -> list[str]:
    async with database.read() as session:
        return list((await session.execute(select(type_coerce(CONTACT.c.phone, Text)).order_by(CONTACT.c.id))).scalars())


def test_the_first_start_makes_keys_and_later_ones_need_them(url: str, tmp_path: Path) -> None:
    async def story() -> None:
        database = Database(url)
        ring = await vault.unlock(database, tmp_path / "a")
        await contacts(database, 1)
        assert await vault.unlock(database, tmp_path / "a") == ring
        with pytest.raises(KeysRefused, match="missing"):
            await vault.unlock(database, tmp_path / "b")
        assert KeyFile(tmp_path / "b").read() is None  # never a new one for a database that holds something sealed
        KeyFile(tmp_path / "c").make()
        with pytest.raises(KeysRefused, match="not those"):
            await vault.unlock(database, tmp_path / "c")
        with pytest.raises(KeysMissing):
            sealed.seal("text")  # what was refused is not in use
        shutil.copytree(tmp_path / "a" / "secrets", tmp_path / "d" / "secrets")
        await vault.unlock(database, tmp_path / "d")
        assert await names(database) == ["王0"]
        await database.close()

    run(story())


def test_without_the_known_text_any_sealed_value_is_asked(url: str, tmp_path: Path) -> None:
    async def story() -> None:
        database = Database(url)
        await vault.unlock(database, tmp_path / "a")
        await contacts(database, 1)
        async with database.write() as session:
            await session.execute(delete(CHECK))
        with pytest.raises(KeysRefused):
            await vault.unlock(database, tmp_path / "b")
        KeyFile(tmp_path / "c").make()
        with pytest.raises(KeysRefused):
            await vault.unlock(database, tmp_path / "c")
        await vault.unlock(database, tmp_path / "a")
        await database.close()

    run(story())


def test_another_key_of_fingerprints_is_refused_too(sqlite_url: str, tmp_path: Path) -> None:
    migrations.upgrade(sqlite_url)

    async def story() -> None:
        database = Database(sqlite_url)
        await vault.unlock(database, tmp_path)
        file = KeyFile(tmp_path).file
        other = KeyFile(tmp_path / "other").make()
        held = KeyFile(tmp_path).read()
        assert held is not None
        text = file.read_text()
        text = text.replace(base64.urlsafe_b64encode(held.index).decode(), base64.urlsafe_b64encode(other.index).decode())
        file.write_text(text)
        with pytest.raises(KeysRefused):
            await vault.unlock(database, tmp_path)
        await database.close()

    run(story())


def test_a_running_service_takes_up_a_changed_file(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrations.upgrade(sqlite_url)

    async def story() -> None:
        database = Database(sqlite_url)
        await vault.unlock(database, tmp_path)
        first = sealed.seal("text")
        file = KeyFile(tmp_path)
        file.add()
        second = file.promote()
        # sealed elsewhere with the new key: the file is looked at because it doesn't open
        held = file.read()
        assert held is not None
        elsewhere = vault.ring_of(held).box.encrypt(b"elsewhere").decode()
        assert sealed.open_(elsewhere) == "elsewhere" and sealed.open_(first) == "text"
        assert sealed.ring().keys[0] == second.key
        # and at the latest a second later, before anything is sealed
        file.add()
        third = file.promote()
        monkeypatch.setattr(sealed, "LOOK_EVERY", 0.0)
        sealed.seal("text")
        assert sealed.ring().keys[0] == third.key
        # a file that is damaged later is told once, and does no harm
        file.file.write_text("damaged")
        with structlog.testing.capture_logs() as logs:
            assert sealed.open_(sealed.seal("still works")) == "still works"
        assert [line["event"] for line in logs] == ["vault.keys_unreadable"]
        with pytest.raises(ConfigError):
            await vault.unlock(database, tmp_path)
        await database.close()

    run(story())


def test_every_sealed_column_is_sealed_anew_and_an_interrupted_rotation_goes_on(url: str, tmp_path: Path) -> None:
    async def story() -> None:
        database = Database(url)
        await vault.unlock(database, tmp_path)
        await contacts(database, 25)
        file = KeyFile(tmp_path)
        file.add()
        file.promote()
        await vault.unlock(database, tmp_path)
        told: list[tuple[str, int, int]] = []

        def interrupt(table: str, done: int, total: int) -> None:
            told.append((table, done, total))
            if done == 20:
                raise KeyboardInterrupt

        before = await tokens(database)
        with pytest.raises(KeyboardInterrupt):
            await rotation.rotate(database, interrupt, batch=10)
        assert told == [("duty_contact", 10, 25), ("duty_contact", 20, 25)]
        middle = await tokens(database)
        assert sum(one != other for one, other in zip(before, middle, strict=True)) == 20
        count = await rotation.rotate(database, batch=10)
        # name and phone of 25, the backup phone of 13, and the known text
        assert (count.looked, count.changed) == (25 * 2 + 13 + 1, 5 * 2 + 3 + 1)
        assert all(sealed.is_newest(token) for token in await tokens(database))
        held = file.read()
        assert held is not None
        assert await rotation.by_key(database, held.opening) == {held.keys[0].key: 64}
        file.retire(held.keys[1].id)
        await vault.unlock(database, tmp_path)
        assert await names(database) == [f"王{number}" for number in range(25)]
        assert (await rotation.rotate(database)).changed == 0
        await database.close()

    run(story())


def test_what_somebody_changes_meanwhile_is_not_overwritten(sqlite_url: str, tmp_path: Path) -> None:
    migrations.upgrade(sqlite_url)

    async def story() -> None:
        database = Database(sqlite_url)
        await vault.unlock(database, tmp_path)
        await contacts(database, 1)
        (place,) = [one for one in rotation.places() if one.table.name == "duty_contact"]
        (old,) = await tokens(database)
        async with database.write() as session:
            await session.execute(update(CONTACT).values(phone="13911112222"))
            await rotation._replace(session, place, "phone", [{"key_id": "c0000", "old": old, "new": "stale"}])
        async with database.read() as session:
            assert (await session.execute(select(CONTACT.c.phone))).scalar_one() == "13911112222"
        await database.close()

    run(story())


def test_all_sealed_columns_are_known() -> None:
    known = {(place.table.name, each.name) for place in rotation.places() for each in place.columns}
    assert {("case_file", "caller_number"), ("account", "name"), ("subscription", "secret"), ("key_check", "sealed")} <= known
    assert all(len(place.keys) >= 1 for place in rotation.places())


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    sealed.close()
