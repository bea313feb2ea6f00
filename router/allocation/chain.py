"""The decision chain (云政办发〔2022〕73号 三(一)): where a matter belongs, and why. Pure; others need :func:`decide` alone.

Order of the steps; the first that holds decides:

1. danger (person, peer, escalating dispute, classifier or a boundary of the catalog that is fulfilled) → 110 sets out first
2. a clue about social stability → 110 at once, confidential
3. a complaint about police that goes on now → 110, apart from other orders; about the past → 12345, with the way to 12389
4. a boundary that needs nobody within minutes, or a dispute that police came to twice → both sides
5. the result of a negotiation; without one, the first receiver
6. clearly one side's → own, or handed over; neither's → guidance; unclear → three-way, then negotiation

What each ``where`` comes with. A face (order, ticket) is opened by whoever carries the decision out; "registered" orders and
tickets of ``other-side`` may wait until the handoff is accepted, orders "dispatched" and "awaiting-confirmation" may not.

================  ========  =====================  ==========================  =============================================
where             owner     order (警单)            ticket (工单)                handoff (流转)
================  ========  =====================  ==========================  =============================================
police-first      110       dispatched by person,  only if 12345 has a part:   at 12345: to the order's desk, ``dangerous``
                            peer, escalation;      boundary ``both``, dispute  unless registered. At 110: to 12345, online,
                            awaiting by words;     (D1, D5), item of 12345     if there is a ticket; else none
                            registered otherwise   chosen, negotiated 12345
other-side        other     registered, if 110's   if 12345's                  one-key (phone) or online
own               this      registered, if 110's   if 12345's                  none
three-way         none      none                   none                        three-way (phone) or online, to negotiate
first-receiver    first     registered, if 110's   if 12345's                  only if the other side has it in hand now
guide             none      none                   none                        none; ``guidance`` is the standard answer
================  ========  =====================  ==========================  =============================================

Where 119, 120 or 122 leads, the order is 协助 or 知会 and never missing, in ``own`` of 12345 too (no handoff then: it is told).

From both sides: 12345 with a matter of 110's and no danger: ``other-side``, order registered, one-key by phone, online for text;
the case waits at 12345 for the feedback. 110 with a matter of 12345's: ``other-side``, ticket at 12345, the same handoffs the
other way. With danger the order is there before anybody answers; the handoff only brings the caller along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from router.allocation import boundaries, danger, orders, ownership
from router.allocation import units as units_
from router.allocation.boundaries import Held, Said
from router.allocation.decision import (
    Decision,
    Desk,
    Facts,
    HandoffPlan,
    OrderPlan,
    Reason,
    Side,
    TicketPlan,
    Unit,
    Urgency,
    Where,
)
from router.allocation.orders import COMPLAINT, LINES, Ask
from router.allocation.ownership import Matter
from router.allocation.reasons import SIDES, because
from router.catalog.model import Catalog, Item

CALLS = ("phone",)
"""Channels where the caller is on the line."""
REPEATED = 2
"""Police orders about one dispute from which it is followed until it is settled (D5)."""
NOT_POLICE = "19"
"""Class of what is no police matter (非警务): no reason for an order."""
_FEW_WORDS = 4
_SELF_HARM = ("1701", "1213")


@dataclass(frozen=True, slots=True)
class _Case:
    """What the steps look at."""

    facts: Facts
    catalog: Catalog
    what: Matter
    rules: tuple[Said, ...]
    held: tuple[Held, ...]
    danger: danger.Danger


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a step decides; the plans are made of it."""

    where: Where
    owner: Side | None
    urgency: Urgency
    reasons: tuple[Reason, ...]
    order: Ask | None = None
    ticket: bool = False
    joint: bool = False
    """Several agencies handle it together (联合调处)."""
    guidance: str = ""
    confidential: bool = False
    item: Item | None = None


def decide(facts: Facts, catalog: Catalog, units: Sequence[Unit], desks: Sequence[Desk]) -> Decision:
    """Where the matter belongs, with every reason. Total: any facts give a decision, the same facts the same one."""
    words = boundaries.Words(facts.words)
    rules = boundaries.said(words, catalog)
    what = ownership.matter(facts, catalog, rules)
    held = boundaries.held(words, catalog, what.item, rules)
    found = danger.of(facts, held)
    if found.set_aside:
        held = tuple(one for one in held if not one.urgent)
    heard = _without_danger(facts) if found.set_aside else facts
    case = _Case(heard, catalog, what, rules, held, found)
    for step in (_police_first, _stability, _complaint, _both_sides, _negotiated):
        outcome = step(case)
        if outcome is not None:
            break
    else:
        outcome = _owned(case)
    decision = _composed(_with_lines(case, outcome), case, units, desks)
    return replace(decision, inputs=_inputs(facts))


