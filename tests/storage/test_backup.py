"""A backup holds one moment, comes back the same on either database, and is refused when it is not whole."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from router.journal import checkpoint
from router.journal.verify import verify
from router.storage import archive, backup, dump, errors, migrations
from router.storage import engine as engines
from router.storage.backup import Place
from router.storage.base import Base, table_of
from router.storage.calls import DeadLetter, Recording
from router.storage.casework import Attachment, Case
from router.storage.journal import Outbox
from router.storage.organisation import CalendarDay, SignIn
from tests.journal.kit import T0, opened, ring, sqlite, sqlite_template, url, write
from tests.storage.parts import DATABASE_KINDS, POSTGRESQL, postgresql_database, run

__all__ = ["ring", "sqlite", "sqlite_template", "url"]

PHRASE = "correct horse battery"
SECRETS = {"data.keys": b"k" * 40, "server.key": bytes(32)}


@contextlib.contextmanager
def sync(url: str) -> Iterator[Connection]:
    engine = sa.create_engine(engines.parse(url, sync=True))
    if engine.dialect.name == "sqlite":
        engines.prepare_sqlite(engine)
    with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection, connection.begin():
        yield connection
    engine.dispose()


def case(number: int) -> dict[str, Any]:
    return {
        "id": f"case-{number:06d}",
        "number": f"S261125-{number:05d}-0",
        "city": "530100",
        "state": "open",
        "channel": "web",
        "first_centre": "12345",
        "first_answered_at": T0,
        "words": f"第{number}件:“水管爆了”\n\t'; DROP TABLE case_file; --",
        "asked": {"楼层": "3", "空": None, "表": [1, 2.5, True]},
        "caller_number": "+8613800000000",
        "latitude": 25.0123456789,
        "urgency": "normal",
        "confidentiality": "open",
        "legal_hold": number % 2 == 0,
        "created_at": T0 + dt.timedelta(microseconds=number),
        "created_by": "u-li",
        "updated_at": T0,
    }


def fill(url: str, cases: int = 603) -> None:
    """Rows of every kind of column."""
    with sync(url) as connection:
        connection.execute(sa.insert(table_of(Case)), [case(number) for number in range(cases)])
        letter = {"id": "d", "consumer": "c", "entry_id": "e", "at": T0, "reason": "r", "body": bytes(range(256))}
        connection.execute(sa.insert(table_of(DeadLetter)), [letter])
        day = {"city": "530100", "day": dt.date(2026, 10, 1), "working": False, "note": "国庆", "at": T0, "by": "u"}
        connection.execute(sa.insert(table_of(CalendarDay)), [day])
        news = [{"id": f"n{number}", "at": T0, "topic": "t", "audience": {}, "body": {}} for number in range(3)]
        connection.execute(sa.insert(table_of(Outbox)), news)
        session = {"account": "u", "kind": "browser", "created_at": T0, "expires_at": T0, "used_at": T0}
        tokens = [{**session, "id": "s1", "family": "f"}, {**session, "id": "s2", "family": "f", "revoked_at": T0}]
        connection.execute(sa.insert(table_of(SignIn)), [{"revoked_at": None, **one} for one in tokens])


def place(url: str, folder: Path) -> Place:
    """An installation with secrets, a recording, an attachment and unfinished files."""
    for name, content in SECRETS.items():
        put(folder / "secrets" / name, content, mode=0o600)
    put(folder / "recordings/2026/11/25/call-1.wav", b"RIFF" + bytes(5000))
    put(folder / "recordings/2026/11/25/call-2.caller.wav", b"still being written")
    put(folder / "attachments/ab" / ("ab" * 32), b"%PDF-1.7")
    put(folder / "attachments/ab/.part", b"half")
    return Place(url, folder)


def put(path: Path, content: bytes, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def rows_of(url: str) -> dict[str, list[bytes]]:
    """Everything in a database, as a backup would say it."""
    with sync(url) as connection:
        return {table.name: list(dump.lines(connection, table)) for table in dump.tables(connection)}


def save(place: Place, target: Path, **more: Any) -> archive.Manifest:
    return backup.write(target, place, release="1", now=T0, **{"passphrase": PHRASE, **more})


def back(source: Path, place: Place, **more: Any) -> backup.Restored:
    return backup.restore(source, place, now=T0, **{"passphrase": PHRASE, **more})


@pytest.fixture(autouse=True)
def cheap_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying a passphrase costs nothing: it is meant to take long."""
    monkeypatch.setattr(archive, "SCRYPT", {"n": 2, "r": 1, "p": 1})


