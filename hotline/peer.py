"""``hotline peer``: which systems of other makers there are, and how each is reached."""

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
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from config.errors import ConfigError
from config.settings import Settings, load
from hotline import logs
from hotline.errors import CommandError
from hotline.note import actor
from router.errors import CaseworkError
from router.exchange import peers
from router.storage import vault
from router.storage.engine import Database
from router.storage.errors import StorageError, reason
from router.storage.organisation import Account, Peer

app = typer.Typer(help="Systems of other makers that cases are exchanged with.", no_args_is_help=True, rich_markup_mode=None)
T = TypeVar("T")
_Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def rules_of(settings: Settings) -> peers.Rules:
    centres = {one.id: one.kind for one in settings.installation.centres}
    return peers.Rules(settings.installation.exchange.system, centres, development=not settings.production)


@app.command()
def add(
    peer: Annotated[str, typer.Argument(help="Its name among systems, e.g. kunming-110: what its messages give as from.system.")],
    name: Annotated[str, typer.Option(help="Its name for people.")],
    centre: Annotated[str, typer.Option(help="Centre of ours that it stands for.")],
    account: Annotated[str, typer.Option(help="User name of the integration account by which it signs in here.")],
    transport: Annotated[str, typer.Option(help="rest or database.")] = "rest",
    url: Annotated[
        str, typer.Option(help="Its interface (we add /messages), or the shared database without password; none: it pulls.")
    ] = "",
    token_stdin: Annotated[
        bool,
        typer.Option("--token-stdin", help="Read the token for its interface, or the database's password, from standard input."),
    ] = False,
    as_json: _Json = False,
) -> None:
    """Add a peer."""
    if transport not in ("rest", "database"):
        raise CommandError(f"there is no transport {transport}", "write rest or database", status=2)
    token = sys.stdin.readline().strip() if token_stdin else None

    async def run(session: AsyncSession, settings: Settings, now: dt.datetime) -> Peer:
        found = (await session.scalars(select(Account).where(Account.username == account.lower()))).one_or_none()
        given = peers.Given(
            name=name,
            centre=centre,
            transport="database" if transport == "database" else "rest",
            account=found.id if found else account,
            url=url or None,
            token=token or None,
        )
        return await peers.add(session, actor(), peer, given, rules_of(settings), now)

    made = _run(run)
    print(json.dumps(told(made), ensure_ascii=False) if as_json else f"peer {made.id} is added: it stands for {made.centre}")


@app.command("list")
def list_peers(as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False) -> None:
    """List the peers."""

    async def run(session: AsyncSession, _settings: Settings, _now: dt.datetime) -> list[Peer]:
        return list(await peers.every(session))

    rows = [told(one) for one in _run(run)]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("peer", "name", "side", "centre", "transport", "url", "active", "last seen")
    for row in rows:
        names = ("peer", "name", "side", "centre", "transport", "url", "active", "last_seen_at")
        table.add_row(*(str("" if row[one] is None else row[one]) for one in names))
    Console().print(table)


@app.command()
def remove(peer: Annotated[str, typer.Argument(help="The peer's name among systems.")], as_json: _Json = False) -> None:
    """Remove a peer: nothing goes to it or comes from it any more. What was exchanged stays."""

    async def run(session: AsyncSession, _settings: Settings, now: dt.datetime) -> None:
        await peers.remove(session, actor(), peer, now)

    _run(run)
    print(json.dumps({"removed": peer}) if as_json else f"peer {peer} is removed")


def told(peer: Peer) -> dict[str, Any]:
    """A peer as programs are told of it: without its token."""
    return {
        "peer": peer.id,
        "name": peer.name,
        "side": peer.side,
        "centre": peer.centre,
        "transport": peer.transport,
        "url": peer.url,
        "account": peer.account,
        "active": peer.active,
        "last_seen_at": peer.last_seen_at.isoformat() if peer.last_seen_at else None,
    }


def _run(work: Callable[[AsyncSession, Settings, dt.datetime], Awaitable[T]]) -> T:
    """One transaction with the data keys open."""
    settings = load()
    logs.set_up(settings.log_level)

    async def run() -> T:
        database = Database(settings.database_url, pool=1)
        try:
            await vault.unlock(database, settings.data_dir)
            async with database.write() as session:
                return await work(session, settings, dt.datetime.now(dt.UTC))
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except CaseworkError as error:
        raise CommandError(f"{error.code}: {error.what}", error.remedy or "see `hotline peer list`", status=2) from error
    except ConfigError:
        raise
    except (StorageError, SQLAlchemyError, OSError) as error:
        raise CommandError(
            f"the database can't be used: {reason(error)}", "run `hotline migrate`, then `hotline doctor`"
        ) from error
