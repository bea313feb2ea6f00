"""``hotline seed``: an example city to try everything with."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import secrets

from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from config.settings import Settings
from hotline.errors import CommandError
from router.access import passwords
from router.access.accounts import Places
from router.casework import town
from router.casework.work import Work
from router.errors import CaseworkError
from router.linkage import example as linkage
from router.organisation import example
from router.storage import errors, migrations, vault
from router.storage.engine import Database

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def run(settings: Settings, *, as_json: bool = False) -> None:
    """Furnish the example city; its people share one password, told once."""
    if settings.production:
        raise CommandError(
            "an example city has no place in production",
            "publish your own catalog, import your agencies, and add people with `hotline user add`",
        )
    password = settings.demo_password.get_secret_value() if settings.demo_password else None
    shown = password or "".join(secrets.choice(_ALPHABET) for _ in range(12))
    try:
        hashed = passwords.hashed(shown, "")
        found = asyncio.run(_furnish(settings, hashed))
    except CaseworkError as error:
        raise CommandError(error.what, error.remedy or "set another HOTLINE_DEMO_PASSWORD") from error
    except (errors.StorageError, SQLAlchemyError) as error:
        raise CommandError(
            f"the database can't be used: {errors.reason(error)}", "check HOTLINE_DATABASE_URL, and run `hotline doctor`"
        ) from error
    new = [one for one in found.people if one.new]
    if as_json:
        print(
            json.dumps(
                {
                    "catalogs": found.catalogs,
                    "agencies": found.agencies,
                    "contacts": found.contacts,
                    "posts": found.posts,
                    "password": shown if new and password is None else None,
                    "people": [
                        {"username": one.username, "role": one.role, "unit": one.unit, "unit_name": one.unit_name, "new": one.new}
                        for one in found.people
                    ],
                },
                ensure_ascii=False,
            )
        )
        return
    _print(found, f"told this once: {shown}" if password is None else "the one in HOTLINE_DEMO_PASSWORD")


async def _furnish(settings: Settings, hashed: str) -> example.Furnished:
    await asyncio.to_thread(migrations.upgrade, settings.database_url)
    database = Database(settings.database_url)
    try:
        await vault.unlock(database, settings.data_dir)
        now = dt.datetime.now(dt.UTC)
        async with database.write() as session:
            found = await example.furnish(
                session,
                folder=settings.config_dir / "catalog",
                centres=settings.installation.centres,
                seats=settings.installation.seats,
                places=Places.of(settings),
                hashed=hashed,
                now=now,
            )
            work = Work(session, linkage.WHO, now, town.of(settings))
            await linkage.stock(work, settings.config_dir, work.town.city)
        return found
    finally:
        await database.close()


def _print(found: example.Furnished, password: str) -> None:
    new = [one for one in found.people if one.new]
    duty = f"{found.contacts} duty contacts, {found.posts} duty posts"
    print(f"{found.catalogs} catalogs, {found.agencies} agencies, {duty}, {len(found.people)} people")
    if not new:
        print("nothing was missing; the people keep their passwords")
        return
    table = Table("user", "role", "works at", box=None, pad_edge=False)
    for one in new:
        table.add_row(one.username, one.role, one.unit_name or "the whole installation")
    Console(width=100, highlight=False).print(table)
    print(f"\nTheir password: {password}")
