"""Is a leg's phone still there? Silence on the wire is asked about; a phone that answers neither by audio nor by SIP is lost."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

LOOK = 0.25
"""Seconds between looks."""
QUIET = 0.75
"""So long (seconds) nothing may come before the phone is asked: voice activity detection may keep a living one silent."""
HELD_QUIET = 10.0
"""The same for a phone that has put us on hold and need not send."""
UNANSWERED = 0.4
"""A question without an answer for so long: the leg counts as stalled."""
LOST = 4.0
"""Without an answer for so long: it is given up."""
AGAIN = 5.0
"""A silent phone that has answered is asked again after so long."""

Verdict = Literal["", "ask", "stalled", "back", "lost"]


@dataclass(slots=True)
class Pulse:
    """One leg's signs of life. Pure: time and counts are passed in."""

    heard_at: float
    packets: int = -1
    asked_at: float | None = field(default=None)
    """When the question was put that has had no answer yet."""
    answered_at: float = -math.inf
    stalled: bool = False

    def look(self, packets: int, held: bool, now: float) -> Verdict:
        """Take note of the packets received so far (a count that only grows, or begins anew with new media)."""
        if packets != self.packets:
            self.packets = packets
            self.heard_at = now
            return self._alive()
        if self.asked_at is None:
            patience = HELD_QUIET if held else QUIET
            if now - self.heard_at >= patience and now - self.answered_at >= AGAIN:
                self.asked_at = now
                return "ask"
            return ""
        waited = now - self.asked_at
        if waited >= LOST:
            return "lost"
        if waited >= UNANSWERED and not self.stalled:
            self.stalled = True
            return "stalled"
        return ""

    def answered(self, now: float) -> Verdict:
        """The phone has answered, whatever it said."""
        self.answered_at = now
        return self._alive()

    def _alive(self) -> Verdict:
        self.asked_at = None
        was, self.stalled = self.stalled, False
        return "back" if was else ""
