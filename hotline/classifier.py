"""``hotline classifier …``: trains, measures, promotes and rolls back the models that judge texts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hotline import classifier_learning
from hotline.errors import CommandError

if TYPE_CHECKING:
    from classifier.registry import Kind, Registry

app = typer.Typer(
    help="Models that judge texts: train, evaluate, promote, roll back.", no_args_is_help=True, rich_markup_mode=None
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def _registry() -> Registry:
    from classifier.registry import Registry
    from config import settings as configuration
    from router.casework import judging

    return Registry(judging.models_dir(configuration.load().data_dir))


def _kind(value: str) -> Kind:
    if value == "duty":
        return "duty"
    if value == "agency":
        return "agency"
    raise CommandError(f"there is no kind of model {value}", "name duty or agency", status=2)


Data = Annotated[Path, typer.Option("--data", help="CSV (UTF-8 or GB18030) or XLSX with a line of column names.")]
TextColumn = Annotated[str, typer.Option("--text", help="Column with the text.")]
LabelColumn = Annotated[str, typer.Option("--label", help="Column with the label.")]
Where = Annotated[list[str] | None, typer.Option("--where", help="Use only rows where COLUMN=VALUE; may be given again.")]


def _where(given: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given or []:
        column, equals, value = one.partition("=")
        if not equals or not column:
            raise CommandError(f"--where {one} is not COLUMN=VALUE", "write for example --where split=train", status=2)
        found[column] = value
    return found


@app.command()
def train(
    data: Annotated[
        Path | None, typer.Option("--data", help="CSV or XLSX with your own labels; without it, the shipped model is made.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder that the model is written to.")] = None,
    text: TextColumn = "text",
    label: LabelColumn = "label",
    where: Where = None,
    seed: Annotated[int, typer.Option(help="The same data and seed give the same model.")] = 0,
    as_json: Json = False,
) -> None:
    """Train a model on a city's own labelled texts, or make the shipped one from the corpus."""
    from classifier import shipped, store
    from classifier.errors import ClassifierError
    from hotline.classify import progress

    try:
        if data is None:
            print(_first(shipped.folder()), file=sys.stderr)
            folder = shipped.ensure(progress("training"))
            if out is not None:
                store.save(shipped.load(), out)
                folder = out
        else:
            from classifier.learning import agency
            from classifier.learning import data as tables

            if out is None:
                raise CommandError("no folder for the model", "name one by --out", status=2)
            store.replaceable(out)
            table = tables.read(data, text=text, label=label, where=_where(where))
            print(f"training on {len(table.rows)} texts of {table.name}", file=sys.stderr)
            store.save(agency.train(table, seed=seed, progress=progress("training")), out)
            folder = out
        card = store.read_card(folder)
    except ClassifierError as error:
        raise CommandError(str(error), "docs/classifier.md tells more", status=2) from None
    except OSError as error:
        raise CommandError(
            f"the model can't be written to {out or error.filename} ({error.strerror})",
            "name another folder, or make room",
            status=2,
        ) from None
    if as_json:
        print(json.dumps({"model": str(folder), **card}, ensure_ascii=False))
        return
    print(f"{card['version']}: {card['texts']} texts, in {folder}")
    for name, count in card.get("left_out", {}).items():
        print(f"label {name} has {count} example(s) and was left out", file=sys.stderr)


def _first(folder: Path) -> str:
    """What making the shipped model will take."""
    if (folder / "card.json").exists():
        return "the shipped model is there already"
    return f"training the shipped model from the corpus, about a minute, into {folder}"


