"""``hotline backup``: rows, attachments, recordings, checkpoints and (encrypted) secrets into one file, while everything runs."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from config.settings import load
from hotline import note
from hotline.errors import CommandError
from router.storage import archive
from router.storage import backup as backups
from router.storage.errors import StorageError

app = typer.Typer(rich_markup_mode=None)
SHORTEST = 12
"""Characters that a passphrase must have."""
VARIABLE = "HOTLINE_BACKUP_PASSPHRASE"


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="A file that is not there yet, or a folder in which one is made.")],
    without_recordings: Annotated[bool, typer.Option("--without-recordings", help="Leave the recordings out.")] = False,
    without_secrets: Annotated[
        bool, typer.Option("--without-secrets", help="Leave the secrets out: without data.keys nothing sealed can be read.")
    ] = False,
    passphrase_file: Annotated[
        Path | None, typer.Option("--passphrase-file", help="File whose first line is the passphrase of the secrets.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Back everything up into one file, while everything runs."""
    settings = load()
    now = dt.datetime.now(dt.UTC)
    if target.is_dir():
        target = target / f"hotline-{now:%Y%m%dT%H%M%SZ}.zip"
    if not target.parent.is_dir():
        raise CommandError(f"there is no folder {target.parent}", "make it first", status=2)
    phrase = None if without_secrets else passphrase(passphrase_file, confirm=True)
    with watched() as progress:
        try:
            made = backups.write(
                target.absolute(),
                backups.Place(settings.database_url, settings.data_dir),
                release=importlib.metadata.version("hotline-interconnect"),
                now=now,
                recordings=not without_recordings,
                passphrase=phrase,
                progress=progress,
            )
        except StorageError as error:
            raise failed(error) from error
    size = target.stat().st_size
    note.write(settings, "backup.written", target.name, rows=made.rows, files=len(made.files), secrets=made.salt is not None)
    if as_json:
        print(json.dumps({"file": str(target), "bytes": size, **summary(made)}, ensure_ascii=False))
        return
    print(
        f"{target}: {made.rows} rows in {len(made.tables)} tables, {len(made.files)} files, "
        f"{'secrets (encrypted)' if made.salt else 'no secrets'}, {size / 1e6:.1f} MB"
    )
    if made.missing:
        print(f"warning: {len(made.missing)} files that rows name were not there, e.g. {made.missing[0]}", file=sys.stderr)
    if made.salt is None:
        print("warning: without secrets/data.keys nothing sealed can be read: keep a copy of it elsewhere", file=sys.stderr)


def summary(made: archive.Manifest) -> dict[str, object]:
    """A backup as programs are told of it."""
    return {
        "made_at": made.made_at,
        "release": made.release,
        "revision": made.revision,
        "database": made.database,
        "rows": {one.name: one.rows for one in made.tables},
        "files": len(made.files),
        "recordings": made.recordings,
        "secrets": made.salt is not None,
        "missing": made.missing,
    }


def passphrase(file: Path | None, *, confirm: bool) -> str:
    """From a file, the environment, or the person at the terminal; raise :class:`CommandError`."""
    if file is not None:
        try:
            given = file.read_text(encoding="utf-8").split("\n", 1)[0].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(
                f"{file} can't be read", "name a text file whose first line is the passphrase", status=2
            ) from error
    else:
        given = os.environ.get(VARIABLE, "")
        if not given and sys.stdin.isatty():
            given = typer.prompt("Passphrase of the secrets", hide_input=True, confirmation_prompt=confirm, err=True)
        if not given:
            raise CommandError(
                "secrets leave the installation encrypted only, and there is no passphrase",
                f"give --passphrase-file or {VARIABLE}, or leave them out by --without-secrets",
                status=2,
            )
    if confirm and len(given) < SHORTEST:
        raise CommandError(f"the passphrase has fewer than {SHORTEST} characters", "choose a longer one", status=2)
    return given


_REMEDIES = {
    "backup.failed": "make room or name another place",
    "backup.damaged": "use another copy of the backup",
    "backup.passphrase": "compare the passphrase; nothing was changed",
    "backup.passphrase_needed": "give --passphrase-file, or leave the secrets out by --without-secrets",
    "restore.not_empty": "restore into an empty place, or use --replace to put the backup in its place",
    "restore.failed": "the database is as it was before",
    "storage.schema_too_new": "install the release that made the backup, or a newer one",
    "storage.schema_missing": "run `hotline migrate` first",
}


def failed(error: StorageError) -> CommandError:
    wrong = error.code in ("backup.damaged", "backup.passphrase", "backup.passphrase_needed", "restore.not_empty")
    remedy = _REMEDIES.get(error.code, "check HOTLINE_DATABASE_URL, and run `hotline doctor`")
    return CommandError(f"{error.code}: {error}", remedy, status=2 if wrong else 1)


@contextmanager
def watched() -> Iterator[Callable[[str, int], None]]:
    """What tells a person at a terminal how far it is."""
    console = Console(stderr=True)
    shown = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
        console=console,
    )
    if not console.is_terminal:
        yield lambda _name, _done: None
        return
    with shown:
        task = shown.add_task("", total=None)
        last = ""

        def tell(name: str, done: int) -> None:
            nonlocal last
            if name != last:
                shown.update(task, description=name, completed=0)
                last = name
            shown.advance(task, done)

        yield tell
