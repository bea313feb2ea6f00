"""The rule-only engine: a danger layer of words and what stands around them, and the catalog's words for items.

Deterministic and pure. It is the interim engine: its scores say "sure", "likely" or "a guess" and are not calibrated.
"""

from __future__ import annotations

import functools
import logging
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import jieba
from rapidfuzz import fuzz, process

from classifier import lexicon
from classifier.context import Against, Reading
from classifier.knowledge import Knowledge
from classifier.lexicon import Danger
from classifier.verdict import Evidence, Route, Service, Suggestion, Verdict

HEAD, TAIL = 20_000, 2_000
"""Characters of a longer text that are read: from its beginning and from its end."""
_ITEM_CHARACTERS = 3_000
_MATCHES = 12
"""Places of one kind of danger that are looked at: a text that repeats itself is not read for ever."""
_FUZZY_CHARACTERS = 80
_LIKELY = 0.45
"""Score from which an item is taken for what is meant."""
_FOLD = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_LATIN = re.compile(r"[\W\d_a-zA-Z]*")


@functools.cache
def _tokenizer() -> jieba.Tokenizer:
    """jieba's words, read from its own file: its usual cache lies in a folder where strangers may write."""
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer


def _words(text: str) -> list[str]:
    return [word for word in _tokenizer().cut(text, HMM=False) if len(word) > 1]


@dataclass(frozen=True, slots=True)
class _Hit:
    danger: Danger
    start: int
    end: int
    against: Against | None
    now: bool


