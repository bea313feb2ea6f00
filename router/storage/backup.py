"""Backs an installation up into one file while it runs, and puts it back: rows, attachments, recordings, checkpoints, secrets.

The rows are those of one moment, whatever is written meanwhile. Nothing is restored before everything in the file has been
compared with its hash, and the database is changed in one transaction: it is all there, or as it was before.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, create_engine, exc
from sqlalchemy.pool import NullPool

from router.journal import book
from router.storage import archive, dump, migrations
from router.storage import engine as engines
from router.storage.archive import BackupFailed, FileEntry, Lock, Manifest, Progress, Reader, TableEntry, Writer
from router.storage.errors import SchemaMissing, StorageError, Unreachable, is_about_the_data, reason

SECRETS = "secrets"
_UNFINISHED = (".caller.wav", ".staff.wav", ".part", ".tmp")
"""Ends of names of files that are still being written."""


class NotEmpty(StorageError):
    """There is something already where the backup is to go."""

    code = "restore.not_empty"


class PassphraseNeeded(StorageError):
    """Secrets leave the installation encrypted only."""

    code = "backup.passphrase_needed"


class RestoreFailed(StorageError):
    """The backup could not be put back; the database is as it was before."""

    code = "restore.failed"


@dataclass(frozen=True, slots=True)
class Place:
    """An installation: its database and its data folder."""

    database_url: str
    data_dir: Path


@dataclass(slots=True)
class Restored:
    """What a restore did."""

    manifest: Manifest
    revision: str = ""
    """Of the schema now."""
    rows: dict[str, int] = field(default_factory=dict)
    """Counted in the database after loading, by table; equal to the manifest's."""
    files: int = 0
    secrets: bool = False
    sessions_ended: int = 0


def _quiet(_name: str, _done: int) -> None:
    return None


def write(
    target: Path,
    place: Place,
    *,
    release: str,
    now: dt.datetime,
    recordings: bool = True,
    passphrase: str | None = None,
    progress: Progress = _quiet,
) -> Manifest:
    """Write a backup to ``target``, a file that is not there yet; ``passphrase`` None: without the secrets.

    Raise :class:`router.storage.archive.BackupFailed`, :class:`router.storage.errors.Unreachable` and
    :class:`router.storage.errors.SchemaMissing`; then there is no file.
    """
    if target.exists():
        raise BackupFailed(f"{target} is there already: name another file")
    lock = Lock.fresh(passphrase) if passphrase is not None else None
    with _snapshot(place.database_url) as connection, archive.create(target) as writer:
        revision = migrations.at(connection)
        if revision is None:
            raise SchemaMissing("the database has no tables yet: there is nothing to back up")
        manifest = Manifest(
            made_at=now.astimezone(dt.UTC).isoformat(timespec="seconds"),
            release=release,
            revision=revision,
            database=connection.dialect.name,
            recordings=recordings,
        )
        found = dump.tables(connection)
        for table in found:
            manifest.tables.append(_table(writer, connection, table, progress))
        _files(writer, connection, place.data_dir, manifest, progress)
        manifest.missing = _missing(connection, found, manifest)
        if lock is not None:
            manifest.salt, manifest.secrets_sha256 = _secrets(writer, place.data_dir, lock)
        writer.finish(manifest, lock)
    return manifest


@contextlib.contextmanager
def _snapshot(url: str) -> Iterator[Connection]:
    """A connection that sees the rows of one moment."""
    parsed = engines.parse(url, sync=True)
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite and not Path(parsed.database or "").exists():
        raise SchemaMissing(f"there is no database {parsed.database}: there is nothing to back up")
    engine = create_engine(parsed, poolclass=NullPool, connect_args=engines.connect_args(parsed))
    if sqlite:
        engines.prepare_sqlite(engine)
    try:
        with engine.connect() as connection:
            if not sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection
    except exc.OperationalError as error:
        raise Unreachable(f"the database can't be read: {reason(error)}") from error
    finally:
        engine.dispose()


def _table(writer: Writer, connection: Connection, table: sa.Table, progress: Progress) -> TableEntry:
    rows = -1
    with writer.member(archive.table_member(table.name)) as out:
        for line in dump.lines(connection, table):
            out.write(line)
            rows += 1
            if rows % dump.BATCH == 0 and rows:
                progress(table.name, dump.BATCH)
    progress(table.name, rows % dump.BATCH)
    return TableEntry(table.name, rows, out.sha256)


def _files(writer: Writer, connection: Connection, data_dir: Path, manifest: Manifest, progress: Progress) -> None:
    marks = _marks(connection)
    for folder in archive.FOLDERS:
        if folder == "recordings" and not manifest.recordings:
            continue
        for path in _walk(data_dir / folder):
            name = path.relative_to(data_dir).as_posix()
            try:
                stream = path.open("rb")
            except FileNotFoundError:
                continue  # erased since the folder was read
            with stream:
                if folder == "journal" and path.suffix == ".jsonl":
                    with writer.member(archive.file_member(name)) as out:
                        for line in stream:
                            if _is_of(line, marks, manifest.made_at):
                                out.write(line)
                else:
                    out = writer.copy(archive.file_member(name), stream)
            manifest.files.append(FileEntry(name, out.size, out.sha256))
            progress(name, out.size)


