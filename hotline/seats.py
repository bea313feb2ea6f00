"""``hotline seats``: which seats there are, what they are doing, and their SIP secrets."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from twisted.internet.defer import Deferred

from config.secrets import Secrets
from config.settings import load
from hotline.errors import CommandError
from telephony import contract
from telephony.machines.seat import Seat
from telephony.queues import scripts
from telephony.queues.board import Board
from telephony.queues.errors import BoardUnavailable

app = typer.Typer(
    help="List the seats, see what they are doing, set their SIP secrets.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list")
def list_seats(as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False) -> None:
    """List the seats, and whether each has a secret."""
    settings = load()
    secrets = Secrets.stored(settings).seats_with_secret()
    rows = [
        {
            "seat": seat.id,
            "name": seat.name,
            "role": seat.role,
            "centre": seat.centre,
            "groups": seat.groups,
            "secret": {None: "none", True: "demo", False: "set"}[secrets.get(seat.id)],
        }
        for seat in settings.installation.seats
    ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("seat", "name", "role", "centre", "groups", "secret")
    for row in rows:
        table.add_row(*(", ".join(value) if isinstance(value, list) else str(value or "") for value in row.values()))
    Console().print(table)


@app.command()
def status(
    centre: Annotated[str, typer.Option(help="Only the seats of this centre, and those that help it.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """Show what each seat is doing now: its status with the reason, its phone, its call."""
    settings = load()
    if centre and centre not in settings.centres:
        raise CommandError(f"there is no centre {centre}", f"name one of {', '.join(settings.centres)}", status=2)
    try:
        seats = asyncio.run(_board(settings.redis_url, centre or None))
    except BoardUnavailable as problem:
        raise CommandError(f"{problem.code}: the seats can't be read ({problem.value})", problem.remedy) from problem
    if as_json:
        print(json.dumps([_told(seat) for seat in seats], ensure_ascii=False))
        return
    now = time.time()
    table = Table("seat", "centre", "helps", "status", "for", "phone", "state", "call")
    for seat in seats:
        words = f"{seat.status} ({seat.reason})" if seat.reason else seat.status
        lasting = f"{max(now - seat.status_since, 0) / 60:.0f} min" if seat.status_since else ""
        helps = ", ".join(one.centre + (" only" if one.exclusive else "") for one in seat.helps)
        table.add_row(seat.id, seat.centre, helps, words, lasting, _phone(seat), seat.state, seat.call)
    Console().print(table)


def _phone(seat: Seat) -> str:
    if seat.unreachable_at:
        return "unreachable"
    return "registered" if seat.registered else "none"


def _told(seat: Seat) -> dict[str, object]:
    return {
        "seat": seat.id,
        "centre": seat.centre,
        "helps": [
            {"centre": one.centre, "groups": list(one.groups), "home": one.home, "exclusive": one.exclusive} for one in seat.helps
        ],
        "status": seat.status,
        "reason": seat.reason,
        "since": seat.status_since,
        "phone": _phone(seat),
        "state": seat.state,
        "call": seat.call,
    }


async def _board(url: str, centre: str | None) -> list[Seat]:
    """The seats on the board, or those that serve one centre. (The board's methods are Twisted coroutines, which need no reactor
    to be awaited here.)"""
    client = scripts.connect(url)
    try:
        board = Board(client, contract.STREAM_PREFIX, time.time)
        seats: list[Seat] = await Deferred.fromCoroutine(board.seats()).asFuture(asyncio.get_running_loop())
        return [seat for seat in seats if centre is None or seat.centre == centre or seat.helping(centre)]
    finally:
        await client.aclose()


@app.command("set-secret")
def set_secret(seat: Annotated[str, typer.Argument(help="The seat's id, e.g. 8001.")]) -> None:
    """Set a seat's SIP secret: asked for twice at a terminal, else the first line of standard input.

    A running telephony service takes it at the phone's next registration."""
    settings = load()
    if seat not in settings.seats:
        raise CommandError(f"there is no seat {seat}", "see `hotline seats list`", status=2)
    if sys.stdin.isatty():
        password = typer.prompt(f"Secret of {seat}", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        Secrets.stored(settings).set(seat, password)
    except ValueError as error:
        raise CommandError(str(error), "choose another, e.g. from `openssl rand -base64 18`", status=2) from error
    print(f"the secret of {seat} is set")