class RuleEngine:
    """Judges texts by words alone; never raises for any text, and takes time that is bounded."""

    version = "rules-1"

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._index: dict[str, list[tuple[str, str, float]]] = {}
        tokens: dict[str, set[str]] = {}
        for item in knowledge.items:
            for word in dict.fromkeys((item.name, *item.words)):
                self._add(word, item.code, min(len(word), 5) * 0.5)
            tokens[item.code] = set(_words(" ".join((item.name, *item.words))))
        for rule in knowledge.rules:
            for word in rule.words:
                for code in rule.items[:1]:
                    self._add(word, code, min(len(word), 5) * 0.2)
        spread = Counter(token for found in tokens.values() for token in found)
        count = max(len(tokens), 1)
        self._tokens: dict[str, list[tuple[str, float]]] = {}
        for code in sorted(tokens):
            for token in sorted(tokens[code]):
                self._tokens.setdefault(token, []).append((code, math.log(1 + count / spread[token]) / math.log(1 + count)))
        self._names = [(word, item.code) for item in knowledge.items for word in (item.name, *item.words) if len(word) >= 4]
        self._choices = [word for word, _ in self._names]
        self._nobodys = {item.code for item in knowledge.items if item.nobody}
        self._classes = {one.code: one for one in knowledge.classes}

    def judge(self, text: str) -> Verdict:
        """What the words say; the rules are those of the labelling guide."""
        folded = text.translate(_FOLD)
        hits = [hit for offset, part in _parts(folded) for hit in _dangers(part, offset)]
        items = self._items(folded[:_ITEM_CHARACTERS])
        stands = [hit for hit in hits if hit.against is None]
        evidence = tuple(_evidence(text, hit) for hit in hits)
        if stands:
            return self._urgent(folded, stands, items, evidence)
        cues = _cues(folded) if not hits else ()
        if cues:
            said = tuple(Evidence(*one.span(), text[one.start() : one.end()], f"danger.cues.{name}") for name, one in cues)
            lead: Route = "120" if {name for name, _ in cues} <= {"harm", "helpless", "now"} else "110"
            wanted = "1704" if lead == "120" else "1708"
            return self._verdict(
                lead, True, items, said, 0.5, 0.55,
                services=("110", "120"), police_class=self._class(folded, wanted),
            )  # fmt: skip
        return self._calm(folded, hits, items, evidence)

    def _urgent(self, text: str, stands: list[_Hit], items: tuple[Suggestion, ...], evidence: tuple[Evidence, ...]) -> Verdict:
        kinds = list({hit.danger.name: hit.danger for hit in stands}.values())
        lead = _leading(kinds)
        services = list(dict.fromkeys(service for kind in (lead, *kinds) for service in kind.services))
        sure = 0.95 if len(kinds) > 1 or any(hit.now for hit in stands) else 0.8
        return self._verdict(
            lead.lead, True, items, evidence, sure - 0.1, sure,
            services=tuple(services), police_class=self._class(text, lead.police_class),
        )  # fmt: skip

    def _calm(self, text: str, hits: list[_Hit], items: tuple[Suggestion, ...], evidence: tuple[Evidence, ...]) -> Verdict:
        unsure_of_urgency = 0.7 if any(hit.against not in ("trap", "fiction") for hit in hits) else 0.95
        withdrawn = any(hit.against == "withdrawn" for hit in hits)
        head = text[:_ITEM_CHARACTERS]
        route, sure, wanted, said = _route_of_calm(head, items)
        if route == "12345" and items and items[0].item in self._nobodys and items[0].score >= _LIKELY:
            route = "guide"
        if withdrawn:  # the facts are missing: a person rings back, and till then it is nobody's
            route, sure, wanted = "unsure", 0.3, ""
        broken = (
            route == "unsure"
            and bool(head.strip())
            and (len(head.strip()) < 12 or lexicon.BROKEN_OFF.search(head.strip()[-12:]) is not None)
        )
        return self._verdict(
            route, False, items, (*evidence, *said), sure, unsure_of_urgency,
            services=(route,) if route in ("110", "119", "120", "122") else (),
            police_class=self._class(head, wanted) if wanted else "", call_back=withdrawn or broken,
        )  # fmt: skip

    def _verdict(
        self,
        route: Route,
        urgent: bool,
        items: tuple[Suggestion, ...],
        evidence: tuple[Evidence, ...],
        sure: float,
        sure_urgent: float,
        *,
        services: tuple[Service, ...] = (),
        police_class: str = "",
        call_back: bool = False,
    ) -> Verdict:
        return Verdict(
            route=route,
            urgent=urgent,
            services=services,
            items=items,
            police_class=police_class,
            confidence=round(sure, 3),
            urgent_confidence=round(sure_urgent, 3),
            call_back=call_back,
            evidence=evidence,
            engine=self.version,
            catalog=self._knowledge.version,
            scores={route: round(sure, 3), "urgent": round(sure_urgent if urgent else 1 - sure_urgent, 3)},
        )

    def _add(self, word: str, code: str, weight: float) -> None:
        if word:
            self._index.setdefault(word[:2], []).append((word, code, weight))

    def _items(self, text: str) -> tuple[Suggestion, ...]:
        """Items that the words may be about: by words said as they stand, by jieba's words, and by names nearly right."""
        raw: dict[str, float] = {}
        said: set[tuple[str, str]] = set()
        for at in range(len(text)):
            for word, code, weight in (*self._index.get(text[at : at + 2], ()), *(self._index.get(text[at], ()))):
                if (word, code) not in said and text.startswith(word, at):
                    said.add((word, code))
                    raw[code] = raw.get(code, 0.0) + weight
        for token in set(_words(text)):
            for code, weight in self._tokens.get(token, ()):
                raw[code] = raw.get(code, 0.0) + 0.5 * weight
        if not said and len(text) <= _FUZZY_CHARACTERS and len(text) >= 4:
            for _, ratio, place in process.extract(text, self._choices, scorer=fuzz.partial_ratio, score_cutoff=74, limit=3):
                code = self._names[place][1]
                raw[code] = raw.get(code, 0.0) + (ratio - 60) / 40
        best = sorted(raw.items(), key=lambda one: (-one[1], one[0]))[:5]
        return tuple(Suggestion(code, round(1 - math.exp(-weight / 2), 3)) for code, weight in best)

    def _class(self, text: str, wanted: str) -> str:
        """The finest class of the catalog below the wanted one's first two digits that the words name."""
        best = max(
            (
                (len(word), code)
                for code, one in self._classes.items()
                if code[:2] == wanted[:2]
                for word in one.words
                if word and word in text
            ),
            key=lambda one: (one[0], one[1] == wanted, one[1]),
            default=None,
        )
        if best is not None:
            return best[1]
        return next((code for code in (wanted, wanted[:2]) if code in self._classes), "")


def _parts(text: str) -> Iterator[tuple[int, str]]:
    yield 0, text[:HEAD]
    if len(text) > HEAD:
        offset = max(HEAD, len(text) - TAIL)
        yield offset, text[offset:]


def _dangers(text: str, offset: int) -> Iterator[_Hit]:
    reading = Reading(text)
    for danger in lexicon.DANGERS:
        for place in islice(danger.strong.finditer(text), _MATCHES):
            start, end = place.span()
            yield _Hit(danger, start + offset, end + offset, reading.against(start, end, danger.immune), reading.now(start, end))
        if danger.weak is not None:
            for place in islice(danger.weak.finditer(text), _MATCHES):
                start, end = place.span()
                if reading.now(start, end):
                    yield _Hit(danger, start + offset, end + offset, reading.against(start, end, danger.immune), True)


