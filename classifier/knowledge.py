"""What an engine must know of a catalog: which items and classes it has, and who handles an item. No I/O.

The caller (``router.catalog``) hands it in, so that the classifier knows words and nothing of the catalog's storage.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownItem:
    """An item of the list (事项)."""

    code: str
    agencies: tuple[str, ...] = ()
    """Kinds of agencies that handle it, the leading one first."""
    formerly: tuple[str, ...] = ()
    """Retired codes whose place it took: a model may know it by these."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """One version of a catalog."""

    items: tuple[KnownItem, ...] = ()
    classes: tuple[str, ...] = ()
    """Codes of the classes of police orders (警情类别): two digits, or four for what lies below."""
    version: str = ""
