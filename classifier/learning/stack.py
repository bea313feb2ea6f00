"""A linear classifier of texts from labelled examples, out of two members that err differently.

A support vector machine draws the borders and is the better judge; complement naive Bayes counts single characters, pairs
and words, and is steadier where labels are few or wrong. A third linear model weighs the two by what they said of texts
that they had not seen, so its softmax is a calibrated probability. Everything is linear: what is returned is one matrix.

The matrix is that of :mod:`classifier.features`, whose groups are weighted: long rows know the texts of training by heart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy import sparse

COUNTED = frozenset({"c1", "c2", "w1"})
"""The groups that naive Bayes reads: its features are supposed to be independent, and long rows are anything but."""
FOLDS = 5
_COST = 0.15
_SMOOTHING = 0.1
_MOST_WEIGHT = 10.0
"""Of an example of a rare label: a label of two examples must not bend the borders of all the others."""
_TO_DIAGONAL = 200.0
"""How hard the weighing is held to "each label by its own scores": with few rows it only scales and shifts."""
_FACTORS = np.array([1.5, 0.6])
_TO_FACTORS = 10.0
"""What the members weigh by experience, and how many rows' worth of trust that has: it settles the cases with few rows."""
_TO_RARE = 0.2
"""The prior is divided by its power of this: rare labels gain in recall, hardly any accuracy is lost."""

Floats = NDArray[np.float64]
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Linear:
    """``softmax(x @ weights + bias)`` are probabilities of ``labels``."""

    labels: tuple[str, ...]
    weights: NDArray[np.float32]
    """Features × labels."""
    bias: NDArray[np.float32]
    out_of_fold: NDArray[np.float32]
    """Rows × labels: probabilities by models that had not seen the row; for thresholds."""


def fit(
    x: sparse.csr_matrix,
    labels: Sequence[str],
    *,
    seed: int = 0,
    progress: Progress | None = None,
    counted: NDArray[np.bool_] | None = None,
) -> Linear:
    """Learns from the rows of ``x``; the same rows and seed give the same model.

    ``counted``: the columns that naive Bayes reads; without it, all. ``progress`` is told the step and the share that is done.
    """
    names = tuple(sorted(set(labels)))
    if len(names) < 2:
        raise ValueError("at least two different labels are needed")
    if x.shape[0] != len(labels):
        raise ValueError(f"{x.shape[0]} rows, but {len(labels)} labels")
    place = {name: at for at, name in enumerate(names)}
    y = np.array([place[label] for label in labels], dtype=np.int64)
    tell = progress or (lambda step, done: None)

    machine = x.astype(np.float64)
    reads = np.flatnonzero(counted) if counted is not None and counted.any() else np.arange(x.shape[1])
    bayes = machine[:, reads]
    size = len(names)

    fold = _deal(y, min(FOLDS, len(y)), seed)
    folds = int(fold.max()) + 1
    said: tuple[Floats, Floats] = (np.zeros((len(y), size)), np.zeros((len(y), size)))
    for part in range(folds):
        tell("folds", part / (folds + 1))
        out, rest = np.flatnonzero(fold == part), np.flatnonzero(fold != part)
        for scores, member, matrix in ((said[0], _machine, machine), (said[1], _bayes, bayes)):
            weights, bias = member(matrix[rest], y[rest], size, seed)
            scores[out] = matrix[out] @ weights + bias
    spread = [float(scores.std()) or 1.0 for scores in said]
    stacked = np.hstack([scores / by for scores, by in zip(said, spread, strict=True)])

    telling = (np.bincount(y, minlength=size) > 1)[y]  # whoever saw nothing of a label is always wrong: no lesson in that
    honest = np.zeros((len(y), size))
    for part in range(folds):
        rest = np.flatnonzero((fold != part) & telling)
        mixing, shift = _weigh(stacked[rest], y[rest], size)
        honest[fold == part] = _softmax(stacked[fold == part] @ mixing + shift)

    tell("model", folds / (folds + 1))
    mixing, shift = _weigh(stacked[telling], y[telling], size)
    of_machine, of_bayes = mixing[:size] / spread[0], mixing[size:] / spread[1]
    weights, bias = _machine(machine, y, size, seed)
    total = weights @ of_machine
    shift = shift + bias @ of_machine
    weights, bias = _bayes(bayes, y, size, seed)
    total[reads] += weights @ of_bayes
    shift = shift + bias @ of_bayes
    tell("model", 1.0)
    return Linear(names, total.astype(np.float32), shift.astype(np.float32), honest.astype(np.float32))