def _cues(text: str) -> tuple[tuple[str, re.Match[str]], ...]:
    """Cues of danger, if enough kinds of them are said in a few words that ask no office for anything."""
    if len(text) > lexicon.CUES_CHARACTERS or lexicon.ASKS_OFFICE.search(text):
        return ()
    reading = Reading(text)
    found, weight = [], 0.0
    for name, (value, pattern) in lexicon.CUES.items():
        place = next((one for one in pattern.finditer(text) if reading.against(*one.span()) is None), None)
        if place is not None:
            found.append((name, place))
            weight += value
    serious = {"violence", "harm", "unable", "place"} & {name for name, _ in found}
    return tuple(found) if weight >= lexicon.CUES_ENOUGH and serious else ()


def _evidence(text: str, hit: _Hit) -> Evidence:
    rule = f"danger.{hit.danger.name}" if hit.against is None else f"danger.{hit.danger.name}.{hit.against}"
    return Evidence(hit.start, hit.end, text[hit.start : hit.end], rule, "for" if hit.against is None else "against")


def _leading(kinds: list[Danger]) -> Danger:
    names = {kind.name for kind in kinds}
    if "fire" in names and not names & {"violence", "captive"}:  # who jumps from a burning house does not want to die
        return next(kind for kind in kinds if kind.name == "fire")
    if "traffic" in names and not names & {"self-harm", "violence", "captive", "water", "fire", "gas", "trapped"}:
        return next(kind for kind in kinds if kind.name == "traffic")
    return kinds[0]


def _route_of_calm(text: str, items: tuple[Suggestion, ...]) -> tuple[Route, float, str, tuple[Evidence, ...]]:
    """Route, how sure, wanted police class, and evidence of words without urgency."""
    bare = text.strip()
    if not bare or lexicon.EMPTY.fullmatch(bare) or _LATIN.fullmatch(bare):
        return "unsure", 0.3, "", ()
    if lexicon.THANKS.match(bare):
        return "guide", 0.8, "", ()
    reading = Reading(text)
    for test in (_misconduct, _vice, _noise, _accident, _crime, _nest):
        found = test(reading)
        if found is not None:
            return found
    score = items[0].score if items else 0.0
    private = lexicon.PRIVATE.search(text)
    if private and score < _LIKELY:
        return "guide", 0.6, "", (_said(text, private, "guide.private"),)
    if score >= _LIKELY:
        return "12345", round(0.6 + 0.35 * score, 3), "", ()
    office = len(set(lexicon.OFFICE.findall(text)))
    if office:
        return "12345", min(0.5 + 0.08 * office, 0.85), "", ()
    if private:
        return "guide", 0.6, "", (_said(text, private, "guide.private"),)
    return ("12345", 0.45, "", ()) if len(bare) >= 8 else ("unsure", 0.3, "", ())


_Found = tuple[Route, float, str, tuple[Evidence, ...]]


def _said(text: str, place: re.Match[str], rule: str) -> Evidence:
    return Evidence(place.start(), place.end(), place.group(), rule)


def _stands(reading: Reading, pattern: re.Pattern[str], immune: Iterable[str]) -> re.Match[str] | None:
    immunity = frozenset(immune)
    for place in islice(pattern.finditer(reading.text), _MATCHES):
        if reading.against(*place.span(), immunity) is None:
            return place
    return None


def _misconduct(reading: Reading) -> _Found | None:
    place = lexicon.POLICE_MISCONDUCT.search(reading.text)
    if place is None:
        return None
    if reading.now(*place.span()) and reading.against(*place.span()) is None:
        return "110", 0.6, "18", (_said(reading.text, place, "police.misconduct"),)
    return "12345", 0.7, "", (_said(reading.text, place, "police.complaint"),)


def _vice(reading: Reading) -> _Found | None:
    place = _stands(reading, lexicon.VICE, ("habit", "hearsay", "past", "over"))
    return ("110", 0.65, "12", (_said(reading.text, place, "police.vice"),)) if place else None


def _noise(reading: Reading) -> _Found | None:
    place = lexicon.NOISE.search(reading.text)
    if place is None or lexicon.NOISE_OTHER.search(reading.text) or not reading.now(*place.span()):
        return None
    if reading.against(*place.span(), frozenset(("trap", "metaphor", "handled", "fiction"))) is not None:
        return None
    return "110", 0.6, "1211", (_said(reading.text, place, "police.noise"),)


def _accident(reading: Reading) -> _Found | None:
    place = _stands(reading, lexicon.ACCIDENT, ())
    return ("122", 0.6, "1302", (_said(reading.text, place, "traffic.plain"),)) if place else None


def _crime(reading: Reading) -> _Found | None:
    place = _stands(reading, lexicon.CRIME, ("past", "over", "habit"))
    return ("110", 0.55, "11", (_said(reading.text, place, "police.crime"),)) if place else None


def _nest(reading: Reading) -> _Found | None:
    place = _stands(reading, lexicon.ANIMAL_NEST, ("habit", "past"))
    return ("119", 0.6, "1710", (_said(reading.text, place, "fire.nest"),)) if place else None
