"""Trains a city's own model: one label a text, as its tickets have them (mostly the agency that handled it)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable

import numpy as np
import sklearn

from classifier import shipped
from classifier.features import GROUPS, Space
from classifier.learning import stack
from classifier.learning.data import Table, learnable
from classifier.learning.duty import lexicon
from classifier.model import Head, Model, Part, fingerprint
from classifier.text.normalise import normalise

_SELDOM, _MOST = 2, 200_000
_READ = ("c1", "c2", "c3", "c4", "w1", "w2")
"""Groups of terms: pairs of words that stand apart cost more than they tell of agencies."""
FEWEST = 3
"""A label with fewer examples is left out: nothing can be learnt, nor measured, from two."""
Progress = Callable[[str, float], None]


def train(table: Table, *, seed: int = 0, progress: Progress | None = None) -> Model:
    """A model of a table's labels. Raises :class:`classifier.learning.data.DataError` if there is too little to learn from."""
    tell = progress or (lambda _what, _share: None)
    rows, rare = learnable(table, FEWEST)
    tell("read", 0.0)
    texts = [normalise(row.text).full for row in rows]
    known = lexicon(texts, shipped.concepts())
    batch = known.terms(texts)
    space = Space.learn(batch, _SELDOM if len(rows) > 500 else 1, _MOST, _READ)
    learnt = stack.fit(
        space.matrix(batch),
        [row.label for row in rows],
        seed=seed,
        progress=lambda what, share: tell(what, 0.05 + 0.9 * share),
        counted=np.isin(space.group_of_each(batch), [number for number, name in enumerate(GROUPS) if name in stack.COUNTED]),
    )
    parts = (Part("label", "full", (Head("label", "choice", learnt.labels),), space, learnt.weights, learnt.bias),)
    data = hashlib.sha256("\n".join(f"{row.text}\t{row.label}" for row in rows).encode()).hexdigest()
    tell("done", 1.0)
    return Model(
        {
            "kind": "agency",
            "version": f"agency-{fingerprint(known, parts)[:8]}-s{seed}",
            "data": data,
            "trained_on": {"what": table.name, "rows": len(rows), "empty": table.empty},
            "texts": len(rows),
            "labels": dict(sorted(Counter(row.label for row in rows).items())),
            "left_out": dict(sorted(rare.items())),
            "seed": seed,
            "made_with": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
            "purpose": "Names the label, mostly the agency (承办单位), that a text belongs to. It advises; a person decides.",
        },
        known,
        parts,
    )
