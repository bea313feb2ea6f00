"""Figures of quality. Pure: truths and answers in, plain data out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.corpus.files import Example
from classifier.verdict import Verdict

Doubles = npt.NDArray[np.float64]
_WORST = 20
_CONFUSED = 30
_BINS = 10


def labelled(texts: Sequence[str], truths: Sequence[str], chances: Doubles, names: Sequence[str]) -> dict[str, Any]:
    """How well one of several labels is told. ``chances``: texts x names, probabilities.

    ``calibration_error``: mean distance between how sure the model is and how often it is right (ECE, ten bins).
    """
    best = np.argsort(-chances, axis=1, kind="stable")
    said = [names[at] for at in best[:, 0].tolist()]
    top = [{names[at] for at in row[:3]} for row in best.tolist()]
    per_class = {name: _of_class(name, truths, said) for name in sorted(set(truths) | set(said))}
    told = [one["f1"] for name, one in per_class.items() if one["support"]]
    sure = chances[np.arange(len(said)), best[:, 0]]
    right = np.asarray([a == b for a, b in zip(truths, said, strict=True)])
    confused = Counter((a, b) for a, b in zip(truths, said, strict=True) if a != b)
    worst = sorted(np.flatnonzero(~right).tolist(), key=lambda at: (-sure[at], at))[:_WORST]
    return {
        "texts": len(said),
        "accuracy": _round(right.mean()),
        "macro_f1": _round(float(np.mean(told))),
        "top_3_accuracy": _round(float(np.mean([a in three for a, three in zip(truths, top, strict=True)]))),
        "calibration_error": _round(calibration_error(sure, right)),
        "per_class": per_class,
        "reliability": reliability(sure, right),
        "confusion": [{"label": a, "said": b, "texts": many} for (a, b), many in confused.most_common(_CONFUSED)],
        "worst": [{"text": texts[at], "label": truths[at], "said": said[at], "score": _round(sure[at])} for at in worst],
    }


def _of_class(name: str, truths: Sequence[str], said: Sequence[str]) -> dict[str, Any]:
    hit = sum(a == b == name for a, b in zip(truths, said, strict=True))
    support, claimed = sum(a == name for a in truths), sum(b == name for b in said)
    precision, recall = hit / claimed if claimed else 0.0, hit / support if support else 0.0
    both = precision + recall
    return {
        "precision": _round(precision),
        "recall": _round(recall),
        "f1": _round(2 * precision * recall / both if both else 0.0),
        "support": support,
    }


def calibration_error(sure: Doubles, right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error over ten equal bins."""
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    return float(sum(abs(sure[bins == at].mean() - right[bins == at].mean()) * (bins == at).mean() for at in set(bins.tolist())))


def reliability(sure: Doubles, right: npt.NDArray[np.bool_]) -> list[dict[str, float]]:
    """For each bin of sureness: how sure, how often right, how many."""
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    return [
        {"sure": _round(sure[bins == at].mean()), "right": _round(right[bins == at].mean()), "texts": int((bins == at).sum())}
        for at in sorted(set(bins.tolist()))
    ]


def alarms(truths: Sequence[bool], said: Sequence[bool]) -> dict[str, Any]:
    """Recall and precision of "urgent"."""
    hit = sum(a and b for a, b in zip(truths, said, strict=True))
    urgent, alarmed = sum(truths), sum(said)
    return {
        "texts": len(said),
        "urgent": urgent,
        "alarms": alarmed,
        "recall": _round(hit / urgent) if urgent else None,
        "precision": _round(hit / alarmed) if alarmed else None,
        "alarms_per_1000": _round(1000 * alarmed / len(said)) if said else None,
    }


def duty(examples: Sequence[Example], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """How well danger, route, services and item are told, by the labelling guide (routes that are equally right count)."""
    both = list(zip(examples, verdicts, strict=True))
    answered = [(a, b) for a, b in both if b.route != "unsure"]
    known = [(a, b) for a, b in both if a.route != "unsure"]
    urgent = [(a, b) for a, b in both if a.urgent]
    found = [(a, b) for a, b in urgent if b.urgent]
    items = [(a, [one.item for one in b.items]) for a, b in both if a.item]
    classes = [(a, b) for a, b in found if a.police_class]
    confused = Counter(
        (_name(a.route, a.urgent), _name(b.route, b.urgent)) for a, b in both if b.route not in a.right or a.urgent != b.urgent
    )
    return {
        "texts": len(both),
        "urgent": alarms([a.urgent for a, _ in both], [b.urgent for _, b in both]),
        "urgent_routed_away": sum(b.route in ("12345", "guide", "unsure") for _, b in urgent),
        "urgent_unnoticed": sum(b.route in ("12345", "guide", "unsure") and not b.call_back for _, b in urgent),
        "call_backs_of_calm": _share(b.call_back for a, b in both if not a.urgent),
        "answered": _share(b.route != "unsure" for _, b in known),
        "route": _share(b.route in a.right for a, b in answered),
        "route_of_urgent": _share(b.route in a.right for a, b in found),
        "services_of_urgent": _share(set(a.services) <= set(b.services) for a, b in found),
        "item": _share(bool(said) and said[0] == a.item for a, said in items),
        "item_top_3": _share(a.item in said[:3] for a, said in items),
        "police_class": _share(a.police_class == b.police_class for a, b in classes),
        "police_class_group": _share(a.police_class[:2] == b.police_class[:2] for a, b in classes),
        "confusion": [{"label": a, "said": b, "texts": many} for (a, b), many in confused.most_common(_CONFUSED)],
    }


def _name(route: str, urgent: bool) -> str:
    return f"{route} urgent" if urgent else route


def _share(truths: Any) -> float | None:
    found = [bool(one) for one in truths]
    return _round(sum(found) / len(found)) if found else None


def _round(value: Any) -> float:
    return round(float(value), 4)
