"""The call core's events as live events: what changes of calls, parties, transfers and seats, for the centres involved."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog
from sqlalchemy import select

from api.calls import service
from api.events.sources import Raw, Told
from api.kit.state import State
from router.access import calls as reach
from router.access import roles
from router.access.actor import Actor
from router.calls_client import CallCoreError, CallsClient
from router.storage.base import moment
from router.storage.calls import Call, Party, Transfer
from telephony import contract

log = structlog.get_logger()
KEPT = 5000
"""Calls whose centres are remembered; of others they are read again."""


@dataclass(slots=True)
class Involved:
    """Centres and seats that a call has to do with; they only become more."""

    centres: set[str] = field(default_factory=set)
    seats: set[str] = field(default_factory=set)

    def add(self, centres: Iterable[str | None], seat: str = "") -> None:
        self.centres.update(centre for centre in centres if centre)
        if seat:
            self.seats.add(seat)


class CallEvents:
    """The event stream of the call core."""

    stream = contract.EVENTS

    def __init__(self, state: State) -> None:
        self._state = state
        self._lines = service.lines(state)
        self._calls: OrderedDict[str, Involved] = OrderedDict()

    async def read(self, raw: Raw) -> list[Told]:
        events: list[tuple[str, contract.AnyEvent]] = []
        for place, fields in raw:
            try:
                events.append((place.decode(), contract.decode_event(fields.get(contract.FIELD.encode(), b""))))
            except msgspec.MsgspecError:
                continue  # the worker keeps it as a dead letter, with the reason
        await self._learn({event.call for _, event in events if event.call})
        for _, event in events:
            self._involve(event)
        told = (self._told(place, event) for place, event in events)
        return [one for one in told if one is not None]

    # --- who is involved

    async def _learn(self, calls: set[str]) -> None:
        """Read the centres of calls that are not known here: their events may have come before this process."""
        fresh = [call for call in calls if call not in self._calls]
        for call in calls:
            self._calls.setdefault(call, Involved())
            self._calls.move_to_end(call)
        while len(self._calls) > max(KEPT, len(calls)):
            self._calls.popitem(last=False)
        if fresh:
            await self._recorded(fresh)
            await self._live(fresh)

    async def _recorded(self, calls: list[str]) -> None:
        async with self._state.database.read() as session:
            for call, *centres in await session.execute(
                select(Call.id, Call.centre, Call.overflowed_to).where(Call.id.in_(calls))
            ):
                self._calls[call].add(centres)
            for call, centre, seat in await session.execute(
                select(Party.call_id, Party.centre, Party.seat).where(Party.call_id.in_(calls))
            ):
                self._calls[call].add([centre], seat)
            for call, *centres in await session.execute(
                select(Transfer.call_id, Transfer.from_centre, Transfer.to_centre).where(Transfer.call_id.in_(calls))
            ):
                self._calls[call].add(centres)

    async def _live(self, calls: list[str]) -> None:
        client = CallsClient(self._state.redis)
        try:
            for call in calls:
                if (found := await client.live_call(call)) is not None:
                    self._calls[call].centres.update(reach.centres_of(found))
                    self._calls[call].seats.update(party.seat for party in found.parties if party.seat)
        except CallCoreError as error:
            log.debug("events.live_calls_away", error=str(error))

    def _involve(self, event: contract.AnyEvent) -> None:
        known = self._calls.get(event.call) if event.call else None
        if known is None:
            return
        match event:
            case contract.CallChanged(facts=facts):
                known.add([facts.centre, facts.overflowed_to])
            case contract.PartyChanged(facts=facts):
                known.add([facts.centre], facts.seat)
            case contract.TransferChanged(facts=facts):
                known.add([facts.from_centre, facts.to_centre])

    # --- what is told

    def _told(self, place: str, event: contract.AnyEvent) -> Told | None:
        match event:
            case contract.CallChanged(facts=facts):
                topic, body = "call.changed", _call(facts)
            case contract.PartyChanged(facts=facts):
                topic, body = "party.changed", _party(facts)
            case contract.TransferChanged(facts=facts):
                topic, body = "transfer.changed", _transfer(facts)
            case contract.RecordingReady():
                topic, body = "recording.ready", _recording(event)
            case contract.SeatChanged():
                topic, body = "seat.changed", _seat(event)
            case _:
                return None
        return Told(place, event.id, _moment(event.at), topic, body, self._audience(event))

    def _audience(self, event: contract.AnyEvent) -> Callable[[Actor], bool]:
        lines = self._lines
        if isinstance(event, contract.SeatChanged):
            centres, seats = frozenset({event.centre} - {""}), frozenset({event.seat})
            return lambda actor: roles.may(actor, "seat.read") and reach.sees(actor, lines, centres, seats)
        known = self._calls.get(event.call) or Involved()
        party = event.facts if isinstance(event, contract.PartyChanged) else None

        def seen_by(actor: Actor) -> bool:
            shown = party is None or reach.shows(actor, party)
            return shown and roles.may(actor, "call.read") and reach.sees(actor, lines, known.centres, known.seats)

        return seen_by


def _moment(at: float) -> dt.datetime:
    try:
        return moment(at)
    except (ValueError, OverflowError):
        return moment(0)


def _when(**moments: float | None) -> dict[str, str | None]:
    return {name: _moment(at).isoformat() if at is not None else None for name, at in moments.items()}


def _call(facts: contract.CallFacts) -> dict[str, Any]:
    return {
        "call": facts.id,
        "rev": facts.rev,
        "kind": facts.kind,
        "centre": facts.centre,
        "overflowed_to": facts.overflowed_to,
        "answered_by": facts.answered_by,
        "end_cause": facts.end_cause,
        "after": facts.after,
        **_when(started_at=facts.started_at, queued_at=facts.queued_at, answered_at=facts.answered_at, ended_at=facts.ended_at),
    }


def _party(facts: contract.PartyFacts) -> dict[str, Any]:
    return {
        "call": facts.call,
        "party": facts.id,
        "rev": facts.rev,
        "role": facts.role,
        "seat": facts.seat,
        "centre": facts.centre,
        "home": facts.home,
        "end_cause": facts.end_cause,
        "via_transfer": facts.via_transfer,
        "mode": facts.mode,
        **_when(invited_at=facts.invited_at, ringing_at=facts.ringing_at, joined_at=facts.joined_at, left_at=facts.left_at),
    }


def _transfer(facts: contract.TransferFacts) -> dict[str, Any]:
    return {
        "call": facts.call,
        "transfer": facts.id,
        "rev": facts.rev,
        "kind": facts.kind,
        "dangerous": facts.dangerous,
        "by": facts.by,
        "asker_seat": facts.asker_seat,
        "from_centre": facts.from_centre,
        "to_centre": facts.to_centre,
        "answered_by": facts.answered_by,
        "outcome": facts.outcome,
        "went_back_to": facts.went_back_to,
        **_when(
            started_at=facts.started_at,
            ringing_at=facts.ringing_at,
            answered_at=facts.answered_at,
            ended_at=facts.ended_at,
            asker_left_at=facts.asker_left_at,
        ),
    }


def _recording(event: contract.RecordingReady) -> dict[str, Any]:
    return {
        "call": event.call,
        "recording": event.recording,
        "seconds": event.seconds,
        "repaired": event.repaired,
        "caller_silent": event.caller_silent,
        **_when(started_at=event.started_at),
    }


def _seat(event: contract.SeatChanged) -> dict[str, Any]:
    return {
        "seat": event.seat,
        "centre": event.centre,
        "status": event.status,
        "reason": event.reason,
        "state": event.state,
        "helps": list(event.helps),
    }
