"""``hotline drill``: plays drills (演练) on the running installation, and shows what came of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hotline.errors import CommandError

if TYPE_CHECKING:
    from config.settings import Settings
    from router.linkage.drill.rehearsal import Script

app = typer.Typer(help="Drills: the code of an emergency, on marked data.", no_args_is_help=True, rich_markup_mode=None)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
FOLDER = "drills"


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Scripts of drills that are there."""
    from config.settings import load

    found = [_read(file) for file in sorted((load().config_dir / FOLDER).glob("*.yaml"))]
    if as_json:
        print(json.dumps([{"drill": one.drill, "name": one.name, "form": one.form} for one in found], ensure_ascii=False))
        return
    table = Table("drill", "name", "form", "posts", "callers", box=None, pad_edge=False)
    for one in found:
        table.add_row(one.drill, one.name, one.form, str(len(one.telephones)), str(len(one.callers)))
    Console(highlight=False).print(table)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="A script of config/drills, or a YAML file.")],
    as_json: Json = False,
    registrar: Annotated[
        str | None, typer.Option(help="Where robot telephones register, HOST:PORT. By default this installation's seats.")
    ] = None,
    password: Annotated[
        str | None, typer.Option(envvar="HOTLINE_DEMO_PASSWORD", help="SIP password of the seats that robots play.")
    ] = None,
    patience: Annotated[float, typer.Option(min=10, max=3600, help="Seconds after the last step of the script.")] = 120,
) -> None:
    """Play a drill: robot telephones register as the script's posts, are paged by real calls, and press their keys.

    Exit status 1 if an expectation of the script was not met.
    """
    from config.settings import load
    from hotline import logs, prepare
    from hotline.drill_play import Play
    from router.errors import CaseworkError
    from router.storage.errors import StorageError

    settings = load()
    logs.set_up(settings.log_level)
    prepare.data_folder(settings)
    script = _read(_file(settings, name))
    if script.telephones and not password:
        raise CommandError(
            "the robots need the SIP password of their seats", "set HOTLINE_DEMO_PASSWORD, or give --password", status=2
        )
    console = Console(stderr=as_json, highlight=False)
    try:
        play = Play(settings, script, _address(settings, registrar), password or "", console, patience)
        played = asyncio.run(play.run())
    except CaseworkError as error:
        raise CommandError(f"{error.code}: {error.what}", error.remedy or "see `hotline drill --help`", status=2) from error
    except StorageError as error:
        raise CommandError(f"{error.code}: {error}", "check HOTLINE_DATABASE_URL, and run `hotline doctor`") from error
    if as_json:
        print(json.dumps(played, ensure_ascii=False))
    else:
        _show(console, played)
    raise typer.Exit(0 if all(one["kept"] for one in played["marks"]) else 1)


def _show(console: Console, played: dict[str, Any]) -> None:
    table = Table("post", "expected", "took", "", box=None, pad_edge=False)
    for one in played["marks"]:
        took = "never" if one["took"] is None else f"{one['took']:.0f} s"
        kept = "[green]✔ kept" if one["kept"] else "[red]✘ missed"
        table.add_row(one["post"], f"{one['state']} within {one['within']:.0f} s", took, kept)
    console.print(table)
    console.print(f"{played['number']}: {played['share']:g} of 100 points; drill {played['drill']}")


def _file(settings: Settings, name: str) -> Path:
    given = Path(name)
    file = given if given.suffix in (".yaml", ".yml") else settings.config_dir / FOLDER / f"{name}.yaml"
    if not file.is_file():
        there = ", ".join(sorted(one.stem for one in (settings.config_dir / FOLDER).glob("*.yaml")))
        raise CommandError(f"there is no drill {name}", f"name a file, or one of: {there or 'none'}", status=2)
    return file


def _read(file: Path) -> Script:
    from router.linkage.drill import rehearsal
    from router.linkage.planning.plans import BadPlan

    try:
        return rehearsal.load(file)
    except BadPlan as error:
        raise CommandError("\n".join(map(str, error.problems)), "correct the script", status=2) from error


def _address(settings: Settings, given: str | None) -> tuple[str, int]:
    if given is None:
        if not settings.sip_port:
            raise CommandError("the seats' port is not known", "give --registrar HOST:PORT", status=2)
        return "127.0.0.1", settings.sip_port
    host, _, port = given.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise CommandError(f"{given} is no HOST:PORT", "write 127.0.0.1:5060", status=2)
    return host, int(port)
