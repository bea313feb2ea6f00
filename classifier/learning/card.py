"""The model card (模型卡): what a model was made of, what it is for, and how good it is on texts that it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from classifier.corpus import files
from classifier.corpus.files import Example
from classifier.engine import ModelEngine
from classifier.knowledge import Knowledge, KnownItem
from classifier.learning import measure
from classifier.model import Model

PURPOSE = (
    "Judges what citizens say or write to 12345 and 110: who leads, who is sent, whether it is urgent, what it is about. "
    "It advises: danger that it finds awaits a dispatcher's word, and a person may overrule everything."
)
LIMITS = (
    "Chinese only; the words as said, not the voice. Learnt from utterances written for this project, not from calls. "
    "Irony, codes agreed between two people, and what only a listener hears are beyond it."
)


def everything(model: Model) -> Knowledge:
    """A catalog that has just what the model knows: for measuring it without a city's list."""
    part = model.part("matter")
    if part is None:
        return Knowledge()
    return Knowledge(
        items=tuple(KnownItem(code) for code in part.labels("item")),
        classes=part.labels("class"),
    )


def figures(model: Model, examples: Sequence[Example]) -> dict[str, Any]:
    """How well a duty model judges examples."""
    verdicts = ModelEngine(model, everything(model)).judge_all([one.text for one in examples])
    return measure.duty(examples, verdicts)


def with_figures(model: Model) -> Model:
    """The shipped model with its card: figures on the corpus's development and held-out parts."""
    return replace(
        model,
        card={
            **model.card,
            "purpose": PURPOSE,
            "limits": LIMITS,
            "trained_on": {"what": "classifier/corpus/train", "sha256": files.digest("train")},
            "figures": {part: {"sha256": files.digest(part), **figures(model, files.read(part))} for part in ("dev", "heldout")},
        },
    )