@app.command()
def evaluate(
    data: Data,
    model: Annotated[Path | None, typer.Option("--model", help="Folder of a model; without it, the one that serves.")] = None,
    text: TextColumn = "text",
    label: LabelColumn = "label",
    where: Where = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write an HTML report with charts to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Measure a model on labelled texts that it has not seen."""
    from classifier.errors import ClassifierError
    from classifier.learning import data as tables
    from classifier.learning import evaluation, evaluation_page

    try:
        folder = model or _serving("duty")
        found = evaluation.evaluate(folder, tables.read(data, text=text, label=label, where=_where(where)))
        if report is not None:
            report.write_text(evaluation_page.page(found), "utf-8")
    except ClassifierError as error:
        raise CommandError(str(error), "docs/classifier.md tells more", status=2) from None
    except OSError as error:
        raise CommandError(f"{report} can't be written ({error.strerror})", "name another file", status=2) from None
    print(json.dumps(found, ensure_ascii=False) if as_json else evaluation.told(found))


def _unwritable(error: OSError) -> CommandError:
    return CommandError(f"{error.filename} can't be written ({error.strerror})", "make it writable, or make room", status=2)


def _serving(kind: Kind) -> Path:
    from classifier import shipped

    serving = _registry().serving(kind)
    if serving is not None:
        return serving
    if kind == "duty":
        return shipped.ensure()
    raise CommandError("no agency model serves", "name one by --model, or promote one", status=2)


@app.command()
def promote(
    model: Annotated[Path, typer.Argument(help="Folder of the model that shall serve.")],
    data: Annotated[Path | None, typer.Option("--data", help="The evaluation set, if the serving model has none yet.")] = None,
    text: TextColumn = "text",
    label: LabelColumn = "label",
    where: Where = None,
    as_json: Json = False,
) -> None:
    """Let a model serve, if it is no worse than the serving one on the serving one's own evaluation set."""
    from classifier.errors import ClassifierError
    from classifier.learning import data as tables
    from classifier.learning import promotion

    try:
        table = tables.read(data, text=text, label=label, where=_where(where)) if data is not None else None
        found = promotion.promote(_registry(), model, table)
    except ClassifierError as error:
        raise CommandError(str(error), "docs/classifier.md tells more", status=2) from None
    except OSError as error:
        raise _unwritable(error) from None
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print(promotion.told(found))
    if not found["promoted"]:
        raise typer.Exit(1)


@app.command()
def rollback(
    kind: Annotated[str, typer.Option(help="duty or agency.")] = "duty",
    as_json: Json = False,
) -> None:
    """Let the model that served before serve again."""
    from classifier.errors import ClassifierError

    try:
        now = _registry().rollback(_kind(kind))
    except ClassifierError as error:
        raise CommandError(str(error), "`hotline classifier list` shows what there is", status=2) from None
    except OSError as error:
        raise _unwritable(error) from None
    name = now.serving or ("the shipped model" if kind == "duty" else "none")
    print(json.dumps({"kind": kind, "serving": now.serving, "before": list(now.before)}) if as_json else f"{kind}: {name} serves")


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """Models that are kept, and which of them serve."""
    from classifier import shipped, store
    from classifier.errors import ClassifierError
    from classifier.registry import KINDS

    registry = _registry()
    found: list[dict[str, Any]] = []
    try:
        for kind in KINDS:
            serving = registry.pointer(kind).serving
            if kind == "duty" and (shipped.folder() / "card.json").exists():
                card = store.read_card(shipped.folder())
                found.append(
                    {"kind": kind, "version": card["version"], "texts": card["texts"], "serves": not serving, "shipped": True}
                )
            for card in registry.versions(kind):
                version = card["version"]
                found.append(
                    {"kind": kind, "version": version, "texts": card["texts"], "serves": version == serving, "shipped": False}
                )
    except ClassifierError as error:
        raise CommandError(str(error), "delete what is broken, or restore it", status=2) from None
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        marks = ", ".join(name for name in ("serves", "shipped") if one[name])
        print(f"{one['kind']:<8}{one['version']:<28}{one['texts']:>7} texts  {marks}")


@app.command()
def card(
    model: Annotated[Path | None, typer.Argument(help="Folder of a model; without it, the one that serves.")] = None,
) -> None:
    """Print a model's card as JSON: what it was made of, what it is for, how good it is."""
    from classifier import store
    from classifier.errors import ClassifierError

    try:
        print(json.dumps(store.read_card(model or _serving("duty")), ensure_ascii=False, indent=1))
    except ClassifierError as error:
        raise CommandError(str(error), "name a folder that `hotline classifier train` has written", status=2) from None


classifier_learning.register(app)
