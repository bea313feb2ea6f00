"""What the decision chain is given, and what it returns. Plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from classifier.verdict import Verdict

Where = Literal["police-first", "other-side", "own", "three-way", "first-receiver", "guide"]
"""police-first 先行派警 · other-side 一键转接/在线转交 · own 本平台受理 · three-way 三方通话后协商 · first-receiver 首接受理 ·
guide 引导解释."""
Side = Literal["12345", "110"]
Urgency = Literal["normal", "urgent", "danger"]


@dataclass(frozen=True, slots=True)
class Unit:
    """An agency as far as allocation needs it."""

    code: str
    kind: str
    divisions: tuple[str, ...]
    level: str
    """department | township | front-line | police."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A centre as far as allocation needs it."""

    id: str
    side: Side
    divisions: tuple[str, ...]
    default: bool


@dataclass(frozen=True, slots=True)
class Ticks:
    """What a person (or a peer system) ticked or chose. None: said nothing about it."""

    danger: bool | None = None
    """Life or property is in danger (危及人身财产公共安全)."""
    danger_by: Literal["person", "peer"] = "person"
    item: str | None = None
    kind: str | None = None
    agency: str | None = None
    """A unit chosen by hand, also a township or front-line unit."""
    belongs: Literal["12345", "110", "unclear", "neither"] | None = None
    stability: bool = False
    """A clue about social stability (影响社会稳定线索): to 110 at once."""
    police_complaint: Literal["ongoing", "past"] | None = None
    complained_of: str | None = None
    """Police unit that the complaint is about."""
    police_class: str | None = None
    escalating: bool = False
    """A dispute that may turn violent (D1): police first, and 12345's part to 12345."""
    repeat_disputes: int = 0
    """Police orders about the same dispute so far."""
    withdrawn: bool = False
    """A dispatcher looked at the words and withdrew, with a reason, the order that they asked for: they ask for no other.
    What a person or a peer says of danger holds all the same."""


@dataclass(frozen=True, slots=True)
class Negotiation:
    """How the two sides' negotiation ended."""

    owner: Side | None
    """None: they could not agree."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision is made on."""

    city: str
    side: Side
    """Side that has the matter in hand."""
    centre: str
    first_side: Side
    """Side that first answered the caller (首接)."""
    first_centre: str
    channel: str
    words: str
    division: str | None
    verdict: Verdict
    ticks: Ticks = field(default_factory=Ticks)
    negotiation: Negotiation | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a rule that held, what it rests on, and the evidence."""

    rule: str
    """Stable name, e.g. ``chain.danger.person``."""
    text: str
    """In Chinese, as an operator reads it."""
    basis: str
    """Clause of the policy, or code of catalog item, class or rule."""
    evidence: tuple[str, ...] = ()
    """Words of the caller, ticks, or the classifier's evidence."""


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """The police order that must exist."""

    state: Literal["dispatched", "awaiting-confirmation", "registered"]
    """``registered``: 110 decides whether somebody sets out (no danger named)."""
    kind: Literal["dispatch", "assist", "inform", "complaint"]
    police_class: str
    lead: Literal["110", "119", "120", "122"]
    services: tuple[str, ...]
    desk: str
    danger_by: Literal["person", "peer", "classifier"] | None = None
    unit: str | None = None
    complained_of: str | None = None


@dataclass(frozen=True, slots=True)
class TicketPlan:
    """The ticket that must exist. ``agency`` None: a person chooses."""

    desk: str
    item: str | None
    agency: str | None
    helpers: tuple[str, ...] = ()
    """Other agencies of a joint handling."""


@dataclass(frozen=True, slots=True)
class HandoffPlan:
    """The offer to the other side."""

    to_desk: str
    mode: Literal["one-key", "three-way", "online"]
    dangerous: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a matter belongs, and why."""

    where: Where
    owner: Side | None
    """Side that accepts; None while it is negotiated or when it is nobody's."""
    item: str | None
    kind: str | None
    urgency: Urgency
    catalog_version: str
    engine: str
    reasons: tuple[Reason, ...]
    order: OrderPlan | None = None
    ticket: TicketPlan | None = None
    handoff: HandoffPlan | None = None
    guidance: str = ""
    """Code of the standard answer."""
    confidential: bool = False
    missing: tuple[str, ...] = ()
    """What would make the decision surer: ``place``, ``item``, ``words``."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """Facts as plain data, without words and place."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)
