"""``hotline retention``: what has been kept long enough, and erasing it now instead of at night."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from config.settings import Settings, load
from hotline import logs
from hotline.errors import CommandError
from hotline.note import actor
from router.storage import migrations, retention, vault
from router.storage.casework import Case
from router.storage.engine import Database
from router.storage.errors import StorageError, reason

app = typer.Typer(
    help="How long matters and recordings are kept, and erasing what is over.", no_args_is_help=True, rich_markup_mode=None
)
SHOWN = 1000
"""Cases that a look names at most."""


@app.callback()
def main() -> None:
    """Keep `run` a command of its own."""


@app.command()
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Erase what has been kept long enough; the worker does it every night by itself."""
    settings = load()
    logs.set_up(settings.log_level)
    try:
        migrations.check(settings.database_url)
        told = asyncio.run(_look(settings) if dry_run else _run(settings))
    except (StorageError, SQLAlchemyError, OSError) as error:
        raise CommandError(
            f"the database can't be used: {reason(error)}", "run `hotline migrate`, then `hotline doctor`"
        ) from error
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return
    verb = "would be erased" if dry_run else "are erased"
    more = " or more" if told["more"] else ""
    print(
        f"{told['cases']}{more} cases, {told['recordings']} recordings and the numbers of {told['calls']} calls of no case {verb}"
    )
    for number in told["numbers"]:
        print(f"  {number}")


async def _look(settings: Settings) -> dict[str, Any]:
    database = Database(settings.database_url, pool=1)
    rules = retention.rules_of(settings.installation.retention)
    try:
        async with database.read() as session:
            found = await retention.over(session, rules, dt.datetime.now(dt.UTC), limit=SHOWN)
            query = select(Case.number).where(Case.id.in_(found.cases)).order_by(Case.number)
            numbers = list((await session.scalars(query)).all())
    finally:
        await database.close()
    return _told(found, numbers, found.more)


async def _run(settings: Settings) -> dict[str, Any]:
    database = Database(settings.database_url, pool=1)
    rules = retention.rules_of(settings.installation.retention)
    total = retention.Over()
    try:
        await vault.unlock(database, settings.data_dir)
        more = True
        while more:
            async with database.write() as session:
                done = await retention.sweep(session, rules, dt.datetime.now(dt.UTC), actor())
            total.cases += done.cases
            total.recordings += done.recordings
            total.calls += done.calls
            more = done.more and bool(done.cases or done.recordings or done.calls)
    finally:
        await database.close()
    return _told(total, [], False)


def _told(found: retention.Over, numbers: list[str], more: bool) -> dict[str, Any]:
    return {
        "cases": len(found.cases),
        "recordings": len(found.recordings),
        "calls": len(found.calls),
        "more": more,
        "numbers": numbers,
    }
