"""``hotline classify``: says what a citizen's words are about, one text or JSON lines."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hotline.errors import CommandError

if TYPE_CHECKING:
    from classifier.engine import ModelEngine
    from classifier.verdict import Verdict

app = typer.Typer(rich_markup_mode=None)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Words = Annotated[list[str] | None, typer.Argument(help="What was said or written; without it, standard input is read.")]
Jsonl = Annotated[bool, typer.Option("--jsonl", help="Read JSON lines with id and text from standard input, write JSON lines.")]
City = Annotated[str, typer.Option(help="Division code of the city whose list is used; else the installation's.")]
_AT_ONCE = 256
_HALF = re.compile("[\ud800-\udfff]")


@app.command()
def classify(text: Words = None, jsonl: Jsonl = False, city: City = "", as_json: Json = False) -> None:
    """Say what words are about: who leads, who is sent, whether it is urgent, which item and agency, and why."""
    from classifier.errors import ClassifierError

    if jsonl and text:
        raise CommandError("--jsonl reads standard input, and a text is given too", "leave out one of them", status=2)
    try:
        engine = _engine(city)
        if jsonl:
            raise typer.Exit(_lines(engine))
        words = " ".join(text) if text and text != ["-"] else sys.stdin.buffer.read().decode("utf-8", "replace").strip()
        found = plain(engine.judge(words), words)
    except ClassifierError as error:
        raise CommandError(str(error), "docs/classifier.md tells more", status=2) from None
    print(_json(found) if as_json else _told(found).encode("utf-8", "replace").decode())


def _engine(city: str) -> ModelEngine:
    from config import settings as configuration
    from hotline import known as kept
    from router.casework import judging
    from router.catalog import files
    from router.errors import CaseworkError

    settings = configuration.load()
    where = city or judging.city(settings)
    lists = settings.config_dir / "catalog"
    cities = sorted({path.name for path in lists.glob("[0-9]*") if path.is_dir()} | {judging.city(settings)})
    if where not in cities:
        raise CommandError(f"there is no list of a city {where!r}", f"name one of {', '.join(cities)} by --city", status=2)
    try:
        list_ = kept.of(lists, where, lambda: judging.known(files.load(lists, where)))
    except CaseworkError as error:
        raise CommandError(error.what, error.remedy or "name a city of config/catalog by --city", status=2) from None
    engines = judging.Engines(judging.models_dir(settings.data_dir), strict=True)
    return engines.knowing(list_.version, lambda: list_, progress("training the shipped model, this once"))


def progress(what: str) -> Callable[[str, float], None]:
    """Tells how far a long work is, on one line where a person looks on."""

    def tell(step: str, share: float) -> None:
        if sys.stderr.isatty():
            print(f"\r{what}: {share:4.0%} {step:<12}", end="\n" if share >= 1 else "", file=sys.stderr, flush=True)

    return tell


def _json(found: dict[str, Any]) -> str:
    """One line; what was said may hold half a character, which no output can hold but as an escape."""
    line = json.dumps(found, ensure_ascii=False)
    return json.dumps(found) if _HALF.search(line) else line


def _lines(engine: ModelEngine) -> int:
    """JSON lines in, JSON lines out; a line that is none is answered by an error in its place. Exit status 2 if there was one."""
    wrong = 0
    asked: list[tuple[Any, str]] = []

    def answer() -> None:
        for (ident, words), verdict in zip(asked, engine.judge_all([words for _, words in asked]), strict=True):
            print(_json(plain(verdict, words, ident)))
        sys.stdout.flush()
        asked.clear()

    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            if not isinstance(found, dict) or not isinstance(found.get("text"), str):
                raise ValueError('needs an object with a string "text"')
        except (ValueError, RecursionError) as error:
            wrong += 1
            answer()
            print(_json({"line": number, "error": f"not a line of JSON that can be judged: {str(error)[:200]}"}))
            continue
        asked.append((found.get("id", number), found["text"]))
        if len(asked) >= _AT_ONCE:
            answer()
    answer()
    return 2 if wrong else 0


def plain(verdict: Verdict, text: str, ident: Any = None) -> dict[str, Any]:
    """A verdict as the fields that programs read."""
    from classifier import extract

    return {
        **({} if ident is None else {"id": ident}),
        "route": verdict.route,
        "urgent": verdict.urgent,
        "services": list(verdict.services),
        "item": verdict.items[0].item if verdict.items else "",
        "agency": verdict.agencies[0].agency if verdict.agencies else "",
        "scores": {
            **verdict.scores,
            "items": {one.item: one.score for one in verdict.items},
            "agencies": {one.agency: one.score for one in verdict.agencies},
        },
        "police_class": verdict.police_class,
        "call_back": verdict.call_back,
        "evidence": [dataclasses.asdict(one) for one in verdict.evidence],
        "found": [dataclasses.asdict(one) for one in extract.find(text)],
        "model": verdict.engine,
        "catalog": verdict.catalog,
    }


def _told(found: dict[str, Any]) -> str:
    """The same for people."""
    lines = [
        f"{'URGENT  ' if found['urgent'] else ''}{found['route']}"
        + (f" → {', '.join(found['services'])}" if found["services"] else "")
        + (f"  class {found['police_class']}" if found["police_class"] else ""),
        "item    " + (", ".join(f"{item} {score:.2f}" for item, score in list(found["scores"]["items"].items())[:3]) or "none"),
        "agency  " + (", ".join(f"{agency} {score:.2f}" for agency, score in found["scores"]["agencies"].items()) or "none"),
        "scores  "
        + (", ".join(f"{name} {score:.2f}" for name, score in found["scores"].items() if isinstance(score, float)) or "none"),
    ]
    lines += [f"{'for' if one['weighs'] == 'for' else 'against':<8}{one['text']}  ({one['rule']})" for one in found["evidence"]]
    lines += [
        f"{one['kind']:<8}{one['text']}" + (f"  {one['value']}" if one["value"] != one["text"] else "") for one in found["found"]
    ]
    if found["call_back"]:
        lines.append("call back: a danger was taken back, or the words break off")
    return "\n".join([*lines, f"model   {found['model']}, list {found['catalog']}"])
