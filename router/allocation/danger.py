"""Who says that life or property is in danger, and what a "no" is worth. Pure.

A person or a peer who names danger is believed at once. The classifier's finding asks for a confirmation. A person who heard the
caller may set the classifier's finding aside, with two exceptions that a tick can't lift, only the dispatcher who withdraws the
order: words of violence, self-harm, captivity or of somebody who can't speak, and a boundary of the catalog that is fulfilled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from router.allocation.boundaries import Held
from router.allocation.decision import Facts, Reason
from router.allocation.reasons import because

HARD = ("danger.violence", "danger.self-harm", "danger.captive", "danger.silent")
"""Kinds of the classifier's evidence that a "no" does not lift."""
HARD_CLASSES = frozenset(
    {"1101", "1102", "1103", "1104", "1105", "1106", "1107", "1112", "1113", "1115", "1201", "1203", "1209", "1213", "1701"}
)
"""Classes of orders about violence, self-harm and captivity: a "no" lifts them neither where no single word names the danger."""


@dataclass(frozen=True, slots=True)
class Danger:
    """What is known of danger. ``by`` None: nobody speaks of it, or it was set aside."""

    by: Literal["person", "peer", "classifier"] | None
    reasons: tuple[Reason, ...]
    set_aside: bool = False
    """The words named danger, and somebody who knows better said that there is none."""


def of(facts: Facts, held: tuple[Held, ...]) -> Danger:
    """Whose word of danger holds."""
    ticks, verdict = facts.ticks, facts.verdict
    found = tuple(one.text for one in verdict.evidence if one.weighs == "for" and one.rule.startswith(("danger.", "model.")))
    urgent_facts = tuple(one for one in held if one.urgent)
    told = tuple(one.reason for one in held)
    if ticks.danger:
        rule = "chain.danger.peer" if ticks.danger_by == "peer" else "chain.danger.person"
        return Danger(ticks.danger_by, (because(rule, "danger=true", *found), *told))
    if ticks.escalating:
        return Danger("person", (because("chain.escalating", "escalating=true", *found), *told))
    if not verdict.urgent and not urgent_facts:
        return Danger(None, ())
    if ticks.withdrawn:
        return Danger(None, (because("chain.danger.withdrawn", "withdrawn=true", *found),), True)
    own = (because("chain.danger.classifier" if verdict.urgent else "chain.danger.catalog", *found),)
    if ticks.danger is False and ticks.danger_by == "person":
        hard = tuple(one.text for one in verdict.evidence if one.weighs == "for" and _is_hard(one.rule, verdict.police_class))
        if not hard and not urgent_facts:
            return Danger(None, (because("chain.danger.set-aside", "danger=false", *found),), True)
        words = (*hard, *(word for one in urgent_facts for word in one.words))
        return Danger("classifier", (because("chain.danger.kept", "danger=false", *words), *own, *told))
    return Danger("classifier", (*own, *told))


def _is_hard(rule: str, police_class: str) -> bool:
    return rule in HARD or (rule.startswith("model.") and police_class in HARD_CLASSES)
