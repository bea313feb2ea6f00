"""The catalog's parts as plain records. Pure; :mod:`router.catalog.plain` reads and writes them as plain data."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

Scope = Literal["12345", "110", "both", "neither"]
Kind = Literal["consult", "help", "complaint", "report", "suggestion"]
KINDS: dict[Kind, str] = {"consult": "咨询", "help": "求助", "complaint": "投诉", "report": "举报", "suggestion": "建议"}


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit: an amount of ``minutes`` (clock time), ``working-hours`` or ``working-days``."""

    amount: int
    unit: Literal["minutes", "working-hours", "working-days"]


@dataclass(frozen=True, slots=True)
class Boundary:
    """A fact that makes an item 110's first, or both sides' (边界)."""

    fact: str
    """In words, as an operator reads it."""
    triggers: tuple[str, ...] = ()
    """Words of a caller that mean it."""
    then: Literal["police-first", "both"] = "police-first"
    services: tuple[str, ...] = ("110",)
    """Lines that should set out, e.g. 110, 119, 120, utility."""
    police_class: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the list (事项)."""

    code: str
    name: str
    scope: Scope
    field: str
    """经济调节 | 市场监管 | 社会管理 | 公共服务 | 生态环境保护; empty for the police's."""
    kinds: tuple[Kind, ...]
    agencies: tuple[str, ...]
    """Types of agency, the leading one first."""
    deadline: Limit
    urgent_deadline: Limit | None = None
    boundaries: tuple[Boundary, ...] = ()
    answer: str = ""
    """Standard answer (标准答复) or where to turn to."""
    first: Literal["12345", "110", "first-receiver"] = "12345"
    """Whose it is by default; ``first-receiver``: whoever it reaches first."""
    other_side: str = ""
    """Its place on the other side's list: code or words."""
    words: tuple[str, ...] = ()
    """Words by which callers name it."""
    direct: bool = False
    """May go straight to a township or front-line unit (直转一线)."""
    replaced_by: str = ""
    """Code that took the place of a retired one."""
    guidance: str = ""
    """Standard answer of an item that is neither side's: a code of :attr:`Catalog.guidance`."""


@dataclass(frozen=True, slots=True)
class PoliceClass:
    """A class of police orders (警情类别); a code of two digits, or four for what lies below."""

    code: str
    name: str
    urgent: bool
    lead: Literal["110", "119", "120", "122"] = "110"
    kind: Literal["dispatch", "assist", "inform", "complaint"] = "dispatch"
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CrossRule:
    """How a kind of matter that touches both sides is told apart (交叉事项判定)."""

    code: str
    name: str
    words: tuple[str, ...]
    """A matter is of this kind if one of these is said."""
    first: Literal["12345", "110", "guide"]
    """Whose it is while none of the triggers is said."""
    items: tuple[str, ...] = ()
    """Items of the catalog it usually is."""
    triggers: tuple[str, ...] = ()
    """What makes 110 send police first."""
    always: bool = False
    """110 first whatever else is said."""
    police_class: str = ""
    services: tuple[str, ...] = ("110",)
    basis: str = ""
    """Source of the rule."""
    guidance: str = ""
    """What is said where nobody is sent: a code of :attr:`Catalog.guidance`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that hold for all items."""

    accept: Limit
    """A handoff is accepted or returned within this."""
    sign: Limit
    sign_urgent: Limit
    police_sign: Limit
    confirm: Limit
    """An order awaiting confirmation climbs after this."""
    feedback: Limit
    answer: Limit
    """Of a supervision order."""
    remind_share: float = 0.8
    """Share of a limit after which its owner is reminded."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """One version of one city's catalog; equal content is equal."""

    version: str
    """``<city>-<serial>``."""
    city: str
    effective_at: dt.datetime
    items: dict[str, Item]
    classes: dict[str, PoliceClass]
    rules: dict[str, CrossRule]
    limits: Limits
    guidance: dict[str, str]
    """Standard answers for matters that are nobody's (引导解释): code to text."""
    agency_kinds: dict[str, str] = field(default_factory=dict)
    """Kinds of agency that items may name: kind to what it is."""

    def item(self, code: str | None) -> Item | None:
        """The item of a code; a retired code leads to the one that took its place."""
        found = self.items.get(code or "")
        while found is not None and found.replaced_by:
            found = self.items.get(found.replaced_by)
        return found
