"""A seat (座席) as a value, and every legal change of it: what the board's scripts do in Redis is defined here.

A seat has a *status*, which is what its person wants (available, paused, wrap-up, off), and apart from it a *state*, which is
what its phone does (idle, reserved, ringing, talking). Times are seconds on whatever clock the caller uses; nothing here
reads a clock. Each change takes a seat that is settled (:func:`settle`) at the same ``now`` and returns :class:`Moved`; a change
that is not allowed returns the seat as it was, with ``ok`` false and ``why``.

::

    idle ──reserve──▶ reserved ──ring──▶ ringing ──talk──▶ talking
     ▲  ╲                │ ╲               │                 │
     │   ╲──────talk─────┼──╲──────────────┼──▶ talking      │
     └────release, expiry of the reservation or of the lease─┘
"""

from __future__ import annotations

from typing import Literal

import msgspec

Status = Literal["available", "paused", "wrap-up", "off"]
State = Literal["idle", "reserved", "ringing", "talking"]
Refusal = Literal["", "busy", "paused", "off", "unreachable", "owner", "own"]
"""Why a change was not made. ``off``: no phone is registered or nobody is signed in; ``paused``: paused or in wrap-up;
``unreachable``: the phone did not react a moment ago; ``owner``: the seat is not (any more) held by the one who asks; ``own``: a
seat can't help its own centre."""


class Rules(msgspec.Struct, frozen=True):
    """Times that are the same for all seats of an installation, in seconds."""

    skip: float = 10
    """A seat whose phone did not react is passed over for so long; after that it is tried last."""
    rest: float = 5
    """A seat is not rung again for a call that it has let ring, for so long after."""
    lease: float = 30
    """A talk whose node has not confirmed it for so long is over."""
    remember: float = 900
    """A phone that comes back within this time finds the status its person had chosen."""


class Span(msgspec.Struct, frozen=True):
    """A finished interval of one status, for the statistics."""

    seat: str
    centre: str
    status: Status
    reason: str
    since: float
    until: float


