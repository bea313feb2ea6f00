"""``hotline seats``: which seats there are, and their SIP secrets."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from config.secrets import Secrets
from config.settings import load
from hotline.errors import CommandError

app = typer.Typer(help="List the seats and set their SIP secrets.", no_args_is_help=True, rich_markup_mode=None)


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
