"""The commands: messages checked, tables made, peers kept, backups made and put back, as a person or a program types them."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hotline import exchange, logs
from hotline.errors import CommandError
from router.exchange import schema, shared
from router.storage import archive, sealed, vault
from router.storage.engine import Database
from router.storage.journal import JournalEntry
from router.storage.organisation import Account, Peer
from tests.casework.parts import keys
from tests.exchange.conftest import NOW
from tests.storage.parts import run

EXAMPLES = Path(schema.__file__).parent / "examples"
PHRASE = "correct horse battery"


@dataclass
class Done:
    """How a command ended."""

    stdout: str
    stderr: str
    status: int


def hotline(*arguments: str, data: Path, stdin: str = "", **env: str) -> Done:
    """Run a command in this process, in a thread as its loop wants no other beside it."""
    app: Any = importlib.import_module(f"hotline.{arguments[0]}").app
    clean = {name: None for name in os.environ if name.startswith("HOTLINE_")}
    found: list[Any] = []

    def run_it() -> None:
        variables = {**clean, "HOTLINE_DATA_DIR": str(data), **env}
        found.append(CliRunner().invoke(app, list(arguments[1:]), input=stdin, env=variables))

    thread = threading.Thread(target=run_it)
    thread.start()
    thread.join(90)
    (result,) = found
    if isinstance(result.exception, CommandError):
        return Done(result.stdout, f"error: {result.exception}", result.exception.status)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Done(result.stdout, result.stderr, result.exit_code)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passphrases cost little, and the logs of the tests stay as they are."""
    monkeypatch.setattr(logs, "set_up", lambda _level: None)
    monkeypatch.setattr(archive, "SCRYPT", {"n": 2, "r": 1, "p": 1})
    keys()


