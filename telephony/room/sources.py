"""Where a leg's audio comes from, looked at about once a second: a stranger's packets must not capture a call (RTP bleed)."""

from __future__ import annotations

from dataclasses import dataclass

SETTLING = 3.0
"""Seconds after a leg's start or a re-INVITE in which a new source is taken silently (NAT)."""


@dataclass(slots=True)
class Source:
    """The accepted source of one leg. ``negotiated``: the address in the far end's SDP."""

    negotiated: str
    started: float
    accepted: str = ""

    def renegotiated(self, negotiated: str, now: float) -> None:
        self.negotiated, self.started = negotiated, now

    def seen(self, address: str, now: float) -> tuple[str, str] | None:
        """Take note of the present source; (was, now) if it has moved where it must not be followed."""
        if not address or address == self.accepted:
            return None
        if address == self.negotiated or now - self.started < SETTLING:
            self.accepted = address
            return None
        return self.accepted or self.negotiated, address
