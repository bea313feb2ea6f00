"""A trained model: linear maps from the terms of a text to calibrated probabilities. Nothing is trained here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from classifier.features import Batch, Floats, Lexicon, Space

Kind = Literal["choice", "flags"]


@dataclass(frozen=True, slots=True)
class Head:
    """One question to a text. ``choice``: one label is right, probabilities add up to 1; ``flags``: each label is true or not."""

    name: str
    kind: Kind
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Questions that are answered from the same terms."""

    name: str
    reads: Literal["text", "full"]
    """Which normal form it reads: without or with the words that are no evidence (:mod:`classifier.text.normalise`)."""
    heads: tuple[Head, ...]
    space: Space
    weights: Floats
    """Terms x labels of all heads."""
    bias: Floats

    def answers(self, batch: Batch) -> dict[str, Floats]:
        """Head → texts x probability of each of its labels."""
        scores = (self.space.matrix(batch) @ self.weights + self.bias).astype(np.float32)
        return {head.name: probabilities(scores[:, at : at + len(head.labels)], head.kind) for head, at in self._places()}

    def labels(self, head: str) -> tuple[str, ...]:
        return next(one.labels for one in self.heads if one.name == head)

    def pull(self, head: str, label: str) -> Floats:
        """What each term weighs for one label."""
        one, at = next(found for found in self._places() if found[0].name == head)
        column: Floats = self.weights[:, at + one.labels.index(label)]
        return column

    def _places(self) -> Iterator[tuple[Head, int]]:
        at = 0
        for head in self.heads:
            yield head, at
            at += len(head.labels)


def fingerprint(lexicon: Lexicon, parts: Sequence[Part], thresholds: Mapping[str, float] | None = None) -> str:
    """Of what was learnt, as it is kept: equal only for models that answer alike."""
    plain = {
        "lexicon": [lexicon.words, sorted(lexicon.concepts.items())],
        "parts": [[one.name, one.reads, one.space.groups, [[h.name, h.kind, h.labels] for h in one.heads]] for one in parts],
        "thresholds": dict(thresholds or {}),
    }
    found = hashlib.sha256(json.dumps(plain, ensure_ascii=False, sort_keys=True).encode())
    for part in parts:
        for numbers in (part.space.known, part.space.idf, part.weights.astype(np.float16), part.bias.astype(np.float32)):
            found.update(np.ascontiguousarray(numbers).data)
    return found.hexdigest()


def probabilities(scores: Floats, kind: Kind) -> Floats:
    """Scores (last axis: labels) as probabilities."""
    if kind == "flags":
        return (1 / (1 + np.exp(-np.clip(scores, -30, 30)))).astype(np.float32)
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    choice: Floats = shifted / shifted.sum(axis=-1, keepdims=True)
    return choice


@dataclass(frozen=True, slots=True)
class Model:
    """What was learnt, and its card."""

    card: Mapping[str, Any]
    lexicon: Lexicon
    parts: tuple[Part, ...]

    @property
    def version(self) -> str:
        return str(self.card["version"])

    def part(self, name: str) -> Part | None:
        return next((one for one in self.parts if one.name == name), None)
