"""Fits linear maps whose scores are calibrated: linear support vectors, then a small map learnt from examples held back.

Both are linear, so that what is kept is one matrix. The same data and seed give the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

Doubles = npt.NDArray[np.float64]
_FEW = 4
_TOLERANCE = 1e-2
_MANY = 24
"""With more labels than this the map is one number for all of them: too few examples for more."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A calibrated linear map."""

    labels: tuple[str, ...]
    weights: Doubles
    bias: Doubles


def choice(x: sparse.csr_matrix, labels: Sequence[str], *, c: float = 0.5, held: float = 0.25, seed: int = 0) -> Fitted:
    """One of several labels. ``held``: the share of the examples that the scores' scale is learnt from, before all are learnt.

    A label with few examples is learnt, and may take no part in the scale.
    """
    names = tuple(sorted(set(labels)))
    y = np.asarray([names.index(label) for label in labels])
    if len(names) == 1:
        return Fitted(names, np.zeros((x.shape[1], 1)), np.zeros(1))
    learn, look = _split(y, held, seed)
    weights, bias = _columns(x[learn], y[learn], len(names), c, seed)
    raw = x[look] @ weights + bias
    if len(names) > _MANY:
        scale, shift = _temperature(raw, y[look]) * np.eye(len(names)), np.zeros(len(names))
    else:
        scale, shift = _blend(raw, y[look], len(names), seed)
    weights, bias = _columns(x, y, len(names), c, seed)
    return Fitted(names, weights @ scale, bias @ scale + shift)


def flags(
    x: sparse.csr_matrix,
    truths: npt.NDArray[np.bool_],
    names: Sequence[str],
    *,
    c: float = 1.0,
    held: float = 0.25,
    seed: int = 0,
) -> Fitted:
    """Several yes-or-no questions: ``truths`` is examples x names."""
    weights = np.zeros((x.shape[1], len(names)))
    bias = np.zeros(len(names))
    for column in range(len(names)):
        y = truths[:, column].astype(int)
        if y.sum() < _FEW or y.sum() > len(y) - _FEW:
            bias[column] = 10.0 if y.mean() > 0.5 else -10.0
            continue
        learn, look = _split(y, held, seed)
        raw = LinearSVC(C=c, tol=_TOLERANCE, random_state=seed).fit(x[learn], y[learn]).decision_function(x[look])
        platt = LogisticRegression(C=100.0).fit(raw[:, None], y[look])
        slope, shift = float(platt.coef_[0, 0]), float(platt.intercept_[0])
        machine = LinearSVC(C=c, tol=_TOLERANCE, random_state=seed).fit(x, y)
        weights[:, column] = machine.coef_[0] * slope
        bias[column] = machine.intercept_[0] * slope + shift
    return Fitted(tuple(names), weights, bias)


def _split(y: npt.NDArray[Any], held: float, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows to learn from and rows to look at, with the labels alike in both as far as there are enough of them."""
    order = np.random.default_rng(seed).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    share = np.zeros(len(y), bool)
    share[order[np.arange(len(y)) * held % 1 >= 1 - held]] = True
    return np.flatnonzero(~share), np.flatnonzero(share)


def _columns(x: sparse.csr_matrix, y: npt.NDArray[Any], many: int, c: float, seed: int) -> tuple[Doubles, Doubles]:
    """Weights and bias for all labels; a label that these rows lack gets a score below all others."""
    weights, bias = np.zeros((x.shape[1], many)), np.full(many, -3.0)
    machine = LinearSVC(C=c, tol=_TOLERANCE, random_state=seed).fit(x, y)
    present = machine.classes_
    if len(present) == 2:
        weights[:, present[0]], weights[:, present[1]] = -machine.coef_[0], machine.coef_[0]
        bias[present[0]], bias[present[1]] = -machine.intercept_[0], machine.intercept_[0]
    else:
        weights[:, present] = machine.coef_.T
        bias[present] = machine.intercept_
    return weights, bias


def _blend(raw: Doubles, y: npt.NDArray[Any], many: int, seed: int) -> tuple[Doubles, Doubles]:
    """A map of scores to scores by multinomial logistic regression."""
    learnt = LogisticRegression(C=0.1, max_iter=500, random_state=seed).fit(raw, y)
    scale, shift = np.zeros((many, many)), np.full(many, -10.0)
    if len(learnt.classes_) == 2:
        no, yes = learnt.classes_
        scale[:, yes], shift[no], shift[yes] = learnt.coef_[0], 0.0, learnt.intercept_[0]
    else:
        scale[:, learnt.classes_] = learnt.coef_.T
        shift[learnt.classes_] = learnt.intercept_
    return scale, shift


def _temperature(raw: Doubles, y: npt.NDArray[Any]) -> float:
    """The factor that makes the scores' probabilities most likely."""

    def loss(factor: float) -> float:
        scores = raw * factor
        scores = scores - scores.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(y)), y]))

    factors = np.geomspace(0.25, 16, 49)
    return float(factors[int(np.argmin([loss(one) for one in factors]))])
