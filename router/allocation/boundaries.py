"""Facts in a caller's words that make a matter 110's first: boundaries of items and triggers of cross rules. Pure.

A word counts only if it stands: what is denied, over, asked about, read in a novel or hidden in another word does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from classifier.context import TRAPS, Reading
from router.allocation.decision import Reason
from router.allocation.reasons import because
from router.catalog.model import Catalog, CrossRule, Item

_LONGEST = 20_000
_PLACES = 8
"""Places of one word that are looked at."""
_THREATS = ("1701", "1213")
_MISSING = "1703"
_COMPLAINT = "18"
_IMMUNE_THREAT = frozenset({"hypothetical", "habit", "hearsay"})
_IMMUNE_COMPLAINT = frozenset({"handled", "habit"})
_IMMUNE_MISSING = frozenset({"past", "handled", "hypothetical", "habit"})


@dataclass(frozen=True, slots=True)
class Held:
    """A boundary or rule of the catalog that the words fulfil."""

    code: str
    then: Literal["police-first", "both"]
    services: tuple[str, ...]
    police_class: str
    urgent: bool
    """Its class is urgent: an order awaits confirmation. Else 110 decides whether somebody sets out."""
    words: tuple[str, ...]
    reason: Reason


@dataclass(frozen=True, slots=True)
class Said:
    """A cross rule whose kind of matter the words name."""

    rule: CrossRule
    words: tuple[str, ...]


class Words:
    """A caller's words, read once."""

    def __init__(self, text: str) -> None:
        self._reading = Reading(text[:_LONGEST])

    def standing(self, words: tuple[str, ...], immune: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Those of the words that are said and that nothing around them takes the force of."""
        return tuple(word for word in dict.fromkeys(words) if word and self._stands(word, immune))

    def _stands(self, word: str, immune: frozenset[str]) -> bool:
        text, at = self._reading.text, -1
        for _ in range(_PLACES):
            at = text.find(word, at + 1)
            if at < 0:
                return False
            against = self._reading.against(at, at + len(word), immune)
            if against is None or (against == "trap" and TRAPS.search(word)):  # 血汗钱 is what the list means, not blood
                return True
        return False


def said(words: Words, catalog: Catalog) -> tuple[Said, ...]:
    """Cross rules whose matter is named, also of the past; by code."""
    everything = frozenset(
        {"past", "over", "handled", "habit", "hearsay", "letter", "question", "hypothetical", "withdrawn", "metaphor"}
    )
    found = ((rule, words.standing(rule.words, everything)) for _, rule in sorted(catalog.rules.items()))
    return tuple(Said(rule, named) for rule, named in found if named)


def held(words: Words, catalog: Catalog, item: Item | None, rules: tuple[Said, ...]) -> tuple[Held, ...]:
    """Boundaries of the item, and triggers of the rules that the words or the item name; the urgent ones first."""
    found: list[Held] = []
    for boundary in item.boundaries if item else ():
        named = words.standing(boundary.triggers, _immune(boundary.police_class))
        if item is not None and named:
            rule = "chain.boundary" if boundary.then == "police-first" else "chain.boundary.both"
            reason = because(rule, *named, name=item.name, fact=boundary.fact, code=item.code)
            found.append(
                Held(
                    item.code,
                    boundary.then,
                    boundary.services,
                    boundary.police_class,
                    _urgent(catalog, boundary.police_class),
                    named,
                    reason,
                )
            )
    by_words = {one.rule.code: one for one in rules}
    for code, rule_ in sorted(catalog.rules.items()):
        if code not in by_words and (item is None or item.code not in rule_.items):
            continue
        immune = _immune(rule_.police_class)
        always = _saves_life(rule_) and code in by_words and words.standing(rule_.words, immune)
        named = always or words.standing(rule_.triggers, immune)
        if named:
            reason = because("chain.rule.always" if always else "chain.rule.trigger", *named, name=rule_.name, code=code)
            found.append(
                Held(
                    code, "police-first", rule_.services, rule_.police_class, _urgent(catalog, rule_.police_class), named, reason
                )
            )
    return tuple(sorted(found, key=lambda one: not one.urgent))


def _saves_life(rule: CrossRule) -> bool:
    """The rule's words alone mean danger. Another rule that is always 110's says whose a matter is, not how much time there is:
    money that is being sent at this moment is for the classifier to tell from money lost last year."""
    return rule.always and rule.police_class[:2] == "17"


def _immune(police_class: str) -> frozenset[str]:
    if police_class in _THREATS:
        return _IMMUNE_THREAT
    if police_class[:2] == _COMPLAINT:
        return _IMMUNE_COMPLAINT
    return _IMMUNE_MISSING if police_class == _MISSING else frozenset()


def _urgent(catalog: Catalog, police_class: str) -> bool:
    found = catalog.classes.get(police_class)
    return found is None or found.urgent
