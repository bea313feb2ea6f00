"""Measures a model of either kind on a table of labelled texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from classifier import store
from classifier.engine import BATCH, ModelEngine
from classifier.learning import card, measure
from classifier.learning.data import DataError, Row, Table
from classifier.model import Model
from classifier.text.normalise import normalise
from classifier.verdict import ROUTES, Verdict


def evaluate(folder: Path, table: Table) -> dict[str, Any]:
    """Figures of the model in a folder: those of :func:`classifier.learning.measure.labelled`, and ``urgent`` where the table
    says what is urgent. Raises :class:`classifier.errors.ClassifierError`."""
    model = store.load(folder)
    found = of_model(model, table.rows, table.name)
    return {"model": model.version, "kind": model.card["kind"], "data": table.name, "left_out": table.empty, **found}


def of_model(model: Model, rows: tuple[Row, ...], name: str) -> dict[str, Any]:
    """The same of a model in memory."""
    if model.part("label") is not None:
        return _labelled(model, rows)
    return _judged(model, rows, name)


def _labelled(model: Model, rows: tuple[Row, ...]) -> dict[str, Any]:
    part = model.parts[0]
    chances = []
    for start in range(0, len(rows), BATCH):
        texts = [normalise(row.text).full for row in rows[start : start + BATCH]]
        chances.append(part.answers(model.lexicon.terms(texts))["label"])
    return measure.labelled(
        [row.text for row in rows], [row.label for row in rows], np.concatenate(chances).astype(np.float64), part.labels("label")
    )


def _judged(model: Model, rows: tuple[Row, ...], name: str) -> dict[str, Any]:
    """A duty model: the labels are routes, or items of the catalog."""
    known = card.everything(model)
    labels = {row.label for row in rows}
    verdicts = ModelEngine(model, known).judge_all([row.text for row in rows])
    items = [one.code for one in known.items]
    if labels <= set(ROUTES):
        names: list[str] = list(ROUTES)
        chances = np.asarray([_routes(one) for one in verdicts])
    elif labels & set(items):
        names = items
        chances = np.asarray([[next((s.score for s in one.items if s.item == code), 0.0) for code in names] for one in verdicts])
    else:
        raise DataError(
            f"{name}: its labels ({', '.join(sorted(labels)[:5])} …) are neither routes nor items; "
            "this model knows no others: evaluate a model trained on these labels, or name a column of routes by --label",
            name,
        )
    sums = np.maximum(chances.sum(axis=1, keepdims=True), 1e-9)
    found = measure.labelled([row.text for row in rows], [row.label for row in rows], chances / sums, names)
    if all(row.urgent is not None for row in rows):
        found["urgent"] = measure.alarms([bool(row.urgent) for row in rows], [one.urgent for one in verdicts])
    return found


def _routes(verdict: Verdict) -> list[float]:
    """The chance of each route; the one that was answered is never below another, for thresholds may have had the last word."""
    chances = {route: verdict.scores.get(route, 0.0) for route in ROUTES}
    chances[verdict.route] = max(verdict.confidence, *chances.values()) + 1e-6
    return [chances[route] for route in ROUTES]


def told(found: dict[str, Any]) -> str:
    """Figures for people."""
    lines = [
        f"{found['model']} on {found['texts']} texts of {found['data']}"
        + (f" ({found['left_out']} rows without text or label)" if found["left_out"] else ""),
        f"accuracy {found['accuracy']:.3f}   macro-F1 {found['macro_f1']:.3f}   top-3 {found['top_3_accuracy']:.3f}   "
        f"calibration error {found['calibration_error']:.3f}",
    ]
    if "urgent" in found:
        urgent = found["urgent"]
        lines.append(
            f"urgent: {urgent['urgent']} of {urgent['texts']}, {urgent['alarms']} alarms, "
            f"recall {urgent['recall']}, precision {urgent['precision']}"
        )
    width = max((len(name) for name in found["per_class"]), default=0)
    lines.append(f"{'label':<{width + 6}}  precision  recall      F1   texts")
    for name, one in sorted(found["per_class"].items(), key=lambda item: -item[1]["support"]):
        lines.append(f"{name:<{width + 6}}  {one['precision']:9.3f}  {one['recall']:6.3f}  {one['f1']:6.3f}  {one['support']:6}")
    lines += [f"{one['label']} taken for {one['said']}: {one['texts']}" for one in found["confusion"][:8]]
    return "\n".join(lines)
