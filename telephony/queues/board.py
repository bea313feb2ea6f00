"""The board: seats and waiting calls of an installation, shared by all nodes. For Twisted coroutines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from redis.asyncio import Redis

from telephony import aio
from telephony.machines import seat as machine
from telephony.queues import changes, errors, records, scripts, wire

REMIND = 20.0
"""Seconds after which a hopeless attempt is told again."""
OUTAGE = 12.0
"""No node has renewed for so many seconds: Redis was away, so leases don't count until one does."""

_rounds = msgspec.json.Decoder(wire.RoundRow)
_outcomes = msgspec.json.Decoder(wire.DoneRow)
_queues = msgspec.json.Decoder(list[wire.WaitingRow])
_renewals = msgspec.json.Decoder(records.Renewal)
_seats = msgspec.json.Decoder(wire.SeatRow)


class Board:
    """All methods are Twisted coroutines and atomic. They raise :class:`errors.BoardUnavailable` when Redis can't be used.

    ``client``: see :func:`telephony.queues.scripts.connect`. ``prefix`` begins every key and has a hash tag, e.g.
    ``{hotline}``, so that all keys of one installation are in one slot of a cluster. ``clock`` gives seconds; the clocks of all
    nodes must agree. What a method tells in ``changes`` is told nowhere else: make events of it.

    The life of a seat in a call: :meth:`match` (or :meth:`claim`) → :meth:`ringing` → :meth:`talking` and
    :meth:`leave` → :meth:`release`. Every few seconds: :meth:`renew`, then :meth:`sweep`.
    """

    def __init__(
        self,
        client: Redis,
        prefix: str,
        clock: Callable[[], float],
        rules: machine.Rules | None = None,
    ) -> None:
        if not re.search(r"\{[^{}]+\}", prefix):
            raise ValueError(f"the key prefix {prefix!r} needs a hash tag in braces, e.g. {{hotline}}")
        self._client = client
        self.prefix = prefix
        self._clock = clock
        self.rules = rules or machine.Rules()
        self._rules = {
            "skip": wire.millis(self.rules.skip),
            "rest": wire.millis(self.rules.rest),
            "lease": wire.millis(self.rules.lease),
            "remember": wire.millis(self.rules.remember),
            "remind": wire.millis(REMIND),
            "gap": wire.millis(OUTAGE),
        }
        self._scripts = scripts.Scripts(client, prefix)

    async def _run(self, script: str, **arguments: Any) -> bytes | str:
        arguments["now"] = wire.millis(self._clock())
        arguments["rules"] = self._rules
        reply: bytes | str = await aio.wait(self._scripts.run(script, arguments))
        return reply

    async def _do(self, script: str, **arguments: Any) -> records.Outcome:
        return _outcomes.decode(await self._run(script, **arguments)).outcome()

    # --- seats

    async def define(self, seat: str, centre: str, groups: Iterable[str], priority: int = 0) -> records.Outcome:
        """Make a seat of the configuration known (off, without a phone), or take over what changed in it."""
        return await self._do("defined", seat=seat, centre=centre, groups=wire.joined(groups), priority=priority)

    async def forget(self, seat: str) -> records.Outcome:
        """The configuration has this seat no more."""
        return await self._do("forget", seat=seat)

    async def sign_in(
        self, seat: str, centre: str, groups: Iterable[str], priority: int = 0, available: bool = True
    ) -> records.Outcome:
        """A seat's phone registered, or its contact changed. A seat that was off becomes available, if ``available``; after
        a short loss of its phone it is what it was before (paused, in wrap-up)."""
        return await self._do(
            "sign_in", seat=seat, centre=centre, groups=wire.joined(groups), priority=priority, available=available
        )

    async def sign_out(self, seat: str, why: str) -> records.Outcome:
        """A seat's phone is gone: ``unregistered``, ``expired`` or ``connection lost``. A call it has goes on."""
        return await self._do("sign_out", seat=seat, why=why)

    async def set_status(
        self, seat: str, status: machine.Status, reason: str = "", until: float | None = None
    ) -> records.Outcome:
        """What the person wants, at once, during a call too. ``available`` ends a wrap-up. ``until``: end of a wrap-up; None:
        by hand. Raise :class:`errors.UnknownSeat`."""
        if status == "wrap-up" and until is not None and until <= self._clock():
            status, reason = "available", ""
        outcome = await self._do("set_status", seat=seat, status=status, reason=reason, till=wire.millis(until) if until else 0)
        if outcome.why == "unknown":
            raise errors.UnknownSeat(f"there is no seat {seat} on the board: define it first", seat)
        return outcome

    async def join(self, seat: str, centre: str, groups: Iterable[str], home: str, exclusive: bool = False) -> records.Outcome:
        """Offer a seat the calls of these groups of another centre as well; with ``exclusive`` no more those of its own.
        ``home``: where it is, told with each offer. Kept until :meth:`withdraw` or :meth:`forget`. Not done: ``unknown``, or
        ``own`` (it is this centre's). Raise ``ValueError`` without a group or a home."""
        joined = wire.joined(groups)
        if not joined or not home:
            raise ValueError(f"seat {seat} can't help {centre} without a group and a home: give both")
        return await self._do("join", seat=seat, centre=centre, groups=joined, home=home, exclusive=exclusive)

    async def withdraw(self, seat: str, centre: str) -> records.Outcome:
        """Offer a seat no more calls of a centre that it helps; what holds it goes on. Done too if it did not help. Not done:
        ``unknown``."""
        return await self._do("withdraw", seat=seat, centre=centre)

    async def seats(self, centre: str | None = None) -> list[machine.Seat]:
        """Seats of a centre (``""``: those without one) or of all, by id, as they are now."""
        now = self._clock()
        found: list[machine.Seat] = []
        for name in [centre] if centre is not None else await self.centres():
            rows = await aio.wait(scripts.guarded(self._client.hvals(f"{self.prefix}:seats:{name}")))
            found += [machine.settle(_seats.decode(row).seat(), now, leases=False).seat for row in rows]
        return sorted(found, key=lambda seat: seat.id)

    async def seat(self, seat: str) -> machine.Seat | None:
        centre = _text(await aio.wait(scripts.guarded(self._client.hget(f"{self.prefix}:seat-centre", seat))))
        if centre is None:
            return None
        row = await aio.wait(scripts.guarded(self._client.hget(f"{self.prefix}:seats:{centre}", seat)))
        if row is None:
            return None
        return machine.settle(_seats.decode(row).seat(), self._clock(), leases=False).seat

    async def centres(self) -> list[str]:
        """All centres that ever had a seat or a waiting call here."""
        names = await aio.wait(scripts.guarded(self._client.smembers(f"{self.prefix}:centres")))
        return sorted(_text(name) or "" for name in names)

    # --- one seat and one call

    async def claim(
        self,
        seat: str,
        owner: str,
        centre: str | None = None,
        *,
        call: str = "",
        node: str = "",
        force: bool = False,
        ttl: float = 30,
    ) -> records.Outcome:
        """Hold a named seat for ``owner`` (an attempt, waiting or not) for ``ttl`` seconds: a transfer to it, a pick by hand,
        a supervisor. ``force``: also when it is paused, in wrap-up, off by choice or marked unreachable. Repeating it does
        no harm. Not done: ``busy``, ``paused``, ``off``, ``unreachable``, or ``offered`` (the attempt holds another)."""
        return await self._do(
            "claim",
            seat=seat,
            owner=owner,
            centre=centre or "",
            call=call,
            node=node,
            force=force,
            ttl=wire.millis(ttl),
        )

    async def ringing(self, seat: str, owner: str, ttl: float = 60) -> records.Outcome:
        """The phone rings; the seat is held for ``ttl`` seconds more. Not done: ``owner`` holds it no longer."""
        return await self._do("ringing", seat=seat, owner=owner, ttl=wire.millis(ttl))

    async def talking(self, seat: str, owner: str, call: str, node: str) -> records.Outcome:
        """The phone was answered. Held from now on by a lease that :meth:`renew` extends. Done too if the reservation had run
        out and nobody took the seat; else not done, ``owner``: somebody else holds it."""
        return await self._do("talking", seat=seat, owner=owner, call=call, node=node, own=False)

    async def busy_by_own_call(self, seat: str, owner: str, call: str, node: str) -> records.Outcome:
        """The seat dials out. Whoever had reserved or rung it has lost it. Not done, ``busy``: it is in a talk already."""
        return await self._do("talking", seat=seat, owner=owner, call=call, node=node, own=True)

    async def release(
        self, seat: str, owner: str, wrap_up_until: float | None = None, unreachable: bool = False
    ) -> records.Outcome:
        """Free the seat. Not done, ``owner``: it was not held by ``owner`` any more, and nothing has changed. An attempt whose
        seat is released unanswered goes on waiting and tries this seat last."""
        return await self._do(
            "release",
            seat=seat,
            owner=owner,
            wrap_until=wire.millis(wrap_up_until) if wrap_up_until else 0,
            unreachable=unreachable,
        )

    # --- waiting

    async def enqueue(self, waiting: records.Waiting) -> records.Outcome:
        """Put an attempt among the waiting. One that waits already is changed; its place among equals and a seat that is held for
        it stay. Raise ``ValueError`` for one without steps."""
        return await self._do("enqueue", waiting=wire.waiting_argument(waiting), head=False)

    async def requeue_at_head(self, waiting: records.Waiting) -> records.Outcome:
        """As :meth:`enqueue`, with a rank before all who wait at the centre now."""
        return await self._do("enqueue", waiting=wire.waiting_argument(waiting), head=True)

    async def leave(self, attempt: str) -> records.Outcome:
        """The attempt waits no more. A seat held for it stays held until :meth:`release` (its phone may ring already)."""
        return await self._do("leave", attempt=attempt)

    async def waiting(self, centre: str) -> list[records.Queued]:
        """Who waits at a centre, in order."""
        return await self._queue(centre, "")

    async def position(self, attempt: str) -> int:
        """Place (from 1) among those at its centre who still look for a seat and share a group with it. 0: it does not wait, or a
        seat is held for it."""
        before: list[set[str]] = []
        for queued in await self._queue("", attempt):
            groups = {group for step in queued.waiting.steps for group in step.groups}
            if queued.waiting.id == attempt:
                return 0 if queued.seat else 1 + sum(1 for others in before if others & groups)
            if not queued.seat:
                before.append(groups)
        return 0

    async def _queue(self, centre: str, attempt: str) -> list[records.Queued]:
        rows = _queues.decode(await self._run("waiting", centre=centre, attempt=attempt))
        return [row.queued() for row in rows]

    async def match(self, centre: str, ttl: float = 30, node: str | None = None) -> records.Round:
        """Hold the best free seat for each who waits, in order, for ``ttl`` seconds. With ``node`` only for that node's attempts:
        the seats that are due to others' are left to them."""
        reply = await self._run("match", centre=centre, ttl=wire.millis(ttl), node=node or "", dry=False)
        return _rounds.decode(reply).round()

    async def next_wakeup(self, centre: str) -> float | None:
        """When time alone next changes something: a step opens, a wrap-up, a mark, a rest, a reservation or a lease ends."""
        reply = await self._run("match", centre=centre, ttl=0, node="", dry=True)
        return _rounds.decode(reply).round().wakeup

    def changes(self) -> changes.Changes:
        """Centres at which a match may find something new, from now on; begins with :data:`changes.EVERY`. Close it."""
        return changes.Changes(self._client, f"{self.prefix}:changes")

    # --- nodes

    async def renew(self, node: str, calls: Iterable[str], waiting: Iterable[str] = ()) -> records.Renewal:
        """This node's calls (and waiting attempts) are alive. Leases run :attr:`machine.Rules.lease` seconds; renew every 5 s or
        so. After an outage of Redis everybody's leases are extended by the first who renews."""
        reply = await self._run("renew", node=node, calls=list(calls), waiting=list(waiting))
        return _renewals.decode(reply)

    async def reset_node(self, node: str) -> records.Outcome:
        """This node starts without its former calls: what they held is free, who waited is gone."""
        return await self._do("reset_node", node=node)

    async def sweep(self) -> records.Outcome:
        """Heal what time has made untrue at all centres: wrap-ups that ended, reservations and leases that ran out, waiting calls
        of dead nodes."""
        return await self._do("sweep")


def _text(value: bytes | str | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value
