"""Calls for the tests of the interface: records, snapshots, people at their seats, and a call core that answers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import select

from config import settings as configuration
from config.settings import Settings
from router.access.actor import system
from router.casework import call_events, cases, town
from router.casework.work import Work
from router.catalog import versions
from router.storage import call_records
from router.storage.casework import Case
from router.storage.journal import JournalEntry
from telephony import contract
from tests.api.parts import Clock, Person, Stand, standing
from tests.calls.responder import Responder, responder
from tests.storage import facts

SEATS = {
    "8001": ("operator", "12345"),
    "8002": ("operator", "12345"),
    "9101": ("police", "110"),
    "9201": ("police", "110-anning"),
    "8090": ("supervisor", "12345"),
    "9090": ("supervisor", "110"),
}
CALLER = "13900139000"


@dataclass
class Floor:
    """A running application, the people at their seats, and what the call core was told."""

    stand: Stand
    core: Responder = field(default_factory=lambda: Responder(""))
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def now(self) -> float:
        return self.stand.clock().timestamp()

    async def at(self, seat: str) -> Person:
        """Whoever sits at a seat, signed in."""
        if seat not in self.people:
            role, unit = SEATS[seat]
            await self.stand.account(role, unit=unit, username=f"at-{seat}", seat=seat)
            self.people[seat] = await self.stand.sign_in(role, unit=unit, username=f"at-{seat}")
        return self.people[seat]

    async def record(self, *events: contract.AnyEvent) -> None:
        """What the worker stores of events."""
        async with self.stand.state.database.write() as session:
            await call_records.apply_all(session, events)

    async def show(self, live: contract.LiveCall) -> None:
        """Let the call core's snapshot be seen."""
        await self.stand.state.redis.hset(contract.LIVE, live.call.id, contract.encode(live))

    async def talk(self, call: str = "c1", *seats: str, **more: Any) -> contract.LiveCall:
        """A talk of a citizen and these seats is going on, recorded and live."""
        now = self.now
        live = talk(call, *(seats or ("8001",)), now=now, **more)
        await self.show(live)
        changed = [facts.event(contract.CallChanged, call, facts=live.call)]
        changed += [facts.event(contract.PartyChanged, call, facts=party) for party in live.parties]
        changed += [facts.event(contract.TransferChanged, call, facts=transfer) for transfer in live.transfers]
        await self.record(*changed)
        return live

    async def furnish(self) -> None:
        """A catalog is in force, so that there can be matters."""
        async with self.stand.state.database.write() as session:
            await versions.ensure_first(session, configuration.DEFAULT_FOLDER / "catalog", "530100", self.stand.clock())

    async def draft(self, call: str = "c1") -> Case:
        """The worker has opened the draft of an answered call."""
        here = town.of(self.stand.state.settings)
        async with self.stand.state.database.write() as session:
            now = self.stand.clock()
            work = Work(session, system("calls"), now, here)
            return await cases.open_draft(work, call=call, centre="12345", caller=CALLER, answered_at=now, seat="8001")

    async def told(self, *events: contract.AnyEvent) -> None:
        """The worker's consumer of casework is given events."""
        async with self.stand.state.database.write() as session:
            await call_events.handler(town.of(self.stand.state.settings))(session, events)

    async def rows(self, model: Any, *where: Any) -> list[Any]:
        async with self.stand.state.database.read() as session:
            return list((await session.scalars(select(model).where(*where))).all())

    async def noted(self, action: str) -> list[JournalEntry]:
        return await self.rows(JournalEntry, JournalEntry.action == action)

    def commands(self) -> list[dict[str, Any]]:
        """Commands that the call core was given, as plain data, without ids."""
        return [_plain(command) for command in self.core.commands]


def _plain(command: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"type": type(command).__name__, **msgspec.to_builtins(command)}
    said.pop("id")
    return said


def talk(call: str, *seats: str, now: float, **more: Any) -> contract.LiveCall:
    """A snapshot of a talk: the citizen, and the seats that speak."""
    centres = {seat: unit for seat, (_, unit) in SEATS.items()}
    base: dict[str, Any] = {
        "id": call,
        "rev": 5,
        "kind": "inbound",
        "centre": centres.get(seats[0], "12345"),
        "called": "12345",
        "caller": CALLER,
        "started_at": now - 60,
        "queued_at": now - 58,
        "answered_at": now - 50,
        "answered_by": seats[0],
        "waited": 8.0,
    }
    parties = [
        contract.PartyFacts(
            id=f"{call}.l1", call=call, rev=2, role="caller", number=CALLER, invited_at=now - 60, joined_at=now - 50
        )
    ]
    for number, seat in enumerate(seats, 2):
        parties.append(
            contract.PartyFacts(
                id=f"{call}.l{number}",
                call=call,
                rev=3,
                role=SEATS[seat][0],  # type: ignore[arg-type]
                seat=seat,
                centre=centres[seat],
                mode="listen" if SEATS[seat][0] == "supervisor" else "",
                invited_at=now - 55,
                joined_at=now - 50,
            )
        )
    transfers = more.pop("transfers", ())
    return contract.LiveCall(call=contract.CallFacts(**{**base, **more}), parties=tuple(parties), transfers=transfers, at=now)


@contextlib.asynccontextmanager
async def floor(settings: Settings, answer: Any = None, **more: Any) -> AsyncIterator[Floor]:
    """An application with a call core beside it."""
    with responder(settings.redis_url, answer) as core:
        async with standing(settings, clock=more.pop("clock", None) or Clock(), **more) as stand:
            yield Floor(stand, core)
