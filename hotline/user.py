"""``hotline user``: accounts of people and programs, from the command line of the machine itself."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import Settings, load
from hotline import logs, prepare
from hotline.errors import CommandError
from router.access import accounts, passwords
from router.access.accounts import Draft, Places
from router.access.actor import ROLES, Actor, system
from router.errors import CaseworkError
from router.storage import migrations, vault
from router.storage.engine import Database
from router.storage.errors import StorageError
from router.storage.organisation import Account

app = typer.Typer(help="Keep the accounts of people and programs.", no_args_is_help=True, rich_markup_mode=None)
T = TypeVar("T")
Work = Callable[[AsyncSession, Settings], Awaitable[T]]
Username = Annotated[str, typer.Argument(help="The account's user name.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def by() -> Actor:
    """Whoever may run commands as the service's user keeps its accounts."""
    return system("command-line")


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def run(work: Work[T]) -> T:
    """Run in one transaction on the migrated database; expected errors become one line."""
    settings = load()
    logs.set_up(settings.log_level)
    prepare.data_folder(settings)
    try:
        migrations.upgrade(settings.database_url)
        return asyncio.run(_run(settings, work))
    except CaseworkError as error:
        raise CommandError(f"{error.code}: {error.what}", error.remedy or "see `hotline user --help`", status=2) from error
    except StorageError as error:
        raise CommandError(f"{error.code}: {error}", "check HOTLINE_DATABASE_URL, and run `hotline doctor`") from error


async def _run(settings: Settings, work: Work[T]) -> T:
    database = Database(settings.database_url)
    try:
        await vault.unlock(database, settings.data_dir)
        async with database.write() as session:
            return await work(session, settings)
    finally:
        await database.close()


async def found(session: AsyncSession, username: str) -> Account:
    account = await accounts.by_username(session, username)
    if account is None:
        raise CommandError(f"there is no account {username}", "see `hotline user list`", status=2)
    return account


def asked(username: str) -> str:
    """The hash of a password: asked for twice at a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        password = typer.prompt(f"Password of {username}", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        return passwords.hashed(password, username)
    except CaseworkError as error:
        raise CommandError(f"{error.code}: {error.what}", error.remedy, status=2) from error


def told(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        "name": account.name,
        "role": account.role,
        "unit": account.unit,
        "city": account.city,
        "seat": account.seat,
        "active": account.active,
        "password": account.password is not None,
        "oidc": account.oidc_issuer is not None,
    }


@app.command()
def add(
    username: Username,
    name: Annotated[str, typer.Option(help="The person's or program's name.")],
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")],
    unit: Annotated[str, typer.Option(help="Centre, or an agency's unified social credit code.")] = "",
    city: Annotated[str, typer.Option(help="Division code of the city; by default the default centre's.")] = "",
    seat: Annotated[str, typer.Option(help="SIP seat that the person works at.")] = "",
    oidc: Annotated[bool, typer.Option("--oidc", help="Signs in by the identity provider, without a password.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="The password need not be changed at the first sign-in.")] = False,
    as_json: Json = False,
) -> None:
    """Create an account; its password is asked for twice at a terminal, else the first line of standard input.

    Programs (role integration) never have to change theirs."""
    issuer = None
    if oidc:
        settings = load()
        if settings.oidc is None:
            raise CommandError("no identity provider is configured", "set HOTLINE_OIDC_ISSUER and what goes with it", status=2)
        issuer = settings.oidc.issuer
    hashed = None if oidc else asked(username)
    draft = Draft(username=username, name=name, role=role, unit=unit, city=city, seat=seat or None, oidc_issuer=issuer)
    must_change = not keep and role != "integration"

    async def work(session: AsyncSession, settings: Settings) -> dict[str, Any]:
        places = Places.of(settings)
        return told(await accounts.create(session, by(), draft, places, now(), hashed=hashed, must_change=must_change))

    made = run(work)
    print(json.dumps(made, ensure_ascii=False) if as_json else f"account {username} is made ({made['role']})")


@app.command("list")
def list_accounts(
    role: Annotated[str, typer.Option(help="Only accounts of this role.")] = "",
    unit: Annotated[str, typer.Option(help="Only accounts of this unit.")] = "",
    as_json: Json = False,
) -> None:
    """List the accounts."""

    async def work(session: AsyncSession, settings: Settings) -> list[dict[str, Any]]:
        query = select(Account).order_by(Account.username)
        if role:
            query = query.where(Account.role == role)
        if unit:
            query = query.where(Account.unit == unit)
        return [told(account) for account in (await session.scalars(query)).all()]

    rows = run(work)
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("username", "name", "role", "unit", "city", "seat", "active", "signs in by")
    for row in rows:
        ways = [way for way, has in (("password", row["password"]), ("OIDC", row["oidc"])) if has]
        active = "yes" if row["active"] else "no"
        table.add_row(
            row["username"], row["name"], row["role"], row["unit"], row["city"], row["seat"] or "", active, ", ".join(ways)
        )
    Console().print(table)


@app.command("set-password")
def set_password(
    username: Username,
    keep: Annotated[bool, typer.Option("--keep", help="It need not be changed at the next sign-in.")] = False,
) -> None:
    """Set a password: asked for twice at a terminal, else the first line of standard input. All sessions end."""
    hashed = asked(username)

    async def work(session: AsyncSession, settings: Settings) -> None:
        account = await found(session, username)
        must_change = not keep and account.role != "integration"
        await accounts.set_password(session, by(), account, hashed, now(), must_change=must_change)

    run(work)
    print(f"the password of {username} is set")


@app.command()
def deactivate(
    username: Username,
    undo: Annotated[bool, typer.Option("--undo", help="Let the account sign in again.")] = False,
) -> None:
    """Shut an account out: its sessions and tokens end at once. What it did stays."""

    async def work(session: AsyncSession, settings: Settings) -> None:
        account = await found(session, username)
        await accounts.activate(session, by(), account, undo, now())

    run(work)
    print(f"account {username} is {'active' if undo else 'shut out'}")


@app.command()
def post(
    username: Username,
    unit: Annotated[str, typer.Argument(help="Centre, or an agency's code, where the person will work.")],
    role: Annotated[str, typer.Option(help="Role there: operator, police, agency or supervisor.")],
    days: Annotated[float, typer.Option(help="How long, from now.")] = 30.0,
    as_json: Json = False,
) -> None:
    """Post a person to another unit: works there, counts as from the home unit."""
    if not 0 < days <= 3660:
        raise CommandError(f"{days:g} days can't be", "give more than 0 and at most 3660", status=2)

    async def work(session: AsyncSession, settings: Settings) -> dict[str, Any]:
        account = await found(session, username)
        moment = now()
        until = moment + dt.timedelta(days=days)
        made = await accounts.post(session, by(), account, unit, role, moment, until, Places.of(settings), moment)
        return {"id": made.id, "account": made.account, "unit": made.unit, "role": made.role, "until": until.isoformat()}

    made = run(work)
    print(json.dumps(made) if as_json else f"{username} is posted to {unit} as {role} until {made['until'][:16]}Z")