@pytest.fixture(scope="module")
def template() -> Iterator[str]:
    with postgresql_database() as found:
        migrations.upgrade(found)
        yield found.rsplit("/", 1)[1]


@pytest.fixture
def postgresql(template: str) -> Iterator[str]:
    """URL of a migrated PostgreSQL database of the test's own."""
    name = f"hotline_test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{POSTGRESQL}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield f"{POSTGRESQL}/{name}"
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=DATABASE_KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables, each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty/hotline.db"
        return
    with postgresql_database() as found:
        yield found


@pytest.fixture
def saved(sqlite_template: Path, tmp_path: Path) -> Path:
    """A small backup."""
    folder = tmp_path / "saved"
    folder.mkdir()
    shutil.copy(sqlite_template, folder / "hotline.db")
    fill(f"sqlite:///{folder}/hotline.db", cases=20)
    save(place(f"sqlite:///{folder}/hotline.db", folder / "data"), tmp_path / "backup.zip")
    return tmp_path / "backup.zip"


@pytest.fixture
def strict(request: pytest.FixtureRequest) -> str:
    """URL of a migrated database: PostgreSQL if there is one."""
    found: str = request.getfixturevalue(DATABASE_KINDS[-1])
    return found


@pytest.fixture
def new_url(tmp_path: Path) -> str:
    """A SQLite database that is not there yet."""
    return f"sqlite:///{tmp_path}/new/hotline.db"


def test_everything_comes_back_on_either_kind_of_database(url: str, empty_url: str, tmp_path: Path) -> None:
    fill(url)
    made = save(place(url, tmp_path / "data"), tmp_path / "b.zip")
    target = Place(empty_url, tmp_path / "target")
    done = back(tmp_path / "b.zip", target)

    assert done.rows == {one.name: one.rows for one in made.tables}
    assert done.rows["case_file"] == 603 and set(done.rows) == set(Base.metadata.tables)
    assert done.revision == migrations.head() == migrations.current(empty_url)
    before, after = rows_of(url), rows_of(empty_url)
    assert done.sessions_ended == 1 and after.pop("sign_in") != before.pop("sign_in")
    assert after == before
    assert {path.name: path.read_bytes() for path in (target.data_dir / "secrets").iterdir()} == SECRETS
    assert (target.data_dir / "recordings/2026/11/25/call-1.wav").read_bytes() == b"RIFF" + bytes(5000)
    assert (target.data_dir / "attachments/ab" / ("ab" * 32)).read_bytes() == b"%PDF-1.7"
    assert done.files == 2 and sorted(path.name for path in target.data_dir.iterdir()) == ["attachments", "recordings", "secrets"]


def test_numbers_that_the_database_counts_go_on_after_a_restore(saved: Path, strict: str, tmp_path: Path) -> None:
    back(saved, Place(strict, tmp_path / "target"))
    with sync(strict) as connection:
        news = {"id": "fresh", "at": T0, "topic": "t", "audience": {}, "body": {}}
        connection.execute(sa.insert(table_of(Outbox)), [news])
        assert connection.execute(sa.select(table_of(Outbox).c.serial).where(table_of(Outbox).c.id == "fresh")).scalar() == 4


