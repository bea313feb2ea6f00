"""``hotline exchange``: checks messages against the exchange format, prints its schema, makes the tables of a shared database."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from hotline.errors import CommandError

app = typer.Typer(
    help="Messages between systems of different makers: check them, see their schema.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="Files with one message each; - is standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Check messages against the format; exit status 2 if any is wrong."""
    from router.exchange.validate import validate as check

    found = []
    for file in files:
        try:
            document = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file} can't be read ({error.strerror})", "name a file with one message", status=2) from error
        found.append((str(file), check(document, "en")))
    wrong = sum(1 for _, problems in found if problems)
    if as_json:
        told = [{"file": name, "ok": not problems, "problems": [one.as_dict() for one in problems]} for name, problems in found]
        print(json.dumps({"ok": not wrong, "files": told}, ensure_ascii=False))
    else:
        for name, problems in found:
            for one in problems:
                print(f"{name}: {one.path or 'document'}: {one.what} — {one.remedy}", file=sys.stderr)
        print(f"{len(found) - wrong} of {len(found)} messages are right")
    if wrong:
        raise typer.Exit(2)


@app.command()
def schema(
    receipt: Annotated[bool, typer.Option("--receipt", help="The schema of receipts instead.")] = False,
) -> None:
    """Print the JSON Schema (draft 2020-12) of messages."""
    from router.exchange import schema as schemas

    print(schemas.text(schemas.receipt_schema() if receipt else schemas.message_schema()), end="")


@app.command("prepare-database")
def prepare_database(
    url: Annotated[str, typer.Argument(help="postgresql://USER:PASSWORD@HOST/NAME or sqlite:///FILE, or - for standard input.")],
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL instead of running it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Make the two tables of a database that is shared with another system (共建中间数据库)."""
    from router.exchange import shared
    from router.storage import engine
    from router.storage.errors import StorageError

    given = sys.stdin.readline().strip() if url == "-" else url
    try:
        dialect = engine.parse(given, sync=True).get_backend_name()
        if sql:
            print(shared.ddl(dialect), end="")
            return
        made = shared.prepare(given)
    except StorageError as error:
        status = 2 if error.code == "storage.bad_url" else 1
        raise CommandError(
            f"{error.code}: {error}", "check the URL, the server and the user's right to make tables", status
        ) from error
    if as_json:
        print(json.dumps({"made": made, "tables": [shared.INBOX.name, shared.OUTBOX.name]}))
        return
    print(f"the tables {shared.INBOX.name} and {shared.OUTBOX.name} {'are made' if made else 'were there already'}")
