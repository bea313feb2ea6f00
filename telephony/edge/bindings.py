"""Where seats' phones are: contacts with the address and connection they registered from. Pure: time is passed in.

A seat may have several contacts on file; the one that came last is rung (no forking)."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass

from telephony.edge import uri
from telephony.edge.flow import Flow

MOST_CONTACTS = 8
"""Of one seat; the oldest goes when one more comes."""


@dataclass(slots=True)
class Binding:
    seat: str
    contact: str
    """The Contact URI as the phone gave it: request URI of calls to it."""
    flow: Flow
    """Where it really is: the REGISTER's source."""
    path: tuple[str, ...]
    """Path values (RFC 3327), the Route set of requests to it."""
    expires: float
    """Moment on the clock."""
    call_id: str
    cseq: int
    instance: str
    order: int
    """Rises with each new contact."""


class Bindings:
    def __init__(self) -> None:
        self._seats: dict[str, dict[str, Binding]] = {}
        self._hosts: Counter[str] = Counter()
        self._orders = itertools.count(1)
        self.changes = 0
        """Rises with every change."""

    def live_at(self, host: str) -> bool:
        """Whether any seat is registered from this address."""
        return self._hosts[host] > 0

    def of(self, seat: str) -> list[Binding]:
        """All contacts of a seat, the newest first."""
        return sorted(self._seats.get(seat, {}).values(), key=lambda binding: -binding.order)

    def newest(self, seat: str) -> Binding | None:
        found = self._seats.get(seat)
        if not found:
            return None
        if len(found) == 1:
            return next(iter(found.values()))
        return max(found.values(), key=lambda binding: binding.order)

    def find(self, seat: str, contact: str) -> Binding | None:
        """The binding of this very contact."""
        return self._seats.get(seat, {}).get(contact_key(contact))

    def seats(self) -> list[str]:
        return list(self._seats)

    def all(self) -> list[Binding]:
        return [binding for found in self._seats.values() for binding in found.values()]

    def put(self, binding: Binding) -> None:
        """Add or refresh a contact. A refresh keeps its rank; the same instance (RFC 5626 4.1) replaces its old contact."""
        self.changes += 1
        found = self._seats.setdefault(binding.seat, {})
        key = contact_key(binding.contact)
        old = found.pop(key, None)
        if old is not None and old.flow == binding.flow:
            binding.order = old.order
        else:
            binding.order = next(self._orders)
        if old is not None:
            self._hosts[old.flow.host] -= 1
        for other in [b for b in found.values() if binding.instance and b.instance == binding.instance]:
            self._drop(other)
        found = self._seats.setdefault(binding.seat, found)
        found[key] = binding
        self._hosts[binding.flow.host] += 1
        while len(found) > MOST_CONTACTS:
            self._drop(min(found.values(), key=lambda b: b.order))

    def remove(self, seat: str, contact: str | None = None) -> None:
        """Take away one contact, or all of a seat."""
        for binding in self.of(seat):
            if contact is None or contact_key(binding.contact) == contact_key(contact):
                self._drop(binding)

    def expired(self, now: float) -> list[Binding]:
        """Take away and return what has run out."""
        gone = [binding for binding in self.all() if binding.expires <= now]
        for binding in gone:
            self._drop(binding)
        return gone

    def connection_lost(self, conn: int) -> list[Binding]:
        """Take away and return what was reached by this connection (RFC 5626 5.3)."""
        gone = [binding for binding in self.all() if binding.flow.conn == conn]
        for binding in gone:
            self._drop(binding)
        return gone

    def _drop(self, binding: Binding) -> None:
        self.changes += 1
        found = self._seats.get(binding.seat, {})
        if found.pop(contact_key(binding.contact), None) is not None:
            self._hosts[binding.flow.host] -= 1
            if self._hosts[binding.flow.host] <= 0:
                del self._hosts[binding.flow.host]
        if not found:
            self._seats.pop(binding.seat, None)


def contact_key(contact: str) -> str:
    """What makes two Contact URIs one (RFC 3261 19.1.4, by the parts that matter for reaching a phone)."""
    parsed = uri.parse(contact)
    if parsed is None:
        return contact
    return f"{parsed.scheme}:{parsed.user}@{parsed.host}:{parsed.port or 0};{parsed.transport}"
