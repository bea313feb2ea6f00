"""``hotline classifier examples`` and ``drift``: what people made of its words, and whether the texts have changed."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import heapq
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from hotline.errors import CommandError

if TYPE_CHECKING:
    from classifier.model import Model
    from config.settings import Settings
    from router.casework.examples import Examples
    from router.casework.overrules import Settled
    from router.storage.engine import Database

T = TypeVar("T")
READ = 500
"""Texts of a week in which terms are looked up."""
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def register(app: typer.Typer) -> None:
    """Put the commands into their group."""
    app.command()(examples)
    app.command()(drift)


def examples(
    out: Annotated[Path, typer.Option("--out", help="CSV file (UTF-8 with BOM) that is written.")],
    since: Annotated[str, typer.Option(metavar="DATE", help="Only decisions since this day, e.g. 2026-05-01.")] = "",
    city: Annotated[str, typer.Option(metavar="CODE", help="Only of this city; else of all that agreed.")] = "",
    confirmed: Annotated[bool, typer.Option("--confirmed", help="Add a sample of closed matters that nobody overruled.")] = False,
    names: Annotated[bool, typer.Option("--names", help="Label texts with agencies' names instead of their kinds.")] = False,
    as_json: Json = False,
) -> None:
    """Write decisions that people overruled as labelled examples, without names, numbers and addresses; journalled."""
    from config.settings import load
    from hotline import logs
    from router.casework import examples as made

    settings = load()
    logs.set_up(settings.log_level)
    day = _day(since)
    try:
        cities = made.agreed(settings.installation.classifier, _cities(settings), city)
    except made.NotAgreed as error:
        remedy = "with the city's consent, set `classifier: {learn_from_overrules: true}` in the configuration; see docs/admin.md"
        raise CommandError(str(error), remedy, status=2) from None
    filters = {"cities": cities, "since": day.isoformat() if day else None, "confirmed": confirmed}

    async def work(database: Database) -> Examples:
        from router.storage import vault

        await vault.unlock(database, settings.data_dir)
        await _journal(database, "export", {"format": "csv", "filters": filters})
        async with database.read() as session:
            found = await made.collect(session, cities, since=day, confirmed=confirmed, names=names)
        _write(out, _csv(made.COLUMNS, [one.cells() for one in found.rows]))
        await _journal(database, "export.ended", {"rows": len(found.rows), "complete": True, "filters": filters})
        return found

    found = _with_database(settings, work)
    counts = {"overruled": found.overruled, "confirmed": found.confirmed, "guarded": found.guarded, "withheld": found.withheld}
    if as_json:
        print(json.dumps({"file": str(out), "rows": len(found.rows), "cities": cities, **counts}, ensure_ascii=False))
        return
    print(f"{found.overruled} overruled and {found.confirmed} confirmed decisions are in {out}")
    print(f"left out: {found.guarded} confidential, {found.withheld} whose words may still tell who is meant")
    print("read the file before it is passed on: a name that is also a word can't be told from it")


def _day(since: str) -> dt.datetime | None:
    from router.casework.examples import HERE

    if not since:
        return None
    try:
        return dt.datetime.combine(dt.date.fromisoformat(since), dt.time(), HERE)
    except ValueError:
        raise CommandError(f"--since {since} is no date", "write for example 2026-05-01", status=2) from None


def _cities(settings: Settings) -> list[str]:
    from router.casework import town

    made = town.of(settings)
    return sorted({made.city_of(one) for one in made.desks} - {""})


async def _journal(database: Database, action: str, detail: dict[str, Any]) -> None:
    from hotline.note import actor
    from router.access import audit

    async with database.write() as session:
        await audit.looked(session, actor(), action, "classifier.examples", dt.datetime.now(dt.UTC), detail=detail)


def _csv(titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> bytes:
    from api.kit import sheets

    sheet = sheets.CsvSheet(titles)
    return sheet.rows(rows) + sheet.end()


def _write(file: Path, content: bytes) -> None:
    """The whole file or none, for this user alone."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
            opened.write(content)
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CommandError(f"{file} can't be written ({error.strerror})", "name another file, or make room") from None


def drift(
    weeks: Annotated[int, typer.Option(min=1, max=104, help="Weeks of seven days until now.")] = 4,
    report: Annotated[Path | None, typer.Option("--report", help="Write an HTML report with charts to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Compare what was judged in the last weeks with what the serving model was trained on."""
    from classifier.errors import ClassifierError
    from classifier.learning import drift as figures
    from classifier.learning import drift_page
    from config.settings import load
    from hotline import logs

    settings = load()
    logs.set_up(settings.log_level)
    now = dt.datetime.now(dt.UTC)
    try:
        duty, agency = _models(settings)
        found = _with_database(settings, lambda database: _look(database, now, weeks, duty, agency))
    except ClassifierError as error:
        raise CommandError(str(error), "`hotline classifier list` shows which models there are", status=2) from None
    if report is not None:
        _write(report, drift_page.page(found).encode())
    print(json.dumps(found, ensure_ascii=False) if as_json else figures.told(found))


def _models(settings: Settings) -> tuple[Model, Model | None]:
    """The duty model and the agency model that serve."""
    from classifier import shipped, store
    from classifier.registry import Registry
    from hotline.classify import progress
    from router.casework import judging

    registry = Registry(judging.models_dir(settings.data_dir))
    duty, agency = registry.serving("duty"), registry.serving("agency")
    if duty is None:
        shipped.ensure(progress("training the shipped model, this once"))
    return (shipped.load() if duty is None else store.load(duty)), (None if agency is None else store.load(agency))


async def _look(database: Database, now: dt.datetime, weeks: int, duty: Model, agency: Model | None) -> dict[str, Any]:
    from classifier.learning import drift as figures
    from router.casework import overrules
    from router.catalog import versions

    start = now - dt.timedelta(days=7 * weeks)
    seen: list[figures.Seen] = []
    read: list[list[tuple[str, str]]] = [[] for _ in range(weeks)]
    async with database.read() as session:
        names: dict[str, str] = {}
        for city in await versions.cities(session):
            catalog = await versions.newest(session, city)
            names |= {code: item.name for code, item in catalog.items.items()} if catalog else {}
        async for page in overrules.settled(session, registered_since=start):
            seen += [_seen(one) for one in page]
            for one in page:
                week = min(weeks - 1, (one.registered - start) // dt.timedelta(days=7))
                if one.words:
                    read[week].append((hashlib.sha256(one.case.encode()).hexdigest(), one.words))
            read = [heapq.nsmallest(READ, some) for some in read]
    unknown = [figures.unknown_terms(duty, [words for _, words in some]) for some in read]
    models = [duty.version, *([agency.version] if agency is not None else [])]
    return figures.report(seen, now, weeks, figures.training(duty, agency), models=models, unknown=unknown, names=names)


def _seen(one: Settled) -> Any:
    from classifier.learning.drift import Seen

    said = one.said
    return Seen(one.registered, said.route, said.urgent, said.item, said.confidence, said.agency, said.model, one.overruled)


def _with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    from sqlalchemy.exc import SQLAlchemyError

    from router.storage import errors, migrations
    from router.storage.engine import Database

    async def run() -> T:
        database = Database(settings.database_url, pool=1)
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        migrations.check(settings.database_url)
        return asyncio.run(run())
    except (SQLAlchemyError, errors.StorageError, OSError) as error:
        raise CommandError(
            f"the database can't be used: {errors.reason(error)}", "run `hotline migrate`, then `hotline doctor`"
        ) from error
