"""``hotline journal`` and ``hotline keys`` on a data folder with a history."""

from __future__ import annotations

import concurrent.futures
import datetime as dt
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import insert

from hotline import cli
from router.access.actor import Actor
from router.journal import checkpoint, journal
from router.journal.journal import Note
from router.storage import migrations, organisation, sealed, vault
from router.storage.base import table_of
from router.storage.engine import Database
from tests.storage.parts import run as awaited

T0 = dt.datetime(2026, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
CONTACT = table_of(organisation.DutyContact)


@pytest.fixture
def data(hotline_env: dict[str, str]) -> Path:
    """A data folder with three sealed entries of the system's chain, and one sealed name."""
    folder = Path(hotline_env["HOTLINE_DATA_DIR"])
    url = f"sqlite:///{folder}/hotline.db"
    folder.mkdir(parents=True, exist_ok=True)
    migrations.upgrade(url)

    async def story() -> None:
        database = Database(url)
        await vault.unlock(database, folder)
        async with database.write() as session:
            notes = [Note(f"step.{number}", "s", {"n": number}) for number in range(3)]
            await journal.write(session, journal.SYSTEM, Actor("u-li", "operator", "12345", "12345"), notes, T0)
            row = {"id": "c", "rev": 1, "unit": "110", "name": "王", "phone": "1", "post": "值班", "verified_at": T0}
            await session.execute(insert(CONTACT).values(row))
        await checkpoint.seal(database, checkpoint.book_of(folder), T0)
        await database.close()
        sealed.close()

    awaited(story())
    return folder


@dataclass(frozen=True, slots=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(
    hotline_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Done]]:
    """The command line in this process, away from the reactor's thread: a process for each command takes seconds."""
    for name, value in hotline_env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sealed, "LOOK_EVERY", 0.0)

    def call(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["hotline", *arguments])
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            ended = pool.submit(cli.main).exception()
        assert isinstance(ended, SystemExit)
        said = capsys.readouterr()
        return Done(int(ended.code or 0), said.out, said.err)

    yield call
    sealed.close()


def test_verify_says_whole_or_names_the_first_broken_link(data: Path, run: Callable[..., Done]) -> None:
    done = run("journal", "verify")
    assert (done.returncode, done.stdout) == (0, "the journal is whole: 1 chains, 3 entries, 1 checkpoints\n"), done.stderr
    with sqlite3.connect(data / "hotline.db") as connection:
        connection.execute("UPDATE journal_entry SET actor = 'nobody' WHERE seq = 2")
    done = run("journal", "verify", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"], said["broken"][0]["code"], said["broken"][0]["seq"]) == (1, False, "entry.edited", 2)
    done = run("journal", "verify", "--checkpoints", str(data / "none"))
    assert done.returncode == 2 and done.stderr.startswith("error: there is no folder")
    for command in ("verify", "show"):
        done = run("journal", command, *(["--case"] if command == "verify" else []), "nonsense")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "there is no matter nonsense" in done.stderr


def test_keys_are_rotated_and_the_old_one_is_retired(data: Path, run: Callable[..., Done]) -> None:
    (first,) = json.loads(run("keys", "list", "--json").stdout)
    done = run("keys", "retire", first["key"])
    assert (done.returncode, "is the key that seals now" in done.stderr) == (2, True)
    done = run("keys", "rotate", "--json")
    rotated = json.loads(done.stdout)
    assert (rotated["values"], rotated["changed"], rotated["old"]) == (3, 3, [first["key"]]), done.stderr
    listed = json.loads(run("keys", "list", "--count", "--json").stdout)
    assert [(one["key"], one["state"], one["values"]) for one in listed] == [
        (rotated["key"], "seals", 3),
        (first["key"], "opens", 0),
    ]
    assert run("keys", "retire", first["key"]).returncode == 0
    assert len(json.loads(run("keys", "list", "--json").stdout)) == 1