def test_a_backup_is_of_one_moment_while_others_write(url: str, tmp_path: Path) -> None:
    fill(url, cases=5)
    stop, wrote = threading.Event(), threading.Event()

    def write_on() -> None:
        number = 1000
        while not stop.is_set():
            with sync(url) as connection:  # always two rows together
                connection.execute(sa.insert(table_of(Case)), [case(number), case(number + 1)])
                attached = {"case_id": case(number)["id"], "name": "a", "media_type": "text/plain", "size": 1}
                row = {**attached, "id": f"a{number}", "sha256": "0" * 64, "police_only": False, "at": T0, "by": "u"}
                connection.execute(sa.insert(table_of(Attachment)), [row])
            number += 2
            wrote.set()

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        assert wrote.wait(20)
        for number in range(2):
            made = {one.name: one.rows for one in save(place(url, tmp_path / "data"), tmp_path / f"{number}.zip").tables}
            assert made["case_file"] == 5 + 2 * made["attachment"] and made["attachment"] > 0
    finally:
        stop.set()
        writer.join()
    assert made["attachment"] <= len(rows_of(url)["attachment"]) - 1


def test_what_rows_name_and_is_not_there_is_told(sqlite: str, tmp_path: Path) -> None:
    fill(sqlite, cases=1)
    with sync(sqlite) as connection:
        recording = {"call_id": "c", "at": T0, "started_at": T0, "seconds": 1.0, "sha256": "", "size": 1}
        rows = [
            {**recording, "id": name, "path": f"recordings/2026/11/25/{name}.wav", "repaired": False, "caller_silent": False}
            for name in ("call-1", "lost")
        ]
        connection.execute(sa.insert(table_of(Recording)), rows)
    made = save(place(sqlite, tmp_path / "data"), tmp_path / "b.zip")
    assert made.missing == ["recordings/2026/11/25/lost.wav"]
    made = save(place(sqlite, tmp_path / "data"), tmp_path / "c.zip", recordings=False)
    assert made.missing == [] and [one.path for one in made.files] == ["attachments/ab/" + "ab" * 32]


