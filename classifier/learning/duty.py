"""Trains the model that judges danger, route and matter from the corpus's examples."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import sklearn

from classifier.corpus.files import SERVICES, Example
from classifier.features import Batch, Lexicon, Space
from classifier.learning import fit
from classifier.model import Head, Kind, Model, Part, fingerprint
from classifier.text.normalise import normalise

Progress = Callable[[str, float], None]
_SELDOM_DANGER = 2
_SELDOM_MATTER = 3
_MOST_DANGER, _MOST_MATTER = 450_000, 60_000
"""Terms that are kept: they decide how big a model is (50 MB at most)."""
_MATTER_GROUPS = ("c2", "c3", "w1", "w2")
"""What a text is about is told as well by these terms as by all, and learnt in half the time."""
THRESHOLDS = {"urgent": 0.25, "named": 0.12, "denied": 0.9, "doubt": 0.12, "sure": 0.4}
"""From which chance on a text is urgent; urgent if the danger layer names a danger that stands; urgent if all that it names is
past, denied, a figure of speech; not urgent, but somebody should ring; and from which chance on a route is answered. Chosen on
the corpus's development part, with an eye on the alarms in ordinary tickets and on the held-out totals."""
_FEWEST = 8
"""Items and classes with fewer examples than this are not learnt."""


def lexicon(texts: Sequence[str], concepts: Mapping[str, tuple[str, ...]], seldom: int = 2) -> Lexicon:
    """Words that occur in several texts, and concepts."""
    cutter = Lexicon((), concepts)
    spread = Counter(word for text in texts for word in set(cutter.cut(text)))
    return Lexicon(tuple(sorted(word for word, count in spread.items() if count >= seldom)), concepts)


def train(
    examples: Sequence[Example],
    concepts: Mapping[str, tuple[str, ...]],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Model:
    """The duty model, from examples with texts as people write them."""
    tell = progress or (lambda _what, _share: None)
    tell("read", 0.0)
    plain = [normalise(one.text) for one in examples]
    known = lexicon([one.full for one in plain], concepts)
    parts = (
        _danger(examples, known.terms([one.text for one in plain]), seed, tell),
        _matter(examples, known.terms([one.full for one in plain]), seed, tell),
    )
    data = hashlib.sha256(
        "\n".join(repr((e.text, e.route, e.urgent, sorted(e.services), e.item, e.police_class)) for e in examples).encode()
    )
    tell("done", 1.0)
    return Model(
        {
            "kind": "duty",
            "version": f"duty-{fingerprint(known, parts, THRESHOLDS)[:8]}-s{seed}",
            "data": data.hexdigest(),
            "texts": len(examples),
            "items": dict(sorted(Counter(one.item for one in examples if one.item).items())),
            "routes": dict(sorted(Counter(one.route for one in examples).items())),
            "urgent": sum(one.urgent for one in examples),
            "seed": seed,
            "made_with": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
            "thresholds": dict(THRESHOLDS),
        },
        known,
        parts,
    )


def _danger(examples: Sequence[Example], texts: Batch, seed: int, tell: Progress) -> Part:
    space = Space.learn(texts, _SELDOM_DANGER, _MOST_DANGER)
    x = space.matrix(texts).astype(np.float64)
    urgent = np.asarray([one.urgent for one in examples])
    grave, calm = np.flatnonzero(urgent), np.flatnonzero(~urgent)
    routes = [one.route for one in examples]
    sent = np.asarray([[name in examples[at].services for name in SERVICES] for at in grave.tolist()])
    tell("danger", 0.1)
    # one after the other: liblinear draws from one generator a process, and who draws first would change the numbers
    heads = [
        fit.flags(x, urgent[:, None], ["urgent"], c=0.2, seed=seed),
        fit.choice(x[calm], [routes[at] for at in calm.tolist()], seed=seed),
        fit.choice(x[grave], [routes[at] for at in grave.tolist()], seed=seed),
        fit.flags(x[grave], sent, SERVICES, seed=seed),
    ]
    names: tuple[tuple[str, Kind], ...] = (("urgent", "flags"), ("calm", "choice"), ("lead", "choice"), ("services", "flags"))
    return _part("danger", "text", names, space, heads)


def _matter(examples: Sequence[Example], texts: Batch, seed: int, tell: Progress) -> Part:
    space = Space.learn(texts, _SELDOM_MATTER, _MOST_MATTER, _MATTER_GROUPS)
    x = space.matrix(texts).astype(np.float64)
    items, item = _labelled([one.item for one in examples])
    orders, order = _labelled([one.police_class for one in examples])
    tell("matter", 0.5)
    heads = [fit.choice(x[rows], labels, c=0.2, held=0.5, seed=seed) for rows, labels in ((items, item), (orders, order))]
    return _part("matter", "full", (("item", "choice"), ("class", "choice")), space, heads)


def _labelled(labels: Sequence[str]) -> tuple[list[int], list[str]]:
    """Rows whose label is frequent enough to be learnt."""
    many = Counter(labels)
    rows = [at for at, label in enumerate(labels) if label and many[label] >= _FEWEST]
    return rows, [labels[at] for at in rows]


def _part(
    name: str, reads: Literal["text", "full"], heads: Sequence[tuple[str, Kind]], space: Space, fitted: Sequence[fit.Fitted]
) -> Part:
    weights = np.concatenate([one.weights for one in fitted], axis=1).astype(np.float32)
    bias = np.concatenate([one.bias for one in fitted]).astype(np.float32)
    answers = tuple(Head(head, kind, one.labels) for (head, kind), one in zip(heads, fitted, strict=True))
    return Part(name, reads, answers, space, weights, bias)