def _without_danger(facts: Facts) -> Facts:
    """The classifier's finding counts for nothing once somebody who knows better has set it aside."""
    if not facts.verdict.urgent:
        return facts
    return replace(
        facts, verdict=replace(facts.verdict, urgent=False, route="unsure", services=(), police_class="", call_back=False)
    )


# --- steps


def _police_first(case: _Case) -> _Outcome | None:
    found = case.danger
    if found.by is None:
        return None
    fallback = "12" if case.facts.ticks.escalating else "17"
    ask = Ask("awaiting-confirmation" if found.by == "classifier" else "dispatched", found.by, _complains_now(case), fallback)
    ticket = _has_12345_part(case)
    return _Outcome(
        "police-first",
        "110",
        "danger",
        found.reasons,
        ask,
        ticket,
        joint=ticket and (case.facts.ticks.escalating or any(one.then == "both" for one in case.held)),
        confidential=case.facts.ticks.stability,
        item=case.what.item,
    )


def _has_12345_part(case: _Case) -> bool:
    """Beside the police order there is a ticket: 12345's part is not lost when police have come and gone."""
    ticks, negotiation = case.facts.ticks, case.facts.negotiation
    negotiated = (negotiation.owner or case.facts.first_side) if negotiation else None
    chosen = case.what.item if case.what.chosen else None
    return (
        ticks.escalating
        or any(one.then == "both" for one in case.held)
        or negotiated == "12345"
        or ticks.belongs == "12345"
        or (
            chosen is not None
            and ticks.belongs != "110"
            and (chosen.scope == "12345" or (chosen.scope, chosen.first) == ("both", "12345"))
        )
    )


def _stability(case: _Case) -> _Outcome | None:
    if not case.facts.ticks.stability:
        return None
    reasons = [because("chain.stability", "stability=true"), *case.danger.reasons]
    complaint = _complains_now(case)
    if complaint:
        reasons.append(because("chain.complaint.ongoing"))
    ask = Ask("registered", complaint=complaint, fallback="14")
    return _Outcome("police-first", "110", "urgent", tuple(reasons), ask, confidential=True, item=case.what.item)


def _complains_now(case: _Case) -> bool:
    told = case.facts.ticks.police_complaint
    if told is not None:
        return told == "ongoing"
    if case.facts.ticks.belongs is not None or case.facts.negotiation is not None:
        return False
    return (
        (case.facts.ticks.police_class or "")[:2] == COMPLAINT
        or any(one.police_class[:2] == COMPLAINT for one in case.held)
        or (case.facts.verdict.route == "110" and case.facts.verdict.police_class[:2] == COMPLAINT)
    )


def _complaint(case: _Case) -> _Outcome | None:
    """A complaint about police. While it goes on, who ticked it can't give it to 12345 by tick or negotiation."""
    facts = case.facts
    if _complains_now(case):
        evidence = [one.text for one in facts.verdict.evidence if one.weighs == "for"]
        told = tuple(one.reason for one in case.held if one.police_class[:2] == COMPLAINT)
        ticked = f"police_complaint={facts.ticks.police_complaint}" if facts.ticks.police_complaint else ""
        reasons = (because("chain.complaint.ongoing", ticked, *evidence), *told, *case.danger.reasons)
        return _side(case, "110", reasons, Ask("registered", complaint=True, fallback=COMPLAINT), urgency="urgent")
    if facts.ticks.police_complaint == "past":
        rule = ownership.complaint_rule(case.catalog)
        reasons = (
            because("chain.complaint.past", "police_complaint=past", code=rule.code if rule else case.catalog.version),
            *case.danger.reasons,
        )
        item = next((found for code in rule.items if (found := case.catalog.item(code))), None) if rule else None
        outcome = _side(case, "12345", reasons, Ask("registered"))
        chosen = case.what.item if case.what.chosen else item or case.what.item
        return replace(outcome, guidance=rule.guidance if rule else "", item=chosen)
    return None


