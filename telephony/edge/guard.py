"""Keeps strangers from wearing the door out: rates, bans and counts. Pure: time is passed in.

A ban is on a user at an address, never on the address alone, and never at an address that seats are registered from or that
is a trunk's: nobody can cut off a room full of operators by failing beside them."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable

from config.model import Limits

_REMEMBERED = 20000
"""Addresses and users kept at most; the longest quiet is forgotten first."""
WINDOW = 600.0
"""Seconds after which a failure is forgiven."""


class Guard:
    """``exempt`` tells whether an address has live registrations or belongs to a trunk."""

    def __init__(self, limits: Limits, exempt: Callable[[str], bool]) -> None:
        self._limits = limits
        self._exempt = exempt
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._failures: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self._bans: dict[tuple[str, str], float] = {}
        self.counts: Counter[str] = Counter()
        """What was turned away, by kind: ``malformed``, ``flood``, ``banned``, ``stranger``, ``relay``…"""

    def admits(self, address: str, now: float) -> bool:
        """Whether one more request of this address is within its rate (a token bucket of two seconds' worth)."""
        if self._exempt(address):
            return True
        rate = float(self._limits.requests_per_second)
        tokens, since = self._buckets.pop(address, (2 * rate, now))
        tokens = min(2 * rate, tokens + (now - since) * rate)
        allowed = tokens >= 1
        self._buckets[address] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        if not allowed:
            self.counts["flood"] += 1
        return allowed

    def failed(self, address: str, user: str, now: float) -> bool:
        """Note wrong credentials; True if this was the one too many and the user is banned at this address now."""
        self.counts["wrong_secret"] += 1
        key = (address, user)
        recent = [at for at in self._failures.pop(key, []) if now - at < WINDOW]
        recent.append(now)
        self._failures[key] = recent
        if len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)
        if len(recent) < self._limits.failures_to_ban or self._exempt(address):
            return False
        self._bans[key] = now + self._limits.ban_seconds
        del self._failures[key]
        return True

    def succeeded(self, address: str, user: str) -> None:
        self._failures.pop((address, user), None)

    def banned(self, address: str, user: str, now: float) -> bool:
        until = self._bans.get((address, user))
        if until is None or self._exempt(address):
            return False
        if until <= now:
            del self._bans[(address, user)]
            return False
        self.counts["banned"] += 1
        return True

    def sweep(self, now: float) -> None:
        """Forget bans that have run out."""
        for key in [key for key, until in self._bans.items() if until <= now]:
            del self._bans[key]
