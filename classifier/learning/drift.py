"""Whether what is judged now is still what a model was trained for (漂移). Pure: what was said of texts in, figures out.

The measure is the population stability index (PSI) of the items: the sum of (now - then) * ln(now / then) over their shares. Read
as usual: below 0.1 stable, to 0.25 to be watched, above changed. Few texts move it by chance alone, by about
(items - 1) * (1 / texts then + 1 / texts now); what is smaller than that says nothing, and is told so.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from classifier.engine import BATCH
from classifier.model import Model
from classifier.text.normalise import normalise

Reading = Literal["stable", "watch", "changed", "too-few"]
STABLE, CHANGED = 0.1, 0.25
REST = "其他"
"""All items that are rare both then and now, as one."""
_RARE = 0.002
_HALF = 0.5
"""Texts that are added to each item, so that one that was never said does not make the measure infinite."""
_MOVED = 15
_OVERRULED = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model said of one text, and whether a person overruled it."""

    at: dt.datetime
    route: str
    urgent: bool
    item: str
    confidence: float
    agency: str
    model: str
    overruled: bool


@dataclass(frozen=True, slots=True)
class Training:
    """What a model was trained on, as far as its card or its corpus tells: label to number of texts."""

    what: str
    texts: int
    items: Mapping[str, int] = field(default_factory=dict)
    routes: Mapping[str, int] = field(default_factory=dict)
    urgent: int | None = None
    agencies: Mapping[str, int] = field(default_factory=dict)
    unknown_terms: float | None = None
    """Share of terms that the model does not know in texts like those of training that it has not seen."""


def training(model: Model, agency: Model | None = None) -> Training:
    """What the models were trained on. A duty model that was not made of this project's corpus tells it by ``items``, ``routes``
    and ``urgent`` of its card, or not at all."""
    from classifier.corpus import files

    card = model.card
    labels = agency.card.get("labels", {}) if agency is not None else {}
    made_of = card.get("trained_on", {}).get("sha256")
    if made_of is not None and made_of == files.digest("train"):
        examples = files.read("train")
        dev = [one.text for one in files.read("dev")]
        return Training(
            what="corpus/train",
            texts=len(examples),
            items=Counter(one.item for one in examples if one.item),
            routes=Counter(one.route for one in examples),
            urgent=sum(one.urgent for one in examples),
            agencies=labels,
            unknown_terms=unknown_terms(model, dev[:: max(1, len(dev) // 500)]),
        )
    return Training(
        what=str(card.get("trained_on", {}).get("what", model.version)),
        texts=int(card.get("texts", 0)),
        items=card.get("items", {}),
        routes=card.get("routes", {}),
        urgent=card.get("urgent"),
        agencies=labels,
    )


def unknown_terms(model: Model, texts: Sequence[str]) -> float | None:
    """Share of the terms of texts that a model has never learnt; None without texts."""
    part = model.part("matter") or model.parts[0]
    unknown = terms = 0
    for start in range(0, len(texts), BATCH):
        batch = model.lexicon.terms([normalise(text).full for text in texts[start : start + BATCH]])
        numbers = part.space.numbers(batch.hashes)
        unknown += int((numbers < 0).sum())
        terms += len(numbers)
    return _round(unknown / terms) if terms else None


@dataclass(frozen=True, slots=True)
class Stability:
    """A population stability index, and what chance alone would make of it."""

    psi: float
    by_chance: float
    reading: Reading
    parts: Mapping[str, float]
    """What each item adds to it."""

    def as_dict(self) -> dict[str, Any]:
        return {"psi": _round(self.psi), "by_chance": _round(self.by_chance), "reading": self.reading}


def stability(then: Mapping[str, int], now: Mapping[str, int]) -> Stability | None:
    """How far labels have moved; None if one side has none. What is rarer than 1 in 500 on both sides is taken together."""
    before, after = sum(then.values()), sum(now.values())
    if not before or not after:
        return None
    often = {one for one in {*then, *now} if max(then.get(one, 0) / before, now.get(one, 0) / after) >= _RARE}
    kept = [_grouped(counts, often) for counts in (then, now)]
    bins = sorted({*kept[0], *kept[1]})
    parts: dict[str, float] = {}
    for one in bins:
        old = (kept[0].get(one, 0) + _HALF) / (before + _HALF * len(bins))
        new = (kept[1].get(one, 0) + _HALF) / (after + _HALF * len(bins))
        parts[one] = (new - old) * math.log(new / old)
    psi, chance = math.fsum(parts.values()), (len(bins) - 1) * (1 / before + 1 / after)
    return Stability(psi, chance, read(psi, chance), parts)


def _grouped(counts: Mapping[str, int], often: set[str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for label, count in counts.items():
        found[label if label in often else REST] += count
    return dict(found)


def read(psi: float, by_chance: float) -> Reading:
    """The usual reading; ``too-few`` where chance alone would pass for a change."""
    if psi < STABLE:
        return "stable"
    if by_chance >= STABLE and psi < 2 * by_chance:
        return "too-few"
    return "watch" if psi <= CHANGED else "changed"


def report(
    seen: Iterable[Seen],
    until: dt.datetime,
    weeks: int,
    then: Training,
    *,
    models: Sequence[str],
    unknown: Sequence[float | None] = (),
    names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """All figures of the ``weeks`` times seven days before ``until``, oldest first.

    ``models``: versions that serve now. ``unknown``: share of unknown terms of each week. ``names``: items' names.
    """
    split: list[list[Seen]] = [[] for _ in range(weeks)]
    for one in seen:
        ago = (until - one.at) // dt.timedelta(days=7)
        if 0 <= ago < weeks:
            split[weeks - 1 - ago].append(one)
    rows = [_week(some, until - dt.timedelta(days=7 * (weeks - at)), then) for at, some in enumerate(split)]
    for at, row in enumerate(rows):
        row["unknown_terms"] = unknown[at] if at < len(unknown) else None
        before = stability(rows[at - 1]["items"], row["items"]) if at else None
        row["against_week_before"] = before.as_dict() if before else None
    everything = [one for some in split for one in some]
    now = _counted(one.item for one in everything)
    found = stability(then.items, now)
    agencies = stability(then.agencies, _counted(one.agency for one in everything))
    return {
        "from": rows[0]["from"] if rows else None,
        "until": until.isoformat(),
        "texts": len(everything),
        "models": list(models),
        "trained_on": {
            "what": then.what,
            "texts": then.texts,
            "routes": _shares(then.routes),
            "urgent": _round(then.urgent / then.texts) if then.urgent is not None and then.texts else None,
            "items": len(then.items),
            "unknown_terms": then.unknown_terms,
        },
        "items": found.as_dict() if found else None,
        "agencies": agencies.as_dict() if agencies else None,
        "weeks": rows,
        "moved": _moved(then.items, now, found, names or {}) if found else [],
        "overruled_by_item": _overruled(((one.item, one.overruled) for one in everything), names or {})[:_OVERRULED],
        "overruled_by_model": _overruled(((one.model, one.overruled) for one in everything), {}),
    }


def _week(seen: Sequence[Seen], start: dt.datetime, then: Training) -> dict[str, Any]:
    items = _counted(one.item for one in seen)
    found = stability(then.items, items)
    many = len(seen)
    return {
        "from": start.isoformat(),
        "texts": many,
        "routes": _shares(_counted(one.route for one in seen)),
        "urgent": _share(sum(one.urgent for one in seen), many),
        "unsure": _share(sum(one.route == "unsure" for one in seen), many),
        "confidence": _round(math.fsum(one.confidence for one in seen) / many) if many else None,
        "overruled": _share(sum(one.overruled for one in seen), many),
        "items": dict(sorted(items.items(), key=lambda one: (-one[1], one[0]))),
        "against_training": found.as_dict() if found else None,
    }


def _counted(labels: Iterable[str]) -> dict[str, int]:
    return dict(Counter(label for label in labels if label))


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    every = sum(counts.values())
    return (
        {label: _round(count / every) for label, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))}
        if every
        else {}
    )


def _moved(then: Mapping[str, int], now: Mapping[str, int], found: Stability, names: Mapping[str, str]) -> list[dict[str, Any]]:
    before, after = sum(then.values()), sum(now.values())
    order = sorted((label for label in found.parts if label != REST), key=lambda one: (-found.parts[one], one))
    return [
        {
            "item": label,
            "name": names.get(label, ""),
            "trained": _round(then.get(label, 0) / before),
            "now": _round(now.get(label, 0) / after),
            "adds": _round(found.parts[label]),
        }
        for label in order[:_MOVED]
    ]


def _overruled(pairs: Iterable[tuple[str, bool]], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rates of labels, those that were overruled most often first."""
    many: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for label, overruled in pairs:
        many[label] += 1
        wrong[label] += overruled
    order = sorted(many, key=lambda one: (-wrong[one], -many[one], one))
    return [
        {
            "label": label,
            "name": names.get(label, ""),
            "texts": many[label],
            "overruled": wrong[label],
            "rate": _round(wrong[label] / many[label]),
        }
        for label in order
    ]


def _share(part: int, whole: int) -> float | None:
    return _round(part / whole) if whole else None


def _round(value: float) -> float:
    return round(float(value), 4)


READINGS: Mapping[Reading, str] = {"stable": "稳定", "watch": "需关注", "changed": "已变化", "too-few": "样本太少"}


def told(found: Mapping[str, Any]) -> str:
    """For people."""
    trained = found["trained_on"]
    lines = [
        f"{found['texts']} texts judged in {len(found['weeks'])} weeks; {', '.join(found['models'])}, "
        f"trained on {trained['texts']} texts ({trained['what']})"
    ]
    for what in ("items", "agencies"):
        if found[what]:
            lines.append(
                f"{what}: PSI {found[what]['psi']:.3f} ({found[what]['by_chance']:.3f} by chance alone): {found[what]['reading']}"
            )
    if not found["items"]:
        lines.append(
            "items: nothing to compare with; the model's card does not tell what it was trained on, or nothing was judged"
        )
    lines.append("week of       texts    PSI  urgent  unsure  confidence  overruled  unknown terms")
    for row in found["weeks"]:
        psi = row["against_training"]
        cells = (
            f"{row['texts']:>7}",
            f"{'—' if psi is None else format(psi['psi'], '.2f'):>5}",
            f"{_percent(row['urgent']):>6}",
            f"{_percent(row['unsure']):>6}",
            f"{'—' if row['confidence'] is None else format(row['confidence'], '.2f'):>10}",
            f"{_percent(row['overruled']):>9}",
            f"{_percent(row['unknown_terms']):>13}",
        )
        lines.append("  ".join((row["from"][:10], *cells)))
    lines += [
        f"moved  {one['item']} {one['name']}: {_percent(one['trained'])} in training, {_percent(one['now'])} now"
        for one in found["moved"][:8]
    ]
    for what, key in (("item", "overruled_by_item"), ("model", "overruled_by_model")):
        lines += [
            f"overruled, {what} {one['label'] or 'none'} {one['name']}".rstrip() + f": {one['overruled']} of {one['texts']}"
            for one in [one for one in found[key] if one["overruled"]][:8]
        ]
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{value:.1%}"
