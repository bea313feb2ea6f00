"""The command ``hotline``. Commands import what they need when they run, so that ``--help`` is quick."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core
import typer.main

from config.errors import ConfigError
from hotline.errors import CommandError

if TYPE_CHECKING:
    from config.settings import Settings

ELSEWHERE = {
    "backup": "hotline.backup",
    "calls": "hotline.calls",
    "classifier": "hotline.classifier",
    "classify": "hotline.classify",
    "drill": "hotline.drill",
    "exchange": "hotline.exchange",
    "journal": "hotline.journal",
    "keys": "hotline.keys",
    "peer": "hotline.peer",
    "restore": "hotline.restore",
    "retention": "hotline.retention",
    "seats": "hotline.seats",
    "user": "hotline.user",
}
"""Groups of commands in modules of their own (``app = typer.Typer()``), imported when they are asked for."""

_Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class _Group(typer.core.TyperGroup):
    """Knows the commands of ``ELSEWHERE`` by name."""

    def list_commands(self, ctx: Any) -> list[str]:
        there = [name for name, module in ELSEWHERE.items() if importlib.util.find_spec(module)]
        return sorted({*super().list_commands(ctx), *there})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        module = ELSEWHERE.get(cmd_name)
        if module and cmd_name not in self.commands and importlib.util.find_spec(module):
            command = typer.main.get_command(importlib.import_module(module).app)
            command.name = cmd_name
            self.add_command(command, cmd_name)
        return super().get_command(ctx, cmd_name)


app = typer.Typer(
    cls=_Group,
    help="The hotline 12345 and the police line 110 work as one: call core, queues, transfers.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app, name="config")


@app.command()
def up(
    as_json: _Json = False,
    check: Annotated[bool, typer.Option("--check", help="Check configuration and ports, start nothing.")] = False,
) -> None:
    """Run everything on this machine under one supervisor, until Ctrl-C."""
    from config.settings import load
    from hotline import up as supervisor

    settings = load()
    if check:
        supervisor.check(settings)
        print(json.dumps({"ok": True}) if as_json else "configuration and ports are right")
        return
    raise typer.Exit(supervisor.run(settings, as_json=as_json))


@app.command()
def telephony() -> None:
    """Run the call core: front door, rooms, switchboard."""
    from hotline import prepare

    for seat, password in sorted(prepare.data_folder(_settings()).created.items()):
        print(f"demo password of {seat}, told this once: {password}", file=sys.stderr)
    _service("telephony.switchboard.service")


@app.command()
def worker() -> None:
    """Run the worker: call records, deadlines and timers, news to others, checkpoints of the journal."""
    from hotline import emergencies

    emergencies.check(_settings())
    _service("router.worker")


@app.command()
def api() -> None:
    """Run the HTTP interface: casework, live events, probes."""
    from hotline import emergencies, prepare

    emergencies.check(_settings())
    prepare.data_folder(_settings())
    _service("api.server")


@functools.cache
def _settings() -> Settings:
    from config.settings import load

    return load()


def _service(module: str) -> None:
    from hotline import logs

    settings = _settings()
    logs.set_up(settings.log_level)
    raise typer.Exit(importlib.import_module(module).main(settings) or 0)


@app.command()
def doctor(as_json: _Json = False) -> None:
    """Check this machine, the servers and the configuration, and say what to do."""
    from hotline import doctor as checks

    raise typer.Exit(checks.run(dict(os.environ), as_json=as_json))


@app.command()
def migrate(as_json: _Json = False) -> None:
    """Bring the database to the schema of this release (the worker does it at its start)."""
    from config.settings import load
    from router.storage import migrations
    from router.storage.errors import StorageError

    settings = load()
    try:
        before = migrations.current(settings.database_url)
        revision = migrations.upgrade(settings.database_url)
    except StorageError as error:
        raise CommandError(str(error), "check HOTLINE_DATABASE_URL, and run `hotline doctor`") from error
    if as_json:
        print(json.dumps({"before": before, "revision": revision}))
        return
    print(f"the database is at {revision}" + ("" if before == revision else f" (it was at {before or 'nothing'})"))


@app.command()
def seed(as_json: _Json = False) -> None:
    """Furnish an example city: catalogs, agencies, duty contacts and people for all roles. Development only."""
    from config.settings import load
    from hotline import logs
    from hotline import seed as example

    settings = load()
    logs.set_up(settings.log_level)
    example.run(settings, as_json=as_json)


@app.command()
def ping(
    service: Annotated[str, typer.Argument(help="telephony, worker or api.")] = "telephony",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.")] = 3.0,
) -> None:
    """Ask a running service whether it works; exit status 1 if not. For health checks."""
    from config.settings import load
    from hotline import ping as pings

    asks = {"telephony": pings.telephony, "worker": pings.worker, "api": pings.api}
    if service not in asks:
        raise CommandError(f"there is no service {service}", f"name one of {', '.join(asks)}", status=2)
    print(asks[service](load(), timeout))


@config_app.command("check")
def config_check(as_json: _Json = False) -> None:
    """Check all configuration files and HOTLINE_ variables; exit status 2 if anything is wrong."""
    from config.secrets import Secrets
    from config.settings import load
    from hotline import emergencies

    try:
        settings = load()
        Secrets.stored(settings).verify(settings)
        emergencies.check(settings)
    except ConfigError as error:
        if not as_json:
            raise
        problems = [{"file": p.where, "line": p.line, "key": p.key, "what": p.what, "remedy": p.remedy} for p in error.problems]
        print(json.dumps({"ok": False, "problems": problems}, ensure_ascii=False))
        raise typer.Exit(2) from None
    if as_json:
        print(json.dumps({"ok": True, "problems": [], "warnings": settings.warnings}, ensure_ascii=False))
        return
    for warning in settings.warnings:
        print(f"warning: {warning}")
    made = settings.installation
    print(
        f"the configuration in {settings.config_dir} is right ({settings.env}): {len(made.centres)} centres, "
        f"{len(made.seats)} seats, {len(made.trunks)} trunks, {len(made.prompts)} prompts"
    )


@app.command()
def version(as_json: _Json = False) -> None:
    """Print the version."""
    number = importlib.metadata.version("hotline-interconnect")
    print(json.dumps({"version": number}) if as_json else number)


def main() -> None:
    """Run the command line: one line for each expected error, no traceback."""
    os.umask(0o077)
    try:
        status = app(prog_name="hotline", standalone_mode=False)
    except ConfigError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        status = 2
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        status = error.status
    except typer.TyperException as error:
        status = _usage(error)
    except (typer.Abort, KeyboardInterrupt):
        status = 130
    except BrokenPipeError:
        # whoever read our output has left: nothing more to say, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


def _usage(error: typer.TyperException) -> int:
    """Wrong options and arguments: one line, and where to read more."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(context.get_help() if context is not None else str(error))
        return 2
    words = error.format_message() if hasattr(error, "format_message") else str(error)
    path = context.command_path if context is not None else "hotline"
    print(f"error: {words.rstrip('.')} — see `{path} --help`", file=sys.stderr)
    return int(getattr(error, "exit_code", 2))