def _deal(y: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each row. Labels are dealt out one after the other, so folds are even even where all labels are rare."""
    order = np.random.default_rng(seed).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(len(y), dtype=np.int64)
    fold[order] = np.arange(len(y)) % folds
    return fold


def _machine(x: sparse.csr_matrix, y: NDArray[np.int64], size: int, seed: int) -> tuple[Floats, Floats]:
    """One against all others. A label that no row has is denied always, as one that hardly any row has would be."""
    from sklearn.svm import LinearSVC

    weights, bias = np.zeros((x.shape[1], size)), np.full(size, -1.0)
    counts = np.bincount(y, minlength=size)
    present = np.flatnonzero(counts)
    if len(present) > 1:
        balance = {int(at): min(len(y) / (len(present) * counts[at]), _MOST_WEIGHT) for at in present}
        model = LinearSVC(C=_COST, class_weight=balance, random_state=seed, dual="auto").fit(x, y)
        border, offset = model.coef_.T, model.intercept_
        if len(present) == 2:
            border, offset = np.hstack([-border, border]), np.concatenate([-offset, offset])
        weights[:, present], bias[present] = border, offset
    else:
        bias[present] = 1.0
    return _centred(weights, bias)


def _bayes(x: sparse.csr_matrix, y: NDArray[np.int64], size: int, seed: int) -> tuple[Floats, Floats]:
    """How rare each feature is among all other labels (Rennie and others 2003), without their normalisation."""
    sums = np.stack([np.asarray(x[np.flatnonzero(y == at)].sum(axis=0), dtype=np.float64).ravel() for at in range(size)], axis=1)
    others = sums.sum(axis=1, keepdims=True) - sums + _SMOOTHING
    return _centred(-np.log(others / others.sum(axis=0)), np.zeros(size))


def _centred(weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """What all labels have in common says nothing about any, but would take part in the weighing."""
    return weights - weights.mean(axis=1, keepdims=True), bias - bias.mean()


def _weigh(scores: Floats, y: NDArray[np.int64], size: int) -> tuple[Floats, Floats]:
    """Logistic regression on the members' scores, held to one factor for each member and a shift for each label.

    Without that hold it has more freedom than a few thousand noisy rows can fill: it loses a point of macro-F1.
    """
    from scipy.optimize import minimize

    members = scores.shape[1] // size
    truth = np.eye(size)[y]
    diagonal = np.tile(np.eye(size), (members, 1)).reshape(members, size, size)

    def unpack(point: Floats) -> tuple[Floats, Floats, Floats]:
        factors, free, shift = np.split(point, [members, members + members * size * size])
        free = free.reshape(members * size, size)
        return (diagonal * factors[:, None, None]).reshape(free.shape) + free, free, shift

    def loss(point: Floats) -> tuple[float, Floats]:
        mixing, free, shift = unpack(point)
        guess = _softmax(scores @ mixing + shift)
        off = point[:members] - _FACTORS
        held = _TO_DIAGONAL * (free**2).sum() + _TO_FACTORS * (off**2).sum() + (shift**2).sum()
        value = held / 2 - np.log(guess[np.arange(len(y)), y] + 1e-12).sum()
        slope = scores.T @ (guess - truth)
        by_factor = (slope.reshape(members, size, size) * diagonal).sum(axis=(1, 2)) + _TO_FACTORS * off
        by_shift = (guess - truth).sum(axis=0) + shift
        return float(value), np.concatenate([by_factor, (slope + _TO_DIAGONAL * free).ravel(), by_shift])

    start = np.concatenate([_FACTORS, np.zeros(members * size * size + size)])
    bounds = [(0.0, None)] * members + [(None, None)] * (len(start) - members)  # no member is believed to be a liar
    found: Any = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300})
    mixing, _, shift = unpack(found.x)
    prior = (np.bincount(y, minlength=size) + 1) / (len(y) + size)
    return mixing, shift - _TO_RARE * np.log(prior)


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares
