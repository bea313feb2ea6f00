"""Whose a matter is when nobody is in danger: what a person says, the catalog's item and rules, and the words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from router.allocation.boundaries import Said
from router.allocation.decision import Facts, Reason, Side
from router.allocation.reasons import SIDES, because
from router.catalog.model import KINDS, Catalog, CrossRule, Item, Kind

Whose = Literal["12345", "110", "unclear", "neither"]

LIKELY = 0.45
"""Score from which a suggested item counts."""
SURE_ROUTE = 0.4
"""Confidence from which the classifier's route counts."""
_ASKED: dict[Kind, tuple[str, ...]] = {
    "consult": ("咨询", "请问", "想问", "想了解"),
    "report": ("举报",),
    "suggestion": ("建议",),
    "complaint": ("投诉",),
    "help": ("求助", "帮忙", "帮帮"),
}


@dataclass(frozen=True, slots=True)
class Matter:
    """The item that a matter is, and how that is known."""

    item: Item | None
    chosen: bool
    """A person chose it."""
    score: float
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Ownership:
    """Whose it is, and why; ``guidance`` is the standard answer of a rule or item that is nobody's."""

    whose: Whose
    reasons: tuple[Reason, ...]
    guidance: str = ""


def matter(facts: Facts, catalog: Catalog, rules: tuple[Said, ...]) -> Matter:
    """The item that was chosen, a retired one by what took its place; else the one that the words suggest."""
    reasons: list[Reason] = []
    old = facts.ticks.item
    if old:
        item = catalog.item(old)
        if item is not None:
            if item.code != old:
                reasons.append(because("item.retired", f"item={old}", old=old, name=item.name, code=item.code))
            return Matter(item, True, 1.0, tuple(reasons))
        reasons.append(because("item.unknown", f"item={old}", old=old, code=catalog.version))
    usual = [code for one in rules for code in one.rule.items]
    candidates = [(found, one.score) for one in facts.verdict.items if (found := catalog.item(one.item)) is not None]
    for found, score in candidates:
        if score >= LIKELY or (found.code in usual and score >= LIKELY / 2):
            return Matter(found, False, score, tuple(reasons))
    first = next((found for code in usual if (found := catalog.item(code)) is not None), None)
    return Matter(first, False, 0.0, tuple(reasons))


def kind(facts: Facts, item: Item | None) -> Kind | None:
    """What is asked for: as chosen, else as the words say it if the item allows, else the item's first kind."""
    if facts.ticks.kind in KINDS:
        return facts.ticks.kind
    allowed = item.kinds if item else tuple(KINDS)
    asked = next((one for one, words in _ASKED.items() if one in allowed and any(word in facts.words for word in words)), None)
    return asked or (item.kinds[0] if item and item.kinds else None)


def of(facts: Facts, catalog: Catalog, what: Matter, rules: tuple[Said, ...]) -> Ownership:
    """Whose it is: what a person says, then the item that a person chose, then what rules and words agree on."""
    belongs = facts.ticks.belongs
    if belongs is not None:
        return Ownership(
            belongs, (because("chain.belongs", f"belongs={belongs}", whose=SIDES[belongs]),), _guidance(what.item, rules)
        )
    if what.chosen and what.item is not None:
        return _by_item(facts, what.item, because_of_item(what.item, f"item={what.item.code}"))
    return _by_words(facts, catalog, what, rules)


def because_of_item(item: Item, *evidence: str) -> Reason:
    """The reason of an item that a person chose."""
    if _first(item) == "first-receiver":
        return because("chain.item.first-receiver", *evidence, name=item.name, code=item.code)
    return because("chain.item", *evidence, name=item.name, whose=SIDES[_first(item)], code=item.code)


def _first(item: Item) -> Literal["12345", "110", "first-receiver", "neither"]:
    """Whose an item is by default."""
    return item.first if item.scope == "both" else item.scope


def _by_item(facts: Facts, item: Item, reason: Reason) -> Ownership:
    first = _first(item)
    return Ownership(facts.first_side if first == "first-receiver" else first, (reason,), item.guidance)


def _by_words(facts: Facts, catalog: Catalog, what: Matter, rules: tuple[Said, ...]) -> Ownership:
    """Rules, the suggested item and the classifier's route vote; where they cross each other it is unclear (职责交叉)."""
    votes: list[tuple[Whose, Reason]] = []
    for one in rules:
        rule = one.rule
        whose: Whose = "110" if rule.always else "neither" if rule.first == "guide" else rule.first
        votes.append((whose, because("chain.rule.first", *one.words, name=rule.name, whose=SIDES[whose], code=rule.code)))
    if what.item is not None and what.score >= LIKELY and not any(what.item.code in one.rule.items for one in rules):
        first = _first(what.item)
        side: Whose = facts.first_side if first == "first-receiver" else first
        fields = {"name": what.item.name, "score": what.score, "whose": SIDES[side], "code": what.item.code}
        votes.append((side, because("chain.item.suggested", **fields)))
    route = facts.verdict.route
    doubt = facts.verdict.call_back and any(one.rule.endswith(".withdrawn") for one in facts.verdict.evidence)
    if route != "unsure" and facts.verdict.confidence >= SURE_ROUTE:
        by_route: Whose = "neither" if route == "guide" else "12345" if route == "12345" else "110"
        said = (one.text for one in facts.verdict.evidence if one.weighs == "for")
        votes.append(
            (by_route, because("chain.route", *said, route=route, score=facts.verdict.confidence, code=facts.verdict.engine))
        )
    reasons = tuple(reason for _, reason in votes)
    sides = {whose for whose, _ in votes if whose != "neither"}
    nobody = any(one.rule.first == "guide" for one in rules) and "110" not in sides
    if any(one.rule.always for one in rules) and not any(one.rule.first == "12345" for one in rules):
        return Ownership("110", reasons)
    if doubt or not votes:
        return Ownership("unclear", reasons)
    if nobody or not sides:
        return Ownership("neither", reasons, _guidance(what.item, rules))
    if len(sides) > 1:
        return Ownership("unclear", (because("chain.unclear.crossed", sides="、".join(sorted(sides))), *reasons))
    return Ownership(cast(Side, sides.pop()), reasons)


def _guidance(item: Item | None, rules: tuple[Said, ...]) -> str:
    """The standard answer of a matter that is nobody's."""
    told = next((one.rule.guidance for one in rules if one.rule.first == "guide" and one.rule.guidance), "")
    return told or (item.guidance if item else "") or next((one.rule.guidance for one in rules if one.rule.guidance), "")


def complaint_rule(catalog: Catalog) -> CrossRule | None:
    """The rule about complaints of police (class 18 and what lies below it)."""
    return next((rule for _, rule in sorted(catalog.rules.items()) if rule.police_class[:2] == "18"), None)
