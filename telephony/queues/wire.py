"""The JSON that the Lua scripts read and write, and its translation: milliseconds, 0 for no time, ids joined by commas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from telephony.machines import seat as machine
from telephony.queues import records


class HelpRow(msgspec.Struct, array_like=True):
    centre: str
    groups: str
    home: str
    exclusive: bool

    def help(self) -> machine.Help:
        return machine.Help(self.centre, split(self.groups), self.home, self.exclusive)


_helps = msgspec.json.Decoder(list[HelpRow])


class SeatRow(msgspec.Struct):
    id: str
    centre: str
    groups: str
    priority: int
    registered: bool
    status: machine.Status
    status_since: float
    state: machine.State
    state_since: float
    idle_since: float
    reason: str = ""
    wrap_until: float = 0
    owner: str = ""
    call: str = ""
    node: str = ""
    expires: float = 0
    unreachable_at: float = 0
    kept_status: str = ""
    kept_reason: str = ""
    kept_until: float = 0
    kept_at: float = 0
    helps: str = ""
    """Itself JSON, so that the scripts pass it on as it is."""

    def seat(self) -> machine.Seat:
        return machine.Seat(
            id=self.id,
            centre=self.centre,
            groups=split(self.groups),
            priority=self.priority,
            registered=self.registered,
            status=self.status,
            reason=self.reason,
            status_since=seconds(self.status_since),
            wrap_up_until=maybe(self.wrap_until),
            state=self.state,
            state_since=seconds(self.state_since),
            owner=self.owner,
            call=self.call,
            node=self.node,
            expires=maybe(self.expires),
            idle_since=seconds(self.idle_since),
            unreachable_at=maybe(self.unreachable_at),
            kept_status=self.kept_status,  # type: ignore[arg-type]
            kept_reason=self.kept_reason,
            kept_until=maybe(self.kept_until),
            kept_at=seconds(self.kept_at),
            helps=tuple(row.help() for row in _helps.decode(self.helps)) if self.helps else (),
        )


class SpanRow(msgspec.Struct):
    seat: str
    centre: str
    status: machine.Status
    reason: str
    since: float
    till: float

    def span(self) -> machine.Span:
        since, until = seconds(self.since), seconds(self.till)
        return machine.Span(self.seat, self.centre, self.status, self.reason, since, until)


class ChangeRow(msgspec.Struct):
    at: float
    seat: SeatRow
    span: SpanRow | None

    def change(self) -> records.SeatChange:
        span = self.span.span() if self.span else None
        return records.SeatChange(seconds(self.at), self.seat.seat(), span)


class DoneRow(msgspec.Struct):
    ok: bool
    why: records.Why
    changes: list[ChangeRow]

    def outcome(self) -> records.Outcome:
        return records.Outcome(self.ok, self.why, tuple(row.change() for row in self.changes))


class OfferRow(msgspec.Struct):
    attempt: str
    call: str
    seat: str
    step: int
    node: str
    expires: float
    home: str


class RoundRow(msgspec.Struct):
    offers: list[OfferRow]
    hopeless: list[records.Hopeless]
    wakeup: float
    done: DoneRow

    def round(self) -> records.Round:
        offers = tuple(records.Offer(o.attempt, o.call, o.seat, o.step, o.node, seconds(o.expires), o.home) for o in self.offers)
        changes = self.done.outcome().changes
        return records.Round(offers, tuple(self.hopeless), maybe(self.wakeup), changes)


class StepRow(msgspec.Struct):
    groups: str
    wait: float


class WaitingRow(msgspec.Struct):
    id: str
    call: str
    centre: str
    steps: list[StepRow]
    rank: int
    since: float
    node: str
    again: bool
    exclude: str = ""
    offer: str = ""

    def queued(self) -> records.Queued:
        waiting = records.Waiting(
            id=self.id,
            call=self.call,
            centre=self.centre,
            steps=tuple(records.Step(split(s.groups), seconds(s.wait)) for s in self.steps),
            rank=self.rank,
            since=seconds(self.since),
            node=self.node,
            exclude=split(self.exclude),
            again=self.again,
        )
        return records.Queued(waiting, self.offer)


def waiting_argument(waiting: records.Waiting) -> dict[str, Any]:
    """Raise ``ValueError`` for an attempt that no seat could ever serve."""
    if not waiting.steps or not all(step.groups for step in waiting.steps):
        raise ValueError(f"attempt {waiting.id} has no steps, or a step without groups: give at least one group a step")
    return {
        "id": waiting.id,
        "call": waiting.call,
        "centre": waiting.centre,
        "steps": [{"groups": joined(step.groups), "wait": millis(step.wait)} for step in waiting.steps],
        "rank": waiting.rank,
        "since": millis(waiting.since),
        "node": waiting.node,
        "exclude": joined(waiting.exclude),
        "again": waiting.again,
    }


def millis(value: float) -> int:
    return round(value * 1000)


def seconds(value: float) -> float:
    return value / 1000


def maybe(value: float) -> float | None:
    return value / 1000 if value else None


def joined(ids: Iterable[str]) -> str:
    """Raise ``ValueError`` for an id that can't be joined."""
    ids = tuple(ids)
    for one in ids:
        if not one or "," in one:
            raise ValueError(f"{one!r} is no id: ids are not empty and have no comma")
    return ",".join(ids)


def split(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()