def _both_sides(case: _Case) -> _Outcome | None:
    """A boundary without hurry, or a dispute that police came to again and again; what people agreed or said goes before."""
    facts = case.facts
    if facts.negotiation is not None or facts.ticks.belongs is not None:
        return None
    calm = tuple(one for one in case.held if not one.urgent) if not facts.ticks.withdrawn else ()
    dispute = any(rule.triggers and rule.first == "12345" for rule in _rules_of(case))
    repeated = facts.ticks.repeat_disputes >= REPEATED and dispute
    if not calm and not repeated:
        return None
    reasons = tuple(one.reason for one in calm)
    if repeated:
        count = facts.ticks.repeat_disputes
        reasons = (because("chain.repeat", f"repeat_disputes={count}", count=count), *reasons)
    ticket = repeated or any(one.then == "both" for one in calm)
    ask = Ask("registered", fallback="12")
    return _Outcome(
        "police-first", "110", "urgent", (*reasons, *case.danger.reasons), ask, ticket, joint=ticket, item=case.what.item
    )


def _rules_of(case: _Case) -> list[Any]:
    item = case.what.item
    by_item = [rule for rule in case.catalog.rules.values() if item is not None and item.code in rule.items]
    return [*(one.rule for one in case.rules), *by_item]


def _negotiated(case: _Case) -> _Outcome | None:
    facts = case.facts
    if facts.negotiation is None:
        return None
    owner = facts.negotiation.owner
    if owner is not None:
        return _side(case, owner, (because("chain.negotiated", f"negotiation={owner}", whose=SIDES[owner]), *case.danger.reasons))
    first = facts.first_side
    reasons = (because("chain.first-receiver", f"first={facts.first_centre}", whose=SIDES[first]), *case.danger.reasons)
    return replace(_side(case, first, reasons), where="first-receiver")


def _owned(case: _Case) -> _Outcome:
    """Clearly one side's, nobody's, or unclear."""
    facts = case.facts
    found = ownership.of(facts, case.catalog, case.what, case.rules)
    reasons = (*case.danger.reasons, *found.reasons)
    if found.whose == "neither":
        guidance = found.guidance or min(case.catalog.guidance, default="")
        return _Outcome("guide", None, "normal", (because("chain.neither"), *reasons), guidance=guidance, item=case.what.item)
    if found.whose == "unclear":
        return _Outcome("three-way", None, "normal", (because("chain.unclear"), *reasons), item=case.what.item)
    return _side(case, found.whose, reasons)


def _side(
    case: _Case, owner: Side, reasons: tuple[Reason, ...], ask: Ask | None = None, *, urgency: Urgency = "normal"
) -> _Outcome:
    """The matter of a side, with that side's face."""
    facts = case.facts
    if owner == facts.side:
        told = because("chain.own")
    else:
        told = because(
            "chain.other-side.call" if facts.channel in CALLS else "chain.other-side.online", f"channel={facts.channel}"
        )
    order = (ask or Ask("registered", fallback="19")) if owner == "110" else None
    where: Where = "own" if owner == facts.side else "other-side"
    return _Outcome(where, owner, urgency, (*reasons, told), order, owner == "12345", item=_item_of(case, owner))


def _item_of(case: _Case, owner: Side) -> Item | None:
    """The chosen item; else the one suggested, if it can be that side's."""
    item = case.what.item
    if item is None or case.what.chosen or item.scope in (owner, "both"):
        return item
    return None


def _with_lines(case: _Case, outcome: _Outcome) -> _Outcome:
    """Where another line leads the police order is never missing, unless a person said that the matter is none of theirs."""
    facts = case.facts
    if outcome.order is not None:
        return outcome
    chosen = facts.ticks.police_class and facts.ticks.police_class[:2] != NOT_POLICE
    denied = (
        facts.ticks.danger is False
        or facts.ticks.withdrawn
        or facts.ticks.belongs in ("12345", "neither")
        or facts.negotiation is not None
    )
    leads = facts.verdict.route in LINES and not denied
    if not leads and not chosen:
        return outcome
    if outcome.where in ("guide", "three-way"):
        return _side(case, "110", outcome.reasons)
    return replace(outcome, order=Ask("registered", fallback="19"))


# --- plans