def _marks(connection: Connection) -> dict[str, int]:
    """How far the rows remember each book of checkpoints to reach."""
    if not sa.inspect(connection).has_table("checkpoint_book"):
        return {}
    table = sa.table("checkpoint_book", sa.column("id"), sa.column("number"))
    return {row.id: int(row.number) for row in connection.execute(sa.select(table.c.id, table.c.number))}


def _is_of(line: bytes, marks: dict[str, int], made_at: str) -> bool:
    """Whether a checkpoint is older than the rows: a younger one would tell of entries that the backup has not got."""
    try:
        said = book.parse(line.rstrip(b"\n"))
    except ValueError:
        return True  # spoilt, which whoever verifies the journal should hear of
    mark = marks.get(said.book)
    return said.number <= mark if mark is not None else said.at < dt.datetime.fromisoformat(made_at)


def _walk(folder: Path) -> Iterator[Path]:
    """Finished files of a folder, in order; what begins with a dot or is a link is none of ours."""
    if not folder.is_dir():
        return
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _walk(Path(entry.path))
        elif entry.is_file() and not entry.name.endswith(_UNFINISHED):
            yield Path(entry.path)


def _missing(connection: Connection, found: list[sa.Table], manifest: Manifest) -> list[str]:
    """Recordings and attachments that rows name and that are not in the backup."""
    by_name = {table.name: table for table in found}
    there = {one.path for one in manifest.files}
    hashes = {Path(path).name for path in there if path.startswith("attachments/")}
    lost: list[str] = []
    if manifest.recordings and "recording" in by_name:
        query = sa.select(by_name["recording"].c.path).execution_options(yield_per=dump.BATCH)
        lost += [path for path in connection.execute(query).scalars() if path not in there]
    for name in ("attachment", "event_file"):
        if name not in by_name:
            continue
        query = sa.select(by_name[name].c.sha256).execution_options(yield_per=dump.BATCH)
        lost += [f"{name} {sha256}" for sha256 in connection.execute(query).scalars() if sha256 not in hashes]
    return lost


def _secrets(writer: Writer, data_dir: Path, lock: Lock) -> tuple[str, str]:
    files = _held_secrets(data_dir)
    with writer.member(archive.SECRETS, pack=False) as out:
        out.write(archive.seal_secrets(files, lock))
    return archive.b64(lock.salt), out.sha256


def _held_secrets(data_dir: Path) -> dict[str, bytes]:
    folder = data_dir / SECRETS
    return {path.name: path.read_bytes() for path in _walk(folder) if path.parent == folder}


def check(source: Path, *, passphrase: str | None = None, progress: Progress = _quiet) -> Manifest:
    """Compare everything in a backup with its hashes, and open its secrets if there is a passphrase; change nothing.

    Raise :class:`router.storage.archive.Damaged` or :class:`router.storage.archive.WrongPassphrase`.
    """
    with Reader(source) as reader:
        if passphrase is not None:
            reader.secrets(reader.lock(passphrase))
        reader.verify(progress)
        return reader.manifest


def restore(
    source: Path,
    place: Place,
    *,
    now: dt.datetime,
    passphrase: str | None = None,
    secrets: bool = True,
    replace: bool = False,
    progress: Progress = _quiet,
) -> Restored:
    """Put a backup back. Nothing may run on the installation meanwhile.

    ``secrets`` false: leave the secrets that are there. ``replace``: in place of what is there already. The database is at
    this release's schema afterwards. Raise :class:`NotEmpty`, :class:`PassphraseNeeded`, :class:`RestoreFailed`,
    what :func:`check` raises, and :class:`router.storage.errors.SchemaTooNew`.
    """
    with Reader(source) as reader:
        migrations.known(reader.manifest.revision)
        held: dict[str, bytes] | None = None
        if reader.manifest.salt is not None and secrets:
            if passphrase is None:
                raise PassphraseNeeded("this backup holds secrets: give its passphrase, or leave the secrets out")
            held = reader.secrets(reader.lock(passphrase))
        reader.verify(progress)
        _refuse_full_folder(reader, place.data_dir, held, replace)
        with _staged(reader, place.data_dir, progress) as stage:
            try:
                result = _restore_rows(reader, place, stage, now, replace, progress)
            except OSError as error:
                raise RestoreFailed(f"the backup can't be put back: {archive.told(error)}") from error
            except exc.SQLAlchemyError as error:
                if is_about_the_data(error):
                    raise RestoreFailed(f"the database refuses the backup's rows: {reason(error)}") from error
                raise Unreachable(f"the database can't be written: {reason(error)}") from error
        if held is not None:
            _put_secrets(place.data_dir, held, now)
            result.secrets = True
    return result