def test_secrets_leave_only_encrypted(saved: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(saved) as zip_:
        content = b"".join(zip_.read(name) for name in zip_.namelist())
    assert SECRETS["data.keys"] not in content and b"data.keys" not in content
    folder = tmp_path / "saved"
    save(Place(f"sqlite:///{folder}/hotline.db", folder / "data"), tmp_path / "without.zip", passphrase=None)
    with zipfile.ZipFile(tmp_path / "without.zip") as zip_:
        assert archive.SECRETS not in zip_.namelist()
    assert saved.stat().st_mode & 0o077 == 0


def test_a_wrong_passphrase_changes_nothing(saved: Path, new_url: str, tmp_path: Path) -> None:
    target = Place(new_url, tmp_path / "target")
    with pytest.raises(archive.WrongPassphrase):
        back(saved, target, passphrase="wrong passphrase")
    with pytest.raises(backup.PassphraseNeeded):
        back(saved, target, passphrase=None)
    assert not target.data_dir.exists() and migrations.current(new_url) is None


def test_secrets_that_are_there_can_be_left(saved: Path, tmp_path: Path) -> None:
    target = Place(f"sqlite:///{tmp_path}/t/hotline.db", tmp_path / "t")
    put(target.data_dir / "secrets" / "data.keys", b"mine")
    with pytest.raises(backup.NotEmpty, match="other secrets"):
        back(saved, target)
    assert back(saved, target, passphrase=None, secrets=False).secrets is False
    assert (target.data_dir / "secrets" / "data.keys").read_bytes() == b"mine"


def test_a_database_with_rows_is_refused_unless_it_is_to_be_replaced(saved: Path, strict: str, tmp_path: Path) -> None:
    fill(strict, cases=3)
    target = Place(strict, tmp_path / "target")
    put(target.data_dir / "secrets" / "data.keys", b"old")
    before = rows_of(strict)
    with pytest.raises(backup.NotEmpty):
        back(saved, target)
    assert rows_of(strict) == before
    with pytest.raises(backup.NotEmpty):
        back(saved, target, passphrase=None, secrets=False)
    assert rows_of(strict) == before
    assert back(saved, target, replace=True).rows["case_file"] == 20
    kept = [path for path in target.data_dir.iterdir() if path.name.startswith("secrets.before-")]
    assert [(path / "data.keys").read_bytes() for path in kept] == [b"old"]


def damaged(saved: Path, change: str) -> Path:
    """A copy of a backup with something wrong."""
    copy = saved.with_name("damaged.zip")
    if change == "cut":
        copy.write_bytes(saved.read_bytes()[:-300])
        return copy
    if change == "bit":
        content = bytearray(saved.read_bytes())
        with zipfile.ZipFile(saved) as zip_:
            start = zip_.getinfo("files/recordings/2026/11/25/call-1.wav").header_offset
        content[start + 400] ^= 1
        copy.write_bytes(content)
        return copy
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            content = bytearray(old.read(name))
            if change == "row" and name == "tables/case_file.jsonl":
                content = content.replace(b"+08", b"+09").replace(b"530100", b"530200")
            if change == "lost" and name == "tables/case_file.jsonl":
                continue
            if change == "manifest" and name == archive.MANIFEST:
                said = json.loads(content)
                said["tables"] = [one for one in said["tables"] if one["name"] != "case_file"]
                content = bytearray(json.dumps(said).encode())
            if change == "path" and name == archive.MANIFEST:
                content = content.replace(b'"attachments/ab/', b'"../../outside/')
            if change == "format" and name == archive.MANIFEST:
                content = content.replace(b"hotline-backup/1", b"hotline-backup/9")
            new.writestr(name, bytes(content))
    return copy


@pytest.mark.parametrize("change", ["cut", "bit", "row", "lost", "manifest", "path", "format"])
def test_a_backup_that_is_not_whole_is_refused_before_anything_is_touched(saved: Path, change: str, tmp_path: Path) -> None:
    bad = damaged(saved, change)
    target = Place(f"sqlite:///{tmp_path}/t/hotline.db", tmp_path / "t")
    with pytest.raises((archive.Damaged, archive.WrongPassphrase)):
        backup.check(bad, passphrase=PHRASE)
    with pytest.raises((archive.Damaged, archive.WrongPassphrase)):
        back(bad, target)
    assert not target.data_dir.exists()


@pytest.mark.parametrize("content", [b"", b"PK", b"not a backup at all" * 100])
def test_other_files_are_no_backups(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(archive.Damaged):
        backup.check(tmp_path / "x.zip")
    with pytest.raises(archive.Damaged, match="no file"):
        backup.check(tmp_path / "none.zip")


def test_rows_that_contradict_one_another_leave_the_database_as_it_was(saved: Path, strict: str, tmp_path: Path) -> None:
    fill(strict, cases=2)
    before = rows_of(strict)
    bad = saved.with_name("contradicting.zip")
    with archive.Reader(saved) as reader, archive.create(bad) as writer:
        manifest = reader.manifest
        manifest.tables = []
        for entry in [*zipfile.ZipFile(saved).namelist()]:
            if not entry.startswith("tables/"):
                continue
            name = entry.removeprefix("tables/").removesuffix(".jsonl")
            with reader.open(entry) as stream:
                lines = list(stream)
            if name == "case_file":
                lines.append(lines[-1])
            with writer.member(entry) as out:
                for line in lines:
                    out.write(line)
            manifest.tables.append(archive.TableEntry(name, len(lines) - 1, out.sha256))
        manifest.files, manifest.secrets_sha256, manifest.salt = [], None, None
        writer.finish(manifest, None)
    with pytest.raises(backup.RestoreFailed, match="refuses"):
        back(bad, Place(strict, tmp_path / "t"), replace=True)
    assert rows_of(strict) == before
    assert not [path for path in (tmp_path / "t").iterdir() if path.name != "hotline.db"]


def test_a_backup_of_an_older_release_is_brought_to_this_one(new_url: str, tmp_path: Path) -> None:
    old = f"sqlite:///{tmp_path}/old.db"
    with migrations.turn(engines.parse(old, sync=True)) as connection:
        migrations.climb(connection, "0001")
    made = save(Place(old, tmp_path / "none"), tmp_path / "b.zip", passphrase=None)
    assert made.revision == "0001" and "case_file" not in {one.name for one in made.tables}
    assert back(tmp_path / "b.zip", Place(new_url, tmp_path / "t")).revision == migrations.head()
    migrations.check(new_url)


def test_a_backup_of_a_newer_release_is_refused(saved: Path, tmp_path: Path) -> None:
    newer = saved.with_name("newer.zip")
    with archive.Reader(saved) as reader, archive.create(newer) as writer:
        reader.manifest.revision = "9999"
        writer.finish(reader.manifest, None)
    with pytest.raises(errors.SchemaTooNew):
        back(newer, Place(f"sqlite:///{tmp_path}/t.db", tmp_path / "t"))


def test_a_full_disk_leaves_no_half_file(sqlite: str, tmp_path: Path) -> None:
    fill(sqlite, cases=2000)
    put(tmp_path / "data/recordings/2026/big.wav", os.urandom(400_000))
    program = (
        "import datetime as dt, resource, sys; from pathlib import Path; from router.storage import backup\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))\n"
        "place = backup.Place(sys.argv[1], Path(sys.argv[2]))\n"
        "try: backup.write(Path(sys.argv[3]), place, release='1', now=dt.datetime.now(dt.UTC))\n"
        "except backup.BackupFailed as error: print(error)"
    )
    assert resource.RLIMIT_FSIZE is not None
    target = tmp_path / "out" / "b.zip"
    target.parent.mkdir()
    arguments = [sys.executable, "-c", program, sqlite, str(tmp_path / "data"), str(target)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert "too large" in done.stdout or "full" in done.stdout, done.stderr
    assert list(target.parent.iterdir()) == []


def test_a_file_that_is_there_is_never_overwritten(sqlite: str, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(b"precious")
    with pytest.raises(archive.BackupFailed, match="there already"):
        save(Place(sqlite, tmp_path), tmp_path / "b.zip")
    assert (tmp_path / "b.zip").read_bytes() == b"precious"


def test_an_empty_database_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(errors.SchemaMissing):
        save(Place(f"sqlite:///{tmp_path}/none.db", tmp_path), tmp_path / "b.zip")
    with pytest.raises(errors.Unreachable):
        save(Place("postgresql://nobody@127.0.0.1:1/none", tmp_path), tmp_path / "b.zip")
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_in_a_backup_fit_its_rows(sqlite: str, tmp_path: Path) -> None:
    """Sealing goes on between the rows and the files: the journal that comes back is whole and verifies."""
    data, target = tmp_path / "data", Place(f"sqlite:///{tmp_path}/t/hotline.db", tmp_path / "t")
    book = checkpoint.book_of(data)

    async def seal(chain: str, *actions: str) -> None:
        async with opened(sqlite) as database:
            await write(database, chain, *actions)
            await checkpoint.seal(database, book, T0)

    run(seal("case:1", "a", "b"))
    late = threading.Event()

    def progress(name: str, _done: int) -> None:
        if name == "timer" and not late.is_set():  # rows have been read from the moment of the first table on
            late.set()
            run(seal("case:1", "c"))

    save(Place(sqlite, data), tmp_path / "b.zip", progress=progress)
    assert late.is_set()
    back(tmp_path / "b.zip", target)

    async def findings(url: str, folder: Path) -> Any:
        async with opened(url) as database:
            return await verify(database, [checkpoint.folder_of(folder)])

    assert run(findings(sqlite, data)).entries == 3
    found = run(findings(target.database_url, target.data_dir))
    assert found.ok and found.entries == 2
