"""Pages that wait for a line (待呼队列): urgent ones before others, and among equals the earlier first. Pure."""

from __future__ import annotations

from telephony import contract


class PageLine:
    """Pages by their ids, in the order in which they are to be made."""

    def __init__(self) -> None:
        self._urgent: dict[str, contract.Page] = {}
        self._ordinary: dict[str, contract.Page] = {}

    def __len__(self) -> int:
        return len(self._urgent) + len(self._ordinary)

    def add(self, page: contract.Page) -> None:
        """Put a page at the end of its kind; one that waits already keeps its place."""
        (self._urgent if page.urgent else self._ordinary).setdefault(page.id, page)

    def take(self) -> contract.Page | None:
        """The page whose turn it is, which waits no more; None if none does."""
        line = self._urgent or self._ordinary
        return line.pop(next(iter(line))) if line else None

    def drop(self, page: str) -> contract.Page | None:
        """Take a page out of the line by its id; None if it does not wait."""
        return self._urgent.pop(page, None) or self._ordinary.pop(page, None)
