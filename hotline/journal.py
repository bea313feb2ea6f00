"""``hotline journal``: was anything changed behind the journal's back, and what happened to a matter."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import select, union_all
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import Settings, load
from hotline.errors import CommandError
from router.journal import book, checkpoint, findings, journal, verify
from router.storage import errors
from router.storage.base import table_of
from router.storage.casework import Case, PoliceOrder, Ticket
from router.storage.engine import Database

T = TypeVar("T")
PAGE = 1000

app = typer.Typer(
    help="Check the journal, and read a matter's history.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command("verify")
def verify_(
    case: Annotated[str, typer.Option("--case", metavar="NUMBER", help="Only this matter's chain.")] = "",
    checkpoints: Annotated[
        list[Path] | None,
        typer.Option("--checkpoints", metavar="FOLDER", help="Folder of checkpoints, repeatable; default: the data folder's."),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="FOLDER", help="Folder of public keys that count; default: beside each book.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Recompute every chain and compare it with the signed checkpoints; exit status 1 if anything was changed."""
    settings = load()
    folders = [folder.absolute() for folder in checkpoints or []]
    for folder in [*folders, *([keys] if keys else [])]:
        if not folder.is_dir():
            raise CommandError(f"there is no folder {folder}", "name the folder that was copied away", status=2)
    own = None if folders else _own_key(settings)
    folders = folders or [checkpoint.folder_of(settings.data_dir)]
    counting = book.public_keys(keys) if keys else None
    if keys and not counting:
        raise CommandError(f"{keys} holds no public keys", "name the folder of the files key-….pub", status=2)

    async def work(database: Database) -> findings.Findings:
        chain = await _chain(database, case) if case else None
        with _bar() as progress:
            return await verify.verify(database, folders, keys=counting, own_key=own, chain=chain, progress=progress)

    found = _with_database(settings, work)
    print(json.dumps(found.as_json(), ensure_ascii=False) if as_json else told(found))
    raise typer.Exit(0 if found.ok else 1)


def told(found: findings.Findings) -> str:
    """For people: what is wrong first."""
    lines = [f"BROKEN  {one}" for one in found.broken]
    if found.broken_count > len(found.broken):
        lines.append(f"… and {found.broken_count - len(found.broken)} more")
    lines += [f"note    {one}" for one in found.notes]
    counts = f"{found.chains} chains, {found.entries} entries, {found.checkpoints} checkpoints"
    erased = f", {found.erased} chains erased by law" if found.erased else ""
    verdict = "the journal is whole" if found.ok else f"the journal is broken in {found.broken_count} places"
    return "\n".join([*lines, f"{verdict}: {counts}{erased}"])


def _own_key(settings: Settings) -> str | None:
    """Id of the key that this installation signs with; None before the first checkpoint."""
    file = settings.data_dir / "secrets" / "journal.key"
    try:
        return book.key_id(book.private_key(file).public_key()) if file.exists() else None
    except errors.StorageError as error:
        raise CommandError(str(error), "or name the checkpoints by --checkpoints, to do without it") from error


@app.command()
def show(
    case: Annotated[str, typer.Argument(metavar="CASE", help="Number of the matter, its ticket or its order; or the id.")],
    as_json: Json = False,
) -> None:
    """Show what happened to a matter, from the first entry on: who did what, when, for which unit."""

    async def work(database: Database) -> list[journal.Entry]:
        return await _entries(database, await _chain(database, case))

    entries = _with_database(load(), work)
    if as_json:
        print(json.dumps([_said(one) for one in entries], ensure_ascii=False))
        return
    table = Table("", "at", "who", "for", "what", "about", "facts")
    for one in entries:
        desk = one.desk if one.desk == one.unit else f"{one.desk} (of {one.unit})"
        facts = ", ".join(f"{name}={_short(value)}" for name, value in one.detail.items())
        table.add_row(str(one.seq), f"{one.at.astimezone():%Y-%m-%d %H:%M:%S}", one.actor, desk, one.action, one.subject, facts)
    Console().print(table)


async def _entries(database: Database, chain: str) -> list[journal.Entry]:
    found: list[journal.Entry] = []
    async with database.read() as session:
        while page := await journal.timeline(session, chain, after=len(found), limit=PAGE):
            found += page
    return found


def _said(one: journal.Entry) -> dict[str, Any]:
    names = ("chain", "seq", "actor", "unit", "desk", "action", "subject", "detail", "hash")
    return {"at": one.at.isoformat(), **{name: getattr(one, name) for name in names}}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"


async def _chain(database: Database, number: str) -> str:
    async with database.read() as session:
        found = await _case(session, number)
    if found is None:
        raise CommandError(f"there is no matter {number}", "give its number, or that of its ticket or order", status=2)
    return journal.of_case(found)


async def _case(session: AsyncSession, number: str) -> str | None:
    case, ticket, order = table_of(Case), table_of(Ticket), table_of(PoliceOrder)
    named = union_all(
        select(case.c.id).where((case.c.number == number) | (case.c.id == number)),
        select(ticket.c.case_id).where(ticket.c.number == number),
        select(order.c.case_id).where(order.c.number == number),
    )
    found: str | None = (await session.execute(named)).scalars().first()
    return found


def _with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        database = Database(settings.database_url)
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except (SQLAlchemyError, errors.StorageError, OSError) as error:
        raise CommandError(f"the database can't be read: {errors.reason(error)}", "run `hotline doctor`") from error


@contextmanager
def _bar() -> Iterator[verify.Progress | None]:
    """A bar on standard error, at a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TextColumn("entries"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("entries", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
