"""``hotline keys``: the data keys that sensitive columns are encrypted with, and how they are changed."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from config.keys import DataKeys, KeyFile
from config.settings import Settings, load
from hotline.errors import CommandError
from router.storage import errors, rotation, sealed, vault
from router.storage.engine import Database

T = TypeVar("T")

app = typer.Typer(
    help="The keys that sensitive columns are encrypted with.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command("list")
def list_(
    count: Annotated[bool, typer.Option("--count", help="Count the values that each key opens; reads all of them.")] = False,
    as_json: Json = False,
) -> None:
    """List the keys: which one seals, which only open, which waits to be used."""
    settings = load()
    held = _held(settings)
    counted = _with_database(settings, _counts(held)) if count else None
    waiting = [held.next] if held.next else []
    rows: list[dict[str, object]] = []
    for key in (*held.keys, *waiting):
        state = "seals" if key is held.keys[0] else "waits" if key is held.next else "opens"
        rows.append({"key": key.id, "state": state, **({"values": counted.get(key.key, 0)} if counted is not None else {})})
    lost = counted.get(None, 0) if counted is not None else 0
    if as_json:
        print(json.dumps(rows))
    else:
        table = Table(*rows[0])
        for row in rows:
            table.add_row(*(str(value) for value in row.values()))
        Console().print(table)
    if lost:
        raise CommandError(f"{lost} values are sealed with a key that is not here", "restore data.keys from a backup")


@app.command()
def add(as_json: Json = False) -> None:
    """Make a key that waits. With several machines, copy data.keys to all of them before `hotline keys rotate`."""
    settings = load()
    _held(settings)
    made = KeyFile(settings.data_dir).add()
    print(json.dumps({"key": made.id}) if as_json else f"key {made.id} waits; `hotline keys rotate` begins to use it")


@app.command()
def rotate(as_json: Json = False) -> None:
    """Seal with a new key, and seal all that is stored anew. Services may run; interrupted, begin it again."""
    settings = load()
    file = KeyFile(settings.data_dir)
    held = _held(settings)
    if held.next is None and len(held.keys) == 1:
        file.add()
        held = _held(settings)
    # With several keys and none that waits, a rotation was interrupted: it goes on.
    if held.next is not None:
        file.promote()
        print("waiting for the services to read the file …", file=sys.stderr)
        time.sleep(2 * sealed.LOOK_EVERY)
        held = _held(settings)

    async def work(database: Database) -> rotation.Count:
        await vault.unlock(database, settings.data_dir)
        with _bar() as progress:
            return await rotation.rotate(database, progress)

    count = _with_database(settings, work)
    old = [key.id for key in held.keys[1:]]
    if as_json:
        print(json.dumps({"key": held.keys[0].id, "values": count.looked, "changed": count.changed, "old": old}))
        return
    print(f"all {count.looked} values are sealed with {held.keys[0].id}; {count.changed} of them were sealed anew")
    for key in old:
        print(f"{key} is no longer needed, except for old backups: `hotline keys retire {key}`")


@app.command()
def retire(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Id of a key, as `hotline keys list` shows it.")],
    as_json: Json = False,
) -> None:
    """Drop a key from the file; refused while anything is sealed with it. Old backups need the old file."""
    settings = load()
    held = _held(settings)
    known = {one.id: one.key for one in (*held.keys, *([held.next] if held.next else []))}
    if key not in known:
        raise CommandError(f"there is no key {key}", f"name one of {', '.join(known)}", status=2)
    if key == held.keys[0].id:
        raise CommandError(f"{key} is the key that seals now", "run `hotline keys rotate` first", status=2)
    needed = _with_database(settings, _counts(held)).get(known[key], 0)
    if needed:
        raise CommandError(f"{needed} values are sealed with {key}", "run `hotline keys rotate` first")
    KeyFile(settings.data_dir).retire(key)
    print(json.dumps({"retired": key}) if as_json else f"{key} is dropped; keep the old file with the backups that need it")


def _held(settings: Settings) -> DataKeys:
    file = KeyFile(settings.data_dir)
    held = file.read()
    if held is None:
        raise CommandError(f"there is no {file.file}", "the worker makes it at its first start; or restore it from a backup")
    return held


def _counts(held: DataKeys) -> Callable[[Database], Awaitable[dict[bytes | None, int]]]:
    async def work(database: Database) -> dict[bytes | None, int]:
        with _bar() as progress:
            return await rotation.by_key(database, held.opening, progress)

    return work


def _with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        database = Database(settings.database_url)
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except errors.StorageError as error:
        raise CommandError(f"{error.code}: {error}", "nothing that was sealed is lost: put data.keys right first") from error
    except (SQLAlchemyError, OSError) as error:
        raise CommandError(f"the database can't be used: {errors.reason(error)}", "run `hotline doctor`") from error


@contextmanager
def _bar() -> Iterator[rotation.Progress | None]:
    """A bar for each table on standard error, at a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks: dict[str, int] = {}

        def told(table: str, done: int, total: int) -> None:
            task = tasks.get(table)
            if task is None:
                task = tasks[table] = progress.add_task(table)
            progress.update(task, completed=done, total=total)  # type: ignore[arg-type]

        yield told