@pytest.fixture
def data(furnished_sqlite: Path, tmp_path: Path) -> Iterator[Path]:
    """A data folder with a furnished database and an integration account, and its keys."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    for part in furnished_sqlite.parent.glob(f"{furnished_sqlite.name}*"):
        shutil.copy(part, folder / part.name.replace(furnished_sqlite.name, "hotline.db"))

    async def step() -> None:
        database = Database(f"sqlite:///{folder}/hotline.db")
        await vault.unlock(database, folder)
        async with database.write() as session:
            names = {"username": "peer-110", "name": "对接", "role": "integration", "unit": "110", "city": "530100"}
            session.add(Account(id="a1", rev=1, failures=0, created_at=NOW, updated_at=NOW, **names))
        await database.close()

    run(step())
    yield folder
    sealed.close()


def rows(data: Path, model: type[Any]) -> list[Any]:
    from sqlalchemy import select

    async def step() -> list[Any]:
        database = Database(f"sqlite:///{data}/hotline.db")
        try:
            await vault.unlock(database, data)
            async with database.read() as session:
                return list((await session.scalars(select(model))).all())
        finally:
            await database.close()

    return run(step())


def test_messages_are_checked_file_by_file(tmp_path: Path) -> None:
    good, bad = str(EXAMPLES / "good" / "return.json"), str(EXAMPLES / "bad" / "return-without-reason.json")
    runner = CliRunner()
    assert runner.invoke(exchange.app, ["validate", good]).exit_code == 0
    told = runner.invoke(exchange.app, ["validate", good, bad])
    assert (
        told.exit_code == 2
        and "body.reason: is missing — add reason" in told.output
        and "1 of 2 messages are right" in told.output
    )
    said = json.loads(runner.invoke(exchange.app, ["validate", "--json", bad, "-"], input="{").stdout)
    assert [[one["code"] for one in file["problems"]] for file in said["files"]] == [["required"], ["json"]]
    missing = runner.invoke(exchange.app, ["validate", str(tmp_path / "none.json")])
    assert "can't be read" in str(missing.exception)
    assert json.loads(runner.invoke(exchange.app, ["schema"]).stdout) == schema.message_schema()


def test_a_shared_database_is_prepared_once(tmp_path: Path) -> None:
    url, runner = f"sqlite:///{tmp_path}/x/shared.db", CliRunner()
    assert runner.invoke(exchange.app, ["prepare-database", "--sql", url]).stdout == shared.ddl("sqlite")
    assert not (tmp_path / "x").exists()
    first = runner.invoke(exchange.app, ["prepare-database", "-", "--json"], input=f"{url}\n")
    assert json.loads(first.stdout)["made"] is True
    assert json.loads(runner.invoke(exchange.app, ["prepare-database", url, "--json"]).stdout)["made"] is False
    wrong = runner.invoke(exchange.app, ["prepare-database", "mysql://root:secret@host/x"])
    assert "storage.bad_url" in str(wrong.exception) and "secret" not in str(wrong.exception)


def test_peers_are_added_listed_and_removed(data: Path) -> None:
    common = ["--name", "昆明110", "--centre", "110", "--url", "https://110.example.cn/exchange", "--token-stdin"]
    wrong = hotline("peer", "add", "kunming-110", *common, "--account", "nobody", data=data, stdin="token\n")
    assert wrong.status == 2 and wrong.stderr.startswith("error: invalid: ") and wrong.stdout == ""
    made = hotline("peer", "add", "kunming-110", *common, "--account", "peer-110", "--json", data=data, stdin="token\n")
    assert made.status == 0, made.stderr
    (row,) = rows(data, Peer)
    assert (row.token, row.account, row.side) == ("token", "a1", "110") and "token" not in made.stdout
    listed = json.loads(hotline("peer", "list", "--json", data=data).stdout)
    assert listed == [json.loads(made.stdout)] and listed[0]["centre"] == "110"
    assert json.loads(hotline("peer", "remove", "kunming-110", "--json", data=data).stdout) == {"removed": "kunming-110"}
    assert rows(data, Peer) == []
    told = [(one.action, one.actor.split(":")[0]) for one in rows(data, JournalEntry) if one.action.startswith("peer.")]
    assert told == [("peer.added", "system"), ("peer.removed", "system")]


def test_a_backup_is_made_checked_and_put_back(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "backups"
    out.mkdir()
    refused = hotline("backup", str(out), data=data)
    assert refused.status == 2 and "--without-secrets" in refused.stderr and list(out.iterdir()) == []
    phrase = tmp_path / "phrase"
    phrase.write_text(f"{PHRASE}\n")
    made = hotline("backup", str(out), "--passphrase-file", str(phrase), "--json", data=data)
    assert made.status == 0, made.stderr
    said = json.loads(made.stdout)
    file = Path(said["file"])
    assert (
        file.parent == out and said["rows"]["account"] == 1 and said["secrets"] is True and said["bytes"] == file.stat().st_size
    )

    place = tmp_path / "place"
    wrong = hotline("restore", str(file), data=place, HOTLINE_BACKUP_PASSPHRASE="another passphrase")
    assert wrong.status == 2 and wrong.stderr.startswith("error: backup.passphrase: ") and not (place / "hotline.db").exists()
    done = hotline("restore", str(file), "--json", data=place, HOTLINE_BACKUP_PASSPHRASE=PHRASE)
    assert done.status == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["counted"] == told["rows"] == said["rows"]
    assert [one.username for one in rows(place, Account)] == ["peer-110"]
    assert (place / "secrets" / "data.keys").read_bytes() == (data / "secrets" / "data.keys").read_bytes()
    told_here, told_there = ({one.action for one in rows(folder, JournalEntry)} for folder in (place, data))
    assert told_here - told_there == {"backup.restored"} and told_there - told_here == {"backup.written"}


def test_what_is_over_is_told_and_erased(data: Path) -> None:
    look = hotline("retention", "run", "--dry-run", "--json", data=data)
    assert look.status == 0, look.stderr
    assert json.loads(look.stdout) == {"cases": 0, "recordings": 0, "calls": 0, "more": False, "numbers": []}
    done = hotline("retention", "run", data=data)
    assert done.stdout == "0 cases, 0 recordings and the numbers of 0 calls of no case are erased\n"
