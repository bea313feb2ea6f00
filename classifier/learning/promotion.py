"""Lets a model serve only if it is better than the serving one, on the serving one's own evaluation set."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from classifier import shipped, store
from classifier.corpus import files
from classifier.learning import card, evaluation
from classifier.learning.data import DataError, Row, Table
from classifier.model import Model
from classifier.registry import Kind, Registry

_SET = "evaluation.jsonl"


def promote(registry: Registry, folder: Path, table: Table | None = None) -> dict[str, Any]:
    """Compare, keep, and point to the model if it is better. Raises :class:`classifier.errors.ClassifierError`.

    A duty model is measured on the corpus's held-out part; an agency model on the set that the first one brought along.
    """
    model = store.load(folder)
    kind: Kind = "agency" if model.card["kind"] == "agency" else "duty"
    better, figures = _duty(registry, model) if kind == "duty" else _agency(registry, model, table)
    found = {"kind": kind, "version": model.version, "promoted": better, **figures}
    if better:
        registry.keep(kind, folder)
        registry.promote(kind, model.version)
    return found


def _duty(registry: Registry, model: Model) -> tuple[bool, dict[str, Any]]:
    serving = registry.serving("duty")
    now = store.load(serving) if serving is not None else shipped.load()
    examples = files.read("heldout")
    old, new = card.figures(now, examples), card.figures(model, examples)
    safe = new["urgent"]["recall"] >= old["urgent"]["recall"] and new["urgent_routed_away"] <= old["urgent_routed_away"]
    value = [one["urgent"]["precision"] + one["route"] + one["item"] for one in (old, new)]
    return safe and value[1] > value[0], {"measured_on": "corpus/heldout", "serving": _short(old), "candidate": _short(new)}


def _short(found: dict[str, Any]) -> dict[str, Any]:
    urgent = found["urgent"]
    return {
        "urgent_recall": urgent["recall"],
        "urgent_precision": urgent["precision"],
        "route": found["route"],
        "item": found["item"],
    }


def _agency(registry: Registry, model: Model, table: Table | None) -> tuple[bool, dict[str, Any]]:
    kept = registry.folder / "agency" / _SET
    serving = registry.serving("agency")
    if kept.exists() and serving is not None:
        rows = _read(kept)
        old = evaluation.of_model(store.load(serving), rows, kept.name)
        new = evaluation.of_model(model, rows, kept.name)
        better = (new["macro_f1"], new["accuracy"]) > (old["macro_f1"], old["accuracy"])
        return better, {"measured_on": str(kept), "serving": _figures(old), "candidate": _figures(new)}
    if table is None:
        raise DataError(
            "no agency model serves yet: name its evaluation set by --data; later ones are measured on the same", "--data"
        )
    new = evaluation.of_model(model, table.rows, table.name)
    kept.parent.mkdir(parents=True, exist_ok=True)
    beside = kept.with_name(f".{_SET}.{os.getpid()}")
    lines = (json.dumps({"text": row.text, "label": row.label}, ensure_ascii=False) for row in table.rows)
    beside.write_text("\n".join(lines) + "\n", "utf-8")
    beside.chmod(0o600)
    beside.replace(kept)
    return True, {"measured_on": table.name, "serving": None, "candidate": _figures(new)}


def _figures(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in ("accuracy", "macro_f1", "top_3_accuracy")}


def _read(path: Path) -> tuple[Row, ...]:
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
        return tuple(Row(one["text"], one["label"], None, number) for number, one in enumerate(lines, 1))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} can't be read ({type(error).__name__}); delete it and promote again with --data", str(path)
        ) from None


def told(found: dict[str, Any]) -> str:
    """For people."""
    lines = [f"measured on {found['measured_on']}"]
    for who in ("serving", "candidate"):
        figures = found[who]
        lines.append(
            f"{who:<10}" + ("none" if figures is None else "  ".join(f"{name} {value}" for name, value in figures.items()))
        )
    lines.append(
        f"{found['version']} serves now" if found["promoted"] else f"{found['version']} is not better and does not serve"
    )
    return "\n".join(lines)