def _refuse_full_folder(reader: Reader, data_dir: Path, held: dict[str, bytes] | None, replace: bool) -> None:
    if replace:
        return
    if held is not None:
        there = _held_secrets(data_dir)
        if any(held.get(name) != content for name, content in there.items()):
            raise NotEmpty(f"{data_dir / SECRETS} holds other secrets already")
    for file in reader.manifest.files:
        path = data_dir / file.path
        if path.is_symlink() or (path.exists() and (not path.is_file() or path.stat().st_size != file.size)):
            raise NotEmpty(f"{path} is there already, and is another file")


@contextlib.contextmanager
def _staged(reader: Reader, data_dir: Path, progress: Progress) -> Iterator[Path]:
    """The backup's files in a folder beside their places; gone when the block ends."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    need = sum(file.size for file in reader.manifest.files)
    free = shutil.disk_usage(data_dir).free
    if need > free:
        raise RestoreFailed(f"the files need {need // 2**20 + 1} MB, and {data_dir} has {free // 2**20} MB left")
    stage = data_dir / f".restore-{uuid.uuid4().hex[:8]}"
    stage.mkdir(mode=0o700)
    try:
        for file in reader.manifest.files:
            path = stage / file.path
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with reader.open(archive.file_member(file.path)) as stream, path.open("xb") as out:
                    for chunk in reader.chunks(stream):
                        out.write(chunk)
                    out.flush()
                    os.fsync(out.fileno())
            except OSError as error:
                raise RestoreFailed(f"{file.path} can't be written: {archive.told(error)}") from error
            progress(file.path, file.size)
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _restore_rows(reader: Reader, place: Place, stage: Path, now: dt.datetime, replace: bool, progress: Progress) -> Restored:
    """One transaction from the old rows to the new ones; the files are moved into place just before it is committed."""
    result = Restored(reader.manifest)
    parsed = engines.parse(place.database_url, sync=True)
    engines.make_folder(parsed)
    with migrations.turn(parsed) as connection:
        there = dump.tables(connection)
        if there and not replace and not dump.empty(connection, there):
            raise NotEmpty("the database holds rows already")
        _clear(connection, there)
        migrations.climb(connection, reader.manifest.revision)
        tables = dump.tables(connection)
        names = {entry.name for entry in reader.manifest.tables}
        if {table.name for table in tables} != names:
            raise dump.NotOurs("the backup has other tables than its revision of the schema")
        for table in tables:
            with reader.open(archive.table_member(table.name)) as stream:
                dump.load(connection, table, stream)
            result.rows[table.name] = dump.count(connection, table)
            progress(table.name, result.rows[table.name])
        _compare(reader.manifest, result.rows)
        dump.follow_sequences(connection, tables)
        result.sessions_ended = _end_sessions(connection, tables, now)
        migrations.climb(connection, "head")
        result.revision = migrations.at(connection) or ""
        _put_aside(place.data_dir, reader, now)
        for file in reader.manifest.files:
            target = place.data_dir / file.path
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (stage / file.path).replace(target)
            result.files += 1
    return result


def _put_aside(data_dir: Path, reader: Reader, now: dt.datetime) -> None:
    """Checkpoints of what is replaced are evidence, and say other things than the backup's: they are kept under another name."""
    folder = data_dir / "journal"
    if not folder.is_dir() or not any(file.path.startswith("journal/") for file in reader.manifest.files):
        return
    folder.rename(data_dir / f"journal.{_before(now)}")


def _before(now: dt.datetime) -> str:
    return f"before-{now.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:4]}"


def _clear(connection: Connection, there: list[sa.Table]) -> None:
    for table in reversed(there):
        table.drop(connection)
    connection.execute(sa.text(f"DROP TABLE IF EXISTS {dump.VERSION_TABLE}"))


def _compare(manifest: Manifest, rows: dict[str, int]) -> None:
    """Raise :class:`RestoreFailed` unless the database holds as many rows as the manifest says."""
    for entry in manifest.tables:
        if rows[entry.name] != entry.rows:
            raise RestoreFailed(f"table {entry.name} has {rows[entry.name]} rows, the backup {entry.rows}")


def _end_sessions(connection: Connection, tables: list[sa.Table], now: dt.datetime) -> int:
    """Sign everybody out: what was revoked after the backup was made must not come back to life."""
    table = next((one for one in tables if one.name == "sign_in"), None)
    if table is None:
        return 0
    moment = now.astimezone(dt.UTC)
    if connection.dialect.name == "sqlite":
        moment = moment.replace(tzinfo=None)
    query = sa.update(table).where(table.c.revoked_at.is_(None)).values(revoked_at=moment)
    return connection.execute(query).rowcount


def _put_secrets(data_dir: Path, held: dict[str, bytes], now: dt.datetime) -> None:
    """The backup's secrets in place of those there, which are kept under another name."""
    if not held:
        return
    folder = data_dir / SECRETS
    fresh = data_dir / f".{SECRETS}-{uuid.uuid4().hex[:8]}"
    fresh.mkdir(mode=0o700)
    for name, content in held.items():
        descriptor = os.open(fresh / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    if folder.exists():
        if _held_secrets(data_dir) == held:
            shutil.rmtree(fresh)
            return
        folder.rename(data_dir / f"{SECRETS}.{_before(now)}")
    fresh.rename(folder)