class Help(msgspec.Struct, frozen=True):
    """A seat serves another centre too (异地座席)."""

    centre: str
    groups: tuple[str, ...]
    """In which it serves there, whatever those at its own centre."""
    home: str = ""
    """Where the seat is."""
    exclusive: bool = False
    """Its own centre's queue is not served meanwhile."""


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known about a seat."""

    id: str
    centre: str = ""
    """Empty for duty posts."""
    groups: tuple[str, ...] = ()
    priority: int = 0
    """A lower figure is rung first."""
    registered: bool = False
    """A phone is there."""
    status: Status = "off"
    reason: str = ""
    """Of a pause, or why the seat went off."""
    status_since: float = 0
    wrap_up_until: float | None = None
    """With status ``wrap-up``: its end; None means ended by hand only."""
    state: State = "idle"
    state_since: float = 0
    owner: str = ""
    """The attempt or party that holds the seat while it is not idle."""
    call: str = ""
    node: str = ""
    expires: float | None = None
    """End of the reservation (reserved, ringing) or of the lease (talking)."""
    idle_since: float = 0
    """Since when it has been free: the order among equals."""
    unreachable_at: float | None = None
    """The phone did not react at this time, and has not been heard of since."""
    kept_status: Status | Literal[""] = ""
    """Status before the phone was lost; comes back with the phone."""
    kept_reason: str = ""
    kept_until: float | None = None
    kept_at: float = 0
    helps: tuple[Help, ...] = ()

    @property
    def signed_in(self) -> bool:
        return self.registered and self.status != "off"

    @property
    def free(self) -> bool:
        """May be offered a call (unless it is marked unreachable)."""
        return self.registered and self.status == "available" and self.state == "idle"

    def skipped(self, now: float, rules: Rules) -> bool:
        """Its phone did not react a moment ago."""
        return self.unreachable_at is not None and now < self.unreachable_at + rules.skip

    def helping(self, centre: str) -> Help | None:
        """What this seat does for another centre."""
        return next((one for one in self.helps if one.centre == centre), None)

    def serves(self, centre: str) -> tuple[str, ...]:
        """The groups whose calls at a centre may be offered to this seat."""
        if (help_ := self.helping(centre)) is not None:
            return help_.groups
        away = centre != self.centre or any(one.exclusive for one in self.helps)
        return () if away else self.groups


class Moved(msgspec.Struct, frozen=True):
    seat: Seat
    spans: tuple[Span, ...] = ()
    ok: bool = True
    why: Refusal = ""


def _refuse(seat: Seat, why: Refusal) -> Moved:
    return Moved(seat, (), False, why)


def _status(seat: Seat, status: Status, reason: str, at: float, wrap_up_until: float | None = None) -> Moved:
    until = wrap_up_until if status == "wrap-up" else None
    if (seat.status, seat.reason) == (status, reason):
        return Moved(msgspec.structs.replace(seat, wrap_up_until=until))
    span = Span(seat.id, seat.centre, seat.status, seat.reason, seat.status_since, at)
    idle_since = max(seat.idle_since, at) if status == "available" else seat.idle_since
    return Moved(
        msgspec.structs.replace(seat, status=status, reason=reason, status_since=at, wrap_up_until=until, idle_since=idle_since),
        (span,),
    )


def _freed(seat: Seat, at: float) -> Seat:
    """Idle again. A seat that was only reserved keeps its place among the longest idle: its phone never rang."""
    was_rung = seat.state in ("ringing", "talking")
    return msgspec.structs.replace(
        seat,
        state="idle",
        state_since=at,
        owner="",
        call="",
        node="",
        expires=None,
        idle_since=max(seat.idle_since, at) if was_rung else seat.idle_since,
    )


def _forget_kept(seat: Seat) -> Seat:
    return msgspec.structs.replace(seat, kept_status="", kept_reason="", kept_until=None, kept_at=0)


def settle(seat: Seat, now: float, *, leases: bool = True) -> Moved:
    """Let time do its work: a wrap-up that has ended, a reservation or lease that has run out. ``leases`` false: leases don't
    count (nobody could renew them while Redis was away)."""
    spans: tuple[Span, ...] = ()
    if seat.status == "wrap-up" and seat.wrap_up_until is not None and seat.wrap_up_until <= now:
        moved = _status(seat, "available", "", seat.wrap_up_until)
        seat, spans = moved.seat, moved.spans
    if seat.expires is not None and seat.expires <= now and (seat.state != "talking" or leases):
        seat = _freed(seat, seat.expires)
    return Moved(seat, spans)


def define(seat: Seat, *, groups: tuple[str, ...], priority: int) -> Moved:
    """Take over what the configuration says."""
    return Moved(msgspec.structs.replace(seat, groups=groups, priority=priority))


def join(seat: Seat, wanted: Help) -> Moved:
    """Help another centre, or help it otherwise than before."""
    if seat.centre == wanted.centre:
        return _refuse(seat, "own")
    if seat.helping(wanted.centre) is None:
        return Moved(msgspec.structs.replace(seat, helps=(*seat.helps, wanted)))
    helps = tuple(wanted if one.centre == wanted.centre else one for one in seat.helps)
    return Moved(msgspec.structs.replace(seat, helps=helps))


def withdraw(seat: Seat, centre: str) -> Moved:
    """Help a centre no more. What holds the seat goes on."""
    return Moved(msgspec.structs.replace(seat, helps=tuple(one for one in seat.helps if one.centre != centre)))


def sign_in(seat: Seat, now: float, *, available: bool, rules: Rules) -> Moved:
    """A phone registered, or its contact changed. The mark of an unreachable phone goes. From ``off``: back to what the
    person had chosen before the phone was lost, else available (or off, if seats wait for their desk)."""
    if not seat.registered:
        seat = msgspec.structs.replace(seat, registered=True, idle_since=max(seat.idle_since, now))
    seat = msgspec.structs.replace(seat, unreachable_at=None)
    if seat.status != "off":
        return Moved(_forget_kept(seat))
    kept, reason, until, at = seat.kept_status, seat.kept_reason, seat.kept_until, seat.kept_at
    seat = _forget_kept(seat)
    if kept and now < at + rules.remember:
        if kept == "wrap-up" and until is not None and until <= now:
            return _status(seat, "available", "", now)
        return _status(seat, kept, reason, now, until)
    return _status(seat, "available", "", now) if available else Moved(seat)


def sign_out(seat: Seat, now: float, why: str) -> Moved:
    """The phone is gone. A talk goes on until it is released. ``unregistered`` was meant; anything else is a loss, after which
    the phone finds its status again if it returns soon."""
    seat = msgspec.structs.replace(seat, registered=False)
    if seat.status == "off":
        return Moved(seat)
    if why != "unregistered":
        seat = msgspec.structs.replace(
            seat, kept_status=seat.status, kept_reason=seat.reason, kept_until=seat.wrap_up_until, kept_at=now
        )
    return _status(seat, "off", why, now)


def set_status(seat: Seat, now: float, status: Status, reason: str = "", until: float | None = None) -> Moved:
    """The person's own wish, at once, whatever the phone does. ``available`` ends a wrap-up."""
    return _status(_forget_kept(seat), status, reason, now, until)