def _composed(outcome: _Outcome, case: _Case, units: Sequence[Unit], desks: Sequence[Desk]) -> Decision:
    facts, item = case.facts, outcome.item
    reasons = [*outcome.reasons, *case.what.reasons]
    order = ticket = None
    if outcome.order is not None:
        about = next((one for one in units if one.code == facts.ticks.complained_of), None)
        desk, told = units_.desk("110", facts, desks, keep_out=about if outcome.order.complaint else None)
        if outcome.where == "first-receiver":
            desk, told = _own_desk(facts, "110", desk, told, desks)
        order, why = orders.plan(outcome.order, facts, case.catalog, case.held, units, desk)
        reasons += [*why, told]
    if outcome.ticket:
        desk, told = units_.desk("12345", facts, desks)
        if outcome.where == "first-receiver":
            desk, told = _own_desk(facts, "12345", desk, told, desks)
        who = units_.handlers(facts, item, units, joint=outcome.joint, ordered=order is not None)
        ticket = TicketPlan(desk, item.code if item else None, who.lead, who.helpers)
        reasons += [told, *who.reasons]
    return Decision(
        where=outcome.where,
        owner=outcome.owner,
        item=item.code if item else None,
        kind=ownership.kind(facts, item),
        urgency=outcome.urgency,
        catalog_version=case.catalog.version,
        engine=facts.verdict.engine,
        reasons=tuple(dict.fromkeys(reasons)),
        order=order,
        ticket=ticket,
        handoff=_handoff(outcome, facts, order, ticket, desks),
        guidance=outcome.guidance,
        confidential=outcome.confidential,
        missing=_missing(facts, item, outcome),
    )


def _own_desk(facts: Facts, side: Side, desk: str, told: Reason, desks: Sequence[Desk]) -> tuple[str, Reason]:
    """The centre that first answered, or the one that has it in hand, if it is of that side."""
    here = {one.id for one in desks if one.side == side}
    if facts.first_side == side and facts.first_centre in here:
        return facts.first_centre, because("desk.default", desk=facts.first_centre)
    if facts.side == side and facts.centre in here:
        return facts.centre, because("desk.default", desk=facts.centre)
    return desk, told


def _handoff(
    outcome: _Outcome, facts: Facts, order: OrderPlan | None, ticket: TicketPlan | None, desks: Sequence[Desk]
) -> HandoffPlan | None:
    """The offer to the other side, as the table of this module says."""
    call = facts.channel in CALLS
    other: Side = "110" if facts.side == "12345" else "12345"
    if outcome.where in ("own", "guide") or (outcome.where == "first-receiver" and outcome.owner == facts.side):
        return None
    if outcome.where == "three-way":
        return HandoffPlan(units_.desk(other, facts, desks)[0], "three-way" if call else "online", False)
    if facts.side == "110" and outcome.where == "police-first":
        return HandoffPlan(ticket.desk, "online", False) if ticket else None
    face = order if other == "110" else ticket
    if face is None:
        return None
    dangerous = order is not None and order.state != "registered"
    if not call:
        return HandoffPlan(face.desk, "online", dangerous)
    holds_on = dangerous and order is not None and order.police_class in _SELF_HARM  # JC-13: nobody lets go of the caller
    return HandoffPlan(face.desk, "three-way" if holds_on else "one-key", dangerous)


def _missing(facts: Facts, item: Item | None, outcome: _Outcome) -> tuple[str, ...]:
    found = []
    if not facts.division:
        found.append("place")
    if item is None and outcome.where != "guide":
        found.append("item")
    if len(facts.words.strip()) < _FEW_WORDS:
        found.append("words")
    return tuple(found)


def _inputs(facts: Facts) -> Mapping[str, Any]:
    """The facts as plain data; of the words only where the classifier found something, of the place only the division."""
    verdict = facts.verdict.as_dict()
    verdict["evidence"] = [{key: one[key] for key in ("start", "end", "rule", "weighs")} for one in verdict["evidence"]]
    return {
        "city": facts.city,
        "side": facts.side,
        "centre": facts.centre,
        "first_side": facts.first_side,
        "first_centre": facts.first_centre,
        "channel": facts.channel,
        "division": facts.division,
        "ticks": asdict(facts.ticks),
        "negotiation": asdict(facts.negotiation) if facts.negotiation else None,
        "verdict": verdict,
    }
