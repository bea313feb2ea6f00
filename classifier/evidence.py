"""What in a text speaks for or against a danger, as spans of what was written. Pure."""

from __future__ import annotations

import numpy as np

from classifier.danger import Hit
from classifier.features import located
from classifier.model import Part
from classifier.text.normalise import Plain
from classifier.verdict import Evidence

_SPANS = 3
_READ = 400
"""Characters of a long text that are searched for what weighed most."""


def of_hits(plain: Plain, hits: list[Hit], *, standing: bool = True) -> tuple[Evidence, ...]:
    """The danger layer's hits; overlapping ones of one kind and force once."""
    found: list[Evidence] = []
    for hit in hits:
        if hit.against is None and not standing:
            continue
        start, end = plain.span(hit.start, hit.end)
        rule = f"danger.{hit.danger.name}" if hit.against is None else f"danger.{hit.danger.name}.{hit.against}"
        one = Evidence(start, end, plain.source[start:end], rule, "for" if hit.against is None else "against")
        if end > start and one not in found:
            found.append(one)
    return tuple(found)


def of_weights(plain: Plain, part: Part, head: str, label: str) -> tuple[Evidence, ...]:
    """The stretches of a text whose characters speak most for a label, by the model's weights."""
    text = plain.text[:_READ]
    heat = np.zeros(len(text), np.float32)
    pull, idf = part.pull(head, label), part.space.idf
    for many, numbers in located(part.space, text):
        told = np.where(numbers >= 0, pull[numbers] * idf[numbers], np.float32(0)) / many
        for place in range(many):
            heat[place : place + len(told)] += told
    if not len(heat) or heat.max() <= 0:
        return ()
    warm = np.concatenate(([False], heat >= max(heat.max() * 0.35, 1e-6), [False]))
    edges = np.flatnonzero(warm[1:] != warm[:-1]).tolist()
    stretches = [(float(heat[low:high].sum()), low, high) for low, high in zip(edges[::2], edges[1::2], strict=True)]
    found = []
    for _, low, high in sorted(stretches, key=lambda one: (-one[0], one[1]))[:_SPANS]:
        start, end = plain.span(low, high)
        if end > start:
            found.append(Evidence(start, end, plain.source[start:end], f"model.{label}"))
    return tuple(sorted(found, key=lambda one: one.start))
