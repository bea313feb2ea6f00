"""Keeps the room within pjlib's 64 handles: too many call set-ups at once end the process by an assertion.

Each set-up opens two sockets, and a closed one's handle is free again only half a second later. So the room counts set-ups: it
lets new ones of its own wait, and says Cleared (which brings the next caller) only when there is room for them.
"""

from __future__ import annotations

from collections import deque

KEPT = 0.6
"""Seconds for which a set-up counts: pjlib's 500 ms and a tick."""
MOST = 22
"""Set-ups in that time; with four living legs 52 of 64 handles, the rest is for INVITEs that nobody can put off."""
MOST_FOR_NEXT_CALL = 12


class Handles:
    def __init__(self) -> None:
        self._made: deque[float] = deque()

    def took(self, now: float) -> None:
        """A leg, or a leg's new port, was set up."""
        self._made.append(now)

    def allow(self, now: float, most: int = MOST) -> bool:
        while self._made and now - self._made[0] > KEPT:
            self._made.popleft()
        return len(self._made) < most