def reserve(seat: Seat, now: float, owner: str, call: str, node: str, ttl: float) -> Moved:
    """Hold a free seat for an attempt."""
    if not seat.free:
        return _refuse(seat, "busy")
    return Moved(_held(seat, "reserved", now, owner, call, node, now + ttl))


def claim(seat: Seat, now: float, owner: str, call: str, node: str, ttl: float, *, force: bool, rules: Rules) -> Moved:
    """Hold this very seat. With ``force`` neither its status nor the mark counts, only that it is idle and has a phone."""
    if seat.state != "idle":
        mine = seat.owner == owner and seat.state in ("reserved", "ringing")
        return Moved(seat) if mine else _refuse(seat, "busy")
    if not seat.registered or (seat.status == "off" and not force):
        return _refuse(seat, "off")
    if not force and seat.status != "available":
        return _refuse(seat, "paused")
    if not force and seat.skipped(now, rules):
        return _refuse(seat, "unreachable")
    return Moved(_held(seat, "reserved", now, owner, call, node, now + ttl))


def ring(seat: Seat, now: float, owner: str, ttl: float) -> Moved:
    """The phone rings for the one who reserved it."""
    if seat.owner != owner or seat.state not in ("reserved", "ringing"):
        return _refuse(seat, "owner")
    since = seat.state_since if seat.state == "ringing" else now
    return Moved(msgspec.structs.replace(seat, state="ringing", state_since=since, expires=now + ttl))


def talk(seat: Seat, now: float, owner: str, call: str, node: str, rules: Rules) -> Moved:
    """The phone was answered: by the owner of the reservation, or of a seat whose reservation had just run out."""
    if seat.state != "idle" and seat.owner != owner:
        return _refuse(seat, "owner")
    return Moved(_talking(seat, now, owner, call, node, rules))


def busy_by_own_call(seat: Seat, now: float, owner: str, call: str, node: str, rules: Rules) -> Moved:
    """The seat dials: a fact that ends any reservation of others. A seat already in a talk keeps that one."""
    if seat.state == "talking" and seat.owner != owner:
        return _refuse(seat, "busy")
    return Moved(_talking(seat, now, owner, call, node, rules))


def release(seat: Seat, now: float, owner: str, wrap_up_until: float | None, unreachable: bool) -> Moved:
    """Free the seat if ``owner`` still holds it. Wrap-up follows unless the person has asked for a pause meanwhile; a
    running wrap-up is never shortened."""
    if seat.state == "idle" or seat.owner != owner:
        return _refuse(seat, "owner")
    seat = _freed(seat, now)
    if unreachable:
        seat = msgspec.structs.replace(seat, unreachable_at=now)
    if wrap_up_until is None or wrap_up_until <= now:
        return Moved(seat)
    if seat.status == "off" and seat.kept_status == "available":
        return Moved(msgspec.structs.replace(seat, kept_status="wrap-up", kept_reason="", kept_until=wrap_up_until))
    if seat.status == "wrap-up":
        running = seat.wrap_up_until
        until = None if running is None else max(running, wrap_up_until)
        return Moved(msgspec.structs.replace(seat, wrap_up_until=until))
    if seat.status == "available":
        return _status(seat, "wrap-up", "", now, wrap_up_until)
    return Moved(seat)


def renew(seat: Seat, now: float, rules: Rules) -> Moved:
    """The node confirms the talk."""
    if seat.state != "talking":
        return _refuse(seat, "owner")
    return Moved(msgspec.structs.replace(seat, expires=now + rules.lease))


def free(seat: Seat, now: float) -> Moved:
    """Its node has started anew and knows nothing of what held it."""
    return Moved(seat if seat.state == "idle" else _freed(seat, now))


def _held(seat: Seat, state: State, now: float, owner: str, call: str, node: str, expires: float) -> Seat:
    return msgspec.structs.replace(seat, state=state, state_since=now, owner=owner, call=call, node=node, expires=expires)


def _talking(seat: Seat, now: float, owner: str, call: str, node: str, rules: Rules) -> Seat:
    since = seat.state_since if seat.state == "talking" else now
    held = _held(seat, "talking", since, owner, call, node, now + rules.lease)
    return msgspec.structs.replace(held, unreachable_at=None)
