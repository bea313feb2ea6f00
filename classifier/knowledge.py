"""What an engine knows of the catalog: items, rules and police classes as plain records. No I/O.

The caller (``router.catalog``) hands it in, so that the classifier knows words and nothing of the catalog's storage.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownItem:
    """An item of the list (事项) and the words by which callers name it."""

    code: str
    name: str
    words: tuple[str, ...] = ()
    nobody: bool = False
    """Neither side takes it (引导解释)."""
    agencies: tuple[str, ...] = ()
    """Kinds of agencies that handle it, the leading one first."""


@dataclass(frozen=True, slots=True)
class KnownRule:
    """A kind of matter that touches both sides (交叉事项) and the items it usually is."""

    code: str
    words: tuple[str, ...]
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownClass:
    """A class of police orders (警情类别): two digits, or four for what lies below."""

    code: str
    name: str
    words: tuple[str, ...] = ()
    urgent: bool = False
    lead: str = "110"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """One version of a catalog, as far as words go."""

    items: tuple[KnownItem, ...] = ()
    rules: tuple[KnownRule, ...] = ()
    classes: tuple[KnownClass, ...] = ()
    version: str = ""
