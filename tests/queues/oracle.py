"""The board in plain Python, written from its promises and not from its scripts: what random histories are held against."""

from __future__ import annotations

import dataclasses
from typing import Literal

import msgspec

from telephony.machines import seat as machine
from telephony.queues import board, records


@dataclasses.dataclass
class Entry:
    waiting: records.Waiting
    number: int
    lease: float
    offer: str = ""
    told: str = ""
    told_at: float = 0

    @property
    def order(self) -> tuple[float, ...]:
        return (self.waiting.rank, self.waiting.since, self.number)


class Oracle:
    def __init__(self) -> None:
        self.rules = machine.Rules()
        self.now = 0.0
        self.seats: dict[str, machine.Seat] = {}
        self.entries: dict[str, Entry] = {}
        self.beat = 0.0
        self.arrivals = 0
        self.spans: list[machine.Span] = []

    # --- seats

    def _leases(self) -> bool:
        return self.now - self.beat <= board.OUTAGE

    def _settled(self, seat: str) -> machine.Seat:
        self._keep(machine.settle(self.seats[seat], self.now, leases=self._leases()))
        return self.seats[seat]

    def _keep(self, moved: machine.Moved) -> bool:
        self.seats[moved.seat.id] = moved.seat
        self.spans += moved.spans
        return moved.ok

    def seen(self, seat: str) -> machine.Seat:
        """As a reader sees it, who changes nothing."""
        return machine.settle(self.seats[seat], self.now, leases=False).seat

    def sign_in(self, seat: str, centre: str, groups: tuple[str, ...], priority: int, available: bool) -> None:
        if seat not in self.seats:
            self.seats[seat] = machine.Seat(
                id=seat, centre=centre, status_since=self.now, state_since=self.now, idle_since=self.now
            )
        known = self._settled(seat)
        self._keep(machine.define(known, groups=groups, priority=priority))
        self._keep(machine.sign_in(self.seats[seat], self.now, available=available, rules=self.rules))

    def sign_out(self, seat: str, why: str) -> None:
        if self._settled(seat).registered:
            self._keep(machine.sign_out(self.seats[seat], self.now, why))

    def set_status(self, seat: str, status: machine.Status, reason: str, until: float | None) -> None:
        self._keep(machine.set_status(self._settled(seat), self.now, status, reason, until))

    def claim(self, seat: str, owner: str, call: str, node: str, ttl: float, force: bool) -> bool:
        entry = self.entries.get(owner)
        known = self._settled(seat)
        other = self.live_offer(entry) if entry else ""
        if other not in ("", seat):
            return False
        done = self._keep(machine.claim(known, self.now, owner, call, node, ttl, force=force, rules=self.rules))
        if done and entry:
            entry.offer = seat
        return done

    def ringing(self, seat: str, owner: str, ttl: float) -> bool:
        return self._keep(machine.ring(self._settled(seat), self.now, owner, ttl))

    def talking(self, seat: str, owner: str, call: str, node: str) -> bool:
        return self._keep(machine.talk(self._settled(seat), self.now, owner, call, node, self.rules))

    def own_call(self, seat: str, owner: str, call: str, node: str) -> bool:
        before = self._settled(seat)
        done = self._keep(machine.busy_by_own_call(before, self.now, owner, call, node, self.rules))
        if done and before.state != "idle" and before.owner != owner:
            self._tried(seat, before.owner)
        return done

    def release(self, seat: str, owner: str, wrap_up_until: float | None, unreachable: bool) -> bool:
        before = self._settled(seat)
        done = self._keep(machine.release(before, self.now, owner, wrap_up_until, unreachable))
        if done and before.state != "talking":
            self._tried(seat, owner)
        return done

    def _tried(self, seat: str, attempt: str) -> None:
        entry = self.entries.get(attempt)
        if entry and seat not in entry.waiting.exclude:
            entry.waiting = msgspec.structs.replace(entry.waiting, exclude=(*entry.waiting.exclude, seat))
            entry.offer = ""

    # --- helping

    def join(self, seat: str, wanted: machine.Help) -> bool:
        return self._keep(machine.join(self._settled(seat), wanted))

    def withdraw(self, seat: str, centre: str) -> None:
        """Whoever holds the seat keeps it, though the seat serves that centre no more."""
        known = self._settled(seat)
        entry = self.entries.get(known.owner)
        if known.helping(centre) and entry:
            entry.offer = seat
        self._keep(machine.withdraw(known, centre))

    def _at(self, centre: str) -> list[str]:
        """Seats that a centre looks at: its own and those that help it."""
        return [s.id for s in self.seats.values() if s.centre == centre or s.helping(centre)]

    # --- waiting

    def live_offer(self, entry: Entry) -> str:
        for seat in {*self._at(entry.waiting.centre), *([entry.offer] if entry.offer else [])}:
            settled = machine.settle(self.seats[seat], self.now, leases=self._leases()).seat
            if settled.owner == entry.waiting.id:
                return seat
        return ""

    def _entries(self, centre: str) -> list[Entry]:
        return sorted((e for e in self.entries.values() if e.waiting.centre == centre), key=lambda e: e.order)

    def enqueue(self, waiting: records.Waiting, head: bool) -> None:
        old = self.entries.get(waiting.id)
        if head:
            ranks = [e.waiting.rank - 1 for e in self._entries(waiting.centre) if e is not old]
            waiting = msgspec.structs.replace(waiting, rank=min([waiting.rank, *ranks]))
        if old is None:
            self.arrivals += 1
        elif old.waiting.centre != waiting.centre:
            old.offer = self.live_offer(old)
        self.entries[waiting.id] = Entry(
            waiting,
            old.number if old else self.arrivals,
            self.now + self.rules.lease,
            old.offer if old else "",
        )

    def leave(self, attempt: str) -> bool:
        return self.entries.pop(attempt, None) is not None

    def waiting(self, centre: str) -> list[tuple[str, str]]:
        return [(e.waiting.id, self.live_offer(e)) for e in self._entries(centre)]

    def match(self, centre: str, ttl: float, node: str) -> tuple[list[tuple[str, str, int, str]], list[tuple[str, str]]]:
        """Offers (attempt, seat, step, home of a helper) and the hopeless (attempt, why)."""
        for seat in self._at(centre):
            self._settled(seat)
        if self._leases():
            self.entries = {k: e for k, e in self.entries.items() if e.lease > self.now or e.waiting.centre != centre}
        offers: list[tuple[str, str, int, str]] = []
        hopeless: list[tuple[str, str]] = []
        taken: set[str] = set()
        for entry in self._entries(centre):
            if self.live_offer(entry):
                continue
            w = entry.waiting
            own = node in ("", w.node)
            entry.offer = "" if own else entry.offer
            best = self._best(w, taken)
            if best is not None:
                taken.add(best[0])
                if own:
                    helps = self.seats[best[0]].helping(centre)
                    self._keep(machine.reserve(self.seats[best[0]], self.now, w.id, w.call, w.node, ttl))
                    offers.append((w.id, *best, helps.home if helps else ""))
            why = "" if best else self._why(w)
            if own and why and (entry.told != why or self.now >= entry.told_at + board.REMIND):
                entry.told, entry.told_at = why, self.now
                hopeless.append((w.id, why))
            elif own and not why:
                entry.told = ""
        return offers, hopeless

    def _members(self, step: records.Step, centre: str) -> list[machine.Seat]:
        return [s for s in self.seats.values() if s.signed_in and set(s.serves(centre)) & set(step.groups)]

    def _untried(self, w: records.Waiting, step: records.Step) -> list[machine.Seat]:
        """Those who might still answer: their phones are there, and this attempt has not rung them."""
        here = [s for s in self._members(step, w.centre) if not s.skipped(self.now, self.rules)]
        return [s for s in here if s.id not in w.exclude]

    def _best(self, w: records.Waiting, taken: set[str]) -> tuple[str, int] | None:
        candidates = []
        opens = w.since
        for i, step in enumerate(w.steps):
            if i and opens > self.now:
                break
            for seat in self._members(step, w.centre):
                tried = seat.id in w.exclude
                rested = seat.state_since + self.rules.rest <= self.now
                if seat.id in taken or not seat.free or seat.skipped(self.now, self.rules):
                    continue
                if tried and not (w.again and rested):
                    continue
                marked = seat.unreachable_at is not None
                candidates.append(((tried, marked, i, seat.priority, seat.idle_since, seat.id), seat.id, i))
            if self._untried(w, step):
                opens += step.wait
        return min(candidates)[1:] if candidates else None

    def _why(self, w: records.Waiting) -> Literal["", "no_seats", "tried"]:
        if not any(self._members(step, w.centre) for step in w.steps):
            return "no_seats"
        if not w.again and not any(self._untried(w, step) for step in w.steps):
            return "tried"
        return ""

    # --- nodes

    def renew(self, node: str, calls: set[str]) -> None:
        late = not self._leases()
        till = self.now + self.rules.lease
        for seat in list(self.seats.values()):
            mine = seat.node == node and seat.call in calls
            if seat.state == "talking" and (mine or (late and seat.expires is not None and seat.expires < till)):
                self._keep(machine.renew(seat, self.now, self.rules))
        for entry in self.entries.values():
            if (entry.waiting.node == node and entry.waiting.call in calls) or (late and entry.lease < till):
                entry.lease = till
        self.beat = self.now

    def reset_node(self, node: str) -> None:
        for seat in list(self.seats):
            if self._settled(seat).node == node:
                self._keep(machine.free(self.seats[seat], self.now))
        self.entries = {k: e for k, e in self.entries.items() if e.waiting.node != node}

    def sweep(self) -> None:
        for seat in self.seats:
            self._settled(seat)
        if self._leases():
            self.entries = {k: e for k, e in self.entries.items() if e.lease > self.now}
        for entry in self.entries.values():
            entry.offer = self.live_offer(entry)
