"""Looks into a running installation without starting a program for each look: live calls, seats, records; and commands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
import redis

from config import settings as configuration
from hotline import calls_ask
from robots.town import Town
from router import calls_client
from router.storage import call_records
from router.storage.call_records import CallFilter, CallRecord, CallSummary
from router.storage.engine import Database
from telephony import contract

T = TypeVar("T")


class Seat(msgspec.Struct, frozen=True):
    """What the board keeps of a seat (nothing that is as it mostly is); of its many facts those that tests ask for."""

    registered: bool = False
    status: contract.SeatStatus = "off"
    reason: str = ""
    state: contract.SeatState = "idle"
    owner: str = ""
    unreachable_at: float = 0
    """0: its phone reacts."""


_seats = msgspec.json.Decoder(Seat)


class Look:
    """One town's eyes and hands. ``until`` asks again until something is so; the waits end with the event."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.settings = configuration.load(env=town.environment)
        self._redis: Any = redis.Redis.from_url(self.settings.redis_url)
        self._threads = ThreadPoolExecutor(16)

    def close(self) -> None:
        self._redis.close()
        self._threads.shutdown()

    def _run(self, question: Coroutine[Any, Any, T]) -> T:
        """In another thread: this one may have a reactor."""
        return self._threads.submit(asyncio.run, question).result()

    # --- live state

    def live(self) -> list[contract.LiveCall]:
        found = [contract.decode_live(data) for data in self._redis.hgetall(contract.LIVE).values()]
        return sorted(found, key=lambda one: one.call.started_at)

    def live_call(self, number: str, kind: str = "") -> contract.LiveCall:
        """The newest live call of a citizen's number; waits for it."""

        def look() -> contract.LiveCall | None:
            fits = [one for one in self.live() if one.call.caller == number and kind in ("", one.call.kind)]
            return fits[-1] if fits else None

        found: contract.LiveCall = self.town.until(look, f"a live call of {number}")
        return found

    def party(self, call: str, seat: str) -> contract.PartyFacts:
        """A seat's newest party in a live call that has not left."""

        def look() -> contract.PartyFacts | None:
            parties = [p for one in self.live() if one.call.id == call for p in one.parties]
            return next((p for p in reversed(parties) if p.seat == seat and p.left_at is None), None)

        found: contract.PartyFacts = self.town.until(look, f"seat {seat} in call {call}")
        return found

    def calls_over(self) -> None:
        """No call is in progress any more."""
        self.town.until(lambda: not self.live(), "all calls to be over")

    # --- seats

    def seat(self, seat: str) -> Seat:
        """A seat as the board has it."""
        centre = (self._redis.hget(f"{contract.STREAM_PREFIX}:seat-centre", seat) or b"").decode()
        row = self._redis.hget(f"{contract.STREAM_PREFIX}:seats:{centre}", seat)
        assert row is not None, f"the board knows no seat {seat}"
        return _seats.decode(row)

    def seat_is(self, seat: str, **facts: Any) -> Seat:
        """Wait until a seat is so (``status="wrap-up"``, ``state="idle"`` …)."""

        def look() -> Seat | None:
            found = self.seat(seat)
            return found if all(getattr(found, name) == value for name, value in facts.items()) else None

        found: Seat = self.town.until(look, f"seat {seat} to be {facts}")
        return found

    # --- records

    def calls(self, **wanted: Any) -> list[CallSummary]:
        """Recorded and live calls that fit a :class:`CallFilter`, the newest first."""
        listed, _ = self._run(calls_ask.list_calls(self.settings, CallFilter(**wanted), limit=200, page=1))
        return list(listed.calls)

    def record(self, call: str) -> CallRecord | None:
        found, _ = self._run(calls_ask.show_call(self.settings, call))
        return found

    def ended(self, call: str, *, recording: bool = False) -> CallRecord:
        """The record of a call that has ended, complete with what was ``recording`` when asked for; waits for it."""

        def look() -> CallRecord | None:
            found = self.record(call)
            over = found is not None and found.call is not None and not found.call.live
            return found if found is not None and over and (found.recordings or not recording) else None

        found: CallRecord = self.town.until(look, f"the record of call {call}")
        return found

    def last(self, number: str, kind: str = "inbound", *, recording: bool = False) -> CallRecord:
        """The record of a number's newest call, when it has ended."""

        def look() -> str:
            found = self.calls(caller=number, kind=kind)
            return found[0].id if found else ""

        return self.ended(self.town.until(look, f"a record of {number}"), recording=recording)

    def seat_history(self, seat: str) -> list[call_records.SeatHistory]:
        """A seat's recorded changes, the newest first."""

        async def question() -> list[call_records.SeatHistory]:
            database = Database(self.settings.database_url)
            try:
                async with database.read() as session:
                    return await call_records.seat_history(session, seat)
            finally:
                await database.close()

        return self._run(question())

    # --- commands

    def ask(self, question: Callable[[calls_client.CallsClient], Awaitable[T]]) -> T:
        return self._run(calls_ask.with_client(self.settings, question))

    def do(self, kind: type[contract.Command], /, **fields: Any) -> contract.CommandDone:
        """Give a command and return its answer, good or bad."""
        command: Any = kind(**{"id": calls_client.new_id(), "by": "test", **fields})
        return self.ask(lambda client: client.send(command))

    def page(self, to: str, **fields: Any) -> contract.PageDone:
        """Page somebody and wait for how it ended."""
        speech = fields.pop("speech", (contract.Text("请注意。"),))
        command = contract.Page(id=calls_client.new_id(), to=to, speech=speech, **fields)
        done, ended = self.ask(lambda client: client.page(command, within=60))
        assert ended is not None, done
        return ended

    def status(self, seat: str, status: str, reason: str = "") -> None:
        done = self.do(contract.SetSeatStatus, seat=seat, status=status, reason=reason)
        assert done.ok, done
