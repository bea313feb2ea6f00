"""The engine: a trained model and the danger layer judge texts by the labelling guide; the catalog names what is meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import cast

import numpy as np

from classifier import danger, evidence
from classifier.context import WITHDRAWN
from classifier.errors import ClassifierError
from classifier.features import Floats
from classifier.knowledge import Knowledge
from classifier.model import Model
from classifier.text.normalise import Plain, normalise
from classifier.verdict import ROUTES, AgencyChance, Evidence, Route, Service, Suggestion, Verdict

LEADS: tuple[Route, ...] = ("110", "119", "120", "122")
BATCH = 64
"""Texts that are judged at once."""
_TOP, _AGENCIES = 5, 3
_READ_FROM = 0.04
"""From this chance of danger on a text is read for what is named, and for what takes its force; below, if it takes back."""
_SLIGHT = ("question", "hearsay")
"""A danger that somebody asks about, or has from others, may well be one."""
_SAID = re.compile(r"[\u3400-\u9fff]")
_BROKEN_OFF = re.compile(r"(?:快|救|他要|她要|不要|别|啊|是|在|把|被|我|他|她)[!…\.—~-]*$|(?:……|\.\.\.|——|—)\s*$")
_SHORT = 12


class ModelEngine:
    """Judges texts; never raises for any text, and takes time that is bounded."""

    def __init__(self, model: Model, knowledge: Knowledge, agency: Model | None = None) -> None:
        """``agency``: a city's own model, whose labels are its agencies; without it the catalog's kinds of agencies are named."""
        duty, matter = model.part("danger"), model.part("matter")
        if duty is None or matter is None:
            raise ClassifierError(
                f"model {model.version} has no part that judges danger; train one with `hotline classifier train`", model.version
            )
        self.version = model.version
        self._lexicon = model.lexicon
        self._duty, self._matter = duty, matter
        self._knowledge = knowledge
        try:
            thresholds = {name: float(model.card["thresholds"][name]) for name in ("urgent", "named", "denied", "doubt", "sure")}
        except (KeyError, TypeError, ValueError):
            raise ClassifierError(f"the card of model {model.version} lacks thresholds; train it again", model.version) from None
        self._urgent_from, self._named_from = thresholds["urgent"], thresholds["named"]
        self._denied_from, self._doubt_from, self._sure_from = thresholds["denied"], thresholds["doubt"], thresholds["sure"]
        self._items = {one.code: one.agencies for one in knowledge.items}
        self._code = {code: one.code for one in knowledge.items for code in (*one.formerly, one.code)}
        self._classes = frozenset(knowledge.classes)
        self._agency = agency
        if agency is not None:
            self.version = f"{model.version}+{agency.version}"

    def judge(self, text: str) -> Verdict:
        """What the words say; the rules are those of the labelling guide."""
        return self.judge_all([text])[0]

    def judge_all(self, texts: Sequence[str]) -> list[Verdict]:
        """The same for many texts, quicker."""
        rest = iter(texts)
        found: list[Verdict] = []
        while some := list(islice(rest, BATCH)):
            found += self._judge([normalise(text) for text in some])
        return found

    def _judge(self, plain: Sequence[Plain]) -> list[Verdict]:
        batch = self._lexicon.terms([one.text for one in plain])
        answers = self._duty.answers(batch)
        if any(one.full != one.text for one in plain):
            batch = self._lexicon.terms([one.full for one in plain])
        answers |= self._matter.answers(batch)
        if self._agency is not None:
            part = self._agency.parts[0]
            answers |= part.answers(self._agency.lexicon.terms([one.full for one in plain]))
        return [self._one(one, {head: rows[at] for head, rows in answers.items()}) for at, one in enumerate(plain)]

    def _one(self, plain: Plain, answers: Mapping[str, Floats]) -> Verdict:
        if not _SAID.search(plain.full):
            return Verdict(
                route="unsure", urgent=False, engine=self.version, catalog=self._knowledge.version, urgent_confidence=0.5
            )
        urgent = float(answers["urgent"][0])
        hits = danger.hits(plain.text) if urgent >= _READ_FROM or WITHDRAWN.search(plain.text) else []
        named = any(hit.against is None for hit in hits)
        denied = bool(hits) and not any(hit.against in _SLIGHT for hit in hits)
        if urgent >= (self._named_from if named else self._denied_from if denied else self._urgent_from):
            return self._urgent(plain, urgent, answers, hits)
        return self._calm(plain, urgent, answers, hits)

    def _urgent(self, plain: Plain, urgent: float, answers: Mapping[str, Floats], hits: list[danger.Hit]) -> Verdict:
        leads = self._chances("lead", answers)
        lead = cast(Route, max(leads, key=lambda one: (leads[one], one)))
        sent = {lead, "110"} | {name for name, chance in self._chances("services", answers).items() if chance >= 0.5}
        said = evidence.of_hits(plain, hits)
        if not any(one.weighs == "for" for one in said):
            said = (*said, *evidence.of_weights(plain, self._duty, "urgent", "urgent"))
        return self._verdict(
            lead, True, answers, said, leads[lead], urgent, leads,
            services=tuple(cast(Service, one) for one in (*LEADS, "utility") if one in sent), police_class=self._class(answers),
        )  # fmt: skip

    def _calm(self, plain: Plain, urgent: float, answers: Mapping[str, Floats], hits: list[danger.Hit]) -> Verdict:
        chances = self._chances("calm", answers)
        route = cast(Route, max(chances, key=lambda one: (chances[one], one)))
        if chances[route] < self._sure_from:
            route = "unsure"
        withdrawn = any(hit.against == "withdrawn" for hit in hits)
        bare = plain.full.strip()
        broken = route == "unsure" and (len(bare) < _SHORT or _BROKEN_OFF.search(bare) is not None)
        leads = route in LEADS
        return self._verdict(
            route, False, answers, evidence.of_hits(plain, hits, standing=False), chances.get(route, 0.0), 1 - urgent, chances,
            services=(cast(Service, route),) if leads else (), police_class=self._class(answers) if leads else "",
            call_back=withdrawn or broken or urgent >= self._doubt_from,
        )  # fmt: skip

    def _chances(self, head: str, answers: Mapping[str, Floats]) -> dict[str, float]:
        return dict(zip(self._duty.labels(head), answers[head].tolist(), strict=True))

    def _verdict(
        self,
        route: Route,
        urgent: bool,
        answers: Mapping[str, Floats],
        said: tuple[Evidence, ...],
        sure: float,
        sure_urgent: float,
        chances: Mapping[str, float],
        *,
        services: tuple[Service, ...] = (),
        police_class: str = "",
        call_back: bool = False,
    ) -> Verdict:
        items = self._suggestions(answers)
        scores: dict[str, float] = {
            name: round(chance, 3) for name, chance in chances.items() if chance >= 0.005 and name in ROUTES
        }
        scores["urgent"] = round(sure_urgent if urgent else 1 - sure_urgent, 3)
        return Verdict(
            route=route,
            urgent=urgent,
            services=services,
            items=items,
            agencies=self._agencies(items, answers),
            police_class=police_class,
            confidence=round(sure, 3),
            urgent_confidence=round(sure_urgent, 3),
            call_back=call_back,
            evidence=said,
            engine=self.version,
            catalog=self._knowledge.version,
            scores=scores,
        )

    def _suggestions(self, answers: Mapping[str, Floats]) -> tuple[Suggestion, ...]:
        """Items of the catalog, the likeliest first; what this catalog does not have is left out."""
        labels, chances = self._matter.labels("item"), answers["item"]
        scores: dict[str, float] = {}
        best = np.argsort(-chances, kind="stable")[: 2 * _TOP]
        for at, chance in zip(best.tolist(), chances[best].tolist(), strict=True):
            if code := self._code.get(labels[at]):
                scores[code] = scores.get(code, 0.0) + chance
        ranked = sorted(scores, key=lambda code: -scores[code])[:_TOP]
        return tuple(Suggestion(code, round(scores[code], 3)) for code in ranked)

    def _agencies(self, items: Sequence[Suggestion], answers: Mapping[str, Floats]) -> tuple[AgencyChance, ...]:
        if self._agency is not None:
            labels, chances = self._agency.parts[0].labels("label"), answers["label"]
            best = np.argsort(-chances, kind="stable")[:_AGENCIES]
            return tuple(AgencyChance(labels[at], round(float(chances[at]), 3)) for at in best)
        shares: dict[str, float] = {}
        for item in items:
            kinds = self._items[item.item]
            parts = [1 / place for place in range(1, len(kinds) + 1)]
            for kind, part in zip(kinds, parts, strict=True):
                shares[kind] = shares.get(kind, 0.0) + item.score * part / sum(parts)
        ranked = sorted(shares.items(), key=lambda one: (-one[1], one[0]))[:_AGENCIES]
        return tuple(AgencyChance(kind, round(share, 3)) for kind, share in ranked)

    def _class(self, answers: Mapping[str, Floats]) -> str:
        """Class of the police order that is likeliest, or the class above it if this catalog has no finer one."""
        labels = self._matter.labels("class")
        for at in np.argsort(-answers["class"], kind="stable"):
            finest: str = labels[at]
            for code in (finest, finest[:2]):
                if code in self._classes:
                    return code
        return ""
