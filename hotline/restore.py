"""``hotline restore``: puts a backup back, or only compares it with its hashes."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer

from config.settings import load
from hotline import lock, note
from hotline.backup import failed, passphrase, summary, watched
from hotline.errors import CommandError
from router.storage import archive
from router.storage import backup as backups
from router.storage.errors import StorageError

app = typer.Typer(rich_markup_mode=None)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A file made by `hotline backup`.")],
    check: Annotated[bool, typer.Option("--check", help="Compare everything with its hashes, change nothing.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="In place of the rows, files and secrets that are there.")] = False,
    without_secrets: Annotated[bool, typer.Option("--without-secrets", help="Leave the secrets that are there.")] = False,
    passphrase_file: Annotated[
        Path | None, typer.Option("--passphrase-file", help="File whose first line is the passphrase of the secrets.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Put a backup back. Stop everything else of the installation first."""
    try:
        with archive.Reader(source) as reader:
            sealed = reader.manifest.salt is not None
        phrase = passphrase(passphrase_file, confirm=False) if sealed and not without_secrets else None
        if check:
            with watched() as progress:
                found = backups.check(source, passphrase=phrase, progress=progress)
            _tell_check(source, found, as_json)
            return
        done = _restore(source, phrase, secrets=not without_secrets, replace=replace)
    except StorageError as error:
        raise failed(error) from error
    if as_json:
        print(
            json.dumps(
                {
                    **summary(done.manifest),
                    "counted": done.rows,
                    "revision": done.revision,
                    "files": done.files,
                    "secrets": done.secrets,
                    "sessions_ended": done.sessions_ended,
                },
                ensure_ascii=False,
            )
        )
        return
    print(
        f"restored the backup of {done.manifest.made_at}: {sum(done.rows.values())} rows in {len(done.rows)} tables, counted in "
        f"the database and equal to the backup's; {done.files} files; {'secrets' if done.secrets else 'no secrets'}; schema "
        f"{done.revision}; {done.sessions_ended} sessions ended"
    )


def _restore(source: Path, phrase: str | None, *, secrets: bool, replace: bool) -> backups.Restored:
    settings = load()
    if settings.data_dir.is_dir() and lock.holder(settings.data_dir) is not None:
        raise CommandError(
            f"`hotline up` runs on {settings.data_dir}", "stop it first: nothing may run while a backup is put back"
        )
    with watched() as progress:
        done = backups.restore(
            source,
            backups.Place(settings.database_url, settings.data_dir),
            now=dt.datetime.now(dt.UTC),
            passphrase=phrase,
            secrets=secrets,
            replace=replace,
            progress=progress,
        )
    note.write(settings, "backup.restored", source.name, made_at=done.manifest.made_at, rows=sum(done.rows.values()))
    return done


def _tell_check(source: Path, found: archive.Manifest, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"file": str(source), "ok": True, **summary(found)}, ensure_ascii=False))
        return
    print(f"{source} is whole: {found.rows} rows in {len(found.tables)} tables, {len(found.files)} files, made {found.made_at}")
